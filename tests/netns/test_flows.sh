#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Connections that are open when their forward comes, changes or goes: UDP follows at once, TCP lives on unless --kill,
# and nobody else's connection is touched.
. "$(dirname "$0")/lib.sh"

# A client that never stops sending, from one port: a new conntrack entry comes only where the old one was ended.
keep_sending() { # NAME ADDRESS PORT
	on client "$python" -IS "$tools/sender.py" "$2" "$3" "$work/answer.$1" &
}

answered() { # NAME TEXT: the latest answer is this
	[ "$(cat "$work/answer.$1" 2>/dev/null)" = "$2" ]
}

follows() { # DESCRIPTION NAME TEXT
	check "$1" eventually answered "$2" "$3"
}

silent() { # NAME: no answer for a while
	rm -f "$work/answer.$1"
	sleep 0.3
	rm -f "$work/answer.$1" # one that was on its way
	sleep 0.3
	[ ! -e "$work/answer.$1" ]
}

two_nics
addr gateway wan 203.0.113.5/24
addr server eth0 10.0.0.3/24 fd00::3/64
config gateway <<'YAML'
services:
  - {name: own, proto: udp, listen: 203.0.113.5, port: 53, to: 10.0.0.3}
  - {name: shop, listen: 203.0.113.5, port: 80, to: 10.0.0.3}
YAML
for p in tcp udp; do
	serve server $p 10.0.0.2 53 two
	serve server $p 10.0.0.3 53 three
	serve server $p 10.0.0.2 7000-7004 two
done
serve server tcp 10.0.0.2 80-81 two
serve server tcp 10.0.0.3 80-81 three
serve server udp fd00::2 53 two
serve server udp fd00::3 53 three
serve gateway tcp 203.0.113.1 82
gwd_start gateway

# A client sends before there is a forward: what the gateway itself remembers must not keep it there.
keep_sending four 203.0.113.1 53
keep_sending six 2001:db8::1 53
keep_sending range 203.0.113.1 5003
keep_sending own 203.0.113.5 53
talk_open mine client tcp 203.0.113.1 82
is "a connection to the gateway itself" "gateway 203.0.113.9 82" talk mine
follows "a forward of the start answers" own "three 203.0.113.9 53"
sleep 0.2
check "nobody answers the others" test ! -e "$work/answer.four"
has "M4: add cuts what went to the gateway" '^cut 1 connection$' ctl gateway add 53/udp 10.0.0.2
follows "and the client that kept sending arrives" four "two 203.0.113.9 53"
ctl gateway add 53/udp fd00::2 --name six >/dev/null
follows "IPv6 too" six "two 2001:db8::9 53"
ctl gateway add 5000-5004/udp 10.0.0.2:7000-7004 --name range >/dev/null
follows "a range too" range "two 203.0.113.9 7003"

# The target changes.
has "a description changes: nothing is cut" '^changed [^,]*$' ctl gateway set udp-53 --description names
has "M5: set cuts what went to the old target" '^cut 1 connection$' ctl gateway set udp-53 10.0.0.3
follows "and the client arrives at the new one" four "three 203.0.113.9 53"
ctl gateway set six fd00::3 >/dev/null
follows "IPv6 too" six "three 2001:db8::9 53"
ctl gateway undo >/dev/null
follows "undo brings it back" six "two 2001:db8::9 53"

# It goes.
ctl gateway off six >/dev/null
check "off: the client is heard no more" silent six
ctl gateway on six >/dev/null
follows "on: it is again" six "two 2001:db8::9 53"
has "rm cuts UDP" '^cut 1 connection$' ctl gateway rm udp-53
check "and the client is heard no more" silent four
check_not "the same port of another address is" silent own
follows "its client is still heard" own "three 203.0.113.9 53"
has "rm of a range" '^cut 1 connection$' ctl gateway rm range
check "silences it" silent range

# gwd is away: another gwd.yaml is the first thing the next one sees.
gwd_stop gateway
check_not "packets do not need gwd" silent own
config gateway <<'YAML'
services:
  - {name: new, proto: udp, port: 5003, to: "10.0.0.2:7003"}
  - {name: shop, listen: 203.0.113.5, port: 80, to: 10.0.0.3}
YAML
gwd_start gateway
check "removed while gwd was away: heard no more" silent own
follows "added while gwd was away: arrives" range "two 203.0.113.9 7003"

