#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016 # what is in quotes is expanded there
# The package where systemd is the first process: its whole life, and what the unit forbids.
. "${0%/*}/lib.sh"

need systemd
two_nics
serve server tcp 10.0.0.2 80
serve server tcp 10.0.0.2 81
container_up gateway systemd
main_pid() { inside gateway systemctl show -P MainPID gwd; }
another_pid() { [ "$(main_pid)" != "$1" ] && [ "$(main_pid)" != 0 ] && inside gateway gwctl -q status; }

# ---- installed
check "the package installs" inside gateway dpkg -i /gwd.deb
is "it runs" active inside gateway systemctl is-active gwd
is "and will at boot" enabled inside gateway systemctl is-enabled gwd
check_not "nothing is changed yet: no table" table gateway
is "no forwarding" 0 on gateway cat /proc/sys/net/ipv4/ip_forward
is "the unit is as systemd wants it" "" inside gateway systemd-analyze verify --man=no gwd.service
check "and confined: 1.5 of 10 at most" inside gateway \
	systemd-analyze security --offline=true --threshold=15 /lib/systemd/system/gwd.service
check "it can be disabled" inside gateway systemctl disable --now gwd
is "so" "disabled inactive " inside gateway '{ systemctl is-enabled gwd; systemctl is-active gwd; } | tr "\n" " "'
check "and enabled" inside gateway systemctl enable --now gwd

# ---- forwarding
inside gateway gwctl -q add 80 10.0.0.2
is "a forward" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
talk_open door client tcp 203.0.113.1 80
is "an open connection" "server 203.0.113.9 80" talk door
pid=$(main_pid)
inside gateway systemctl kill -s KILL gwd
is "killed with -9: the forward is still there" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
check "and soon gwd is back" eventually another_pid "$pid"
pid=$(main_pid)
echo 'services: [{port: 81, to: 10.0.0.2}]' | put gateway /etc/gwd/gwd.yaml
check "reload" inside gateway systemctl reload gwd
is "what was written is forwarded" "server 203.0.113.9 81" eval 'eventually ask client tcp 203.0.113.1 81; ask client tcp 203.0.113.1 81'
echo 'services: [{prt: 81, to: 10.0.0.2}]' | put gateway /etc/gwd/gwd.yaml
check_not "a file with a mistake fails the reload" inside gateway systemctl reload gwd
has "the journal says where" "gwd.yaml:1:[0-9]+: .*unknown key 'prt'" inside gateway journalctl -q -u gwd
is "what runs stays" "server 203.0.113.9 81" ask client tcp 203.0.113.1 81
is "and gwd too" "$pid" main_pid
inside gateway 'mkdir -p /run/systemd/system/gwd.service.d
	printf "[Service]\nWatchdogSec=2\n" >/run/systemd/system/gwd.service.d/dog.conf
	systemctl daemon-reload; systemctl restart gwd; sleep 5'
pid=$(main_pid)
is "its watchdog hears of it" 0 inside gateway systemctl show -P NRestarts gwd
inside gateway kill -STOP "$pid"
check "and when it does not, gwd is started anew" eventually another_pid "$pid"
inside gateway 'rm -r /run/systemd/system/gwd.service.d; systemctl daemon-reload'

inside gateway systemctl stop gwd
is "stopped: the rules stay" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
inside gateway systemctl start gwd
is "and the connection" "server 203.0.113.9 80" talk door

# ---- metrics
check_not "the metrics are not served by themselves" inside gateway systemctl is-active gwd-metrics.socket
check_not "nor at boot" inside gateway systemctl is-enabled gwd-metrics.socket
is "their units are as systemd wants them" "" inside gateway systemd-analyze verify --man=no gwd-metrics.socket
check "enabled" inside gateway systemctl -q enable --now gwd-metrics.socket
# bash has TCP, and nothing else here does.
scrape() { inside gateway 'bash -c "exec 3<>/dev/tcp/127.0.0.1/10380; printf \"GET /metrics HTTP/1.1\r\n\r\n\" >&3; cat <&3"'; }
has "they are served" '^gwd_up 1$' scrape
has "by a user that may look" '^gwd_forwards.state="active". 2$' scrape
has "to this machine alone" '127\.0\.0\.1:10380 ' inside gateway 'ss -Hltn "sport = 10380" | grep -v "\*:10380"'
inside gateway systemctl stop gwd
has "without gwd they say so" '^gwd_up 0$' scrape
inside gateway systemctl start gwd
is "no request is left, and none has failed" "" inside gateway 'systemctl list-units --all --no-legend "gwd-metrics@*"'

