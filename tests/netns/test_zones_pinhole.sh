#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# `nat: false` lets in, untranslated, to one target and port; everything beside it stays shut. Under both policies, where
# forwarding was on and where gwd turned it on.
. "$(dirname "$0")/lib.sh"

two_nics
ip -n client route add 10.0.0.0/24 via 203.0.113.1
ip -n client -6 route add fd00::/64 via 2001:db8::1
addr server eth0 10.0.0.3/24 fd00::3/64
for port in 80 81 8000-8002; do serve server tcp :: $port; done
serve server udp :: 80

shut() { # DESCRIPTION HOST ADDRESS PORT [PROTO]
	check_not "$1" env GWD_TIMEOUT=0.5 nsenter --net="/run/netns/$2" "$python" -IS "$tools/client.py" "${5:-tcp}" "$3" "$4"
}

holes() { # POLICY
	config gateway <<-YAML
		wan: wan
		lan: lan
		policy: $1
		services:
		  - {name: four, port: 80, to: 10.0.0.2, nat: false}
		  - {name: six, port: 80, to: "fd00::2", nat: false}
		  - {name: range, port: 8000-8001, to: "fd00::2", nat: false}
		  - {name: some, port: 81, to: "fd00::2", nat: false, from: "2001:db8:9::/64"}
	YAML
}

try() { # WHEN
	is "$1: IPv6, asked by the asker" "server 2001:db8::9 80" ask client tcp fd00::2 80
	is "$1: IPv4" "server ::ffff:203.0.113.9 80" ask client tcp 10.0.0.2 80
	is "$1: a range" "server 2001:db8::9 8001" ask client tcp fd00::2 8001
	shut "$1: beside the range" client fd00::2 8002
	for to in 10.0.0.2 fd00::2; do shut "$1: another port ($to)" client $to 81; done
	for to in 10.0.0.3 fd00::3; do shut "$1: another host ($to)" client $to 80; done
	for to in 10.0.0.2 fd00::2; do shut "$1: another protocol ($to)" client $to 80 udp; done
	shut "$1: for whom it is not" client fd00::2 81
	ip -n client addr add 2001:db8:9::9/64 dev eth0 nodad
	ip -n client -6 route replace fd00::/64 via 2001:db8::1 src 2001:db8:9::9
	ip -n gateway -6 route replace 2001:db8:9::/64 dev wan
	is "$1: for whom it is" "server 2001:db8:9::9 81" ask client tcp fd00::2 81
	ip -n client -6 route replace fd00::/64 via 2001:db8::1 src 2001:db8::9
	ip -n client addr del 2001:db8:9::9/64 dev eth0
}

holes coexist
check "gwd starts" gwd_start gateway
has "it turned forwarding on" 'IPv6 on by gwd' ctl gateway status
try coexist
holes exclusive
check "exclusive" ctl gateway apply
try exclusive
has "ls counts what came" '^six .* [1-9]' ctl gateway ls
# What the gateway itself asks of the target is no traffic of the forward.
of_six() { ctl gateway stats six | sed -n 's/^total  *\([0-9]* connections*\),.*/\1/p'; }
before=$(of_six)
check "before: $before" test "${before%% *}" -ge 1
has "why asks it" 'target .*:80 answers' ctl gateway why 80 --to fd00::2
is "which is not counted" "$before" of_six
gwd_kill gateway
is "gwd killed: it stays open" "server 2001:db8::9 80" ask client tcp fd00::2 80
shut "and shut" client fd00::3 80
gwd_start gateway

# A client that only sends is one connection, however much it sends.
sent() { # PORT: of 20 datagrams to it, how many left for the server
	on client "$python" -IS -c 'import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for i in range(20): s.sendto(b"hello", ("fd00::2", int(sys.argv[1])))' "$1"
	on gateway nft list table ip6 seen | sed -n 's/.*dport.*packets \([0-9]*\).*/\1/p'
}
on gateway nft -f - <<'NFT'
table ip6 seen {
	chain out {
		type filter hook postrouting priority 0;
		udp dport 7000 counter
	}
}
NFT
on server nft -f - <<'NFT'
table ip6 silent {
	chain in {
		type filter hook input priority 0;
		udp dport 7000 drop
	}
}
NFT
check "one with a rate" ctl gateway -q add 7000/udp fd00::2 --no-nat --name paced --limit-rate 2/hour --log
is "is one new connection" 20 sent 7000
is "told once" 1 grep -c 'paced: udp \[' "$work/gateway/gwd.log"

# What goes through a pinhole ends with it like what is translated, also when the server goes on sending.
cut() { # NAME: its client hears nothing any more
	GWD_TIMEOUT=0.5 talk "$1" | grep '^server' && return 1
	return 0
}
serve server tcp fd00::2 7001
serve server udp fd00::2 7001
check "one to be removed" ctl gateway -q add 7001/tcp+udp fd00::2 --no-nat --name short
talk_open tcp client tcp fd00::2 7001
talk_open udp client udp fd00::2 7001
has "tcp" "^server" talk tcp
has "udp" "^server" talk udp
has "rm --kill cuts both" "cut 2 connections" ctl gateway rm short --kill
check "tcp is cut" cut tcp
check "udp is cut" cut udp
check "off" ctl gateway off six
shut "shut again" client fd00::2 80
is "the other one is not" "server ::ffff:203.0.113.9 80" ask client tcp 10.0.0.2 80
finish
