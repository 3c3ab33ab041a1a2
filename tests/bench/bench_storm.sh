# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# New connections through the gateway while it reloads 1,000 times, 25 times a second: none fails, none waits. Quiet and
# storm in turn, and a third way that takes the processors as much as the reloads do but changes nothing: what that costs
# is not the gateway's doing.
. "$(dirname "$0")/lib.sh"

have wrk "1,000 reloads under load" || exit 0
lay_out gwd
services() { # TARGET
	printf 'services:\n  - {port: 80, to: "10.0.0.2:9000"}\n  - {port: 81, to: %s}\n' "$1"
}
services 10.0.0.2 | config gwd
gwd_start gwd || give_up "gwd does not start"
on gwd-client sh -c 'echo 1024 65000 >/proc/sys/net/ipv4/ip_local_port_range'
"$packets" serve gwd-server 10.0.0.2 9000 &
eventually fetch gwd-client 203.0.113.1 80 || give_up "no answer through the gateway"

seconds=6
load() { # NAME ROUND: p99 and failures of some seconds
	on gwd-client taskset -c 0 wrk -t 1 -c 4 -d "$seconds" --latency -H 'Connection: close' http://203.0.113.1/ >"$work/wrk" 2>&1
	awk -v n="$1" -v r="$2" '
		$1 == "99%" { v = $2; ms = v ~ /us$/ ? v / 1000 : v ~ /ms$/ ? v + 0 : v * 1000; print n "-p99", 0, r, ms }
		/Socket errors/ { gsub(",", ""); bad = $4 + $6 + $8 + $10 }
		/Non-2xx/ { bad += $NF }
		/requests in/ { print n "-requests", 0, r, $1; done = 1 }
		END { print n "-failed", 0, r, bad + 0; exit !done }' "$work/wrk" >>"$samples" || give_up "wrk: $(cat "$work/wrk")"
	: >"$work/loaded"
}
# Calls a command 25 times a second while the load lasts, and says how often it was called.
meanwhile() { # NAME ROUND COMMAND [ARG...]
	name=$1
	round=$2
	shift 2
	calls=0
	while [ ! -e "$work/loaded" ] && [ $calls -lt 100 ]; do
		calls=$((calls + 1))
		"$@" $calls || note "$*: exit $?"
		sleep 0.035
	done
	echo "$name-calls 0 $round $calls" >>"$samples"
}
reload() { # NUMBER
	services "10.0.0.$((2 + $1 % 2))" >"$work/gwd/gwd.yaml"
	idle
}
idle() { on gwd taskset -c 1 "$gwctl" -s "$(socket gwd)" -q apply; }
for r in $(rounds 11); do
	for kind in quiet reload idle; do
		rm -f "$work/loaded"
		caller=
		[ $kind = quiet ] || {
			meanwhile $kind "$r" $kind &
			caller=$!
		}
		load $kind "$r"
		[ -z "$caller" ] || wait "$caller"
	done
done
total() { values "$1" 0 | tr , '\n' | awk '{ sum += $1 } END { print sum + 0 }'; } # NAME
row "reloads while $(total reload-requests) connections were made" count ">= 1000" "" "$(total reload-calls)" ""
row "connections that failed meanwhile" count "<= 0" "" "$(total reload-failed)" ""
compare "p99 of a new connection and its answer, while gwd reloads" ms "<= 1.2" "reload-p99 0" "quiet:" "quiet-p99 0"
compare "the same, against reloads that change nothing" ms "" "reload-p99 0" "nothing to change:" "idle-p99 0"
