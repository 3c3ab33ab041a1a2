#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# How a target sees its clients: its own address, ours, a fixed one; by the forward that was used, not by its port.
. "$(dirname "$0")/lib.sh"

# --- two networks -----------------------------------------------------------------------------------------------------
two_nics
addr gateway wan 203.0.113.2/24 203.0.113.3/24 203.0.113.4/24
addr gateway lan 10.0.0.99/24
ip -n gateway addr add fd00::99/64 dev lan nodad preferred_lft 0 # never chosen by itself
config gateway <<'YAML'
services:
  - {port: 80, to: 10.0.0.2}
  - {port: 80, listen: 203.0.113.2, to: 10.0.0.2, snat: always}
  - {port: 80, listen: 203.0.113.3, to: 10.0.0.2, snat: 10.0.0.99}
  - {port: 80, listen: 203.0.113.4, to: 10.0.0.2, snat: never}
  - {port: 8000-8002, to: 10.0.0.2, snat: always}
  - {port: 9000-9001, to: "10.0.0.2:8001-8002", snat: 10.0.0.99}
  - {port: 53, to: 10.0.0.2, proto: udp, snat: routed}
  - {port: 80, to: "fd00::2"}
  - {port: 81, to: "[fd00::2]:80", snat: always}
  - {port: 82, to: "[fd00::2]:80", snat: "fd00::99"}
YAML
serve server tcp 10.0.0.2 80
serve server tcp 10.0.0.2 8001
serve server udp 10.0.0.2 53
serve server tcp fd00::2 80
check "gwd starts" gwd_start gateway
is "auto" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
is "always" "server 10.0.0.1 80" ask client tcp 203.0.113.2 80
is "a fixed address" "server 10.0.0.99 80" ask client tcp 203.0.113.3 80
is "never" "server 203.0.113.9 80" ask client tcp 203.0.113.4 80
is "always, a range" "server 10.0.0.1 8001" ask client tcp 203.0.113.1 8001
is "a fixed address, a shifted range" "server 10.0.0.99 8001" ask client tcp 203.0.113.1 9000
is "routed, another network" "server 203.0.113.9 53" ask client udp 203.0.113.1 53
is "auto, IPv6" "server 2001:db8::9 80" ask client tcp 2001:db8::1 80
is "always, IPv6" "server fd00::1 80" ask client tcp 2001:db8::1 81
is "a fixed address, IPv6" "server fd00::99 80" ask client tcp 2001:db8::1 82
check "set to routed" ctl gateway add 84 10.0.0.2:80 --name later --snat always
is "added at run time" "server 10.0.0.1 80" ask client tcp 203.0.113.1 84
check "back to the default" ctl gateway set later --snat ''
is "set at run time" "server 203.0.113.9 80" ask client tcp 203.0.113.1 84

# The settings' mode is for those that say nothing.
config gateway <<'YAML'
snat: always
services:
  - {port: 80, to: 10.0.0.2}
  - {port: 81, to: 10.0.0.2:80, snat: auto}
  - {port: 80, to: "fd00::2"}
YAML
check "apply" ctl gateway apply
is "always, for all" "server 10.0.0.1 80" ask client tcp 203.0.113.1 80
is "always, for all, IPv6" "server fd00::1 80" ask client tcp 2001:db8::1 80
is "but for one" "server 203.0.113.9 80" ask client tcp 203.0.113.1 81
config gateway <<'YAML'
snat: 10.0.0.99
services:
  - {port: 80, to: 10.0.0.2}
  - {port: 80, to: "fd00::2"}
YAML
check "apply" ctl gateway apply
is "a fixed address, for all" "server 10.0.0.99 80" ask client tcp 203.0.113.1 80
is "which the other family has not" "server 2001:db8::9 80" ask client tcp 2001:db8::1 80

# --- one network: the reply goes past a gateway that is not its server's router ----------------------------------------
host lan one first second third
for h in one first second third; do wire "lan:$h" "$h:eth0"; done
bridge_up lan br0 one first second third
addr one eth0 192.168.0.101/24
addr first eth0 192.168.0.102/24
addr second eth0 192.168.0.103/24
addr third eth0 192.168.0.104/24 198.51.100.9/24
gateway_of one 192.168.0.104
gateway_of first 192.168.0.104
gateway_of second 192.168.0.101
on third ip route add 192.168.0.101 dev eth0 src 198.51.100.9
config one <<'YAML'
services:
  - {port: 80, to: 192.168.0.102}
  - {port: 81, to: "192.168.0.102:80", snat: never}
  - {port: 82, to: "192.168.0.103:80", snat: routed}
  - {port: 83, to: "192.168.0.103:80"}
YAML
serve first tcp 192.168.0.102 80
serve second tcp 192.168.0.103 80
check "gwd starts" gwd_start one
is "auto: ours, where the reply would not come back" "first 192.168.0.101 80" ask third tcp 192.168.0.101 80
check_not "never: and it does not" ask third tcp 192.168.0.101 81
is "routed: its own, where the target's router is us" "second 198.51.100.9 80" ask third tcp 192.168.0.101 82
is "routed: ours, for a client of the target's own network" "second 192.168.0.101 80" ask first tcp 192.168.0.101 82
is "auto: ours, for both" "second 192.168.0.101 80" ask third tcp 192.168.0.101 83
finish