# TCP.
ctl gateway add 80 10.0.0.2 --name web >/dev/null
talk_open web client tcp 203.0.113.1 80
talk_open shop client tcp 203.0.113.5 80
is "web" "two 203.0.113.9 80" talk web
is "shop: the same port of another address" "three 203.0.113.9 80" talk shop
is "set cuts no TCP" "changed web: tcp 80 -> 10.0.0.3:80, was tcp 80 -> 10.0.0.2:80" ctl gateway set web 10.0.0.3
is "its connection stays with the old target" "two 203.0.113.9 80" talk web
is "M6: rm lets it finish" "removed web: tcp 80 -> 10.0.0.3:80" ctl gateway rm web
is "it lives on" "two 203.0.113.9 80" talk web
check_not "a new one is refused" ask client tcp 203.0.113.1 80
ctl gateway add 80 10.0.0.2 --name web >/dev/null
has "rm --kill cuts it" '^cut 1 connection$' ctl gateway rm web --kill
has "the client sees a reset" '^(Connection reset|timed out)' talk web
is "shop lives on" "three 203.0.113.9 80" talk shop
is "so does the gateway's own" "gateway 203.0.113.9 82" talk mine
ctl gateway off shop >/dev/null
is "off lets it finish" "three 203.0.113.9 80" talk shop
has "off --kill later cuts it" '^cut 1 connection$' ctl gateway off shop --kill
has "the client sees a reset" '^(Connection reset|timed out)' talk shop
is "the gateway's own lives on" "gateway 203.0.113.9 82" talk mine

# A server that sends on its own would make an outgoing connection of what was cut, masqueraded to the same port.
cat >"$work/push.py" <<'PY'
import socket, sys, time
proto, address, ready = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
sock.bind((address, 99))
if proto == "tcp":
    sock.listen()
open(ready, "w").close()
peer = None
if proto == "tcp":
    sock, _ = sock.accept()
else:
    _, peer = sock.recvfrom(4096)
while True:
    try:
        sock.sendto(b"pushed\n", peer) if peer else sock.sendall(b"pushed\n")
    except ConnectionRefusedError:
        pass
    time.sleep(0.03)  # the client reads faster
PY
push() { # PROTO: a server that does not stop
	on server "$python" -IS "$work/push.py" "$1" 10.0.0.2 "$work/pushing.$1" 2>/dev/null &
	eventually test -e "$work/pushing.$1"
}
echo 'lan: [lan]' | config gateway
ctl gateway apply >/dev/null
ctl gateway add 99/tcp+udp 10.0.0.2 --name push >/dev/null
push udp
push tcp
keep_sending push 203.0.113.1 99
follows "a server that pushes UDP" push pushed
on client "$python" -IS "$tools/client.py" pull 203.0.113.1 99 >"$work/pulled" 2>&1 &
check "and TCP" eventually grep -q pushed "$work/pulled"
has "rm --kill" '^cut 2 connections$' ctl gateway rm push --kill
check "silences it" silent push
check "and cuts TCP, though the server goes on sending" eventually grep -q 'timed out' "$work/pulled"
ctl gateway add 99/udp 10.0.0.2 >/dev/null
follows "added again, it is heard again" push pushed

# What a change of TCP asks of conntrack: nothing.
if command -v strace >/dev/null && strace -o "$work/trace" true 2>/dev/null; then
	asked() { # COMMAND...: how often gwd asked conntrack meanwhile
		rm -f "$work/strace"
		nsenter --net=/run/netns/gateway strace -f -o "$work/trace" -e trace=sendto,sendmsg -p "$(cat "$work/gateway/gwd.pid")" 2>"$work/strace" &
		tracer=$!
		eventually grep -q attached "$work/strace"
		ctl gateway "$@" >/dev/null
		kill "$tracer"
		wait "$tracer" 2>/dev/null
		awk '/NFNL_SUBSYS_CTNETLINK/ { n++ } END { print n + 0 }' "$work/trace"
	}
	is "a TCP forward costs no look at connections" 0 asked add 81 10.0.0.2
	is "nor does its end" 0 asked rm 81
	is "a UDP forward costs one" 1 asked add 90/udp 10.0.0.2
else
	skip "what conntrack is asked" "strace is not here, or not allowed"
fi
finish
