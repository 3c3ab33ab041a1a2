# SPDX-License-Identifier: GPL-2.0-or-later
"""client.py PROTO ADDRESS PORT [-]: asks server.py and prints its answer; exit 1 and the reason when there is none.

PROTO is tcp, udp, http, or pull: TCP that asks nothing and prints all it hears. With "-" every line of standard input
is one more question over the same socket.
"""
import os
import socket
import sys

TIMEOUT = float(os.environ.get("GWD_TIMEOUT", "2"))  # far more than an answer in namespaces takes

proto, address, port = sys.argv[1:4]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
sock = socket.socket(family, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
sock.settimeout(TIMEOUT)


def ask(question):
    sock.sendall(question)
    said = sock.recv(4096)
    if not said:
        raise ConnectionError("closed")
    return said.decode()


def page():
    sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
    said = b""
    while more := sock.recv(4096):
        said += more
    head, _, body = said.partition(b"\r\n\r\n")
    if b" 200 " not in head:
        raise ConnectionError("no page")
    return body.decode()


def pull():
    while said := sock.recv(4096):
        print(said.decode(), end="", flush=True)


try:
    # getaddrinfo knows the %interface of a link-local address.
    sock.connect(socket.getaddrinfo(address, int(port), family, flags=socket.AI_NUMERICHOST)[0][4])
    if proto == "pull":
        pull()
        sys.exit()
    if sys.argv[4:] == ["-"]:
        for line in sys.stdin:
            print(ask(line.encode()), end="", flush=True)
    else:
        print(page() if proto == "http" else ask(b"hello\n"), end="")
except OSError as error:
    print(error.strerror or error)
    sys.exit(1)
