# SPDX-License-Identifier: GPL-2.0-or-later
"""flush.py: forgets all connections of this network namespace, as conntrack -F does."""
import socket
import struct

NETLINK_NETFILTER, CT_DELETE, REQUEST_ACK = 12, 0x102, 0x5
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
sock.bind((0, 0))
sock.send(struct.pack("IHHIIBBH", 20, CT_DELETE, REQUEST_ACK, 1, 0, 0, 0, 0))
error = struct.unpack_from("i", sock.recv(4096), 16)[0]
assert error == 0, error
