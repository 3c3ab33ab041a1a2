# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# 100,000 services in gwd.yaml: a first start, a restart over what is in the kernel already, what that takes in memory, and
# listing them. Against nft loading the same maps, and one netlink batch prepared beforehand.
. "$(dirname "$0")/lib.sh"

many=${MANY:-100000}
lay_out gwd nft raw
pinned "$many" | config gwd
yaml=$work/gwd/gwd.yaml

# What gwd made of it, as nft would load it.
gwd_start gwd || give_up "gwd does not start"
on gwd nft list table inet gwd >"$work/table.nft" || give_up "the table cannot be listed"
gwd_stop gwd

daemon() { # NAME SIDE ROUND: until it is ready, then ended
	sampled on gwd taskset -c 1 "$timed" ready "$1" "$2" "$3" 1 "$gwd" -c "$yaml" -s "$(socket gwd)" -S "$work/gwd/state" 2>>"$work/gwd/gwd.log"
}
for r in $(rounds 5); do
	on gwd nft delete table inet gwd
	rm -rf "$disk/gwd"/*
	daemon start 0 "$r"
	sampled on nft taskset -c 1 "$timed" run nft 0 "$r" 1 nft -f "$work/table.nft"
	on nft nft delete table inet gwd
	sampled on raw taskset -c 1 "$limits" load raw 0 "$r" "$yaml"
	daemon restart 0 "$r"
	sampled on gwd taskset -c 1 "$limits" dump dump 0 "$r"
	sampled taskset -c 1 "$limits" parse parse 0 "$r" "$yaml"
done
awk '$1 == "dump" { d[$3] = $4 } $1 == "parse" { print "dump+parse", 0, $3, d[$3] + $4 }' "$samples" >"$work/sum"
cat "$work/sum" >>"$samples"
compare "start with $many services, to READY" ms "<= 0.5" "start 0" "nft -f of the same maps:" "nft 0"
compare "start with $many services, to READY" ms "<= 3" "start 0" "the same batch, prepared:" "raw 0"
compare "restart with all of it in the kernel" ms "<= 1.5" "restart 0" "dump + parse:" "dump+parse 0"
