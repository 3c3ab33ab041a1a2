# SPDX-License-Identifier: GPL-2.0-or-later
"""track.py COUNT ADDRESS PORT SERVER [FIRST]: makes the kernel track COUNT open TCP connections that nobody made, from as
many clients of 198.18.0.0/15 (beginning with the FIRST) to ADDRESS PORT, translated to SERVER and the same port. IPv4."""
import socket
import struct
import sys

NETLINK_NETFILTER, CT_NEW = 12, 0x0100
REQUEST, ACK, EXCL, CREATE = 1, 4, 0x200, 0x400
NESTED = 0x8000
TUPLE_ORIG, TUPLE_REPLY, PROTOINFO, NAT_DST, TIMEOUT = 1, 2, 4, 13, 7
ESTABLISHED = 3
AT_ONCE = 200  # messages


def attribute(kind, data):
    data = struct.pack("=HH", 4 + len(data), kind) + data
    return data + b"\0" * (-len(data) % 4)


def nest(kind, *attributes):
    return attribute(NESTED | kind, b"".join(attributes))


def ends(kind, source, destination, from_port, to_port):
    return nest(kind,
                nest(1, attribute(1, source), attribute(2, destination)),
                nest(2, attribute(1, bytes([socket.IPPROTO_TCP])), attribute(2, struct.pack("!H", from_port)),
                     attribute(3, struct.pack("!H", to_port))))


count, address, port, server = int(sys.argv[1]), socket.inet_aton(sys.argv[2]), int(sys.argv[3]), socket.inet_aton(sys.argv[4])
first = int(sys.argv[5]) if len(sys.argv) > 5 else 0
rest = (attribute(TIMEOUT, struct.pack("!I", 3600)), nest(PROTOINFO, nest(1, attribute(1, bytes([ESTABLISHED])))),
        nest(NAT_DST, attribute(1, server)))
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
sock.bind((0, 0))
for begin in range(0, count, AT_ONCE):
    end = min(count, begin + AT_ONCE)
    batch = b""
    for i in range(begin, end):
        client = struct.pack("!I", (198 << 24 | 18 << 16) + first + i)
        body = struct.pack("=BBH", socket.AF_INET, 0, 0) + b"".join(
            (ends(TUPLE_ORIG, client, address, 40000, port), ends(TUPLE_REPLY, address, client, port, 40000), *rest))
        flags = REQUEST | CREATE | EXCL | (ACK if i == end - 1 else 0)
        batch += struct.pack("=IHHII", 16 + len(body), CT_NEW, flags, i, 0) + body
    sock.send(batch)
    error = struct.unpack_from("=i", sock.recv(65536), 16)[0]
    if error:
        sys.exit(f"connection {begin}..{end}: error {-error}")
