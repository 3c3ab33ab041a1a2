#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016 # what is in quotes is expanded there
# The package on a real boot of Debian, with the kernel of its release: right after power-on, and after a reboot.
. "${0%/*}/lib.sh"

need vm kernel
two_nics
ip -n gateway addr flush dev wan
ip -n gateway addr flush dev lan
serve server tcp 10.0.0.2 80-81
vm_up gateway root=/dev/vda -m 384 -initrd "$boot/vm/start.gz" \
	-drive "file=$boot/vm/disk.ext4,format=raw,if=virtio,snapshot=on"
boot_id() { inside gateway cat /proc/sys/kernel/random/boot_id; }
another_boot() { booted gateway && [ "$(boot_id)" != "$1" ]; }

check "gwd is up" eventually inside gateway systemctl -q is-active gwd
is "nothing failed in the boot" "" inside gateway systemctl --failed --no-legend --plain
is "no ordering cycle" "" inside gateway 'journalctl -q -b | grep -i "ordering cycle"; :'
check "gwd came before the network" inside gateway \
	'[ $(systemctl show -P ActiveEnterTimestampMonotonic gwd) -lt $(systemctl show -P ActiveEnterTimestampMonotonic systemd-networkd) ]'
eventually inside gateway gwctl -q add 80 10.0.0.2
eventually inside gateway gwctl -q add 81 10.0.0.2
is "a forward" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
first=$(boot_id)
inside gateway '(sleep 1; systemctl reboot) >/dev/null 2>&1 &'
check "it reboots" eventually another_boot "$first"
is "the forward is there right after" "server 203.0.113.9 80" eval 'eventually ask client tcp 203.0.113.1 80; ask client tcp 203.0.113.1 80'
is "and the other" "server 203.0.113.9 81" ask client tcp 203.0.113.1 81
check "and gwd answers" eventually inside gateway gwctl -q status

# This kernel keeps no table for a program that is gone (Linux 6.9): a second one, gwd's own, holds on to connections.
talk_open door client tcp 203.0.113.1 80
is "an open connection" "server 203.0.113.9 80" talk door
inside gateway 'echo "table_owner: on" >/etc/gwd/gwd.yaml'
check "a table of its own" inside gateway systemctl reload gwd
is "takes two here" "table inet gwd table inet gwd-keeper " inside gateway 'nft list tables | sort | tr "\n" " "'
inside gateway nft flush ruleset
check "another program empties the ruleset: the forward is back" eventually ask client tcp 203.0.113.1 80
is "and the connection goes on" "server 203.0.113.9 80" talk door
inside gateway systemctl stop gwd
is "gwd stops: its rules stay" "table inet gwd" inside gateway nft list tables
is "and forward" "server 203.0.113.9 81" ask client tcp 203.0.113.1 81
vm_down gateway
finish
