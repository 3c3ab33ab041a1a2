# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# New connections through the gateway while it reloads 1,000 times: none fails, none waits.
. "$(dirname "$0")/lib.sh"

have wrk "1,000 reloads under load" || exit 0
lay_out gwd
services() { # TARGET
	echo "services: [{port: 80, to: '10.0.0.2:9000'}, {port: 81, to: $1}]"
}
services 10.0.0.2 | config gwd
gwd_start gwd || give_up "gwd does not start"
"$packets" serve gwd-server 10.0.0.2 9000 &
eventually on gwd-client "$timed" run warm 0 0 0 sh -c 'exec 3<>/dev/tcp/203.0.113.1/80' 2>/dev/null || sleep 1

load() { # NAME ROUND: p99 and failures of some seconds
	on gwd-client taskset -c 0 wrk -t 1 -c 4 -d "$seconds" --latency -H 'Connection: close' http://203.0.113.1/ >"$work/wrk" 2>&1
	awk -v n="$1" -v r="$2" '
		$1 == "99%" { v = $2; ms = v ~ /us$/ ? v / 1000 : v ~ /ms$/ ? v + 0 : v * 1000; print n "-p99", 0, r, ms }
		/Socket errors/ { gsub(",", ""); bad = $4 + $6 + $8 + $10 }
		/Non-2xx/ { bad += $NF }
		END { print n "-failed", 0, r, bad + 0 }' "$work/wrk" >>"$samples"
}
reloads() { # COUNT
	for i in $(seq "$1"); do
		services "10.0.0.$((2 + i % 2))" >"$work/gwd/gwd.yaml"
		ctl gwd -q apply || note "a reload failed"
	done
	: >"$work/reloaded"
}
seconds=4
for r in $(rounds 5); do
	load quiet "$r"
	rm -f "$work/reloaded"
	reloads 200 &
	load storm "$r"
	eventually test -e "$work/reloaded" || note "200 reloads take longer than the load lasts"
done
limit "requests failed under 1,000 reloads" count "<= 0" "storm-failed 0"
compare "p99 of new connections under 1,000 reloads" ms "<= 1.2" "storm-p99 0" "quiet:" "quiet-p99 0"
