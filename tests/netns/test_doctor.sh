#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl doctor: every broken set-up is a finding with its severity and cause; the command that is told with it is run, and
# then nothing is wrong any more.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/firewalls.sh"
. "$top/tests/netns/why.sh"

doctor() { ctl gateway doctor 2>&1; }

well() { # DESCRIPTION: no false alarm
	said=$(doctor)
	status=$?
	if [ "$status $said" = "0 nothing is wrong" ]; then ok "$1"; else fail "$1" "exit $status
$said"; fi
}

found() { # DESCRIPTION SEVERITY ABOUT PATTERN: $told is what it says to do
	said=$(doctor)
	status=$?
	printf '%s\n' "$said" >"$work/said"
	wanted=0
	[ "$2" != error ] || wanted=1
	line=$(printf '%s\n' "$said" | grep -nE -e "^$2 +$3 +$4" | head -n 1 | cut -d: -f1)
	told=
	if [ -n "$line" ] && [ $status = $wanted ]; then
		ok "$1: $2"
		told=$(printf '%s\n' "$said" | sed -n "$((line + 1)){s/^ *//;p;}")
	else
		fail "$1: $2" "exit $status, wanted '$2 $3 $4', of
$said"
	fi
}

put_right() { # DESCRIPTION [SED-PROGRAM]: what was told is done, with what only a person knows put in
	what=$1
	do=$(printf '%s\n' "$told" | sed "s/, .*//; ${2-}")
	if said=$([ -n "$do" ] && run "$do" 2>&1); then ok "$what: its command can be done: $do"; else fail "$what: its command can be done" "$do
$said"; fi
	well "$what: then nothing is wrong"
}

last_line() { tail -n "$1" "$work/said" | head -n 1; } # N from the end, of what was found last
says() { doctor | grep -q -e "$1"; }

apply() { config gateway && ctl gateway apply >/dev/null 2>&1; } # standard input becomes gwd.yaml, and what runs

private /etc
rm -f /etc/nftables.conf
switched
serve server tcp 0.0.0.0 80
gwd_start gateway
well "nothing at all"
ctl gateway add 80 10.0.0.2 --name web >/dev/null
well "a forward that passes"
is "-q says nothing" "" ctl gateway doctor -q
is "as JSON" "0 0 0" sh -c "nsenter --net=/run/netns/gateway '$gwctl' -s '$work/gateway/gwd.sock' -o json doctor | '$python' -IS -c 'import json, sys; r = json.load(sys.stdin); print(len(r[\"findings\"]), r[\"errors\"], r[\"warnings\"])'"

# Several of a port, of which each is met at an address of its own; those that answer nobody; and what is not translated.
addr gateway wan 203.0.113.7/24
serve server udp 0.0.0.0 53
serve server udp 0.0.0.0 80
serve server tcp fd00::2 80
ctl gateway add 203.0.113.1:80 10.0.0.2 --name second >/dev/null
ctl gateway add 53/tcp+udp 10.0.0.2:80 --name both >/dev/null
ctl gateway add 53/udp 10.0.0.2 --listen 203.0.113.7 --from 198.51.100.0/24 --name names >/dev/null
ctl gateway add 80 '[fd00::2]:80' --no-nat --name hole >/dev/null 2>&1
ctl gateway add 81 10.0.0.77 --disabled --name off >/dev/null 2>&1
is "they are there" 5 sh -c "nsenter --net=/run/netns/gateway '$gwctl' -s '$work/gateway/gwd.sock' -q ls | grep -cE '^(second|both|names|hole|off) '"
well "forwards of many kinds"
for name in second both names hole off; do ctl gateway rm $name -q; done

# What help doctor shows is a list of commands for a shell, even of what needs something else to last.
on gateway nft 'add table inet f; add chain inet f c { type filter hook forward priority 0; policy drop; }'
on gateway nft list table inet gwd >/etc/nftables.conf
found "two that can be put right by a command" error firewalls 'web: dropped by nftables'
has "what makes a command last is on a line of its own" '^ +for good: the same without' cat "$work/said"
if command -v jq >/dev/null; then
	line=$(ctl gateway help doctor | sed -n 's/^ *\(gwctl doctor .*jq .*\)/\1/p')
	check "the line of help doctor, piped to a shell" run "$line | sh -e"
	well "then nothing is wrong"
