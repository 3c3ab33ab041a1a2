#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016 # for other shells
# What bash, zsh and fish offer for gwctl, each asked itself, with a gwd whose forwards they name.
. "$(dirname "$0")/lib.sh"

two_nics
gwd_start gateway
ctl gateway -q add 80 10.0.0.2 --name website
ctl gateway -q add 81 10.0.0.2 10.0.0.3:8081 --name shop
mkdir "$work/bin"
ln -s "$gwctl" "$work/bin/gwctl"
PATH=$work/bin:$PATH
socket=$work/gateway/gwd.sock
GWD_SOCKET=$socket
export PATH GWD_SOCKET
dir=$top/gwctl/completion

nowhere() { (export GWD_SOCKET=/nowhere/gwd.sock && "$@"); } # so that names come from where -s says

bash_offers() { # WORD...: the last one is being typed
	bash --norc -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gwctl; printf "%s\n" "${COMPREPLY[@]}"' "$dir/gwctl.bash" "$@" |
		sort | tr '\n' ' '
}
if command -v bash >/dev/null; then
	is "bash: commands" "watch " bash_offers gwctl wa
	is "names" "shop website " bash_offers gwctl rm ''
	is "the one that begins so" "website " bash_offers gwctl show we
	is "behind options" "shop " bash_offers gwctl --output json off sh
	is "orders" "drain off ready " bash_offers gwctl target ''
	is "names behind them" "shop website " bash_offers gwctl target drain ''
	is "targets of that one" "10.0.0.2:81 10.0.0.3:8081 " bash_offers gwctl target drain shop ''
	is "options of that command" "--http " bash_offers gwctl metrics --ht
	is "values" "drain " bash_offers gwctl add 82 10.0.0.2 --on-expiry d
	for option in "-s $socket" "--socket $socket" "--socket = $socket"; do
		# shellcheck disable=SC2086 # words
		is "names of the gwd that is meant" "shop website " nowhere bash_offers gwctl $option rm ''
		# shellcheck disable=SC2086
		is "also behind the command" "shop " nowhere bash_offers gwctl rm $option sh
	done
	is "values behind =" "website " bash_offers gwctl --output = json show we
	is "without gwd there are no names, and nothing is said" "" env GWD_SOCKET=/nowhere bash --norc -c \
		". $dir/gwctl.bash; COMP_WORDS=(gwctl rm ''); COMP_CWORD=2; _gwctl; echo -n \"\${COMPREPLY[*]}\""
else
	skip "bash" "no bash here"
fi

fish_offers() { # LINE
	HOME=$work fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$dir/gwctl.fish" "$1" | cut -f 1 | sort | tr '\n' ' '
}
if command -v fish >/dev/null; then
	is "fish: commands" "watch " fish_offers 'gwctl wa'
	is "names" "shop website " fish_offers 'gwctl rm '
	is "the one that begins so" "website " fish_offers 'gwctl show we'
	has "targets" '10\.0\.0\.3:8081' fish_offers 'gwctl target drain shop '
	has "options of that command" '--http' fish_offers 'gwctl metrics --h'
	is "names of the gwd that is meant" "shop website " nowhere fish_offers "gwctl -s $socket rm "
	is "also behind the command" "shop website " nowhere fish_offers "gwctl rm --socket=$socket "
	has "its targets" '10\.0\.0\.3:8081' nowhere fish_offers "gwctl --socket $socket target drain shop "
else
	skip "fish" "no fish here: apt-get install fish"
fi

# zsh completes on a terminal only: what the line becomes when Tab is pressed.
zsh_makes() { # LINE WANTED
	HOME=$work "$python" -IS -c '
import os, pty, re, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "dumb"
    os.execvp("zsh", ["zsh", "-f", "-i"])
def until(what):
    seen, end = b"", time.time() + float(sys.argv[4])
    while time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try: seen += os.read(fd, 4096)
            except OSError: break
        if what in seen: return
    sys.exit(seen.decode(errors="replace"))
os.write(fd, b"PS1=; fpath=(" + sys.argv[1].encode() + b" $fpath); autoload -Uz compinit; compinit -u -D; print rea\"\"dy\n")
until(b"ready")
os.write(fd, sys.argv[2].encode() + b"\t")
until(sys.argv[3].encode())
os.write(fd, b"\x03")
os.write(fd, b"exit\n")' "$dir" "$1" "$2" "$patience"
}
if command -v zsh >/dev/null; then
	check "zsh: a command" zsh_makes 'gwctl wa' 'gwctl watch'
	check "a name" zsh_makes 'gwctl rm we' 'gwctl rm website'
	check "an option" zsh_makes 'gwctl metrics --ht' 'gwctl metrics --http'
	check "a name of the gwd that is meant" nowhere zsh_makes "gwctl -s $socket rm we" ' rm website'
	check "also behind the command" nowhere zsh_makes "gwctl rm --socket=$socket we" ' website'
	check "a target of it" nowhere zsh_makes "gwctl --socket $socket target drain shop 10.0.0.3" '10.0.0.3:8081'
	check "a target" zsh_makes 'gwctl target drain shop 10.0.0.3' '10.0.0.3:8081'
else
	skip "zsh" "no zsh here: apt-get install zsh"
fi
finish
