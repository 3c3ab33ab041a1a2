# SPDX-License-Identifier: GPL-2.0-or-later
"""server.py PROTO ADDRESS PORTS NAME READY: a server that tells its clients who it thinks they are.

Every line (or datagram) is answered with "NAME CLIENT-ADDRESS OWN-PORT"; an HTTP GET with a page of that text.
PROTO is tcp or udp, PORTS one port or FIRST-LAST. The file READY appears once it listens.
"""
import selectors
import socket
import sys

proto, address, ports, name, ready = sys.argv[1:]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
first, _, last = ports.partition("-")
selector = selectors.DefaultSelector()


def answer(peer, sock):
    return f"{name} {peer[0]} {sock.getsockname()[1]}\n".encode()


def datagram(sock):
    _, peer = sock.recvfrom(4096)
    sock.sendto(answer(peer, sock), peer)


def accept(sock):
    connection, _ = sock.accept()
    selector.register(connection, selectors.EVENT_READ, stream)


def stream(sock):
    try:
        data = sock.recv(4096)
        text = answer(sock.getpeername(), sock)
        if data.startswith(b"GET "):
            sock.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + text)
            data = b""
        elif data:
            sock.sendall(text)
    except OSError:
        data = b""
    if not data:
        selector.unregister(sock)
        sock.close()


for port in range(int(first), int(last or first) + 1):
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    if kind == socket.SOCK_STREAM:
        sock.listen(64)
    selector.register(sock, selectors.EVENT_READ, accept if kind == socket.SOCK_STREAM else datagram)
open(ready, "w").close()
while True:
    for key, _ in selector.select():
        key.data(key.fileobj)
