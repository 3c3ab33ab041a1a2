#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every kind of forward of gwd.yaml, through a gateway between two networks.
. "$(dirname "$0")/lib.sh"

two_nics
addr gateway wan 203.0.113.5/24
config gateway <<'YAML'
services:
  - {port: 80, to: 10.0.0.2}
  - {port: 81, to: 10.0.0.2:8081}
  - {port: [8000, 8010], to: 10.0.0.2}
  - {port: 6000-6004, to: 10.0.0.2}
  - {port: 5000-5004, to: 10.0.0.2:7000-7004}
  - {proto: udp, port: 53, to: 10.0.0.2}
  - {proto: tcp+udp, port: 4000-4001, to: 10.0.0.2}
  - {name: pinned, listen: 203.0.113.5, port: 90, to: 10.0.0.2}
  - {name: by-name, listen: wan, port: 91, to: 10.0.0.2}
  - {name: off, port: 92, to: 10.0.0.2, enabled: false}
  - {name: web6, port: 80, to: "fd00::2"}
  - {name: shifted6, port: 5000-5004, to: "[fd00::2]:7000-7004"}
  - {name: pinned6, listen: "2001:db8::1", proto: udp, port: 53, to: "fd00::2"}
YAML
for p in 80 90-92 8000-8010 8081 6000-6004 7000-7004 4000-4001; do serve server tcp 0.0.0.0 $p; done
for p in 53 4000-4001; do serve server udp 0.0.0.0 $p; done
serve server tcp fd00::2 80
serve server tcp fd00::2 7000-7004
serve server udp fd00::2 53
gwd_start gateway

is "one port; the server sees the client's own address" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
is "every address of the interface" "server 203.0.113.9 80" ask client tcp 203.0.113.5 80
is "another port there" "server 203.0.113.9 8081" ask client tcp 203.0.113.1 81
is "a list: first" "server 203.0.113.9 8000" ask client tcp 203.0.113.1 8000
is "a list: last" "server 203.0.113.9 8010" ask client tcp 203.0.113.1 8010
check_not "a list is no range" ask client tcp 203.0.113.1 8005
is "a range: first" "server 203.0.113.9 6000" ask client tcp 203.0.113.1 6000
is "a range: last" "server 203.0.113.9 6004" ask client tcp 203.0.113.1 6004
check_not "a range ends" ask client tcp 203.0.113.1 6005
is "a shifted range: first" "server 203.0.113.9 7000" ask client tcp 203.0.113.1 5000
is "a shifted range: last" "server 203.0.113.9 7004" ask client tcp 203.0.113.1 5004
is "udp" "server 203.0.113.9 53" ask client udp 203.0.113.1 53
check_not "udp is not tcp" ask client tcp 203.0.113.1 53
is "tcp+udp: tcp" "server 203.0.113.9 4001" ask client tcp 203.0.113.1 4001
is "tcp+udp: udp" "server 203.0.113.9 4001" ask client udp 203.0.113.1 4001
is "on one address" "server 203.0.113.9 90" ask client tcp 203.0.113.5 90
check_not "and no other" ask client tcp 203.0.113.1 90
is "on an interface" "server 203.0.113.9 91" ask client tcp 203.0.113.1 91
check_not "one that is off" ask client tcp 203.0.113.1 92
is "IPv6" "server 2001:db8::9 80" ask client tcp 2001:db8::1 80
is "IPv6: a shifted range" "server 2001:db8::9 7003" ask client tcp 2001:db8::1 5003
is "IPv6: udp, on one address" "server 2001:db8::9 53" ask client udp 2001:db8::1 53
is "from inside, by the outside address (hairpin)" "server 10.0.0.1 80" ask server tcp 203.0.113.1 80
is "from the gateway itself" "server 203.0.113.1 80" ask gateway tcp 203.0.113.1 80
check_not "not on the inside address: that is the gateway's own" ask server tcp 10.0.0.1 80
check_not "nor for a client that dials it from outside" ask client tcp 10.0.0.1 80

on gateway nft list table inet gwd >"$work/listing"
# at once: gwd would put the table back in between
check "nft reads its own listing of the table again" on gateway sh -c "{ echo delete table inet gwd; cat $work/listing; } | nft -f -"
is "and it works as before" "server 203.0.113.9 7004" ask client tcp 203.0.113.1 5004
finish
