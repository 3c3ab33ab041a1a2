#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a program of the gateway itself listens on is not forwarded away unless somebody insists.
. "$(dirname "$0")/lib.sh"

two_nics
for port in 22 80 2222; do serve server tcp 0.0.0.0 $port; done
serve server udp 0.0.0.0 53
serve gateway tcp :: 22       # dual-stack, as sshd
serve gateway tcp 10.0.0.1 80 # inside alone
serve gateway tcp 127.0.0.1 25
serve gateway tcp 203.0.113.1 443
serve gateway udp 0.0.0.0 53
gwd_start gateway

own() { # PORT
	echo "port $1 is this gateway's own [^ ]+ \\(pid [0-9]+\\); forwarding it would take it away"
}
exits "a forward of the gateway's ssh" 1 ctl gateway add 22 10.0.0.2
has "is refused with the name of the program" "$(own 22)" ctl gateway add 22 10.0.0.2
has "and with the way to have it" 'force' ctl gateway add 22 10.0.0.2
exits "also in a range" 1 ctl gateway add 20-30 10.0.0.2
exits "also on the address alone" 1 ctl gateway add 203.0.113.1:22 10.0.0.2
exits "also for IPv6" 1 ctl gateway add '[2001:db8::1]:22' '[fd00::2]:22'
exits "one bound to the wan address" 1 ctl gateway add 443 10.0.0.2
has "UDP" "$(own 53/udp)" ctl gateway add 53/udp 10.0.0.2
is "nothing was forwarded" "gateway ::ffff:203.0.113.9 22" ask client tcp 203.0.113.1 22

check "what listens inside alone is not in the way" ctl gateway add 80 10.0.0.2
check "nor what listens on loopback" ctl gateway add 25 10.0.0.2
check "nor another protocol" ctl gateway add 53/tcp 10.0.0.2
is "they are forwarded from outside" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
is "and inside is as before" "gateway 10.0.0.2 80" ask server tcp 10.0.0.1 80

check "a port of the inside alone" ctl gateway add lan:443 10.0.0.2
has "moved onto the gateway's own" "$(own 443)" ctl gateway set tcp-443 --listen=203.0.113.1
exits "a forward that is off" 0 ctl gateway add 22 10.0.0.2 --name ssh --disabled
has "put on" "$(own 22)" ctl gateway on ssh
has "by force: done, with a word" '^warning: port 22 is .*: forwarded all the same' ctl gateway on ssh --force
is "it is forwarded" "server 203.0.113.9 22" ask client tcp 203.0.113.1 22
exits "its description needs no force" 0 ctl gateway set ssh --description x
ctl gateway rm ssh >/dev/null

config gateway <<'YAML'
services:
  - {name: ssh, port: 22, to: 10.0.0.2}
  - {name: more, port: 2223, to: 10.0.0.2:2222}
YAML
has "a file is accepted" '^ssh: held: port 22 .*\(pid [0-9]+\)' ctl gateway apply
has "and its forward held" "ssh .*held: port 22 is this gateway's own listener" ctl gateway ls
is "the gateway answers itself" "gateway ::ffff:203.0.113.9 22" ask client tcp 203.0.113.1 22
is "what is not in the way is forwarded" "server 203.0.113.9 2222" ask client tcp 203.0.113.1 2223
gwd_kill gateway
gwd_start gateway
is "also after a crash" "gateway ::ffff:203.0.113.9 22" ask client tcp 203.0.113.1 22
config gateway <<'YAML'
services:
  - {name: ssh, port: 22, to: 10.0.0.2, force: true}
YAML
check "force: true" ctl gateway apply
is "is obeyed" "server 203.0.113.9 22" ask client tcp 203.0.113.1 22
finish
