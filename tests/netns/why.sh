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
	ctl gateway why $asks "$@"
}

# The first step that is not ✓, "✗ route  10.0.0.2 is ...": what is certain is the first cause, wherever it is.
first_cause() { printf '%s\n' "$1" | sed -n '/^✗/{p;q;}' | grep . || printf '%s\n' "$1" | sed -n '/^?/{p;q;}'; }
remedy_of() { printf '%s\n' "$1" | sed -n 's/^[a-z]* not pass: [a-z ]*: //p' | tail -n 1; }
lasting_of() { printf '%s\n' "$1" | sed -n 's/^for good: //p'; }
# What a shell may be given as it is, for the last cause: "" where there are only words.
command_now() { why -o json 2>/dev/null | "$python" -IS -c 'import json, sys; print(json.load(sys.stdin)["cause"].get("remedy", ""))'; }
# Words: "HERE, or THERE", "THIS, then THAT"
now() { sed 's/, or .*//; s/, then / \&\& /'; }

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

soon() { (export GWD_TIMEOUT=0.5; "$@"); } # COMMAND...: what is not to succeed need not be waited for

broken() { # DESCRIPTION MARK STEP PATTERN
	check_not "$1: nothing passes" soon passes
	named "$@"
}

run() { on gateway env GWD_SOCKET="$work/gateway/gwd.sock" PATH="$build:$PATH" sh -ec "$1"; } # COMMAND

cured() { # DESCRIPTION [SED-PROGRAM]: what was told is done, with what only a person knows put in
	what=$1
	do=$(printf '%s\n' "$told" | now | sed "${2-}")
	if [ $# -gt 1 ]; then
		is "$what: what it is told has gaps, and is no command" "" command_now
	else
		check "$what: what it is told is a command as it is" test -n "$(command_now)"
	fi
	if said=$([ -n "$do" ] && run "$do" 2>&1); then ok "$what: its command can be done: $do"; else fail "$what: its command can be done" "$do
$said"; fi
	eventually passes
	healthy "$what, cured"
}

sysctl() { on "$1" sh -c "echo $3 >/proc/sys/net/$2"; } # HOST NAME VALUE

# client 203.0.113.9 -- 203.0.113.1 wan gateway lan 10.0.0.1 -- switch -- server 10.0.0.2, pc 10.0.0.3
switched() {
	host client gateway switch server pc
	wire client:eth0 gateway:wan
	wire client:eth1 gateway:aux
	wire gateway:lan switch:gateway
	wire server:eth0 switch:server
	wire pc:eth0 switch:pc
	bridge_up switch br0 gateway server pc
	addr client eth0 203.0.113.9/24 2001:db8::9/64
	addr client eth1 192.0.2.9/24
	addr client lo 198.51.100.9/32
	addr gateway wan 203.0.113.1/24 2001:db8::1/64
	addr gateway aux 192.0.2.1/24
	addr gateway lan 10.0.0.1/24 fd00::1/64
	addr server eth0 10.0.0.2/24 fd00::2/64
	addr pc eth0 10.0.0.3/24
	gateway_of gateway 203.0.113.9 2001:db8::9
	gateway_of server 10.0.0.1 fd00::1
	gateway_of pc 10.0.0.1
}
