#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The budgets: a file has at most 600 lines, a function 60, nesting goes 3 deep in it. Functions are taken to begin with
# "{" and end with "}" in the first column, and to be indented with tabs (.clang-format), which is near enough.
set -u
cd "$(dirname "$0")/.." || exit 1

# shellcheck disable=SC2046 # names of ours, without blanks
awk '
function wrong(where, why) {
	printf "%s:%d: %s\n", FILENAME, where, why
	mistakes++
}
FNR == 1 && previous { over(previous, lines) }
function over(file, n) {
	if (n > 600) {
		printf "%s: %d lines, at most 600\n", file, n
		mistakes++
	}
}
{ previous = FILENAME; lines = FNR }
FILENAME ~ /[.]c$/ && /^{/ { start = FNR; deepest = 0 }
start && /^}/ {
	if (FNR - start - 1 > 60)
		wrong(start, "a function of " FNR - start - 1 " lines, at most 60")
	if (deepest > 3)
		wrong(deepest_at, "nested " deepest " deep, at most 3")
	start = 0
}
start && /^\t+(} else )?(if|for|while|switch|do|[a-z_]+_foreach)[^a-z_]/ {
	match($0, /^\t+/)
	if (RLENGTH > deepest) {
		deepest = RLENGTH
		deepest_at = FNR
	}
}
END {
	over(previous, lines)
	exit mistakes > 0
}' $(find gwd gwctl tests -name '*.[ch]' | sort) && echo "sizes: all within the budgets"
