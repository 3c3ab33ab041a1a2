#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What others take away from a table that anybody may change, and of forwarding, is back before a connection misses it;
# who fights for it gets it, with an alarm.
. "$(dirname "$0")/lib.sh"

answers() { [ "$(ask client tcp 203.0.113.1 80)" = "server 203.0.113.9 80" ]; }
logged() { grep -qE "$1" "$work/gateway/gwd.log"; }
forwarding() { on gateway cat "/proc/sys/net/$1"; }
forwards() { [ "$(forwarding "$1")" = 1 ]; }
drift() { ctl gateway status | grep -E '^drift|forwarding turned|someone else'; }
blamed() { grep -c 'nft (pid [0-9]*) changed table inet gwd' "$work/gateway/gwd.log"; }
back() { on gateway nft get element inet gwd any4 '{ tcp . 80 }' >/dev/null 2>&1; }
flushed() { # prints how many ms it took to come back
	from=$(date +%s%N)
	on gateway nft flush ruleset
	until back; do :; done
	echo $((($(date +%s%N) - from) / 1000000))
}
sysctl_off() { on gateway sh -c "echo 0 >/proc/sys/net/$1"; }

two_nics
serve server tcp 10.0.0.2 80
sysctl_off ipv4/conf/all/accept_redirects
gwd_start gateway
ctl gateway add 80 10.0.0.2 >/dev/null
talk_open long client tcp 203.0.113.1 80
is "a connection is made" "server 203.0.113.9 80" talk long
check_not "nothing has happened" drift

best=$(for _ in 1 2 3; do flushed; done | sort -n | head -n 1)
if [ "$best" -le 100 ]; then ok "after a flush all is back within 100 ms"; else fail "after a flush all is back within 100 ms" "$best ms"; fi
is "a connection that sent nothing meanwhile lives on" "server 203.0.113.9 80" talk long
has "status says how often, and who it was" 'repaired 3 times, last by nft \(pid [0-9]+\), [0-9]+s ago' drift
check "so does the log" logged 'nft \(pid [0-9]+\) changed table inet gwd: put right in [0-9]+ steps'

# ---- Events that are lost --------------------------------------------------------------------------

kill -STOP "$(cat "$work/gateway/gwd.pid")"
awk 'BEGIN {
	print "add table ip ban\nadd chain ip ban c"
	for (i = 0; i < 5000; i++)
		printf "add rule ip ban c ip saddr 192.0.%d.%d drop\n", i / 250, i % 250
}' >"$work/burst"
on gateway nft -f "$work/burst"
on gateway nft delete element inet gwd any4 '{ tcp . 80 }'
# Its last column but one: messages that a socket had no room for.
check "more happens than gwd can be told" on gateway sh -c \
	"awk '\$9 ~ /^[0-9]+\$/ && \$9 > 0 { lost = 1 } END { exit !lost }' /proc/net/netlink"
check_not "a forward is lost" back
kill -CONT "$(cat "$work/gateway/gwd.pid")"
check "it is back all the same" eventually back
is "of the two programs that were busy none is blamed" 3 blamed
on gateway nft flush ruleset
check "what comes next is noticed again" eventually back
on gateway nft delete table ip ban

# ---- Forwarding ------------------------------------------------------------------------------------

on gateway sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
sysctl_off ipv6/conf/all/forwarding
sysctl_off ipv4/ip_forward
check "IPv4 forwarding comes back" eventually forwards ipv4/ip_forward
is "the connection lives on" "server 203.0.113.9 80" talk long
has "status says so" 'forwarding turned on again 1 time, last by another program, [0-9]+s ago' drift
check "so does the log" logged 'another program turned forwarding off: turned on again'
is "IPv6 forwarding, which nothing needs, does not" 0 forwarding ipv6/conf/all/forwarding
ctl gateway add 80 fd00::2 >/dev/null
sysctl_off ipv6/conf/all/forwarding
check "until something needs it" eventually forwards ipv6/conf/all/forwarding

# ---- A fight ---------------------------------------------------------------------------------------

patience=60
while :; do on gateway nft flush ruleset; done &
flusher=$!
while :; do sysctl_off ipv4/ip_forward; done &
switcher=$!
check "who fights for the table is named" eventually logged 'someone else manages table inet gwd: nft \(pid [0-9]+\) changes it again'
check "who fights for forwarding gets it, too" eventually logged 'another program turns forwarding off again'
kill "$flusher" "$switcher"
wait "$flusher" "$switcher" 2>/dev/null
on gateway nft flush ruleset
sysctl_off ipv4/ip_forward
has "status says so" 'someone else manages this table, so it is left as it is: stop that program, then gwctl apply' drift
has "of both" 'someone else keeps turning it off, so it is left as it is' drift
check_not "and nothing is put right any more" table gateway
is "neither of them" 0 forwarding ipv4/ip_forward
times=$(drift | sed -n 's/.*repaired \([0-9]*\) times.*/\1/p')
if [ "$times" -le 16 ]; then ok "it was tried a few times"; else fail "it was tried a few times" "$times"; fi
check "whatever somebody asks for" ctl gateway add 81 10.0.0.2:80
check "brings everything back" answers
is "forwarding too" 1 forwarding ipv4/ip_forward
check_not "and ends the alarm" sh -c "$gwctl -s $work/gateway/gwd.sock status | grep someone"
# Another gwd, with a file, a socket and a state of its own.
patience=30
mkdir "$work/gateway/other"
echo 'services: [{port: 82, to: 10.0.0.2}]' >"$work/gateway/other/gwd.yaml"
nsenter --net=/run/netns/gateway "$gwd" -c "$work/gateway/other/gwd.yaml" -s "$work/gateway/other/sock" -S "$work/gateway/other" \
	>"$work/gateway/other/log" 2>&1 &
other=$!
check "another gwd is named as such" eventually logged 'another gwd \(pid [0-9]+\) changed table inet gwd'
has "status, too" 'last by another gwd \(pid [0-9]+\)' drift
has "doctor says what that means" '^error +drift +another gwd \(pid [0-9]+\) works on the same table, .*: in a network namespace only one can run' \
	ctl gateway doctor
has "and ends it" '^ +kill [0-9]+, then gwctl apply$' ctl gateway doctor
kill "$other"
wait "$other" 2>/dev/null
check "without it" ctl gateway apply
check "all is as it was" answers
check "purge" on gateway "$gwd" --purge -s "$work/gateway/gwd.sock" -S "$work/gateway/state"
is "remembers what the kernel changes along with forwarding" "0 0" \
	on gateway sh -c 'cd /proc/sys/net/ipv4 && paste -d " " ip_forward conf/all/accept_redirects'
finish
