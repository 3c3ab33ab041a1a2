#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What passed through each forward and target is what was sent, to the packet and the byte: both ends count by
# themselves, with nft, and gwd must say the same.
. "$(dirname "$0")/lib.sh"

meter() { # HOST RULE...: counts what the rules match; "HOOK RULE counter name NAME"
	on_host=$1
	shift
	printf 'table inet count {\n' >"$work/meter"
	for rule; do printf 'counter c_%s { }\n' "${rule##* }" >>"$work/meter"; done
	for hook in input output; do
		printf 'chain %s { type filter hook %s priority 0;\n' $hook $hook >>"$work/meter"
		for rule; do
			case $rule in "$hook "*) printf '%s c_%s\n' "${rule% *}" "${rule##* }" | sed 's/^[a-z]* //' >>"$work/meter" ;; esac
		done
		printf '}\n' >>"$work/meter"
	done
	printf '}\n' >>"$work/meter"
	on "$on_host" nft -f "$work/meter"
}

metered() { # HOST NAME: "PACKETS:BYTES"
	on "$1" nft list counter inet count "c_$2" | sed -n 's/.*packets \([0-9]*\) bytes \([0-9]*\).*/\1:\2/p'
}

# NAME [TARGET]: "CONNECTIONS in PACKETS:BYTES out PACKETS:BYTES"
counted() {
	ctl gateway -q -o json stats "$1" | "$python" -IS -c 'import json, sys
s = json.load(sys.stdin)
of = sys.argv[1:]
t = [x for x in s["targets"] if x["target"] == of[0]][0]["traffic"] if of else s["traffic"]
print(t["connections"], "in %d:%d out %d:%d" % (t["packets_in"], t["bytes_in"], t["packets_out"], t["bytes_out"]))' \
		${2:+"$2"}
}

missing() { # NAME: the reasons
	ctl gateway -q -o json stats "$1" | "$python" -IS -c 'import json, sys
print(*sorted(m["reason"] for m in json.load(sys.stdin)["missing"]))'
}

ended() { [ "$(live "$1")" = 0 ]; } # NAME
lost() { missing "$1" | grep -qw lost; }
live() { ctl gateway -q -o json stats "$1" | "$python" -IS -c 'import json, sys; print(json.load(sys.stdin)["traffic"]["live"])'; }

# The numbers of both ends, and gwd's, until nothing moves any more.
same() { # CONNECTIONS OUT-METER IN-METER [NAME [TARGET]]
	[ "$(counted "${4:-$2}" ${5:+"$5"})" = "$1 in $(metered "${H:-client}" "$2") out $(metered "${H:-client}" "$3")" ]
}
same_or_say() {
	eventually same "$@" && return
	echo "gwd:  $(counted "${4:-$2}" ${5:+"$5"})"
	echo "sent: $1 in $(metered "${H:-client}" "$2") out $(metered "${H:-client}" "$3")"
	return 1
}

two_nics
addr gateway wan 203.0.113.2/24
addr server eth0 10.0.0.3/24
# Whole packets at both ends: a meter would see what the network card is to cut up.
for end in client:eth0 gateway:wan gateway:lan server:eth0; do
	on "${end%:*}" ethtool -K "${end#*:}" tso off gso off gro off >/dev/null 2>&1 || :
done
config gateway <<'YAML'
services:
  - {name: web, port: 80, to: "10.0.0.2:8080"}
  - {name: range, proto: udp, port: 5000-5010, to: "10.0.0.2:7000-7010"}
  - {name: two, port: 90, to: [10.0.0.2, 10.0.0.3], balance: round-robin}
  - {name: one, listen: 203.0.113.1, port: 99, to: 10.0.0.2}
  - {name: other, listen: 203.0.113.2, port: 99, to: 10.0.0.3}
  - {name: six, port: 80, listen: "2001:db8::1", to: "[fd00::2]:8080"}
  - {name: many, proto: udp, port: 20000-39999, to: 10.0.0.2}
