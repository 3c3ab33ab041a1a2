#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The cost of a change is the size of the change: counted in netlink messages and elements sent, not in time.
. "$(dirname "$0")/lib.sh"

many=100000

counted() { # batches, messages, elements, dumps since start
	ctl gateway -o json status | "$python" -IS -c 'import json, sys
s = json.load(sys.stdin)
print(s["netlink_batches"], s["netlink_messages"], s["netlink_elements"], s["netlink_dumps"])'
}

change() { # COMMAND...: what it costs
	was=$(counted)
	ctl gateway -q "$@" >/dev/null || return
	echo "$was $(counted)" | awk '{ print $5 - $1, $6 - $2, $7 - $3, $8 - $4 }'
}

sent() { echo "$*" | cut -d ' ' -f 1-3; } # without the dumps

peak() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(cat "$work/gateway/gwd.pid")/status"; }

services() { # COUNT
	"$python" -IS -c 'import sys
print("services:")
for i in range(int(sys.argv[1])):
    print(f"  - {{listen: 10.{i >> 14}.0.1, port: {(i & 16383) + 1}, to: 10.0.0.2}}")' "$1"
}

two_nics
serve server tcp 10.0.0.2 443
services 10 | config gateway
gwd_start gateway
add=$(change add 443 10.0.0.2 --name own)
set=$(change set own --description x)
off=$(change off own)
on=$(change on own)
rm=$(change rm own)
has "over 10: add sends one element in one batch, and reads nothing" '^1 [0-9]+ 1 0$' echo "$add"

services $many | config gateway
check "$many services are applied" ctl gateway -q apply
changed=$(peak)
is "over $many: add costs the same" "$add" change add 443 10.0.0.2 --name own
is "and works" "server 203.0.113.9 443" ask client tcp 203.0.113.1 443
is "set" "$set" change set own --description x
is "off" "$off" change off own
is "on" "$on" change on own
is "rm" "$rm" change rm own
# shellcheck disable=SC2046 # four numbers
is "an unchanged file sends nothing" "0 0 0" sent $(change apply)

gwd_stop gateway
gwd_start gateway
# shellcheck disable=SC2046 # four numbers
is "a restart sends nothing" "0 0 0" sent $(counted)
gwd_stop gateway
on gateway nft delete table inet gwd
gwd_start gateway
has "an empty kernel is filled in one batch" '^1 ' counted
loaded=$(peak)
if grep -q __asan_init "$gwd"; then
	skip "memory at peak" "sanitizers take their own"
else
	check "loading $many takes at most 120 MB ($((loaded / 1024)))" test "$loaded" -le $((120 * 1024))
	check "so does going from 10 to $many ($((changed / 1024)))" test "$changed" -le $((120 * 1024))
fi
finish
