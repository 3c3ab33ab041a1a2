#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl why, where the target is the cause: it is off, refuses, drops, is somewhere else, or answers past the gateway.
# Every cause is the first that is named, and its command helps.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/why.sh"

switched
serve server tcp 0.0.0.0 80
serve server tcp fd00::2 80
serve server udp 0.0.0.0 53
gwd_start gateway
ctl gateway add 80 10.0.0.2 --name web >/dev/null

healthy "IPv4"
ctl gateway add 80 '[fd00::2]:80' --name web6 --listen 2001:db8::1 >/dev/null
asks="80 --to 2001:db8::1"
passes() { [ "$(ask client tcp 2001:db8::1 80)" = "server 2001:db8::9 80" ]; }
healthy "IPv6"
ctl gateway add 53/udp 10.0.0.2 --name dns >/dev/null
asks=53/udp
passes() { [ "$(ask client udp 203.0.113.1 53)" = "server 203.0.113.9 53" ]; }
healthy "UDP"
ctl gateway add 54/udp 10.0.0.2 --name closed >/dev/null
asks=54/udp
passes() { ask client udp 203.0.113.1 54; }
broken "a UDP port on which nobody listens" ✗ target '10.0.0.2:54 refuses: no program listens on udp 54 there, or its own firewall says so$'
asks="80 --from 10.0.0.3"
passes() { [ "$(ask pc tcp 203.0.113.1 80)" = "server 10.0.0.1 80" ]; }
healthy "a client in the target's own network"
asks="80 --from 203.0.113.1"
passes() { [ "$(ask gateway tcp 203.0.113.1 80)" = "server 203.0.113.1 80" ]; }
healthy "the gateway as its own client"

ctl gateway set web --snat never >/dev/null
asks="80 --from 10.0.0.3"
passes() { case $(ask pc tcp 203.0.113.1 80) in "server 10.0.0."*) ;; *) false ;; esac }
broken "a target that answers its neighbour directly" ✗ "way back" '10.0.0.2 answers its neighbour directly, past this gateway$'
cured "a target that answers its neighbour directly"
ctl gateway set web --snat= >/dev/null
asks=80
passes() { case $(ask client tcp 203.0.113.1 80) in "server "*" 80") ;; *) false ;; esac }

ip -n server route replace default via 10.0.0.3
broken "a target whose default route is another one" ✗ "way back" '10.0.0.2 answers its neighbours, but nobody else through'
there=$(printf '%s\n' "$said" | sed -n 's/, or let .*//; s/^or: on 10.0.0.2: //p')
cured "a target whose default route is another one"
ctl gateway set web --snat= >/dev/null
check "what it says to do there can be done" on server sh -c "$there"
healthy "the same, put right there"

ctl gateway set web 10.0.0.2:81 >/dev/null
broken "a port on which nobody listens" ✗ target '10.0.0.2:81 refuses: no program listens on tcp 81 there, or its own firewall says so$'
told=$(printf '%s\n' "$told" | sed 's/.*the port that it has: //')
cured "a port on which nobody listens" s/PORT/80/

on server nft 'add table inet own; add chain inet own in { type filter hook input priority 0; }; add rule inet own in tcp dport 80 drop'
broken "a target that drops it" ✗ target "nobody answers at 10.0.0.2:80: it is off, or its own firewall drops tcp 80$"
is "it is told where" "let tcp 80 in on 10.0.0.2" echo "$told"
on server nft 'flush chain inet own in; add rule inet own in tcp dport 80 reject with icmpx admin-prohibited'
broken "a target that forbids it" ✗ target '10.0.0.2:80 is rejected: its own firewall says so, or one on the way$'
on server nft 'flush chain inet own in; add rule inet own in tcp dport 80 reject'
broken "a target that rejects it" ✗ target '10.0.0.2:80 is rejected: its own firewall says so, or one on the way$'
is "it is told where, too" "let tcp 80 in on 10.0.0.2" echo "$told"
on server nft 'flush chain inet own in; add rule inet own in tcp dport 80 reject with tcp reset'
broken "a target that resets it" ✗ target '10.0.0.2:80 refuses: no program listens on tcp 80 there, or its own firewall says so$'
on server nft 'flush chain inet own in; add rule inet own in ip saddr != 10.0.0.0/24 drop'
broken "a target that lets in its network only" ✗ "way back" '10.0.0.2 answers its neighbours, but nobody else .*, or its own firewall lets in only its network$'
has "it is told both remedies there" 'ip route replace default via 10.0.0.1, or let others in there$' why
cured "a target that lets in its network only"
ctl gateway set web --snat= >/dev/null
on server nft 'flush chain inet own in; add rule inet own in ip saddr != 10.0.0.0/24 reject'
broken "a target that rejects others than its network" ✗ "way back" '10.0.0.2, or a firewall on the way, rejects all but its neighbours$'
on server nft delete table inet own
healthy "a target that lets it in"

ip -n gateway neigh replace 10.0.0.2 lladdr 02:00:00:00:00:99 dev lan nud permanent
broken "a neighbour written by hand that is stale" ✗ neighbour '10.0.0.2 is at 02:00:00:00:00:99 by hand, and nobody answers there'
cured "a neighbour written by hand that is stale"

ip -n server addr del 10.0.0.2/24 dev eth0
addr server eth0 10.0.0.7/24
gateway_of server 10.0.0.1
ip -n gateway neigh flush dev lan
broken "a target that is somewhere else now" ✗ neighbour '10.0.0.2 does not answer ARP on lan: it is off, or that is not its address any more$'
told=$(printf '%s\n' "$told" | sed 's/.*, or //; s/ with its new address//')
cured "a target that is somewhere else now" s/ADDR/10.0.0.7/

ctl gateway add 90 10.0.0.7:80 10.0.0.8:80 --name two >/dev/null
asks=90
named "one of two targets that is off" ✗ neighbour '10.0.0.8 does not answer ARP on lan'
asks=80
ip -n gateway link set lan down
broken "a link to the target that is down" ✗ route 'lan is down$'
cured "a link to the target that is down"
ip -n switch link set gateway down
broken "a link without carrier" ✗ route 'lan is without carrier: nothing is at the other end of its cable$'
ip -n switch link set gateway up
eventually passes
healthy "a link that is up"

finish
