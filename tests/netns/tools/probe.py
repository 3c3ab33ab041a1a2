# SPDX-License-Identifier: GPL-2.0-or-later
"""Connects without end, and remembers when that went wrong. SIGTERM ends it.

probe.py OUT PROTO/ADDRESS/PORT=ANSWER...    ANSWER: what server.py must say, as a regular expression

Each place is asked over one new connection after the other; those of TCP also over one that stays open. OUT becomes
{"new": COUNT, "kept": COUNT, "failed": [{"from", "to", "what"}]}, times as time.monotonic() has them. OUT.ready appears when it begins.
"""
import json
import re
import signal
import socket
import sys
import threading
import time

PATIENCE = 10  # seconds for an answer: a lost packet is sent again, by TCP
RETRY = 1      # seconds for one of UDP, where nobody does; a datagram is lost on the way of every network

out, places = sys.argv[1], sys.argv[2:]
result = {"new": 0, "kept": 0, "failed": []}
lock = threading.Lock()
over = threading.Event()


def reach(proto, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
    sock.settimeout(RETRY if proto == "udp" else PATIENCE)
    try:
        sock.connect((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def ask(sock, wanted):
    for last in (False, True):
        sock.sendall(b"hello\n")
        try:
            said = sock.recv(4096).decode().strip()
        except TimeoutError:
            if last or sock.type != socket.SOCK_DGRAM:
                raise
            continue
        if not wanted.fullmatch(said):
            raise ConnectionError(f"said '{said}'")
        return


def failed(since, what, error):
    if not over.is_set():
        with lock:
            result["failed"].append({"from": since, "to": time.monotonic(), "what": f"{what}: {error or 'no answer'}"})


def count(kind):
    with lock:
        result[kind] += 1


def new(place, proto, address, port, wanted):
    while not over.is_set():
        since = time.monotonic()
        try:
            with reach(proto, address, port) as sock:
                ask(sock, wanted)
            count("new")
        except OSError as error:
            failed(since, f"new, {place}", error)
        over.wait(0.005)


def kept(place, proto, address, port, wanted):
    sock, since = None, 0.0
    while not over.is_set():
        try:
            since = since or time.monotonic()  # of the last answer: what broke it may have been any time since
            sock = sock or reach(proto, address, port)
            ask(sock, wanted)
            count("kept")
            since = time.monotonic()
        except OSError as error:
            failed(since, f"kept, {place}", error)
            sock, since = None, 0.0
        over.wait(0.1)


signal.signal(signal.SIGTERM, lambda *_: over.set())
workers = []
for place in places:
    where, _, answer = place.partition("=")
    proto, address, port = where.split("/")
    for work in (new, kept) if proto == "tcp" else (new,):
        workers.append(threading.Thread(target=work, args=(where, proto, address, int(port), re.compile(answer))))
for worker in workers:
    worker.start()
open(out + ".ready", "w").close()
while not over.is_set():
    over.wait(0.2)
for worker in workers:
    worker.join()
with open(out, "w") as f:
    json.dump(result, f)
