#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of all parts as a table, and as JSON: table.py JSON ROWS...
A row: part, what, unit, goal, peer, our samples, the peer's, tab-separated. Samples of the same round were measured one
right after the other, so a ratio is one of each round; what is shown is the median, and where the middle half lies. JSON
has them all."""
import json
import operator
import statistics
import sys


def numbers(text):
    return [float(v) for v in text.split(",") if v]


def summary(values):
    low, median, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"median": median, "low": low, "high": high, "min": min(values), "max": max(values), "samples": values}


def short(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def shown(s):
    if not s:
        return ""
    spread = f" ({short(s['low'])}–{short(s['high'])})" if s["min"] < s["max"] else ""
    return short(s["median"]) + spread


def judge(goal, value):
    if not goal:
        return None
    how, bound = goal.split()
    return {"<=": operator.le, ">=": operator.ge}[how](value, float(bound))


def read(line):
    part, what, unit, goal, peer, ours, theirs = line.rstrip("\n").split("\t")
    row = {"part": part, "what": what, "unit": unit, "goal": goal, "peer": peer, "ours": None, "theirs": None,
           "ratio": None, "met": None}
    ours, theirs = numbers(ours), numbers(theirs)
    if ours:
        row["ours"] = summary(ours)
    if theirs:
        row["theirs"] = summary(theirs)
    ratios = [a / b for a, b in zip(ours, theirs) if b]  # a round in which the peer got nothing done says nothing
    if ratios:
        row["ratio"] = summary(ratios)
    judged = row["ratio"] if peer else row["ours"]
    if judged:
        row["met"] = judge(goal, judged["median"])
    row["missing"] = bool(goal) and row["met"] is None
    return row


def cells(row):
    goal = row["goal"].replace("<=", "≤").replace(">=", "≥")
    goal += " ×" if goal and row["theirs"] else f" {row['unit']}" if goal else ""
    met = "NOT MEASURED" if row["missing"] else {True: "met", False: "NOT MET", None: ""}[row["met"]]
    return [row["what"], row["unit"], shown(row["ours"]), " ".join([row["peer"], shown(row["theirs"])]).strip(),
            shown(row["ratio"]), goal, met]


def main():
    rows = [read(line) for path in sys.argv[2:] for line in open(path, encoding="utf-8")]
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    lines = [["what", "unit", "gwd", "against", "ratio", "goal", ""]] + [cells(r) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(7)]
    for i, line in enumerate(lines):
        print("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |")
        if i == 0:
            print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    judged = [r for r in rows if r["goal"]]
    print(f"\n{sum(r['met'] is True for r in judged)} of {len(judged)} goals met, "
          f"{sum(r['met'] is False for r in judged)} not met, {sum(r['missing'] for r in judged)} not measured")


main()
