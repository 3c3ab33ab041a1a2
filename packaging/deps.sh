#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what gwd is built and tested with, through the system's own package manager (apt, apk or dnf).
#   sh packaging/deps.sh          what `make`, `make demo` and `make check` need
#   sh packaging/deps.sh --dev    also what .ci/run uses: clang, linters, a foreign Varlink client, HAProxy; what
#                                 `make bench` draws and measures with; where no service manager runs (containers) ufw,
#                                 firewalld and nftlb, to be tested with
# Nothing is removed or upgraded on purpose; run again, it does nothing.
set -eu

dev=
case "${1-}" in
'') ;;
--dev) dev=1 ;;
*)
	echo "usage: sh packaging/deps.sh [--dev]" >&2
	exit 2
	;;
esac

say() { printf 'deps: %s\n' "$*"; }

# Runs a command as root: directly, or through sudo (doas on Alpine).
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		say "sudo $*"
		sudo "$@"
	elif command -v doas >/dev/null; then
		say "doas $*"
		doas "$@"
	else
		say "this needs root, and neither sudo nor doas is here. As root: $*" >&2
		exit 1
	fi
}

# Prints those of the named packages that are not installed yet; $1 tells whether one is.
missing() {
	installed=$1
	shift
	for p; do
		$installed "$p" >/dev/null 2>&1 || printf '%s ' "$p"
	done
}

apt_has() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

if command -v apt-get >/dev/null; then
	packages="gcc libc6-dev make pkg-config libmnl-dev libnftnl-dev libyaml-dev libjansson-dev libuv1-dev libsqlite3-dev libseccomp-dev
		libcmocka-dev nftables iptables iproute2 util-linux python3 python3-jsonschema python3-yaml"
	[ -z "$dev" ] || packages="$packages python3-prometheus-client clang libclang-rt-dev clang-tidy shellcheck mandoc valgrind git
		golang-go golang-github-varlink-go-dev dpkg-dev debhelper lintian rpm musl-tools mmdebstrap kmod e2fsprogs cpio
		busybox-static haproxy openssl curl zsh fish acl wrk gnuplot-nox"
	[ -z "$dev" ] || [ "$(dpkg --print-architecture)" != amd64 ] || packages="$packages qemu-system-x86"
	firewalls="ufw firewalld dbus nftlb"
	has=apt_has
	fetch() {
		as_root apt-get -q update
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"
	}
elif command -v apk >/dev/null; then
	packages="gcc musl-dev linux-headers make pkgconf libmnl-dev libnftnl-dev yaml-dev jansson-dev libuv-dev sqlite-dev libseccomp-dev
		cmocka-dev nftables iptables iproute2 util-linux-misc setpriv coreutils python3 py3-jsonschema py3-yaml"
	[ -z "$dev" ] || packages="$packages bash clang compiler-rt clang-extra-tools shellcheck mandoc valgrind git go haproxy
		openssl curl zsh fish acl"
	firewalls="ufw firewalld dbus"
	has='apk info -e'
	fetch() { as_root apk add "$@"; }
elif command -v dnf >/dev/null; then
	packages="gcc make pkgconf-pkg-config libmnl-devel libnftnl-devel libyaml-devel jansson-devel libuv-devel sqlite-devel libseccomp-devel
		libcmocka-devel nftables iptables-nft iproute util-linux python3 python3-jsonschema python3-pyyaml"
	[ -z "$dev" ] || packages="$packages clang compiler-rt clang-tools-extra libasan libubsan ShellCheck mandoc valgrind git
		golang haproxy openssl curl zsh fish acl"
	firewalls="ufw firewalld dbus-daemon"
	has='rpm -q --whatprovides'
	fetch() { as_root dnf -y install "$@"; }
else
	say "found none of apt, apk, dnf. gwd needs a C compiler, make, pkg-config, and the development files of" >&2
	say "libmnl, libnftnl, libseccomp, libyaml, jansson, libuv and sqlite3; the tests cmocka, nft, ip, unshare and python3 (jsonschema, yaml)" >&2
	exit 1
fi

# A package of a firewall may start it, or have it started at the next boot.
if [ -n "$dev" ] && [ ! -d /run/systemd/system ] && [ ! -d /run/openrc ]; then
	packages="$packages $firewalls"
elif [ -n "$dev" ]; then
	say "left out, lest they take over this machine: $firewalls. Their tests are skipped without them"
fi

# shellcheck disable=SC2086 # a list of words
need=$(missing "$has" $packages)
if [ -z "$need" ]; then
	say "everything is here"
	exit 0
fi
say "installing $need"
# shellcheck disable=SC2086 # a list of words
fetch $need
case $need in *ufw* | *firewalld*) # tests that boot this root in namespaces do not want them
	if command -v systemctl >/dev/null; then as_root systemctl -q disable ufw firewalld; fi ;;
esac
say "done"
