#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may use a forward and how much of it: what is beyond that is dropped, whoever else uses the same port.
. "$(dirname "$0")/lib.sh"

two_nics
addr client eth0 203.0.113.10/24
ip -n client addr add 2001:db8::10/64 dev eth0 nodad preferred_lft 0 # never chosen by itself
addr gateway wan 203.0.113.2/24
gateway_of client 203.0.113.1
config gateway <<'YAML'
services:
  - {port: 80, to: 10.0.0.2, from: [198.51.100.0/24, 203.0.113.10]}
  - {port: 80, listen: 203.0.113.2, to: 10.0.0.2}
  - {port: 80, to: "fd00::2", from: "2001:db8::10"}
  - {port: 8000-8002, to: 10.0.0.2, from: 203.0.113.10}
  - {port: 81, to: 10.0.0.2:80, limit: {connections: 2}}
  - {port: 82, to: 10.0.0.2:80, limit: {rate: 3/hour}}
  - {port: 53, to: 10.0.0.2, proto: udp, limit: {rate: 2/hour}, from: [203.0.113.0/24, 203.0.113.9]}
  - {port: 83, to: "[fd00::2]:80", limit: {connections: 1, rate: 100/second}}
YAML
serve server tcp 10.0.0.2 80
serve server tcp 10.0.0.2 8001
serve server udp 10.0.0.2 53
serve server tcp fd00::2 80
check "gwd starts" gwd_start gateway

from() { # SOURCE PROTO ADDRESS PORT
	on client "$python" -IS - "$@" <<-'PY'
		import socket, sys
		source, proto, address, port = sys.argv[1:]
		family = socket.AF_INET6 if ":" in address else socket.AF_INET
		s = socket.socket(family, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
		s.settimeout(2)
		s.bind((source, 0))
		try:
		    s.connect((address, int(port)))
		    s.sendall(b"hello\n")
		    print(s.recv(99).decode(), end="")
		except OSError as error:
		    sys.exit(str(error))
	PY
}

# --- from ---------------------------------------------------------------------------------------------------------------
is "from: one of those" "server 203.0.113.10 80" from 203.0.113.10 tcp 203.0.113.1 80
is "from: nobody else" "timed out (exit 1)" from 203.0.113.9 tcp 203.0.113.1 80
is "another forward of the same port has no list" "server 203.0.113.9 80" from 203.0.113.9 tcp 203.0.113.2 80
is "from, IPv6: one of those" "server 2001:db8::10 80" from 2001:db8::10 tcp 2001:db8::1 80
is "from, IPv6: nobody else" "timed out (exit 1)" from 2001:db8::9 tcp 2001:db8::1 80
is "from: a range" "server 203.0.113.10 8001" from 203.0.113.10 tcp 203.0.113.1 8001
check_not "from: a range, nobody else" from 203.0.113.9 tcp 203.0.113.1 8001
talk_open stays client tcp 203.0.113.2 80
has "a connection" "^server" talk stays
check "somebody is let in" ctl gateway add 84 10.0.0.2:80 --name list --from 203.0.113.10
check_not "a list at run time" from 203.0.113.9 tcp 203.0.113.1 84
check "changed" ctl gateway set list --from 203.0.113.9
is "a list that changes" "server 203.0.113.9 80" from 203.0.113.9 tcp 203.0.113.1 84
check_not "who is no more on it" from 203.0.113.10 tcp 203.0.113.1 84
check "emptied" ctl gateway set list --from ''
is "a list that ends" "server 203.0.113.10 80" from 203.0.113.10 tcp 203.0.113.1 84

# --- connections --------------------------------------------------------------------------------------------------------
talk_open one client tcp 203.0.113.1 81
has "a first connection" "^server" talk one
talk_open two client tcp 203.0.113.1 81
has "a second one" "^server" talk two
is "a third is too many" "timed out (exit 1)" from 203.0.113.9 tcp 203.0.113.1 81
has "the first lives on" "^server" talk one
is "each source has its own" "server 203.0.113.10 80" from 203.0.113.10 tcp 203.0.113.1 81
talk_open six client tcp 2001:db8::1 83
has "IPv6: a first" "^server" talk six
check_not "IPv6: a second is too many" from 2001:db8::9 tcp 2001:db8::1 83

# --- rate ---------------------------------------------------------------------------------------------------------------
for i in 1 2 3; do is "new connection $i of the hour" "server 203.0.113.9 80" from 203.0.113.9 tcp 203.0.113.1 82; done
is "the fourth is too many" "timed out (exit 1)" from 203.0.113.9 tcp 203.0.113.1 82
is "of this source" "server 203.0.113.10 80" from 203.0.113.10 tcp 203.0.113.1 82
for i in 1 2; do check "udp: $i of the hour" from 203.0.113.9 udp 203.0.113.1 53; done
check_not "udp: the third is too many" from 203.0.113.9 udp 203.0.113.1 53

# --- a limit that changes -----------------------------------------------------------------------------------------------
check "one with both limits" ctl gateway add 85 10.0.0.2:80 --name both --limit-rate 1/hour --limit-connections 1
talk_open both client tcp 203.0.113.1 85
has "a first connection" "^server" talk both
check_not "the second is beyond both" from 203.0.113.9 tcp 203.0.113.1 85
check "a higher rate" ctl gateway set both --limit-rate 100/hour
check_not "it is still beyond the other" from 203.0.113.9 tcp 203.0.113.1 85
check "more connections" ctl gateway set both --limit-connections 9
is "holds for a source that was there before" "server 203.0.113.9 80" from 203.0.113.9 tcp 203.0.113.1 85
check "a lower rate" ctl gateway set both --limit-rate 1/hour
check "lets one through" from 203.0.113.9 tcp 203.0.113.1 85
check_not "and holds for it, too" from 203.0.113.9 tcp 203.0.113.1 85

# What the kernel keeps of sources is nobody's change.
gwd_kill gateway
check "gwd starts again" gwd_start gateway
is "and finds everything as it was" "0 0" sh -c "ip netns exec gateway $gwctl -s $work/gateway/gwd.sock -o json status | $python -IS -c 'import json, sys
s = json.load(sys.stdin)
print(s[\"netlink_batches\"], s[\"netlink_elements\"])'"
check_not "a limit outlives gwd" from 203.0.113.9 tcp 203.0.113.1 82
finish
