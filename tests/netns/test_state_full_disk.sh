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
	has "and that nothing was done" '^nothing was changed$' ctl gateway add 80 10.0.0.2
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
	if [ $round = 1 ]; then
		has "before anybody tries, doctor finds it" "^error +state +changes are refused, because none can be stored: .*$full" ctl gateway doctor
		has "and shows what there is to delete" 'state/filler$' sh -c "$(ctl gateway doctor | sed -n '/changes are refused/{n;p;}')"
		has "status says it" "^warnings .*changes are refused, because none can be stored: .*$full" ctl gateway status
	fi
	check "started without a byte left: the same" settled
	has "changes are refused" "$full" ctl gateway add 80 10.0.0.2
	rm "$work/gateway/state/filler"
	check "with space again they are taken, without a restart" ctl gateway add 80 10.0.0.2
	ctl gateway rm 80 >/dev/null
	check_not "doctor finds nothing more" sh -c "nsenter --net=/run/netns/gateway '$gwctl' -s '$work/gateway/gwd.sock' doctor | grep ' state '"
done

# What waits to be confirmed is taken back all the same, which is said once and stored later.
: >"$work/gateway/gwd.log"
ctl gateway -q add 85 10.0.0.2 --confirm=3
fill 0
taken_back() { ctl gateway status | grep -qE "^confirm +added tcp-85: .*: was taken back, which cannot be stored yet: gwctl doctor$"; }
check "an unconfirmed change is taken back, and status says that it is not stored" eventually taken_back
has "nothing else is done with what it was about" 'a change was taken back \(added tcp-85: .*\), and that could not be stored yet: gwctl doctor' \
	ctl gateway add 85 10.0.0.2 --dry-run
rm "$work/gateway/state/filler"
stored() { grep -q 'what was taken back is stored now' "$work/gateway/gwd.log"; }
check "with space again it is" eventually stored
is "it is said to be reverted once" 1 grep -c 'reverted: not confirmed' "$work/gateway/gwd.log"
has "history has it" 'reverted: not confirmed \(added tcp-85' ctl gateway history
ctl gateway -q add 86 10.0.0.2 --confirm=600
fill 500
has "little room is a warning" '^warning +state +only [0-9]+ KiB are left on the file system of .*: when it is full, changes are refused' ctl gateway doctor
finish
