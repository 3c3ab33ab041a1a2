# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Applying a gwd.yaml of 100,000 services in which one has changed; and what 1,000 reloads do to others' connections.
. "$(dirname "$0")/lib.sh"

lay_out gwd
pinned 100000 >"$work/all.yaml"
config gwd <"$work/all.yaml"
gwd_start gwd || give_up "gwd does not start"
pid=$(pid_of gwd)
elements() { ctl gwd -o json status | "$python" -IS -c 'import json, sys; print(json.load(sys.stdin)["netlink_elements"])'; }

for r in $(rounds 5); do
	sed "8s/10\.0\.0\.2}/10.0.0.$((3 + r % 2))}/" "$work/all.yaml" >"$work/gwd/gwd.yaml"
	was=$(elements)
	sampled on gwd "$timed" reload reload 0 "$r" "$pid" "$gwctl" -s "$(socket gwd)" -q apply
	echo "elements 0 $r $(($(elements) - was))" >>"$samples"
	sampled taskset -c 1 "$limits" parse parse 0 "$r" "$work/gwd/gwd.yaml"
done
compare "gwctl apply of 100,000 services, one changed" ms "<= 1.3" "reload 0" "reading the file:" "parse 0"
limit "elements that it sends: the old one leaves, the new one comes" count "<= 2" "elements 0"
