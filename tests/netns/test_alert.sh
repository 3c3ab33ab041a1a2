#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conf/examples/alert: a webhook is told when a port stops passing and when it passes again, once each; what it did not
# take, it is told again. The webhook is a fake one, curl and gwctl why are real.
. "$(dirname "$0")/lib.sh"

command -v curl >/dev/null || skip_all "no curl here"
mkdir "$work/bin"
ln -s "$gwctl" "$work/bin/gwctl"
two_nics
serve server tcp 10.0.0.2 80
# Answers every POST with the status in $work/answer, and writes what it was told, a line each.
webhook() {
	echo 200 >"$work/answer"
	: >"$work/told"
	on gateway "$python" -IS -c '
import http.server, json, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        status = int(open(sys.argv[1]).read())
        if status == 200:
            with open(sys.argv[2], "a") as f: f.write(said + "\n")
        self.send_response(status); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *args): pass
s = http.server.HTTPServer(("127.0.0.1", 8000), Hook)
open(sys.argv[2] + ".ready", "w").close()
s.serve_forever()' "$work/answer" "$work/told" &
	eventually test -e "$work/told.ready"
}
look() { # [PORT...]: one run
	on gateway env PATH="$work/bin:$PATH" GWD_SOCKET="$work/gateway/gwd.sock" STATE_DIRECTORY="$work/state" \
		WEBHOOK=http://127.0.0.1:8000/hook PORTS="${*:-80}" sh "$top/conf/examples/alert/gwd-alert.sh" 2>&1
}
told() { cat "$work/told"; }

webhook
gwd_start gateway
ctl gateway -q add 80 10.0.0.2 --name web
name=$(uname -n)
check "a first look" look
is "what passes is not told" "" told
ctl gateway -q off web
check "a forward that is off" look
has "is told, with the reason" "^$name: port 80 does not pass: .*(web|gwctl on)" told
check "another look" look
is "does not tell it again" 1 grep -c . "$work/told"
ctl gateway -q on web
look >/dev/null
is "that it passes again is told" "$name: port 80 passes" tail -n 1 "$work/told"
look >/dev/null
is "once" 2 grep -c . "$work/told"

on gateway nft 'table inet f { chain c { type filter hook forward priority 0; policy drop; }; }'
echo 500 >"$work/answer"
check_not "a webhook that fails" look
is "is told nothing" 2 grep -c . "$work/told"
echo 200 >"$work/answer"
check "but the next time" look
has "it is" "port 80 does not pass: .*nft" tail -n 1 "$work/told"
on gateway nft delete table inet f
look >/dev/null

gwd_stop gateway
check "without gwd" look
is "that is what is told" "$name: port 80 is not known: gwd is away" tail -n 1 "$work/told"
gwd_start gateway
look >/dev/null
is "and its return" "$name: port 80 passes" tail -n 1 "$work/told"
: >"$work/told"
look 80 53/udp 81 >/dev/null
is "of several, those that do not pass" "53/udp 81 " sh -c "sed -n 's/.*port \\([^ ]*\\) does not pass.*/\\1/p' '$work/told' | tr '\\n' ' '"
check_not "a mistyped port" look 80x
is "tells nobody" 2 grep -c . "$work/told"
if command -v systemd-analyze >/dev/null; then
	sed "s|/usr/share/gwd|$top/conf|" "$top/conf/examples/alert/gwd-alert.service" >"$work/gwd-alert.service"
	cp "$top/conf/examples/alert/gwd-alert.timer" "$work/"
	is "the units are as systemd wants them" "" sh -c "systemd-analyze verify --man=no '$work/gwd-alert.timer' '$work/gwd-alert.service' 2>&1 | grep gwd-alert; :"
else
	skip "the units are as systemd wants them" "no systemd-analyze here"
fi
finish
