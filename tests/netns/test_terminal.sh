#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What people see of 3 and of 3,000 forwards: columns that fit, a pager where there is more than the terminal shows, and
# neither for programs.
. "$(dirname "$0")/lib.sh"

shown() { # ROWS COLUMNS ARG...: gwctl on such a terminal
	rows=$1
	columns=$2
	shift 2
	on gateway env TERM=dumb PAGER="sed s/^/P:/" "$python" -IS "$tools/terminal.py" "$rows" "$columns" \
		"$gwctl" -s "$work/gateway/gwd.sock" "$@"
}
paged() { shown "$@" | grep -q '^P:'; }
all_paged() { shown "$@" | grep -c '^P:'; }
lines() { "$@" | wc -l; }
line() { # N ARG...: the name in line N of ls
	n=$1
	shift
	ctl gateway ls "$@" | awk -v n="$n" 'NR == n { print NR, $1 }'
}
widest() { shown "$@" | sed 's/…/./g' | awk '{ if (length($0) > n) n = length($0) } END { print n }'; }

two_nics
config gateway <<'YAML'
services:
  - {name: a-rather-long-name-for-a-forward, port: 80, to: [10.0.0.2, 10.0.0.3], description: some text}
  - {name: b, port: 81, to: 10.0.0.2}
  - {name: c, port: 82, to: 10.0.0.2, enabled: false}
  - {name: v6, port: "443,8443", to: "[fd00:1234:5678:9abc:def0:1234:5678:9abc]:443"}
  - {name: r, port: 5000-5010, proto: tcp+udp, to: "10.0.0.2:7000-7010"}
  - {port: 5000, proto: sctp, listen: 203.0.113.5, to: 10.0.0.2}
YAML
gwd_start gateway
has "three: all of them, no pager" '^b ' shown 24 80 ls
check_not "really" paged 24 80 ls
is "they fit" 70 widest 24 70 ls
has "what does not is cut, and shows it" '^a-rather[^ ]*… ' shown 24 70 ls
too_wide() { # COLUMNS: a line of a table that is
	for table in ls stats flows history; do
		shown 24 "$1" "$table" | sed 's/…/./g' | awk -v max="$1" -v t="$table" 'length($0) > max { print t ": " $0 }'
	done
}
for columns in 40 60 80 200; do is "no line is wider than $columns" "" too_wide $columns; done
# Prose is wrapped at words; what is to be copied, and is longer than the terminal, stays whole on a line of its own;
# so does a word.
on gateway nft 'add table inet other; add chain inet other in { type filter hook forward priority 0; policy drop; }'
prose() { # COLUMNS: lines of prose that are wider
	for words in status doctor "show v6" "stats v6" "why 80" "why 443 --from 192.0.2.1"; do
		# shellcheck disable=SC2086 # words
		ctl gateway -o json $words | "$python" -IS -c 'import json, sys
def whole(v):
    for k, x in v.items() if isinstance(v, dict) else enumerate(v):
        if k in ("remedy", "lasting"): print(x)
        elif k == "warnings" and isinstance(x, list): print("\n".join(line.split(": ")[-1] for w in x for line in w.split("\n")))
        elif isinstance(x, (dict, list)): whole(x)
whole(json.load(sys.stdin))' >"$work/whole"
		# shellcheck disable=SC2086
		shown 24 "$1" $words | sed 's/[^ -~]\{1,\}/./g' | awk -v max="$1" -v of="$words" -v whole="$work/whole" '
			BEGIN { while ((getline line <whole) > 0) copied[line] = 1 }
			length($0) > max { text = $0; sub(/^ */, "", text); if (text ~ / / && !(text in copied)) print of ": " $0 }'
	done
}
wide() { ctl gateway "$@" | awk 'length($0) > 80 { n++ } END { print n + 0 }'; }
for words in status doctor "why 80"; do
	# shellcheck disable=SC2086
	check "there is something to wrap: $words" test "$(wide $words)" -ge 1
done
for columns in 60 80; do is "no prose is wider than $columns" "" prose $columns; done
has "nor a command broken, in status too" 'nft insert rule inet other in ct status dnat accept' shown 24 60 status
on gateway nft delete table inet other
has "on a narrow one the rest is left out, and that said" '^NAME +STATE +LISTEN +TARGETS +…$' shown 24 40 ls
has "the origin goes first" '^NAME +STATE +LISTEN +TARGETS +CONNS +BYTES +…$' shown 24 51 ls
has "what is in no row needs no room" '^NAME +STATE +ORIGIN +LISTEN +TARGETS +CONNS +BYTES$' shown 24 70 ls
has "on a wide one nothing is" '^a-rather-long-name-for-a-forward ' shown 24 200 ls
has "three on a very low one: paged" '^P:b ' shown 4 80 ls
has "nothing is cut or paged for programs" '^a-rather-long-name-for-a-forward .* 10.0.0.2:80, 10.0.0.3:80 ' ctl gateway ls

{
	echo 'services:'
	i=0
	while [ $i -lt 3000 ]; do
		echo "  - {name: fwd-$i, port: $((i + 1000)), to: 10.0.0.2}"
		i=$((i + 1))
	done
} | config gateway
check "3,000" ctl gateway -q apply
is "paged, every line" 3001 all_paged 24 80 ls
is "programs get all, too" 3001 lines ctl gateway ls
is "one of them by its name" 2 lines ctl gateway ls fwd-17
serve server tcp 10.0.0.2 1000-1010
for port in 1005 1005 1007; do ask client tcp 203.0.113.1 $port >/dev/null; done
has "the busiest first" '^2 fwd-5$' line 2 --sort conns
has "and the next" '^3 fwd-7$' line 3 --sort bytes
in_less() { # ROWS KEYS ARG...: its exit status
	KEYS=$2 on gateway env TERM=xterm PAGER="${PAGER-less}" "$python" -IS "$tools/terminal.py" "$1" 80 \
		"$gwctl" -s "$work/gateway/gwd.sock" ls >"$work/less" 2>&1
}
if command -v less >/dev/null; then
	exits "less of 3,000: q is a clean end" 0 in_less 24 q
	has "it showed the first" '^fwd-1 ' cat "$work/less"
	check_not "and not the last" grep -q '^fwd-2999 ' "$work/less"
	exits "to its end, and q" 0 in_less 24 Gq
	has "it showed the last" '^fwd-2999 ' cat "$work/less"
else
	skip "less" "no less here"
fi
PAGER=/nowhere/pager exits "a pager that cannot be run is a failure" 1 in_less 24 ''
has "which the shell tells" '/nowhere/pager: not found' cat "$work/less"
PAGER="head -n 1" exits "one that wants no more is none" 0 in_less 24 ''
is "stats of all" 3001 all_paged 24 80 stats
finish
