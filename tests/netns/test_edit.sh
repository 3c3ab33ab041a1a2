#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# gwctl edit: with editors that are scripts, without and with a terminal. Whatever goes wrong, the file is as it was and
# the text is not lost.
. "$(dirname "$0")/lib.sh"

two_nics
serve server tcp 10.0.0.2 80
dir=$work/gateway
file=$dir/gwd.yaml
echo 'services: [{name: web, port: 80, to: 10.0.0.2}]' | config gateway
gwd_start gateway
# The editor: a program in $work/editor; what it is given goes to $work/given.
editor() {
	printf '#!/bin/sh\necho "$*" >>"%s"\nfor f; do :; done\n%s\n' "$work/given" "$1" >"$work/editor"
	chmod +x "$work/editor"
}
edit() {
	: >"$work/given"
	VISUAL='' EDITOR="$work/editor" ctl gateway edit "$@" 2>&1
}
copies() { find "$dir" -name '.gwd.yaml.*'; }
running() { ctl gateway ls -o json | "$python" -IS -c 'import json, sys; print(*sorted(f["service"]["name"] for f in json.load(sys.stdin)))'; }
# On a terminal: the lines given are typed, one at each question.
typed() { # ANSWER... : what is seen
	: >"$work/given"
	VISUAL='' EDITOR="$work/editor" on gateway "$python" -IS -c '
import os, pty, select, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "-s", sys.argv[2], "edit"])
answers, seen, told = sys.argv[3:], b"", 0
while True:
    try: data = os.read(fd, 4096)
    except OSError: break
    if not data: break
    seen += data
    if seen[told:].rstrip(b" ").endswith((b"[Y/n]", b"again)]")) and answers:
        a, told = answers.pop(0), len(seen)
        os.write(fd, b"\3" if a == "^C" else b"\4" if a == "^D" else a.encode() + b"\n")
