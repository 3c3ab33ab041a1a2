#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The public address from inside: a guest to another, to itself, the gateway to a guest; routed and bridged guests, with
# br_netfilter showing bridged frames to the rules and without; at an address that came a moment ago.
. "$(dirname "$0")/lib.sh"

host client gateway a b
wire client:eth0 gateway:wan
wire a:eth0 gateway:pa
wire b:eth0 gateway:pb
bridge_up gateway br0 pa pb
addr client eth0 203.0.113.9/24 2001:db8::9/64
addr gateway wan 203.0.113.1/24 2001:db8::1/64
addr gateway br0 10.0.0.1/24 fd00::1/64
addr a eth0 10.0.0.2/24 fd00::2/64
addr b eth0 10.0.0.3/24 fd00::3/64
gateway_of gateway 203.0.113.9 2001:db8::9
gateway_of a 10.0.0.1 fd00::1
gateway_of b 10.0.0.1 fd00::1
config gateway <<'YAML'
services:
  - {port: 80, to: 10.0.0.2}
  - {port: 81, to: 10.0.0.3:80}
  - {port: 82, listen: wan, to: 10.0.0.3:80}
  - {port: 53, to: 10.0.0.3, proto: udp}
  - {port: 80, to: "fd00::2"}
  - {port: 81, to: "[fd00::3]:80"}
YAML
serve a tcp 10.0.0.2 80
serve b tcp 10.0.0.3 80
serve b udp 10.0.0.3 53
serve a tcp fd00::2 80
serve b tcp fd00::3 80
check "gwd starts" gwd_start gateway

all_ways() { # LABEL IPV4
	is "$1: from outside" "b 203.0.113.9 80" ask client tcp "$2" 81
	is "$1: a guest to the other" "b 10.0.0.1 80" ask a tcp "$2" 81
	is "$1: by an interface's forward" "b 10.0.0.1 80" ask a tcp "$2" 82
	is "$1: udp" "b 10.0.0.1 53" ask a udp "$2" 53
	is "$1: a guest to itself" "a 10.0.0.1 80" ask a tcp "$2" 80
	is "$1: the gateway" "b $2 80" ask gateway tcp "$2" 81
	is "$1: from outside, IPv6" "b 2001:db8::9 80" ask client tcp 2001:db8::1 81
	is "$1: a guest to the other, IPv6" "b fd00::1 80" ask a tcp 2001:db8::1 81
	is "$1: a guest to itself, IPv6" "a fd00::1 80" ask a tcp 2001:db8::1 80
	is "$1: the gateway, IPv6" "b 2001:db8::1 80" ask gateway tcp 2001:db8::1 81
}
bridge_nf() { on gateway sh -c "echo $1 >/proc/sys/net/bridge/bridge-nf-call-iptables; echo $1 >/proc/sys/net/bridge/bridge-nf-call-ip6tables"; }

bridge_nf 0
all_ways "bridge" 203.0.113.1
bridge_nf 1
is "status warns of that, once for both families" 1 sh -c "nsenter --net=/run/netns/gateway '$gwctl' -s '$work/gateway/gwd.sock' status | grep -c 'bridge-nf-call-iptables and net/bridge/bridge-nf-call-ip6tables are 1: '"
# Linux never sends a frame out of the port it came in by, unless told to.
ip -n gateway link set dev pa type bridge_slave hairpin on
all_ways "br_netfilter" 203.0.113.1

on gateway sh -c 'echo 1 >/proc/sys/net/ipv4/conf/wan/promote_secondaries'
ip -n gateway addr add 203.0.113.50/24 dev wan
ip -n gateway addr del 203.0.113.1/24 dev wan
check "the new address is followed" eventually ask a tcp 203.0.113.50 81
all_ways "a new address" 203.0.113.50
bridge_nf 0
check_not "the old one is nobody's" ask a tcp 203.0.113.1 81
finish
