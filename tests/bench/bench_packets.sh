# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Packets through gateways: the first of a new flow, by how many forwards there are and by who translates; then those of an
# established one. Every gateway has a client and a server of its own; the ways are taken in turn.
. "$(dirname "$0")/lib.sh"

lay_out plain one ten many silent nft bare
for n in plain nft bare; do forwarding_on $n; done
on plain nft -f - <<-NFT
	table ip plain {
		chain forward {
			type filter hook forward priority filter; policy accept;
			ct state established accept
		}
	}
NFT
# Accounting is what gwd does unless told otherwise, so the others have it.
udp_ports 1 | config one
{ echo 'accounting: false' && udp_ports 1; } | config silent
udp_ports 10000 | config ten
udp_ports 100000 | config many
for n in one silent ten many; do
	echo '  - {listen: 203.0.113.1, port: 9001, to: 10.0.0.2}' >>"$work/$n/gwd.yaml"
	gwd_start $n || give_up "gwd does not start"
	is=$(on $n cat /proc/sys/net/netfilter/nf_conntrack_acct)
	case $n-$is in silent-0 | [!s]*-1) ;; *) give_up "$n: nf_conntrack_acct is $is" ;; esac
done

# The usual set-up: a rule per forward.
on nft nft -f - <<-NFT
	table ip usual {
		chain prerouting {
			type nat hook prerouting priority dstnat; policy accept;
			$(for i in $(seq 10000 19999); do echo "iifname wan udp dport $i dnat to 10.0.0.2:9000"; done)
		}
	}
NFT
# The least that can translate as many: one map and masquerading, beside what plain has. It protects nothing.
{
	echo 'table ip bare {
		map forwards {
			type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
			elements = {'
	awk 'BEGIN { for (i = 0; i < 100000; i++)
		printf "203.0.113.%d . udp . %d : 10.0.0.2 . 9000,\n", 1 + int(i / 50000), 10000 + i % 50000 }'
	echo '	}
		}
		chain prerouting {
			type nat hook prerouting priority dstnat; policy accept;
			meta l4proto udp dnat ip to ip daddr . meta l4proto . th dport map @forwards
		}
		chain postrouting {
			type nat hook postrouting priority srcnat; policy accept;
			oifname "wan" masquerade
		}
		chain forward {
			type filter hook forward priority filter; policy accept;
			ct state established accept
		}
	}'
} | on bare nft -f -
iptables=
if have iptables-nft "first packet against a rule per forward of iptables"; then
	iptables=yes
	lay_out iptables
	forwarding_on iptables
	{
		printf '*nat\n'
		for i in $(seq 10000 19999); do echo "-A PREROUTING -i wan -p udp --dport $i -j DNAT --to-destination 10.0.0.2:9000"; done
		printf 'COMMIT\n'
	} | on iptables iptables-nft-restore
fi

way() { echo "$1-client,$1-server,203.0.113.1,10000,$2,9000"; } # NAME PORTS
direct="plain-client,plain-server,10.0.0.2,9000,1,9000"
# shellcheck disable=SC2046 # a word or none
sampled "$packets" first 60 105 $direct $(way one 1) $(way one 1) $(way silent 1) $(way ten 10000) $(way many 50000) \
	$(way bare 50000) $(way many 1) $(way nft 10000) $([ -z "$iptables" ] || way iptables 10000)
compare "first packet of a flow through 100,000 forwards" µs "<= 1.05" "first 5" "through 1:" "first 1"
compare "first packet of a flow through 100,000 forwards" µs "<= 1.35" "first 5" "routed, conntrack, no NAT:" "first 0"
compare "first packet of a flow through 100,000 forwards" µs "" "first 5" "a bare nft map of 100,000:" "first 6"
compare "first packet of a flow, 100,000 forwards, the same one each time" µs "" "first 7" "through 1:" "first 1"
compare "first packet of a flow through 1 forward" µs "" "first 1" "routed, conntrack, no NAT:" "first 0"
compare "first packet of a flow through 1 forward" µs "" "first 1" "without accounting:" "first 3"
compare "first packet of a flow through 1 forward (how exact this is)" µs "" "first 2" "the same again:" "first 1"
compare "first packet of a flow through 10,000 forwards" µs "<= 0.05" "first 4" "10,000 nft rules:" "first 8"
[ -z "$iptables" ] || compare "first packet of a flow through 10,000 forwards" µs "<= 0.05" "first 4" "10,000 iptables-nft rules:" "first 9"

stream() { echo "$1-client,$1-server,203.0.113.1,9001,1,9001"; } # NAME
direct_stream="plain-client,plain-server,10.0.0.2,9001,1,9001"
# shellcheck disable=SC2046 # words
sampled "$packets" rate 240 20 $direct $(way one 1) $(way one 1) $(way silent 1) $(way bare 1)
# shellcheck disable=SC2046 # words
sampled "$packets" stream 300 40 $direct_stream $(stream one) $(stream one) $(stream silent)
compare "established TCP, one connection" Gbit/s ">= 0.97" "stream 1" "routed, conntrack:" "stream 0"
compare "established TCP with accounting" Gbit/s ">= 0.97" "stream 1" "without:" "stream 3"
compare "established TCP (how exact this is)" Gbit/s "" "stream 2" "the same again:" "stream 1"
compare "small packets of one flow" pps ">= 0.92" "rate 1" "routed, conntrack:" "rate 0"
compare "small packets of one flow" pps "" "rate 1" "a bare nft map:" "rate 4"
compare "small packets with accounting" pps ">= 0.97" "rate 1" "without:" "rate 3"
compare "small packets (how exact this is)" pps "" "rate 2" "the same again:" "rate 1"
