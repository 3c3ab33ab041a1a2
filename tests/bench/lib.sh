# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by every part of the benchmark, in a sandbox of its own. A part lays out hosts (the words of tests/netns/lib.sh),
# lets the measuring programs write samples to $samples, and says with compare and limit which of them make a row.
#
# The gateway is pinned to processor 1, what asks it to processor 0. State is on the build directory's disk, not in memory.
GWD_PATIENCE=60
GWD_AS="taskset -c 1"
. "$(dirname "$0")/../netns/lib.sh"

part=${0##*/bench_}
part=${part%.sh}
bench=$build/bench
# shellcheck disable=SC2034 # the parts use them
{
	calls=$bench/calls
	packets=$bench/packets
	timed=$bench/timed
	limits=$bench/limits
}
samples=$bench/$part.samples
rows=$bench/$part.rows
disk=$bench/state.$part
: >"$samples"
: >"$rows"
rm -rf "$disk"
mkdir -p "$disk"
trap 'rm -rf "$disk"' EXIT

note() { echo "# $*" >&2; }

give_up() { # REASON
	note "$part: $*"
	exit 1
}

# ---- what is measured --------------------------------------------------------------------------------

sampled() { # COMMAND...: its standard output is samples
	"$@" >>"$samples" || note "$part: exit $? of: $*"
}

named() { # PREFIX COMMAND...: the same, "PREFIX-" before their names
	prefix=$1
	shift
	"$@" >"$work/named" || note "$part: exit $? of: $*"
	sed "s/^/$prefix-/" "$work/named" >>"$samples"
}

values() { # NAME SIDE: of all rounds
	awk -v n="$1" -v s="$2" '$1 == n && $2 == s { printf "%s%s", sep, $4; sep = "," }' "$samples"
}

row() { printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$part" "$@" >>"$rows"; }

# NAME SIDE are those of the samples. GOAL is about OURS / PEER: "<= 1.05", ">= 0.97", "" (only to know).
compare() { # WHAT UNIT GOAL "NAME SIDE" PEER "NAME SIDE"
	# shellcheck disable=SC2046,SC2086 # two words
	row "$1" "$2" "$3" "$5" "$(values $4)" "$(values $6)"
}

limit() { # WHAT UNIT GOAL "NAME SIDE": the goal is about the value itself
	# shellcheck disable=SC2046,SC2086 # two words
	row "$1" "$2" "$3" "" "$(values $4)" ""
}

have() { # PROGRAM WHAT: false, and said aloud, when it is not installed
	command -v "$1" >/dev/null && return
	note "SKIPPED: $2: $1 is not installed (sh packaging/deps.sh --dev)"
	row "$2" "" "" "skipped: $1 is not installed" "" ""
	return 1
}

rounds() { seq 0 $((${1:-5} - 1)); }

# ---- gateways ----------------------------------------------------------------------------------------

# COUNT services, each with an address and port of its own: none of ours, so that they are there for the numbers only.
pinned() { # COUNT
	"$python" -IS -c 'import sys
print("services:")
for i in range(int(sys.argv[1])):
    print(f"  - {{listen: 10.{100 + (i >> 14)}.0.1, port: {(i & 16383) + 1}, to: 10.0.0.2}}")' "$1"
}

# COUNT UDP services on ports of their own from 10000 on, of as many addresses as that takes, all to one server's port.
# The first address is ours.
udp_ports() { # COUNT
	"$python" -IS -c 'import sys
print("services:")
for i in range(int(sys.argv[1])):
    print(f"  - {{listen: 203.0.113.{1 + i // 50000}, proto: udp, port: {10000 + i % 50000}, to: \"10.0.0.2:9000\"}}")' "$1"
}

# NAME-client 192.0.2.9, 203.0.113.9 -- 203.0.113.1 wan NAME lan 10.0.0.1 -- 10.0.0.2 NAME-server
# The client speaks as 192.0.2.9: like most of the Internet it is in none of the gateway's networks, only behind one.
lay_out() { # NAME...
	for gw; do
		host "$gw" "$gw-client" "$gw-server"
		wire "$gw-client:eth0" "$gw:wan"
		wire "$gw-server:eth0" "$gw:lan"
		addr "$gw-client" eth0 203.0.113.9/24
		addr "$gw" wan 203.0.113.1/24
		addr "$gw" lan 10.0.0.1/24
		addr "$gw-server" eth0 10.0.0.2/24
		gateway_of "$gw" 203.0.113.9
		gateway_of "$gw-server" 10.0.0.1
		addr "$gw-client" lo 192.0.2.9/32
		ip -n "$gw-client" route change 203.0.113.0/24 dev eth0 src 192.0.2.9
		ip -n "$gw-client" route add default via 203.0.113.1 src 192.0.2.9
		mkdir "$disk/$gw" && ln -s "$disk/$gw" "$work/$gw/state"
	done
}

socket() { echo "$work/$1/gwd.sock"; } # NAME
pid_of() { cat "$work/$1/gwd.pid"; }   # NAME

memory() { # NAME FIELD: MB
	awk -v f="$2:" '$1 == f { print $2 / 1024 }' "/proc/$(pid_of "$1")/status"
}
