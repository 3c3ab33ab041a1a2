#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The matrix of KERNEL.md: all that a gateway must let pass and must not, with two and three networks under both policies,
# with br_netfilter showing bridged frames to the rules and without, and with one network card.
. "$(dirname "$0")/lib.sh"

export GWD_TIMEOUT=0.7

# internet 203.0.113.9 -- wan .1 gateway br0 10.0.0.1 -- srv 10.0.0.2, pc 10.0.0.3
#                                        dmz 10.9.0.1 -- web 10.9.0.2
host internet gateway srv pc web
wire internet:eth0 gateway:wan
wire srv:eth0 gateway:p1
wire pc:eth0 gateway:p2
wire web:eth0 gateway:dmz
bridge_up gateway br0 p1 p2
ip -n gateway link set dev p1 type bridge_slave hairpin on # or Linux never sends a frame back where it came from
addr internet eth0 203.0.113.9/24 2001:db8::9/64
addr gateway wan 203.0.113.1/24 203.0.113.2/24 2001:db8::1/64
addr gateway br0 10.0.0.1/24 fd00::1/64
addr gateway dmz 10.9.0.1/24 fd09::1/64
addr srv eth0 10.0.0.2/24 fd00::2/64
addr pc eth0 10.0.0.3/24 fd00::3/64
addr web eth0 10.9.0.2/24 fd09::2/64
gateway_of gateway 203.0.113.9 2001:db8::9
gateway_of srv 10.0.0.1 fd00::1
gateway_of pc 10.0.0.1 fd00::1
gateway_of web 10.9.0.1 fd09::1
on gateway sh -c 'echo 1 >/proc/sys/net/ipv4/conf/wan/promote_secondaries'
ip -n internet route add 10.0.0.0/24 via 203.0.113.1
ip -n internet -6 route add fd00::/64 via 2001:db8::1
for p in 80 81 6000 6005 7005; do serve srv tcp 10.0.0.2 $p; done
serve srv udp 10.0.0.2 53
serve srv tcp fd00::2 80
serve pc tcp 10.0.0.3 80
serve web tcp 10.9.0.2 80
serve internet tcp 203.0.113.9 80
serve gateway tcp 10.0.0.1 90

bridge_nf() { on gateway sh -c "echo $1 >/proc/sys/net/bridge/bridge-nf-call-iptables; echo $1 >/proc/sys/net/bridge/bridge-nf-call-ip6tables"; }

services() {
	cat <<-'YAML'
		services:
		  - {port: 80, to: 10.0.0.2}
		  - {port: 8080, listen: 203.0.113.2, to: 10.0.0.2:80}
		  - {port: 6000-6010, to: 10.0.0.2}
		  - {port: 5000-5010, to: 10.0.0.2:7000-7010}
		  - {port: 53, proto: udp, to: 10.0.0.2}
		  - {port: 80, to: "fd00::2"}
		  - {port: 8888, to: ["10.0.0.2:80", "10.0.0.2:81"], balance: round-robin}
		  - {port: 8081, to: 10.0.0.2:80, snat: always}
		  - {port: 8082, to: 10.0.0.2:80, from: 198.51.100.0/24}
		  - {port: 8083, to: 10.9.0.2:80}
	YAML
}

matrix() { # LABEL: what every gateway with an inside of its own does
	is "$1: any address" "srv 203.0.113.9 80" ask internet tcp 203.0.113.1 80
	is "$1: a pinned one" "srv 203.0.113.9 80" ask internet tcp 203.0.113.2 8080
	check_not "$1: is no other" ask internet tcp 203.0.113.1 8080
	is "$1: a range, low" "srv 203.0.113.9 6000" ask internet tcp 203.0.113.1 6000
	is "$1: a range, in the middle" "srv 203.0.113.9 6005" ask internet tcp 203.0.113.1 6005
	is "$1: a shifted range" "srv 203.0.113.9 7005" ask internet tcp 203.0.113.1 5005
	is "$1: UDP" "srv 203.0.113.9 53" ask internet udp 203.0.113.1 53
	is "$1: IPv6" "srv 2001:db8::9 80" ask internet tcp 2001:db8::1 80
	is "$1: two targets, in turn" "80 81" sh -c "$(command -v nsenter) --net=/run/netns/internet sh -c 'for i in 1 2; do $python -IS $tools/client.py tcp 203.0.113.1 8888; done' | sort | awk '{ print \$3 }' | tr '\n' ' ' | sed 's/ \$//'"
	is "$1: snat always" "srv 10.0.0.1 80" ask internet tcp 203.0.113.1 8081
	is "$1: a port that is none" "Connection refused (exit 1)" ask internet tcp 203.0.113.1 79
	is "$1: not on the list" "timed out (exit 1)" ask internet tcp 203.0.113.1 8082
	is "$1: a server in another network" "web 203.0.113.9 80" ask internet tcp 203.0.113.1 8083
	is "$1: a neighbour, by the public address" "srv 10.0.0.1 80" ask pc tcp 203.0.113.1 80
	is "$1: the server itself" "srv 10.0.0.1 80" ask srv tcp 203.0.113.1 80
	is "$1: a neighbour, IPv6" "srv fd00::1 80" ask pc tcp 2001:db8::1 80
	is "$1: the gateway" "srv 203.0.113.1 80" ask gateway tcp 203.0.113.1 80
	is "$1: neighbours" "pc 10.0.0.2 80" ask srv tcp 10.0.0.3 80
	is "$1: out, masqueraded" "internet 203.0.113.1 80" ask srv tcp 203.0.113.9 80
	check_not "$1: in, unasked" ask internet tcp 10.0.0.3 80
	check_not "$1: in, unasked, IPv6" ask internet tcp fd00::2 80
	check_not "$1: the inner address is not listened on, from outside" ask internet tcp 10.0.0.1 80
	is "$1: what the gateway serves inside stays its own" "gateway 10.0.0.2 90" ask srv tcp 10.0.0.1 90
}

