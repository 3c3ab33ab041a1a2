#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# exclusive: what is not allowed is not forwarded, whoever else forwards here; coexist: it is other people's. Changing the
# policy leaves connections open.
. "$(dirname "$0")/lib.sh"

host client gateway office stranger guest
wire client:eth0 gateway:eth0
wire guest:eth0 gateway:tap0
wire office:eth0 gateway:lan
wire stranger:eth0 gateway:vpn
bridge_up gateway br0 eth0 tap0
addr client eth0 203.0.113.9/24 2001:db8::9/64
addr guest eth0 203.0.113.3/24 2001:db8::3/64
addr gateway br0 203.0.113.1/24 2001:db8::1/64
addr gateway lan 10.0.0.1/24 2001:db8:1::1/64
addr office eth0 10.0.0.2/24 2001:db8:1::2/64
addr gateway vpn 10.3.0.1/24 2001:db8:3::1/64
addr stranger eth0 10.3.0.2/24 2001:db8:3::2/64
gateway_of gateway 203.0.113.9 2001:db8::9
gateway_of client 203.0.113.1 2001:db8::1
gateway_of office 10.0.0.1 2001:db8:1::1
gateway_of stranger 10.3.0.1 2001:db8:3::1
forwarding_on gateway
for h in client office stranger guest; do serve $h tcp :: 80; done
# Somebody else's port forward.
on gateway nft -f - <<'NFT'
table inet other { chain in { type nat hook prerouting priority dstnat; tcp dport 8888 dnat ip to 10.0.0.2:80; }; }
NFT

asks() { # DESCRIPTION HOST ADDRESS PORT
	check "$1" ask "$2" tcp "$3" "$4"
}

shut() { # DESCRIPTION HOST ADDRESS PORT
	check_not "$1" env GWD_TIMEOUT=0.5 nsenter --net="/run/netns/$2" "$python" -IS "$tools/client.py" tcp "$3" "$4"
}

policy() { # POLICY
	config gateway <<-YAML
		wan: br0
		lan: lan
		policy: $1
		services:
		  - {port: 81, to: 10.0.0.2:80}
		  - {port: 82, to: 10.3.0.2:80}
	YAML
	ctl gateway apply
}

always() { # POLICY
	is "$1: a forward" "office ::ffff:203.0.113.9 80" ask client tcp 203.0.113.1 81
	is "$1: one to an interface that is not named" "stranger ::ffff:203.0.113.9 80" ask client tcp 203.0.113.1 82
	is "$1: lan to the internet" "client ::ffff:203.0.113.1 80" ask office tcp 203.0.113.9 80
	asks "$1: lan to an interface that is not named" office 10.3.0.2 80
	asks "$1: by IPv6 too" office 2001:db8:3::2 80
	for to in 10.0.0.2 2001:db8:1::2; do shut "$1: the internet to lan ($to)" client $to 80; done
	asks "$1: the gateway itself reaches what it likes" gateway 10.3.0.2 80
}

unnamed() { # POLICY COMMAND: an interface that is in no zone
	for to in 10.0.0.2 2001:db8:1::2 203.0.113.9 2001:db8::9; do "$2" "$1: an unnamed interface to $to" stranger $to 80; done
	for to in 10.3.0.2 2001:db8:3::2; do "$2" "$1: the internet to an unnamed interface ($to)" client $to 80; done
	"$2" "$1: somebody else's translation" client 203.0.113.1 8888
}

check "gwd starts" gwd_start gateway
check "coexist" policy coexist
always coexist
unnamed coexist asks
talk_open kept client tcp 203.0.113.1 81
is "a connection is opened" "office ::ffff:203.0.113.9 80" talk kept

check "exclusive" policy exclusive
is "it goes on" "office ::ffff:203.0.113.9 80" talk kept
always exclusive
unnamed exclusive shut
if on gateway test -e /proc/sys/net/bridge/bridge-nf-call-iptables; then
	on gateway sh -c 'echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables; echo 1 >/proc/sys/net/bridge/bridge-nf-call-ip6tables'
	is "what is bridged past the gateway passes" "guest ::ffff:203.0.113.9 80" ask client tcp 203.0.113.3 80
	is "and the other way, IPv6" "client 2001:db8::3 80" ask guest tcp 2001:db8::9 80
	has "status says that the rules see it" 'bridge-nf-call-iptables is 1' ctl gateway status
else
	skip "bridged frames under exclusive" "br_netfilter is not there"
fi
table gateway >"$work/table.nft"
check "the listing can be loaded again" on client nft -c -f "$work/table.nft"
gwd_kill gateway
shut "gwd killed: shut is shut" stranger 10.0.0.2 80
gwd_start gateway
check "back to coexist" policy coexist
is "the connection is still there" "office ::ffff:203.0.113.9 80" talk kept
asks "and the unnamed interface is again" stranger 10.0.0.2 80
finish
