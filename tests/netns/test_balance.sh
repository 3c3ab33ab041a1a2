#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Several targets: sticky by source, in turn, by weight; IPv4 and IPv6, single ports and ranges.
. "$(dirname "$0")/lib.sh"

two_nics
host b
wire b:eth0 gateway:lanb
addr gateway lanb 10.0.1.1/24 fd01::1/64
addr b eth0 10.0.1.2/24 fd01::2/64
gateway_of b 10.0.1.1 fd01::1
for i in 20 21 22 23 24 25 26 27 28 29 30 31; do addr client eth0 "203.0.113.$i/24"; done
gateway_of client 203.0.113.1
config gateway <<'YAML'
services:
  - {name: turn, port: 80, to: [10.0.0.2, 10.0.1.2], balance: round-robin}
  - {name: weighted, port: 81, to: [{addr: 10.0.0.2, port: 80}, {addr: 10.0.1.2, port: 8080, weight: 2}], balance: round-robin}
  - {name: sticky, port: 82, to: ["10.0.0.2:80", "10.0.1.2:80"]}
  - {name: chance, port: 83, to: ["10.0.0.2:80", "10.0.1.2:80"], balance: random}
  - {name: shifted, port: 5000-5001, to: ["10.0.0.2:7000-7001", "10.0.1.2:7100-7101"], balance: round-robin}
  - {name: six, port: 80, to: ["fd00::2", "fd01::2"], balance: round-robin}
  - {name: range, port: 7000-7001, listen: 203.0.113.1, to: ["10.0.0.2", "10.0.1.2:7100-7101"], balance: round-robin}
YAML
for p in 80 7001; do serve server tcp 10.0.0.2 $p; done
for p in 80 8080 7101; do serve b tcp 10.0.1.2 $p; done
serve server tcp fd00::2 80
serve b tcp fd01::2 80
check "gwd starts" gwd_start gateway

answers() { # ADDRESS PORT N: who answered how often
	for _ in $(seq "$3"); do ask client tcp "$1" "$2"; done | sort | uniq -c | tr -s ' \n' ' '
}
is "in turn" " 3 b 203.0.113.9 80 3 server 203.0.113.9 80 " answers 203.0.113.1 80 6
is "by weight, each on its own port" " 4 b 203.0.113.9 8080 2 server 203.0.113.9 80 " answers 203.0.113.1 81 6
is "IPv6" " 2 b 2001:db8::9 80 2 server 2001:db8::9 80 " answers 2001:db8::1 80 4
is "a shifted range" " 1 b 203.0.113.9 7101 1 server 203.0.113.9 7001 " answers 203.0.113.1 5001 2
is "a range of an address" " 1 b 203.0.113.9 7101 1 server 203.0.113.9 7001 " answers 203.0.113.1 7001 2

sticky() { # SOURCE: who answers it
	on client "$python" -IS -c 'import socket, sys
s = socket.create_connection(("203.0.113.1", 82), 2, (sys.argv[1], 0))
s.sendall(b"x\n")
print(s.recv(99).decode().split()[0])' "$1"
}
map() { for i in 20 21 22 23 24 25 26 27 28 29 30 31; do sticky "203.0.113.$i"; done; }
map >"$work/first"
check "sources are spread" sh -c "grep -q b '$work/first' && grep -q server '$work/first'"
is "and stay where they are" "$(cat "$work/first")" map
both() { [ "$(for _ in 1 2 3 4 5 6 7 8; do ask client tcp 203.0.113.1 83; done | sort -u | wc -l)" = 2 ]; }
check "by chance" eventually both
finish
