#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Beside Docker, as its daemon writes its rules with iptables (no Docker is started): it makes DROP the policy of FORWARD
# when it turns forwarding on itself, and drops what goes to a container's port that is not published. What is named
# helps at once, and after each restart of Docker and a reboot; a published port goes on working.
. "$(dirname "$0")/lib.sh"
. "$top/tests/netns/firewalls.sh"
command -v iptables-nft >/dev/null || skip_all "there is no iptables-nft here: sh packaging/deps.sh"

daemon_json=$work/daemon.json
ipt() { on gateway iptables-nft "$@"; }
firewall_start() { # dockerd
	for chain in DOCKER DOCKER-FORWARD DOCKER-USER; do
		ipt -N $chain 2>/dev/null || [ $chain = DOCKER-USER ] || ipt -F $chain
	done
	ipt -t nat -N DOCKER 2>/dev/null || ipt -t nat -F DOCKER
	ipt -t nat -C PREROUTING -m addrtype --dst-type LOCAL -j DOCKER 2>/dev/null ||
		ipt -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
	for jump in DOCKER-FORWARD DOCKER-USER; do
		ipt -D FORWARD -j $jump 2>/dev/null
		ipt -I FORWARD -j $jump
	done
	ipt -A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	ipt -A DOCKER-FORWARD -o docker0 -j DOCKER
	ipt -A DOCKER-FORWARD -i docker0 -j ACCEPT
	ipt -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
	ipt -A DOCKER ! -i docker0 -o docker0 -j DROP
	ipt -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8088 -j DNAT --to-destination 172.17.0.2:80
	[ "$(on gateway cat /proc/sys/net/ipv4/ip_forward)" = 0 ] || return 0
	on gateway sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	grep -q '"ip-forward-no-drop": true' "$daemon_json" 2>/dev/null || ipt -P FORWARD DROP
}
firewall_reload() { firewall_start; }
web() { ask client tcp 203.0.113.1 80; }
inside() { ask client tcp 203.0.113.1 81; }
published() { ask client tcp 203.0.113.1 8088; }
everything() { web && inside && published; }
policy() { ipt -S FORWARD | head -n 1; }

two_nics
host container
wire container:eth0 gateway:veth0
bridge_up gateway docker0 veth0
addr gateway docker0 172.17.0.1/16
addr container eth0 172.17.0.2/16
gateway_of container 172.17.0.1
serve server tcp 10.0.0.2 80
serve container tcp 172.17.0.2 80-81
firewall_start
theirs >"$work/before"
is "what Docker publishes works" "container 203.0.113.9 80" published
gwd_start gateway
has "add names the policy and what helps" \
	'web: dropped by Docker \(table ip filter, chain FORWARD\); .*: iptables -I DOCKER-USER -m conntrack --ctstate DNAT -j ACCEPT$' \
	ctl gateway add 80 10.0.0.2 --name web
has "add names the chain that guards a container" 'inside: dropped by Docker \(table ip filter, chain DOCKER\)' \
	ctl gateway add 81 172.17.0.2 --name inside
check "nothing of Docker's is touched" theirs_are "$work/before"
check_not "rightly said: nothing passes" web
check_not "nor to the container" inside
later=$(remedy_later)
check "the command can be done as it is told" do_now
check "it helps both, and what Docker publishes works on" everything
check "status is content" eventually warns_not
firewall_reload
check "Docker is restarted: all works" everything
check "without a warning" eventually warns_not

# A boot forgets the rule, and what stays decides.
reboot gwd
check "after a reboot, gwd first: Docker finds forwarding on and drops nothing" web
is "that is what it looks like" "-P FORWARD ACCEPT" policy
reboot firewall
check "Docker first: dropped again" eventually warns '^web: dropped by Docker \(table ip filter, chain FORWARD\)'
check_not "rightly so" web
echo "{ ${later%% in /etc/docker/daemon.json*} }" >"$daemon_json"
reboot firewall
is "with what is told for good it works" "server 203.0.113.9 80" web
is "and so does what Docker publishes" "container 203.0.113.9 80" published
check "a container's other ports go on being Docker's business" eventually warns '^inside: dropped by Docker \(table ip filter, chain DOCKER\)'
check_not "which status says alone" warns '^web'
finish
