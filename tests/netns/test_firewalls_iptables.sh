#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Beside rules of iptables-nft that somebody keeps in a file, as Debian's netfilter-persistent and Alpine's iptables service
# do: what drops is named, what helps works at once, and after their save, reload and a reboot, whoever starts first.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/firewalls.sh"
command -v iptables-nft >/dev/null || skip_all "there is no iptables-nft here: sh packaging/deps.sh"

saved=$work/rules.v
mkdir "$work/bin" # what the remedy calls by its usual names
ln -s "$(command -v iptables-nft)" "$work/bin/iptables"
ln -s "$(command -v ip6tables-nft)" "$work/bin/ip6tables"
cat >"$work/bin/netfilter-persistent" <<-SAVE
	#!/bin/sh
	[ "\$1" = save ] && iptables-nft-save >${saved}4 && ip6tables-nft-save >${saved}6
SAVE
chmod +x "$work/bin/netfilter-persistent"
PATH=$work/bin:$PATH
export PATH
firewall_start() {
	on gateway iptables-nft-restore <"${saved}4"
	on gateway ip6tables-nft-restore <"${saved}6"
}
web() { ask client tcp 203.0.113.1 80; }
web6() { ask client tcp 2001:db8::1 80; }
udp() { ask client udp 203.0.113.1 53; }
everything() { web && web6 && udp; }

two_nics
serve server tcp 10.0.0.2 80
serve server udp 10.0.0.2 53
serve server tcp fd00::2 80
serve gateway tcp 0.0.0.0 2223
for tool in iptables ip6tables; do
	on gateway $tool -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	on gateway $tool -A INPUT -i wan -p tcp --dport 2223 -j ACCEPT
	on gateway $tool -A INPUT -i wan -p tcp -j REJECT
	on gateway $tool -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	on gateway $tool -A FORWARD -i lan -j ACCEPT
	on gateway $tool -P FORWARD DROP
done
on gateway netfilter-persistent save
theirs >"$work/before"
gwd_start gateway
has "add names what drops" 'web: dropped by iptables \(table ip filter, chain FORWARD\)' ctl gateway add 80 10.0.0.2 --name web
ctl gateway add 53/udp 10.0.0.2 --name dns >/dev/null 2>&1
check "nothing of theirs is touched" theirs_are "$work/before"
check_not "rightly said: nothing passes" web
check "both are named, the command is for all that is translated" warns '^web, dns: dropped by iptables .*; to let the first through: iptables -I FORWARD'
check "it can be done as it is told" do_now
later="netfilter-persistent save, or rc-service iptables save"
is "and helps" "server 203.0.113.9 80" web
is "UDP too" "server 203.0.113.9 53" udp
ctl gateway add 80 '[fd00::2]' --name web6 >/dev/null 2>&1
check "IPv6: the other tool" eventually warns '^web6: dropped by iptables \(table ip6 filter, chain FORWARD\); .*: ip6tables -I FORWARD'
check_not "rightly so" web6
is "what it says to do for good" "$later" remedy_later
check "its command" do_now
is "helps" "server 2001:db8::9 80" web6
check "status is content" eventually warns_not
on gateway sh -c "${later%%,*}"
firewall_start
check "saved and restored: all works" everything
check "without a warning" eventually warns_not
for first in gwd firewall; do
	reboot $first
	check "after a reboot, $first first: all works" everything
	check "without a warning" eventually warns_not
	is "their own rules are there" "gateway 203.0.113.9 2223" ask client tcp 203.0.113.1 2223
done
finish
