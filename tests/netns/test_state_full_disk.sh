#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The disk of the state database gets full while several clients change things: what was answered is there, in database and
# kernel alike, what was refused is nowhere; a start finds it all, and with space again everything goes on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/killed.sh"

settled() {
	changes settled "$work/model" "$work/gateway/state" "$work/gateway/gwd.sock" "$patience" \
		nsenter --net=/run/netns/gateway nft -j list map inet gwd any4
}
fill() { # KIB: as many are left
	free=$(df -k --output=avail "$work/gateway/state" | tail -n 1)
	dd if=/dev/zero of="$work/gateway/state/filler" bs=1k count=$((free - $1)) 2>/dev/null
}
full='state.db: database or disk is full: free some space on that file system'

two_nics
mkdir "$work/gateway/state"
mount -t tmpfs -o size=8m tmpfs "$work/gateway/state"
gwd_start gateway
for round in 1 2; do
	fill $((100 + round * 100))
	check "round $round: some changes are done, and from some moment on they are refused" \
		changes run "$work/gateway/gwd.sock" "$work/model" "$(cat "$work/gateway/gwd.pid")" $((patience * 3)) full
	check "what was answered is there, what was refused is not" settled
	has "a refusal says why" "$full" ctl gateway add 80 10.0.0.2
	exits "and is one" 1 ctl gateway add 80 10.0.0.2
	has "nothing of it is there" 'not there' ctl gateway rm 80
	gwd_kill gateway
	gwd_start gateway
	check "killed and started: the same" settled
	gwd_stop gateway
	gwd_start gateway
	check "stopped and started: the same" settled
	rm "$work/gateway/state/filler"
	check "with space again they are taken" ctl gateway add 80 10.0.0.2
	ctl gateway rm 80 >/dev/null
	check "and nothing was lost" settled
	fill 0
	gwd_kill gateway
	gwd_start gateway
	check "started without a byte left: the same" settled
	has "changes are refused" "$full" ctl gateway add 80 10.0.0.2
	rm "$work/gateway/state/filler"
	check "with space again they are taken, without a restart" ctl gateway add 80 10.0.0.2
	ctl gateway rm 80 >/dev/null
done
finish
