# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# shellcheck disable=SC2154 # lib.sh sets them
# Sourced after lib.sh by test_firewalls_*.sh: the gateway of two_nics with another firewall on it, the real tool wherever
# it can be started in a namespace. The tool's files are copies, mounted over those of the machine in this sandbox only.
#
#   firewall_start, firewall_reload: what each test defines, the tool's own commands
private() { # FILE|DIRECTORY...: from now on a copy, that may be changed
	for real; do
		copy=$work/private$(echo "$real" | tr / .)
		cp -a "$real" "$copy" 2>/dev/null || skip_all "not all of $real can be read: sudo make check-netns"
		mount --bind "$copy" "$real" || skip_all "cannot put a copy over $real"
	done
}

status_json() { # EXPRESSION: of the status `s`, printed
	ctl gateway -o json status | "$python" -IS -c "import json, sys; s = json.load(sys.stdin); print($1)"
}

warnings() { status_json '"\n".join(s["warnings"])'; }
warns() { warnings | grep -qE -e "$1"; }
warns_not() { ! warnings | grep 'dropped by'; }
silent_add() { ! ctl gateway add "$@" 2>&1 | grep -i warn; }

# What status tells to do, and what makes it last.
remedy_now() { status_json 's["firewalls"][0]["remedy"]'; }
remedy_later() { status_json 's["firewalls"][0]["lasting"]'; }
do_now() { on gateway sh -ec "$(remedy_now)"; }

# What others have, without what counts or is ours.
theirs() { on gateway nft -s list ruleset 2>/dev/null | sed '/^table inet gwd /,/^}/d'; }
theirs_are() { theirs | diff - "$1"; } # FILE: as it was then

# The kernel as it comes up, then both from what they remember, in this order.
reboot() { # gwd|firewall first
	gwd_stop gateway
	on gateway nft flush ruleset
	on gateway sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'
	[ "$1" = gwd ] || firewall_start
	gwd_start gateway
	[ "$1" != gwd ] || firewall_start
}
