#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Restart, kill, apply and upgrade touch only what differs: connections and counters live on, and what was
# acknowledged is there again.
. "$(dirname "$0")/lib.sh"

sent() { ctl gateway -o json status | "$python" -IS -c 'import json, sys
s = json.load(sys.stdin)
print(s["netlink_batches"], s["netlink_elements"])'; }

two_nics
config gateway <<'YAML'
services:
  - {name: web, port: 80, to: 10.0.0.2}
  - {name: gone, port: 81, to: 10.0.0.2}
YAML
serve server tcp 10.0.0.2 80-90
gwd_start gateway
ctl gateway add 82 10.0.0.2 >/dev/null
talk_open long client tcp 203.0.113.1 80
is "a connection is made" "server 203.0.113.9 80" talk long
table gateway >"$work/before"

gwd_stop gateway
gwd_start gateway
table gateway >"$work/after"
check "stopped and started: the table is as it was, counters too" diff "$work/before" "$work/after"
is "nothing was sent" "0 0" sent
is "the connection lives on" "server 203.0.113.9 80" talk long
is "what was added is there again" "server 203.0.113.9 82" ask client tcp 203.0.113.1 82

check "an unchanged file is applied" ctl gateway apply
is "and nothing is sent" "0 0" sent

config gateway <<'YAML'
services:
  - {name: web, port: 80, to: 10.0.0.2}
  - {name: new, port: 83, to: 10.0.0.2}
YAML
has "diff names what is new" '^\+ new' ctl gateway diff
has "and what goes" '^- gone' ctl gateway diff
check "apply" ctl gateway apply
is "one batch" 1 sh -c "echo \"$(sent)\" | cut -d ' ' -f 1"
is "the new one works" "server 203.0.113.9 83" ask client tcp 203.0.113.1 83
check_not "the old one is gone" ask client tcp 203.0.113.1 81
is "the connection lives on" "server 203.0.113.9 80" talk long

ctl gateway off web >/dev/null
check_not "off: no new connection" ask client tcp 203.0.113.1 80
is "off: the open one goes on" "server 203.0.113.9 80" talk long
gwd_kill gateway
gwd_start gateway
check_not "off survives kill -9" ask client tcp 203.0.113.1 80
ctl gateway on web >/dev/null
is "on" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80

# Whoever flushes everything: a restart brings it back.
on gateway nft flush ruleset
gwd_kill gateway
gwd_start gateway
is "a flushed ruleset is rebuilt at start" "server 203.0.113.9 82" ask client tcp 203.0.113.1 82
finish
