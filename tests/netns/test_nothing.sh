#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installing changes nothing: without a forward and a named interface there is no table and no sysctl is written.
. "$(dirname "$0")/lib.sh"

sysctls() { on gateway sh -c 'cd /proc/sys/net && grep -rH . ipv4/ip_forward ipv4/conf ipv6/conf 2>/dev/null | sort'; }

two_nics
sysctls >"$work/before"
cp "$top/conf/gwd.yaml" "$work/gateway/gwd.yaml"
gwd_start gateway
is "no table" "" on gateway nft list ruleset
sysctls >"$work/after"
check "no kernel setting is written" diff "$work/before" "$work/after"
ip -n gateway addr add 203.0.113.77/24 dev wan
ip -n gateway link add veth0 type veth peer name veth1
check "status" ctl gateway status
is "none when addresses and links come, either" "" on gateway nft list ruleset
ip -n gateway link del veth0
ip -n gateway addr del 203.0.113.77/24 dev wan

ctl gateway add 80 10.0.0.2 >/dev/null
is "IPv4 forwarding is on with the first forward" 1 on gateway cat /proc/sys/net/ipv4/ip_forward
is "IPv6 forwarding is not, nothing needs it" 0 on gateway cat /proc/sys/net/ipv6/conf/all/forwarding
ctl gateway rm 80 >/dev/null
check "the table stays, for connections that go on" table gateway
gwd_stop gateway
check "--purge" on gateway "$gwd" --purge -c "$work/gateway/gwd.yaml" -s "$work/gateway/gwd.sock" -S "$work/gateway/state"
is "and there is no trace" "" on gateway nft list ruleset
sysctls >"$work/after"
check "of the settings neither" diff "$work/before" "$work/after"

gwd_start gateway -c "$work/gateway/none.yaml"
has "a file that is gone is missed" "there is no .*/none.yaml: nothing is declared there" cat "$work/gateway/gwd.log"
finish
