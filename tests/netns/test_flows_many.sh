#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# More connections than a list is to have: all of them while that can be, then words instead of a part of them.
. "$(dirname "$0")/lib.sh"

max=100000
room=$(cat /proc/sys/net/netfilter/nf_conntrack_max 2>/dev/null || echo 0)
[ "$room" -gt $((max * 2)) ] || skip_all "this machine tracks no more than $room connections"

two_nics
config gateway <<'YAML'
services:
  - {name: web, port: 80, to: 10.0.0.2}
  - {name: other, port: 81, to: 10.0.0.2}
YAML
gwd_start gateway
track() { on gateway "$python" -IS "$tools/track.py" "$@"; }
listed() { # FORWARD|'': how many, and status
	# shellcheck disable=SC2086 # a name or none
	ctl gateway -q -o json flows $1 | "$python" -IS -c 'import json, sys; print(len(json.load(sys.stdin)))'
}

check "$max connections" track $max 203.0.113.1 80 10.0.0.2
is "are listed" $max listed ''
check "and one more, of another forward" track 1 203.0.113.1 81 10.0.0.2 $max
has "are too many, in words" "^100001 connections are more than the 100000 of a list: name a forward, or conntrack -L lists all" \
	ctl gateway flows
exits "and a status" 1 ctl gateway flows
is "the other one has 1" 1 listed other
is "the one has all of its" $max listed web
sed -i /other/d "$work/gateway/gwd.yaml"
check "without that one" ctl gateway -q apply
is "they can be listed again" $max listed ''
finish
