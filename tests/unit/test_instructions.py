# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions per forward of the pure parts, counted by callgrind: speed cannot rot unseen, and no clock is asked.

What one forward costs is the count for 600 of them minus the count for 300, of the part minus what comes before it: start-up
and the loader cancel out. valgrind shows every program the same processor, so the C library takes the same functions
everywhere; for what is left, compilers and the libraries' versions, there are 15 %: each bar is the higher one of
gcc 12 and clang 14 at -O2, which differ by up to 20. A bar that is passed is a reason to look; one that has become too high is lowered.
"""
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

MARGIN = 1.15
FEW, MANY = 300, 600
BARS = {  # instructions per forward, and the part that comes before it
    "yaml": (28000, None),
    "propose": (39300, "yaml"),
    "compile": (2060, "yaml"),
    "plan": (690, "compile"),
    "reply": (3800, "yaml"),
}


def skip(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def count(program, part, n, where):
    run = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={where}/out", program, part, str(n)],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    total = re.search(r"Collected : (\d+)", run.stdout)
    if run.returncode or not total:
        print("\n".join("# " + line for line in run.stdout.splitlines()))
        raise SystemExit(f"Bail out! {program} {part} {n} does not run under valgrind")
    return int(total.group(1))


def per_forward(program, where):
    bare = os.path.join(where, "count")
    shutil.copy(program, bare)
    if shutil.which("strip"):  # valgrind may not know the newest debug information, and does not need any
        subprocess.run(["strip", bare], check=True)
    whole = {part: (count(bare, part, MANY, where) - count(bare, part, FEW, where)) / (MANY - FEW) for part in BARS}
    return {part: whole[part] - whole.get(before, 0) for part, (_, before) in BARS.items()}


def main():
    program = os.path.join(os.environ.get("B", "build"), "bench", "count")
    if platform.machine() != "x86_64":
        skip("the bars are of x86-64")
    if not shutil.which("valgrind"):
        skip("valgrind is not installed (sh packaging/deps.sh --dev)")
    with open(program, "rb") as file:
        if b"__asan_init" in file.read():
            skip("sanitizers count their own")
    print(f"1..{len(BARS)}")
    with tempfile.TemporaryDirectory() as where:
        costs = per_forward(program, where)
    for number, (part, (bar, _)) in enumerate(BARS.items(), 1):
        print(f"{'ok' if costs[part] <= bar * MARGIN else 'not ok'} {number} - {part}: {costs[part]:.0f} instructions "
              f"per forward, at most {bar} + 15 %")


main()
