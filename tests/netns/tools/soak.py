# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that happens to a gateway in months, in seconds.

soak.py run SOCKET PID POLICY SECONDS OUT    several clients change forwards, the file is applied again and again, and
                                             others flush, flap and take away; OUT: what must be there afterwards, when
                                             connections were excused, and how gwd (PID) fared
soak.py judge OUT PROBED                     what went wrong, a line each: failed connections that nothing excuses (PROBED
                                             is what probe.py wrote), requests refused, memory and descriptors that grew
soak.py expected OUT                         the forwards that must be there: "NAME TARGET", sorted

A disturbance excuses connections from when it begins until what it took away answers again, which it must in time. Where
the kernel protects the table of its owner (policy exclusive), what others do to it is no excuse.
"""
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time

CLIENTS, NAMES = 2, 30
PATIENCE = int(os.environ.get("GWD_PATIENCE", "10")) * 3
PAUSE = 11  # seconds between two changes of our table: who comes more often fights (backoff.h)
STABLE = """
wan: wan
lan: lan
services:
  - {name: web, port: 80, to: 10.0.0.2}
  - {name: dns, port: 53, proto: udp, to: 10.0.0.2}
  - {name: six, port: 8080, listen: "2001:db8::1", to: "fd00::2"}
"""


# ---- gwd ------------------------------------------------------------------------------------------

class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(path)

    def call(self, method, **parameters):
        message = {"method": "org.gwd.Gateway." + method, "parameters": parameters}
        self.sock.sendall(json.dumps(message).encode() + b"\0")
        said = b""
        while not said.endswith(b"\0"):
            more = self.sock.recv(65536)
            if not more:
                raise RuntimeError(f"{method}: gwd hung up")
            said += more
        answer = json.loads(said[:-1])
        if "error" in answer:
            raise RuntimeError(f"{method} {parameters}: {answer}")
        return answer["parameters"]


class Soak:
    def __init__(self, path, pid, policy, seconds):
        self.path, self.pid, self.head = path, pid, f"policy: {policy}\n{STABLE}"
        self.end = time.monotonic() + seconds
        self.expected = {}
        self.excused, self.wrong, self.samples = [], [], []
        self.changes = self.disturbances = 0
        self.owned = False
        self.lock = threading.Lock()

    def running(self):
        return time.monotonic() < self.end and not self.wrong

    def changed(self, **expected):
        with self.lock:
            self.changes += 1
            self.expected.update(expected)


def service(name, port, target):
    return {"name": name, "proto": "tcp+udp", "ports": [str(port)], "to": [{"addr": target}]}


def adds_and_removes(soak, number):
    client = Client(soak.path)
    while soak.running():
        k = random.randrange(NAMES)
        name, target = f"a{number}-{k}", f"10.0.0.{random.randrange(2, 250)}"
        now = soak.expected.get(name)
        if now is None:
            client.call("Add", service=service(name, 10000 + number * 100 + k, target))
        elif random.random() < 0.6:
            target = None
            client.call("Remove", name=name)
        else:
            client.call("Set", name=name, changes={"to": [{"addr": target}]})
        soak.changed(**{name: target})
        time.sleep(0.01)


def applies(soak, number):
    client = Client(soak.path)
    while soak.running():
        target = f"10.0.0.{random.randrange(2, 250)}"
        text = soak.head + "".join(f"  - {{name: d{i}, port: {20000 + i}, to: {target}}}\n" for i in range(50))
        client.call("Apply", text=text, path="gwd.yaml")
        soak.changed(**{f"d{i}": target for i in range(50)})
        time.sleep(0.2)


# ---- Others ---------------------------------------------------------------------------------------

def gateway(*command, check=True):
    done = subprocess.run(["nsenter", "--net=/run/netns/gateway", *command], stderr=subprocess.PIPE, text=True)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return done.returncode == 0


def answers(proto, address, port):
    client = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client.py")
    return subprocess.run(["nsenter", "--net=/run/netns/client", sys.executable, "-IS", client, proto, address, port],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def all_answer():
    return answers("tcp", "203.0.113.1", "80") and answers("udp", "203.0.113.1", "53") and \
        answers("tcp", "2001:db8::1", "8080")


def flush():
    gateway("nft", "flush", "ruleset")


def delete_table():
    gateway("nft", "delete", "table", "inet", "gwd", check=False)  # refused where it is owned


def take_element():
    gateway("nft", "delete element inet gwd any4 { tcp . 80 }", check=False)


def forwarding_off():
    gateway("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")


def wan_flaps():
    gateway("ip", "link", "set", "wan", "down")
    time.sleep(0.2)
    gateway("ip", "link", "set", "wan", "up")
    gateway("ip", "route", "replace", "default", "via", "203.0.113.9")
    gateway("ip", "addr", "replace", "2001:db8::1/64", "dev", "wan", "nodad")


def lan_flaps():
    gateway("ip", "link", "set", "lan", "down")
    time.sleep(0.2)
    gateway("ip", "link", "set", "lan", "up")
    gateway("ip", "addr", "replace", "fd00::1/64", "dev", "lan", "nodad")


def address_goes_and_comes():
    gateway("ip", "addr", "del", "203.0.113.1/24", "dev", "wan")
    time.sleep(0.2)
    gateway("ip", "addr", "add", "203.0.113.1/24", "dev", "wan")
    gateway("ip", "route", "replace", "default", "via", "203.0.113.9")


# No connection may notice these: nothing is excused.
def another_address():
    gateway("ip", "addr", "add", "203.0.113.77/24", "dev", "wan")
    time.sleep(0.3)
    gateway("ip", "addr", "del", "203.0.113.77/24", "dev", "wan")


def another_link():
    gateway("ip", "link", "add", "guest", "type", "veth", "peer", "name", "guest1")
    for state in ("up", "down", "up"):
        gateway("ip", "link", "set", "guest", state)
        time.sleep(0.1)
    gateway("ip", "link", "del", "guest")


def another_table():
    gateway("nft", "add table ip stranger; add chain ip stranger c { type filter hook forward priority 0; }")
    gateway("nft", "delete", "table", "ip", "stranger")


def disturb(soak, what, excused=True):
    since = time.monotonic()
    what()
    while excused and not all_answer():
        if time.monotonic() - since > PATIENCE:
            raise RuntimeError(f"{what.__name__}: nothing answers after {PATIENCE} s")
    soak.disturbances += 1
    if excused:
        with soak.lock:
            soak.excused.append([since, time.monotonic(), what.__name__])


def others(soak, number):
    ours = [flush, delete_table, take_element]
    theirs = [forwarding_off, wan_flaps, address_goes_and_comes, lan_flaps]
    next_ours, turn = 0, 0
    while soak.running():
        if time.monotonic() >= next_ours:
            disturb(soak, ours[turn % len(ours)], excused=not soak.owned)
            next_ours = time.monotonic() + PAUSE
        for harmless in (another_address, another_link, another_table):
            disturb(soak, harmless, excused=False)
        disturb(soak, theirs[turn % len(theirs)])
        turn += 1
        time.sleep(1)


# ---- How gwd fares --------------------------------------------------------------------------------

def fds(pid):
    """But for settings: gwd keeps a few of them open, as they come to be asked for (sysctl.c)."""
    n = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            n += not os.readlink(f"/proc/{pid}/fd/{fd}").startswith("/proc/sys/net/")
        except FileNotFoundError:
            pass
    return n


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def watch(soak, number):
    while soak.running():
        with soak.lock:
            soak.samples.append(memory(soak.pid))
        time.sleep(0.2)


def idle_fds(soak):
    """Once nobody is connected any more: as many as there ever are."""
    fewest = fds(soak.pid)
    for _ in range(20):
        time.sleep(0.1)
        fewest = min(fewest, fds(soak.pid))
    return fewest


def run(path, pid, policy, seconds, out):
    seconds = float(seconds)
    soak = Soak(path, int(pid), policy, seconds)
    first = Client(path)
    first.call("Apply", text=soak.head, path="gwd.yaml")
    soak.owned = first.call("Status")["ownership"] == "owned"
    first.sock.close()
    soak.changed(web="10.0.0.2", dns="10.0.0.2", six="fd00::2")
    descriptors = idle_fds(soak)

    def work(what, number):
        try:
            what(soak, number)
        except Exception as e:
            soak.wrong.append(f"{what.__name__}: {e}")

    workers = [threading.Thread(target=work, args=(adds_and_removes, i)) for i in range(CLIENTS)]
    workers += [threading.Thread(target=work, args=(what, 0)) for what in (applies, others, watch)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with open(out, "w") as f:
        json.dump({"expected": soak.expected, "excused": soak.excused, "wrong": soak.wrong, "memory": soak.samples,
                   "fds": [descriptors, idle_fds(soak)], "changes": soak.changes,
                   "disturbances": soak.disturbances, "seconds": seconds}, f)


# ---- The verdict ----------------------------------------------------------------------------------

def grown(samples):
    """kB that the last quarter has, on average, over the second: the first is for warming up. (0 in both is flat.)"""
    n = len(samples) // 4
    early, late = samples[n:2 * n], samples[-n:]
    return sum(late) / len(late) - sum(early) / len(early), sum(early) / len(early)


def judge(out, probed):
    with open(out) as f:
        soak = json.load(f)
    with open(probed) as f:
        seen = json.load(f)
    wrong = soak["wrong"]
    excused = 0
    for failure in seen["failed"]:
        if any(failure["from"] <= to and failure["to"] >= since for since, to, _ in soak["excused"]):
            excused += 1
        else:
            wrong.append(f"failed for no reason, {failure['from']:.2f} to {failure['to']:.2f}: {failure['what']}")
    calm = soak["seconds"] - sum(to - since for since, to, _ in soak["excused"])
    if calm < soak["seconds"] / 5:
        wrong.append(f"all but {calm:.0f} of {soak['seconds']:.0f} s are excused: that shows nothing")
    more, had = grown(soak["memory"])
    if more > had / 10 + 1024 and os.environ.get("SAN") != "1":  # the sanitizers keep what was freed, to watch it
        wrong.append(f"memory grew by {more:.0f} kB over {had:.0f} kB")
    if soak["fds"][1] > soak["fds"][0]:
        wrong.append(f"open files: {soak['fds'][0]} became {soak['fds'][1]}")
    if min(seen["new"] / 50, seen["kept"] / 10, soak["changes"] / 20, soak["disturbances"] / 4) < 1:
        wrong.append("too little happened")
    print("\n".join(wrong), end="\n" if wrong else "")
    print(f"# {soak['changes']} changes, {soak['disturbances']} disturbances, {seen['new']} new connections, "
          f"{seen['kept']} questions over kept ones, {excused} excused failures, {calm:.0f} s without excuse, "
          f"memory {had:.0f} kB {more:+.0f}, {soak['fds'][1]} open files")
    return bool(wrong)


def expected(out):
    with open(out) as f:
        there = json.load(f)["expected"]
    print("\n".join(sorted(f"{name} {target}" for name, target in there.items() if target)))


sys.exit({"run": run, "judge": judge, "expected": expected}[sys.argv[1]](*sys.argv[2:]))
