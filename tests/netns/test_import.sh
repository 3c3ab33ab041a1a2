#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# From rules written by hand, with nft as the home DMZ article has it and with iptables as in ufw's before.rules, to a
# gwd.yaml; the rules go, gwd starts with it, and the same packets pass.
. "$(dirname "$0")/lib.sh"

home_lan
serve server tcp 192.168.0.102 80 web
serve server tcp 192.168.0.102 22 ssh
serve server udp 192.168.0.102 53 dns
forwarding_on gateway
on gateway sh -c 'echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects; echo 0 >/proc/sys/net/ipv4/conf/eth0/send_redirects'
yaml=$work/gateway/imported.yaml

import() { # to the file that gwd starts with
	ctl gateway import >"$yaml" 2>"$work/import.err"
	status=$?
	cat "$work/import.err"
	return "$status"
}

start_with_it() {
	gwd_stop gateway
	cp "$yaml" "$work/gateway/gwd.yaml"
	gwd_start gateway
}

gwd_start gateway
is "nothing to import" "0 services; 0 rules not expressed, 0 left alone" import
check "a file without services is one" "$gwd" --check -c "$yaml"

on gateway nft -f - <<'NFT'
add table nat
add chain nat prerouting { type nat hook prerouting priority 0; }
add chain nat postrouting { type nat hook postrouting priority 100; }
add rule nat prerouting iif "eth0" tcp dport 80 dnat to 192.168.0.102
add rule nat prerouting iif "eth0" tcp dport 8081 ip saddr 203.0.113.0/24 dnat to 192.168.0.102:80
add rule nat prerouting iif "eth0" tcp dport 8082 ip saddr 198.51.100.0/24 dnat to 192.168.0.102:80
add rule nat postrouting oif "eth0" masquerade
NFT
is "the article's rules" "web 192.168.0.101 80" fetch client 203.0.113.1 80
check "all of them are imported" import
is "three services" "3 services; 0 rules not expressed, 1 left alone: see the comments at the end" import
check "gwd takes the file" "$gwd" --check -c "$yaml"
is "nothing was changed" 3 sh -c "nsenter --net=/run/netns/gateway nft list chain ip nat prerouting | grep -c 'dnat to'"
start_with_it
on gateway nft delete table nat
is "without the rules gwd does it" "web 192.168.0.101 80" fetch client 203.0.113.1 80
is "for those who may" "web 192.168.0.101 80" fetch client 203.0.113.1 8081
check_not "and not for others" fetch client 203.0.113.1 8082
is "its own table is nobody else's" "0 services; 0 rules not expressed, 0 left alone" import
gwd_stop gateway
on gateway "$gwd" --purge -c "$work/gateway/gwd.yaml" -s "$work/gateway/gwd.sock" -S "$work/gateway/state" >/dev/null 2>&1
forwarding_on gateway
: >"$work/gateway/gwd.yaml"
check_not "before the other rules there is nothing" fetch client 203.0.113.1 80
gwd_start gateway

if ! command -v iptables-nft-restore >/dev/null; then
	skip "ufw's before.rules" "no iptables-nft-restore here"
	finish
fi
on gateway iptables-nft-restore <<'RULES'
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp --dport 22222 -j DNAT --to-destination 192.168.0.102:22
-A PREROUTING -i eth0 -p tcp -m multiport --dports 80,443 -j DNAT --to-destination 192.168.0.102
-A PREROUTING -d 192.168.0.101 -s 203.0.113.0/24 -p udp --dport 5353 -j DNAT --to-destination 192.168.0.102:53
-A PREROUTING -p tcp --dport 2222 -m statistic --mode random --probability 0.5 -j DNAT --to-destination 192.168.0.102:22
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
RULES
is "ufw's before.rules" "ssh 192.168.0.101 22" ask client tcp 203.0.113.1 22222
exits "what cannot be said is told by the exit status" 1 import
has "and by a comment" '^# not expressed: tcp 2222 \(-m statistic\) -> 192\.168\.0\.102:22 \(table ip nat, chain PREROUTING, handle [0-9]+\): gwd\.yaml has no word for: -m statistic$' cat "$yaml"
has "for programs too" '"why": "gwd.yaml has no word for: -m statistic"' ctl gateway import -o json
check "gwd takes the file" "$gwd" --check -c "$yaml"
start_with_it
on gateway sh -c 'iptables-nft -t nat -F; nft delete table ip nat'
is "ssh" "ssh 192.168.0.101 22" ask client tcp 203.0.113.1 22222
is "the page" "web 192.168.0.101 80" fetch client 203.0.113.1 80
is "UDP, by address" "dns 192.168.0.101 53" ask client udp 203.0.113.1 5353
check_not "what was not expressed does not pass" ask client tcp 203.0.113.1 2222
finish
