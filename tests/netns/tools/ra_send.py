# SPDX-License-Identifier: GPL-2.0-or-later
"""ra_send.py INTERFACE [LIFETIME [PREFIX/LEN]]: sends one router advertisement (RFC 4861, section 4.2) to all nodes.

LIFETIME is that of the default route in seconds (1800; 0 takes the route back). With a prefix hosts make themselves an
address in it. Waits until INTERFACE has the link-local address that routers speak from. Needs CAP_NET_RAW.
"""
import errno
import ipaddress
import os
import socket
import struct
import sys
import time

PATIENCE = float(os.environ.get("GWD_PATIENCE", "10"))
ROUTER_ADVERTISEMENT = 134
SOURCE_LINK_LAYER = 1
PREFIX_INFORMATION = 3
ON_LINK_AUTONOMOUS = 0xC0

interface = sys.argv[1]
lifetime = int(sys.argv[2]) if len(sys.argv) > 2 else 1800
index = socket.if_nametoindex(interface)

# The kernel fills in the checksum of ICMPv6.
packet = struct.pack("!BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, 64, 0, lifetime, 0, 0)
with open(f"/sys/class/net/{interface}/address", encoding="ascii") as f:
    packet += struct.pack("!BB6s", SOURCE_LINK_LAYER, 1, bytes.fromhex(f.read().strip().replace(":", "")))
if len(sys.argv) > 3:
    prefix = ipaddress.IPv6Network(sys.argv[3])
    packet += struct.pack("!BBBBIII16s", PREFIX_INFORMATION, 4, prefix.prefixlen, ON_LINK_AUTONOMOUS,
                          7200, 3600, 0, prefix.network_address.packed)

with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sock:
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)  # others are ignored
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            sock.sendto(packet, ("ff02::1", 0, 0, index))
            break
        except OSError as e:
            if e.errno != errno.EADDRNOTAVAIL or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
