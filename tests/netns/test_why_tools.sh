#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl why, where a tool's rules are the cause: iptables, Docker and libvirt, as they write them. Each is named, is the
# first that is named, and what it is told to do helps.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/why.sh"
command -v iptables-nft >/dev/null || skip_all "there is no iptables-nft here: sh packaging/deps.sh --dev"

switched
serve server tcp 0.0.0.0 80
gwd_start gateway
ctl gateway add 80 10.0.0.2 --name web >/dev/null
passes() { case $(ask client tcp 203.0.113.1 80) in "server "*" 80") ;; *) false ;; esac }
nft_do() { on gateway nft "$@"; }
ipt() { on gateway iptables-nft "$@"; }
ln -s "$(command -v iptables-nft)" "$work/iptables" && PATH=$work:$PATH # which `iptables` is here

ipt -P FORWARD DROP
ipt -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
broken "a policy of iptables" ✗ firewalls 'dropped by iptables \(table ip filter, chain FORWARD\): its policy, at hook forward, priority 0$'
cured "a policy of iptables"
nft_do delete table ip filter
ipt -t raw -A PREROUTING -p tcp --dport 80 -j DROP
broken "the raw table of iptables" ✗ firewalls 'dropped by iptables \(table ip raw, chain PREROUTING\): its rule with handle [0-9]+, at hook prerouting, priority -300$'
cured "the raw table of iptables"
nft_do delete table ip raw
ipt -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.3:80
healthy "a translation of iptables, which comes later"
nft_do delete table ip nat
for name in DOCKER DOCKER-USER; do ipt -N $name; done
ipt -P FORWARD DROP
ipt -A FORWARD -j DOCKER-USER
ipt -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
broken "Docker" ✗ firewalls 'dropped by Docker \(table ip filter, chain FORWARD\): its policy, at hook forward, priority 0$'
cured "Docker"
nft_do delete table ip filter

nft_do -f - <<'NFT'
table ip libvirt_network {
	chain guest_input {
		oif "lan" ip daddr 10.0.0.0/24 ct state related,established counter accept
		oif "lan" counter reject
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		counter jump guest_input
	}
}
NFT
broken "libvirt" ✗ firewalls 'dropped by libvirt \(table ip libvirt_network, chain guest_input\): its rule with handle [0-9]+, at hook forward, priority 0$'
# Its hook lies where it will be installed, and here in the source.
hook=${told#*-m 755 }
told=$(printf '%s\n' "$told" | sed "s|${hook%% *}|$top/packaging/hooks/libvirt-network|; s|/etc/libvirt/|$work/libvirt/|g")
cured "libvirt"
finish
