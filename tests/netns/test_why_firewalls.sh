#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl why, where other people's tables are the cause: each is named with tool, table, chain, hook, priority and rule, is
# the first that is named, and its command helps. Rules of others that let our connections through are no cause.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/why.sh"

switched
serve server tcp 0.0.0.0 80
serve server tcp fd00::2 80
serve gateway tcp 0.0.0.0 2222 own
gwd_start gateway
ctl gateway add 80 10.0.0.2 --name web >/dev/null
passes() { case $(ask client tcp 203.0.113.1 80) in "server "*" 80") ;; *) false ;; esac }
nft_do() { on gateway nft "$@"; }
chain() { nft_do "add table inet f; add chain inet f c { type $1 hook $2 priority $3; policy ${4:-accept}; }"; } # TYPE HOOK PRIORITY [POLICY]
rule() { nft_do "add rule inet f c $1"; }
gone() { nft_do delete table inet f; }

chain filter forward 0 drop
rule 'ct state established,related accept'
broken "a policy" ✗ firewalls 'dropped by nftables \(table inet f, chain c\): its policy, at hook forward, priority 0$'
is "what lasts is told, too" "the same without 'nft' as last line of /etc/nftables.conf, or as a file /etc/nftables.d/gwd.nft" lasting_of "$said"
cured "a policy"
gone

nft_do 'add table inet d { flags dormant; }; add chain inet d c { type filter hook forward priority 0; policy drop; }'
healthy "a table that is dormant"
check_not "status says nothing of it" sh -c "\"$gwctl\" -s \"$work/gateway/gwd.sock\" status 2>&1 | grep -i 'inet d'"
nft_do 'add table inet d'
broken "one that is no longer" ✗ firewalls 'dropped by nftables \(table inet d, chain c\): its policy, at hook forward, priority 0$'
nft_do delete table inet d

chain filter forward 10
rule 'iifname "wan" tcp dport 80 counter drop comment "no web"'
broken "a rule" ✗ firewalls 'dropped by nftables \(table inet f, chain c\): its rule with handle [0-9]+, "no web", at hook forward, priority 10$'
cured "a rule"
gone

chain filter forward 0
rule 'ip saddr 10.0.0.2 drop'
broken "a rule against the answers" ✗ firewalls 'dropped by nftables \(table inet f, chain c\)'
cured "a rule against the answers"
gone

chain filter forward 0
rule 'tcp dport 81 drop'
healthy "a rule against something else"
rule 'tcp dport 80 limit rate 100/second burst 100 packets drop'
named "a rule that drops sometimes" '?' firewalls 'may be dropped by nftables \(table inet f, chain c\)'
gone

for hook in 'prerouting -150' 'postrouting -150' 'postrouting 300'; do
	chain filter "${hook% *}" "${hook#* }"
	case $hook in pre*) rule 'iifname lan tcp sport 80 drop' ;; *) rule 'oifname wan tcp sport 80 drop' ;; esac
	broken "a rule against the answers at $hook" ✗ firewalls "dropped by nftables .*: its rule with handle [0-9]+, at hook ${hook% *}, priority ${hook#* }\$"
	cured "a rule against the answers at $hook"
	gone
done
chain filter postrouting 0
rule 'oifname wan tcp sport 81 drop'
rule 'iifname lan ip daddr 192.0.2.77 drop'
healthy "rules against other answers"
gone

chain filter prerouting -300
rule 'tcp dport 80 drop'
broken "a rule ahead of the translation" ✗ firewalls 'dropped by nftables .*: its rule with handle [0-9]+, at hook prerouting, priority -300$'
cured "a rule ahead of the translation"
gone
chain filter prerouting 0
rule 'ip daddr 10.0.0.2 drop'
broken "a rule behind the translation" ✗ firewalls 'dropped by nftables .*, at hook prerouting, priority 0$'
cured "a rule behind the translation"
gone
chain filter postrouting 0
rule 'iifname "wan" oifname "lan" drop'
broken "a rule on the way out" ✗ firewalls 'dropped by nftables .*, at hook postrouting, priority 0$'
cured "a rule on the way out"
gone
chain filter output 0
rule 'oifname "lan" drop'
check "a rule against what the gateway itself sends: it passes" passes
named "nobody can ask then" '?' target 'nobody answers at 10.0.0.2:80: .* or a firewall of this gateway drops what it sends itself$'
is "what tells is no command that mends" "" command_now
asks="80 --from 203.0.113.9 --to 203.0.113.1"
named "nor of one client" '?' target 'nobody answers at 10.0.0.2:80: '
is "and what tells is asked the same" "gwctl why 80/tcp --from 203.0.113.9 --to 203.0.113.1 --wait 30s" echo "$told"
asks=80
gone

