#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Targets that are drained, switched off and readied while clients are there: nobody else's client moves, a drained target
# keeps what it has, UDP too, and what was ordered lasts over a restart and a changed file.
. "$(dirname "$0")/lib.sh"

sources="20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35"

keep_sending() { # NAME ADDRESS PORT: from one port, so that a new connection comes only where the old one was ended
	on client "$python" -IS "$tools/sender.py" "$2" "$3" "$work/answer.$1" &
}

who() { # NAME: who answered last
	cut -d ' ' -f 1 "$work/answer.$1" 2>/dev/null
}

heard() { [ -n "$(who "$1")" ]; } # NAME

moved() { # NAME FROM: somebody else answers
	heard "$1" && [ "$(who "$1")" != "$2" ]
}

now() { # NAME: who answers from now on
	rm -f "$work/answer.$1"
	eventually heard "$1" && who "$1"
}

sticky() { # SOURCE: who answers it
	on client "$python" -IS -c 'import socket, sys
s = socket.create_connection(("203.0.113.1", 82), 2, (sys.argv[1], 0))
s.sendall(b"x\n")
print(sys.argv[1], s.recv(99).decode().split()[0])' "203.0.113.$1"
}

map() { for i in $sources; do sticky "$i"; done; }

address_of() { # NAME of a server
	case $1 in two) echo 10.0.0.2 ;; three) echo 10.0.0.3 ;; four) echo 10.0.0.4 ;; esac
}

answers() { # ADDRESS PORT N: who answered how often
	for _ in $(seq "$3"); do ask client tcp "$1" "$2"; done | cut -d ' ' -f 1 | sort | uniq -c | tr -s ' \n' ' '
}

two_nics
addr server eth0 10.0.0.3/24 10.0.0.4/24 fd00::3/64
for i in $sources; do addr client eth0 "203.0.113.$i/24"; done
for name in two three four; do
	for proto in tcp udp; do serve server $proto "$(address_of $name)" 80 $name; done
done
serve server tcp fd00::2 80 two
serve server tcp fd00::3 80 three
targets='[10.0.0.2:80, 10.0.0.3:80, 10.0.0.4:80]'
config gateway <<YAML
services:
  - {name: turn, port: 81, to: $targets, balance: round-robin}
  - {name: sticky, proto: tcp+udp, port: 82, to: $targets}
  - {name: six, port: 80, to: ["fd00::2", "fd00::3"], balance: round-robin}
  - {name: one, port: 83, to: 10.0.0.2:80}
YAML
check "gwd starts" gwd_start gateway

# By source: only the clients of the drained target go elsewhere, and they come back.
map >"$work/before"
for name in two three four; do check "$name has clients" grep -q " $name\$" "$work/before"; done
is "drained" "sticky: 10.0.0.3:80 is drained" ctl gateway target drain sticky 10.0.0.3
map >"$work/drained"
check_not "no new connections for it" grep -q ' three$' "$work/drained"
is "nobody else moves" "$(grep -v ' three$' "$work/before")" \
	grep -F "$(grep -v ' three$' "$work/before" | cut -d ' ' -f 1)" "$work/drained"
has "it is shown" 'active, 10\.0\.0\.3:80 drained \(by [a-z0-9 ]+, 20..-..-..\)' ctl gateway ls sticky
gwd_stop gateway
check "gwd restarts" gwd_start gateway
is "a restart forgets nothing" "$(cat "$work/drained")" map
sed -i 's/name: sticky/name: sticky, description: other keys may change/' "$work/gateway/gwd.yaml"
ctl gateway -q apply
is "nor does another key of the file" "$(cat "$work/drained")" map
ctl gateway -q undo
ctl gateway -q target ready sticky 10.0.0.3:80
is "ready: all are where they were" "$(cat "$work/before")" map

# In turn.
is "in turn" " 2 four 2 three 2 two " answers 203.0.113.1 81 6
ctl gateway -q target drain turn 10.0.0.3
is "the others in turn" " 3 four 3 two " answers 203.0.113.1 81 6
ctl gateway -q target off turn 10.0.0.4:80
is "one is left" " 4 two " answers 203.0.113.1 81 4
ctl gateway -q undo
is "undo" " 3 four 3 two " answers 203.0.113.1 81 6
ctl gateway -q target drain six fd00::2
is "IPv6" " 4 three " answers 2001:db8::1 80 4

# Whoever is there already: drained keeps UDP and TCP, off cuts UDP, and TCP with --kill.
keep_sending udp 203.0.113.1 82
check "a UDP client" eventually heard udp
mine=$(who udp)
talk_open tcp client tcp 203.0.113.1 82
is "a TCP client of the same address has the same target" "$mine 203.0.113.9 80" talk tcp
is "drained: nothing is cut" "sticky: $(address_of "$mine"):80 is drained" \
	ctl gateway target drain sticky "$(address_of "$mine")"
is "the UDP client stays" "$mine" now udp
is "the TCP client stays" "$mine 203.0.113.9 80" talk tcp
check_not "a new one of that address does not come" test "$(ask client tcp 203.0.113.1 82 | cut -d ' ' -f 1)" = "$mine"
has "off: UDP is cut" '^cut 1 connection$' ctl gateway target off sticky "$(address_of "$mine")"
check "the UDP client is somewhere else" eventually moved udp "$mine"
is "TCP goes on" "$mine 203.0.113.9 80" talk tcp
has "until it is killed" '^cut 1 connection$' ctl gateway target off sticky "$(address_of "$mine")" --kill
has "it is" 'reset|timed out|closed' talk tcp

# Nobody is left.
has "the last one: a warning" '^warning: one: no target is ready any more: new connections are dropped$' \
	ctl gateway target drain one 10.0.0.2
check_not "new connections are dropped" env GWD_TIMEOUT=0.5 nsenter --net=/run/netns/client "$python" -IS \
	"$tools/client.py" tcp 203.0.113.1 83
ctl gateway -q target ready one 10.0.0.2
is "back" "two 203.0.113.9 80" ask client tcp 203.0.113.1 83
has "another target is not there" "'10\.0\.0\.9' does not say which of its targets is meant: 10\.0\.0\.2:80, 10" \
	ctl gateway target off turn 10.0.0.9
finish
