#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016 # what is in quotes is expanded there
# Under OpenRC, as in conf/examples: a service that opens its own port, and a forward that lives as long as a service.
. "${0%/*}/lib.sh"

need openrc
two_nics
serve server tcp 10.0.0.2 25565
container_up gateway openrc
service() { inside gateway rc-service -q "$@"; }
gone() { ! inside gateway gwctl -q show game; }
state() { inside gateway "rc-service $1 status 2>&1 | sed -n 's/.*status: //p'"; }
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
pid_of() { inside gateway "for p in /proc/[0-9]*; do grep -qs '^Name:.$1\$' \$p/status && basename \$p; done; :"; }
says() { # ANSWER COMMAND...
	answer=$1
	shift
	[ "$("$@")" = "$answer" ]
}

inside gateway dpkg -i /gwd.deb /gwd-openrc.deb >/dev/null 2>&1
# OpenRC reads again what services depend on when one of them is younger by a second.
eventually inside gateway '[ "$(date +%s)" -gt "$(stat -c %Y /run/openrc/deptree)" ]'
put gateway /usr/local/bin/game-server <"$top/tests/boot/tools/game-server"
for name in game-server game-forward; do put gateway "/etc/init.d/$name" <"$top/conf/examples/$name.initd"; done
printf '%s\n' '#!/sbin/openrc-run' 'command=/bin/sleep' 'command_args=infinity' 'command_background=1' \
	'pidfile=/run/game-vm.pid' | put gateway /etc/init.d/game-vm
inside gateway 'chmod 755 /usr/local/bin/game-server /etc/init.d/game-*'
echo 'gateway: {open: []}' | put gateway /etc/gwd/gwd.yaml
check "the gateway is protected" service gwd reload

# ---- a port of its own
is "closed at first" "timed out" door
check "it starts" service game-server start
check "started: open" eventually says "game 203.0.113.9 13337" player
inside gateway kill -9 "$(pid_of game-server)"
check "killed with -9, it is started again, with its port open" eventually says "game 203.0.113.9 13337" player
check "it stops" service game-server stop
is "stopped: closed" "timed out" door
service game-server start
service gwd stop
check "gwd stops: open still" eventually says "game 203.0.113.9 13337" player
check "it can be stopped then" service game-server stop
is "and is" stopped state game-server
check "started, it brings gwd" service game-server start
is "so" started state gwd
check "open" eventually says "game 203.0.113.9 13337" player
talk_open player client tcp 203.0.113.1 13337
is "a player, whose process outlives the service" "game 203.0.113.9 13337" talk player
check "it stops under him" service game-server stop
is "stopped: closed all the same" "timed out" door
is "he may finish" "game 203.0.113.9 13337" talk player
service gwd stop
inside gateway chmod -x /usr/sbin/gwd
check "without gwd it starts all the same" service game-server start
check "and stops" service game-server stop
inside gateway chmod +x /usr/sbin/gwd
service gwd start

# ---- a forward while another service runs
has "nothing is forwarded before" '^timed out' game
check "it starts" service game-forward start
check "forwarded" eventually says "server 203.0.113.9 25565" game
is "with its machine" started state game-vm
service gwd restart
check "gwd starts anew: forwarded again" eventually says "server 203.0.113.9 25565" game
inside gateway kill -9 "$(pid_of gwctl)"
check "killed with -9: forwarded again" eventually says "server 203.0.113.9 25565" game
service game-vm stop
check "the machine stops: no forward" eventually gone
has "so" '^timed out' game
is "nobody holds it" stopped state game-forward
finish
