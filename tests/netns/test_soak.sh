#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Months of a gateway's life in seconds: `make soak T=SECONDS` for longer. Forwards come and go, the file is applied again
# and again, others flush the ruleset, links flap, addresses change, and clients connect all the while.
. "$(dirname "$0")/lib.sh"

seconds=${GWD_SOAK:-10}
d=$work/gateway
soak() { "$python" -IS "$tools/soak.py" "$@"; }

two_nics
serve server tcp 0.0.0.0 80
serve server udp 0.0.0.0 53
serve server tcp :: 8080
gwd_start gateway
soak run "$d/gwd.sock" "$(cat "$d/gwd.pid")" "$seconds" "$work/soak" &
running=$!
six_answers() { ask client tcp 2001:db8::1 8080; }
eventually six_answers || echo "# the first file is not in force"
nsenter --net=/run/netns/client "$python" -IS "$tools/probe.py" "$work/probed" tcp/203.0.113.1/80='server 203.0.113.9 80' \
	udp/203.0.113.1/53='server 203.0.113.9 53' tcp/2001:db8::1/8080='server 2001:db8::9 8080' &
probing=$!
wait $running
ended=$?
kill $probing
wait $probing
is "$seconds seconds of everything" 0 echo $ended
check "no connection failed that should have worked, nothing grew" soak judge "$work/soak" "$work/probed"
echo "$said" | grep '^#'

# ---- File, database and kernel are the same ------------------------------------------------------------

listed() { # forwards as gwctl has them
	ctl gateway -o json ls | "$python" -IS -c 'import json, sys
for f in sorted((f["service"] for f in json.load(sys.stdin)), key=lambda s: s["name"]):
	print(f["name"], f["to"][0]["addr"])'
}
sent() { ctl gateway -o json status | grep -E '"netlink_(batches|elements)"' | tr -d ' ,\n'; }
plain() { # the ruleset without counters, its sets in order
	on gateway nft -s list table inet gwd | tr ',' '\n' | sed 's/^[[:space:]]*//; s/elements = { //; s/ }$//' | sort
}
is "it has the forwards that were asked for, and no other" "$(soak expected "$work/soak")" listed
gwd_stop gateway
gwd_start gateway
is "a restart finds kernel and database equal" '"netlink_batches":0"netlink_elements":0' sent
is "and the same forwards" "$(soak expected "$work/soak")" listed
before=$(plain)
gwd_stop gateway
on gateway nft delete table inet gwd
gwd_start gateway
is "made from nothing, nft lists the same" "$before" plain
finish
