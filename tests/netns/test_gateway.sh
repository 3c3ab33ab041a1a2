#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# `gateway:` closes the gateway's own ports to the outside but for what is open; what keeps a machine on the net goes on
# working: open connections, ICMP, neighbour discovery, path MTU. One NIC: `from: local` is the LAN, as it is now.
. "$(dirname "$0")/lib.sh"

# client 203.0.113.9 -- router 192.168.0.1 -- switch -- gateway 192.168.0.101, neighbour 192.168.0.50
host client router lan gateway neighbour
wire client:eth0 router:wan
for h in router gateway neighbour; do wire "lan:$h" "$h:eth0"; done
bridge_up lan br0 router gateway neighbour
addr client eth0 203.0.113.9/24 2001:db8::9/64
addr router wan 203.0.113.1/24 2001:db8::1/64
addr router eth0 192.168.0.1/24 2001:db8:1::1/64
addr gateway eth0 192.168.0.101/24 2001:db8:1::101/64
addr neighbour eth0 192.168.0.50/24 192.168.7.50/24 2001:db8:1::50/64
gateway_of client 203.0.113.1 2001:db8::1
gateway_of gateway 192.168.0.1 2001:db8:1::1
forwarding_on router
for port in 22 25 443 6000-6010; do serve gateway tcp :: $port; done
serve gateway udp :: 51820
serve client tcp :: 80

asks() { # DESCRIPTION HOST ADDRESS PORT [PROTO]
	check "$1" ask "$2" "${5:-tcp}" "$3" "$4"
}

shut() { # DESCRIPTION HOST ADDRESS PORT [PROTO]
	check_not "$1" env GWD_TIMEOUT=0.5 nsenter --net="/run/netns/$2" "$python" -IS "$tools/client.py" "${5:-tcp}" "$3" "$4"
}

input() { # the chains that close
	table gateway | grep -c 'hook input' || true
}

printf 'wan: eth0\n' | config gateway
check "gwd starts" gwd_start gateway
is "nothing is closed unless asked for" 0 input
talk_open ssh client tcp 192.168.0.101 22
is "a connection from outside" "gateway ::ffff:203.0.113.9 22" talk ssh

config gateway <<'YAML'
wan: eth0
gateway:
  open:
    - {port: 22, from: local}
    - {port: 443}
    - {port: 6001-6003, from: [203.0.113.0/24, "2001:db8::/64"]}
    - {port: 51820, proto: udp, from: local}
YAML
check "closed but for what is open" ctl gateway apply --force # over the connection that is open
has "forwarding stays as it was" 'IPv4 off, IPv6 off' ctl gateway status
is "the connection goes on" "gateway ::ffff:203.0.113.9 22" talk ssh
for to in 192.168.0.101 2001:db8:1::101; do
	shut "ssh from outside ($to)" client $to 22
	asks "ssh from the LAN ($to)" neighbour $to 22
	asks "https from outside ($to)" client $to 443
	asks "and from the LAN ($to)" neighbour $to 443
	shut "mail from outside ($to)" client $to 25
	shut "and from the LAN, which is outside, too ($to)" neighbour $to 25
	for port in 6001 6003; do asks "port $port from where it is open to ($to)" client $to $port; done
	for port in 6000 6004; do shut "port $port beside it ($to)" client $to $port; done
	shut "port 6001 from elsewhere ($to)" neighbour $to 6001
	shut "UDP from outside ($to)" client $to 51820 udp
	asks "UDP from the LAN ($to)" neighbour $to 51820 udp
	shut "TCP at a UDP opening ($to)" neighbour $to 51821
done
asks "the gateway goes out" gateway 203.0.113.9 80
asks "by IPv6 too" gateway 2001:db8::9 80
asks "and to itself" gateway 192.168.0.101 25
ip -n gateway -6 neigh flush dev eth0
ip -n neighbour -6 neigh flush dev eth0
asks "neighbour discovery: the LAN finds the gateway" neighbour 2001:db8:1::101 22
link_local=$(ip -n gateway -6 addr show dev eth0 scope link | sed -n 's/.*inet6 \(fe80[^/]*\).*/\1/p')
asks "local has link-local addresses" neighbour "$link_local%eth0" 22
shut "but is not everything" neighbour "$link_local%eth0" 25

# --- the networks are followed ------------------------------------------------------------------------------------------
ip -n neighbour route add 192.168.0.101/32 dev eth0 src 192.168.7.50
ip -n gateway route add 192.168.7.0/24 via 192.168.0.50
shut "a network that is not connected" neighbour 192.168.0.101 22
addr gateway eth0 192.168.7.101/24
now_open() { ask neighbour tcp 192.168.7.101 22; }
check "connected, it is local" eventually now_open
asks "from anywhere in it" neighbour 192.168.0.101 22
ip -n gateway addr del 192.168.7.101/24 dev eth0
now_shut() { ! GWD_TIMEOUT=0.5 ask neighbour tcp 192.168.0.101 22; }
check "and no longer when the address goes" eventually now_shut

# --- path MTU --------------------------------------------------------------------------------------------------------------
cat >"$work/page.py" <<'PY'
"""Serves 300000 bytes to everybody."""
import socket, sys
s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 8443))
s.listen()
open(sys.argv[1], "w").close()
while True:
    c, _ = s.accept()
    c.sendall(b"x" * 299999 + b"\n")
    c.close()
PY
on gateway "$python" -IS "$work/page.py" "$work/ready" &
eventually test -e "$work/ready"
sed -i 's/443/8443/' "$work/gateway/gwd.yaml"
ctl gateway apply --force >/dev/null
ip -n router link set wan mtu 1300
for to in 192.168.0.101 2001:db8:1::101; do
	is "path MTU: the router's error reaches the gateway ($to)" 300000 sh -c "nsenter --net=/run/netns/client $python -IS $tools/client.py pull $to 8443 | wc -c"
done
table gateway >"$work/table.nft"
check "the listing can be loaded again" on client nft -c -f "$work/table.nft"

gwd_kill gateway
shut "gwd killed: shut is shut" client 192.168.0.101 25
gwd_start gateway
printf 'wan: eth0\n' | config gateway
check "without gateway: again" ctl gateway apply
is "nothing is closed" 0 input
asks "mail from outside" client 192.168.0.101 25
finish
