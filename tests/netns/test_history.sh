#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The past: every change is a numbered revision that tells who, when and what, diff --revision tells what lies between one
# and now, and rollback and undo do just that.
. "$(dirname "$0")/lib.sh"

answers() { ask client tcp 203.0.113.1 "$1"; }
newest() { ctl gateway history -n 1; }

two_nics
serve server tcp 10.0.0.2 80-90
config gateway <<'YAML'
services:
  - {name: declared, port: 90, to: 10.0.0.2}
YAML
gwd_start gateway
has "a change tells who, when and what" "^\* +2 +$(date -u +%Y)-[0-9-]+T[0-9:]+[^ ]* +root +added web: tcp 80 -> 10.0.0.2:80" \
	sh -c "nsenter --net=/run/netns/gateway '$gwctl' -s '$work/gateway/gwd.sock' -q add 80 10.0.0.2 --name web >/dev/null
	nsenter --net=/run/netns/gateway '$gwctl' -s '$work/gateway/gwd.sock' history"
ctl gateway set web --from 198.51.100.0/24 --snat never >/dev/null
has "which keys, and their values" 'root +changed web: from 198\.51\.100\.0/24; snat never' newest
ctl gateway set web --from 203.0.113.0/24 >/dev/null
has "and what they were" 'root +changed web: from 203\.0\.113\.0/24, was 198\.51\.100\.0/24' newest
ctl gateway off declared >/dev/null
config gateway <<'YAML'
services:
  - {name: other, port: 81, to: 10.0.0.2}
YAML
ctl gateway apply >/dev/null
has "of a file, the names" 'root +applied .*gwd.yaml: added other; removed declared' newest
ctl gateway diff --revision 2 >"$work/told"
has "diff --revision tells what comes back" '^\+ declared: tcp 90 -> 10\.0\.0\.2:90' cat "$work/told"
has "what goes" '^- other: tcp 81' cat "$work/told"
has "and what changes" '^~ web: no from, was 203\.0\.113\.0/24; no snat, was never' cat "$work/told"
check "rollback" ctl gateway rollback 2
is "does that" "server 203.0.113.9 90" answers 90
check_not "all of it" answers 81
is "and no more" "" ctl gateway diff --revision 2
has "is a revision itself" 'root +rolled back to revision 2: added declared; removed other; changed web' newest
check "undo" ctl gateway undo
is "takes it back" "server 203.0.113.9 81" answers 81
check_not "whole" answers 90
gwd_kill gateway
gwd_start gateway
has "a restart forgets nothing of it" 'root +undid revision 7: ' newest
has "nor what was before" '^ +3 .*changed web: from 198\.51\.100\.0/24; snat never' ctl gateway history
finish
