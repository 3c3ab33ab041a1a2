#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl open and close: ports of the gateway itself, from outside and from a dmz, for a while and for good.
. "$(dirname "$0")/lib.sh"

asks() { # DESCRIPTION HOST PROTO ADDRESS PORT
	check "$1" ask "$2" "$3" "$4" "$5"
}

shut() { # DESCRIPTION HOST PROTO ADDRESS PORT
	check_not "$1" env GWD_TIMEOUT=0.5 nsenter --net="/run/netns/$2" "$python" -IS "$tools/client.py" "$3" "$4" "$5"
}

closed() { # HOST PROTO ADDRESS PORT
	! GWD_TIMEOUT=0.2 ask "$@" >/dev/null
}

two_nics
for p in 22 13337 13338 8000-8002; do serve gateway tcp :: $p; done
serve gateway udp :: 123

config gateway <<'YAML'
wan: wan
YAML
check "gwd starts" gwd_start gateway
has "open, with nothing that closes" '^warning: tcp 13337: nothing closes this port today: gwd.yaml has no .gateway:.$' \
	ctl gateway open 13337
asks "it was reachable anyway" client tcp 203.0.113.1 13337
has "status says so" '^open ports  tcp 13337 \(runtime\): nothing closes this port$' ctl gateway status

config gateway <<'YAML'
wan: wan
dmz: lan
gateway: {open: [{port: 22}]}
YAML
ctl gateway -q apply
asks "the file's" client tcp 203.0.113.1 22
asks "what was opened before" client tcp 203.0.113.1 13337
asks "IPv6" client tcp 2001:db8::1 13337
shut "nothing else" client tcp 203.0.113.1 13338
talk_open mine client tcp 203.0.113.1 13337
is "a connection" "gateway ::ffff:203.0.113.9 13337" talk mine

# From whom.
has "who is connected would be shut out" '203.0.113.9, connected to port 13337 ' ctl gateway open 13337 --from 198.51.100.0/24
has "the same port again" "^opened tcp 13337 from 198.51.100.0/24" ctl gateway open 13337 --from 198.51.100.0/24 --force
shut "replaces from" client tcp 203.0.113.1 13337
is "the connection goes on" "gateway ::ffff:203.0.113.9 13337" talk mine
ctl gateway -q open 13337 --from local
asks "local: the network of the wan is connected" client tcp 203.0.113.1 13337
exits "undo" 0 ctl gateway -q undo --force
shut "the narrow one again" client tcp 203.0.113.1 13337
ctl gateway -q open 8000-8002
asks "a range" client tcp 203.0.113.1 8001
has "in part" 'tcp 8000-8002 is open: gwctl close 8000-8002 first' ctl gateway open 8001

# From a dmz.
shut "a dmz cannot reach the gateway" server udp 10.0.0.1 123
ctl gateway -q open 123/udp --in dmz
asks "what is open for it" server udp 10.0.0.1 123
asks "IPv6" server udp fd00::1 123
shut "which is not open outside" client udp 203.0.113.1 123
shut "nor is the outside's open for it" server tcp 10.0.0.1 8001

# For a while.
has "a while" '^opened tcp 13338$' ctl gateway open 13338 --for 2s
asks "is open" client tcp 203.0.113.1 13338
revision=$(ctl gateway history -n 1 | tail -n 1 | awk '{ print $2 }')
check "and ends" eventually closed client tcp 203.0.113.1 13338
has "with nothing in history" "^\* *$revision " ctl gateway history -n 1
unlisted() { ! ctl gateway status -o json | grep -q 13338; } # the kernel's time may be over a moment before gwd's
check "and nothing left" eventually unlisted

gwd_stop gateway
check "gwd restarts" gwd_start gateway
asks "what is open stays" client tcp 203.0.113.1 8001
asks "in the dmz, too" server udp 10.0.0.1 123

# Closing.
exits "what the file opens" 1 ctl gateway close 22
has "is closed there" 'declared at .*gwd\.yaml:3; remove it there' ctl gateway close 22
is "close" "closed tcp 8000-8002" ctl gateway close 8000-8002
shut "closed" client tcp 203.0.113.1 8001
is "close everywhere" "closed udp 123 in dmz" ctl gateway close 123/udp
shut "closed" server udp 10.0.0.1 123
is "what is not there" "not there" ctl gateway close 123/udp
is "is no error" 0 sh -c "'$gwctl' -s '$work/gateway/gwd.sock' -q close 123/udp; echo \$?"
finish