YAML
meter client \
	'output ip daddr 203.0.113.1 tcp dport 80 counter name web' 'input tcp sport 80 ip saddr 203.0.113.1 counter name web_in' \
	'output ip6 daddr 2001:db8::1 tcp dport 80 counter name six' 'input tcp sport 80 ip6 saddr 2001:db8::1 counter name six_in' \
	'output udp dport 5000-5010 counter name range' 'input udp sport 5000-5010 counter name range_in' \
	'output tcp dport 90 counter name two' 'input tcp sport 90 counter name two_in' \
	'output ip daddr 203.0.113.1 tcp dport 99 counter name one' 'input ip saddr 203.0.113.1 tcp sport 99 counter name one_in' \
	'output ip daddr 203.0.113.2 tcp dport 99 counter name other' 'input ip saddr 203.0.113.2 tcp sport 99 counter name other_in'
meter server \
	'input ip daddr 10.0.0.2 tcp dport 90 counter name a' 'output ip saddr 10.0.0.2 tcp sport 90 counter name a_out' \
	'input ip daddr 10.0.0.3 tcp dport 90 counter name b' 'output ip saddr 10.0.0.3 tcp sport 90 counter name b_out'
serve server tcp 10.0.0.2 8080
serve server tcp 10.0.0.2 90-99
serve server tcp 10.0.0.3 90-99
serve server tcp fd00::2 8080
serve server udp 10.0.0.2 7000-7010
gwd_start gateway

knob() { on gateway sh -c "echo $2 >/proc/sys/net/netfilter/nf_conntrack_$1"; }

knob udp_timeout 1
knob udp_timeout_stream 1

# ---- to the byte

is "nothing passed" "0 in 0:0 out 0:0" counted web
for _ in 1 2 3; do ask client tcp 203.0.113.1 80 >/dev/null; done
fetch client 203.0.113.1 80 >/dev/null
check "TCP: as both ends count it" same_or_say 4 web web_in
ask client tcp 2001:db8::1 80 >/dev/null
check "IPv6, too" same_or_say 1 six six_in
on client "$python" -IS "$tools/spray.py" 203.0.113.1 5000-5010 110 900
check "UDP over a range of ports" same_or_say 11 range range_in
for _ in 1 2 3 4; do ask client tcp 203.0.113.1 90 >/dev/null; done
check "two targets: together" same_or_say 4 two two_in
H=server
check "the one target" same_or_say 2 a a_out two 10.0.0.2:90
check "the other one" same_or_say 2 b b_out two 10.0.0.3:90
H=client
ask client tcp 203.0.113.1 99 >/dev/null
ask client tcp 203.0.113.2 99 >/dev/null
ask client tcp 203.0.113.2 99 >/dev/null
check "one port on two addresses: the one" same_or_say 1 one one_in
check "the other address" same_or_say 2 other other_in
on client "$python" -IS "$tools/spray.py" 203.0.113.1 20000 7 72
is "one way only, and nobody answers" "1 in 7:700 out 0:0" counted many
is "nothing is missing" "" missing web

# ---- connections end

talk_open long client tcp 203.0.113.1 80
is "a long one" "server 203.0.113.9 8080" talk long
knob tcp_timeout_time_wait 1
check "those that ended count on" same_or_say 5 web web_in
on client "$python" -IS "$tools/spray.py" 203.0.113.1 5000-5010 11 10
check "UDP that ends" eventually ended range
check "is counted, too" same_or_say 22 range range_in

# ---- changes, restarts

check "a change of the file" sed -i 's/^services:/&\n  - {port: 1234, to: 10.0.0.9}/' "$work/gateway/gwd.yaml"
check "is applied" ctl gateway -q apply
talk long >/dev/null
check "and the counts go on" same_or_say 5 web web_in
ctl gateway -q add 91 10.0.0.2:8080 --name temp
ask client tcp 203.0.113.1 91 >/dev/null
ctl gateway -q set temp --name kept
has "another name" '^1 in [1-9]' counted kept
ctl gateway -q set kept 10.0.0.3:99
ask client tcp 203.0.113.1 91 >/dev/null
has "another target: the old one stays with the forward" '^targets +10.0.0.3:99: 1 connection, ' ctl gateway stats kept
has "as one that is no more" '^ +10.0.0.2:8080 \(no more\): 1 connection, ' ctl gateway stats kept
check "its connections end" eventually ended kept
ctl gateway -q rm kept
ctl gateway -q add 91 10.0.0.2:8080 --name kept
is "removed and added again: nothing is left of it" "0 in 0:0 out 0:0" counted kept

