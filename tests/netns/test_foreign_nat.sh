#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody's own DNAT on the same machine and the same NIC keeps the client's address; only our forwards are
# masqueraded there. (Told apart by the label that our translation leaves on a connection.)
. "$(dirname "$0")/lib.sh"

home_lan
serve server tcp 192.168.0.102 80 web
forwarding_on gateway
on gateway sh -c 'echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects; echo 0 >/proc/sys/net/ipv4/conf/eth0/send_redirects'
ip -n server route replace default via 192.168.0.101
on gateway nft -f - <<'NFT'
table ip mine {
	chain in {
		type nat hook prerouting priority dstnat;
		tcp dport 8081 dnat to 192.168.0.102:80
	}
}
NFT
is "by hand, before gwd" "web 203.0.113.9 80" ask client tcp 203.0.113.1 8081
gwd_start gateway
ctl gateway add 8080 192.168.0.102:80 >/dev/null
is "by hand, beside a forward" "web 203.0.113.9 80" ask client tcp 203.0.113.1 8081
is "the forward brings its answers back through the gateway" "web 192.168.0.101 80" ask client tcp 203.0.113.1 8080
finish
