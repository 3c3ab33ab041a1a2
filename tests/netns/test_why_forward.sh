#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl why, where gwd's own rules are the cause: no forward, one that is off, held, for others, elsewhere or at its
# limit, a port of the gateway that nothing opens. Every cause is the first that is named, and its command helps.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/why.sh"

two_nics
host dmz
wire dmz:eth0 gateway:dmz
addr gateway dmz 10.1.0.1/24
addr dmz eth0 10.1.0.2/24
gateway_of dmz 10.1.0.1
serve server tcp 10.0.0.2 80
gwd_start gateway

broken "no forward" ✗ forward 'no forward takes tcp 80, and no program of this gateway listens on it'
cured "no forward" s/ADDR/10.0.0.2/
is "-q says nothing, and passes" "" ctl gateway why 80 -q
exits "and says no by its exit status alone" 1 ctl gateway why 81 -q
is "nothing is said then either" "" sh -c "nsenter --net=/run/netns/gateway $gwctl -s $work/gateway/gwd.sock why 81 -q || :"
verdict() { ctl gateway why "$@" -o json | "$python" -IS -c 'import json, sys; r = json.load(sys.stdin); print(r["verdict"], r.get("cause", {}).get("step", "-"))'; }
is "as JSON, what passes" "pass -" verdict 80
is "and what does not, with its cause" "fail forward" verdict 81
exits "a word that is no port" 2 ctl gateway why web
exits "two protocols at once" 2 ctl gateway why 80/tcp+udp
exits "two families at once" 1 ctl gateway why 80 --from 203.0.113.9 --to 2001:db8::1

ctl gateway off tcp-80 >/dev/null
broken "a forward that is off" ✗ forward 'tcp-80 \(tcp 80 -> 10.0.0.2:80\) is off$'
cured "a forward that is off"

ctl gateway set tcp-80 --from 198.51.100.0/24 >/dev/null
asks="80 --from 203.0.113.9"
broken "an allow-list" ✗ from 'tcp-80 lets in only 198.51.100.0/24, and 203.0.113.9 is none of them'
cured "an allow-list"
asks=80
has "of nobody in particular it says who may" '^✓ from +only 198.51.100.0/24,203.0.113.9 may use it' why
ctl gateway set tcp-80 --from= >/dev/null

asks="80 --from 203.0.113.9"
talk_open before client tcp 203.0.113.1 80
talk_open early client tcp 203.0.113.1 80
talk before >/dev/null && talk early >/dev/null
ctl gateway set tcp-80 --limit-connections 2 >/dev/null
healthy "a limit, with as many connections from before it"
ctl gateway set tcp-80 --limit-connections 3 >/dev/null
for _ in 1 2 3; do ask client tcp 203.0.113.1 80 >/dev/null; done
healthy "a limit, with as many connections that are closed"
ctl gateway set tcp-80 --limit-connections 2 >/dev/null
talk_open one client tcp 203.0.113.1 80
talk_open two client tcp 203.0.113.1 80
talk one >/dev/null && talk two >/dev/null
broken "a limit that is reached" '?' limit '203.0.113.9 has 4 connections open, and each address may have 2: only those from before this limit do not count$'
cured "a limit that is reached"
asks="80 --from 198.51.100.7"
healthy "of another address"
ctl gateway set tcp-80 --limit-connections= --limit-rate 20/second >/dev/null
asks="80 --from 203.0.113.9"
healthy "a rate"
ctl gateway set tcp-80 --limit-rate 1/hour >/dev/null
healthy "a rate that nobody has met"
broken "a rate that is used up" '?' limit '203.0.113.9 came [0-9]+ s ago, and each address may open 1/hour: one more now may be too many$'
check "a rate that is used up: its command can be done" run "$told"
check "and another one passes" eventually passes
ctl gateway set tcp-80 --limit-rate= >/dev/null
asks=80

ctl gateway target drain tcp-80 10.0.0.2 >/dev/null
broken "a target that is drained" ✗ targets 'the target of tcp-80 takes no new connections$'
cured "a target that is drained"

ctl gateway set tcp-80 --listen dmz >/dev/null
asks="80 --to 203.0.113.1"
broken "another interface" ✗ forward 'tcp-80 listens on dmz, and 203.0.113.1 is on wan$'
is "its command takes nothing away" "gwctl add 203.0.113.1:80 10.0.0.2" echo "$told"
cured "another interface"
ctl gateway rm 203.0.113.1:80 >/dev/null
ctl gateway set tcp-80 --listen= >/dev/null

ctl gateway set tcp-80 --listen 203.0.113.7 >/dev/null
asks=80
passes() { [ "$(ask client tcp 203.0.113.7 80)" = "server 203.0.113.9 80" ]; }
broken "an address that is not ours" ✗ address '203.0.113.7 is not an address of this gateway$'
cured "an address that is not ours"
ip -n gateway addr del 203.0.113.7/24 dev wan
passes() { [ "$(ask client tcp 203.0.113.1 80)" = "server 203.0.113.9 80" ]; }
ctl gateway set tcp-80 --listen= >/dev/null

# Addresses that are not for the gateway to take: no command does.
no_taking() { # ADDRESS WHAT
	asks="80 --to $1"
	named "$1" ✗ address "$1 is $2"
	is "$1: nobody is told to take it" "connect to 203.0.113.1, which is this gateway" echo "$told"
}
no_taking 10.0.0.2 "a target's own address, not one of this gateway$"
no_taking 10.0.0.3 "another host's address behind lan, or nobody's$"
ip -n gateway route add 198.18.5.0/24 via 10.0.0.2
no_taking 198.18.5.2 "another host's address behind lan, or nobody's$"
no_taking 203.0.113.255 'the broadcast address of a network, which no host has$'
no_taking 127.0.0.1 'loopback, which no host has$'
no_taking 224.0.0.1 'a multicast group, which no host has$'