gwd_stop gateway
talk long >/dev/null
gwd_start gateway
check "restarted: with what passed meanwhile through what goes on" same_or_say 5 web web_in
is "but what ended meanwhile may be missing" "down" missing web
ask client tcp 203.0.113.1 80 >/dev/null
gwd_stop gateway
gwd_start gateway
talk long >/dev/null
gwd_kill gateway
talk_open while client tcp 203.0.113.1 80
talk while >/dev/null
gwd_start gateway
talk while >/dev/null
check "killed: the same, also for one that began meanwhile" same_or_say 7 web web_in

# ---- anew

anew() { ctl gateway -q stats web --reset && [ -z "$(missing web)" ]; } # seconds are told, no less
check "nothing is missing from a reset on" eventually anew
on client nft reset counters table inet count >/dev/null
is "reset: what lives is no new connection" "0 in 0:0 out 0:0" counted web
check_not "but it lives" ended web
talk long >/dev/null
check "and what it carries from then on counts" same_or_say 0 web web_in

# ---- a restart that costs nothing

sleep 2 # what was closed before had a second to live, and is read as gone: not while nobody listens
live web >/dev/null
for state in tcp_timeout_time_wait tcp_timeout_close tcp_timeout_last_ack udp_timeout udp_timeout_stream; do knob $state 120; done # also on a slow machine
ask client tcp 203.0.113.1 80 >/dev/null
gwd_stop gateway
ask client tcp 203.0.113.1 80 >/dev/null
talk long >/dev/null
gwd_start gateway
check "restarted at once: nothing ended that could be forgotten" same_or_say 2 web web_in
is "so nothing is missing" "" missing web
knob tcp_timeout_last_ack 1
gwd_stop gateway
gwd_start gateway
is "where something is forgotten at once, it may be missing" "down" missing web
check "reset again" eventually anew
knob tcp_timeout_last_ack 120
gwd_kill gateway
gwd_start gateway
is "killed: what it had heard since it stored last may be" "down" missing web
check "reset once more" eventually anew

# ---- the connections of now

knob udp_timeout 60
knob udp_timeout_stream 60
flows() { ctl gateway flows "$@" | sed 's/  */ /g'; }
talk_open udp client udp 203.0.113.1 5000
talk udp >/dev/null
has "a flow: who, what, where, how long, how much" \
	'^web tcp 203.0.113.9:[0-9]+ 203.0.113.1:80 10.0.0.2:8080 established [0-9]+[sm].* [0-9]+ [0-9]+ 4d( 23h)?$' flows web
has "of UDP, too" '^range udp 203.0.113.9:[0-9]+ 203.0.113.1:5000 10.0.0.2:7000 ' flows range
check_not "and of no other forward" sh -c "$gwctl -s $work/gateway/gwd.sock flows web | grep range"
has "all of them" '^range' flows
has "killed" '^web: cut [2-9] connections$' ctl gateway flows web --kill
has "TCP: they notice" '^(Connection reset|timed out)' talk long
has "a new connection gets through" 'server 203.0.113.9 8080' ask client tcp 203.0.113.1 80
has "UDP" '^range: cut [1-9][0-9]* connections?$' ctl gateway flows range --kill
is "begins anew" "server 203.0.113.9 7000" talk udp

# ---- faster than gwd can read

kill -STOP "$(cat "$work/gateway/gwd.pid")"
on client "$python" -IS "$tools/spray.py" 203.0.113.1 20000-39999 20000 10
on gateway "$python" -IS "$tools/flush.py"
kill -CONT "$(cat "$work/gateway/gwd.pid")"
check "lost: it is said" eventually lost many
n=$(counted many)
n=${n%% *}
check "and what is told is a lower bound ($n of 20001)" test "$n" -gt 1000 -a "$n" -lt 20001
has "people see it" '^gwctl: these are lower bounds; missing: connections ended faster than they could be counted' \
	ctl gateway stats

# ---- off

settings() { on gateway sh -c 'cd /proc/sys/net/netfilter && cat nf_conntrack_acct nf_conntrack_timestamp nf_conntrack_events' | paste -s -d ' '; }

config gateway <<'YAML'
accounting: false
services:
  - {name: web, port: 80, to: "10.0.0.2:8080"}
YAML
check "accounting: false" ctl gateway -q apply
is "connection tracking counts as before" "0 0 2" settings
has "stats says why it cannot" 'accounting: false' ctl gateway stats
check_not "ls shows none" sh -c "$gwctl -s $work/gateway/gwd.sock ls -o json | grep traffic"
finish
