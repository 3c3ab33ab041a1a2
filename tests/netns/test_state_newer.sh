#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A state database of a newer version: gwd starts with what gwd.yaml says, refuses changes, says so, and leaves the
# database as it is, for the newer version to go on with.
. "$(dirname "$0")/lib.sh"

answers() { ask client tcp 203.0.113.1 "$1"; }
version() { # N: becomes the version
	"$python" -IS -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA user_version = " + sys.argv[2])
db.close()' "$work/gateway/state/state.db" "$1"
}
newer='state.db was written by a newer gwd, which this one must not change: install that version again'
# Of the kernel what gwd changes where it can remember it: as a boot leaves it, and as it is.
knobs() { on gateway sh -c "cd /proc/sys/net/netfilter && echo $1 >nf_conntrack_acct && echo $2 >nf_conntrack_timestamp && echo $3 >nf_conntrack_events"; }
settings() { on gateway sh -c 'cd /proc/sys/net/netfilter && cat nf_conntrack_acct nf_conntrack_timestamp nf_conntrack_events' | paste -s -d ' '; }

two_nics
serve server tcp 10.0.0.2 80-90
config gateway <<'YAML'
services:
  - {name: declared, port: 90, to: 10.0.0.2}
YAML
gwd_start gateway
ctl gateway add 80 10.0.0.2 >/dev/null
gwd_stop gateway
before=$("$python" -IS -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version").fetchone()[0])' "$work/gateway/state/state.db")
version 99
cp "$work/gateway/state/state.db" "$work/untouched"
on gateway nft delete table inet gwd # as a boot does
knobs 0 0 2
gwd_start gateway
is "what could not be put back is left alone" "0 0 2" settings
is "which is said once" 1 grep -c 'connections are not counted' "$work/gateway/gwd.log"
is "what is declared runs" "server 203.0.113.9 90" answers 90
check_not "what was added is not known" answers 80
has "status says so" "^warnings +changes are refused, and only what gwd.yaml says runs: .*$newer" ctl gateway status
has "the log too" "$newer" cat "$work/gateway/gwd.log"
for change in "add 81 10.0.0.2" "rm declared" "off declared" "apply" "undo" "open 22" "set declared --log"; do
	# shellcheck disable=SC2086 # words
	exits "$change is refused" 1 ctl gateway $change
done
has "with the reason" "$newer" ctl gateway add 81 10.0.0.2
gwd_kill gateway
check "the database is untouched" cmp "$work/untouched" "$work/gateway/state/state.db"
version "$before"
gwd_start gateway
is "the version it belongs to has it all" "server 203.0.113.9 80" answers 80
is "also what is declared" "server 203.0.113.9 90" answers 90
check "and goes on" ctl gateway add 81 10.0.0.2
finish
