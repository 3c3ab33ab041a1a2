/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One page of findings; which page, and the answers to its probes, are in the call. */
#include "request_doctor.h"

#include "jput.h"
#include "request_json.h"
#include "request_why.h"
#include "util.h"

static void put_findings(struct buf *out, const struct diagnosis *d)
{
	jput_list(out, "findings");
	for (size_t i = 0; i < d->n; i++) {
		const struct fault *f = &d->faults[i];

		jput_object(out, NULL);
		jput_text(out, "severity", severity_names[f->severity]);
		jput_text(out, "about", f->about);
		jput_text(out, "text", f->text);
		request_remedy(out, &f->remedy);
		jput_text(out, "forward", f->forward);
		jput_end(out, '}');
	}
	jput_end(out, ']');
}

static void reply(struct varlink_call *call, const struct diagnosis *d)
{
	struct buf *out = varlink_begin(call);

	put_findings(out, d);
	request_probes(out, d->probes, d->n_probes);
	jput_nonzero(out, "next", (int64_t)d->next);
	varlink_reply(call);
}

void request_doctor(struct varlink_call *call)
{
	const struct request_context *context = call->ctx;
	_cleanup_(freep) struct probe *asked = xcalloc(DOCTOR_PROBES_MAX, sizeof(*asked));
	_cleanup_(diagnosis_free) struct diagnosis d = {0};
	json_int_t first = json_integer_value(json_object_get(call->parameters, "first"));
	size_t n;

	if (first < 0)
		varlink_invalid_parameter(call, "first");
	else if (!request_probes_read(json_object_get(call->parameters, "probes"), asked, DOCTOR_PROBES_MAX, &n))
		varlink_invalid_parameter(call, "probes");
	else {
		gwd_doctor(context->gwd, (size_t)first, asked, n, &d);
		reply(call, &d);
	}
}
