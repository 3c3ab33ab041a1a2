# SPDX-License-Identifier: GPL-2.0-or-later
"""sender.py ADDRESS PORT FILE: sends a UDP datagram every 20 ms from one socket, whatever becomes of them, and keeps the
latest answer in FILE."""
import os
import socket
import sys
import time

address, port, answers = sys.argv[1:]
sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
sock.connect((address, int(port)))
sock.setblocking(False)
while True:
    try:
        sock.send(b"hello\n")
        with open(answers + ".new", "wb") as f:
            f.write(sock.recv(4096))
        os.rename(answers + ".new", answers)
    except OSError:  # nothing has come, or nobody listens there
        pass
    time.sleep(0.02)
