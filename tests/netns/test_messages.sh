#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What gwctl says to mistakes, against tests/golden/messages: every word, where it is said, and how it ends.
#   test_messages.sh [--update]: what is said now becomes what is expected
. "$(dirname "$0")/lib.sh"

golden=$top/tests/golden/messages
setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null || skip_all "no second user here: sudo make check-netns"
two_nics
echo 'services: [{name: web, port: 80, to: 10.0.0.2}]' | config gateway
on gateway "$python" -IS -c 'import socket, sys, time
s = socket.socket(); s.bind(("0.0.0.0", 2222)); s.listen()
open("/proc/self/comm", "w").write("game")
open(sys.argv[1], "w").close(); time.sleep(1000)' "$work/listens" &
eventually test -e "$work/listens"
gwd_start gateway
ctl gateway -q add 8443 10.0.0.2 --name shop
ctl gateway -q add 70 10.0.0.2 --name old
cd "$work" || exit
chmod 755 "$work" "$work/gateway"

# The words of the golden file.
gwctl() { on gateway "$gwctl" "$@"; }
as_nobody() { # gwctl ...
	shift
	on gateway setpriv --reuid 65534 --regid 65534 --clear-groups "$gwctl" "$@"
}
stop() { gwd_stop gateway; }
GWD_SOCKET=$work/gateway/gwd.sock
export GWD_SOCKET

# Standard output is marked, so that what goes to the wrong stream is seen.
play() {
	while IFS= read -r line; do
		case $line in
		'$ '*)
			printf '%s\n' "$line"
			(eval "${line#\$ }") >out 2>err </dev/null
			status=$?
			sed 's/^/out  /' out
			sed "s|$work|DIR|g; s/pid [0-9]*/pid N/g; s/it is 20[-0-9T:]*Z/it is NOW/; s/wait [0-9]* s,/wait N s,/; s/^/     /" err
			echo "     = $status" ;;
		' '* | out*) ;; # what it said then
		*) printf '%s\n' "$line" ;;
		esac
	done <"$golden"
}

play >now
if [ "${1-}" = --update ]; then
	cmp -s now "$golden" || { cp now "$golden" && echo "updated golden/messages"; }
	exit
fi
is "what is said is what is expected" "" diff -u "$golden" now
# The style: what is wrong, in lower case and without a full stop, never a bare "error", nothing of the inside of gwd.
sed -n 's/^     //p' now | grep -v '^= ' >said
is "no full stop ends a message" "" sh -c "grep '[^.]\\.\$' said; :"
is "none shouts" "" sh -c "grep -E '^(gwctl: )?[A-Z][a-z]' said; :"
is "none says error, invalid or failed, instead of what it is" "" sh -c "grep -iwE 'error|invalid|failed|illegal|fatal' said; :"
is "none shows errno, JSON or Varlink" "" sh -c "grep -E 'errno|\\{\"|org\\.' said; :"
check "there are many" test "$(grep -c '^\$ ' now)" -ge 60
finish
