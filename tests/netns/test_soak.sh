#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Months of a gateway's life in seconds: `make soak T=SECONDS` for longer. Forwards come and go, the file is applied again
# and again, others flush the ruleset, links flap, addresses change, and clients connect all the while.
. "$(dirname "$0")/lib.sh"

seconds=${GWD_SOAK:-16}
d=$work/gateway
soak() { "$python" -IS "$tools/soak.py" "$@"; }
six_answers() { ask client tcp 2001:db8::1 8080; }
listed() { # forwards as gwctl has them
	ctl gateway -o json ls | "$python" -IS -c 'import json, sys
for f in sorted((f["service"] for f in json.load(sys.stdin)), key=lambda s: s["name"]):
	print(f["name"], f["to"][0]["addr"])'
}
sent() { # batches and elements since the start; one is spent on owning the table
	ctl gateway -o json status | "$python" -IS -c 'import json, sys
s = json.load(sys.stdin)
print(s["netlink_batches"] - (s["ownership"] == "owned"), s["netlink_elements"])'
}
plain() { # the ruleset without counters, its sets in order
	on gateway nft -s list table inet gwd | tr ',' '\n' | sed 's/^[[:space:]]*//; s/elements = { //; s/ }$//' | sort
}

two_nics
serve server tcp 0.0.0.0 80
serve server udp 0.0.0.0 53
serve server tcp fd00::2 8080

for policy in coexist exclusive; do
	echo "# policy: $policy"
	gwd_start gateway
	soak run "$d/gwd.sock" "$(cat "$d/gwd.pid")" $policy $((seconds / 2)) "$work/soak" &
	running=$!
	eventually six_answers || echo "# the first file is not in force"
	nsenter --net=/run/netns/client "$python" -IS "$tools/probe.py" "$work/probed" tcp/203.0.113.1/80='server 203.0.113.9 80' \
		udp/203.0.113.1/53='server 203.0.113.9 53' tcp/2001:db8::1/8080='server 2001:db8::9 8080' &
	probing=$!
	wait $running
	ended=$?
	kill $probing
	wait $probing
	is "$((seconds / 2)) seconds of everything" 0 echo $ended
	check "no connection failed that should have worked, nothing grew" soak judge "$work/soak" "$work/probed"
	echo "$said" | grep '^#'

	is "it has the forwards that were asked for, and no other" "$(soak expected "$work/soak")" listed
	gwd_stop gateway
	gwd_start gateway
	is "a restart finds kernel and database equal" "0 0" sent
	is "and the same forwards" "$(soak expected "$work/soak")" listed
	before=$(plain)
	gwd_stop gateway
	on gateway nft delete table inet gwd
	gwd_start gateway
	is "made from nothing, nft lists the same" "$before" plain
	gwd_stop gateway
	on gateway nft delete table inet gwd
	rm -r "$d/state"
done
finish
