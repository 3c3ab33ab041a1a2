# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# One forward more and one less, asked for over an open socket: among 10 and among 100,000, against the kernel and the disk
# by themselves; many in a row on one connection; many clients at once.
. "$(dirname "$0")/lib.sh"

lay_out few many raw ranges
pinned 10 | config few
pinned 100000 | config many
"$python" -IS -c 'print("services:")
for i in range(1000):
    print(f"  - {{listen: 203.0.113.1, port: {i * 20 + 10}-{i * 20 + 19}, to: 10.0.0.2}}")' | config ranges
for n in few many ranges; do gwd_start $n || give_up "gwd does not start"; done
few=$(socket few)
many=$(socket many)

named temporary taskset -c 0 "$calls" one 7 200 temporary "$many" "$few"
limit "one temporary add among 100,000, over an open socket" µs "<= 100" "temporary-add 0"
compare "one temporary add among 100,000" µs "<= 1.2" "temporary-add 0" "among 10:" "temporary-add 1"
compare "rm of one temporary among 100,000" µs "<= 3" "temporary-rm 0" "its add:" "temporary-add 0"

named range taskset -c 0 "$calls" one 7 50 range "$(socket ranges)"
compare "rm of a range among 1,000 ranges" µs "<= 3" "range-rm 0" "its add:" "range-add 0"

for r in $(rounds 7); do
	"$calls" one 1 100 durable "$many" | sed "s/ 0 0 / 0 $r /; s/^/durable-/" >>"$samples"
	sampled on raw taskset -c 1 "$limits" add raw-add 0 "$r" 100 "$disk"
done
compare "one durable add among 100,000" µs "<= 1.5" "durable-add 0" "raw netlink + SQLite FULL:" "raw-add 0"
compare "rm of one durable among 100,000" µs "<= 3" "durable-rm 0" "its add:" "durable-add 0"

named pipelined taskset -c 0 "$calls" pipelined 5 10000 durable "$many"
limit "pipelined durable adds, one connection, among 100,000" per_s ">= 20000" "pipelined-add 0"
limit "pipelined durable rms" per_s "" "pipelined-rm 0"

named clients taskset -c 0 "$calls" clients 5 100 temporary "$many"
compare "100 clients at once, 20 adds each: the slowest is done" s "" "clients-last 0" "the middle one:" "clients-middle 0"
limit "calls of these that were refused" count "<= 0" "clients-refused 0"
