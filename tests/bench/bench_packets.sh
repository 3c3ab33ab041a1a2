# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Packets through gateways: the first of a new flow, by how many forwards there are and by who translates; then those of an
# established one. Every gateway has a client and a server of its own; the ways are taken in turn.
. "$(dirname "$0")/lib.sh"

lay_out plain one ten many acct nft
for n in plain nft; do forwarding_on $n; done
on plain nft -f - <<-NFT
	table ip plain {
		chain forward {
			type filter hook forward priority filter; policy accept;
			ct state established accept
		}
	}
NFT
udp_ports 1 | config one
{ echo 'accounting: true' && udp_ports 1; } | config acct
udp_ports 10000 | config ten
udp_ports 100000 | config many
for n in one acct ten many; do
	echo '  - {listen: 203.0.113.1, port: 9001, to: 10.0.0.2}' >>"$work/$n/gwd.yaml"
	gwd_start $n || give_up "gwd does not start"
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
sampled "$packets" first 11 1000 $direct $(way one 1) $(way ten 10000) $(way many 50000) $(way nft 10000) $([ -z "$iptables" ] || way iptables 10000)
compare "first packet of a flow through 100,000 forwards" µs "<= 1.05" "first 3" "through 1:" "first 1"
compare "first packet of a flow through 100,000 forwards" µs "<= 1.35" "first 3" "routed, conntrack, no NAT:" "first 0"
compare "first packet of a flow through 10,000 forwards" µs "<= 0.05" "first 2" "10,000 nft rules:" "first 4"
[ -z "$iptables" ] || compare "first packet of a flow through 10,000 forwards" µs "<= 0.05" "first 2" "10,000 iptables-nft rules:" "first 5"

stream() { echo "$1-client,$1-server,203.0.113.1,9001,1,9001"; } # NAME
direct_stream="plain-client,plain-server,10.0.0.2,9001,1,9001"
# shellcheck disable=SC2046 # words
sampled "$packets" rate 11 400 $direct $(way one 1) $(way acct 1)
# shellcheck disable=SC2046 # words
sampled "$packets" stream 11 400 $direct_stream $(stream one) $(stream acct)
compare "established TCP, one connection" Gbit/s ">= 0.97" "stream 1" "routed, conntrack:" "stream 0"
compare "small packets of one flow" pps ">= 0.92" "rate 1" "routed, conntrack:" "rate 0"
compare "established TCP with accounting" Gbit/s ">= 0.97" "stream 2" "without:" "stream 1"
compare "small packets with accounting" pps ">= 0.97" "rate 2" "without:" "rate 1"
