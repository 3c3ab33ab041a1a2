#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Beside the real firewalld: it lets through what is translated, whatever zone, and rejects the rest: each chain in the way
# is named with the command that helps for good. Rules of a firewalld with StrictForwardPorts=yes (2.3 and later) are made
# by hand where the one that is here does not know it.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/firewalls.sh"
command -v firewalld >/dev/null || skip_all "there is no firewalld here: sh packaging/deps.sh --dev"
command -v dbus-daemon >/dev/null || skip_all "there is no dbus-daemon here: sh packaging/deps.sh --dev"

private /etc/firewalld
bus=/run/dbus/system_bus_socket # of this sandbox alone
mkdir -p /run/dbus
dbus-daemon --session --address=unix:path=$bus --nofork --nopidfile 2>/dev/null &
eventually test -S $bus || skip_all "dbus-daemon does not start"
firewall_start() {
	# Not by way of `on`: that would hold the output of `check` open.
	nsenter --net=/run/netns/gateway firewalld --nofork --nopid >"$work/firewalld.log" 2>&1 &
	echo $! >"$work/firewalld.pid"
	eventually on gateway firewall-cmd --state
}
firewall_stop() {
	kill "$(cat "$work/firewalld.pid")"
	eventually sh -c "! firewall-cmd --state"
}
firewall_reload() { on gateway firewall-cmd --reload; }
rules() { on gateway nft -s list table inet firewalld; }
web() { ask client tcp 203.0.113.1 80; }
hole() { ask client tcp fd00::2 80; }
own() { ask client tcp 203.0.113.1 2222; }
everything() { web && hole && own; }

two_nics
ip -n client route add fd00::/64 via 2001:db8::1
serve server tcp 10.0.0.2 80
serve server tcp fd00::2 80
serve gateway tcp 0.0.0.0 2222
check "firewalld comes up" firewall_start
on gateway firewall-cmd -q --permanent --zone=external --change-interface=wan
on gateway firewall-cmd -q --permanent --zone=trusted --change-interface=lan
on gateway firewall-cmd -q --reload
rules >"$work/before"
gwd_start gateway
check "it lets translated connections through, add knows it" silent_add 80 10.0.0.2 --name web
is "rightly so" "server 203.0.113.9 80" web
check "status too" warns_not
check "nothing of firewalld's is touched" sh -c "nsenter --net=/run/netns/gateway nft -s list table inet firewalld | diff - $work/before"

has "a pinhole is not translated: add says so" 'hole: dropped by firewalld \(table inet firewalld, chain filter_FWD_external\)' \
	ctl gateway add 80 '[fd00::2]' --no-nat --name hole
check_not "rightly so" hole
check "its commands" do_now
is "help" "server 2001:db8::9 80" hole
check "status is content" eventually warns_not

has "a port of the gateway itself, in the interface's zone" \
	"own tcp 2222: dropped by firewalld \\(table inet firewalld, chain filter_IN_external\\); .*: firewall-cmd --permanent --zone=external --add-port=2222/tcp" \
	ctl gateway open 2222
check_not "rightly so" own
check "its command" do_now
is "helps" "gateway 203.0.113.9 2222" own
check "status is content" eventually warns_not

check "firewall-cmd --reload" firewall_reload
check "all of it still works" everything
check "without a warning" eventually warns_not
for first in gwd firewall; do
	firewall_stop
	reboot $first
	check "after a reboot, $first first: all works" everything
	check "without a warning" eventually warns_not
done

if grep -q ^StrictForwardPorts /etc/firewalld/firewalld.conf; then
	sed -i 's/^StrictForwardPorts=.*/StrictForwardPorts=yes/' /etc/firewalld/firewalld.conf
	firewall_reload
else
	echo StrictForwardPorts=yes >>/etc/firewalld/firewalld.conf
	on gateway nft delete rule inet firewalld filter_FORWARD handle \
		"$(on gateway nft -a list chain inet firewalld filter_FORWARD | sed -n 's/.*ct status dnat accept # handle //p')"
fi
check "StrictForwardPorts: named" eventually warns '^web: dropped by firewalld \(table inet firewalld, chain filter_FWD_external\)'
check_not "rightly so" web
check "its command" do_now
is "helps" "server 203.0.113.9 80" web
has "for good" '^StrictForwardPorts=no$' cat /etc/firewalld/firewalld.conf
check "status is content" eventually warns_not
finish
