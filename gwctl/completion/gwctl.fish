# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for gwctl(8). Each option names the commands that take it; names come from the running gwd.

function __gwctl_ask # gwctl's words, of the gwd that is meant on the line
	set -lx GWD_SOCKET $GWD_SOCKET
	set -l words (commandline -opc)
	for i in (seq 2 (count $words))
		switch $words[$i]
			case -s --socket
				set GWD_SOCKET $words[(math $i + 1)]
			case '--socket=*'
				set GWD_SOCKET (string replace -- --socket= '' $words[$i])
		end
	end
	gwctl $argv 2>/dev/null
end

function __gwctl_names
	__gwctl_ask ls | awk 'NR > 1 { print $1 }'
end

function __gwctl_targets # of the forward that was named last
	set -l words (commandline -opc)
	__gwctl_ask show $words[-1] | sed -n 's/^targets *//p' | sed 's/,//g; s/@[0-9]*//g' | tr ' ' '\n'
end

complete -c gwctl -f
complete -c gwctl -s s -l socket -r -F -d 'where gwd listens'
complete -c gwctl -s o -l output -x -a 'table json yaml' -d 'how to print'
complete -c gwctl -s q -l quiet -d 'say nothing when all went well'
complete -c gwctl -s h -l help -d 'print a summary'
complete -c gwctl -s V -l version -d 'print the version'

complete -c gwctl -n __fish_use_subcommand -a add -d 'forward ports to a target'
complete -c gwctl -n __fish_use_subcommand -a set -d 'change a forward'
complete -c gwctl -n __fish_use_subcommand -a rm -d 'remove a forward'
complete -c gwctl -n __fish_use_subcommand -a on -d 'put a forward on'
complete -c gwctl -n __fish_use_subcommand -a off -d 'put a forward off, without forgetting it'
complete -c gwctl -n __fish_use_subcommand -a target -d 'keep new connections from one target'
complete -c gwctl -n __fish_use_subcommand -a open -d 'open a port of the gateway itself'
complete -c gwctl -n __fish_use_subcommand -a close -d 'close what open has opened'
complete -c gwctl -n __fish_use_subcommand -a ls -d 'list forwards'
complete -c gwctl -n __fish_use_subcommand -a show -d 'all about one forward'
complete -c gwctl -n __fish_use_subcommand -a stats -d 'what passed through forwards'
complete -c gwctl -n __fish_use_subcommand -a flows -d 'connections of forwards, now'
complete -c gwctl -n __fish_use_subcommand -a status -d 'one screen: is all well?'
complete -c gwctl -n __fish_use_subcommand -a watch -d 'what happens, as it happens'
complete -c gwctl -n __fish_use_subcommand -a metrics -d 'numbers for Prometheus'
complete -c gwctl -n __fish_use_subcommand -a check -d 'look for mistakes in a file'
complete -c gwctl -n __fish_use_subcommand -a diff -d 'what apply would change'
complete -c gwctl -n __fish_use_subcommand -a apply -d 'make gwd.yaml, or a file, what runs'
complete -c gwctl -n __fish_use_subcommand -a edit -d 'gwd.yaml in an editor, checked and applied'
complete -c gwctl -n __fish_use_subcommand -a confirm -d 'keep what was changed with --confirm'
complete -c gwctl -n __fish_use_subcommand -a history -d 'the revisions of what ran'
complete -c gwctl -n __fish_use_subcommand -a undo -d 'take the newest change back'
complete -c gwctl -n __fish_use_subcommand -a rollback -d 'return to an older revision'
complete -c gwctl -n __fish_use_subcommand -a export -d 'what runs, as a gwd.yaml'
complete -c gwctl -n __fish_use_subcommand -a import -d 'the DNAT rules of nft and iptables, as a gwd.yaml'
complete -c gwctl -n __fish_use_subcommand -a why -d 'does a connection pass, and why not'
complete -c gwctl -n __fish_use_subcommand -a doctor -d 'what is wrong, and what puts it right'
complete -c gwctl -n __fish_use_subcommand -a help -d 'a summary, or all about a command'
complete -c gwctl -n __fish_use_subcommand -a version -d 'print the version'

