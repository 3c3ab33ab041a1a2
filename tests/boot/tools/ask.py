# SPDX-License-Identifier: GPL-2.0-or-later
"""ask.py SOCKET SECONDS COMMAND: runs a shell command in a virtual machine, by way of the serial port where `guest` is.

Its output is printed as it comes; the exit status is the command's, or 124 when no answer came in time."""
import os
import socket
import sys
import time

path, patience, command = sys.argv[1:]
deadline = time.monotonic() + float(patience)
token = f"{os.getpid()}.{time.monotonic_ns()}"
line = socket.socket(socket.AF_UNIX)
line.connect(path)
line.sendall(f"{token} {command}\n".encode())
rest = b""
while True:
    line.settimeout(max(0.01, deadline - time.monotonic()))
    try:
        more = line.recv(65536)
    except TimeoutError:
        more = b""
    if not more:
        sys.exit(124)
    *lines, rest = (rest + more).split(b"\n")
    for text in lines:
        said, end, status = text.partition(token.encode())
        if not end:
            sys.stdout.buffer.write(text + b"\n")
            continue
        sys.stdout.buffer.write(said)
        sys.stdout.buffer.flush()
        sys.exit(int(status))
    sys.stdout.buffer.flush()
