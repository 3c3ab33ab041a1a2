#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# `log: true`: a line for each new connection, of that forward only, whatever the namespace is; none for what a
# connection goes on to say, none when it is off again. Many at once are limited, and what is missing is said.
. "$(dirname "$0")/lib.sh"

lines() { grep -cE "^[^ ]+Z $1: (tcp|udp) " "$work/gateway/gwd.log" || :; }
logged() { grep -qE -e "$1" "$work/gateway/gwd.log"; }
listens() { on gateway cat /proc/net/netfilter/nfnetlink_log | grep -qE '^ *103 '; }
listens_not() { ! listens; }

two_nics
serve server tcp 10.0.0.2 80
serve server udp 10.0.0.2 53
serve server tcp fd00::2 80
gwd_start gateway
ctl gateway add 81 10.0.0.2:80 --name quiet >/dev/null
check "nobody listens for nothing" listens_not
config gateway <<'YAML'
services:
  - {name: web, port: 80, to: 10.0.0.2, log: true}
  - {name: names, proto: udp, port: 53, to: 10.0.0.2, log: true}
  - {name: six, listen: "2001:db8::1", port: 80, to: "fd00::2", log: true}
YAML
check "forwards that log" ctl gateway apply
check "somebody listens" listens

talk_open long client tcp 203.0.113.1 80
is "a connection" "server 203.0.113.9 80" talk long
check "is a line" eventually logged '^[^ ]+Z web: tcp 203\.0\.113\.9:[0-9]+ -> 203\.0\.113\.1:80$'
is "goes on" "server 203.0.113.9 80" talk long
ask client udp 203.0.113.1 53 >/dev/null
check "UDP" eventually logged '^[^ ]+Z names: udp 203\.0\.113\.9:[0-9]+ -> 203\.0\.113\.1:53$'
ask client tcp 2001:db8::1 80 >/dev/null
check "IPv6" eventually logged '^[^ ]+Z six: tcp \[2001:db8::9\]:[0-9]+ -> \[2001:db8::1\]:80$'
ask client tcp 203.0.113.1 81 >/dev/null
is "one line each, none of a forward that does not log" 3 lines '[a-z]+'

on gateway nft 'add table ip other; add chain ip other c { type filter hook prerouting priority raw; }
	add rule ip other c tcp dport 81 log prefix "forged" group 103'
check "a rule of somebody else" ask client tcp 203.0.113.1 81
before=$(lines web)
ask client tcp 203.0.113.1 80 >/dev/null # behind it
more() { [ "$(lines web)" -gt "$before" ]; }
check "another line" eventually more
is "what others send to the group is no forward of ours" 0 lines forged

ctl gateway off web >/dev/null
ctl gateway off six >/dev/null
check "while one is left, it is heard" listens
ctl gateway off names >/dev/null
check "with the last one it ends" eventually listens_not

{
	echo services:
	for i in 0 1 2 3 4 5 6 7 8 9; do echo "  - {name: many$i, proto: udp, port: 500$i, to: '10.0.0.2:53', log: true}"; done
} | config gateway
ctl gateway apply >/dev/null
on client "$python" -IS -c '
import socket
for i in range(3000):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("203.0.113.1", 5000 + i % 10))'
check "of many at once some are left out, and counted" eventually logged ' left out of the log: [0-9]* more new connections*$'
few() { [ "$(lines 'many.')" -ge 50 ] && [ "$(lines 'many.')" -lt 400 ]; }
check "but not all, nor none" few
echo "services: [{port: 80, to: 10.0.0.2}]" | config gateway
check "a file without any" ctl gateway -q apply
check "ends it as well" eventually listens_not
finish
