#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# As packaged: a user of its own, CAP_NET_ADMIN alone, Landlock and seccomp. The daemon still does everything, and what
# it has no business with is refused, the calls being its own.
. "$(dirname "$0")/lib.sh"

uid=64321 # of nobody else
setpriv --reuid $uid --regid $uid --clear-groups true 2>/dev/null ||
	skip_all "this user namespace has only one user: sudo make check-netns"

one_line() { "$@" | tr -d '\n'; }

two_nics
serve server tcp 0.0.0.0 80-90
d=$work/gateway
mkdir "$d/state" "$d/etc" "$d/etc/gwd.d"
echo 'services: [{name: web, port: 80, to: 10.0.0.2}]' >"$d/etc/gwd.yaml"
echo 'services: [{name: secret, port: 81, to: 10.0.0.2}]' >"$d/outside.yaml"
chmod 711 "$work" && chown -R $uid:$uid "$d"
GWD_AS="setpriv --reuid $uid --regid $uid --clear-groups --inh-caps -all,+net_admin --ambient-caps -all,+net_admin
	--bounding-set -all,+net_admin --no-new-privs"
gwd_start gateway -c "$d/etc/gwd.yaml" --sandbox=on
pid=$(cat "$d/gwd.pid")
grep -q 'sandbox: off.*sanitizers' "$d/gwd.log" && skip_all "a build with sanitizers has no sandbox"
landlock=yes
seccomp=yes
! grep -q 'no Landlock in this kernel' "$d/gwd.log" || landlock=
! grep -q 'no seccomp in this kernel' "$d/gwd.log" || seccomp=
has "the log says what is in force" 'sandbox: (Landlock \(ABI [0-9]+\) and seccomp|.*no )' cat "$d/gwd.log"
has "so does status" "\"sandbox\": *\[ *${landlock:+\"landlock\"}${seccomp:+[, ]*\"seccomp\"} *\]" one_line ctl gateway -o json status
has "it has no way to more privileges" '^NoNewPrivs:.1$' cat "/proc/$pid/status"

# ---- What it does --------------------------------------------------------------------------------

replace() { # as editors do
	cat >"$d/etc/.new" && chown $uid:$uid "$d/etc/.new" && mv "$d/etc/.new" "$d/etc/$1"
}
arrives() { [ "$(ask client tcp 203.0.113.1 "$1")" = "server 203.0.113.9 $1" ]; }
forwarding_is_on() { [ "$(on gateway cat /proc/sys/net/ipv4/ip_forward)" = 1 ]; }

check "the file's forward" arrives 80
check "a forward is added" ctl gateway add 82 10.0.0.2
check "and answers" arrives 82
echo 'services: [{name: web, port: 80, to: 10.0.0.2}, {name: more, port: 83, to: 10.0.0.2}]' | replace gwd.yaml
check "a file that an editor put in the place of gwd.yaml is applied" ctl gateway apply
check "its forward answers" arrives 83
echo 'services: [{name: extra, port: 84, to: 10.0.0.2}]' | replace gwd.d/extra.yaml
kill -HUP "$pid"
check "SIGHUP reads a new file of gwd.d" eventually arrives 84
check "a change waits to be confirmed" ctl gateway add 85 10.0.0.2 --confirm=1s
taken_back() { ! ctl gateway show tcp-85; }
check "and is taken back" eventually taken_back
on gateway nft flush ruleset
check "what somebody flushed is put back" eventually arrives 82
on gateway sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
check "so is forwarding" eventually forwarding_is_on
: >"$d/gwd.log" # as logrotate's copytruncate does
check "one more" ctl gateway add 86 10.0.0.2
has "is in the log that was cut" 'added tcp-86' cat "$d/gwd.log"
check "the history is kept" ctl gateway history
check "the interfaces may go" ip -n gateway link set lan down
ip -n gateway link set lan up
check "and come" eventually arrives 82

# ---- What it must not ----------------------------------------------------------------------------

refused() { # CALL ERROR:LAYER: the daemon's own call, if the layer that would refuse it is there
	if [ -z "${2#*:}" ]; then skip "$1 is refused" "this kernel has no such layer"
	else is "$1 is refused" "$1 ${2%:*}" "$python" -IS "$tools/inject.py" "$pid" "$1"; fi
}
if [ -z "$landlock" ]; then
	skip "files outside" "this kernel has no Landlock"
else
	mv "$d/etc/gwd.yaml" "$d/etc/before.yaml"
	ln -s ../outside.yaml "$d/etc/gwd.yaml"
	exits "a file outside of the directories is not read, wherever a link may lead" 1 ctl gateway apply
	has "and told why" 'cannot read .*Permission denied.*restart gwd if' ctl gateway apply
	mv "$d/etc/before.yaml" "$d/etc/gwd.yaml"
	check "what runs stays" arrives 83
fi
control=$("$python" -IS "$tools/inject.py" "$pid" getpid 2>&1)
case $control in
getpid*)
	is "the daemon can be made to call" "getpid $(awk '/^NSpid/ {print $NF}' "/proc/$pid/status")" echo "$control"
	for call in read:EACCES:"$landlock" write:EACCES:"$landlock" exec:ENOSYS:"$seccomp" internet:ENOSYS:"$seccomp" \
		ptrace:ENOSYS:"$seccomp"; do
		refused "${call%%:*}" "${call#*:}"
	done ;;
*) skip "the daemon's own calls" "$control" ;;
esac
check "it goes on as before" ctl gateway add 87 10.0.0.2
check "and forwards" arrives 87

# ---- The end -------------------------------------------------------------------------------------

check "it is purged" on gateway "$gwd" --purge -s "$d/gwd.sock" -S "$d/state"
check_not "its table is gone" table gateway
check_not "so is its socket" test -e "$d/gwd.sock"
check "and so is forwarding" test "$(on gateway cat /proc/sys/net/ipv4/ip_forward)" = 0
finish