# ---- what it may not do
status=$(inside gateway cat "/proc/$(main_pid)/status")
has "it is a user of its own" '^Uid:.[1-9]' echo "$status"
has "it has CAP_NET_ADMIN alone" '^CapEff:.0*1000$' echo "$status"
has "its system calls are filtered" '^Seccomp:.2$' echo "$status"
has "by itself too, and its files" 'sandbox: (Landlock .* and seccomp|no Landlock in this kernel, seccomp)' inside gateway journalctl -q -u gwd
is "no core, few tasks, bounded memory" "0 16 1073741824 " \
	inside gateway 'for p in LimitCORE TasksMax MemoryMax; do systemctl show -P $p gwd; done | tr "\n" " "'
# Another program in gwd's place, which the unit lets run.
cat <<'UNIT' | put gateway /run/gwd-probe.conf
[Service]
Type=oneshot
Restart=no
ExecStart=
ExecPaths=/usr/bin/bash
SyslogIdentifier=probe
ExecStart=/usr/bin/bash -c 'echo here >/var/lib/gwd/probe; echo 1 >/proc/sys/net/ipv4/ip_forward && echo sysctl; \
	echo x >/etc/gwd/x || echo no etc; echo x >/usr/x || echo no usr; echo x >/proc/sys/kernel/hostname || echo no kernel; \
	/usr/bin/id || echo no exec; exec 3<>/dev/tcp/10.0.0.2/80 || echo no internet; echo the end'
UNIT
inside gateway 'sed "/^ExecStart/d; /^ExecReload/d" /lib/systemd/system/gwd.service >/run/systemd/system/gwd-probe.service
	mkdir /run/systemd/system/gwd-probe.service.d && cp /run/gwd-probe.conf /run/systemd/system/gwd-probe.service.d/
	systemctl stop gwd; systemctl daemon-reload; systemctl start gwd-probe; systemctl start gwd'
is "it reaches its state and forwarding, and no file, program or Internet beside" \
	"sysctl no etc no usr no kernel no exec no internet the end " \
	inside gateway 'journalctl -q -o cat -t probe | grep -v /usr/bin/bash | tr "\n" " "'

# ---- upgrade, removal
pid=$(main_pid)
check "an upgrade" inside gateway dpkg -i /gwd.deb
check "starts it anew" another_pid "$pid"
is "with the connections of before" "server 203.0.113.9 80" talk door
has "and the file as it was written" "prt: 81" inside gateway cat /etc/gwd/gwd.yaml
is "and new connections" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
# What a removal in an image sees: the kernel of the machine on which it is made, but none of its services and files.
inside gateway 'systemctl stop gwd; unshare -m sh -c "
	mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib/gwd && /var/lib/dpkg/info/gwd.prerm remove"'
check "removed from an image that is made here, the rules of this machine stay" table gateway
inside gateway systemctl start gwd
check "removed" inside gateway dpkg -r gwd
check_not "nothing is left of it in the kernel" table gateway
check_not "nobody serves metrics" scrape
is "forwarding is off again" 0 on gateway cat /proc/sys/net/ipv4/ip_forward
check "the file and the forwards are kept" inside gateway test -e /etc/gwd/gwd.yaml -a -e /var/lib/gwd/state.db
check "installed again" inside gateway dpkg -i /gwd.deb
check "it answers" eventually inside gateway gwctl -q status
is "it forwards what it did" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
check "purged" inside gateway dpkg -P gwd
check_not "nothing is left in the kernel" table gateway
is "and no file" "" inside gateway 'find /etc /var/lib /var/log /usr -name "*gwd*" -o -name "*gwctl*"'
finish
