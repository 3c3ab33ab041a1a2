# SPDX-License-Identifier: GPL-2.0-or-later
"""varlink.py SOCKET MESSAGE...: sends all messages in one write and prints one answer for each, or "closed"."""
import socket
import sys

sock = socket.socket(socket.AF_UNIX)
sock.settimeout(5)
sock.connect(sys.argv[1])
messages = sys.argv[2:]
sock.sendall(b"".join(m.encode() + b"\0" for m in messages))
said = b""
while said.count(b"\0") < len(messages):
    try:
        more = sock.recv(65536)
    except ConnectionError:
        more = b""
    if not more:
        said += b"closed\0"
        break
    said += more
print(said.replace(b"\0", b"\n").decode(), end="")
