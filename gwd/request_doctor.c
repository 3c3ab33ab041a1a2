/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One page of findings; which page, and the answers to its probes, are in the call. */
#include "request_doctor.h"

#include "request_why.h"
#include "util.h"

static json_t *finding(const struct fault *f)
{
	json_t *ret = json_pack("{s:s, s:s, s:o}", "severity", severity_names[f->severity], "about", f->about, "text",
				varlink_text(f->text));

	if (f->remedy)
		json_object_set_new(ret, "remedy", varlink_text(f->remedy));
	if (f->forward)
		json_object_set_new(ret, "forward", json_string(f->forward));
	return ret;
}

static json_t *reply(const struct diagnosis *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(list, finding(&d->faults[i]));
	json_t *ret = json_pack("{s:o, s:o}", "findings", list, "probes", request_probes(d->probes, d->n_probes));
	if (d->next)
		json_object_set_new(ret, "next", json_integer((json_int_t)d->next));
	return ret;
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
		varlink_reply(call, reply(&d));
	}
}
