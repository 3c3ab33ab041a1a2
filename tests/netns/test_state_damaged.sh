#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A damaged state database is kept aside, gwd starts with what gwd.yaml says, and says so until the file is removed; also
# when it is killed while it puts it aside.
. "$(dirname "$0")/lib.sh"

answers() { ask client tcp 203.0.113.1 "$1"; }
db=$work/gateway/state/state.db
kept() { ls "$db".corrupt-*Z; }
garbage() { printf 'no database, but something that lay here' | dd of="$1" conv=notrunc status=none; }
cut_off() { truncate -s 5000 "$1"; }
emptied() { : >"$1"; }
is_running() { [ "$(answers 90)" = "server 203.0.113.9 90" ] && ! answers 80; }

two_nics
serve server tcp 10.0.0.2 80-90
config gateway <<'YAML'
services:
  - {name: declared, port: 90, to: 10.0.0.2}
YAML
for damage in garbage cut_off emptied; do
	gwd_start gateway
	ctl gateway add 80 10.0.0.2 >/dev/null
	gwd_stop gateway
	$damage "$db"
	cp "$db" "$work/damaged"
	: >"$work/gateway/gwd.log"
	gwd_start gateway
	check "$damage: gwd starts with the file" is_running
	is "the database is kept" 1 sh -c "ls '$db'.corrupt-*Z | wc -l"
	check "as it was" cmp "$work/damaged" "$(kept)"
	has "the log says so" "state.db is damaged \(.*\): it is kept as $(kept)" cat "$work/gateway/gwd.log"
	has "status too, with the file and what to do" "database was damaged: .* only in $(kept); to have them back restore $db from a backup" \
		ctl gateway status
	has "doctor too, and it keeps the file" "^ +mv $(kept)\* /root/$" ctl gateway doctor
	check "changes are taken" ctl gateway add 82 10.0.0.2
	gwd_kill gateway
	gwd_start gateway
	is "and kept" "server 203.0.113.9 82" answers 82
	has "status says it still" "database was damaged: " ctl gateway status
	rm "$db".corrupt-*
	check_not "until the file is removed" sh -c "nsenter --net=/run/netns/gateway '$gwctl' -s '$work/gateway/gwd.sock' status | grep -q damaged"
	ctl gateway rm 82 >/dev/null
	gwd_stop gateway
done

# What doctor proposes shows what was added.
gwd_start gateway
ctl gateway add 80 10.0.0.2 --name salvaged >/dev/null
gwd_stop gateway
garbage "$db"
gwd_start gateway
# shellcheck disable=SC2016 # backquotes of a message
command=$(ctl gateway doctor | sed -n 's/.*; `\(.*\)` shows the forwards.*/\1/p')
has "what was added can be found in the file" '^{"name":"salvaged",.*"10.0.0.2"' sh -c "$command"
rm "$db".corrupt-*
gwd_stop gateway

# Killed while it is put aside, with a write-ahead log that a kill before left.
for point in half-aside aside; do
	gwd_start gateway
	ctl gateway add 80 10.0.0.2 >/dev/null
	gwd_kill gateway
	garbage "$db"
	plain=$gwd
	gwd=$build/killpoints/gwd
	GWD_KILLPOINT=damaged/$point gwd_spawn gateway
	gwd=$plain
	wait "$(cat "$work/gateway/gwd.pid")" 2>/dev/null
	has "killed there" "killpoint damaged/$point" cat "$work/gateway/gwd.log"
	gwd_start gateway
	check "killed $point: the next starts with the file" is_running
	has "and says it" "database was damaged: .* only in $(kept)" ctl gateway status
	rm "$db".corrupt-*
	gwd_stop gateway
done
finish
