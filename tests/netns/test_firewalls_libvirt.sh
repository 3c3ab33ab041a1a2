#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Beside libvirt, whose rules are written here as it writes them (no libvirt is started), with iptables and with nftables:
# it rejects what it does not know to come to a guest. Its hook, packaging/hooks/libvirt-network, lets our forwards in: now,
# and whenever libvirt starts a network, restarts, or the machine does. The guests' own way out, and what is not
# translated, stay libvirt's business.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/firewalls.sh"

hooks=/etc/libvirt/hooks/network.d
call_hooks() { # OPERATION: as libvirt does
	for hook in "$hooks"/*; do
		[ ! -x "$hook" ] || echo "<hookData/>" | on gateway "$hook" default "$1" begin -
	done
}
ipt() { on gateway iptables-nft "$@"; }
nft_do() { on gateway nft "$@"; }

# Both make the chains when they are not there, and put the network's rules first in them.
rules_iptables() {
	for pair in INPUT:LIBVIRT_INP OUTPUT:LIBVIRT_OUT FORWARD:LIBVIRT_FWO FORWARD:LIBVIRT_FWI FORWARD:LIBVIRT_FWX; do
		ipt -N "${pair#*:}" 2>/dev/null
		ipt -C "${pair%:*}" -j "${pair#*:}" 2>/dev/null || ipt -I "${pair%:*}" -j "${pair#*:}"
	done
	net='LIBVIRT_INP -i virbr0 -p udp --dport 67 -j ACCEPT
LIBVIRT_FWX -i virbr0 -o virbr0 -j ACCEPT
LIBVIRT_FWI -o virbr0 -j REJECT
LIBVIRT_FWO -i virbr0 -j REJECT
LIBVIRT_FWI -d 192.168.122.0/24 -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
LIBVIRT_FWO -s 192.168.122.0/24 -i virbr0 -j ACCEPT'
	# shellcheck disable=SC2086 # words
	echo "$net" | while read -r rule; do ipt -D $rule 2>/dev/null; done
	# shellcheck disable=SC2086 # words
	echo "$net" | while read -r rule; do ipt -I $rule; done
}
rules_nftables() {
	nft_do list table ip libvirt_network >/dev/null 2>&1 || nft_do -f - <<-'NFT'
		table ip libvirt_network {
			chain guest_cross { }
			chain guest_input { }
			chain guest_output { }
			chain forward {
				type filter hook forward priority filter; policy accept;
				counter jump guest_cross
				counter jump guest_input
				counter jump guest_output
			}
		}
	NFT
	nft_do -f - <<-'NFT'
		flush chain ip libvirt_network guest_cross
		flush chain ip libvirt_network guest_input
		flush chain ip libvirt_network guest_output
		insert rule ip libvirt_network guest_output iif virbr0 counter reject
		insert rule ip libvirt_network guest_output ip saddr 192.168.122.0/24 iif virbr0 counter accept
		insert rule ip libvirt_network guest_input oif virbr0 counter reject
		insert rule ip libvirt_network guest_input oif virbr0 ip daddr 192.168.122.0/24 ct state related,established counter accept
		insert rule ip libvirt_network guest_cross iif virbr0 oif virbr0 counter accept
	NFT
}
firewall_reload() { "rules_$backend"; } # libvirtd is restarted: no hook is called
firewall_start() { # the network is started
	"rules_$backend"
	call_hooks started
}
web() { ask client tcp 203.0.113.1 80; }
out() { ask guest tcp 203.0.113.9 7; }
works() { [ "$(web)" = "guest 203.0.113.9 80" ] && out; }
routed() { ask client tcp 192.168.122.2 81; }

private /etc
mkdir -p "$hooks"
mount -t tmpfs tmpfs /usr/local/share
two_nics
host guest
wire guest:eth0 gateway:vnet0
bridge_up gateway virbr0 vnet0
addr gateway virbr0 192.168.122.1/24
addr guest eth0 192.168.122.2/24
gateway_of guest 192.168.122.1
ip -n client route add 192.168.122.0/24 via 203.0.113.1
serve guest tcp 192.168.122.2 80-81
serve client tcp 203.0.113.9 7
forwarding_on gateway # as libvirt does

for backend in nftables iptables; do
	if [ $backend = iptables ] && ! command -v iptables-nft >/dev/null; then
		skip "libvirt with iptables" "there is no iptables-nft here: sh packaging/deps.sh"
		continue
	fi
	on gateway nft flush ruleset
	rm -f "$hooks"/*
	firewall_start
	theirs >"$work/before"
	[ -e "$work/gateway/gwd.pid" ] || gwd_start gateway
	has "$backend: add names the chain that rejects" \
		'web: dropped by libvirt \(table ip (libvirt_network, chain guest_input|filter, chain LIBVIRT_FWI)\); .*: install -D -m 755 .*/hooks/libvirt-network' \
		ctl gateway add 80 192.168.122.2 --name web
	check "nothing of libvirt's is touched" theirs_are "$work/before"
	check_not "rightly said" web
	hook=$(remedy_now | sed 's/^install -D -m 755 \([^ ]*\) .*/\1/')
	install -D -m 755 "$top/packaging/hooks/libvirt-network" "$hook" # as `make install` does
	check "the command can be done as it is told" do_now
	check "and helps" works
	check_not "what is only routed there stays rejected" routed
	check "status is content" eventually warns_not
	theirs >"$work/before"
	call_hooks started
	check "called again, the hook changes nothing" theirs_are "$work/before"
	firewall_reload
	check "libvirtd is restarted: it works" works
	firewall_start
	check "the network is restarted: it works" works
	for first in gwd firewall; do
		reboot $first
		check "after a reboot, $first first: it works" works
		check "without a warning" eventually warns_not
		check_not "and what is only routed stays rejected" routed
	done
	ctl gateway rm web >/dev/null
done
finish
