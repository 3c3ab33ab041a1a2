# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for gwctl(8). One line per command: its options; names come from the running gwd.

_gwctl_names()
{
	gwctl ls 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_gwctl_targets() # of one forward
{
	gwctl show "$1" 2>/dev/null | sed -n 's/^targets *//p' | sed 's/,//g; s/@[0-9]*//g'
}

_gwctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands="add set rm on off target open close ls show stats flows status watch metrics check diff apply edit confirm history undo rollback export import why doctor help version"
	local common="--socket --output --quiet --help --version"
	local command="" words=0 options="" i
	local -x GWD_SOCKET=${GWD_SOCKET-}
	COMPREPLY=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == --* && ${COMP_WORDS[i + 1]} == "=" ]]; then # bash makes three words of it
			((i++))
			[ "${COMP_WORDS[i - 1]}" != --socket ] || GWD_SOCKET=${COMP_WORDS[i + 1]}
			((i++))
			continue
		fi
		case ${COMP_WORDS[i]} in
		-s | --socket)
			GWD_SOCKET=${COMP_WORDS[i + 1]}
			((i++)) ;;
		-o | --output | -n | --number | --name | --description | --proto | --listen | --from | --to | --wait | --snat | --limit-connections | --limit-rate | --balance | --in | --for | --expires | --on-expiry | --sort | --revision)
			((i++)) ;;
		-*) ;;
		*)
			if [ -z "$command" ]; then command=${COMP_WORDS[i]}; else ((words++)); fi ;;
		esac
	done

	case $prev in
	-o | --output) mapfile -t COMPREPLY < <(compgen -W "table json yaml" -- "$cur") && return ;;
	-s | --socket) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
	--proto) mapfile -t COMPREPLY < <(compgen -W "tcp udp tcp+udp sctp" -- "$cur") && return ;;
	--on-expiry) mapfile -t COMPREPLY < <(compgen -W "drain cut" -- "$cur") && return ;;
	--snat) mapfile -t COMPREPLY < <(compgen -W "auto routed always never" -- "$cur") && return ;;
	--balance) mapfile -t COMPREPLY < <(compgen -W "source round-robin random" -- "$cur") && return ;;
	--in) mapfile -t COMPREPLY < <(compgen -W "wan dmz" -- "$cur") && return ;;
	--sort) mapfile -t COMPREPLY < <(compgen -W "name bytes conns" -- "$cur") && return ;;
	--name | --description | --listen | --from | --limit-connections | --limit-rate | --for | --expires | --revision | -n | --number) return ;;
	esac

	if [ -z "$command" ] && [[ $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		return
	fi

	case $command in
	add) options="--name --description --proto --listen --from --snat --limit-connections --limit-rate --log --balance --no-nat --disabled --for --expires --on-expiry --temporary --hold --replace --dry-run --confirm --force" ;;
	set) options="--name --description --proto --listen --from --snat --limit-connections --limit-rate --log --balance --no-nat --disabled --for --expires --on-expiry --dry-run --confirm --force" ;;
	rm) options="--dry-run --confirm --force --kill" ;;
	on) options="--dry-run --confirm --force" ;;
	off) options="--dry-run --confirm --force --kill" ;;
	target) options="--dry-run --confirm --force --kill" ;;
	open) options="--from --in --for --expires --temporary --dry-run --confirm --force" ;;
	close) options="--in --dry-run --confirm --force" ;;
	ls) options="--sort" ;;
	show) options="" ;;
	stats) options="--reset" ;;
	flows) options="--kill" ;;
	status) options="" ;;
	watch) options="" ;;
	metrics) options="--http" ;;
	check) options="" ;;
	diff) options="--revision" ;;
	apply) options="--dry-run --confirm --force" ;;
	edit) options="--confirm --force" ;;
	confirm) options="--force" ;;
	history) options="-n --number" ;;
	undo) options="--dry-run --confirm --force" ;;
	rollback) options="--dry-run --confirm --force" ;;
	export) options="" ;;
	import) options="" ;;
	why) options="--from --to --wait" ;;
	help) options="" ;;
	version) options="" ;;
	esac

	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options $common" -- "$cur")
		return
	fi
	case $command:$words in
	target:0)
		mapfile -t COMPREPLY < <(compgen -W "drain ready off" -- "$cur") ;;
	target:2)
		mapfile -t COMPREPLY < <(compgen -W "$(_gwctl_targets "$prev")" -- "$cur") ;;
	set:0 | rm:0 | on:0 | off:0 | ls:0 | show:0 | stats:0 | flows:0 | target:1)
		mapfile -t COMPREPLY < <(compgen -W "$(_gwctl_names)" -- "$cur") ;;
	check:0 | diff:0 | apply:0)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	help:0)
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	esac
}

complete -o filenames -F _gwctl gwctl
