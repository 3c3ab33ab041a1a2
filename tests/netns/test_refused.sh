#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is refused changes nothing: not the file, not the database, not the kernel.
. "$(dirname "$0")/lib.sh"

everything() { table gateway && ctl gateway export && ctl gateway -o json history; }
unchanged() {
	everything >"$work/after"
	check "$1: nothing changed" diff "$work/before" "$work/after"
}

two_nics
config gateway <<'YAML'
services:
  - {name: web, port: 80, to: 10.0.0.2}
YAML
gwd_start gateway
ctl gateway add 81 10.0.0.2 >/dev/null
everything >"$work/before"

exits "adding what is there" 0 ctl gateway add 81 10.0.0.2
exits "adding another to the same port" 1 ctl gateway add 81 10.0.0.3
has "names the one in the way" 'tcp-81' ctl gateway add 81 10.0.0.3
has "and how to have it all the same" '(--replace|gwctl set)' ctl gateway add 81 10.0.0.3
exits "a declared one is not replaced" 1 ctl gateway add 80 10.0.0.3 --replace
exits "removing a declared one" 1 ctl gateway rm 80
has "says where it stands" 'gwd\.yaml:2' ctl gateway rm 80
exits "removing what is not there is no mistake" 0 ctl gateway rm 8888
check_not "an address that is none" ctl gateway add 82 10.0.0.300
check_not "port 0" ctl gateway add 0 10.0.0.2
check_not "mixed families" ctl gateway add 203.0.113.1:82 fd00::2
check_not "an interface that is not there" ctl gateway add nosuch0:82 10.0.0.2
unchanged "refused commands"
exits "a dry run" 0 ctl gateway add 82 10.0.0.2 --dry-run
unchanged "a dry run"

config gateway <<'YAML'
services:
  - {name: web, port: 80, to: 10.0.0.2}
  - {name: web, prot: udp, port: 0, to: 10.0.0.2}
YAML
exits "a broken file is not applied" 1 ctl gateway apply
has "every mistake is told: the key" "gwd\.yaml:3:[0-9]+: web: unknown key 'prot', did you mean 'proto'\?" ctl gateway apply
has "the port" 'gwd\.yaml:3:[0-9]+: .*port' ctl gateway apply
exits "check says the same" 1 ctl gateway check
unchanged "a broken file"

gwd_kill gateway
gwd_start gateway
has "started with a broken file, the last accepted state runs" 'tcp-81' table gateway
has "and status says why" "unknown key 'prot'" ctl gateway status
gwd_stop gateway
exits "gwctl without gwd" 3 ctl gateway ls
has "says how to start it" 'systemctl start gwd' ctl gateway ls
finish
