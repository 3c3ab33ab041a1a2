#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A dmz reaches the internet and itself, and nothing in lan nor on the gateway; lan reaches all; under both policies.
. "$(dirname "$0")/lib.sh"

host client gateway office exposed other
wire client:eth0 gateway:wan
wire office:eth0 gateway:lan
wire exposed:eth0 gateway:dmz1
wire other:eth0 gateway:dmz2
addr client eth0 203.0.113.9/24 2001:db8::9/64
addr gateway wan 203.0.113.1/24 2001:db8::1/64
addr gateway lan 10.0.0.1/24 2001:db8:1::1/64
addr office eth0 10.0.0.2/24 2001:db8:1::2/64
addr gateway dmz1 10.1.0.1/24 2001:db8:2::1/64
addr exposed eth0 10.1.0.2/24 2001:db8:2::2/64
addr gateway dmz2 10.2.0.1/24 2001:db8:3::1/64
addr other eth0 10.2.0.2/24 2001:db8:3::2/64
gateway_of gateway 203.0.113.9 2001:db8::9
gateway_of client 203.0.113.1 2001:db8::1
gateway_of office 10.0.0.1 2001:db8:1::1
gateway_of exposed 10.1.0.1 2001:db8:2::1
gateway_of other 10.2.0.1 2001:db8:3::1
forwarding_on gateway
for h in client office exposed other; do serve $h tcp :: 80; done
for port in 22 53 8080; do serve gateway tcp :: $port; done
for port in 53 67 123 547; do serve gateway udp :: $port; done

asks() { # DESCRIPTION HOST ADDRESS PORT [PROTO]
	check "$1" ask "$2" "${5:-tcp}" "$3" "$4"
}

shut() { # DESCRIPTION HOST ADDRESS PORT [PROTO]
	check_not "$1" env GWD_TIMEOUT=0.5 nsenter --net="/run/netns/$2" "$python" -IS "$tools/client.py" "${5:-tcp}" "$3" "$4"
}

pings() { # HOST ADDRESS
	on "$1" "$python" -IS "$work/ping.py" "$2"
}
cat >"$work/ping.py" <<'PY'
"""One echo request; exit 1 when nothing comes back."""
import socket, struct, sys
six = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 58 if six else 1)
s.settimeout(2)
s.connect((sys.argv[1], 0))
body = struct.pack("!HH", 7, 7)
kind, answer = (128, 129) if six else (8, 0)
s.send(struct.pack("!BBH", kind, 0, 0 if six else ~(kind * 256 + 14) & 0xffff) + body)
while True:
    said = s.recv(999)
    if said[0 if six else 20] == answer:
        sys.exit()
PY

asks "before gwd the exposed host reaches the office" exposed 10.0.0.2 80
asks "and the gateway's ssh" exposed 10.1.0.1 22
config gateway </dev/null
check "gwd starts" gwd_start gateway
for policy in coexist exclusive; do
	config gateway <<-YAML
		wan: wan
		lan: lan
		dmz: [dmz1, dmz2]
		policy: $policy
		gateway:
		  open:
		    - {port: 22, from: 2001:db8::/64}
		    - {port: 8080, in: dmz}
		services:
		  - {name: web, port: 80, to: 10.0.0.2}
		  - {name: exposed, port: 81, to: 10.1.0.2:80}
	YAML
	check "$policy" ctl gateway apply
	for to in 10.0.0.2 2001:db8:1::2; do
		shut "$policy: dmz to lan ($to)" exposed $to 80
		asks "$policy: lan is there ($to)" gateway $to 80
	done
	for to in 10.1.0.2 2001:db8:2::2; do asks "$policy: lan to dmz ($to)" office $to 80; done
	for to in 10.2.0.2 2001:db8:3::2; do asks "$policy: dmz to dmz ($to)" exposed $to 80; done
	is "$policy: dmz to the internet, under the gateway's address" "client ::ffff:203.0.113.1 80" ask exposed tcp 203.0.113.9 80
	is "$policy: and lan" "client ::ffff:203.0.113.1 80" ask office tcp 203.0.113.9 80
	is "$policy: IPv6 is not translated" "client 2001:db8:2::2 80" ask exposed tcp 2001:db8::9 80
	is "$policy: a forward to dmz" "exposed ::ffff:203.0.113.9 80" ask client tcp 203.0.113.1 81
	is "$policy: what is published, dmz may use too" "office ::ffff:10.1.0.2 80" ask exposed tcp 203.0.113.1 80
	shut "$policy: the internet to dmz, past the forwards" client 10.1.0.2 80
	shut "$policy: IPv6 too" client 2001:db8:2::2 80
	shut "$policy: the internet to lan" client 2001:db8:1::2 80

	for to in 10.1.0.1 10.0.0.1 203.0.113.1 2001:db8:2::1 2001:db8::1; do
		shut "$policy: dmz to the gateway's ssh ($to)" exposed $to 22
	done
	shut "$policy: nor NTP" exposed 10.1.0.1 123 udp
	for to in 10.1.0.1 2001:db8:2::1; do
		asks "$policy: DNS ($to)" exposed $to 53
		asks "$policy: DNS over UDP ($to)" exposed $to 53 udp
		check "$policy: ping ($to)" pings exposed $to
		asks "$policy: what is open in dmz ($to)" exposed $to 8080
	done
	asks "$policy: DHCP" exposed 10.1.0.1 67 udp
	asks "$policy: DHCPv6" exposed 2001:db8:2::1 547 udp
	for port in 22 53 8080; do asks "$policy: lan reaches the gateway, port $port" office 10.0.0.1 $port; done
	asks "$policy: the gateway reaches itself" gateway 10.1.0.1 22
	asks "$policy: and its dmz" gateway 10.1.0.2 80
done
# --- a router out of the dmz ---------------------------------------------------------------------------------------------
on gateway sh -c 'echo 2 >/proc/sys/net/ipv6/conf/dmz1/accept_ra; echo 2 >/proc/sys/net/ipv6/conf/wan/accept_ra'
ip -n gateway -6 route del default
on exposed "$python" -IS "$tools/ra_send.py" eth0
on client "$python" -IS "$tools/ra_send.py" eth0
advertised() { ip -n gateway -6 route show default | grep -q "proto ra.*dev $1\|dev $1 proto ra"; }
check "a router advertisement from the internet gives a route" eventually advertised wan
check_not "one from dmz does not" advertised dmz1

has "status shows the zone" 'dmz1 dmz \(file\): 10\.1\.0\.1/24' ctl gateway status
has "the table's listing can be loaded again" '^table inet gwd' table gateway
table gateway >"$work/table.nft"
check "it can" on client nft -c -f "$work/table.nft"

# What cannot be kept apart is said.
addr gateway dmz1 10.0.0.77/24
shared() { ctl gateway status | grep -q 'dmz1 (dmz) and lan (lan) are both in 10\.0\.0\.0/24\|lan (lan) and dmz1 (dmz) are both in 10\.0\.0\.0/24'; }
check "status warns of a network that dmz shares" eventually shared
finish
