#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What travels with a connection, or is none that sockets make: ICMP errors in both directions, path MTU, fragments, SCTP.
. "$(dirname "$0")/lib.sh"

# client -- router -- gateway -- server; the path to the client is narrower than anybody on it was told.
host client router gateway server
wire client:eth0 router:c
wire router:g gateway:wan
wire gateway:lan server:eth0
addr client eth0 198.51.100.9/24 2001:db8:9::9/64
addr router c 198.51.100.1/24 2001:db8:9::1/64
addr router g 203.0.113.9/24 2001:db8::9/64
addr gateway wan 203.0.113.1/24 2001:db8::1/64
addr gateway lan 10.0.0.1/24 fd00::1/64
addr server eth0 10.0.0.2/24 fd00::2/64
gateway_of client 198.51.100.1 2001:db8:9::1
gateway_of gateway 203.0.113.9 2001:db8::9
gateway_of server 10.0.0.1 fd00::1
forwarding_on router
config gateway <<'YAML'
lan: lan
services:
  - {port: 80, to: 10.0.0.2}
  - {port: 53, to: 10.0.0.2, proto: udp}
  - {port: 54, to: 10.0.0.2:5400, proto: udp}
  - {port: 9000, to: 10.0.0.2:9001, proto: sctp}
  - {port: 80, to: "fd00::2"}
  - {port: 53, to: "fd00::2", proto: udp}
  - {port: 54, to: "[fd00::2]:5400", proto: udp}
YAML
cat >"$work/page.py" <<'PY'
"""Sends as much as is asked for, or says how much has come; the other end's MSS does not know of the narrow path."""
import socket, sys
role, proto, address, port, size = sys.argv[1:6]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
s.settimeout(5)
size = int(size)
if role == "serve":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, int(port)))
    s.settimeout(None)
    if proto == "udp":
        open(sys.argv[6], "w").close()
        while True:
            data, peer = s.recvfrom(65535)
            s.sendto(data, peer)
    s.listen()
    open(sys.argv[6], "w").close()
    while True:
        c, _ = s.accept()
        c.sendall(b"x" * size)
        c.close()
try:
    s.connect((address, int(port)))
    n = 0
    if proto == "udp":
        s.send(b"x" * size)
        n = len(s.recv(65535))
    else:
        while data := s.recv(65535):
            n += len(data)
    print(n)
except OSError as error:
    print(error.strerror or error)
    sys.exit(1)
PY
page() { # HOST ARG...
	page_host=$1
	shift
	on "$page_host" "$python" -IS "$work/page.py" "$@"
}
for a in 10.0.0.2 fd00::2; do
	page server serve tcp $a 80 300000 "$work/ready.tcp.$a" &
	page server serve udp $a 53 0 "$work/ready.udp.$a" &
	eventually test -e "$work/ready.tcp.$a" -a -e "$work/ready.udp.$a"
done
check "gwd starts" gwd_start gateway

# --- fragments ----------------------------------------------------------------------------------------------------------
is "a datagram in fragments" 6000 page client ask udp 203.0.113.1 53 6000
is "a datagram in fragments, IPv6" 6000 page client ask udp 2001:db8::1 53 6000

# --- ICMP errors ----------------------------------------------------------------------------------------------------------
is "the target's refusal reaches the client" "Connection refused" sh -c "$(command -v nsenter) --net=/run/netns/client $python -IS $work/page.py ask udp 203.0.113.1 54 9; true"
is "and over IPv6" "Connection refused" sh -c "$(command -v nsenter) --net=/run/netns/client $python -IS $work/page.py ask udp 2001:db8::1 54 9; true"
ip -n router link set c mtu 1300
is "path MTU: the router's error reaches the target" 300000 page client ask tcp 203.0.113.1 80 0
is "path MTU, IPv6" 300000 page client ask tcp 2001:db8::1 80 0
has "which learned of it" "mtu 1300" ip -n server route get 198.51.100.9
# The test can tell: without those errors the page does not come.
on gateway nft -f - <<'NFT'
table inet deaf { chain in { type filter hook prerouting priority -500; icmp type destination-unreachable drop; icmpv6 type packet-too-big drop; }; }
NFT
ip -n server route flush cache
ip -n server -6 route flush cache
check_not "nothing comes when errors are dropped" page client ask tcp 203.0.113.1 80 0
on gateway nft delete table inet deaf

# --- SCTP: crafted, for kernels without its sockets ---------------------------------------------------------------------------
cat >"$work/sctp.py" <<'PY'
"""One INIT to the public address, seen by the target with its own port; the ACK back comes from where it was sent."""
import socket, struct, sys
def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
def packet(sport, dport, tag, chunk):
    head = struct.pack("!HHI", sport, dport, tag)
    return head + struct.pack("<I", crc32c(head + bytes(4) + chunk)) + chunk
def fields(data): # behind the IP header
    data = data[(data[0] & 15) * 4:]
    assert struct.unpack("<I", data[8:12])[0] == crc32c(data[:8] + bytes(4) + data[12:]), "checksum"
    return struct.unpack("!HH", data[:4]) + (data[12],)
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
s.settimeout(5)
chunk = lambda kind: struct.pack("!BBHIIHHI", kind, 0, 20, 7, 65535, 1, 1, 1)
if sys.argv[1] == "serve":
    open(sys.argv[2], "w").close()
    data, peer = s.recvfrom(999)
    sport, dport, kind = fields(data)
    s.sendto(packet(dport, sport, 7, chunk(2)), peer)
    open(sys.argv[2] + ".seen", "w").write("%s %d %d\n" % (peer[0], dport, kind))
else:
    s.bind(("198.51.100.9", 0))
    s.sendto(packet(40000, 9000, 0, chunk(1)), ("203.0.113.1", 0))
    data, peer = s.recvfrom(999)
    print(peer[0], *fields(data))
PY
on server "$python" -IS "$work/sctp.py" serve "$work/sctp" &
eventually test -e "$work/sctp"
# An INIT ACK from the port that was dialled. The kernels' own ABORT, where they know SCTP, would come later.
is "sctp: the answer comes from the public address and port" "203.0.113.1 9000 40000 2" on client "$python" -IS "$work/sctp.py" ask
is "sctp: the target was asked on its own port" "198.51.100.9 9001 1" cat "$work/sctp.seen"
finish
