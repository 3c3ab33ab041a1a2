#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016 # what is in quotes is expanded there
# A machine of 128 MB from power-on: the home network with one card, then two cards; and its power fails.
. "${0%/*}/lib.sh"

need tiny kernel
new_disk() { rm -f "$work/state.ext4" && mke2fs -q -t ext4 "$work/state.ext4" 16M >/dev/null; }
power_on() { # HOST KERNEL-ARGUMENTS: until gwd answers
	vm_up "$1" "$2" -m 128 -initrd "$boot/tiny/start.gz" -drive "file=$work/state.ext4,format=raw,if=virtio"
	eventually inside "$1" gwctl -q status
}

# ---- one card
new_disk
home_lan
ip -n gateway addr flush dev eth0
serve server tcp 192.168.0.102 80 web
serve server tcp 192.168.0.102 1000-1500 web
one_card='nics=192.168.0.101/24 via=192.168.0.1'
power_on gateway "$one_card"
has "it has 128 MB" '^MemTotal: +(8|9|10|11|12)[0-9]{4} kB' inside gateway cat /proc/meminfo
has "add" '^added tcp-80' inside gateway gwctl add 80 192.168.0.102
is "the page comes" "web 192.168.0.101 80" fetch client 203.0.113.1 80

# ---- power fails while forwards are added
acknowledged() { wc -l <"$work/added"; }
inside gateway 'p=1000; while gwctl -q add $p 192.168.0.102; do echo tcp-$p; p=$((p + 1)); done' >"$work/added" &
eventually eval '[ "$(acknowledged)" -ge 20 ]'
vm_down gateway
wait $!
power_on gateway "$one_card"
is "again: the page comes" "web 192.168.0.101 80" fetch client 203.0.113.1 80
inside gateway gwctl -o json ls | grep -oE '"tcp-[0-9]{4}"' | tr -d '"' | sort >"$work/names"
sort "$work/added" >"$work/wanted"
check "some were acknowledged ($(acknowledged))" [ "$(acknowledged)" -ge 20 ]
is "none of them is lost" "" comm -23 "$work/wanted" "$work/names"
has "at most one was in flight" '^[01]$' eval 'comm -13 "$work/wanted" "$work/names" | wc -l'
last=$(tail -n 1 "$work/added")
is "the last of them works" "web 192.168.0.101 ${last#tcp-}" ask client tcp 203.0.113.1 "${last#tcp-}"
vm_down gateway

# ---- two cards
host out door inner
wire out:eth0 door:wan
wire inner:eth0 door:lan
addr out eth0 198.51.100.9/24
addr inner eth0 10.0.0.2/24
gateway_of inner 10.0.0.1
serve inner tcp 10.0.0.2 80
serve out tcp 198.51.100.9 80
new_disk
power_on door "nics=198.51.100.1/24,10.0.0.1/24 via=198.51.100.9"
inside door gwctl -q add 80 10.0.0.2
is "two cards: the server sees who asks" "inner 198.51.100.9 80" ask out tcp 198.51.100.1 80
vm_down door
finish
