#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl why on the one-NIC gateway of the README behind a router, under policy exclusive, and on a host of bridged guests
# with br_netfilter: no false alarm, and what cannot be known from here is said to be so.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/why.sh"

home_lan
serve server tcp 0.0.0.0 80
gwd_start gateway
ctl gateway add 80 192.168.0.102 --name web >/dev/null
passes() { case $(ask client tcp 203.0.113.1 80) in "server 192.168.0.101 80") ;; *) false ;; esac }
healthy "one NIC"
has "its target is asked for nothing that only routed ones can do" '^✓ way back +the target sees an address of this gateway, and answers it$' why
asks="80 --to 203.0.113.1"
named "the address of the router" '?' address '203.0.113.1 is not an address of this gateway: a router in front of it has to send tcp 80 to 192.168.0.101$'
is "what the router needs" "a forward of tcp 80 to 192.168.0.101 on that router" echo "$told"
asks="80 --from 192.168.0.102"
passes() { case $(ask server tcp 192.168.0.101 80) in "server 192.168.0.101 80") ;; *) false ;; esac }
healthy "a server that asks for its own forward"

asks=80
passes() { case $(ask client tcp 203.0.113.1 80) in "server 203.0.113.9 80" | "server 192.168.0.101 80") ;; *) false ;; esac }
ctl gateway set web --snat never >/dev/null
check_not "a client whose address the target sees, with the router as its way: nothing passes" soon passes
named "that cannot be seen from one NIC" '?' "way back" '192.168.0.102 has to answer clients through this gateway: its default route cannot be seen from here$'
has "one of two remedies" '^or: on 192.168.0.102: ip route replace default via 192.168.0.101$' echo "$said"
ip -n server route replace default via 192.168.0.101
check "with the gateway as its way: it passes" passes
ip -n server route replace default via 192.168.0.1
run "$(printf '%s\n' "$told" | now)" >/dev/null
healthy "with snat always"
gwd_stop gateway

host guests vm outside
wire outside:eth0 guests:wan
wire vm:eth0 guests:tap0
bridge_up guests br0 tap0
addr outside eth0 203.0.113.9/24
addr guests wan 203.0.113.8/24
addr guests br0 10.0.0.1/24
addr vm eth0 10.0.0.2/24
gateway_of guests 203.0.113.9
gateway_of vm 10.0.0.1
serve vm tcp 0.0.0.0 80
printf 'wan: wan\nlan: br0\npolicy: exclusive\nservices:\n  - {name: web, port: 80, to: 10.0.0.2}\n  - {name: far, port: 81, to: 10.9.0.2:80}\n' | config guests
gwd_start guests
why() {
	# shellcheck disable=SC2086 # words
	ctl guests why $asks
}
run() { on guests env GWD_SOCKET="$work/guests/gwd.sock" PATH="$build:$PATH" sh -ec "$1"; }
passes() { [ "$(ask outside tcp 203.0.113.8 80)" = "vm 203.0.113.9 80" ]; }
healthy "policy exclusive"
addr vm lo 10.9.0.2/32
ip -n guests route add 10.9.0.2 via 10.0.0.2
asks=81
passes() { [ "$(ask outside tcp 203.0.113.8 81)" = "vm 203.0.113.9 80" ]; }
healthy "policy exclusive, and a target in no network of ours"
if ! on guests test -e /proc/sys/net/bridge/bridge-nf-call-iptables; then
	skip "bridged guests" "br_netfilter is not there"
	finish
fi
sysctl guests bridge/bridge-nf-call-iptables 1
asks=80
passes() { [ "$(ask outside tcp 203.0.113.8 80)" = "vm 203.0.113.9 80" ]; }
healthy "a bridge with br_netfilter"
asks="80 --from 10.0.0.2"
passes() { case $(ask vm tcp 203.0.113.8 80) in "vm "*) ;; *) false ;; esac }
check_not "a guest that asks for its own forward: nothing passes" soon passes
named "a guest that asks for its own forward" '?' bridge '10.0.0.2 asks for itself, and net/bridge/bridge-nf-call-iptables is 1: its port of br0'
run "$(printf '%s\n' "$told" | sed s/PORT/tap0/)"
check "what it is told helps" passes
asks=80
passes() { [ "$(ask outside tcp 203.0.113.8 80)" = "vm 203.0.113.9 80" ]; }
on guests nft 'add table bridge f; add chain bridge f c { type filter hook output priority 0; policy drop; }; add rule bridge f c ether type arp accept'
check_not "a table of the bridge: nothing passes" soon passes
named "a table of the bridge" '?' target 'nobody answers at 10.0.0.2:80: .*, or table bridge f of this gateway drops it$'
is "and how to know" "gwctl why 80/tcp --to 203.0.113.8 --wait 30s" echo "$told"
ctl guests why 80 --wait 20s >"$work/said" 2>&1 &
eventually on guests nft list table inet gwd-trace
soon ask outside tcp 203.0.113.8 80 >/dev/null 2>&1
wait $!
has "which names the table" '^✗ packet +tcp .*: dropped in table bridge f, chain c, by its policy' cat "$work/said"
finish
