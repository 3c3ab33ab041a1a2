#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What of the gateway itself is reached from outside is told, with what would close it.
. "$(dirname "$0")/lib.sh"

two_nics
serve gateway tcp :: 22          # dual-stack, as sshd
serve gateway tcp 10.0.0.1 80    # inside alone
serve gateway tcp 127.0.0.1 25   # nobody from elsewhere
serve gateway tcp 203.0.113.1 443
serve gateway tcp 2001:db8::1 8443
serve gateway udp 0.0.0.0 53
serve gateway udp 0.0.0.0 40000  # a client's, for all that can be known
gwd_start gateway

reachable() { # the ports, a line each
	ctl gateway -o json status | "$python" -c 'import json, sys
for l in json.load(sys.stdin)["reachable"]: print(l["proto"], l["port"], "pid" in l.get("program", ""))'
}
is "the ports that are reached from outside, each once, with their programs" "tcp 22 True
udp 53 True
tcp 443 True
tcp 8443 True" reachable
has "status names the program" '^ +tcp 22 [^ ]+ \(pid [0-9]+\)$' ctl gateway status
has "and has what closes them" '^ +- \{port: 22, from: local\}$' ctl gateway status
has "for the file" 'gateway:$' ctl gateway status
check "a port is forwarded from IPv4" ctl gateway add 443 10.0.0.2 --force
is "it is no more the gateway's" "tcp 22 True
udp 53 True
tcp 8443 True" reachable
finish