complete -c gwctl -n '__fish_seen_subcommand_from add set' -l name -x -d 'what to call it'
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l description -x -d 'a note for people'
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l proto -x -a 'tcp udp tcp+udp sctp' -d protocol
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l listen -x -d 'listen there alone'
complete -c gwctl -n '__fish_seen_subcommand_from add set open why' -l from -x -d 'who may use it, who dials'
complete -c gwctl -n '__fish_seen_subcommand_from why' -l wait -x -a '30s 5m' -d 'for the next such packet'
complete -c gwctl -n '__fish_seen_subcommand_from why' -l to -x -d 'the address that is dialled'
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l snat -x -a 'auto routed always never' -d 'how targets see clients'
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l limit-connections -x -d 'so many at a time from each source'
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l limit-rate -x -d 'so many new ones from each source'
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l log -d 'log new connections'
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l balance -x -a 'source round-robin random' -d 'which target gets a client'
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l no-nat -d 'let in only, without translation'
complete -c gwctl -n '__fish_seen_subcommand_from open close' -l in -x -a 'wan dmz' -d 'from where'
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l disabled -d 'keep it, but off'
complete -c gwctl -n '__fish_seen_subcommand_from add set open' -l for -x -a '30m 2h 1d' -d 'end by itself after so long'
complete -c gwctl -n '__fish_seen_subcommand_from add set open' -l expires -x -d 'end by itself then'
complete -c gwctl -n '__fish_seen_subcommand_from add set' -l on-expiry -x -a 'drain cut' -d 'what open connections do then'
complete -c gwctl -n '__fish_seen_subcommand_from add open' -l temporary -d 'until the next reboot'
complete -c gwctl -n '__fish_seen_subcommand_from add' -l hold -d 'for as long as this command runs'
complete -c gwctl -n '__fish_seen_subcommand_from add' -l replace -d 'remove the runtime forwards in the way'
complete -c gwctl -n '__fish_seen_subcommand_from add set rm on off target open close apply undo rollback' -l dry-run -d 'do nothing, say what'
complete -c gwctl -n '__fish_seen_subcommand_from add set rm on off target open close apply edit undo rollback' -l confirm -d 'take it back by itself after so long'
complete -c gwctl -n '__fish_seen_subcommand_from add set rm on off target open close apply edit confirm undo rollback' -l force -d 'even if it locks out a program or somebody here'
complete -c gwctl -n '__fish_seen_subcommand_from rm off target flows' -l kill -d 'cut its open connections, too'
complete -c gwctl -n '__fish_seen_subcommand_from ls' -l sort -x -a 'name bytes conns' -d 'order of the rows'
complete -c gwctl -n '__fish_seen_subcommand_from stats' -l reset -d 'count anew from now on'
complete -c gwctl -n '__fish_seen_subcommand_from history' -s n -l number -x -d 'only the newest'
complete -c gwctl -n '__fish_seen_subcommand_from metrics' -l http -d 'answer one HTTP request'
complete -c gwctl -n '__fish_seen_subcommand_from diff' -l revision -x -d 'compare with this revision'

complete -c gwctl -n '__fish_seen_subcommand_from set rm on off target ls show stats flows' -a '(__gwctl_names)'
complete -c gwctl -n '__fish_seen_subcommand_from target' -a 'drain ready off (__gwctl_targets)'
complete -c gwctl -n '__fish_seen_subcommand_from check diff apply' -F
complete -c gwctl -n '__fish_seen_subcommand_from help' -a 'add set rm on off target open close ls show stats flows status watch metrics check diff apply edit confirm history undo rollback export import why doctor'
