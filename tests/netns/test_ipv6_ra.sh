#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# IPv6 forwarding without losing the default route that a router advertised (RFC 4861): Linux deletes it, and ignores
# later advertisements, unless accept_ra is 2 by then. Nothing of IPv6 is touched while nothing needs it.
. "$(dirname "$0")/lib.sh"

advertise() { on router "$python" -IS "$tools/ra_send.py" eth0 "$@"; }
sysctl_of() { on gateway cat "/proc/sys/net/ipv6/conf/$1"; }
learns() { advertise 1800 2001:db8::/64 && sleep 0.1 && has_default; } # an interface that just came up may miss one
has_default() { ip -n gateway -6 route show default | grep -q 'proto ra'; }

host router gateway server
wire router:eth0 gateway:wan
wire server:eth0 gateway:lan
addr router eth0 2001:db8::1/64
addr gateway lan fd00::1/64
addr server eth0 fd00::2/64
gateway_of server fd00::1
forwarding_on router
serve server tcp fd00::2 80 web
check "the gateway learns a default route" eventually learns
address=$(ip -n gateway -6 -o address show dev wan scope global | sed 's/.*inet6 \([^/]*\).*/\1/; q')

gwd_start gateway
ctl gateway add 80 10.0.0.9 >/dev/null
is "an IPv4 forward leaves IPv6 forwarding off" 0 sysctl_of all/forwarding
is "and accept_ra alone" 1 sysctl_of wan/accept_ra
check "an IPv6 forward" ctl gateway add 80 '[fd00::2]'
is "turns forwarding on" 1 sysctl_of all/forwarding
is "with accept_ra 2 on the interface" 2 sysctl_of wan/accept_ra
is "and on those to come" 2 sysctl_of default/accept_ra
check "the default route is still there" has_default
is "the forward works over it" "web 2001:db8::1 80" ask router tcp "$address" 80
advertise 0
check_not "an advertisement takes the route back" has_default
check "and the next one brings it again" eventually learns
finish
