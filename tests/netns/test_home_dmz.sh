#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The one-NIC gateway behind a router, whose servers have the router as their default route (KERNEL.md section 5).
. "$(dirname "$0")/lib.sh"

home_lan
serve server tcp 192.168.0.102 80 web
serve server udp 192.168.0.102 53 dns
gwd_start gateway
check_not "no page before there is a forward" fetch client 203.0.113.1 80

has "add says what it did" '^added tcp-80: tcp 80 -> 192\.168\.0\.102:80$' ctl gateway add 80 192.168.0.102
is "the page comes, asked for by the gateway" "web 192.168.0.101 80" fetch client 203.0.113.1 80
is "no ICMP redirects from a machine with one NIC" "0 0" sh -c "nsenter --net=/run/netns/gateway cat /proc/sys/net/ipv4/conf/all/send_redirects /proc/sys/net/ipv4/conf/eth0/send_redirects | xargs"
ctl gateway add 53/udp 192.168.0.102 >/dev/null
is "UDP too" "dns 192.168.0.101 53" ask client udp 203.0.113.1 53
host neighbour
wire lan:neighbour neighbour:eth0
ip -n lan link set neighbour master br0
addr neighbour eth0 192.168.0.50/24
is "a neighbour in the LAN asks the gateway" "web 192.168.0.101 80" fetch neighbour 192.168.0.101 80
is "the server asks for itself by that way" "web 192.168.0.101 80" fetch server 192.168.0.101 80
is "and so does the gateway" "web 192.168.0.101 80" fetch gateway 192.168.0.101 80

# Routed through the gateway to somewhere it forwards nothing to: never under the gateway's name (an open relay).
serve server tcp 192.168.0.102 8080 private
ip -n neighbour route add 192.168.0.102/32 via 192.168.0.101
ip -n neighbour neigh flush dev eth0
has "what is only routed through keeps its own address" '^(private 192\.168\.0\.50 |timed out|No route)' \
	ask neighbour tcp 192.168.0.102 8080

has "ls counts" '^tcp-80 .* 4( |$)' ctl gateway ls
gwd_kill gateway
is "killed with -9: the page is still served" "web 192.168.0.101 80" fetch client 203.0.113.1 80
gwd_start gateway
has "back again, it goes on counting" '^tcp-80 .* 5( |$)' ctl gateway ls
check "rm" ctl gateway rm 80
check_not "no page any more" fetch client 203.0.113.1 80
is "the other forward is untouched" "dns 192.168.0.101 53" ask client udp 203.0.113.1 53
finish