else
	skip "the line of help doctor, piped to a shell" "there is no jq here"
	rm /etc/nftables.conf
fi
on gateway nft delete table inet f

# ---- Forwards --------------------------------------------------------------------------------------

ctl gateway set web 10.0.0.77 >/dev/null
found "a target that is not there" error neighbour 'web: 10.0.0.77 does not answer ARP on lan'
exits "also with -q" 1 ctl gateway doctor -q
put_right "a target that is not there" 's/.*/gwctl set web 10.0.0.2/'

ctl gateway set web 10.0.0.7 >/dev/null
addr gateway lan 10.0.0.7/24
found "a forward to our own address" error forward "web: web .* is held: 10.0.0.7 is this gateway's own address"
put_right "a forward to our own address" s/ADDR/10.0.0.2/
ip -n gateway addr del 10.0.0.7/24 dev lan

serve client tcp 198.51.100.9 80 far
ctl gateway set web 198.51.100.9 >/dev/null
found "a target outside of all networks" warning target 'web: 198.51.100.9 is in no network of this gateway: .* leaves by wan again'
put_right "a target outside of all networks" s/ADDR/10.0.0.2/

on gateway nft 'add table inet f; add chain inet f c { type filter hook forward priority 0; policy drop; }'
found "a firewall in the way" error firewalls 'web: dropped by nftables \(table inet f, chain c\): its policy'
ctl gateway add 81 10.0.0.2:80 --disabled --name off >/dev/null 2>&1
for port in $(seq 1001 1016); do ctl gateway add "$port" 10.0.0.2:80 -q 2>/dev/null; done
found "seventeen forwards with one cause" error firewalls '17 forwards \(web, tcp-1001, tcp-1002, \.\.\.\): dropped by nftables'
is "are one finding" "1 error" last_line 1
put_right "a firewall in the way"
on gateway nft delete table inet f
well "without it, too"

# ---- More than a page of them ----------------------------------------------------------------------

{
	echo services:
	for port in $(seq 2001 2600); do echo "  - {port: $port, to: 10.0.0.2:80}"; done
} | apply
well "600 forwards that pass"
ip -n gateway route replace default via 203.0.113.200
found "a router that is not there, for 600" error router '203.0.113.200, the router to somebody outside, does not answer'
is "is a finding of none of them" "1 error" last_line 1
ip -n gateway route replace default via 203.0.113.9
sed -i 's/10.0.0.2:80/10.0.0.2/' "$work/gateway/gwd.yaml"
ctl gateway apply >/dev/null
found "600 that do not" error target 'tcp-2001: 10.0.0.2:2001 refuses'
is "the most are only counted" "and 595 more like these: gwctl doctor -o json has all of them" last_line 2
is "and all are in the sum" "600 errors" last_line 1
apply </dev/null
for port in $(seq 1001 1016); do ctl gateway rm "$port" -q; done

# ---- The file and the state ------------------------------------------------------------------------

printf 'services:\n  - {port: 8080, to: 10.0.0.2:80}\n' | config gateway
found "a file that is not what runs" warning file '.*gwd.yaml differs from what runs'
put_right "a file that is not what runs"
echo 'srevices: []' | config gateway
found "a file with a mistake" error file ".*gwd.yaml:1: unknown key 'srevices'"
# shellcheck disable=SC2016 # the script's own
printf '#!/bin/sh\nsed -i s/srevices/services/ "$1"\n' >"$work/editor" && chmod +x "$work/editor"
run() { on gateway env EDITOR="$work/editor" VISUAL= GWD_SOCKET="$work/gateway/gwd.sock" PATH="$build:$PATH" sh -ec "$1"; }
put_right "a file with a mistake"

on gateway nft list ruleset >/etc/nftables.conf
found "a saved ruleset with our table" warning saved '/etc/nftables.conf holds a saved copy'
put_right "a saved ruleset with our table"

gwd_stop gateway
printf 'no database, but something that lay here' | dd of="$work/gateway/state/state.db" conv=notrunc status=none
gwd_start gateway
found "a damaged database" warning state 'the state database was damaged'
put_right "a damaged database"
ctl gateway add 80 10.0.0.2 --name web >/dev/null

