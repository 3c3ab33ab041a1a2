#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# 75 times every forward is replaced by another under load: new connections are always answered, by the old or by the new
# target, and those that are open live on. Forwards of one set have no name, and but the probed ports no listener, of the
# other.
. "$(dirname "$0")/lib.sh"

times=75
two_nics
for target in 81 82; do serve server tcp 0.0.0.0 $target; done
for target in 51 52; do serve server udp 0.0.0.0 $target; done
serve server tcp fd00::2 81
serve server tcp fd00::2 82

forwards() { # SET: 1 or 2
	cat <<-YAML
		services:
		  - {name: web$1, port: 80, to: "10.0.0.2:8$1"}
		  - {name: dns$1, port: 53, proto: udp, to: "10.0.0.2:5$1"}
		  - {name: six$1, port: 80, listen: "2001:db8::1", to: "[fd00::2]:8$1"}
	YAML
	i=0
	while [ $i -lt 300 ]; do
		echo "  - {name: s$1-$i, port: $((10000 * $1 + i)), proto: tcp+udp, to: 10.0.0.$((i % 200 + 3))}"
		i=$((i + 1))
	done
}
forwards 1 >"$work/set1"
forwards 2 >"$work/set2"
forwards 1 | config gateway
gwd_start gateway
nsenter --net=/run/netns/client "$python" -IS "$tools/probe.py" "$work/probed" tcp/203.0.113.1/80='server 203.0.113.9 8[12]' \
	udp/203.0.113.1/53='server 203.0.113.9 5[12]' tcp/2001:db8::1/80='server 2001:db8::9 8[12]' &
probing=$!
eventually test -e "$work/probed.ready" || echo "# the probe does not begin"

done=0
while [ $done -lt $times ]; do
	ctl gateway -q apply "$work/set$((2 - done % 2))" || break
	done=$((done + 1))
done
kill $probing
wait $probing

is "$times times all is replaced" $times echo $done
has "303 at once" 'applied .*added web2, .* and 298 more; removed web1, .* and 298 more' cat "$work/gateway/gwd.log"
check "the last set is what is there" ctl gateway show web2
check_not "and nothing of the other" ctl gateway show web1
figures() { "$python" -IS -c 'import json, sys
p = json.load(open(sys.argv[1]))
print(p["new"], p["kept"], *(f["what"] for f in p["failed"]))' "$work/probed"; }
has "hundreds of connections were made, and none failed" '^[0-9]{3,} [0-9]{2,}$' figures
echo "# new connections, questions over kept ones: $(figures)"
finish
