#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A state directory on a file system that can only be read: what was stored runs, after a kill and after a stop, changes
# are refused with the reason, and nothing of them is in the kernel.
. "$(dirname "$0")/lib.sh"

answers() { ask client tcp 203.0.113.1 "$1"; }
elements() { table gateway | grep -c "tcp . $1 " || :; }
read_only='is on a read-only file system: let it be written, then restart gwd'
# Of the kernel what gwd changes where it can remember it: as a boot leaves it, and as it is.
knobs() { on gateway sh -c "cd /proc/sys/net/netfilter && echo $1 >nf_conntrack_acct && echo $2 >nf_conntrack_timestamp && echo $3 >nf_conntrack_events"; }
settings() { on gateway sh -c 'cd /proc/sys/net/netfilter && cat nf_conntrack_acct nf_conntrack_timestamp nf_conntrack_events' | paste -s -d ' '; }

two_nics
serve server tcp 10.0.0.2 80-90
mkdir "$work/gateway/state"
mount -t tmpfs -o size=2m tmpfs "$work/gateway/state"
config gateway <<'YAML'
services:
  - {name: declared, port: 90, to: 10.0.0.2}
YAML
gwd_start gateway
ctl gateway add 80 10.0.0.2 >/dev/null
ctl gateway apply >/dev/null
for how in kill stop; do
	gwd_$how gateway
	mount -o remount,ro "$work/gateway/state"
	on gateway nft delete table inet gwd # as a boot does
	knobs 0 0 2
	: >"$work/gateway/gwd.log"
	gwd_start gateway
	is "after a $how: what is declared runs" "server 203.0.113.9 90" answers 90
	is "and what was added" "server 203.0.113.9 80" answers 80
	has "status says what is the matter" "^warnings +changes are refused, and what was stored before runs: .*$read_only" ctl gateway status
	has "the log too" "$read_only" cat "$work/gateway/gwd.log"
	exits "a change is refused" 1 ctl gateway add 81 10.0.0.2
	has "with the reason" "$read_only" ctl gateway add 81 10.0.0.2
	exits "a removal too" 1 ctl gateway rm 80
	exits "and a file" 1 ctl gateway apply
	has "doctor has it, too" "^error +state +changes are refused, because none can be stored: .*$read_only" ctl gateway doctor
	is "the kernel has nothing of it" 0 elements 81
	is "and what it had" 1 elements 80
	ip -n gateway addr add 203.0.113.2/24 dev wan
	check "what comes by itself is followed" eventually ask client tcp 203.0.113.2 80
	ip -n gateway addr del 203.0.113.2/24 dev wan
	is "what could not be put back is left alone" "0 0 2" settings
	is "which is said once" 1 grep -c 'connections are not counted' "$work/gateway/gwd.log"
	gwd_stop gateway
	mount -o remount,rw "$work/gateway/state"
	gwd_start gateway
	check "written again, changes are taken" ctl gateway add 82 10.0.0.2
	ctl gateway rm 82 >/dev/null
done
check_not "status has no more to say" sh -c "nsenter --net=/run/netns/gateway '$gwctl' -s '$work/gateway/gwd.sock' status | grep -q read-only"

# One that was never written.
gwd_stop gateway
rm "$work/gateway/state"/*
mount -o remount,ro "$work/gateway/state"
gwd_start gateway
is "with nothing stored, what is declared runs" "server 203.0.113.9 90" answers 90
has "a change is refused" "$read_only" ctl gateway add 81 10.0.0.2
finish
