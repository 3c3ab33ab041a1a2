#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Not only where firewalls filter is a connection dropped: on every hook that it passes, ahead of the translation by the
# port that was dialled and behind it by the target, `add` and `status` name what drops it for certain, and the command
# that helps. Each has a twin that drops something else, or only sometimes, and is no reason to warn.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/firewalls.sh"

two_nics
serve server tcp 10.0.0.2 8080
serve gateway tcp 0.0.0.0 2222
gwd_start gateway
nft_do() { on gateway nft "$@"; }
web() { [ "$(ask client tcp 203.0.113.1 80)" = "server 203.0.113.9 8080" ]; }
own() { [ "$(ask client tcp 203.0.113.1 2222)" = "gateway 203.0.113.9 2222" ]; }
settled() { eventually warns_not; }
chain() { nft_do "add table $1; add chain $1 c { type filter hook $2; policy accept; }"; } # TABLE HOOK

# DESCRIPTION TABLE HOOK RULE TWIN: `web` is dropped by the one, and not by the other
dropped() {
	place="nftables \\(table $2, chain c\\)"
	chain "$2" "$3"
	nft_do "add rule $2 c $5"
	check "$1, the twin: it passes" web
	check "$1, the twin: add has nothing to warn of" silent_add 81 10.0.0.2:8080 --name twin
	check "$1, the twin: nor has status" settled
	ctl gateway rm twin >/dev/null
	nft_do "flush chain $2 c; add rule $2 c $4"
	check_not "$1: nothing passes" web
	check "$1: status names it" eventually warns "^web: dropped by $place; to let it through: nft insert rule $2 c "
	has "$1: and shows it" "$place drops 1 forward or open port\$" ctl gateway status
	ctl gateway rm web >/dev/null
	has "$1: add names it" "warning.*web: dropped by $place" ctl gateway add 80 10.0.0.2:8080 --name web
	check "$1: the command" do_now
	check "$1: helps" web
	check "$1: and the warning goes away" settled
	nft_do "delete table $2"
}

check "without others nobody warns" silent_add 80 10.0.0.2:8080 --name web
dropped "raw prerouting" "inet f" "prerouting priority raw" "tcp dport 80 drop" "tcp dport 8080 drop"
dropped "ingress" "netdev f" "ingress device wan priority 0" "tcp dport 80 drop" "tcp dport 8080 drop"
dropped "behind the translation" "inet f" "prerouting priority 0" "ip daddr 10.0.0.2 drop" "tcp dport 80 drop"
dropped "postrouting" "inet f" "postrouting priority 0" 'oifname "lan" tcp dport 8080 drop' 'oifname "wan" tcp dport 8080 drop'
dropped "by address" "ip f" "prerouting priority raw" "ip daddr 203.0.113.1 drop" "ip daddr 203.0.113.2 drop"
dropped "answers" "netdev f" "ingress device lan priority 0" "ip saddr 10.0.0.2 tcp sport 8080 drop" "tcp dport 8080 drop"
dropped "answers on the way" "inet f" "prerouting priority raw" 'iifname "lan" tcp sport 8080 drop' 'iifname "lan" tcp sport 80 drop'
dropped "answers, as they leave" "inet f" "postrouting priority 300" 'oifname "wan" ip saddr 203.0.113.1 tcp sport 80 drop' 'oifname "wan" ip saddr 10.0.0.2 drop'
dropped "answers, where they leave" "netdev f" "egress device wan priority 0" "tcp sport 80 drop" "tcp sport 8080 drop"
dropped "sometimes" "inet f" "prerouting priority raw" "tcp dport 80 drop" \
	"ip saddr { 192.0.2.0/24, 198.51.100.0/24 } drop; add rule inet f c tcp dport 80 limit rate over 1000/second drop; add rule inet f c fib saddr . iif oif missing drop"

ctl gateway rm web >/dev/null
chain "inet f" "prerouting priority raw"
nft_do "add rule inet f c tcp dport 2222 drop"
has "a port of the gateway itself" "own tcp 2222: dropped by nftables \\(table inet f, chain c\\); .*: nft insert rule inet f c tcp dport 2222 accept" \
	ctl gateway open 2222
check_not "rightly so" own
check "the command" do_now
check "helps" own
check "and the warning goes away" settled
finish
