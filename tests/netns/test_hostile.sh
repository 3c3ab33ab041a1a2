#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The socket under attack, by root and by a stranger: an error that names the mistake, others are served meanwhile, and
# gwd is no bigger for it. (How the limits work is tests/unit/test_control*.c's.)
. "$(dirname "$0")/lib.sh"

uid=65534
setpriv --reuid $uid --regid $uid --clear-groups true 2>/dev/null || uid=
hostile() { "$python" -IS "$tools/hostile.py" "$work/gateway/gwd.sock" "$@" 2>&1 | tee "$work/said"; }
as_stranger() { setpriv --reuid "${uid:?}" --regid "$uid" --clear-groups \
	"$python" -IS "$tools/hostile.py" "$work/gateway/gwd.sock" "$@" 2>&1 | tee "$work/said"; }
memory() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB$/\1/p' "/proc/$(cat "$work/gateway/gwd.pid")/status"; }
files() { find "/proc/$(cat "$work/gateway/gwd.pid")/fd" -type l | wc -l; }
no_bigger() { [ "$(memory)" -le $((before + 65536)) ] || { echo "$before kB before, $(memory) kB now" && return 1; }; }
memory_check() { # DESCRIPTION
	if [ "${SAN-}" = 1 ]; then
		skip "$1" "the sanitizers keep what was freed"
	else
		check "$1" no_bigger
	fi
}
no_more_files() { [ "$(files)" -le $((files_before + 1)) ]; }
# The last line of an attack: nobody else waited longer than this.
served() {
	ms=$(sed -n 's/ ms$//p' "$work/said")
	[ "${ms:-999999}" -lt $((patience * 1000)) ] || { tail -n 3 "$work/said" && return 1; }
}
answers() { hostile "$1" | sed '$d'; }

two_nics
chmod 711 "$work" "$work/gateway"
{
	echo "services:"
	i=0
	while [ $((i += 1)) -le 1000 ]; do echo "- {name: f$i, port: $((10000 + i)), to: 10.0.0.2, description: number $i}"; done
} | config gateway
gwd_start gateway
table gateway | sed 's/ packets [0-9]* bytes [0-9]*//' >"$work/table"
ctl gateway ls >/dev/null
before=$(memory)
files_before=$(files)

has "more than 16 MiB in one message" '^Invalid the message is too long' hostile oversize
check "others are served meanwhile" served
not_json='Invalid the message is not JSON; expected a Varlink call: {"method": ..., "parameters": {...}}'
is "what is no call of Varlink" "$not_json
$not_json
$not_json
InvalidParameter method
InvalidParameter parameters
$not_json
$not_json
InvalidParameter service" answers malformed
check "others are served meanwhile" served
is "lists and objects in each other, thousands" "Invalid lists and objects in the message are nested too deep
Invalid lists and objects in the message are nested too deep
Invalid too many values in one message
Invalid too many values in one message" answers deep
check "others are served meanwhile" served
for attack in half unread idle; do
	hostile $attack >/dev/null
	case $attack in
	half) name="400 halves of a message" ;;
	unread) name="100 clients that never read, with streams of 1000 rows" ;;
	idle) name="3000 idle clients" ;;
	esac
	check "$name: others are served meanwhile" served
	memory_check "$name: memory"
	check "$name: all are let go" eventually no_more_files
done
has "500 requests in one go: each is answered" '^500 1$' hostile pipelined
check "others are served meanwhile" served
has "hung up in the middle of every method" '^[2-9][0-9]$' hostile gone
check "others are served meanwhile" served
check "all are let go" eventually no_more_files
check_not "what was held open by one of them is gone" ctl gateway show gone
memory_check "memory"

if [ -n "$uid" ]; then
	as_stranger denied | sort | uniq -c >"$work/denied"
	is "a stranger is denied every method" 1 grep -c -v -e ' ms$' -e MethodNot "$work/denied"
	has "and told what to do" 'Denied permission denied: sudo gwctl' cat "$work/denied"
	for attack in oversize half unread idle; do
		as_stranger $attack >/dev/null
		check "$attack, by a stranger: others are served meanwhile" served
	done
	check "all are let go" eventually no_more_files
	memory_check "memory"
else
	skip "a stranger is denied every method" "this user namespace has only one user: sudo make check-netns"
fi
ctl gateway on f8 >/dev/null
ctl gateway close 22 >/dev/null
check "in the end the table is what it was" sh -c "ip netns exec gateway nft list table inet gwd | sed 's/ packets [0-9]* bytes [0-9]*//' | diff '$work/table' - | head -n 20; ip netns exec gateway nft list table inet gwd | sed 's/ packets [0-9]* bytes [0-9]*//' | cmp -s '$work/table' -"
finish
