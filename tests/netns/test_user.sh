#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# As packaged: gwd runs as a user of its own with CAP_NET_ADMIN alone and no way to more, and forwards.
. "$(dirname "$0")/lib.sh"

uid=64321 # of nobody else
setpriv --reuid $uid --regid $uid --clear-groups true 2>/dev/null ||
	skip_all "this user namespace has only one user: sudo make check-netns"

two_nics
serve server tcp 0.0.0.0 80
serve server tcp :: 8080
mkdir "$work/gateway/state"
: >"$work/gateway/gwd.yaml"
chmod 711 "$work" && chown -R $uid:$uid "$work/gateway"
GWD_AS="setpriv --reuid $uid --regid $uid --clear-groups --inh-caps -all,+net_admin --ambient-caps -all,+net_admin
	--bounding-set -all,+net_admin --no-new-privs"
gwd_start gateway
status=/proc/$(cat "$work/gateway/gwd.pid")/status
has "it is that user" "^Uid:.$uid.$uid.$uid" cat "$status"
has "it may administer the network, and nothing else" '^CapEff:.0*1000$' cat "$status"
has "nor can it ever" '^CapBnd:.0*1000$' cat "$status"
has "whatever it runs" '^NoNewPrivs:.1$' cat "$status"

check "a forward" ctl gateway add 80 10.0.0.2
check "a forward of IPv6" ctl gateway add '[2001:db8::1]:80' '[fd00::2]:8080'
serve gateway tcp 0.0.0.0 22
has "it sees who listens, and gwctl which program" "port 22 is this gateway's own [^ ]+ \\(pid" ctl gateway add 22 10.0.0.2
is "IPv4 passes" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
is "IPv6 passes" "server 2001:db8::9 8080" ask client tcp 2001:db8::1 80

# Who asks decides: root may, a stranger may not.
as_stranger() {
	on gateway setpriv --reuid 65534 --regid 65534 --clear-groups "$gwctl" -s "$work/gateway/gwd.sock" "$@"
}
exits "a stranger is refused" 1 as_stranger add 81 10.0.0.2
has "and told what to do" 'permission denied: sudo gwctl' as_stranger ls
check_not "nothing was added" ctl gateway show tcp-81
finish
