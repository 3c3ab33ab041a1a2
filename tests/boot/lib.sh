# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2016 # what is in quotes is expanded there
# What the netns tests have, and machines that boot: containers whose first process is systemd or OpenRC's init, and
# virtual machines. Both are a host of the test's network; $boot, where their parts are, was made by `prepare`.
. "${0%/*}/../netns/lib.sh"

boot=$build/boot
patience=$((patience * 12)) # whole machines take their time, the more so emulated beside other work

need() { # PART...: of $boot
	for part; do
		[ ! -e "$boot/$part.skip" ] || skip_all "$(cat "$boot/$part.skip")"
		[ -e "$boot/$part" ] || skip_all "nothing is prepared: make check-boot"
	done
}

inside() { # HOST COMMAND...: on that machine, whatever it is
	inside_host=$1
	shift
	case $(cat "$work/$inside_host/kind") in
	vm) "$python" -IS "$top/tests/boot/tools/ask.py" "$work/$inside_host/serial" "$patience" "$*" ;;
	*) setsid -w nsenter -m -u -i -n -p -C -t "$(cat "$work/$inside_host/pid")" -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "$*" ;;
	esac
}

put() { # HOST PATH: standard input becomes this file there
	inside "$1" "echo $(base64 -w 0) | base64 -d >$2"
}

# ---- containers ------------------------------------------------------------------------------------

# What a container's first process finds. Of /proc/sys only the network's part is its own; the rest is the machine's.
container='set -e
	mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/overlay" overlay "$2/root"
	cd "$2/root"
	mount -t proc proc proc
	mount --bind proc/sys proc/sys
	mount --bind proc/sys/net proc/sys/net
	mount -o remount,bind,ro proc/sys
	mount --bind /dev/null proc/sysrq-trigger 2>/dev/null || :
	mount -t sysfs -o ro sysfs sys
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	for d in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs $d; done
	chmod 1777 tmp
	for d in null zero full random urandom tty; do
		: >dev/$d
		mount --bind /dev/$d dev/$d
	done
	mkdir dev/pts dev/shm
	mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	ln -s /proc/self/fd/1 dev/stdout
	ln -s /proc/self/fd/2 dev/stderr
	hostname gateway
	mkdir -p old
	pivot_root . old
	umount -l /old
	exec env -i container=gwd-test PATH=/usr/sbin:/usr/bin:/sbin:/bin "$3"'

container_up() { # HOST systemd|openrc: boots it; what was written there before is still there
	mkdir -p "$work/$1/upper" "$work/$1/overlay" "$work/$1/root"
	cp "$boot/gwd.deb" "$boot/gwd-openrc.deb" "$work/$1/upper/"
	echo "$2" >"$work/$1/kind"
	case $2 in systemd) init=/lib/systemd/systemd ;; *) init=/sbin/init ;; esac
	cgroups=/sys/fs/cgroup/unified
	[ -d $cgroups ] || cgroups=/sys/fs/cgroup
	cgroup=$(mktemp -d "$cgroups/gwd-boot.XXXXXX") || skip_all "no cgroup of its own for systemd here"
	trap 'containers_end' EXIT
	sh -c 'echo 0 >"$0/cgroup.procs"; exec "$@"' "$cgroup" nsenter --net="/run/netns/$1" \
		unshare -m -p -u -i -C --fork --kill-child --propagation private \
		sh -c "$container" container "$boot/$2" "$work/$1" "$init" >"$work/$1/console.log" 2>&1 &
	echo $! >"$work/$1/unshare"
	echo "$cgroup" >"$work/$1/cgroup"
	eventually sh -c "grep -E '^[0-9]' '/proc/$!/task/$!/children' | grep -oE '^[0-9]+' >'$work/$1/pid'"
	eventually booted "$1" || fail "$1 boots with $2" "$(tail -n 20 "$work/$1/console.log")"
}

booted() { # HOST
	case $(cat "$work/$1/kind") in
	systemd) inside "$1" 'systemctl -q is-active multi-user.target' ;;
	openrc) inside "$1" '[ "$(rc-status -r)" = default ] && ! rc-status -a | grep -q starting' ;;
	vm) patience=2 inside "$1" true ;;
	esac
}

container_down() { # HOST: as if its power went
	pid=$(cat "$work/$1/unshare") && kill -9 "$pid" && wait "$pid" 2>/dev/null
	# The last process may still be ending.
	eventually find "$(cat "$work/$1/cgroup")" -depth -type d -exec rmdir {} +
	rm "$work/$1/unshare"
}

containers_end() {
	for up in "$work"/*/unshare; do [ ! -e "$up" ] || container_down "$(basename "${up%/*}")"; done
}


# ---- virtual machines ------------------------------------------------------------------------------

# Emulated, never by KVM: where that is half there, it stalls a kernel of today, and emulation takes seconds.
vm_up() { # HOST KERNEL-ARGUMENTS QEMU-ARGUMENT...: each interface of the host becomes a network card of it, by name
	vm_host=$1
	append=$2
	shift 2
	echo vm >"$work/$vm_host/kind"
	card=0
	for nic in $(ip -n "$vm_host" -o link show type veth | sed 's/^[0-9]*: \([^@:]*\).*/\1/' | sort -r); do
		card=$((card + 1))
		if ! ip -n "$vm_host" link show "tap$card" >/dev/null 2>&1; then
			ip -n "$vm_host" tuntap add "tap$card" mode tap || skip_all "no /dev/net/tun here"
			ip -n "$vm_host" link set "tap$card" up
			bridge_up "$vm_host" "br$card" "$nic" "tap$card"
		fi
		set -- "$@" -netdev "tap,id=n$card,ifname=tap$card,script=no,downscript=no" \
			-device "virtio-net-pci,netdev=n$card,mac=52:54:00:00:00:0$card,romfile="
	done
	rm -f "$work/$vm_host/serial"
	nsenter --net="/run/netns/$vm_host" qemu-system-x86_64 -accel tcg -M q35 -cpu qemu64 -smp 2 -nodefaults -no-user-config -display none \
		-kernel "$boot/kernel/vmlinuz" -append "console=ttyS0 quiet panic=-1 $append" \
		-serial "file:$work/$vm_host/console.log" \
		-serial "unix:$work/$vm_host/serial,server=on,wait=off" "$@" >"$work/$vm_host/qemu.log" 2>&1 &
	echo $! >"$work/$vm_host/qemu"
	eventually booted "$vm_host" ||
		fail "$vm_host boots" "$(cat "$work/$vm_host/qemu.log"; tail -n 20 "$work/$vm_host/console.log")"
}

vm_down() { # HOST: pulls the plug
	kill -9 "$(cat "$work/$1/qemu")"
	wait "$(cat "$work/$1/qemu")" 2>/dev/null
}
