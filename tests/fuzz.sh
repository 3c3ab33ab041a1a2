#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# One fuzz target, in tests/sandbox: what golden cases make of it, then what libFuzzer makes of that.
#   tests/fuzz.sh NAME             a few hundred to thousand inputs, always the same ones; TAP
#   tests/fuzz.sh NAME SECONDS     for so long; what reached new code is kept in $B/fuzz/found-NAME for the next time
#   tests/fuzz.sh NAME FILE        one input; with GWD_VERBOSE=1 gwd says what it does
# B: where the build is. An input that breaks something is left as $B/fuzz/NAME-crash-... (-leak-, -timeout-).
set -u

name=${1:?which fuzz target?}
how=${2-}
what=${name#fuzz_}
built=${B:?}/fuzz
corpus=${TMPDIR:?}/corpus
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}" UBSAN_OPTIONS=print_stacktrace=1

[ -x "$built/$name" ] || {
	echo "1..0 # SKIP clang with libFuzzer makes it: sh packaging/deps.sh --dev"
	exit
}
# The links of a gateway, for what looks at them.
ip -batch - <<-END || exit
	link add wan0 type veth peer name lan0
	address add 203.0.113.5/24 dev wan0
	address add 192.168.1.1/24 dev lan0
	link set wan0 up
	link set lan0 up
	route add default via 203.0.113.1
END
[ ! -f "$how" ] || exec "$built/$name" "$how"
mkdir "$corpus" || exit
for f in tests/golden/*/gwd.yaml; do
	case $what in
	config) cp "$f" "$corpus/$(basename "$(dirname "$f")")" ;;
	*) "$built/corpus" "$what" "$f" "$corpus/$(basename "$(dirname "$f")")" ;;
	esac || exit
done
# Words of all that can be read, for libFuzzer to put somewhere.
grep -ohE '[A-Za-z_+-]{3,}' gwd/org.gwd.Gateway.varlink conf/gwd.schema.json gwd/nft_foreign.c |
	sort -u | sed 's/.*/"&"/' >"$TMPDIR/words"

if [ -n "$how" ]; then
	mkdir -p "$built/found-$name"
	set -- -max_total_time="$how" "$built/found-$name"
else
	case $what in config | netlink) runs=8000 ;; *) runs=400 ;; esac # the others start a gwd for each
	set -- -seed=1 -runs=$runs
fi
if "$built/$name" -dict="$TMPDIR/words" -timeout=20 -rss_limit_mb=2048 -max_len=20000 -print_final_stats=1 \
	-artifact_prefix="$built/$name-" "$@" "$corpus" >"$TMPDIR/said" 2>&1; then
	sed -n 's/^stat::number_of_executed_units: */# inputs: /p' "$TMPDIR/said"
	echo "ok 1 - $what: no crash, leak or hang"
else
	grep -vE '^(#[0-9]|	NEW_FUNC)' "$TMPDIR/said" | tail -n 40 | cut -c 1-300 | sed 's/^/# /'
	echo "not ok 1 - $what: no crash, leak or hang"
fi
echo "1..1"
