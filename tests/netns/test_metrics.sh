#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl metrics: by the rules of OpenMetrics (its reference parser, and what it does not look at), for one forward and for
# thousands; over HTTP as a service manager would run it, whatever comes in; and scraped by the real Prometheus.
. "$(dirname "$0")/lib.sh"

port=10380
value() { ctl gateway metrics | awk -v name="$1" '$1 == name { print $2 }'; }
families_are_told_once() {
	ctl gateway metrics | awk '
		$2 == "TYPE" { if (seen[$3]++) exit 1; name = $3; type = $4 }
		$2 == "HELP" || $2 == "UNIT" { if ($3 != name) exit 1 }
		$2 == "UNIT" { if (name !~ "_" $4 "$") exit 1 }
		{ last = $0 }
		/^#/ { next }
		{ sub(/[{ ].*/, ""); if ($0 != name (type == "counter" ? "_total" : "")) exit 1 }
		END { if (last != "# EOF") exit 1 }'
}
numbers_of() { ctl gateway metrics | grep -c "^$1"; }
parse() { # OpenMetrics on standard input, through the reference parser
	PYTHONPATH=/usr/lib/python3/dist-packages "$python" -c '
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
families = list(parse(sys.stdin.read()))
assert len(families) > 10, families
for f in families:
    assert f.documentation.endswith("."), f.name
    assert f.name.startswith("gwd_"), f.name'
}
parses() { ctl gateway metrics | parse; }
# Accepts like a socket unit with Accept=yes: each connection becomes standard input and output of its own gwctl.
socket_unit() {
	on gateway "$python" -IS -c '
import socket, subprocess, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
open(sys.argv[2], "w").close()
while True:
    c, _ = s.accept()
    subprocess.Popen(sys.argv[3:], stdin=c, stdout=c)
    c.close()' "$port" "$work/listens" "$gwctl" -s "$work/gateway/gwd.sock" metrics --http &
	eventually test -e "$work/listens"
}
http() { # TEXT (as of printf): what comes back for it, to the end
	# shellcheck disable=SC2059 # escapes are wanted
	printf "$1" | on gateway "$python" -IS -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
try:
    s.sendall(sys.stdin.buffer.read())
    if sys.argv[2] == "end": s.shutdown(socket.SHUT_WR)
except OSError: pass
while True:
    data = s.recv(65536)
    if not data: break
    sys.stdout.buffer.write(data)' "$port" "${2-}"
}

two_nics
serve server tcp 10.0.0.2 80
away=$(ctl gateway metrics 2>/dev/null)
is "without gwd, gwd_up is 0" "gwd_up 0" printf '%s\n' "$(echo "$away" | grep -v '^#')"
exits "and the exit status 3" 3 ctl gateway metrics
gwd_start gateway
ctl gateway -q add 80 10.0.0.2 --name web
ctl gateway -q add 81 10.0.0.2 --name 'two.b-_' --disabled
ask client tcp 203.0.113.1 80 >/dev/null
is "gwd_up" 1 value gwd_up
is "active forwards" 1 value 'gwd_forwards{state="active"}'
is "those that are off" 1 value 'gwd_forwards{state="off"}'
is "one that is active" 1 value 'gwd_forward_active{forward="web"}'
is "one that is not" 0 value 'gwd_forward_active{forward="two.b-_"}'
is "its connections, by target" 1 value 'gwd_forward_connections_total{forward="web",target="10.0.0.2:80"}'
is "none of another" 0 value 'gwd_forward_connections_total{forward="two.b-_",target="10.0.0.2:81"}'
stats() { ctl gateway stats web -o json | "$python" -IS -c 'import json, sys
t = json.load(sys.stdin)
t = t[0] if isinstance(t, list) else t
print(t["traffic"][sys.argv[1]])' "$1"; }
for way in in out; do
	check "bytes $way are more than none" test "$(stats bytes_$way)" -gt 0
	is "they are those of gwctl stats" "$(stats bytes_$way)" value "gwd_forward_bytes_total{forward=\"web\",target=\"10.0.0.2:80\",direction=\"$way\"}"
	is "and packets" "$(stats packets_$way)" value "gwd_forward_packets_total{forward=\"web\",target=\"10.0.0.2:80\",direction=\"$way\"}"
done
is "nothing is missing" 0 value 'gwd_forward_incomplete{forward="web"}'
is "forwarding" 1 value 'gwd_forwarding{family="ipv4"}'
is "an interface" 1 value 'gwd_interface_present{interface="wan",zone="wan"}'
is "changes are counted" 2 value 'gwd_events_total{kind="change"}'
on gateway nft flush ruleset
repaired() { [ "$(value 'gwd_drift_repairs_total{what="table"}')" = 1 ]; }
check "what others undid" eventually repaired
is "conntrack's limit is the kernel's" "$(on gateway cat /proc/sys/net/netfilter/nf_conntrack_max)" value gwd_conntrack_entries_limit
ctl gateway -q off web --confirm
is "a change that waits" 1 value gwd_change_pending
ctl gateway -q undo
is "and is taken back" 0 value gwd_change_pending
# What the reference parser does not look at.
check "each family is told once, its type first, and samples of it alone follow" families_are_told_once
if [ -e /usr/lib/python3/dist-packages/prometheus_client ]; then
	check "the reference parser takes it" parses
	printf '%s\n' "$away" | sed 's/^# HELP.*//; /^$/d' >"$work/away"
	check "and what is said without gwd" "$python" -c 'import sys
sys.path.insert(0, "/usr/lib/python3/dist-packages")
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
assert list(parse(open(sys.argv[1]).read()))[0].samples[0].value == 0' "$work/away"
else
	skip "the reference parser takes it" "no prometheus_client for python3: apt-get install python3-prometheus-client"
	skip "and what is said without gwd" "no prometheus_client for python3: apt-get install python3-prometheus-client"
fi

socket_unit
has "over HTTP" '^HTTP/1\.1 200 OK' http 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'
has "as OpenMetrics" '^Content-Type: application/openmetrics-text; version=1\.0\.0; charset=utf-8' http 'GET /metrics HTTP/1.1\r\n\r\n'
has "whole" '^# EOF$' http 'GET /metrics HTTP/1.0\r\n\r\n'
has "another place is none" '^HTTP/1\.1 404 ' http 'GET / HTTP/1.1\r\n\r\n'
has "nobody writes" '^HTTP/1\.1 405 ' http 'POST /metrics HTTP/1.1\r\n\r\n'
has "garbage" '^HTTP/1\.1 400 ' http '\026\003\001\002\000\001'
has "half of a request" '^HTTP/1\.1 400 ' http 'GET /met' end
has "too slow" '^HTTP/1\.1 408 ' http 'GET /met'
big=$(head -c 300000 /dev/zero | tr '\0' x)
has "too large, and it still hears why" '^HTTP/1\.1 431 ' http "GET /metrics HTTP/1.1\r\nX: $big\r\n\r\n"
is "nothing at all is no error" "" http '' end

{
	echo services:
	i=0
	while [ $i -lt 12000 ]; do
		i=$((i + 1))
		echo "  - {name: f$i, port: $((i + 1000)), to: 10.0.0.2}"
	done
} | config gateway
check "thousands of forwards" ctl gateway -q apply
is "each has its number" 12000 numbers_of 'gwd_forward_active{forward="f'
has "over HTTP, to the last line" '^# EOF$' http 'GET /metrics HTTP/1.0\r\n\r\n'
echo 'services: [{name: web, port: 80, to: 10.0.0.2}]' | config gateway
ctl gateway -q apply

# What is written for node_exporter.
if command -v prometheus-node-exporter >/dev/null; then
	mkdir "$work/textfile"
	ctl gateway metrics >"$work/textfile/gwd.prom"
	nsenter --net=/run/netns/gateway prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory="$work/textfile" --web.listen-address=127.0.0.1:9100 >"$work/node.log" 2>&1 &
	exported() {
		on gateway "$python" -IS -c 'import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:9100/metrics", timeout=5).read().decode())' | grep -qxF -e "$1"
	}
	check "node_exporter takes the file" eventually exported 'gwd_forward_active{forward="web"} 1'
	check "without a mistake" exported 'node_textfile_scrape_error 0'
else
	for what in "node_exporter takes the file" "without a mistake"; do
		skip "$what" "no prometheus-node-exporter here: its package starts it, so packaging/deps.sh leaves it out (.ci/run unpacks it)"
	done
fi

# The real one.
if command -v prometheus >/dev/null; then
	cat >"$work/prometheus.yml" <<-YAML
		global: {scrape_interval: 200ms}
		scrape_configs:
		  - job_name: gwd
		    static_configs: [{targets: ['127.0.0.1:$port']}]
	YAML
	nsenter --net=/run/netns/gateway prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
		--web.listen-address=127.0.0.1:9090 >"$work/prometheus.log" 2>&1 &
	query() { # EXPRESSION: the value, of one series
		on gateway "$python" -IS -c '
import json, sys, urllib.parse, urllib.request
url = "http://127.0.0.1:9090/api/v1/query?query=" + urllib.parse.quote(sys.argv[1])
result = json.load(urllib.request.urlopen(url, timeout=5))["data"]["result"]
print(result[0]["value"][1] if len(result) == 1 else len(result))' "$1"
	}
	scraped() { [ "$(query "$1")" = "$2" ]; }
	check "Prometheus scrapes it" eventually scraped 'up{job="gwd"}' 1
	check "and knows a forward" eventually scraped 'gwd_forward_active{forward="web"}' 1
	ctl gateway -q off web
	check "and that it is off" eventually scraped 'gwd_forward_active{forward="web"}' 0
	has "the type of a counter" '"type":"counter"' on gateway "$python" -IS -c '
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:9090/api/v1/metadata?metric=gwd_events").read().decode())'
	gwd_stop gateway
	check "and that gwd is away" eventually scraped gwd_up 0
else
	for what in "Prometheus scrapes it" "and knows a forward" "and that it is off" "the type of a counter" "and that gwd is away"; do
		skip "$what" "no prometheus here: its package has 96 MB and starts it, so packaging/deps.sh leaves it out (.ci/run unpacks it)"
	done
fi
finish