with_dmz() { # LABEL
	is "$1: lan to dmz" "web 10.0.0.3 80" ask pc tcp 10.9.0.2 80
	check_not "$1: dmz to lan" ask web tcp 10.0.0.3 80
	check_not "$1: dmz to lan, IPv6" ask web tcp fd00::2 80
	is "$1: dmz out, masqueraded" "internet 203.0.113.1 80" ask web tcp 203.0.113.9 80
	is "$1: a dmz uses what is published" "srv 10.9.0.2 80" ask web tcp 203.0.113.1 80
}

new_address() { # LABEL
	ip -n gateway addr add 203.0.113.50/24 dev wan
	ip -n gateway addr del 203.0.113.1/24 dev wan
	is "$1: a new address, from outside at once" "srv 203.0.113.9 80" ask internet tcp 203.0.113.50 80
	check "$1: and from inside" eventually ask pc tcp 203.0.113.50 80
	check_not "$1: the old one is nobody's" ask internet tcp 203.0.113.1 80
	ip -n gateway addr add 203.0.113.1/24 dev wan
	for a in 203.0.113.50 203.0.113.2; do ip -n gateway addr del $a/24 dev wan; done
	addr gateway wan 203.0.113.2/24 # after the first one again, which is what it answers for
	check "$1: and back" eventually ask pc tcp 203.0.113.1 80
}

started=no
for setup in "two networks" "three networks"; do
	for policy in coexist exclusive; do
		{
			printf 'policy: %s\nlan: br0\n' "$policy"
			[ "$setup" = "two networks" ] || echo "dmz: dmz"
			services
		} | config gateway
		[ $started = yes ] && ctl gateway -q apply
		[ $started = yes ] || check "gwd starts" gwd_start gateway
		started=yes
		for nf in 0 1; do
			bridge_nf $nf
			matrix "$setup, $policy, br_netfilter $nf"
			[ "$setup" = "two networks" ] || with_dmz "$setup, $policy, br_netfilter $nf"
		done
		bridge_nf 0
		new_address "$setup, $policy"
	done
done

# What nft lists, it loads, and that forwards. (Not with an owned table: nft 1.0.6 lists its flags as nothing, which it
# cannot read.)
{ printf 'policy: exclusive\ntable_owner: off\nlan: br0\ndmz: dmz\n' && services; } | config gateway
check "a plain table" ctl gateway apply
table gateway >"$work/listing"
gwd_kill gateway
on gateway nft -f - <<-NFT
	delete table inet gwd
	$(cat "$work/listing")
NFT
matrix "the listing, loaded again"

# --- one network card: its servers' router is another machine ------------------------------------------------------------
host client router lan one server stranger
wire client:eth0 router:wan
for h in router one server stranger; do wire "lan:$h" "$h:eth0"; done
bridge_up lan br0 router one server stranger
addr client eth0 198.51.100.9/24
addr router wan 198.51.100.1/24
addr router eth0 192.168.0.1/24
addr one eth0 192.168.0.101/24
addr server eth0 192.168.0.102/24
addr stranger eth0 192.168.0.66/24
for h in one server stranger; do gateway_of $h 192.168.0.1; done
forwarding_on router
on router nft -f - <<-'NFT'
	table ip home {
		chain in { type nat hook prerouting priority dstnat; iifname "wan" dnat to 192.168.0.101; }
		chain out { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }
	}
NFT
config one <<'YAML'
services:
  - {port: 80, to: 192.168.0.102}
YAML
serve server tcp 192.168.0.102 80
serve client tcp 198.51.100.9 80
check "one card: gwd starts" gwd_start one
is "one card: from the internet" "server 192.168.0.101 80" ask client tcp 198.51.100.1 80
is "one card: from the same network" "server 192.168.0.101 80" ask stranger tcp 192.168.0.101 80
is "one card: the server itself" "server 192.168.0.101 80" ask server tcp 192.168.0.101 80
is "one card: the gateway" "server 192.168.0.101 80" ask one tcp 192.168.0.101 80
# Who takes us for a router is not hidden behind our address: no open relay.
ip -n stranger route replace default via 192.168.0.101
ip -n stranger route add 192.168.0.102/32 via 192.168.0.101
is "one card: nobody is masqueraded who only passes" "server 192.168.0.66 80" ask stranger tcp 192.168.0.102 80
finish
