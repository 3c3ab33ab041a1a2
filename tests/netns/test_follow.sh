#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# wan is not named: the interface of the default route, followed as routes, addresses and links come and go, and
# remembered when it is gone. Interfaces that are named need not exist.
. "$(dirname "$0")/lib.sh"

answers() { [ "$(ask client tcp "$1" "$2")" = "server 203.0.113.9 80" ]; }
follows() { # DESCRIPTION ADDRESS PORT
	if eventually answers "$2" "$3"; then ok "$1"; else fail "$1" "$(ask client tcp "$2" "$3")"; fi
}

host client gateway server
wire server:eth0 gateway:lan
addr gateway lan 10.0.0.1/24
addr server eth0 10.0.0.2/24
gateway_of server 10.0.0.1
serve server tcp 10.0.0.2 80
config gateway <<'YAML'
lan: [lan, "tap*"]
services:
  - {port: 80, to: 10.0.0.2}
  - {name: later, listen: eth9, port: 81, to: "10.0.0.2:80"}
YAML
gwd_start gateway
check "it starts without any wan" ctl gateway status
has "a forward whose interface is not there is held" '^later +held' ctl gateway ls

wire client:eth0 gateway:wan
addr client eth0 203.0.113.9/24
addr gateway wan 203.0.113.1/24
gateway_of gateway 203.0.113.9
follows "a link, an address and a default route come" 203.0.113.1 80
addr gateway wan 203.0.113.2/24
follows "another address comes" 203.0.113.2 80
ip -n gateway addr del 203.0.113.2/24 dev wan

ip -n gateway route del default
is "the default route goes: the interface stays wan" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
gwd_kill gateway
gwd_start gateway
is "also over a restart" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80

ip -n gateway link del wan
wire client:eth0 gateway:ppp0
addr client eth0 203.0.113.9/24
addr gateway ppp0 203.0.113.3/24
gateway_of gateway 203.0.113.9
follows "the link goes and another takes its place" 203.0.113.3 80

ip -n client link add eth9 type veth peer name eth9 netns gateway
ip -n client link set eth9 up
addr gateway eth9 198.51.100.1/24
ip -n gateway link set eth9 up
ip -n client route add 198.51.100.0/24 dev eth9 src 203.0.113.9
ip -n gateway route add 203.0.113.9/32 dev eth9
follows "what was held becomes active when its interface comes" 198.51.100.1 81
has "and is listed so" '^later +active' ctl gateway ls
finish