sys.stdout.write(seen.decode().replace("\r", ""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$gwctl" "$dir/gwd.sock" "$@"
}

editor ':'
is "nothing changed" "nothing was changed" edit
is "no copy is left" "" copies
chmod 640 "$file"
chown 65534:65533 "$file"
editor "echo 'services: [{name: web, port: 80, to: 10.0.0.2}, {name: more, port: 81, to: \"10.0.0.2:80\"}]' >\"\$f\""
has "a new forward is shown" '^\+ more: tcp 81 -> 10\.0\.0\.2:80' edit
is "and runs" "more web" running
has "but must be confirmed" 'taken back in 2m without gwctl confirm' ctl gateway status
check "confirmed" ctl gateway -q confirm --force
is "the file keeps its owner and rights" "640 65534:65533" stat -c '%a %u:%g' "$file"
has "and is what was written" 'name: more' cat "$file"
is "no copy is left behind it" "" copies
has "the editor had a copy, beside it, that is YAML" "^$dir/\.gwd\.yaml\..{6}\.yaml$" cat "$work/given"
lists() { getfacl -cpn "$file"; }
if command -v setfacl >/dev/null && setfacl -m u:12345:r "$file" 2>/dev/null; then
	before=$(lists)
else
	skip "access lists are kept" "no setfacl here, or a file system without them"
	lists() { :; }
	before=
fi
editor "sed -i 's/81/82/' \"\$f\""
has "another time to confirm" ' in 300 s, unless it is confirmed' edit --confirm=5m
is "its access lists are kept" "$before" lists
check "undone" ctl gateway -q undo
check "the file is what runs again" ctl gateway -q apply
is "so" 0 sh -c "'$gwctl' -s '$dir/gwd.sock' diff >/dev/null; echo \$?"

# Rights that new files of the directory get are none of the file's.
if command -v setfacl >/dev/null && setfacl -b "$file" 2>/dev/null && setfacl -d -m u:12345:rw "$dir" 2>/dev/null; then
	before=$(lists)
	editor "echo '# among others' >>\"\$f\""
	check "where new files get an access list" edit
	is "the file has none" "$before" lists
	setfacl -k "$dir"
else
	skip "a default access list gives the file nothing" "no setfacl here, or a file system without them"
fi

# Mistakes.
cp "$file" "$work/before"
editor "printf 'services:\n  - {name: web, port: 80, to: 10.0.0.2}\n  - {name: bad, prt: 81}\n' >\"\$f\""
has "a mistake is shown with its place" "gwd\.yaml:3:[0-9]+: bad: unknown key 'prt'" edit
exits "and ends with 1" 1 edit
check "the file is as it was" cmp "$file" "$work/before"
has "the text is kept, and said where" "^gwctl: given up: .*/gwd\.yaml is as it was, and your text is in $dir/\.gwd\.yaml\.[^ ]*\.yaml$" edit
has "there it is" 'prt: 81' sh -c "cat $dir/.gwd.yaml.*"
rm -f "$dir"/.gwd.yaml.*
editor 'exit 3'
exits "an editor that fails" 1 edit
is "loses nothing, and leaves nothing" "" copies
editor "echo '#' >>\"\$f\"; exit 3"
has "nor when it had changed something" 'your text is in ' edit
rm -f "$dir"/.gwd.yaml.*
editor "printf '\377\376' >\"\$f\""
has "what is no text" 'no UTF-8 text' edit
check "still the file is as it was" cmp "$file" "$work/before"
rm -f "$dir"/.gwd.yaml.*
editor "echo '# a comment' >>\"\$f\""
has "a comment changes nothing that runs" 'nothing of what runs would change' edit
has "and is kept" '# a comment' cat "$file"
has "without waiting for anything" '^0$' sh -c "'$gwctl' -s '$dir/gwd.sock' -q confirm 2>/dev/null; [ \$? = 1 ]; echo \$?"

cp "$file" "$work/before"
editor "echo 'oops: [' >\"\$f\""
exits "YAML that is none" 1 edit
rm -f "$dir"/.gwd.yaml.*
# What gwd refuses though the text is right.
ctl gateway -q off web --confirm
editor "sed -i 's/port: 80,/port: 180,/' \"\$f\""
has "what touches a change that waits" 'web' edit
exits "is refused before the file is written" 1 edit
check "so that it is as it was" cmp "$file" "$work/before"
editor "sed -i 's/port: 82,/port: 86,/' \"\$f\""
has "what would have to be confirmed too" 'only one change can wait' edit
exits "is refused like that, whatever it touches" 1 edit
check "the file is as it was" cmp "$file" "$work/before"
editor "echo '# nothing to confirm' >>\"\$f\""
check "what changes nothing need not wait for it" edit
has "and is kept" '# nothing to confirm' cat "$file"
rm -f "$dir"/.gwd.yaml.*
ctl gateway -q undo

# Somebody else.
editor "echo '# mine' >>\"\$f\"; echo '# theirs' >>$file"
has "changed by somebody else meanwhile" 'somebody else has changed the file meanwhile' edit
has "theirs is kept" '# theirs' cat "$file"
has "and mine" '# mine' sh -c "cat $dir/.gwd.yaml.*"
rm -f "$dir"/.gwd.yaml.*
mkdir "$dir/elsewhere"
mv "$file" "$dir/elsewhere/real.yaml"
ln -s elsewhere/real.yaml "$file"
editor "echo '# by the link' >>\"\$f\""
check "a link" edit
has "is followed" '# by the link' cat "$dir/elsewhere/real.yaml"
check "and stays one" test -L "$file"

# On a terminal.
cp "$file" "$work/before"
editor "grep -q prt \"\$f\" && { sed -i 's/prt/port/' \"\$f\"; exit; }; printf 'services:\n  - {name: web, port: 80, to: 10.0.0.2}\n  - {name: third, prt: 83, to: 10.0.0.2}\n' >\"\$f\""
has "asked, opened again, asked and applied" 'applied gwd\.yaml' typed y y
is "it runs" "third web" running
has "the second time at the faulty line" '^\+3 /' cat "$work/given"
ctl gateway -q confirm --force
cp "$dir/elsewhere/real.yaml" "$work/before"
editor "sed -i 's/83/84/' \"\$f\""
for answer in n ^C ^D; do
	has "$answer gives up" 'given up: .* your text is in ' typed $answer
	check "and changes nothing" cmp "$work/before" "$dir/elsewhere/real.yaml"
	has "the text is there" 'prt|84' sh -c "cat $dir/elsewhere/.real.yaml.*"
	rm -f "$dir"/elsewhere/.real.yaml.*
done
editor "sed -i 's/83/84/; t; s/84/85/' \"\$f\""
has "e edits again" ' third: tcp 85' typed e y
ctl gateway -q confirm --force

gwd_stop gateway
exits "without gwd it does not even begin" 3 edit
is "no editor was asked" "" cat "$work/given"
finish
