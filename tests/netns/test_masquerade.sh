#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What lan sends leaves under the gateway's address; what should not be touched is not.
. "$(dirname "$0")/lib.sh"

two_nics
ip -n gateway route del default
ip -n gateway -6 route del default
host internet
wire internet:eth0 gateway:ppp0
addr internet eth0 198.51.100.9/24
addr gateway ppp0 198.51.100.1/24
config gateway <<'YAML'
wan: [wan, "ppp*"]
lan: lan
services:
  - {port: 80, to: 10.0.0.2}
YAML
serve client tcp 203.0.113.9 80
serve internet udp 198.51.100.9 53
serve server tcp 10.0.0.2 22
gwd_start gateway

is "tcp from inside" "client 203.0.113.1 80" ask server tcp 203.0.113.9 80
is "udp from inside, by an interface that a wildcard names" "internet 198.51.100.1 53" ask server udp 198.51.100.9 53

# The gateway's neighbour outside has a route to the inside: forwarding must not have opened it.
gateway_of client 203.0.113.1
check_not "nobody outside reaches lan unasked" ask client tcp 10.0.0.2 22

# A public address inside keeps it.
addr server eth0 192.0.2.2/24
addr gateway lan 192.0.2.1/24
is "public addresses inside are left alone" "client 192.0.2.2 80" \
	on server "$python" -IS -c 'import socket
s = socket.create_connection(("203.0.113.9", 80), 2, ("192.0.2.2", 0))
s.sendall(b"x\n")
print(s.recv(99).decode(), end="")'

config gateway <<'YAML'
wan: [wan, "ppp*"]
lan: lan
masquerade: false
YAML
check "apply" ctl gateway apply
is "masquerade: false" "client 10.0.0.2 80" ask server tcp 203.0.113.9 80
finish
