#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Another firewall on the gateway that drops what is forwarded is named, with the command that helps: by `add`, by
# `status`, and once in the log. It is followed by event: the command makes the warning go away. A firewall that lets our
# connections through is no reason to warn, and neither is a translation of another port.
. "$(dirname "$0")/lib.sh"

warnings() { ctl gateway -o json status | "$python" -IS -c 'import json, sys; print("\n".join(json.load(sys.stdin)["warnings"]))'; }
remedy() { ctl gateway -o json status | "$python" -IS -c 'import json, sys; print(json.load(sys.stdin)["firewalls"][0]["remedy"])'; }
warns() { warnings | grep -qE -e "$1"; }
warns_not() { ! warnings | grep -q .; }
said() { grep -cE -e "$1" "$work/gateway/gwd.log"; }
logged() { grep -qE -e "$1" "$work/gateway/gwd.log"; }
silent_open() { ! ctl gateway open "$@" 2>&1 | grep dropped; }
silent_add() { ! ctl gateway add "$@" 2>&1 | grep -i warn; }

two_nics
serve server tcp 10.0.0.2 80-82
gwd_start gateway
check "without another firewall nobody warns" silent_add 80 10.0.0.2 --name web
is "it works" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80

on gateway nft -f - <<'NFT'
table inet filter {
	set banned { type ipv4_addr; }
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname "lan" accept
	}
}
NFT
check_not "a firewall that drops does drop" ask client tcp 203.0.113.1 80
check "status comes to know by event" eventually warns '^web: dropped by nftables \(table inet filter, chain forward\)'
has "and shows it as a firewall" '^firewalls +nftables \(table inet filter, chain forward\) drops 1 forward$' ctl gateway status
is "the log says it" 1 said 'web: dropped by nftables'
has "add warns" 'warning.*mail: dropped by nftables .*: nft insert rule inet filter forward ct status dnat accept' \
	ctl gateway add 81 10.0.0.2 --name mail
has "so does a dry run" 'more: dropped by nftables' ctl gateway add 82 10.0.0.2 --name more --dry-run
check "status names both" warns '^web, mail: dropped by nftables'
ctl gateway rm mail >/dev/null

on gateway nft add element inet filter banned '{ 192.0.2.1 }'
on gateway nft 'add chain inet filter second { type filter hook forward priority 10; policy drop; }'
check "a second one is told too" eventually logged 'Z web: dropped by nftables \(table inet filter, chain second\)'
is "once was enough for the first" 1 said 'Z web: dropped by nftables \(table inet filter, chain forward\)'
on gateway nft delete chain inet filter second
# shellcheck disable=SC2046 # the words of a command
check "its remedy can be done as it is told" on gateway $(remedy)
is "and helps" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
check "the warning goes away by event" eventually warns_not
check "the log says so" eventually logged 'no longer so: web: dropped by nftables \(table inet filter, chain forward\)'
check "an add is not warned of any more" silent_add 81 10.0.0.2 --name mail

on gateway nft -f - <<'NFT'
delete table inet filter
table ip nat {
	chain DOCKER {
		iifname != "docker0" tcp dport 82 dnat to 172.17.0.2:80
	}
	chain PREROUTING {
		type nat hook prerouting priority dstnat;
		fib daddr type local jump DOCKER
	}
}
table ip filter {
	chain DOCKER {
		iifname != "docker0" oifname "docker0" drop
	}
	chain FORWARD {
		type filter hook forward priority filter;
		jump DOCKER
	}
}
NFT
check "a target that is no container, a port that Docker has not translated" silent_add 83 10.0.0.2:80 --name other
has "one that it has: add says who has it, where to, and who is first" \
	'docked: tcp 82 is already translated by Docker \(table ip nat, chain DOCKER\) to 172.17.0.2:80; gwd.s rule runs first and takes it' \
	ctl gateway add 82 10.0.0.2:80 --name docked
is "it is" "server 203.0.113.9 80" ask client tcp 203.0.113.1 82
check "status says so too" eventually warns '^docked: tcp 82 is already translated by Docker'
gwd_stop gateway
: >"$work/gateway/gwd.log"
gwd_start gateway
is "a start finds it" 1 said 'Z docked: tcp 82 is already translated'
on gateway nft 'delete table ip nat; delete table ip filter'
check "and it is over when it is" eventually warns_not

on gateway nft 'add table inet own; add chain inet own in { type filter hook input priority 0; policy drop; }
	add rule inet own in tcp dport 2222 accept'
check "a port of the gateway itself that others let in" silent_open 2222
has "one that they do not" \
	"own tcp 13337: dropped by nftables \\(table inet own, chain in\\); .*: nft insert rule inet own in tcp dport 13337 accept" \
	ctl gateway open 13337
check "status says so" warns "^the gateway's own tcp 13337: dropped"
has "as of a firewall" '^firewalls +nftables \(table inet own, chain in\) drops 1 open port$' ctl gateway status
ctl gateway close 13337 >/dev/null
check "closed, it is nobody's business" warns_not
ctl gateway close 2222 >/dev/null
on gateway nft delete table inet own

if ! on gateway sh -c 'command -v iptables-nft' >/dev/null; then
	skip "ufw" "there is no iptables-nft here"
	finish
fi
on gateway sh -c 'iptables-nft -N ufw-user-forward && iptables-nft -P FORWARD DROP &&
	iptables-nft -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT && iptables-nft -A FORWARD -j ufw-user-forward'
check "ufw is recognised, and its own command told" \
	eventually warns 'ufw \(table ip filter, chain FORWARD\).*: ufw route allow proto tcp from any to 10.0.0.2 port 80$'
check_not "rightly so" ask client tcp 203.0.113.1 80
on gateway iptables-nft -A ufw-user-forward -p tcp -d 10.0.0.2 --dport 80 -j ACCEPT # as that command does
is "with it the forward works" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
still() { [ "$(warnings | sed 's/:.*//')" = mail ]; }
check "only what it does not cover is left" eventually still
finish
