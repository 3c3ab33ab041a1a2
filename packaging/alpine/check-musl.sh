#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Compiles everything against musl's headers, with musl-gcc (Debian: musl-tools): what Alpine's libc lacks is found
# without Alpine. The libraries' headers are this machine's, so nothing is linked.
#   sh packaging/alpine/check-musl.sh DIRECTORY      where the objects go
set -eu

out=${1:?where to?}
cd "$(dirname "$0")/../.."
mkdir -p "$out/include"
for header in linux asm-generic mtd rdma libmnl libnftnl yaml.h jansson.h jansson_config.h uv.h uv sqlite3.h seccomp.h seccomp-syscalls.h; do
	[ ! -e "/usr/include/$header" ] || ln -sfn "/usr/include/$header" "$out/include/$header"
done
asm=/usr/include/$(gcc -print-multiarch)
ln -sfn "$asm/asm" "$out/include/asm"
[ ! -e "$asm/jansson_config.h" ] || ln -sfn "$asm/jansson_config.h" "$out/include/"

failed=0
for source in gwd/lib/*.c gwd/*.c gwctl/*.c; do
	case $source in gwctl/*) own='-Igwctl' ;; gwd/lib/*) own='' ;; *) own='-Igwd' ;; esac
	# shellcheck disable=SC2086 # a flag or nothing
	musl-gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 $own -Igwd/lib -idirafter "$out/include" \
		'-DVARLINK_FILE="gwd/org.gwd.Gateway.varlink"' '-DGWD_DATADIR="/usr/share/gwd"' -c -o "$out/object.o" "$source" || failed=1
done
exit $failed