ip -n gateway route replace default via 203.0.113.200
found "a router that is not there" error router '203.0.113.200, the router to somebody outside, does not answer ARP on wan'
is "is no finding of each forward" "1 error" last_line 1
put_right "a router that is not there" 's/.*/ip route replace default via 203.0.113.9/'

# ---- Interfaces and zones --------------------------------------------------------------------------

printf 'dmz: aux\n' | apply
well "a dmz"
ip -n client link set eth1 down
eventually says 'without carrier' # the kernel takes its time to tell
found "a cable that is out" warning interface 'aux \(dmz\) is without carrier'
ip -n client link set eth1 up
has "says to put it in" '^plug in the cable of aux' echo "$told"
eventually says '^nothing is wrong'
well "a cable that is in"
ip -n gateway link set aux down
found "an interface that is down" warning interface 'aux \(dmz\) is down'
put_right "an interface that is down"

ip -n gateway link add br0 type bridge
ip -n gateway link set br0 up
ip -n gateway link set aux master br0
found "a dmz that is a port of a bridge" warning zone 'aux is named dmz in gwd.yaml, but is a port of a bridge .*: nothing keeps'
put_right "a dmz that is a port of a bridge"
ip -n gateway link del br0

printf 'dmz: aux\nlan: lan\n' | apply
well "a dmz and a lan"
addr gateway aux 10.0.0.200/25
found "a dmz in the network of the lan" warning zone '(aux|lan) .* are both in 10.0.0.0/24: .* cannot keep them apart'
put_right "a dmz in the network of the lan"

printf 'dmz: nic7\n' | apply
found "an interface that does not exist" warning interface 'nic7 \(dmz\) does not exist'
ip -n gateway link add spare type veth peer name other
ip -n gateway link set other up
put_right "an interface that does not exist" 's/INTERFACE/spare/; s/$/ \&\& ip link set nic7 up/'

printf 'dmz: aux\nmss_clamp: off\n' | apply
well "TCP that is told nothing"
ip -n gateway link set aux mtu 1400
found "a narrow link that TCP is not told" warning mtu 'aux has an MTU of 1400'
put_right "a narrow link that TCP is not told"
ip -n gateway link set aux mtu 1400
printf 'dmz: aux\n' | apply
well "one that it is told"
apply </dev/null

# ---- The kernel, and other programs ----------------------------------------------------------------

counts=/proc/sys/net/netfilter
echo 90 >"$work/count"
echo 100 >"$work/max"
if on gateway mount --bind "$work/count" $counts/nf_conntrack_count && on gateway mount --bind "$work/max" $counts/nf_conntrack_max; then
	gwd_stop gateway # which keeps open what it reads often
	gwd_start gateway
	found "room for connections that runs out" warning conntrack 'the kernel tracks 90 connections and may track 100'
	put_right "room for connections that runs out"
	echo 200 >"$work/count"
	found "no room at all" error conntrack 'the kernel tracks 200 connections and may track no more'
	put_right "no room at all"
	on gateway umount -l $counts/nf_conntrack_count
	on gateway umount -l $counts/nf_conntrack_max
else
	skip "room for connections" "no file can be put over $counts"
fi

printf 'gateway:\n  open:\n    - {port: 22}\n' | apply
well "a port of the gateway"
on gateway nft 'add table inet f; add chain inet f c { type filter hook input priority 0; }; add rule inet f c tcp dport 22 drop'
found "a firewall before a port of the gateway" error firewalls 'nftables \(table inet f, chain c\) drops 1 port of the gateway'
put_right "a firewall before a port of the gateway"
on gateway nft delete table inet f

patience=60
while :; do on gateway nft flush ruleset; done &
flusher=$!
check "somebody fights for our table" eventually grep -q 'someone else manages table inet gwd' "$work/gateway/gwd.log"
kill $flusher
wait $flusher 2>/dev/null
on gateway nft flush ruleset
found "a table that is left to somebody else" error drift 'the table of gwd was put right [0-9]+ times, and is undone again and again by nft'
put_right "a table that is left to somebody else"

finish
