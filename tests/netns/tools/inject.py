# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a running process call the kernel, and prints what it is answered: what its sandbox is worth.

    inject.py PID CALL...       CALL: one of the names below

It waits in a system call, so the instruction that made it is right before its program counter: that one is executed
again with other registers, and they are put back."""
import ctypes
import errno
import os
import platform
import struct
import sys

PTRACE_SINGLESTEP, PTRACE_ATTACH, PTRACE_DETACH, PTRACE_GETREGSET, PTRACE_SETREGSET = 9, 16, 17, 0x4204, 0x4205
NT_PRSTATUS = 1
AF_INET, SOCK_STREAM = 2, 1
AT_FDCWD = -100 % 2**64
O_WRONLY, O_CREAT = 1, 0o100

# per machine: registers in the kernel's struct, those of (number, arguments..., result, stack, counter), length of the
# instruction, the one that says "nothing to restart" when -1, the calls' numbers
MACHINES = {
    "x86_64": (27, 10, (14, 13, 12), 10, 19, 16, 2, 15,
               {"getpid": 39, "openat": 257, "execve": 59, "socket": 41, "ptrace": 101}),
    "aarch64": (34, 8, (0, 1, 2), 0, 31, 32, 4, None,
                {"getpid": 172, "openat": 56, "execve": 221, "socket": 198, "ptrace": 117}),
}
# name: (system call, arguments; text stands for its address)
CALLS = {
    "getpid": ("getpid",),
    "read": ("openat", AT_FDCWD, "/etc/passwd", 0),
    "write": ("openat", AT_FDCWD, "/tmp/gwd-was-here", O_WRONLY | O_CREAT),
    "exec": ("execve", "/nowhere", 0, 0),
    "internet": ("socket", AF_INET, SOCK_STREAM, 0),
    "ptrace": ("ptrace", 0, 0, 0),
}

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


def ptrace(request, pid, address=0, data=None):
    if libc.ptrace(request, pid, address, data) < 0:
        sys.exit(f"ptrace {request}: {os.strerror(ctypes.get_errno())}")


def registers(request, pid, data):
    memory = ctypes.create_string_buffer(data, len(data))
    ptrace(request, pid, NT_PRSTATUS, ctypes.byref(IoVec(ctypes.addressof(memory), len(data))))
    return memory.raw


def call(pid, machine, words):
    count, number, arguments, result, stack, counter, length, restart, numbers = machine
    before = registers(PTRACE_GETREGSET, pid, bytes(8 * count))
    regs = list(struct.unpack(f"{count}Q", before))
    text = (regs[stack] - 4096) & ~15  # past what the function may keep below its stack
    for register, word in zip(arguments, words[1:]):
        if isinstance(word, str):
            with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
                memory.seek(text)
                memory.write(word.encode() + b"\0")
            word = text
        regs[register] = word
    regs[number] = numbers[words[0]]
    regs[counter] -= length
    if restart is not None:
        regs[restart] = 2**64 - 1
    registers(PTRACE_SETREGSET, pid, struct.pack(f"{count}Q", *regs))
    ptrace(PTRACE_SINGLESTEP, pid)
    os.waitpid(pid, 0x40000000)  # __WALL
    answer = struct.unpack(f"{count}q", registers(PTRACE_GETREGSET, pid, bytes(8 * count)))[result]
    registers(PTRACE_SETREGSET, pid, before)
    return answer


def main():
    pid = int(sys.argv[1])
    machine = MACHINES.get(platform.machine())
    if not machine:
        sys.exit(f"the registers of {platform.machine()} are not known here")
    ptrace(PTRACE_ATTACH, pid)
    os.waitpid(pid, 0x40000000)
    for name in sys.argv[2:]:
        answer = call(pid, machine, CALLS[name])
        print(name, errno.errorcode.get(-answer, answer) if answer < 0 else answer, flush=True)
    ptrace(PTRACE_DETACH, pid)


main()
