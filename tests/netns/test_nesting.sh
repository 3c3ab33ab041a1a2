#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# An address beats an interface beats every address, for single ports and ranges alike, from outside, from the LAN and
# from the gateway itself; what the more specific one does not have, the next one gets.
. "$(dirname "$0")/lib.sh"

two_nics
serve server tcp 10.0.0.2 9001 any
serve server tcp 10.0.0.2 9002 on
serve server tcp 10.0.0.2 9003 at
serve server tcp 10.0.0.2 9090 range
serve server tcp fd00::2 9001 any6
serve server tcp fd00::2 9090 range6
config gateway <<'YAML'
services:
  - {name: any-80, port: 80, to: "10.0.0.2:9001"}
  - {name: any-81, port: 81, to: "10.0.0.2:9001"}
  - {name: on-81, port: 81, listen: wan, to: "10.0.0.2:9002"}
  - {name: on-82, port: 82, listen: wan, to: "10.0.0.2:9002"}
  - {name: at-82, port: 82, listen: 203.0.113.1, to: "10.0.0.2:9003"}
  - {name: on-9090, port: 9090, listen: wan, to: "10.0.0.2:9002"}
  - {name: range, port: 9080-9099, listen: 203.0.113.1, to: 10.0.0.2}
  - {name: any6, port: 80, to: "[fd00::2]:9001"}
  - {name: range6, port: 9080-9099, listen: "2001:db8::1", to: "fd00::2"}
YAML
gwd_start gateway
who() { ask "$1" tcp "$2" "$3" | cut -d' ' -f1; }
for from in client server gateway; do
	is "$from: every address" any who $from 203.0.113.1 80
	is "$from: an interface beats it" on who $from 203.0.113.1 81
	is "$from: an address beats the interface" at who $from 203.0.113.1 82
	is "$from: so does its range" range who $from 203.0.113.1 9090
	is "$from: IPv6, every address" any6 who $from 2001:db8::1 80
	is "$from: IPv6, a range of an address" range6 who $from 2001:db8::1 9090
done

# fe80:: is the gateway itself, whatever is forwarded.
local6=$(ip -n gateway -6 -o address show dev wan scope link | sed 's/.*inet6 \([^/]*\).*/\1/; q')
has "a link-local address is nobody's forward" 'refused' ask client tcp "$local6%eth0" 80
finish
