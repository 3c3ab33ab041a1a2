# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Memory of the daemon, resident, and what listing everything adds to it.
. "$(dirname "$0")/lib.sh"

lay_out empty thousand many
: | config empty
pinned 1000 | config thousand
pinned 100000 | config many
for n in empty thousand many; do gwd_start $n || give_up "gwd does not start"; done
sleep 5 # what starting took goes back to the system a little later
for n in empty thousand many; do echo "rss-$n 0 0 $(memory $n VmRSS)" >>"$samples"; done
limit "memory, empty" MB "<= 6" "rss-empty 0"
limit "memory, 1,000 forwards" MB "<= 7" "rss-thousand 0"
limit "memory, 100,000 forwards" MB "<= 60" "rss-many 0"

before=$(memory many VmRSS)
echo 5 >"/proc/$(pid_of many)/clear_refs" # VmHWM begins anew
for r in $(rounds 5); do
	sampled on many "$timed" run ls 0 "$r" 0 "$gwctl" -s "$(socket many)" ls -o json
done
echo "grown 0 0 $(echo "$(memory many VmHWM) $before" | awk '{ print $1 - $2 }')" >>"$samples"
limit "gwctl ls -o json of 100,000" ms "<= 700" "ls 0"
limit "what that adds to the daemon's memory, at its peak" MB "" "grown 0"
