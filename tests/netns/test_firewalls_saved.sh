#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The whole ruleset, ours included, saved to the file from which the nftables service loads it (Debian: by hand; Alpine and
# Gentoo: `rc-service nftables save`, with a flush at its head): loaded again at any time it brings the user's tables, and
# gwd puts its own right. What cannot load (an element that changed since, an owned table) is told by status beforehand,
# and so is the command that takes our table out of the file.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/firewalls.sh"

private /etc /var/lib
mkdir -p /var/lib/nftables
firewall_start() { on gateway nft -f "$rules"; }
save() { # [HEAD]
	{ [ -z "${1-}" ] || echo "$1"; on gateway nft list ruleset; } >"$rules.tmp" && mv "$rules.tmp" "$rules"
}
web() { [ "$(ask client tcp 203.0.113.1 80)" = "$wanted 203.0.113.9 80" ]; }
users() { on gateway nft list chain inet filter input | grep -q 'tcp dport 2323 drop' && on gateway nft list table ip later; }
both() { web && users; }
named() { warns "^$rules holds a saved copy of gwd's own table"; }
take_out() { sh -ec "$(warnings | sed -n 's/.*when it is loaded: //p')"; }

two_nics
addr server eth0 10.0.0.3/24
serve server tcp 10.0.0.2 80 one
serve server tcp 10.0.0.3 80 two
on gateway nft 'table inet filter { chain input { type filter hook input priority 0; tcp dport 2323 drop; }; }'
gwd_start gateway
ctl gateway add 80 10.0.0.2 --name web >/dev/null
on gateway nft 'table ip later { chain unused { }; }' # behind ours in the listing
ctl gateway add 8000-8010 10.0.0.2 --from 198.51.100.0/24 --limit-connections 5 --name rich >/dev/null
wanted=one
for head in 'flush ruleset' ''; do
	if [ -n "$head" ]; then rules=/var/lib/nftables/rules-save; else rules=/etc/nftables.conf; fi
	check "${head:-no flush}: saved" save "$head"
	check "a saved copy of our table is named" named
	gwd_stop gateway
	gwd_start gateway
	check "gwd started again, the file loaded" firewall_start
	check "both are as they were" eventually both
	for first in gwd firewall; do
		reboot $first
		check "after a reboot, $first first: both are there" eventually both
	done
	rm "$rules"
done
not_named() { ! warnings | grep 'saved copy'; }
check "no saved copy, no warning" not_named

# The target has changed since, and the file has no flush: its element is in the way.
save
on gateway nft 'delete table inet filter; delete table ip later'
wanted=two
ctl gateway set web 10.0.0.3 >/dev/null
check_not "an old copy of a changed forward: nothing of the file is loaded" firewall_start
check "status has said so" named
check "the command that it tells" take_out
check "loads all of the user's" firewall_start
check "both are there" eventually both
check "status is content" not_named

rules=/var/lib/nftables/rules-save
ctl gateway add 90 10.0.0.3 --snat 10.0.0.1 --name fixed >/dev/null
save 'flush ruleset'
check "with a source of its own (snat: ADDRESS), saved: loads" firewall_start
check "both are there" eventually both
check "saved once more" save 'flush ruleset'
check "it loads" firewall_start
check "both are there" eventually both

config gateway <<-'YAML'
	lan: lan
	policy: exclusive
YAML
check "policy: exclusive" ctl gateway apply
if table gateway | grep -q 'progname'; then
	save 'flush ruleset'
	check_not "an owned table, saved: nothing of the file is loaded" firewall_start
	check "status has said so" named
	check "the command that it tells" take_out
	check "loads all of the user's" firewall_start
	check "both are there" eventually both
	save 'flush ruleset'
	check "saved again: again" take_out
	for first in gwd firewall; do
		reboot $first
		check "after a reboot, $first first: both are there" eventually both
	done
else
	skip "an owned table" "no table is made with an owner here"
fi
finish
