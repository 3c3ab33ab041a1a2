# SPDX-License-Identifier: GPL-2.0-or-later
"""hostile.py SOCKET ATTACK [ARGUMENT]: sends gwd's socket what no client should, and prints what it answers. While an
attack goes on, another client asks for GetInfo again and again; the longest that it waited is the last line, in ms."""
import json
import resource
import socket
import sys
import threading
import time

path = sys.argv[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
GET_INFO = b'{"method":"org.varlink.service.GetInfo"}\0'


def dial():
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    sock.settimeout(60)
    return sock


def call(method, parameters=None, **flags):
    return json.dumps({"method": "org.gwd.Gateway." + method, "parameters": parameters or {}, **flags}).encode() + b"\0"


def hear(sock, n=1):
    """n answers, or those before the end."""
    said = b""
    while said.count(b"\0") < n:
        try:
            more = sock.recv(1 << 16)
        except ConnectionError:
            break
        if not more:
            break
        said += more
    return said.split(b"\0")[:-1]


def tell(sock, data):
    """Sends, though the other side may have closed by then."""
    try:
        sock.sendall(data)
    except ConnectionError:
        pass
    return sock


def what(answer):
    """The error and what it says, of an answer."""
    answer = json.loads(answer)
    parameters = answer["parameters"]
    said = parameters["mistakes"][0]["message"] if "mistakes" in parameters else parameters.get("parameter", "")
    return "%s %s" % (answer.get("error", "no error").rsplit(".", 1)[-1], said)


def say(answers):
    for answer in answers:
        print(what(answer))


def oversize():
    say(hear(tell(dial(), b" " * (17 << 20))))


def malformed():
    for text in (b"\x00", b"hello\0", b"[\0", b'{"method":1}\0', b'{"method":"a.b","parameters":7}\0', b"\xff\xfe\0",
                 b'{"method":"org.gwd.Gateway.List","parameters":{"pattern":"\\u0000"}}\0',
                 b'{"method":"org.gwd.Gateway.Add","parameters":{"service":[]}}\0'):
        say(hear(tell(dial(), text)))


def deep():
    for n in 5000, 100000:
        for brackets in (b"[", b'{"a":'):
            say(hear(tell(dial(), b'{"method":"a.b","parameters":{"a":' + brackets * n + b"\0")))


def half():
    socks = [tell(dial(), b'{"method":"org.gwd.Gateway.List"' + b" " * 50000) for _ in range(400)]
    time.sleep(1)
    return socks


def unread():
    """Streams and answers that nobody reads."""
    return [tell(dial(), call("List", more=True) * 20 + call("Export") * 20) for _ in range(100)]


def idle():
    return [dial() for _ in range(3000)]


def pipelined():
    n = 500
    sock = dial()
    threading.Thread(target=tell, args=(sock, call("Get", {"name": "f7"}) * n)).start()
    answers = hear(sock, n)
    print(len(answers), len(set(answers)))


def methods():
    description = json.loads(hear(tell(dial(), b'{"method":"org.varlink.service.GetInterfaceDescription",'
                                       b'"parameters":{"interface":"org.gwd.Gateway"}}\0'))[0])
    text = description["parameters"]["description"]
    return [line.split("(")[0].split()[1] for line in text.splitlines() if line.startswith("method ")]


PARAMETERS = {
    "Add": {"service": {"name": "gone", "ports": ["9"], "to": [{"addr": "10.0.0.9"}]}, "hold": True},
    "Set": {"name": "f7", "changes": {"description": "x"}},
    "Remove": {"name": "nobody"}, "Enable": {"name": "f7"}, "Disable": {"name": "f8"}, "Get": {"name": "f7"},
    "Target": {"name": "f7", "target": "10.0.0.2", "state": "ready"}, "Open": {"opening": {"ports": "22"}},
    "Close": {"ports": "22"}, "Apply": {"dry_run": True}, "Rollback": {"revision": 1, "dry_run": True},
    "Undo": {"dry_run": True}, "Diff": {}, "Why": {"port": 80},
}


def gone():
    """Hangs up in the middle of every method: of the call, of the answer, and right after it."""
    names = [name for name in methods() if name != "Purge"]
    for name in names:
        whole = call(name, PARAMETERS.get(name), more=True)
        for part in (whole[:len(whole) // 2], whole, whole * 3):
            tell(dial(), part).close()
        sock = tell(dial(), whole)
        sock.recv(10)
        sock.close()
    print(len(names))


def denied():
    for name in methods():
        say(hear(tell(dial(), call(name, PARAMETERS.get(name)))))


attack = globals()[sys.argv[2]]
worst = 0
over = threading.Event()


def other():
    global worst
    while not over.is_set():
        start = time.monotonic()
        answered = hear(tell(dial(), GET_INFO))
        worst = max(worst, time.monotonic() - start) if answered else 1e6
        time.sleep(0.02)


witness = threading.Thread(target=other)
witness.start()
try:
    kept = attack()
    time.sleep(0.5)
finally:
    over.set()
    witness.join()
print("%d ms" % (worst * 1000))
