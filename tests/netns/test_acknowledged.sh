#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 at any moment of a change: every acknowledged one is there afterwards, and of the one in flight all or nothing.
. "$(dirname "$0")/lib.sh"

names() { ctl gateway -o json ls | grep -oE '"tcp-[0-9]+-[0-9]+"' | tr -d '"' | sort -u; }

two_nics
: >"$work/acknowledged"
for round in 1 2 3 4 5 6 7 8; do
	gwd_start gateway
	(sleep 0.0$((round * 3 % 10)) && kill -9 "$(cat "$work/gateway/gwd.pid")") &
	port=$((round * 1000))
	while ctl gateway -q add $port-$((port + 1)) 10.0.0.2 >/dev/null 2>&1; do
		echo "tcp-$port-$((port + 1))" >>"$work/acknowledged"
		port=$((port + 2))
	done
	wait $!
	wait "$(cat "$work/gateway/gwd.pid")" 2>/dev/null
done
gwd_start gateway
names >"$work/names"
sort "$work/acknowledged" >"$work/wanted"
has "some changes were acknowledged" '^[1-9]' grep -c . "$work/wanted"
is "none of them is lost" "" comm -23 "$work/wanted" "$work/names"
has "and at most one in each round was in flight" '^[0-8]$' sh -c "comm -13 '$work/wanted' '$work/names' | wc -l"
table gateway | grep -oE '"tcp-[0-9]+-[0-9]+"' | tr -d '"' | sort -u >"$work/table"
check "the kernel has just those" diff "$work/names" "$work/table"
finish
