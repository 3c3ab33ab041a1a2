#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl why --wait: the kernel says what becomes of the next packet, and of the answer to it, also where static reading
# cannot tell. The mark is gone at the end, whatever the end is.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/why.sh"

switched
serve server tcp 0.0.0.0 80
serve server udp 0.0.0.0 53
serve gateway tcp 0.0.0.0 2222 own
gwd_start gateway
ctl gateway add 80 10.0.0.2 --name web >/dev/null
ctl gateway add 53/udp 10.0.0.2 --name dns >/dev/null
nft_do() { on gateway nft "$@"; }
chain() { nft_do "add table inet f; add chain inet f c { type filter hook $1 priority $2; }"; } # HOOK PRIORITY
rule() { nft_do "add rule inet f c $1"; }
gone() { nft_do delete table inet f; }
marked() { nft_do list table inet gwd-trace; }
unmarked() { ! marked 2>/dev/null; }

waits() { # ARG...: started, and the mark is there
	GWD_TIMEOUT=0.5 ctl gateway why "$@" >"$work/said" 2>&1 &
	waiting=$!
	eventually marked
}
traced() { # DESCRIPTION STATUS MARK STEP PATTERN, after waits
	wait $waiting
	status=$?
	if [ $status = "$2" ] && grep -qE -e "^$3 $4 +$5" "$work/said"; then ok "$1"; else fail "$1" "exit $status, wanted $2 and '$3 $4 $5', of
$(cat "$work/said")"; fi
	check "$1: nothing is marked any more" unmarked
	told=$(remedy_of "$(cat "$work/said")")
}
go() { soon ask client "$@" >/dev/null 2>&1; } # PROTO ADDRESS PORT

check "nothing is marked before" unmarked
waits 80 --wait 20s
go tcp 203.0.113.1 80
traced "a packet that passes" 0 ✓ packet 'tcp 203.0.113.9:[0-9]+ -> 10.0.0.2:80: leaves this gateway$'
has "so does the answer" '^✓ answer +tcp 203.0.113.1:80 -> 203.0.113.9:[0-9]+: leaves this gateway$' cat "$work/said"
waits 53/udp --wait 20s --from 203.0.113.9
go udp 203.0.113.1 53
traced "UDP" 0 ✓ packet 'udp 203.0.113.9:[0-9]+ -> 10.0.0.2:53: leaves this gateway$'
waits 2222 --wait 20s
go tcp 203.0.113.1 2222
traced "a port of the gateway itself" 0 ✓ packet 'tcp 203.0.113.9:[0-9]+ -> 203.0.113.1:2222: comes to this gateway itself$'

# What counts cannot be read. (priority 10: behind ours)
chain forward 10
nft_do add chain inet f deep
rule 'jump deep'
nft_do 'add rule inet f deep tcp dport 80 limit rate over 1/hour burst 1 packets drop comment "too many"'
go tcp 203.0.113.1 80
named "statically it only may be dropped" '?' firewalls 'may be dropped by nftables \(table inet f, chain deep\)'
waits 80 --wait 20s
go tcp 203.0.113.1 80
traced "the rule that counts is named" 1 ✗ packet \
	'tcp 203.0.113.9:[0-9]+ -> 10.0.0.2:80: dropped by nftables \(table inet f, chain deep\): its rule with handle [0-9]+, "too many", at hook forward, priority 10$'
is "with what helps" "nft insert rule inet f c ct status dnat accept" echo "$told"
run "$told"
waits 80 --wait 20s
go tcp 203.0.113.1 80
traced "and it helps" 0 ✓ packet 'tcp .*: leaves this gateway$'
gone

chain prerouting -300
rule 'iifname "lan" tcp sport 80 ip ttl 64 drop'
waits 80 --wait 20s
go tcp 203.0.113.1 80
traced "a rule that drops the answer" 1 ✗ answer 'tcp 10.0.0.2:80 -> 203.0.113.9:[0-9]+: dropped by nftables \(table inet f, chain c\)'
gone

if on gateway iptables-nft -A FORWARD -m u32 --u32 '0x0=0:0xffffffff' -m comment --comment 'no way' -j DROP 2>/dev/null ||
	on gateway iptables-nft -A FORWARD -m statistic --mode nth --every 1 -m comment --comment 'no way' -j DROP 2>/dev/null; then
	waits 80 --wait 20s
	go tcp 203.0.113.1 80
	traced "a match of iptables that cannot be read" 1 ✗ packet \
		'tcp .*: dropped by iptables \(table ip filter, chain FORWARD\): its rule with handle [0-9]+, "no way", at hook forward, priority 0$'
	nft_do delete table ip filter
else
	skip "a match of iptables that cannot be read" "no iptables-nft here, or no such match"
fi

ctl gateway set web --limit-rate 1/hour >/dev/null
go tcp 203.0.113.1 80
waits 80 --wait 20s
go tcp 203.0.113.1 80
traced "our own limit" 1 ✗ packet 'tcp .*: dropped by gwd itself, in its chain f/web: each address may open 1/hour$'
is "with what helps" "gwctl set web --limit-rate 2/hour" echo "$told"
ctl gateway set web --limit-rate= >/dev/null

