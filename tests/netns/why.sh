# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154 # lib.sh sets them
# Sourced after lib.sh by test_why*.sh. Each thing that can be broken is seen four times: healthy, with every step ✓ and
# a packet that passes; broken, with a packet that does not and the first cause named; cured, by the very command that
# was told; and healthy again.
#
#   asks="80"                               what `gwctl why` is asked from here on
#   passes() { ask client tcp ... }         the packet that it is about

passes() { [ "$(ask client tcp 203.0.113.1 80)" = "server 203.0.113.9 80" ]; }
asks=80

why() {
	# shellcheck disable=SC2086 # words
	ctl gateway why $asks
}

# The first step that is not ✓, "✗ route  10.0.0.2 is ...": what is certain is the first cause, wherever it is.
first_cause() { printf '%s\n' "$1" | sed -n '/^✗/{p;q;}' | grep . || printf '%s\n' "$1" | sed -n '/^?/{p;q;}'; }
remedy_of() { printf '%s\n' "$1" | sed -n '$s/^m*[a-z ]* not pass: [a-z ]*: //p'; }
# "NOW, and for good: LATER", "HERE, or on 10.0.0.2: THERE"
now() { sed 's/, and for good: .*//; s/, or .*//; s/, then / \&\& /'; }

healthy() { # DESCRIPTION
	said=$(why 2>&1)
	status=$?
	if [ $status = 0 ] && [ "$(printf '%s\n' "$said" | tail -n 1)" = passes ] && ! printf '%s\n' "$said" | grep -q -e '^✗' -e '^?'; then
		ok "$1: every step is fine"
	else
		fail "$1: every step is fine" "exit $status
$said"
	fi
	check "$1: it passes" passes
}

named() { # DESCRIPTION MARK STEP PATTERN: the first cause; $told is its remedy
	said=$(why 2>&1)
	status=$?
	mark=$2
	wanted=1
	[ "$2" != '?' ] || { mark='[?]' && wanted=0; }
	told=$(remedy_of "$said")
	if [ $status = $wanted ] && first_cause "$said" | grep -qE -e "^$mark $3 +$4"; then
		ok "$1: named as the first cause"
	else
		fail "$1: named as the first cause" "exit $status, wanted '$2 $3 $4', of
$said"
	fi
}

broken() { # DESCRIPTION MARK STEP PATTERN
	check_not "$1: nothing passes" passes
	named "$@"
}

run() { on gateway env GWD_SOCKET="$work/gateway/gwd.sock" PATH="$build:$PATH" sh -ec "$1"; } # COMMAND

cured() { # DESCRIPTION [SED-PROGRAM]: what was told is done, with what only a person knows put in
	what=$1
	do=$(printf '%s\n' "$told" | now | sed "${2-}")
	if said=$([ -n "$do" ] && run "$do" 2>&1); then ok "$what: its command can be done: $do"; else fail "$what: its command can be done" "$do
$said"; fi
	eventually passes
	healthy "$what, cured"
}
