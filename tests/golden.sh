#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# One golden test: tests/golden/CASE/gwd.yaml (and gwd.d beside it) against what is written down next to it.
#   config    canonical YAML, which must also read back as itself     } a file
#   ruleset   the table it compiles to; but for the case "empty", what  } that is right
#             it has more (>) and less (<) than that of "empty"         }
#   warnings  said about it; no such file = nothing is said           }
#   errors    every mistake, for a file that is refused
#   tests/golden.sh [--update] CASE       B: where the build is
set -u

update=false
if [ "${1-}" = --update ]; then
	update=true
	shift
fi
cd "$(dirname "$0")/golden/${1:?which case?}" || exit 1
gwd=${B:?}/gwd
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

# Messages name the file as it was given, so it is given as a user would see it from here.
if "$gwd" --check --print -c gwd.yaml >"$work/config" 2>"$work/said"; then
	"$gwd" --print=ruleset -c gwd.yaml >"$work/ruleset" 2>"$work/stray"
	if [ "$1" != empty ]; then
		# The chains that are always there would drown what a case is about.
		"$gwd" --print=ruleset -c ../empty/gwd.yaml >"$work/frame"
		diff "$work/frame" "$work/ruleset" | grep '^[<>]' >"$work/differs"
		mv "$work/differs" "$work/ruleset"
	fi
	mkdir "$work/again"
	"$gwd" --check --print -c /dev/stdin <"$work/config" >"$work/again/config" 2>"$work/again/said"
	made="config ruleset"
	mv "$work/said" "$work/warnings"
	[ ! -s "$work/warnings" ] || made="$made warnings"
else
	status=$?
	mv "$work/said" "$work/errors"
	made=errors
	[ ! -s "$work/config" ] || echo "# a refused file is printed all the same"
	[ $status = 1 ] || echo "exit status $status" >>"$work/errors"
fi

if $update; then
	for f in config ruleset warnings errors; do
		case " $made " in
		*" $f "*) cmp -s "$work/$f" $f || { cp "$work/$f" $f && echo "updated $1/$f"; } ;;
		*) [ ! -e $f ] || { rm $f && echo "removed $1/$f: it is no more what this case gives"; } ;;
		esac
	done
	exit 0
fi

same() { # DESCRIPTION WANTED GOT
	n=$((n + 1))
	if diff -u "$2" "$3" >"$work/diff" 2>&1; then echo "ok $n - $1"; else
		echo "not ok $n - $1"
		sed 's/^/# /' "$work/diff"
	fi
}

for f in config ruleset warnings errors; do
	case " $made " in
	*" $f "*) same "$1: $f" $f "$work/$f" ;;
	*) [ ! -e $f ] || same "$1: $f" $f /dev/null ;;
	esac
done
[ ! -e "$work/again" ] || same "$1: reads back as itself" "$work/config" "$work/again/config"
[ ! -e "$work/stray" ] || same "$1: nothing stray is said" /dev/null "$work/stray"
echo "1..$n"
