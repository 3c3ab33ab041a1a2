#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016 # what is in quotes is expanded there
# Under systemd, as in conf/examples: a service that opens its own port, and a forward that lives as long as a service.
. "${0%/*}/lib.sh"

need systemd
two_nics
serve server tcp 10.0.0.2 25565
container_up gateway systemd
units() { inside gateway systemctl "$@"; }
state() { inside gateway systemctl show -P ActiveState "$1"; }
gone() { ! inside gateway gwctl -q show game; }
door() { # of the game server: open, refused, or (closed) timed out
	on client "$python" -IS -c 'import socket
try:
	socket.create_connection(("203.0.113.1", 13337), 1)
	print("open")
except OSError as error:
	print(error.strerror or error)'
}
player() { ask client tcp 203.0.113.1 13337; }
game() { ask client tcp 203.0.113.1 25565; }
says() { # ANSWER COMMAND...
	answer=$1
	shift
	[ "$("$@")" = "$answer" ]
}

inside gateway dpkg -i /gwd.deb >/dev/null 2>&1
put gateway /usr/local/bin/game-server <"$top/tests/boot/tools/game-server"
inside gateway chmod 755 /usr/local/bin/game-server
for unit in game-server game-forward; do put gateway "/etc/systemd/system/$unit.service" <"$top/conf/examples/$unit.service"; done
printf '%s\n' '[Service]' 'ExecStart=sleep infinity' | put gateway /etc/systemd/system/game-vm.service
echo 'gateway: {open: []}' | put gateway /etc/gwd/gwd.yaml
check "the gateway is protected" units reload gwd
is "the examples are as systemd wants them" "" \
	inside gateway systemd-analyze verify --man=no game-server.service game-forward.service

# ---- a port of its own
is "closed at first" "timed out" door
check "it starts" units start game-server
check "started: open" eventually says "game 203.0.113.9 13337" player
talk_open player client tcp 203.0.113.1 13337
is "a player" "game 203.0.113.9 13337" talk player
check "it stops under him" units stop game-server
is "stopped: closed" "timed out" door
is "it has not failed" inactive state game-server
units start game-server
units kill -s KILL game-server
check "killed with -9" eventually says failed state game-server
is "killed: closed" "timed out" door

units start game-server
inside gateway systemctl stop gwd
check "gwd stops: open still" eventually says "game 203.0.113.9 13337" player
check "it can be stopped then" units stop game-server
is "and has not failed" inactive state game-server
check "started, it brings gwd" units start game-server
is "so" active state gwd
check "open" eventually says "game 203.0.113.9 13337" player
units stop game-server
is "closed" "timed out" door
units stop gwd
units mask --runtime -q gwd
check "without gwd it starts all the same" units start game-server
is "and runs" active state game-server
check "and stops" units stop game-server
is "well" inactive state game-server
units unmask --runtime -q gwd
units start gwd
# A process of it that outlives it, with a player.
inside gateway mkdir /run/systemd/system/game-server.service.d
printf '%s\n' '[Service]' 'KillMode=process' | put gateway /run/systemd/system/game-server.service.d/mode.conf
units daemon-reload
units start game-server
talk_open fan client tcp 203.0.113.1 13337
is "a player with a process that stays" "game 203.0.113.9 13337" talk fan
check "it stops" units stop game-server
is "closed all the same" "timed out" door
is "he may finish" "game 203.0.113.9 13337" talk fan

# ---- a forward while another service runs
units enable -q game-forward
has "nothing is forwarded before" '^timed out' game
check "the machine starts" units start game-vm
check "started: forwarded" eventually says "server 203.0.113.9 25565" game
units restart gwd
check "gwd starts anew: forwarded again" eventually says "server 203.0.113.9 25565" game
units kill -s KILL game-forward
check "killed with -9: forwarded again" eventually says "server 203.0.113.9 25565" game
units stop gwd
check "without gwd it ends" eventually inside gateway 'systemctl show -P NRestarts game-forward | grep -q "[4-9]"'
is "and does not start gwd" inactive state gwd
units start gwd
check "but goes on with it" eventually says "server 203.0.113.9 25565" game
units stop game-vm
has "stopped: no forward" '^timed out' game
units start game-vm
check "a forward again" eventually says "server 203.0.113.9 25565" game
units kill -s KILL game-vm
check "the machine is killed with -9" eventually says failed state game-vm
check "no forward" eventually gone
has "so" '^timed out' game
is "nobody holds it" inactive state game-forward
finish
