# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# One forward by one command, as a script does it: ours is durable, conflicts are refused, and 1,000 others are there.
. "$(dirname "$0")/lib.sh"

lay_out gwd nft rules firewalld
"$python" -IS -c 'print("services:")
for i in range(1000):
    print(f"  - {{port: {i + 1}, to: 10.0.0.2}}")' | config gwd
gwd_start gwd || give_up "gwd does not start"

on nft nft -f - <<-NFT
	table inet peer {
		map forwards {
			type inet_proto . inet_service : ipv4_addr . inet_service
			elements = { $(for i in $(seq 1000); do echo "tcp . $i : 10.0.0.2 . $i,"; done) }
		}
		chain prerouting {
			type nat hook prerouting priority dstnat; policy accept;
			iifname "wan" dnat ip to meta l4proto . th dport map @forwards
		}
	}
NFT
on rules nft -f - <<-NFT
	table ip peer {
		chain prerouting {
			type nat hook prerouting priority dstnat; policy accept;
			$(for i in $(seq 1000); do echo "iifname wan tcp dport $i dnat to 10.0.0.2"; done)
		}
	}
NFT
iptables=
if have iptables-nft "one forward by iptables-nft"; then
	iptables=yes
	host iptables
	{
		printf '*nat\n'
		for i in $(seq 1000); do echo "-A PREROUTING -i wan -p tcp --dport $i -j DNAT --to-destination 10.0.0.2"; done
		printf 'COMMIT\n'
	} | on iptables iptables-nft-restore
fi

for r in $(rounds 25); do
	port=$((2000 + r))
	sampled on gwd "$timed" run gwctl 0 "$r" 0 "$gwctl" -s "$(socket gwd)" -q add $port 10.0.0.2
	sampled on nft "$timed" run nft 0 "$r" 0 nft add element inet peer forwards "{ tcp . $port : 10.0.0.2 . $port }"
	sampled on rules "$timed" run rule 0 "$r" 0 nft add rule ip peer prerouting iifname wan tcp dport $port dnat to 10.0.0.2
	[ -z "$iptables" ] || sampled on iptables "$timed" run iptables 0 "$r" 0 \
		iptables-nft -t nat -A PREROUTING -i wan -p tcp --dport $port -j DNAT --to-destination 10.0.0.2
done
compare "gwctl -q add as a process" ms "<= 1.0" "gwctl 0" "nft add element:" "nft 0"
compare "gwctl -q add as a process" ms "" "gwctl 0" "nft add rule:" "rule 0"
[ -z "$iptables" ] || compare "gwctl -q add as a process" ms "" "gwctl 0" "iptables-nft -A:" "iptables 0"
