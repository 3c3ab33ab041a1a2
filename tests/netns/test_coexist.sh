#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What other software on this machine forwards, goes on as it did: before gwd, with it, and with forwards in it.
. "$(dirname "$0")/lib.sh"

# A host with a bridge on its wan, a guest on it, and a guest with a public address routed to it.
host outside gateway guest routed
wire outside:eth0 gateway:eth0
wire guest:eth0 gateway:tap0
wire routed:eth0 gateway:tap1
bridge_up gateway br0 eth0 tap0
addr outside eth0 203.0.113.1/24 2001:db8::1/64
addr gateway br0 203.0.113.2/24 2001:db8::2/64
addr guest eth0 203.0.113.3/24 2001:db8::3/64
addr gateway tap1 192.0.2.1/24 2001:db8:1::1/64
addr routed eth0 192.0.2.2/24 2001:db8:1::2/64
gateway_of gateway 203.0.113.1 2001:db8::1
gateway_of guest 203.0.113.1 2001:db8::1
gateway_of routed 192.0.2.1 2001:db8:1::1
ip -n outside route add 192.0.2.0/24 via 203.0.113.2
ip -n outside route add 2001:db8:1::/64 via 2001:db8::2
forwarding_on gateway
if on gateway test -e /proc/sys/net/bridge/bridge-nf-call-iptables; then
	on gateway sh -c 'echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables; echo 1 >/proc/sys/net/bridge/bridge-nf-call-ip6tables'
else
	skip "bridged guests under bridge-nf-call-iptables" "br_netfilter is not there"
fi
for h in outside guest routed; do
	serve $h tcp 0.0.0.0 80
	serve $h tcp :: 8080
done

as_before() { # WHEN
	is "$1: a bridged guest is reached" "guest 203.0.113.1 80" ask outside tcp 203.0.113.3 80
	is "$1: and reaches" "outside 203.0.113.3 80" ask guest tcp 203.0.113.1 80
	is "$1: a bridged guest is reached by IPv6" "guest 2001:db8::1 8080" ask outside tcp 2001:db8::3 8080
	is "$1: a routed guest is reached, asked by the asker" "routed 203.0.113.1 80" ask outside tcp 192.0.2.2 80
	is "$1: and reaches, under its own address" "outside 192.0.2.2 80" ask routed tcp 203.0.113.1 80
	is "$1: by IPv6 too" "routed 2001:db8::1 8080" ask outside tcp 2001:db8:1::2 8080
	is "$1: and out" "outside 2001:db8:1::2 8080" ask routed tcp 2001:db8::1 8080
}

as_before "without gwd"
gwd_start gateway
as_before "gwd without a forward"
ctl gateway add 8443 203.0.113.3:80 >/dev/null
ctl gateway add '[2001:db8::2]:8443' '[2001:db8:1::2]:8080' >/dev/null
as_before "with forwards"
# Under whose address does not matter here: on a bridge the answer passes by in any case.
has "and the forward works" '^guest .* 80$' ask outside tcp 203.0.113.2 8443
is "the one by IPv6 too" "routed 2001:db8::1 8080" ask outside tcp 2001:db8::2 8443
ctl gateway add 22 192.0.2.2:80 >/dev/null
gwd_kill gateway
as_before "gwd killed"
finish
