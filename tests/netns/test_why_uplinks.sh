#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl why and doctor on a gateway with two uplinks: answers that leave by the other one, routing rules that ask for a
# mark, and which of the addresses is asked about.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/why.sh"

# client 192.0.2.9 -- isp1 203.0.113.254 -- 203.0.113.1 wan  gateway lan 10.0.0.1 -- server 10.0.0.2
#                  -- isp2 198.51.100.254 - 198.51.100.1 wan2
host client isp1 isp2 gateway server
wire gateway:lan server:eth0
addr gateway lan 10.0.0.1/24
addr server eth0 10.0.0.2/24
gateway_of server 10.0.0.1
addr client lo 192.0.2.9/32
uplink() { # NUMBER INTERFACE NETWORK: who takes nothing from other addresses than his
	wire "client:eth$1" "isp$1:client"
	wire "isp$1:gateway" "gateway:$2"
	addr client "eth$1" "192.0.$((2 + $1)).9/24"
	addr "isp$1" client "192.0.$((2 + $1)).1/24"
	addr "isp$1" gateway "$3.254/24"
	addr gateway "$2" "$3.1/24"
	ip -n "isp$1" route add 192.0.2.9 via "192.0.$((2 + $1)).9"
	ip -n client route add "$3.0/24" via "192.0.$((2 + $1)).1" src 192.0.2.9
	forwarding_on "isp$1"
	on "isp$1" nft "add table ip bcp38; add chain ip bcp38 c { type filter hook forward priority 0; }; add rule ip bcp38 c iifname gateway ip saddr != $3.0/24 drop"
}
uplink 1 wan 203.0.113
uplink 2 wan2 198.51.100
gateway_of gateway 203.0.113.254
strict() { for i in all wan wan2 lan; do sysctl gateway ipv4/conf/$i/rp_filter "$1"; done; } # 0, 1
strict 0
for i in all eth1 eth2; do sysctl client ipv4/conf/$i/rp_filter 0; done
serve server tcp 0.0.0.0 80
printf 'wan: [wan, wan2]\n' | config gateway
gwd_start gateway
ctl gateway add 80 10.0.0.2 --name web >/dev/null

first() { asks=80 && passes() { [ "$(ask client tcp 203.0.113.1 80)" = "server 192.0.2.9 80" ]; }; }
second() { asks="80 --to 198.51.100.1" && passes() { [ "$(ask client tcp 198.51.100.1 80)" = "server 192.0.2.9 80" ]; }; }
may() { # DESCRIPTION STEP PATTERN: it passes, which nobody can know who only reads
	check "$1: it passes" passes
	named "$1" '?' "$2" "$3"
}

# What doctor says of forwards and is not a remedy, "severity about  text" each.
lines() { printf '%s\n' "$1" | wc -l; }
findings() { ctl gateway doctor 2>&1 | grep -E '^(error|warning|note) '; }

# ---- Answers by the other uplink -------------------------------------------------------------------

first
healthy "the uplink with the default route"
has "it is the one that is asked about, and the other is named" '^✓ address +203.0.113.1 is on wan, where it arrives; --to asks about 198.51.100.1 on wan2, too$' why
second
leaves='it comes in by wan2, but the answer leaves by wan with the source 198.51.100.1: most providers drop what is not from an address of theirs$'
broken "the other uplink" '?' "route back" "$leaves"
has "doctor asks there, too" "^warning +route back +web: $leaves" findings
is "and once" 1 lines "$said"
has "what helps where a target answers" 'nft keep a ct mark of what comes in by wan2 .*ip rule add fwmark MARK lookup 100' echo "$told"

ctl gateway open 8080/tcp >/dev/null
serve gateway tcp 0.0.0.0 8080
asks="8080 --to 198.51.100.1"
passes() { [ "$(ask client tcp 198.51.100.1 8080)" = "gateway 192.0.2.9 8080" ]; }
broken "a program of the gateway on the other uplink" '?' "route back" "$leaves"
cured "a program of the gateway on the other uplink" 's/ROUTER/198.51.100.254/'
ip -n gateway rule del from 198.51.100.1 lookup 100
ctl gateway close 8080/tcp >/dev/null

