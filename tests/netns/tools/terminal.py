# SPDX-License-Identifier: GPL-2.0-or-later
"""terminal.py ROWS COLUMNS COMMAND...: runs it on a terminal of that size and prints what it shows. KEYS in the
environment are typed once that is full."""
import fcntl
import os
import pty
import struct
import sys
import termios

rows, columns, *command = sys.argv[1:]
keys = os.environ.pop("KEYS", "").encode()
ready, go = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    os.read(ready, 1)  # until the terminal has its size
    os.execvp(command[0], command)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
os.write(go, b"x")
shown = b""
try:
    while more := os.read(fd, 65536):
        shown += more
        if keys and shown.count(b"\n") >= int(rows) - 1:
            os.write(fd, keys)
            keys = b""
except OSError:  # the other side is closed
    pass
sys.stdout.write(shown.decode().replace("\r", ""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
