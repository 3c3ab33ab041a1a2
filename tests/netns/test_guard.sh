#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Turning forwarding on must not open the inside: not to wan, not to what was wan before it moved, not when gwd's
# database is lost.
. "$(dirname "$0")/lib.sh"

closed() { # DESCRIPTION HOST ADDRESS
	check_not "$1" ask "$2" tcp "$3" 80
}

host one two gateway server
wire one:eth0 gateway:wan1
wire two:eth0 gateway:wan2
wire server:eth0 gateway:inside
addr one eth0 203.0.113.9/24
addr gateway wan1 203.0.113.1/24
addr two eth0 198.51.100.9/24
addr gateway wan2 198.51.100.1/24
addr gateway inside 10.0.0.1/24
addr server eth0 10.0.0.2/24
gateway_of gateway 203.0.113.9
gateway_of server 10.0.0.1
ip -n one route add 10.0.0.0/24 via 203.0.113.1
ip -n two route add 10.0.0.0/24 via 198.51.100.1
serve server tcp 10.0.0.2 80
gwd_start gateway
ctl gateway add 8080 10.0.0.2:80 >/dev/null
is "the forward works" "server 203.0.113.9 80" ask one tcp 203.0.113.1 8080
closed "the server is not reached past it" one 10.0.0.2

ip -n gateway route replace default via 198.51.100.9
moved() { [ "$(ask two tcp 198.51.100.1 8080)" = "server 198.51.100.9 80" ]; }
check "wan moves, and the forward with it" eventually moved
closed "what is wan now does not get past the forward" two 10.0.0.2
closed "what was wan before does not either" one 10.0.0.2
gwd_kill gateway
gwd_start gateway
closed "nor after a restart" one 10.0.0.2
has "status names it" 'wan1 none \(former wan\)' ctl gateway status

gwd_kill gateway
rm -r "$work/gateway/state"
gwd_start gateway
closed "nor does the loss of the database open it to wan" two 10.0.0.2
has "gwd still knows who turned forwarding on" 'IPv4 on by gwd' ctl gateway status
finish
