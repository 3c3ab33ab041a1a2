#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Whoever is connected to the gateway can connect again after a change, unless somebody insists.
. "$(dirname "$0")/lib.sh"

two_nics
host far # beyond the client, which is its router: nobody would call it local
wire far:eth0 client:far
addr far eth0 198.51.100.9/24 2001:db8:9::9/64
addr client far 198.51.100.1/24 2001:db8:9::1/64
gateway_of far 198.51.100.1 2001:db8:9::1
forwarding_on client
serve gateway tcp :: 22 # dual-stack, as sshd
gwd_start gateway

closed='gateway: {open: []}'
local_only='gateway: {open: [{port: 22, from: local}]}'
apply() { # TEXT [OPTION...]: of the file
	text=$1
	shift
	printf '%s\n' "$text" | config gateway
	ctl gateway apply "$@"
}
session() { # DESCRIPTION ANSWER NAME HOST ADDRESS: that stays, as of ssh
	talk_open "$3" "$4" tcp "$5" 22
	is "$1" "$2" talk "$3"
}
hello4="gateway ::ffff:203.0.113.9 22"

check "without anybody connected the ports are closed" apply "$closed"
exits "and nobody comes in" 1 ask client tcp 203.0.113.1 22
is "but the LAN" "gateway ::ffff:10.0.0.2 22" ask server tcp 10.0.0.1 22
check "and opened again" apply ''

session "a session from the local network" "$hello4" near client 203.0.113.1
exits "a file that closes its port" 1 apply "$closed"
has "is refused by name" '^203\.0\.113\.9, connected to port 22 of this gateway.s own [^ ]+ \(pid [0-9]+\), could not connect again' apply "$closed"
has "with the remedy" '\{port: 22, from: local\} in gateway\.open would, .*--force to do it' apply "$closed"
exits "also as a dry run" 1 apply "$closed" --dry-run
is "and changes nothing" "$hello4" ask client tcp 203.0.113.1 22
kill -HUP "$(cat "$work/gateway/gwd.pid")"
check "SIGHUP refuses it too, and says so" eventually grep -q 'could not connect again' "$work/gateway/gwd.log"
is "it changes nothing" "$hello4" ask client tcp 203.0.113.1 22
check "with the local network let in it is done" apply "$local_only"
is "the session goes on" "$hello4" talk near
is "a new one is possible" "$hello4" ask client tcp 203.0.113.1 22
exits "not from elsewhere" 1 ask far tcp 203.0.113.1 22

check "everything open again" apply ''
session "a session from far away" "gateway ::ffff:198.51.100.9 22" far far 203.0.113.1
has "is not local" '^198\.51\.100\.9, .*\{port: 22, from: 198\.51\.100\.9\}' apply "$local_only"
check "and is locked out by force" apply "$local_only" --force
has "once" 'nothing changed' apply "$local_only"
is "what is open stays" "gateway ::ffff:198.51.100.9 22" talk far
exits "a new one is not possible" 1 ask far tcp 203.0.113.1 22
has "undo gives way" '^undid revision' ctl gateway undo
exits "undoing that does not" 1 ctl gateway undo

check "with the port opened at run time" apply "$closed" --force
check "for somebody" ctl gateway open 22 --from 198.51.100.9
is "he comes in" "gateway ::ffff:198.51.100.9 22" ask far tcp 203.0.113.1 22
has "it is not closed under him" '^198\.51\.100\.9, connected to port 22' ctl gateway close 22
exits "nor opened to others in his place" 1 ctl gateway open 22 --from 192.0.2.0/24
has "but by force" '^closed tcp 22' ctl gateway close 22 --force
exits "he is out" 1 ask far tcp 203.0.113.1 22
check "and everything open again" apply ''

session "a session over IPv6" "gateway 2001:db8:9::9 22" six far 2001:db8::1
has "the same" '^2001:db8:9::9, .*\{port: 22, from: 2001:db8:9::9\}' apply 'gateway: {open: [{port: 22, from: [local, 198.51.100.9]}]}'
check "and its remedy" apply 'gateway: {open: [{port: 22, from: [local, 198.51.100.9, "2001:db8:9::/48"]}]}'
is "is one" "gateway 2001:db8:9::9 22" ask far tcp 2001:db8::1 22

session "a session from the LAN" "gateway ::ffff:10.0.0.2 22" lan server 10.0.0.1
has "is locked out by a dmz" '^10\.0\.0\.2, .*gwctl open 22 --from local --in dmz' apply 'dmz: lan'
check "unless it is let in" apply 'dmz: lan
gateway: {open: [{port: 22}, {port: 22, in: dmz}]}'

printf '%s\n' "$closed" | config gateway
gwd_stop gateway
gwd_start gateway
exits "a start does what the file says" 1 ask far tcp 203.0.113.1 22
finish
