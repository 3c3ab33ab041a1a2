# SPDX-License-Identifier: GPL-2.0-or-later
"""Several clients that change things at once, and what must be true of it when gwd was killed in the middle.

changes.py run SOCKET MODEL PID SECONDS [KIND]   until gwd (PID) is dead; after SECONDS kills it, with KIND says that it
                                                 was not (start, change, confirm, revert, end: what it dies of);
                                                 KIND full: not killed, the disk gets full instead
changes.py whole MODEL STATE_DIR                 gwd is dead: acknowledged and database agree, and the kernel has all of
                                                 each change or nothing (its element map as nft -j on standard input)
changes.py settled MODEL STATE_DIR SOCKET SECONDS NFT...    gwd runs again: memory, database and kernel (what NFT prints)
                                                 come to be the same, and what was acknowledged

MODEL keeps for every name what it may be: one value when its last change was answered, two when it was not. A value is
the address it forwards to; None: it is not there.
"""
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

CLIENTS, NAMES = 3, 8
TARGETS = ["10.0.0.2", "10.0.0.3", "10.0.0.4"]


over = threading.Event()


class Refused(Exception):
    """An answer: nothing was done."""


class Gone(Exception):
    """No answer: nobody knows."""


class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        try:
            self.sock.connect(path)
        except OSError as e:
            raise Gone from e

    def call(self, method, **parameters):
        message = {"method": "org.gwd.Gateway." + method, "parameters": parameters}
        said = b""
        try:
            self.sock.sendall(json.dumps(message).encode() + b"\0")
            while not said.endswith(b"\0"):
                more = self.sock.recv(65536)
                if not more:
                    raise Gone
                said += more
        except OSError as e:
            raise Gone from e
        answer = json.loads(said[:-1])
        if "error" in answer:
            raise Refused(answer)
        return answer["parameters"]


# ---- What may be ------------------------------------------------------------------------------------------------

class Model:
    def __init__(self, path):
        self.path = path
        self.may = {}
        self.answered = 0
        self.refused = []
        self.lock = threading.Lock()
        if os.path.exists(path):
            with open(path) as f:
                self.may, self.answered = json.load(f)

    def save(self):
        with open(self.path, "w") as f:
            json.dump([self.may, self.answered], f)

    def get(self, name):
        return self.may.get(name, [None])

    def change(self, name, value, call, settles=False):
        """call() brings name to value. settles: not for good, by itself it becomes what it was."""
        with self.lock:
            old = self.get(name)
            if not settles:
                self.may[name] = [*old, value]
        try:
            call()
        except Refused as e:
            self.may[name] = old
            self.refused.append(str(e))
            return False
        with self.lock:
            self.answered += 1
            self.may[name] = old if settles else [value]
        return True


# ---- Clients ----------------------------------------------------------------------------------------------------

def service(name, port, target):
    return {"name": name, "proto": "tcp+udp", "ports": [str(port), str(port + 1)], "to": [{"addr": target}]}


def adds_and_removes(path, model, number, kind):
    client = Client(path)
    while not over.is_set():
        time.sleep(0.02 if kind in ("revert", "end") else 0)  # which take their time
        k = random.randrange(NAMES)
        name, now = f"a{number}-{k}", model.get(f"a{number}-{k}")[-1]
        target = random.choice([t for t in TARGETS if t != now])
        what = service(name, 10000 + number * 100 + 2 * k, target)
        if now is None:
            model.change(name, target, lambda: client.call("Add", service=what))
        elif random.random() < 0.6:
            model.change(name, None, lambda: client.call("Remove", name=name))
        else:
            model.change(name, target, lambda: client.call("Set", name=name, changes={"to": what["to"]}))


def document(version):
    return f"""services:
  - {{name: d0, port: "20000,20001", proto: tcp+udp, to: 10.9.0.{version}}}
  - {{name: d1, port: "20002,20003", proto: tcp+udp, to: 10.9.0.{version}}}
"""


def applies(path, model, number, kind):
    client = Client(path)
    while not over.is_set():
        version = random.randrange(2, 250)
        model.change("declared", f"10.9.0.{version}",
                     lambda: client.call("Apply", text=document(version), path="gwd.yaml"))
        time.sleep(0.05)


def waits(path, model, number, kind):
    """Changes that wait to be confirmed, and are not always."""
    client = Client(path)
    while not over.is_set():
        now = model.get("w")[-1]
        if now is None:
            value = random.choice(TARGETS)
            change = lambda: client.call("Add", service=service("w", 30000, value), confirm=1)
        else:
            value = None
            change = lambda: client.call("Remove", name="w", confirm=1)
        if model.change("w", value, change, settles=True):
            if kind != "revert" and (kind == "confirm" or random.random() < 0.5):
                model.change("w", value, lambda: client.call("Confirm"))
        while client.call("Status").get("pending"):
            time.sleep(0.05)


def leases(path, model, number, kind):
    client = Client(path)
    while not over.is_set():
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1.3))
        what = {**service("l", 31000, TARGETS[0]), "expires": ends}
        model.change("l", TARGETS[0], lambda: client.call("Add", service=what), settles=True)
        while any(f["service"]["name"] == "l" for f in client.call("List")["forwards"]):
            time.sleep(0.05)