# Ahead of everything: where it comes in.
chain "filter" "ingress device wan" 0 drop
broken "a policy where it comes in" ✗ firewalls 'dropped by nftables \(table inet f, chain c\): its policy, at hook ingress, priority 0$'
gone
nft_do 'add table netdev f; add chain netdev f c { type filter hook ingress device wan priority 0; }; add rule netdev f c tcp dport 80 drop'
broken "a rule where it comes in" ✗ firewalls 'dropped by nftables \(table netdev f, chain c\): its rule with handle [0-9]+, at hook ingress, priority 0$'
cured "a rule where it comes in"
nft_do delete table netdev f
nft_do 'add table netdev f; add chain netdev f c { type filter hook ingress device lan priority 0; }; add rule netdev f c tcp dport 80 drop'
healthy "one where others come in"
nft_do flush chain netdev f c
nft_do add rule netdev f c ip saddr 10.0.0.2 tcp sport 80 drop
broken "a rule where the answers come in" ✗ firewalls 'dropped by nftables \(table netdev f, chain c\): its rule with handle [0-9]+, at hook ingress, priority 0$'
cured "a rule where the answers come in"
nft_do delete table netdev f
chain "filter" "ingress device lan" 0 drop
broken "a policy where the answers come in" ✗ firewalls 'dropped by nftables \(table inet f, chain c\): its policy, at hook ingress, priority 0$'
cured "a policy where the answers come in"
gone

chain filter prerouting -300
rule 'tcp dport 80 notrack'
broken "what is not tracked" ✗ conntrack \
	'not tracked by nftables \(table inet f, chain c\): its rule with handle [0-9]+, at hook prerouting, priority -300: what is not tracked is not translated$'
cured "what is not tracked"
rule 'tcp dport 81 notrack'
healthy "something else that is not"
gone
chain filter prerouting -150
rule 'tcp dport 80 notrack'
healthy "one that is tracked by then"
gone
for tool in 'NOTRACK' 'CT --notrack'; do
	# shellcheck disable=SC2086 # words
	if on gateway iptables-nft -t raw -A PREROUTING -p tcp --dport 80 -j $tool 2>/dev/null; then
		broken "iptables' $tool" ✗ conntrack 'not tracked by iptables \(table ip raw, chain PREROUTING\): its rule with handle [0-9]+, at hook prerouting, priority -300: '
		cured "iptables' $tool"
		nft_do delete table ip raw
	else
		skip "iptables' $tool" "iptables-nft or its target is not there"
	fi
done

chain filter prerouting -150
rule 'tcp dport 80 tcp dport set 8888'
broken "a rule that rewrites the port" '?' rewriting \
	'rewritten by nftables \(table inet f, chain c\): its rule with handle [0-9]+, at hook prerouting, priority -150: what becomes of it then is not known$'
cured "a rule that rewrites the port"
rule 'tcp dport 80 ip dscp set cs1'
healthy "one that only marks it"
gone
chain filter prerouting -310
rule 'tcp dport 80 ip ttl set 1'
broken "a rule that rewrites the hops" '?' rewriting '(may be )?rewritten by nftables .*, priority -310: '
cured "a rule that rewrites the hops"
gone

chain nat prerouting -110
rule 'ip daddr 203.0.113.1 tcp dport 80 dnat ip to 10.0.0.3:80'
broken "a translation of others that comes first" ✗ translation \
	'nftables \(table inet f, chain c\) translates it to 10.0.0.3:80 first, at priority -110: no forward of gwd sees it then$'
cured "a translation of others that comes first"
gone
chain nat prerouting -100
rule 'ip daddr 203.0.113.1 tcp dport 80 dnat ip to 10.0.0.3:80'
healthy "one that comes later"
gone

asks=2222
passes() { [ "$(ask client tcp 203.0.113.1 2222)" = "own 203.0.113.9 2222" ]; }
healthy "a port of the gateway itself"
chain filter input 0 drop
broken "a policy against the gateway itself" ✗ firewalls 'dropped by nftables .*: its policy, at hook input, priority 0$'
cured "a policy against the gateway itself"
gone

ctl gateway add 80 '[fd00::2]:80' --no-nat --name hole >/dev/null 2>&1
asks="80 --to fd00::2"
ip -n client route add fd00::/64 via 2001:db8::1
passes() { [ "$(ask client tcp fd00::2 80)" = "server 2001:db8::9 80" ]; }
healthy "a pinhole"
chain filter forward 0 drop
rule 'ct state established accept'
broken "a policy against a pinhole" ✗ firewalls 'dropped by nftables .*: its policy, at hook forward, priority 0$'
cured "a policy against a pinhole"
gone

finish
