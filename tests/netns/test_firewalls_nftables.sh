#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Beside a ruleset that the distribution's nftables service loads: Debian's /etc/nftables.conf, which lets everything
# through, and Alpine's /etc/nftables.nft, which drops what is forwarded. What is told helps at once, and from the file
# where it is to be kept, whoever starts first. `flush ruleset`, with which both begin, takes nothing of ours for long.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/firewalls.sh"

private /etc
stock() { # NAME INPUT-POLICY FORWARD-POLICY: as the distribution delivers it
	cat <<-NFT
		#!/usr/sbin/nft -f
		flush ruleset
		table inet filter {
			chain input {
				type filter hook input priority filter; policy $1;
				iifname lo accept
				ct state { established, related } accept
				ct state invalid drop
				ip protocol icmp icmp type echo-request limit rate 1/second accept
				tcp dport 2223 accept
			}
			chain forward {
				type filter hook forward priority filter; policy $2;
			}
			chain output {
				type filter hook output priority filter; policy accept;
			}
		}
	NFT
}
firewall_start() { on gateway nft -f "$rules"; }
firewall_reload() { on gateway nft -f "$rules"; }
web() { ask client tcp 203.0.113.1 80; }
own() { ask client tcp 203.0.113.1 2223; }
both() { web && own; }

two_nics
serve server tcp 10.0.0.2 80
serve gateway tcp 0.0.0.0 2222-2223

rules=/etc/nftables.conf
stock accept accept >$rules
firewall_start
theirs >"$work/before"
gwd_start gateway
check "Debian's: add has nothing to warn of" silent_add 80 10.0.0.2 --name web
is "rightly so" "server 203.0.113.9 80" web
check "nothing of theirs is touched" theirs_are "$work/before"
firewall_reload
check "reloaded: it works" eventually both
for first in gwd firewall; do
	reboot $first
	check "after a reboot, $first first: it works" eventually both
done
check "nor has status" warns_not

stock accept drop >$rules
firewall_reload
check "made to drop: status names it" eventually warns '^web: dropped by nftables \(table inet filter, chain forward\)'
is "and where to put the rule" "the same without 'nft' as last line of /etc/nftables.conf, or as a file /etc/nftables.d/gwd.nft" remedy_later
remedy_now | sed 's/^nft //' >>$rules
check_not "rightly so" web
check "the command" do_now
is "helps" "server 203.0.113.9 80" web
firewall_reload
check "put there it helps after a reload" eventually both
for first in gwd firewall; do
	reboot $first
	check "after a reboot, $first first: it works" eventually both
	check "without a warning" eventually warns_not
done

rules=/etc/nftables.nft
stock drop drop >$rules
echo 'include "/etc/nftables.d/*.nft"' >>$rules
mkdir -p /etc/nftables.d
reboot firewall
check "Alpine's: status names it" warns '^web: dropped by nftables \(table inet filter, chain forward\)'
check_not "rightly so" web
remedy_now | sed 's/^nft //' >/etc/nftables.d/gwd.nft
check "the command" do_now
is "helps" "server 203.0.113.9 80" web
ctl gateway open 2222 >/dev/null 2>&1
check "a port of the gateway itself" eventually warns "^the gateway's own tcp 2222: dropped by nftables \\(table inet filter, chain input\\)"
check_not "rightly so" ask client tcp 203.0.113.1 2222
remedy_now | sed 's/^nft //' >>/etc/nftables.d/gwd.nft
firewall_reload
check "in the file, reloaded: all works" eventually both
is "the gateway's port too" "gateway 203.0.113.9 2222" ask client tcp 203.0.113.1 2222
for first in gwd firewall; do
	reboot $first
	check "after a reboot, $first first: it works" eventually both
	check "without a warning" eventually warns_not
done
finish
