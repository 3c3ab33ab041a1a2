#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl watch beside a real gateway: one line, or one JSON object, for everything that happens, in a kernel where it
# really does; how it ends, and that who does not read harms nobody.
. "$(dirname "$0")/lib.sh"

seen() { grep -qE -e "$1" "$work/seen"; }
json() { grep -qE -e "$1" "$work/json"; }
begun() { grep -q '^watching' "$1"; }
watcher() { # FILE ARG...: its number in $!
	file=$1
	shift
	# Not by way of `on`: $! must be gwctl itself.
	nsenter --net=/run/netns/gateway "$gwctl" -s "$work/gateway/gwd.sock" watch "$@" >"$file" 2>"$file.err" &
}

two_nics
serve server tcp 10.0.0.2 80
exits "without gwd it ends with 3" 3 ctl gateway watch
gwd_start gateway
watcher "$work/seen"
plain=$!
watcher "$work/json" -o json
as_json=$!
check "two watch" eventually begun "$work/seen.err"
check "one of them in JSON" eventually begun "$work/json.err"

who="\\($(id -un)"
when='^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+-][0-9]{4}'
ctl gateway -q add 80 10.0.0.2 --name web --log
check "a change, and who made it" eventually seen "$when change     added web: tcp 80 -> 10\.0\.0\.2:80 $who, revision [0-9]+\\)$"
check "in JSON too" eventually json '^\{"time":[0-9]+,"kind":"change","level":"info","text":"added web: [^"]*","forward":"web","uid":[0-9]+,"pid":[0-9]+,"revision":[0-9]+\}$'
ask client tcp 203.0.113.1 80 >/dev/null
check "a connection" eventually seen "$when connection web: tcp 203\.0\.113\.9:[0-9]+ -> 203\.0\.113\.1:80$"
ctl gateway -q target drain web 10.0.0.2
check "a drained target" eventually seen ' change     web: 10\.0\.0\.2:80 is drained'
on gateway nft flush ruleset
check "what others undo" eventually seen ' drift      nft \(pid [0-9]+\) changed table inet gwd: put right in [0-9]+ steps$'
on gateway sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
check "also of the kernel's settings" eventually seen ' drift      another program turned forwarding off: turned on again$'
addr gateway wan 203.0.113.5/24
check "an address" eventually seen ' link       wan \(wan\): address 203\.0\.113\.5/24 is there$'
ip -n gateway addr del 203.0.113.5/24 dev wan
check "and its end" eventually seen ' link       wan \(wan\): address 203\.0\.113\.5/24 is gone$'
ip -n client link set eth0 down
check "a cable that was pulled" eventually seen ' link       wan \(wan\): carrier lost$'
ip -n client link set eth0 up
check "and put back" eventually seen ' link       wan \(wan\): carrier is back$'
ctl gateway -q add 81 10.0.0.2:80 --for 1s --name short
check "a lease that ended" eventually seen ' end        short: time is up$'
ctl gateway -q off web --confirm=1s
check "a change that waits" eventually seen ' confirm    waits 1 s to be confirmed: web is off \(revision [0-9]+\)$'
check "and is taken back" eventually seen ' confirm    reverted: not confirmed \(web is off\) '
on gateway nft 'table inet others { chain f { type filter hook forward priority 0; policy drop; }; }'
check "others who drop" eventually seen ' firewall   web: dropped by nftables'
echo 'nonsense: 1' | config gateway
kill -HUP "$(cat "$work/gateway/gwd.pid")"
check "a file that is refused" eventually seen ' problem    the file is not applied, what runs stays: 1 mistake$'
for kind in change connection drift link end confirm firewall problem; do
	check "JSON has $kind" eventually json "^\\{\"time\":[0-9]+,\"kind\":\"$kind\","
done
check "every line of it is an object" "$python" -c '
import json, sys
for line in open(sys.argv[1]): assert json.loads(line)["text"]' "$work/json"

kill -INT $as_json
wait $as_json
is "Ctrl-C is a clean end" 0 echo $?

# One that is stopped reads nothing. There is more than its socket holds.
watcher "$work/slow" -o json
slow=$!
check "a third" eventually begun "$work/slow.err"
kill -STOP $slow
"$python" - "$work/gateway/gwd.sock" <<-'PY'
	import json, socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	def call(method, **parameters):
	    s.sendall(json.dumps({"method": "org.gwd.Gateway." + method, "parameters": parameters}).encode() + b"\0")
	    data = b""
	    while not data.endswith(b"\0"):
	        data += s.recv(65536)
	    assert "error" not in json.loads(data[:-1]), data
	for i in range(1500):
	    call("Add", temporary=True, service={"name": "x", "ports": ["99"], "to": [{"addr": "10.0.0.2"}], "description": "d" * 200})
	    call("Remove", name="x")
PY
last() { tail -n 1 "$work/seen" | grep -q 'removed x'; }
check "others see all of it" eventually last
is "3000 events" 3000 grep -c ' x: tcp 99 ' "$work/seen"
kill -CONT $slow
missing() { sed -n 's/^gwctl: missing here, .*: \([0-9]*\) events*$/\1/p' "$work/slow.err" | awk '{ n += $1 } END { print n + 0 }'; }
all() { [ $(($(missing) + $(grep -c 'tcp 99' "$work/slow"))) = 3000 ]; }
check "what it sees when it reads again, and what it is told to have missed, are all" eventually all
check "some are missing" test "$(missing)" -gt 0
kill -TERM $slow
wait $slow
is "SIGTERM is a clean end" 0 echo $?

gwd_stop gateway
wait $plain
is "gwd's end is said with status 3" 3 echo $?
check "it was told that it stops" seen ' daemon     stopping on SIGTERM: the rules stay in place$'
is "and why it ended" "gwctl: gwd has ended: nothing more is seen" tail -n 1 "$work/seen.err"
finish
