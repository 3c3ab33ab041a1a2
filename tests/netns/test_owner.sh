#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A table that nobody else can change: a flush of everything passes it by, without a stop or a crash it outlives gwd, and
# the next gwd has it again. It becomes a plain one, and back, under connections that live on.
. "$(dirname "$0")/lib.sh"

major=$(uname -r | cut -d . -f 1)
minor=$(uname -r | cut -d . -f 2 | sed 's/[^0-9].*//')
[ "$((major * 1000 + minor))" -ge 6009 ] || skip_all "a table outlives its owner from Linux 6.9 on"

status() { ctl gateway -o json status | "$python" -IS -c 'import json, sys
s = json.load(sys.stdin)
print(s["ownership"], s["netlink_messages"], len(s["drift"]))'; }
ownership() { status | cut -d ' ' -f 1; }
says() { # POLICY OWNER
	config gateway <<-YAML
		lan: lan
		policy: $1
		table_owner: $2
		services:
		  - {name: web, port: 80, to: 10.0.0.2}
	YAML
}
lives="server 203.0.113.9 80"

two_nics
serve server tcp 10.0.0.2 80
says exclusive auto
gwd_start gateway
is "under policy exclusive the table is owned" owned ownership
talk_open long client tcp 203.0.113.1 80
is "a connection is made" "$lives" talk long

table gateway >"$work/before"
check "somebody flushes everything" on gateway nft flush ruleset
is "which the connection does not notice" "$lives" talk long
table gateway >"$work/after"
check "nor the table" diff "$work/before" "$work/after"
has "nobody else changes it" 'Operation not permitted' on gateway nft add chain inet gwd other
is "none of that is drift" "owned $(status | cut -d ' ' -f 2) 0" status
check_not "nor news" grep -q 'changed table' "$work/gateway/gwd.log"

gwd_stop gateway
is "gwd is stopped: the connection lives on" "$lives" talk long
is "and new ones are made" "$lives" ask client tcp 203.0.113.1 80
gwd_start gateway
is "started: one message adopts the table" "owned 1 0" status
has "nobody else changes it" 'Operation not permitted' on gateway nft delete table inet gwd
is "the connection lives on" "$lives" talk long
gwd_kill gateway
is "killed: it lives on" "$lives" talk long
gwd_start gateway
is "and the table is ours again" "owned 1 0" status

says coexist auto
ctl gateway apply >/dev/null
is "under policy coexist it becomes a plain one" plain ownership
is "the connection lives on" "$lives" talk long
says coexist on
ctl gateway apply >/dev/null
is "table_owner: on" owned ownership
is "the connection lives on" "$lives" talk long
says exclusive off
ctl gateway apply >/dev/null
is "table_owner: off" plain ownership
is "the connection lives on" "$lives" talk long

says exclusive auto
ctl gateway apply >/dev/null
gwd_kill gateway
on gateway nft delete table inet gwd
gwd_start gateway
is "an orphan that somebody deleted is made anew" owned ownership
is "and works" "$lives" ask client tcp 203.0.113.1 80
gwd_stop gateway
check "an orphan is purged" on gateway "$gwd" --purge -s "$work/gateway/gwd.sock" -S "$work/gateway/state"
is "nothing is left" "" on gateway nft list ruleset
finish
