# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # the tests use these, lib.sh sets those
# Sourced by the test_killed*.sh after lib.sh: gwd dies while several clients change things, and what is there afterwards
# is compared with what was answered.

steps="before-begin after-rows after-kernel after-commit after-sysctls after-cut" # of the road
rounds=${GWD_KILL_ROUNDS:-1}
plain=$gwd
changes() { "$python" -IS "$tools/changes.py" "$@"; }
random() { echo $(($(od -An -N2 -tu2 /dev/urandom) % ($2 - $1) + $1)); } # FROM BELOW

killed() { # DESCRIPTION SECONDS POINT KIND: gwd dies there, with everybody at work
	[ -z "$3" ] || gwd=$build/killpoints/gwd
	GWD_KILLPOINT=$3 gwd_spawn gateway
	gwd=$plain
	worked=$(changes run "$work/gateway/gwd.sock" "$work/model" "$(cat "$work/gateway/gwd.pid")" "$2" "$4") ||
		worked="$worked
(while at work)"
	wait "$(cat "$work/gateway/gwd.pid")" 2>/dev/null
	found=$(on gateway nft -j list map inet gwd any4 2>/dev/null | changes whole "$work/model" "$work/gateway/state")
	gwd_spawn gateway
	found=$found$(changes settled "$work/model" "$work/gateway/state" "$work/gateway/gwd.sock" "$patience" \
		nsenter --net=/run/netns/gateway nft -j list map inet gwd any4)
	gwd_kill gateway
	if [ -n "$worked$found" ]; then fail "$1" "$worked
$found"; else ok "$1"; fi
}

hundreds() { # of changes were answered
	has "hundreds of changes were answered" '^[0-9]*[1-9][0-9][0-9]$|^[0-9]{4,}$' \
		"$python" -IS -c 'import json, sys; print(json.load(open(sys.argv[1]))[1])' "$work/model"
}
