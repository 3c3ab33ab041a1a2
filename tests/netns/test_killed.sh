#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 while several clients change things at once: at every step of the road (a gwd with named places to die at), and
# at random moments. What was answered is there afterwards, in database and kernel alike; what was not is there as a
# whole or not at all. GWD_KILL_ROUNDS=50 sh tests/netns/test_killed.sh goes on for half an hour.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/killed.sh"

places() { # named in the sources, but of damaged files
	(cd "$top" && grep -ohE 'ROAD_KILLPOINT\("[^"]+"' gwd/*.c | cut -d '"' -f 2)
	(cd "$top" && grep -ohE '\<KILLPOINT\("[^"]+", "[^"]+"' gwd/*.c | cut -d '"' -f 2,4 | tr '"' / | grep -v '^damaged/')
}
own="change/before-reply confirm/after-commit confirm/before-commit start/begun start/opened"
places | sort >"$work/places"
# shellcheck disable=SC2046,SC2086 # words
# A turn that several changes share has the same.
is "these are all places" "$(printf '%s\n' $own $steps $(printf 'change/%s\n' $steps) | sort)" cat "$work/places"

two_nics
gwd_start gateway
gwd_kill gateway
while [ "$rounds" -gt 0 ]; do
	rounds=$((rounds - 1))
	for point in $own; do killed "killed at $point" "$patience" "$point" "${point%%/*}"; done
	for step in $steps; do
		killed "killed at start/$step" "$patience" "start/$step" start
		nth=$(random 1 25)
		killed "killed at change/$step, pass $nth" "$patience" "change/$step=$nth" change
	done
	for _ in 1 2 3 4 5; do
		after=0.$(random 100 500)
		killed "killed from outside after $after s" "$after" "" ""
	done
done
hundreds
finish
