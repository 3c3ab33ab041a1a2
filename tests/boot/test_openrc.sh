#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016 # what is in quotes is expanded there
# The package where OpenRC runs the services: from installing to a boot and to removal.
. "${0%/*}/lib.sh"

need openrc
two_nics
serve server tcp 10.0.0.2 80-81
container_up gateway openrc
pid_of_gwd() { inside gateway 'for s in /proc/[0-9]*/status; do grep -q "^Name:.gwd$" $s && basename ${s%/status}; done; :'; }
another_pid() { [ -n "$(pid_of_gwd)" ] && [ "$(pid_of_gwd)" != "$1" ] && inside gateway gwctl -q status; }

check "the packages install" inside gateway dpkg -i /gwd.deb /gwd-openrc.deb
has "it is started" 'status: started' inside gateway rc-service gwd status
check "it answers at once" inside gateway gwctl -q status
check_not "nothing is changed yet: no table" table gateway
has "it will be at boot" 'gwd' inside gateway rc-update show sysinit
status=$(inside gateway "cat /proc/$(pid_of_gwd)/status")
has "it is a user of its own" '^Uid:.[1-9]' echo "$status"
has "it has CAP_NET_ADMIN alone" '^CapEff:.0*1000$' echo "$status"
has "nor can it get more" '^NoNewPrivs:.1$' echo "$status"
has "its system calls are filtered" '^Seccomp:.2$' echo "$status"
has "and its files" 'sandbox: Landlock .* and seccomp|no Landlock in this kernel' inside gateway cat /var/log/gwd.log

inside gateway gwctl -q add 80 10.0.0.2
is "a forward" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
pid=$(pid_of_gwd)
inside gateway kill -9 "$pid"
is "killed with -9: the forward is still there" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
check "and soon gwd is back" eventually another_pid "$pid"
pid=$(pid_of_gwd)
echo 'services: [{port: 81, to: 10.0.0.2}]' | put gateway /etc/gwd/gwd.yaml
check "reload" inside gateway rc-service gwd reload
is "what was written is forwarded" "server 203.0.113.9 81" ask client tcp 203.0.113.1 81
echo 'services: [{prt: 81, to: 10.0.0.2}]' | put gateway /etc/gwd/gwd.yaml
has "checkconfig finds a mistake" "unknown key 'prt'" inside gateway rc-service gwd checkconfig
check_not "which fails a reload" inside gateway rc-service gwd reload
check_not "and a restart" inside gateway rc-service gwd restart
is "what ran still runs" "$pid" pid_of_gwd
inside gateway rc-service gwd stop
is "stopped" "" pid_of_gwd
is "stopped: the rules stay" "server 203.0.113.9 81" ask client tcp 203.0.113.1 81
check "it starts, whatever the file says" inside gateway rc-service gwd start
check "and answers" inside gateway gwctl -q status

talk_open door client tcp 203.0.113.1 80
is "an open connection" "server 203.0.113.9 80" talk door
pid=$(pid_of_gwd)
check "an upgrade" inside gateway dpkg -i /gwd.deb /gwd-openrc.deb
check "starts it anew" another_pid "$pid"
is "with the connections of before" "server 203.0.113.9 80" talk door

container_down gateway
on gateway nft flush ruleset
container_up gateway openrc
check "booted again: it answers" eventually inside gateway gwctl -q status
is "and forwards as before" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80

inside gateway 'rc-service gwd stop; gwd --purge'
check_not "stopped and purged, nothing is left of it in the kernel" table gateway
inside gateway rc-update delete gwd sysinit
check "an upgrade" inside gateway dpkg -i /gwd.deb /gwd-openrc.deb
is "leaves one stopped that is in no runlevel" "" pid_of_gwd
inside gateway 'rc-update add gwd sysinit; rc-service gwd start'
check "started" table gateway

check "removed" inside gateway dpkg -r gwd gwd-openrc
check_not "nothing is left of it in the kernel" table gateway
is "no process either" "" pid_of_gwd
has "its script, kept as configuration, says what is the matter" '/usr/sbin/gwd is not there' inside gateway rc-service gwd start
has "and leaves it at that" 'status: stopped' inside gateway rc-service gwd status
check "installed again" inside gateway dpkg -i /gwd.deb /gwd-openrc.deb
is "it forwards what it did" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
check "purged" inside gateway dpkg -P gwd gwd-openrc
is "and no file" "" inside gateway 'find /etc /var/lib /var/log /usr -name "*gwd*" -o -name "*gwctl*"'
finish