ctl gateway set tcp-80 10.0.0.2@3 10.0.0.3 --balance random --snat always --limit-rate 20/second --limit-connections 50 --log --from 0.0.0.0/0 >/dev/null
asks="80 --to 10.0.0.1"
named "an address inside, of a forward with options" ✗ forward 'tcp-80 listens on the wan interfaces'
is "its command has them all" "gwctl add 10.0.0.1:80 10.0.0.2@3 10.0.0.3 --from 0.0.0.0/0 --snat always --balance random --limit-connections 50 --limit-rate 20/second --log" echo "$told"
ctl gateway rm tcp-80 >/dev/null
run "$told --name twin"
has "and is the same" '"weight": 3' ctl gateway show twin -o json
ctl gateway rm twin >/dev/null
ctl gateway add 80 10.0.0.2 >/dev/null
passes() { [ "$(ask server tcp 10.0.0.1 80)" = "server 10.0.0.1 80" ]; }
broken "an address inside" ✗ forward 'tcp-80 listens on the wan interfaces, and 10.0.0.1 is on lan$'
cured "an address inside"
asks=80
passes() { [ "$(ask client tcp 203.0.113.1 80)" = "server 203.0.113.9 80" ]; }
healthy "outside as before"
ctl gateway rm 10.0.0.1:80 >/dev/null

for from in 0.0.0.0 224.0.0.1 255.255.255.255 203.0.113.255; do
	asks="80 --from $from"
	named "a source that no host has, $from" ✗ source "$from is .*: the kernel drops what comes from it as martian$"
done
asks="80 --from 127.0.0.1"
named "loopback" ✗ source '127.0.0.1 is loopback: no other machine can answer it$'
asks=80
ctl gateway rm tcp-80 >/dev/null

# What the file says cannot be told with a command.
config gateway <<'YAML'
services:
  - {name: web, port: 80, to: 10.0.0.2, expires: 2020-01-01T00:00:00Z}
YAML
ctl gateway apply >/dev/null 2>&1
broken "one that has ended" ✗ forward 'web \(tcp 80 -> 10.0.0.2:80\) is held: expired$'
has "with its place" 'a later .expires:. at .*gwd.yaml:2, then gwctl apply' why
sed -i s/2020/2090/ "$work/gateway/gwd.yaml"
ctl gateway apply >/dev/null
healthy "one that has not"

serve gateway tcp 0.0.0.0 8080 own
printf 'services:\n  - {name: mine, port: 8080, to: 10.0.0.2:80}\n' | config gateway
ctl gateway apply >/dev/null 2>&1
asks=8080
passes() { [ "$(ask client tcp 203.0.113.1 8080)" = "server 203.0.113.9 80" ]; }
broken "a program of the gateway on the port" ✗ forward "mine .*is held: port 8080 is this gateway's own listener$"
cured "a program of the gateway on the port"

printf 'services:\n  - {name: web, port: 80, to: 10.0.0.1:81}\n' | config gateway
ctl gateway apply >/dev/null 2>&1
asks=80
named "a target that is the gateway itself" ✗ forward "web .*is held: 10.0.0.1 is this gateway's own address"

printf 'lan: lan\ngateway: {}\n' | config gateway
ctl gateway apply >/dev/null
asks=8080
passes() { [ "$(ask client tcp 203.0.113.1 8080)" = "own 203.0.113.9 8080" ]; }
broken "a port of the gateway that nothing opens" ✗ gateway 'nothing opens tcp 8080 of this gateway to wan$'
has "it says whose port it is" '^✓ forward +no forward takes tcp 8080: it is for a program of this gateway \(?python' why
cured "a port of the gateway that nothing opens"
ctl gateway open 8080 --from 198.51.100.0/24 >/dev/null
asks=8080
has "a port that is open to some: nobody is asked about" '^✓ gateway +only 198\.51\.100\.0/24 may reach tcp 8080 of this gateway: --from asks about one' why
asks='8080 --from 203.0.113.9'
broken "a port of the gateway that is open to others" ✗ gateway 'only 198\.51\.100\.0/24 may reach tcp 8080 of this gateway, and 203\.0\.113\.9 is none of them$'
cured "a port of the gateway that is open to others"
has "and only to them, and to who asked" '8080.* from 198\.51\.100\.0/24, ?203\.0\.113\.9' ctl gateway status

printf '' | config gateway
ctl gateway apply >/dev/null
ctl gateway add 80 10.0.0.2 --name web >/dev/null 2>&1
asks=80
passes() { [ "$(ask client tcp 203.0.113.1 80)" = "server 203.0.113.9 80" ]; }
ip -n gateway link set wan down
broken "an interface that is down" ✗ address 'wan is down$'
run "$(printf '%s\n' "$told" | now)"
gateway_of gateway 203.0.113.9
eventually passes
healthy "one that is up"
ip -n gateway addr del 203.0.113.1/24 dev wan
broken "no address outside" ✗ address 'no interface that faces outside has an address$'
run "$(printf '%s\n' "$told" | sed 's|ADDRESS|203.0.113.1/24|')"
gateway_of gateway 203.0.113.9
eventually passes
healthy "an address outside"
finish
