#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl why, where the kernel is the cause: forwarding, the reverse path, routes and rules both ways, the next hop. Every cause is the first that is named,
# and its command helps.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/why.sh"

switched
serve server tcp 0.0.0.0 80
gwd_start gateway
ctl gateway add 80 10.0.0.2 --name web >/dev/null
passes() { case $(ask client tcp 203.0.113.1 80) in "server "*" 80") ;; *) false ;; esac }

sysctl gateway ipv4/conf/wan/forwarding 0
broken "an interface that does not forward" ✗ forwarding 'nothing of IPv4 is forwarded from wan$'
cured "an interface that does not forward"

ip -n gateway route add blackhole 10.0.0.2
broken "a blackhole" ✗ route 'the route to 10.0.0.2 is blackhole$'
cured "a blackhole"
ip -n gateway route add unreachable 10.0.0.0/30 table 7
ip -n gateway rule add to 10.0.0.0/24 lookup 7
broken "an unreachable route in another table" ✗ route '10.0.0.2 is in 10.0.0.0/30, whose route is unreachable$'
cured "an unreachable route in another table"
ip -n gateway rule del to 10.0.0.0/24 lookup 7

addr server lo 10.9.0.2/32
ip -n gateway route add 10.9.0.2 via 10.0.0.2
ctl gateway set web 10.9.0.2 >/dev/null
asks="80 --from 203.0.113.9"
healthy "a target behind another one"
ip -n gateway route del 10.9.0.2
ip -n gateway route del default
broken "a target without a route" ✗ route 'there is no route to 10.9.0.2$'
cured "a target without a route" s/ROUTER/10.0.0.2/

# The client under an address behind itself.
ip -n client route add 203.0.113.1 dev eth0 src 198.51.100.9
asks="80 --from 198.51.100.9"
broken "no way back to the client" ✗ "route back" 'this gateway has no route back to 198.51.100.9$'
cured "no way back to the client" s/ROUTER/203.0.113.9/
ip -n gateway route del 198.51.100.9
asks=80
broken "no way back to anybody" ✗ "route back" 'this gateway has no route back to somebody outside$'
cured "no way back to anybody" s/ROUTER/203.0.113.9/
ctl gateway set web 10.0.0.2 >/dev/null
ip -n gateway route add 198.51.100.9 via 192.0.2.9 dev aux
sysctl gateway ipv4/conf/all/rp_filter 1
asks="80 --from 198.51.100.9"
broken "a strict reverse path filter" ✗ "reverse path" 'rp_filter of wan is strict, and the way back to 198.51.100.9 is aux: dropped$'
cured "a strict reverse path filter"
ip -n gateway route del 198.51.100.9
sysctl gateway ipv4/conf/all/rp_filter 0
sysctl gateway ipv4/conf/wan/rp_filter 1
healthy "a strict one, on the way back"
ip -n gateway route del default
broken "a strict one, and no way back" ✗ "reverse path" 'rp_filter of wan drops what comes from 198.51.100.9: there is no route back$'
cured "a strict one, and no way back" s/ROUTER/203.0.113.9/
ip -n gateway route del 198.51.100.9
gateway_of gateway 203.0.113.9
sysctl gateway ipv4/conf/wan/rp_filter 0

ip -n gateway route add blackhole 198.51.100.0/28
broken "a client in a blackhole" ✗ "route back" '198.51.100.9 is in 198.51.100.0/28, whose route is blackhole$'
cured "a client in a blackhole"
ip -n gateway rule add from 10.0.0.2 priority 100 blackhole
broken "a rule that takes the answers" ✗ "route back" 'the routing rule with priority 100 keeps what 10.0.0.2 answers from 198.51.100.9: it is blackhole$'
cured "a rule that takes the answers"
ip -n gateway rule add iif wan ipproto tcp dport 80 priority 100 prohibit
broken "a rule that takes what arrives" ✗ route 'the routing rule with priority 100 keeps 10.0.0.2 from being reached: it is prohibit$'
cured "a rule that takes what arrives"
ip -n gateway rule add iif wan dport 81 ipproto tcp priority 100 prohibit
ip -n gateway rule add iif aux priority 101 unreachable
ip -n gateway route add default via 203.0.113.9 table 7
ip -n gateway rule add from 10.0.0.2 priority 104 lookup 7
ip -n gateway route del default
healthy "rules for others, and a way back by the client's own"
gateway_of gateway 203.0.113.9
for priority in 100 101 104; do ip -n gateway rule del priority $priority; done

# The next hop towards the client.
ip -n gateway route replace default via 203.0.113.200
broken "a router that is not there" ✗ router '203.0.113.200, the router to 198.51.100.9, does not answer ARP on wan: it is off, or that is not its address any more$'
told=$(printf '%s\n' "$told" | sed 's/.*, or //')
cured "a router that is not there" s/ROUTER/203.0.113.9/
ip -n gateway neigh replace 203.0.113.9 lladdr 02:00:00:00:00:99 dev wan nud permanent
broken "a router written by hand that is stale" '?' router '203.0.113.9, the router to 198.51.100.9, is at 02:00:00:00:00:99 by hand, and does not answer there'
cured "a router written by hand that is stale"
right=$(ip -n client -br link show eth0 | awk '{print $3}')
ip -n gateway neigh replace 203.0.113.9 lladdr "$right" dev wan nud permanent
healthy "one that is right"
ip -n gateway neigh replace 203.0.113.9 lladdr 02:00:00:00:00:99 dev wan nud stale
check "one whose card is another one, which the kernel then learns" why
ip -n client route del 203.0.113.1
asks="80 --from 203.0.113.7"
named "a client that is not there" '?' client '203.0.113.7 does not answer ARP on wan'
asks=80

# gwd turns it on again, until it takes that for a fight.
gave_up() { grep -q 'another program turns forwarding off again' "$work/gateway/gwd.log"; }
(while ! gave_up; do sysctl gateway ipv4/ip_forward 0; sleep 0.05; done)
sysctl gateway ipv4/ip_forward 0
broken "forwarding that somebody turned off" ✗ forwarding 'this machine forwards no IPv4$'
cured "forwarding that somebody turned off"
finish
