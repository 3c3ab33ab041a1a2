#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl why, where another table drops the answers of a target, or of the gateway itself: at each hook and priority that
# they pass they look otherwise, and each drop has a twin that would take them if they looked as at another one.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/why.sh"

switched
serve server tcp 0.0.0.0 80
serve gateway tcp 0.0.0.0 2222 own
gwd_start gateway
nft_do() { on gateway nft "$@"; }
chain() { nft_do "add table inet f; add chain inet f c { type $1 hook $2 priority $3; }"; } # TYPE HOOK PRIORITY
rule() { nft_do "add rule inet f c $1"; }
gone() { nft_do delete table inet f; }

answers() { # DESCRIPTION HOOK PRIORITY RULE TWIN
	chain filter "$2" "$3"
	rule "$5"
	healthy "$1, the twin"
	nft_do flush chain inet f c
	rule "$4"
	broken "$1" ✗ firewalls "dropped by nftables \\(table inet f, chain c\\): its rule with handle [0-9]+, at hook $2, priority $3\$"
	cured "$1"
	gone
}
egress() { # DESCRIPTION DEVICE RULE TWIN
	nft_do "add table netdev f; add chain netdev f c { type filter hook egress device $2 priority 0; }; add rule netdev f c $4"
	healthy "$1, the twin"
	nft_do "flush chain netdev f c; add rule netdev f c $3"
	broken "$1" ✗ firewalls 'dropped by nftables \(table netdev f, chain c\): its rule with handle [0-9]+, at hook egress, priority 0$'
	cured "$1"
	nft_do delete table netdev f
}

ctl gateway add 8080 10.0.0.2:80 --name web >/dev/null
asks=8080
passes() { case $(ask client tcp 203.0.113.1 8080) in "server "*" 80") ;; *) false ;; esac }
answers "answers, raw" prerouting -300 'iifname "lan" tcp sport 80 drop' 'iifname "lan" tcp sport 8080 drop'
answers "answers, mangle" prerouting -150 'iifname "lan" ip saddr 10.0.0.2 tcp sport 80 drop' 'iifname "lan" tcp sport 8080 drop'
answers "answers, behind the translation" prerouting 0 'iifname "lan" tcp sport 80 drop' 'iifname "lan" ip daddr 192.0.2.77 drop'
answers "answers on the way out" postrouting 0 'oifname "wan" tcp sport 80 drop' 'oifname "wan" tcp sport 8080 drop'
answers "answers, as they leave" postrouting 300 'oifname "wan" ip saddr 203.0.113.1 tcp sport 8080 drop' 'oifname "wan" ip saddr 10.0.0.2 drop'
egress "answers, where they leave" wan 'ip saddr 203.0.113.1 tcp sport 8080 drop' 'tcp sport 80 drop'
egress "the question, where it leaves" lan 'ip daddr 10.0.0.2 tcp dport 80 drop' 'tcp dport 8080 drop'
asks="8080 --from 203.0.113.9"
answers "answers to one client" postrouting -150 'ip daddr 203.0.113.9 tcp sport 80 drop' 'ip daddr 203.0.113.8 drop'
ctl gateway set web --snat always >/dev/null
asks=8080
answers "answers to a masqueraded one" prerouting -150 'iifname "lan" tcp sport 80 fib daddr type local drop' 'iifname "lan" ip daddr 203.0.113.9 drop'

asks=2222
passes() { [ "$(ask client tcp 203.0.113.1 2222)" = "own 203.0.113.9 2222" ]; }
for hook in output postrouting; do
	answers "answers of the gateway itself at $hook" $hook 0 'oifname "wan" tcp sport 2222 drop' 'oifname "wan" tcp sport 80 drop'
done
egress "answers of the gateway itself, where they leave" wan 'tcp sport 2222 drop' 'tcp sport 80 drop'

finish
