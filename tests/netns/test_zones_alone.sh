#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A dmz and nothing else: gwd turns forwarding on for it, towards the wan that it finds. Named what is wan, it is none.
. "$(dirname "$0")/lib.sh"

two_nics
ip -n client route add 10.0.0.0/24 via 203.0.113.1
serve client tcp :: 80
serve server tcp :: 80
serve gateway tcp :: 22
printf 'dmz: lan\n' | config gateway
check "gwd starts" gwd_start gateway
has "forwarding is on" 'IPv4 on by gwd' ctl gateway status
is "dmz to the internet" "client ::ffff:203.0.113.1 80" ask server tcp 203.0.113.9 80
check_not "and not back" ask client tcp 10.0.0.2 80
check_not "nor to the gateway" ask server tcp 10.0.0.1 22
is "which is open to the internet as it was" "gateway ::ffff:203.0.113.9 22" ask client tcp 203.0.113.1 22

printf 'dmz: [lan, wan]\n' | config gateway
has "check says what cannot be" 'wan is named dmz in gwd\.yaml, but holds the default route' ctl gateway check
check "it is accepted" ctl gateway apply
has "status says so, too" 'wan is named dmz in gwd\.yaml, but holds the default route' ctl gateway status
is "wan it is: the gateway is open to it" "gateway ::ffff:203.0.113.9 22" ask client tcp 203.0.113.1 22
check_not "and dmz is not" ask client tcp 10.0.0.2 80
finish