ip -n gateway route replace default via 198.51.100.254
strict 1
asks=80
passes() { [ "$(ask client tcp 198.51.100.1 80)" = "server 192.0.2.9 80" ]; }
healthy "the default route on the second uplink, which is then asked about"
asks="80 --to 203.0.113.1"
passes() { [ "$(ask client tcp 203.0.113.1 80)" = "server 192.0.2.9 80" ]; }
broken "the first one" ✗ "reverse path" 'rp_filter of wan is strict, and the way back to somebody outside is wan2: dropped$'
has "doctor names it" '^error +reverse path +web: rp_filter of wan is strict' findings
is "and once, too" 1 lines "$said"
ip -n server addr del 10.0.0.2/24 dev eth0
ip -n gateway neigh del 10.0.0.2 dev lan
findings >/dev/null
has "a target that is dead on both is one finding of doctor" '^error +neighbour +web: 10.0.0.2 does not answer ARP on lan' findings
is "beside the other" 2 lines "$said"
addr server eth0 10.0.0.2/24
gateway_of server 10.0.0.1
strict 0
ip -n gateway route replace default via 203.0.113.254

# ---- Marks -----------------------------------------------------------------------------------------

decided='depends on a mark: the routing rule with priority 100 \(fwmark 0x2\) decides$'
marks() { # CONDITION: what a line of nft gives the mark to
	on gateway nft -f - <<-NFT
		table ip uplinks
		delete table ip uplinks
		table ip uplinks {
			chain prerouting {
				type filter hook prerouting priority mangle;
				iifname wan2 ct state new ct mark set 2
				$1 ct mark 2 meta mark set ct mark
			}
		}
	NFT
}
ip -n gateway route add default via 198.51.100.254 table 102
ip -n gateway rule add fwmark 2 priority 100 lookup 102
ip -n gateway route add 10.0.0.0/24 dev lan table 102
second
marks 'iifname lan'
may "answers with a mark" "route back" "the way back to somebody outside $decided"
has "the way to the target is the same with it" '^✓ route +10.0.0.2 is on lan$' why
is "what tells" "gwctl why 80/tcp --to 198.51.100.1 --wait 30s" echo "$told"
on gateway nft delete table ip uplinks
check_not "nobody gives the mark: nothing passes" soon passes
named "nobody gives the mark" '?' "route back" "the way back to somebody outside $decided"

strict 1
marks ''
broken "strict, and a mark that does not count" ✗ "reverse path" 'rp_filter of wan2 is strict, and the way back to somebody outside is wan: dropped$'
sysctl gateway ipv4/conf/all/src_valid_mark 1
may "strict, and a mark that counts" "reverse path" "whether the kernel believes that somebody outside comes in on wan2 $decided"
strict 0

ip -n gateway route del 10.0.0.0/24 table 102
broken "a mark that has a target looked for outside" '?' route "the way to 10.0.0.2 $decided"
marks 'iifname lan'
may "one that only answers have" route "the way to 10.0.0.2 $decided"
ip -n gateway rule del fwmark 2
ip -n gateway rule add fwmark 2 priority 100 lookup main
first
healthy "a mark that does not matter"
ip -n gateway rule del fwmark 2
ip -n gateway rule add fwmark 2 priority 40000 lookup 102
healthy "one that is never asked for"
ip -n gateway rule del fwmark 2

ip -n gateway route add 10.0.0.0/24 via 203.0.113.254 table 777
ip -n gateway rule add iif wan priority 60 lookup 777
broken "what arrives is sent elsewhere than what the gateway asks" '?' route 'what arrives on wan goes to 10.0.0.2 by wan and 203.0.113.254, and what this gateway itself sends there does not, so nobody can be asked [(]ip rule shows why[)]$'
has_not() { ! why | grep -qE "$1"; }
check "what it asks another way is not told" has_not '^. (target|way back|neighbour) '
ip -n gateway rule del iif wan
ip -n gateway rule add iif wan priority 60 lookup main
healthy "a rule that makes no difference"

# Who is not there, and was a while ago, is known to be off within seconds.
ip -n server addr del 10.0.0.2/24 dev eth0
old() { ip -n gateway neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev lan nud stale; }
check_not "a target that was there a while ago: nothing passes" soon passes
old
named "a target that was there a while ago" ✗ neighbour '10.0.0.2 does not answer ARP on lan: it is off, or that is not its address any more$'
finish
