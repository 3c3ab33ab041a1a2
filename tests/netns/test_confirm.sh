#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A change with --confirm that locks everybody out lasts until its deadline, whatever happens to gwd: killed, restarted
# too late, or booted. Confirmed from another login, it stays.
. "$(dirname "$0")/lib.sh"

two_nics
serve gateway tcp :: 22 # as sshd
serve server tcp 10.0.0.2 80-89

as() { # LOGIN GWCTL-ARG...: typed in that ssh login, behind a sudo that forgets it
	login=$1
	shift
	SSH_CONNECTION="203.0.113.9 $login 203.0.113.1 22" on gateway sh -c 'env -u SSH_CONNECTION "$@"; exit $?' sh "$gwctl" -s "$work/gateway/gwd.sock" "$@"
}

ssh_works() { [ "$(ask client tcp 203.0.113.1 22)" = "gateway ::ffff:203.0.113.9 22" ]; }
answers() { ask client tcp 203.0.113.1 "$1"; }
refuses() { ! GWD_TIMEOUT=0.5 ask client tcp 203.0.113.1 "$1"; }
waits() { ctl gateway status | grep '^confirm '; }

config gateway <<'YAML'
services:
  - {name: web, port: 80, to: 10.0.0.2}
YAML
gwd_start gateway
check "ssh works" ssh_works

# --- what waits -------------------------------------------------------------------------------------------------------------
cp "$work/gateway/gwd.yaml" "$work/good.yaml"
cat >"$work/bad.yaml" <<'YAML'
gateway: {open: []}
services:
  - {name: shop, port: 81, to: 10.0.0.2}
YAML
apply_bad() { # TIME
	cp "$work/bad.yaml" "$work/gateway/gwd.yaml"
	as 40001 apply --confirm="$1" --force 2>/dev/null
}
apply_good() {
	cp "$work/good.yaml" "$work/gateway/gwd.yaml"
	ctl gateway apply >/dev/null 2>&1
}
talk_open ssh client tcp 203.0.113.1 22
is "a login" "gateway ::ffff:203.0.113.9 22" talk ssh
has "a file that closes the port of ssh" 'taken back by itself in 3600 s, unless it is confirmed: open a second session and type gwctl confirm there' apply_bad 1h
check "is in force" refuses 22
check "what it forwards is" answers 81
talk_open shop client tcp 203.0.113.1 81
is "a connection that only it allows" "server 203.0.113.9 81" talk shop
has "status says that it waits" '^confirm +applied gwd.yaml: .*: taken back in (1h|59m [0-9]+s) without gwctl confirm' ctl gateway status
has "history marks it" '^\*.*applied gwd.yaml.*\(not confirmed yet\)' ctl gateway history
check "another goes on" ctl gateway add 82 10.0.0.2
exits "the same does not" 1 ctl gateway add 81 10.0.0.3
has "and says why" 'a change is not confirmed yet .*: gwctl confirm, (gwctl undo, )?or wait [0-9]+ s, then it is taken back' ctl gateway apply "$work/good.yaml"
exits "the login that made it cannot confirm it" 1 as 40001 confirm
has "and hears how to" 'open a NEW login and confirm there' as 40001 confirm
ctl gateway undo >/dev/null # of the other
ctl gateway add 82 10.0.0.2 >/dev/null
as 40001 confirm --force >/dev/null
check_not "confirmed it waits no more" waits
check "and is in force" refuses 22
apply_good

# --- nobody confirms --------------------------------------------------------------------------------------------------------
check "ssh works" ssh_works
ctl gateway add 83 10.0.0.2 >/dev/null
talk_open changed client tcp 203.0.113.1 83
is "a connection from before" "server 203.0.113.9 83" talk changed
apply_bad 3 >/dev/null
check "its time passes, and ssh works again" eventually ssh_works
is "the login never noticed" "gateway ::ffff:203.0.113.9 22" talk ssh
check "what was forwarded before is again" eventually answers 80
check "what the file forwarded is not" refuses 81
check "the other changes stay" answers 82
is "and their connections" "server 203.0.113.9 83" talk changed
check_not "nothing waits any more" waits
has "history says what happened" '^\*.*reverted: not confirmed \(applied gwd.yaml' ctl gateway history
has "the file on the disk is not in force" 'gwd.yaml was taken back' ctl gateway status
exits "it is too late to confirm" 1 as 40002 confirm
gwd_kill gateway
gwd_start gateway
check "the file does not come back with a restart" ssh_works
apply_good

