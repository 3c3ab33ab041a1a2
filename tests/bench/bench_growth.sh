# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# How costs grow with the number of forwards: 10, 100, ... 100,000. Drawn by gnuplot to growth.svg beside the results; the
# table has the two ends.
. "$(dirname "$0")/lib.sh"

counts="10 100 1000 10000 100000"
for n in $counts; do
	lay_out "g$n"
	udp_ports "$n" | config "g$n"
	sampled on "g$n" taskset -c 1 "$timed" ready "start-$n" 0 0 1 "$gwd" -c "$work/g$n/gwd.yaml" -s "$(socket "g$n")" -S "$work/g$n/state" 2>/dev/null
	gwd_start "g$n" || give_up "gwd does not start"
done
sleep 5
ways=
sockets=
for n in $counts; do
	echo "memory-$n 0 0 $(memory "g$n" VmRSS)" >>"$samples"
	ports=$((n < 50000 ? n : 50000))
	ways="$ways g$n-client,g$n-server,203.0.113.1,10000,$ports,9000"
	sockets="$sockets $(socket "g$n")"
done
# shellcheck disable=SC2086 # words
sampled "$packets" first 20 500 $ways
# shellcheck disable=SC2086 # words
sampled taskset -c 0 "$calls" one 11 100 temporary $sockets

middle() { # NAME SIDE
	values "$1" "$2" | tr , '\n' | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
side=0
for n in $counts; do
	echo "$n $(middle add $side) $(middle first $side) $(middle "start-$n" 0) $(middle "memory-$n" 0)"
	side=$((side + 1))
done >"$bench/growth.data"
compare "growth to 100,000 forwards: one temporary add" µs "" "add 4" "at 10:" "add 0"
compare "growth to 100,000 forwards: first packet of a flow" µs "" "first 4" "at 10:" "first 0"
compare "growth to 100,000 forwards: start to READY" ms "" "start-100000 0" "at 10:" "start-10 0"
compare "growth to 100,000 forwards: memory" MB "" "memory-100000 0" "at 10:" "memory-10 0"
have gnuplot "the drawing of growth" || exit 0
gnuplot <<-PLOT
	set terminal svg size 860,560 background "white" font "sans-serif,12"
	set output "$bench/growth.svg"
	set logscale xy
	set key left top
	set grid
	set xlabel "forwards"
	set format x "10^{%L}"
	set title "What grows with the number of forwards, and what does not"
	plot "$bench/growth.data" using 1:4 with linespoints title "start to READY, ms", \
		"" using 1:5 with linespoints title "memory, MB", \
		"" using 1:2 with linespoints title "one temporary add, µs", \
		"" using 1:3 with linespoints title "first packet of a flow, µs"
PLOT
