#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Beside the real ufw: what it drops is named with its own command, which helps at once, after `ufw reload` and after a
# reboot, whoever starts first. What ufw was told to refuse stays refused, and no rule of its is touched.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/firewalls.sh"
command -v ufw >/dev/null || skip_all "there is no ufw here: sh packaging/deps.sh --dev"

private /etc/ufw /etc/default/ufw
firewall_start() { on gateway sh -c '/lib/ufw/ufw-init start || ! echo ufw did not start'; } # as its service does
firewall_reload() { on gateway ufw reload; }
web() { ask client tcp 203.0.113.1 80; }
web6() { ask client tcp 2001:db8::1 80; }

two_nics
serve server tcp 10.0.0.2 80-81
serve server tcp fd00::2 80
serve gateway tcp 0.0.0.0 2222-2223
check "ufw comes up" on gateway ufw --force enable
on gateway ufw allow 2223/tcp >/dev/null
theirs >"$work/before"
gwd_start gateway
for w in 'web: dropped by ufw \(table ip filter, chain FORWARD\)' '.*: ufw route allow proto tcp from any to 10.0.0.2 port 80$'; do
	has "add says: $w" "$w" ctl gateway add 80 10.0.0.2 --name web
	ctl gateway rm web >/dev/null
done
ctl gateway add 80 10.0.0.2 --name web >/dev/null 2>&1
check "nothing of ufw's is touched" theirs_are "$work/before"
check_not "rightly said: nothing passes" web
has "status names it" '^firewalls +ufw \(table ip filter, chain FORWARD\) drops 1 forward$' ctl gateway status
check "its command can be done as it is told" do_now
is "and helps" "server 203.0.113.9 80" web
check "status is content" eventually warns_not

ctl gateway add 80 '[fd00::2]' --name web6 >/dev/null 2>&1
check "IPv6: ufw's other table" eventually warns '^web6: dropped by ufw \(table ip6 filter, chain FORWARD\)'
check_not "rightly so" web6
check "its command" do_now
is "helps" "server 2001:db8::9 80" web6
check "and status is content" eventually warns_not

ctl gateway open 2222 >/dev/null 2>&1
check "a port of the gateway itself" eventually warns "^the gateway's own tcp 2222: dropped by ufw .*: ufw allow 2222/tcp$"
check_not "rightly so" ask client tcp 203.0.113.1 2222
check "its command" do_now
is "helps" "gateway 203.0.113.9 2222" ask client tcp 203.0.113.1 2222
check "and status is content" eventually warns_not

everything() { web && web6 && ask client tcp 203.0.113.1 2222 && ask client tcp 203.0.113.1 2223; }
refused() { ! ask client tcp 203.0.113.1 81 && ! ask client tcp 203.0.113.1 80; }
check "ufw reload" firewall_reload
check "all of it still works" everything
check "without a warning" warns_not
for first in gwd firewall; do
	reboot $first
	check "after a reboot, $first first: all works" everything
	check "without a warning" eventually warns_not
done

ctl gateway add 81 10.0.0.2 --name other >/dev/null 2>&1
check "what ufw was not told is dropped, and named" warns '^other: dropped by ufw'
check_not "by both" ask client tcp 203.0.113.1 81
on gateway ufw route insert 1 deny from 203.0.113.9 to 10.0.0.2 >/dev/null
check "what ufw is told to refuse to a client stays refused" refused
check "which may concern anybody, so status says so" eventually warns '^web.* may be dropped by ufw \(table ip filter, chain ufw-user-forward\); if so: ufw status numbered'
on gateway ufw --force disable >/dev/null
is "without ufw all is well" "server 203.0.113.9 81" ask client tcp 203.0.113.1 81
check "for status too" eventually warns_not
finish