# --- a port of the gateway itself -------------------------------------------------------------------------------------------
serve gateway tcp 203.0.113.1 8022
config gateway <<'YAML'
gateway: {open: [{port: 22}]}
YAML
ctl gateway apply >/dev/null 2>&1
check "closed" refuses 8022
talk_open before client tcp 203.0.113.1 22
is "a login" "gateway ::ffff:203.0.113.9 22" talk before
ctl gateway open 8022 --confirm=3 >/dev/null
talk_open own client tcp 203.0.113.1 8022
is "opened, not confirmed: a connection" "gateway 203.0.113.9 8022" talk own
check "its time passes, and it is closed" eventually refuses 8022
if grep -q '^CONFIG_INET_DIAG_DESTROY=y' "/boot/config-$(uname -r)" 2>/dev/null || zcat /proc/config.gz 2>/dev/null | grep -q '^CONFIG_INET_DIAG_DESTROY=y'; then
	has "its connection is cut" '^(Connection reset|timed out)' talk own
else
	skip "its connection is cut" "this kernel may have no CONFIG_INET_DIAG_DESTROY"
fi
is "the login lives on" "gateway ::ffff:203.0.113.9 22" talk before
apply_good

# --- gwd is killed ----------------------------------------------------------------------------------------------------------
apply_bad 8 >/dev/null
gwd_kill gateway
gwd_start gateway
has "gwd is killed: it waits still" '^confirm +.*: taken back in [1-8]s' ctl gateway status
check "until its time is over" eventually ssh_works
apply_good
passed() { # CLOCK: the time since the boot, as gwd has it
	"$python" -IS -c 'import sys, time; sys.exit(time.clock_gettime(time.CLOCK_BOOTTIME) < float(sys.argv[1]))' "$1"
}
after() { # SECONDS
	"$python" -IS -c 'import sys, time; print(time.clock_gettime(time.CLOCK_BOOTTIME) + float(sys.argv[1]))' "$1"
}
ctl gateway add 84 10.0.0.2 --confirm=4 >/dev/null
due=$(after 4)
talk_open late client tcp 203.0.113.1 84
is "a connection" "server 203.0.113.9 84" talk late
gwd_kill gateway
check "its time passes while gwd is dead" eventually passed "$due"
check "which changes nothing yet" answers 84
gwd_start gateway
check "when it starts, it is taken back at once" refuses 84
has "and its connection is cut" '^(Connection reset|timed out)' talk late
check_not "nothing waits" waits

# --- a boot -----------------------------------------------------------------------------------------------------------------
apply_bad 1h >/dev/null
check "an hour is long" refuses 22
gwd_stop gateway
on gateway nft delete table inet gwd # as a boot does
echo 6e5c8b9e-0000-4000-8000-000000000000 >"$work/boot_id"
cat >"$work/other_boot" <<SH
mount --bind '$work/boot_id' /proc/sys/kernel/random/boot_id && exec "\$@"
SH
GWD_AS="unshare -m sh $work/other_boot" gwd_start gateway
check "but not longer than the boot" ssh_works
check "the file on the disk is not taken, either" answers 80
gwd_stop gateway
gwd_start gateway
check "the next boot is like it" ssh_works
has "status says what became of the file" '^file +gwd.yaml was taken back .* ago, because nobody confirmed it: gwctl edit, or gwctl apply --confirm$' \
	ctl gateway status
has "doctor says when" '^warning +file +.*gwd.yaml was taken back at 20[0-9-]+T[0-9:]+Z, because nobody confirmed it' ctl gateway doctor
has "and proposes no apply for good" '^ +gwctl apply --confirm$' ctl gateway doctor
echo '# another one' >>"$work/gateway/gwd.yaml"
has "another file is another matter" '^file +gwd.yaml differs from what runs: gwctl diff, gwctl apply$' ctl gateway status
echo 'services: [{port: 87, to: 10.0.0.2}]' >"$work/other.yaml"
ctl gateway apply "$work/other.yaml" --confirm=60 --force >/dev/null
has "while another waits, doctor does not propose what would be refused" '^ +gwctl confirm$' ctl gateway doctor
has "nor does status" '^file +gwd.yaml differs from what runs, which waits to be confirmed: gwctl diff$' ctl gateway status
ctl gateway undo >/dev/null

# --- confirmed --------------------------------------------------------------------------------------------------------------
as 40001 add 85 10.0.0.2 --confirm=6 >/dev/null
due=$(after 6.2)
has "another login confirms it" '^confirmed: added tcp-85' as 40003 confirm
as 40001 add 86 10.0.0.2 --confirm >/dev/null
talk_open undone client tcp 203.0.113.1 86
is "a connection" "server 203.0.113.9 86" talk undone
has "undo takes back at once what waits" '^undid revision [0-9]+ \(added tcp-86' ctl gateway undo
check "it is gone" refuses 86
has "with its connection" '^(Connection reset|timed out)' talk undone
check "time passes" eventually passed "$due"
check "what is confirmed is there" answers 85
finish
