#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is taken back because nobody confirmed it, and what comes to its end, loses its connections also when gwd is killed
# in the middle of it: the next gwd makes up for it, whenever that was.
. "$(dirname "$0")/lib.sh"

plain=$gwd
two_nics
serve server tcp 10.0.0.2 80-89

killed_at() { # POINT: gwd that will be
	gwd=$build/killpoints/gwd
	GWD_KILLPOINT=$1 gwd_spawn gateway
	gwd=$plain
}
dead() { wait "$(cat "$work/gateway/gwd.pid")" 2>/dev/null; }
port=79
added() { # ADD-OPTION...: a forward of the next port, with a connection
	port=$((port + 1))
	eventually ctl gateway -q add $port 10.0.0.2 "$@"
	talk_open $port client tcp 203.0.113.1 $port
	is "a connection" "server 203.0.113.9 $port" talk $port
}
is_cut() { # DESCRIPTION
	gwd_start gateway
	has "$1" '^(Connection reset|timed out)' talk $port
	gwd_kill gateway
}
of_the_past() { ! on gateway nft list map inet gwd any4 | grep -q "tcp . $port "; }

for step in after-kernel after-commit; do
	killed_at revert/$step
	added --confirm=2
	dead
	is_cut "not confirmed, killed $step"
	killed_at end/$step
	added --for 2s --on-expiry cut
	dead
	is_cut "at its end, killed $step"
done
gwd_start gateway
added --for 2s --on-expiry cut
gwd_kill gateway
check "an end while gwd is dead" eventually of_the_past
killed_at start/after-commit
dead
is_cut "and the next gwd is killed when it starts"
finish
