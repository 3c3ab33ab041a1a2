#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is given for a time ends by itself, whether gwd runs or not: new connections are the gateway's own again, open
# ones go on or are cut as asked, UDP always is. What is temporary ends with the boot, what is held with its gwctl.
. "$(dirname "$0")/lib.sh"

keep_sending() { # NAME ADDRESS PORT
	on client "$python" -IS "$tools/sender.py" "$2" "$3" "$work/answer.$1" &
}

answered() { # NAME TEXT: the latest answer is this
	[ "$(cat "$work/answer.$1" 2>/dev/null)" = "$2" ]
}

answers() { # PORT TEXT
	[ "$(ask client tcp 203.0.113.1 "$1")" = "$2" ]
}

refuses() { # PORT
	! ask client tcp 203.0.113.1 "$1"
}

gone() { # NAME
	! ctl gateway show "$1"
}

elements() { # NAME: how many the kernel has
	table gateway | grep -c "comment \"$1\"" || :
}

hold() { # ARG...: a gwctl that stays; its process in $holder
	nsenter --net=/run/netns/gateway "$gwctl" -s "$work/gateway/gwd.sock" add "$@" --hold >"$work/held" 2>&1 &
	holder=$!
	eventually grep -q 'held open until' "$work/held"
}

in_seconds() { # N: as gwd.yaml has it
	date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ
}

two_nics
serve server tcp 10.0.0.2 80-89
serve server udp 10.0.0.2 53
serve gateway tcp 203.0.113.1 80
serve gateway udp 203.0.113.1 53
gwd_start gateway

# While gwd runs. Connections are made before there is an end, so that no machine is too slow for it.
ctl gateway add 80 10.0.0.2 --name drain --force >/dev/null 2>&1
ctl gateway add 81 10.0.0.2 --name cut --on-expiry cut >/dev/null
ctl gateway add 53/udp 10.0.0.2 --name dns --force >/dev/null 2>&1
talk_open drain client tcp 203.0.113.1 80
talk_open cut client tcp 203.0.113.1 81
keep_sending dns 203.0.113.1 53
is "a connection" "server 203.0.113.9 80" talk drain
is "another" "server 203.0.113.9 81" talk cut
check "and UDP" eventually answered dns "server 203.0.113.9 53"
revisions=$(ctl gateway history -o json | grep -c '"id"')
for name in drain cut dns; do ctl gateway set $name --for 2s >/dev/null; done
has "ls says when they end" '^drain .* in [12]s ' ctl gateway ls
check "a lease ends: new connections are the gateway's own again" eventually answers 80 "gateway 203.0.113.9 80"
check "without a service there, they are refused" eventually refuses 81
check "UDP is cut" eventually answered dns "gateway 203.0.113.9 53"
for name in drain cut dns; do check "$name is gone from the list" eventually gone $name; done
is "drain: what was open goes on" "server 203.0.113.9 80" talk drain
has "cut: what was open is cut" '^(Connection reset|timed out)' talk cut
is "an end is no revision" $((revisions + 3)) sh -c "\"$gwctl\" -s '$work/gateway/gwd.sock' history -o json | grep -c '\"id\"'"
is "nothing is left of it in the kernel" 0 elements drain
check_not "the past is refused" ctl gateway add 82 10.0.0.2 --expires 2020-01-01T00:00:00Z

# Renewed, in place.
ctl gateway add 82 10.0.0.2 --for 20s >/dev/null
has "renewed" '^renewed tcp-82: tcp 82 -> 10.0.0.2:82 \(until ' ctl gateway add 82 10.0.0.2 --for 1h
has "the kernel knows" 'expires (1h|59m)' table gateway
has "ls too" '^tcp-82 .* in (1h|59m)' ctl gateway ls
has "without --for it stays as it is" 'there already' ctl gateway add 82 10.0.0.2
ctl gateway set tcp-82 --for= >/dev/null
check_not "for good: the kernel knows that too" sh -c "nsenter --net=/run/netns/gateway nft list table inet gwd | grep -q expires"

