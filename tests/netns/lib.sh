# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Sourced by every netns test (and by the demo): hosts made of network namespaces, real gwd, real packets. A test that
# is started by hand puts itself into tests/sandbox, so a namespace, process or file made here needs no cleaning up.
#
#   . "$(dirname "$0")/lib.sh"        first line of a test; then ..., and `finish` as the last
set -u

# shellcheck disable=SC2128,SC2169 # sourced scripts have the caller's $0
here=$(cd "$(dirname "$0")" && pwd)
top=$here
while [ ! -e "$top/tests/sandbox" ]; do top=${top%/*}; done
[ -n "${GWD_SANDBOX-}" ] || exec "$top/tests/sandbox" sh "$here/${0##*/}" "$@"

build=${B:-build}
case $build in /*) ;; *) build=$top/$build ;; esac
gwd=$build/gwd
gwctl=$build/gwctl
tools=$top/tests/netns/tools
work=$(mktemp -d)
python=$(python3 -c 'import sys; print(sys.executable)') # past any shim: it is started often
patience=${GWD_PATIENCE:-10}                             # seconds until something that must happen counts as failed
counted=0
failed=0

# ---- TAP -------------------------------------------------------------------------------------------

ok() { # DESCRIPTION
	counted=$((counted + 1))
	echo "ok $counted - $1"
}

fail() { # DESCRIPTION [DETAILS]
	counted=$((counted + 1))
	failed=$((failed + 1))
	echo "not ok $counted - $1"
	[ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

skip() { # DESCRIPTION REASON
	counted=$((counted + 1))
	echo "ok $counted - $1 # SKIP $2"
}

skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

finish() {
	for log in "$work"/*/gwd.log; do
		if grep -qE 'Sanitizer|runtime error' "$log" 2>/dev/null; then fail "the sanitizers have nothing to say"; fi
		if said=$(grep 'not in the list of sandbox.c' "$log" 2>/dev/null); then fail "gwd calls only what its sandbox lets through" "$said"; fi
	done
	if [ "$failed" -gt 0 ]; then
		for log in "$work"/*/gwd.log; do
			[ ! -s "$log" ] || { echo "# --- $log" && tail -n 40 "$log" | sed 's/^/# /'; }
		done
	fi
	echo "1..$counted"
	[ "$failed" = 0 ]
	exit
}

check() { # DESCRIPTION COMMAND...: passes when the command succeeds
	what=$1
	shift
	if said=$("$@" 2>&1); then ok "$what"; else fail "$what" "exit $? of: $*
$said"; fi
}

check_not() { # DESCRIPTION COMMAND...: passes when the command fails
	what=$1
	shift
	if said=$("$@" 2>&1); then fail "$what" "succeeded: $*
$said"; else ok "$what"; fi
}

is() { # DESCRIPTION WANTED COMMAND...: passes when the command prints just that
	what=$1
	wanted=$2
	shift 2
	said=$("$@" 2>&1) || said="$said (exit $?)"
	if [ "$said" = "$wanted" ]; then ok "$what"; else fail "$what" "wanted: $wanted
got:    $said"; fi
}

has() { # DESCRIPTION PATTERN COMMAND...: passes when the output (of both streams) has a line that matches, whatever the exit status
	what=$1
	pattern=$2
	shift 2
	said=$("$@" 2>&1)
	if printf '%s\n' "$said" | grep -qE -e "$pattern"; then ok "$what"; else fail "$what" "nothing matches: $pattern
$said"; fi
}

exits() { # DESCRIPTION STATUS COMMAND...
	what=$1
	wanted=$2
	shift 2
	said=$("$@" 2>&1)
	status=$?
	if [ $status = "$wanted" ]; then ok "$what"; else fail "$what" "exit $status, wanted $wanted, of: $*
$said"; fi
}

eventually() { # COMMAND...: until it succeeds, or patience ends
	tries=$((patience * 20))
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}

# ---- hosts, wires, addresses -----------------------------------------------------------------------

host() { # NAME...: one namespace each
	for h; do
		ip netns add "$h" && on "$h" ip link set lo up && mkdir "$work/$h"
		# Addresses are usable at once, and no test depends on router advertisements it did not send.
		on "$h" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
	done
}

on() { # HOST COMMAND...
	on_host=$1
	shift
	nsenter --net="/run/netns/$on_host" "$@"
}

wire() { # HOST:IF HOST:IF: a cable
	ip -n "${1%%:*}" link add "${1#*:}" type veth peer name "${2#*:}" netns "${2%%:*}" &&
		ip -n "${1%%:*}" link set "${1#*:}" up && ip -n "${2%%:*}" link set "${2#*:}" up
}

bridge_up() { # HOST BRIDGE IF...: a switch of these interfaces
	on_host=$1
	br=$2
	shift 2
	ip -n "$on_host" link add "$br" type bridge && ip -n "$on_host" link set "$br" up
	for port; do ip -n "$on_host" link set "$port" master "$br"; done
}

addr() { # HOST IF ADDRESS/LEN...
	on_host=$1
	dev=$2
	shift 2
	for a; do
		case $a in
		*:*) ip -n "$on_host" addr add "$a" dev "$dev" nodad ;;
		*) ip -n "$on_host" addr add "$a" dev "$dev" ;;
		esac
	done
}

gateway_of() { # HOST ROUTER...: default route, per family
	on_host=$1
	shift
	for via; do ip -n "$on_host" route add default via "$via"; done
}

forwarding_on() { # HOST: a plain router, not gwd's doing
	on "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# The home network of the README: a router that sends everything from outside to a gateway with one NIC, a server
# beside it whose default route is the router. client 203.0.113.9 -- 203.0.113.1 router 192.168.0.1 -- lan switch --
# gateway 192.168.0.101, server 192.168.0.102
home_lan() {
	host client router lan gateway server
	wire client:eth0 router:wan
	for h in router gateway server; do wire "lan:$h" "$h:eth0"; done
	bridge_up lan br0 router gateway server
	addr client eth0 203.0.113.9/24
	addr router wan 203.0.113.1/24
	addr router eth0 192.168.0.1/24
	addr gateway eth0 192.168.0.101/24
	addr server eth0 192.168.0.102/24
	gateway_of gateway 192.168.0.1
	gateway_of server 192.168.0.1
	forwarding_on router
	on router nft -f - <<-'NFT'
		table ip home {
			chain in {
				type nat hook prerouting priority dstnat;
				iifname "wan" dnat to 192.168.0.101
			}
			chain out {
				type nat hook postrouting priority srcnat;
				oifname "wan" masquerade
			}
		}
	NFT
}

# A gateway between two networks: client 203.0.113.9 -- 203.0.113.1 wan gateway lan 10.0.0.1 -- server 10.0.0.2
# (2001:db8::9 -- 2001:db8::1, fd00::1 -- fd00::2), default routes towards the client's side and through the gateway.
two_nics() {
	host client gateway server
	wire client:eth0 gateway:wan
	wire server:eth0 gateway:lan
	addr client eth0 203.0.113.9/24 2001:db8::9/64
	addr gateway wan 203.0.113.1/24 2001:db8::1/64
	addr gateway lan 10.0.0.1/24 fd00::1/64
	addr server eth0 10.0.0.2/24 fd00::2/64
	gateway_of gateway 203.0.113.9 2001:db8::9
	gateway_of server 10.0.0.1 fd00::1
}

# ---- gwd -------------------------------------------------------------------------------------------

config() { # HOST: standard input becomes its gwd.yaml
	cat >"$work/$1/gwd.yaml"
}

gwd_spawn() { # HOST [ARG...]: started, not waited for; $GWD_AS is put before it (setpriv ...)
	on_host=$1
	shift
	[ -e "$work/$on_host/gwd.yaml" ] || : >"$work/$on_host/gwd.yaml"
	mkdir -p "$work/$on_host/state"
	# Not by way of `on`: $! must be gwd itself.
	# shellcheck disable=SC2086 # a command with its arguments, or nothing
	nsenter --net="/run/netns/$on_host" ${GWD_AS-} "$gwd" -c "$work/$on_host/gwd.yaml" -s "$work/$on_host/gwd.sock" -S "$work/$on_host/state" \
		--sandbox=strict "$@" >>"$work/$on_host/gwd.log" 2>&1 &
	echo $! >"$work/$on_host/gwd.pid"
}

gwd_answers() { # HOST
	kill -0 "$(cat "$work/$1/gwd.pid")" && ctl "$1" -q status
}

gwd_start() { # HOST [ARG...]: until it answers
	gwd_spawn "$@"
	eventually gwd_answers "$1" && return
	echo "# gwd did not come up on $1:"
	sed 's/^/# /' "$work/$1/gwd.log"
	return 1
}

gwd_signal() { # HOST SIGNAL: and waits for its end
	pid=$(cat "$work/$1/gwd.pid")
	kill "-$2" "$pid" && wait "$pid" 2>/dev/null
	eventually process_ended "$pid" # the child of a subshell is not waited for
}

process_ended() { # PID: and has let go of its files
	[ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

gwd_stop() { gwd_signal "$1" TERM; } # HOST
gwd_kill() { gwd_signal "$1" KILL; } # HOST

ctl() { # HOST ARG...: gwctl there
	ctl_host=$1
	shift
	on "$ctl_host" "$gwctl" -s "$work/$ctl_host/gwd.sock" "$@"
}

table() { # HOST: our table as nft lists it; nothing when there is none
	on "$1" nft list table inet gwd 2>/dev/null
}

# ---- traffic ---------------------------------------------------------------------------------------

serve() { # HOST PROTO ADDRESS PORTS [NAME]: answers every line with "NAME CLIENT-ADDRESS OWN-PORT", GET with a page
	serve_ready=$work/$1/ready.$counted.$$
	rm -f "$serve_ready"
	on "$1" "$python" -IS "$tools/server.py" "$2" "$3" "$4" "${5:-$1}" "$serve_ready" &
	eventually test -e "$serve_ready" || echo "# no server on $1 $2 $3 $4"
}

ask() { # HOST PROTO ADDRESS PORT: the server's answer, or what went wrong and exit 1
	on "$1" "$python" -IS "$tools/client.py" "$2" "$3" "$4"
}

fetch() { # HOST ADDRESS PORT: a page over HTTP
	on "$1" "$python" -IS "$tools/client.py" http "$2" "$3"
}

# A connection that stays open, to see whether it lives on.
talk_open() { # NAME HOST PROTO ADDRESS PORT
	mkfifo "$work/talk.$1.in" "$work/talk.$1.out"
	# Opened for both, so that nobody sees an end of file between two lines.
	on "$2" "$python" -IS "$tools/client.py" "$3" "$4" "$5" - <>"$work/talk.$1.in" 1<>"$work/talk.$1.out" 2>&1 &
}

talk() { # NAME: sends a line through it and prints the answer
	{ # Open before the question is asked: a client that ends takes its last words along.
		echo hello >"$work/talk.$1.in"
		timeout "$patience" head -n 1 <&9
	} 9<>"$work/talk.$1.out"
}