def is_dead(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def run(path, model_path, pid, seconds, kind=""):
    model = Model(model_path)
    end = time.monotonic() + float(seconds)
    broken = []

    def work(what, number):
        while not over.is_set():
            try:
                what(path, model, number, kind)
            except Gone:
                if is_dead(pid):
                    return
                time.sleep(0.01)
            except Exception as e:
                broken.append(repr(e))
                return

    clients = [(adds_and_removes, i) for i in range(CLIENTS)]
    clients += [(applies, 0)] if kind != "end" else []  # a file that comes just then ends a lease before its alarm does
    clients += [(waits, 0)] if kind in ("", "confirm", "revert") else []
    clients += [(leases, 0)] if kind in ("", "end") else []
    workers = [threading.Thread(target=work, args=a, daemon=True) for a in clients]
    for w in workers:
        w.start()
    while time.monotonic() < end and not is_dead(pid) and not (kind == "full" and len(model.refused) > 50):
        time.sleep(0.01)
    late = not is_dead(pid)
    if kind != "full":
        os.kill(int(pid), signal.SIGKILL)
    over.set()
    for w in workers:
        w.join()
    model.save()
    # Too late to confirm, or for an end that was in the future: that may be. Nothing else is refused.
    may = r"is full: free some space" if kind == "full" else r"nothing waits to be confirmed| is past"
    odd = broken + [r for r in model.refused if not re.search(may, r)]
    if kind == "full" and not model.refused:
        odd.append("nothing was refused")
    if kind not in ("", "full") and late:
        odd.append("it did not come to that point")
    print("\n".join(odd[:5]), end="")
    return bool(odd)


# ---- What is ----------------------------------------------------------------------------------------------------

def in_database(state_dir):
    with tempfile.TemporaryDirectory() as copy:
        for name in ("state.db", "state.db-wal"):
            if os.path.exists(f"{state_dir}/{name}"):
                shutil.copy(f"{state_dir}/{name}", copy)
        db = sqlite3.connect(f"{copy}/state.db")
        there = {name: json.loads(text)["to"][0]["addr"] for name, text in db.execute("SELECT name, service FROM runtime")}
        text = db.execute("SELECT group_concat(CAST(text AS TEXT), ' ') FROM document WHERE docset ="
                          " (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'accepted')").fetchone()[0] or ""
        db.close()
    return there | declared(set(re.findall(r"10\.9\.0\.\d+", text)))


def declared(targets):
    if len(targets) > 1:
        raise ValueError(f"the declared ones are of several files: {targets}")
    return {"declared": t for t in targets}


def in_kernel(listing):
    elements = {}
    for thing in json.loads(listing or '{"nftables": []}')["nftables"]:
        for key, value in thing.get("map", {}).get("elem", []):
            elements.setdefault(key["elem"]["comment"], []).append(value["concat"][0])
    for name, targets in elements.items():
        if len(targets) != 4 or len(set(targets)) != 1:
            raise ValueError(f"the kernel has part of {name}: {targets}")
    there = {name: targets[0] for name, targets in elements.items()}
    files = {there.pop(name, None) for name in ("d0", "d1")}
    if None in files and len(files) > 1:
        raise ValueError(f"the kernel has part of the file: {files}")
    return there | declared(files - {None})


def in_memory(path):
    there = {f["service"]["name"]: f["service"]["to"][0]["addr"] for f in Client(path).call("List")["forwards"]}
    return {n: t for n, t in there.items() if n not in ("d0", "d1")} | declared({there[n] for n in ("d0", "d1") if n in there})


def mistakes(model, there, where, passing=()):
    names = (set(model.may) | set(there)) - set(passing)
    return [f"{n}: {where} {there.get(n)}, but what was answered is {' or '.join(map(str, model.get(n)))}"
            for n in sorted(names) if there.get(n) not in model.get(n)]


def whole(model_path, state_dir):
    model = Model(model_path)
    passing = ("w", "l")  # may be on their way to what they settle at
    try:
        wrong = mistakes(model, in_database(state_dir), "the database has", passing) + \
            mistakes(model, in_kernel(sys.stdin.read()), "the kernel has", passing)
    except ValueError as e:
        wrong = [str(e)]
    print("\n".join(wrong), end="")
    return bool(wrong)


def settled(model_path, state_dir, path, seconds, *nft):
    model = Model(model_path)
    end = time.monotonic() + float(seconds)
    while True:
        try:
            memory = in_memory(path)
            pending = Client(path).call("Status").get("pending")
            database = in_database(state_dir)
            kernel = in_kernel(subprocess.run(nft, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
            wrong = mistakes(model, memory, "gwd says")
            for what, there in (("the database", database), ("the kernel", kernel)):
                if there != memory:
                    differ = sorted(set(there.items()) ^ set(memory.items()))
                    wrong.append(f"{what} and gwd differ: {differ}")
            wrong += [f"still waits: {pending}"] if pending else []
        except ValueError as e:
            wrong = [str(e)]
        except Gone:
            wrong = ["gwd does not answer"]
        if not wrong or time.monotonic() > end:
            break
        time.sleep(0.05)
    if not wrong:
        model.may = {n: [t] for n, t in memory.items()}
        model.save()
    print("\n".join(wrong), end="")
    return bool(wrong)


sys.exit({"run": run, "whole": whole, "settled": settled}[sys.argv[1]](*sys.argv[2:]))