# A declared one is held.
config gateway <<YAML
services:
  - {name: web, port: 83, to: 10.0.0.2, expires: "$(in_seconds 2)"}
YAML
ctl gateway apply >/dev/null
check "a declared one ends" eventually refuses 83
has "and is held" '^web +held: expired' ctl gateway ls

# While gwd does not run: the kernel's own timeout.
ctl gateway add 84 10.0.0.2 --name dead --on-expiry cut >/dev/null
ctl gateway add 85 10.0.0.2 --name dead-drain >/dev/null
talk_open dead client tcp 203.0.113.1 84
talk_open alive client tcp 203.0.113.1 85
is "a connection" "server 203.0.113.9 84" talk dead
is "another" "server 203.0.113.9 85" talk alive
ctl gateway set dead --for 2s >/dev/null
ctl gateway set dead-drain --for 2s >/dev/null
gwd_kill gateway
check "gwd is dead: new connections end all the same" eventually refuses 84
is "open ones go on, for now" "server 203.0.113.9 84" talk dead
check "the other has ended, too" eventually refuses 85
gwd_start gateway
check "a start finds it ended" gone dead
has "and cuts what was to be cut" '^(Connection reset|timed out)' talk dead
is "not what drains" "server 203.0.113.9 85" talk alive
is "nothing is left of it" 0 elements dead
has "the declared one is held still" '^web +held: expired' ctl gateway ls
is "what does not end is there" "server 203.0.113.9 82" ask client tcp 203.0.113.1 82

# Until the next boot.
has "temporary" '\(temporary\)' ctl gateway add 86 10.0.0.2 --temporary
has "ls says so" '^tcp-86 .* at reboot ' ctl gateway ls
check_not "export leaves it out" sh -c "'$gwctl' -s '$work/gateway/gwd.sock' export | grep -q tcp-86"
gwd_kill gateway
gwd_start gateway
is "it survives gwd" "server 203.0.113.9 86" ask client tcp 203.0.113.1 86
gwd_stop gateway
echo 6e5c8b9e-0000-4000-8000-000000000000 >"$work/boot_id"
cat >"$work/other_boot" <<SH
mount --bind '$work/boot_id' /proc/sys/kernel/random/boot_id && exec "\$@"
SH
GWD_AS="unshare -m sh $work/other_boot" gwd_start gateway
check "but no boot" gone tcp-86
check_not "nor do its packets" ask client tcp 203.0.113.1 86
is "what is for good does" "server 203.0.113.9 82" ask client tcp 203.0.113.1 82
gwd_stop gateway
gwd_start gateway
check "and it does not come back" gone tcp-86

# As long as somebody holds it.
hold 87 10.0.0.2
is "held open" "server 203.0.113.9 87" ask client tcp 203.0.113.1 87
has "ls says so" '^tcp-87 .* when let go ' ctl gateway ls
check_not "another cannot hold it too" ctl gateway add 87 10.0.0.2 --hold
talk_open held client tcp 203.0.113.1 87
is "a connection" "server 203.0.113.9 87" talk held
kill -9 "$holder"
wait "$holder" 2>/dev/null
check "killed: it is gone" eventually gone tcp-87
check_not "for packets, too" ask client tcp 203.0.113.1 87
is "what was open goes on" "server 203.0.113.9 87" talk held
hold 87 10.0.0.2
gwd_stop gateway
wait "$holder"
is "gwd ends: so does gwctl" 3 echo $?
has "and says why" 'gwd has ended' cat "$work/held"
gwd_start gateway
check "and it is gone" gone tcp-87
hold 87 10.0.0.2
gwd_kill gateway
wait "$holder" 2>/dev/null
gwd_start gateway
check "gwd is killed: a start removes it" gone tcp-87
check_not "from the kernel, too" ask client tcp 203.0.113.1 87
finish
