# SPDX-License-Identifier: GPL-2.0-or-later
"""spray.py ADDRESS PORT[-PORT] COUNT BYTES: COUNT UDP datagrams of so many bytes from one socket, to one port after the
other. No answer is waited for; what cannot be sent at once is sent again."""
import socket
import sys
import time

address, ports, count, size = sys.argv[1:]
first, _, last = ports.partition("-")
width = int(last or first) - int(first) + 1
sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(count)):
    while True:
        try:
            sock.sendto(b"x" * int(size), (address, int(first) + i % width))
            break
        except OSError:  # a full queue, or an ICMP error of a datagram before
            time.sleep(0.001)
