# SPDX-License-Identifier: GPL-2.0-or-later
"""`make dist`: every package is built of that tarball, so it must hold what the tests of the package need, too.

Runs in the root of the source, be that a checkout or an unpacked tarball.
"""
import os
import subprocess
import sys
import tarfile
import tempfile


def make_dist(top, out):
    # Nothing of the make, or of the build of a package, that runs this test.
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "PKG_CONFIG_PATH", "SOURCE_DATE_EPOCH")}
    run = subprocess.run(["make", "-s", "dist", f"O={out}"], cwd=top, env=env, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, check=False)
    tarballs = [name for name in os.listdir(out) if name.endswith(".tar.gz")]
    return os.path.join(out, tarballs[0]) if run.returncode == 0 and tarballs else print("#", run.stdout)


def unpacked(tarball, where):
    with tarfile.open(tarball) as tar:
        tar.extractall(where)
    (top,) = os.listdir(where)
    return os.path.join(where, top)


def dangling(top):
    paths = [os.path.join(where, name) for where, dirs, files in os.walk(top) for name in dirs + files]
    return [path for path in paths if not os.path.exists(path)]


def content(path):
    with open(path, "rb") as file:
        return file.read()


def say(number, what, good):
    print(f"{'ok' if good else 'not ok'} {number} - {what}")
    return good


def main():
    with tempfile.TemporaryDirectory() as work:
        places = [os.path.join(work, name) for name in ("first", "source", "second")]
        for place in places:
            os.mkdir(place)
        print("1..3")
        first = make_dist(".", places[0])
        if not say(1, "there is a tarball", first):
            sys.exit(1)
        source = unpacked(first, places[1])
        lost = dangling(source)
        say(2, "no link in it leads nowhere", not lost)
        for path in lost:
            print("#", path, "->", os.readlink(path))
        second = make_dist(source, places[2])
        say(3, "made of itself it is the same", second and content(first) == content(second))


main()
