# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# What people use instead: firewalld and nftlb for the rule, HAProxy for the connection. Only to know, there is no goal.
. "$(dirname "$0")/lib.sh"

lay_out gwd proxy
config gwd <<-YAML
	services:
	  - {port: 80, to: "10.0.0.2:9000"}
YAML
gwd_start gwd || give_up "gwd does not start"
add() { sampled on gwd "$timed" run "gwctl-$2" 0 "$1" 0 "$gwctl" -s "$(socket gwd)" -q add $((2000 + $1 + $3)) 10.0.0.2; }

if have firewalld "one forward by firewall-cmd" && have dbus-daemon "firewalld's bus"; then
	lay_out wall
	mkdir -p /run/dbus "$work/etc" && cp -r /etc/firewalld "$work/etc/" && mount --bind "$work/etc/firewalld" /etc/firewalld
	dbus-daemon --session --address=unix:path=/run/dbus/system_bus_socket --nofork --nopidfile 2>/dev/null &
	eventually test -S /run/dbus/system_bus_socket
	nsenter --net=/run/netns/wall firewalld --nofork --nopid >"$work/firewalld.log" 2>&1 &
	eventually on wall firewall-cmd --state || note "firewalld does not come up"
	for r in $(rounds 5); do
		add "$r" firewalld 0
		sampled on wall "$timed" run firewalld 0 "$r" 0 \
			firewall-cmd -q --add-forward-port=port=$((2000 + r)):proto=tcp:toaddr=10.0.0.2
	done
	compare "gwctl -q add as a process" ms "" "gwctl-firewalld 0" "firewall-cmd --add-forward-port:" "firewalld 0"
fi

if have nftlb "one forward by nftlb" && have curl "nftlb's client"; then
	lay_out balancer
	on balancer nftlb -k key -H 127.0.0.1 -P 5555 >/dev/null 2>&1 &
	farms=http://127.0.0.1:5555/farms
	eventually on balancer curl -sf -H "Key: key" $farms || note "nftlb does not answer"
	for r in $(rounds 15); do
		add "$r" nftlb 100
		sampled on balancer "$timed" run nftlb 0 "$r" 0 curl -sf -H "Key: key" -X POST $farms -d "{\"farms\": [{\"name\":
			\"f$r\", \"family\": \"ipv4\", \"virtual-addr\": \"203.0.113.1\", \"virtual-ports\": \"$((2000 + r))\",
			\"mode\": \"snat\", \"protocol\": \"tcp\", \"scheduler\": \"rr\", \"state\": \"up\", \"backends\":
			[{\"name\": \"b\", \"ip-addr\": \"10.0.0.2\", \"port\": \"80\", \"state\": \"up\"}]}]}"
	done
	compare "gwctl -q add as a process" ms "" "gwctl-nftlb 0" "nftlb, asked by curl:" "nftlb 0"
fi

if have haproxy "a connection through HAProxy"; then
	cat >"$work/haproxy.cfg" <<-CFG
		global
			nbthread 1
		defaults
			mode tcp
			timeout connect 5s
			timeout client 30s
			timeout server 30s
		listen web
			bind 203.0.113.1:80
			server s 10.0.0.2:9000
		listen bulk
			bind 203.0.113.1:81
			server s 10.0.0.2:9001
	CFG
	ctl gwd -q add 81 10.0.0.2:9001
	nsenter --net=/run/netns/proxy taskset -c 1 haproxy -q -f "$work/haproxy.cfg" 2>"$work/haproxy.log" &
	eventually sh -c "nsenter --net=/run/netns/proxy ss -Hltn | grep -q ':80 '" || note "HAProxy does not come up"
	sampled "$packets" connect 7 300 gwd-client,gwd-server,203.0.113.1,80,1,9000 proxy-client,proxy-server,203.0.113.1,80,1,9000
	sampled "$packets" stream 7 400 gwd-client,gwd-server,203.0.113.1,81,1,9001 proxy-client,proxy-server,203.0.113.1,81,1,9001
	compare "a new TCP connection and its first answer" µs "" "connect 0" "HAProxy:" "connect 1"
	compare "one TCP connection" Gbit/s "" "stream 0" "HAProxy:" "stream 1"
fi