chain prerouting -310
rule 'tcp dport 80 notrack'
waits 80 --wait 20s
go tcp 203.0.113.1 80
# shellcheck disable=SC2016 # backquotes of a message
traced "a packet that nobody tracks" 1 ✗ packet 'tcp .*: comes to this gateway itself, for web did not take it: see step `conntrack`$'
run "$told"
waits 80 --wait 20s
go tcp 203.0.113.1 80
traced "and the command helps" 0 ✓ packet 'tcp .*: leaves this gateway$'
gone

ip -n client route add 203.0.113.1 dev eth0 src 198.51.100.9
ip -n gateway route add 198.51.100.9 via 192.0.2.9 dev aux
sysctl gateway ipv4/conf/all/rp_filter 1
waits 80 --wait 20s
go tcp 203.0.113.1 80
# shellcheck disable=SC2016 # backquotes of a message
traced "the reverse path filter" 1 ✗ packet 'tcp 198.51.100.9:[0-9]+ -> 10.0.0.2:80: comes no further than hook prerouting: see step `reverse path`$'
is "with what helps" "sysctl -w net/ipv4/conf/wan/rp_filter=2" echo "$told"
# More traces than the kernel keeps for gwd: of those of others, too.
waits 80 --wait 20s
kill -STOP "$(cat "$work/gateway/gwd.pid")"
go tcp 203.0.113.1 80
chain output 0
rule 'udp dport 9 meta nftrace set 1'
on gateway "$python" -IS -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(1000): s.sendto(b"x", ("127.0.0.1", 9))' 2>/dev/null
gone
kill -CONT "$(cat "$work/gateway/gwd.pid")"
traced "what was lost is not made up" 0 '[?]' packet 'tcp 198.51.100.9:[0-9]+ -> 10.0.0.2:80: was seen as far as hook prerouting; some traces were lost'
sysctl gateway ipv4/conf/all/rp_filter 0
ip -n client route del 203.0.113.1
ip -n gateway route del 198.51.100.9

ip -n server route replace default via 10.0.0.3
waits 80 --wait 20s
go tcp 203.0.113.1 80
traced "an answer past the gateway" 1 ✗ answer 'none came to this gateway in time: the target is silent, or answers past it$'
ip -n server route replace default via 10.0.0.1

# The gateway as a bridge's, and the bridge shows its packets to the hooks of IP, too (Docker has that on).
if [ -e /proc/sys/net/bridge ]; then
	bridge_up gateway br0 lan
	addr gateway br0 10.0.0.1/24
	ip -n gateway link set wan up
	bridge_up gateway br1 wan
	addr gateway br1 203.0.113.1/24
	ip -n gateway addr del 10.0.0.1/24 dev lan
	ip -n gateway addr del 203.0.113.1/24 dev wan
	gateway_of gateway 203.0.113.9
	for calls in 0 1; do
		sysctl gateway bridge/bridge-nf-call-iptables $calls
		waits 80 --wait 20s
		go tcp 203.0.113.1 80
		traced "through bridges, bridge-nf-call-iptables=$calls" 0 ✓ packet 'tcp 203.0.113.9:[0-9]+ -> 10.0.0.2:80: leaves this gateway$'
		has "so does the answer, bridge-nf-call-iptables=$calls" '^✓ answer +tcp 203.0.113.1:80 -> 203.0.113.9:[0-9]+: leaves this gateway$' cat "$work/said"
		waits 2222 --wait 20s
		go tcp 203.0.113.1 2222
		traced "to the gateway itself, bridge-nf-call-iptables=$calls" 0 ✓ packet 'tcp 203.0.113.9:[0-9]+ -> 203.0.113.1:2222: comes to this gateway itself$'
	done
else
	skip "through bridges" "no br_netfilter here"
fi

waits 80 --wait 1s
traced "nobody comes" 0 '[?]' packet 'no such packet came in 1 s$'
waits 80 --wait 20s -o json
go tcp 203.0.113.1 80
wait $waiting
is "as JSON" "pass pass packet,answer" sh -c "sed 1d '$work/said' | '$python' -IS -c 'import json, sys
r = json.load(sys.stdin); print(r[\"verdict\"], r[\"traced\"][\"verdict\"], \",\".join(s[\"step\"] for s in r[\"traced\"][\"steps\"]))'"
waits 80 --wait 20s
has "only a few packets are marked" 'limit rate 5/second .*meta nftrace set 1' marked
is "one waits at a time, and who is second is told nothing else" "somebody traces a packet already: try again (exit 1)" ctl gateway why 80 --wait 1s
kill -INT $waiting
wait $waiting
check "interrupted, nothing is marked any more" eventually unmarked
waits 80 --wait 20s
gwd_kill gateway
check "with gwd killed, nothing is marked any more" unmarked
wait $waiting
has "who waited is told" 'gwd has ended: nothing is traced any more' cat "$work/said"
gwd_start gateway
waits 80 --wait 20s
on gateway "$gwd" -c "$work/gateway/gwd.yaml" -s "$work/gateway/gwd.sock" -S "$work/gateway/state" --purge >/dev/null
check "after a purge nothing is marked" unmarked
is "and forwarding is off: the trace is nobody else's table" 0 on gateway cat /proc/sys/net/ipv4/ip_forward
wait $waiting
exits "the time is understood" 2 ctl gateway why 80 --wait soon
finish
