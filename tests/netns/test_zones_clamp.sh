#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Segment sizes are clamped to what the way through the gateway carries, in both directions; auto does it where an
# interface is narrower than Ethernet, and follows it.
. "$(dirname "$0")/lib.sh"

two_nics
cat >"$work/mss.py" <<'PY'
"""What the other end's segment size lets a socket send (without the 12 bytes of time stamps)."""
import socket, sys
role, address, port = sys.argv[1:4]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
size = lambda sock: sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) + 12
if role == "serve":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, int(port)))
    s.listen()
    open(sys.argv[4], "w").close()
    while True:
        c, _ = s.accept()
        c.sendall(b"%d" % size(c))
        c.close()
s.settimeout(2)
s.connect((address, int(port)))
print(size(s), s.recv(99).decode())
PY
on server "$python" -IS "$work/mss.py" serve :: 80 "$work/ready.server" &
on client "$python" -IS "$work/mss.py" serve :: 80 "$work/ready.client" &
eventually test -e "$work/ready.server" -a -e "$work/ready.client"
sizes() { # HOST ADDRESS
	on "$1" "$python" -IS "$work/mss.py" ask "$2" 80
}

clamp() { # SETTING
	config gateway <<-YAML
		wan: wan
		lan: lan
		mss_clamp: $1
		services:
		  - {port: 80, to: 10.0.0.2}
		  - {port: 80, to: "fd00::2"}
	YAML
}

clamp auto
check "gwd starts" gwd_start gateway
is "as wide as Ethernet: nothing to clamp" "1460 1460" sizes client 203.0.113.1
check_not "and no rule" sh -c "nsenter --net=/run/netns/gateway nft list table inet gwd | grep maxseg"
ip -n gateway link set wan mtu 1400
narrow() { [ "$(sizes client 203.0.113.1)" = "1360 1360" ]; }
check "the wan gets narrower: clamped, at both ends" eventually narrow
is "IPv6" "1340 1340" sizes client 2001:db8::1
is "what lan opens" "1360 1360" sizes server 203.0.113.9
table gateway >"$work/table.nft"
check "the listing can be loaded again" on client nft -c -f "$work/table.nft"
clamp off
check "off" ctl gateway apply
is "nothing is clamped" "1460 1460" sizes client 203.0.113.1
ip -n gateway link set wan mtu 1500
ip -n gateway route replace default via 203.0.113.9 mtu 1300
clamp auto
check "auto" ctl gateway apply
is "auto looks at interfaces" "1460 1460" sizes server 203.0.113.9
clamp always
check "always" ctl gateway apply
ip -n client addr add 198.51.100.9/24 dev eth0
is "always looks at routes" "1260 1260" sizes server 198.51.100.9
finish
