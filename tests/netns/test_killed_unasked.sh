#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# As test_killed.sh, while gwd itself changes things: it takes back what nobody confirmed, or ends what has an end. Both
# are done by the next gwd, once, and nobody else's change is lost by it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/killed.sh"

two_nics
gwd_start gateway
gwd_kill gateway
while [ "$rounds" -gt 0 ]; do
	rounds=$((rounds - 1))
	for step in $steps; do
		killed "killed at revert/$step" $((patience * 3)) "revert/$step" revert
		killed "killed at end/$step" $((patience * 3)) "end/$step" end
	done
done
hundreds
finish
