#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A home network made of network namespaces, and gwd in it: `make demo`. Needs root or user namespaces; touches nothing
# of the machine it runs on, and says so at the end after having looked.
set -u

machine() { # what the demo must leave as it is
	ip -o link
	ip rule
	ip route
	cat /proc/sys/net/ipv4/ip_forward
	nft -s list ruleset 2>/dev/null
}

if [ -z "${GWD_SANDBOX-}" ]; then
	before=$(machine)
	"$(dirname "$0")/sandbox" sh "$0"
	status=$?
	if [ $status = 77 ]; then
		echo "    sudo make demo"
		exit 1
	fi
	[ $status = 0 ] || exit $status
	if [ "$(machine)" != "$before" ]; then
		echo "This machine's own network changed meanwhile (links, routes, rules, nft or ip_forward): not by the demo's doing?"
		exit 1
	fi
	echo "All of it is gone again. This machine's links, routes, firewall and forwarding are as they were."
	exit 0
fi

. "$(dirname "$0")/netns/lib.sh"

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || step() { printf '\n%s\n' "$*"; }

typed() { # HOST COMMAND-AS-TYPED COMMAND...: shows both, and what came of it
	printf '  %s$ %s\n' "$1" "$2"
	shift 2
	"$@" 2>&1 | sed 's/^/      /'
}

gwctl_on_gateway() {
	typed gateway "gwctl $*" ctl gateway "$@"
}

page() { # must be served, and by whom
	said=$(fetch client 203.0.113.1 80)
	printf '  client$ curl http://203.0.113.1/\n      %s\n' "$said"
	case $said in "the page"*) ;; *) broken "the page is not served" ;; esac
}

broken() {
	echo "The demo failed: $*. gwd said:"
	cat "$work/gateway/gwd.log"
	exit 1
}

step "A home, made of network namespaces"
cat <<'PICTURE'
      client 203.0.113.9 --- internet --- 203.0.113.1 router 192.168.0.1
                                                          |
                       192.168.0.101 gateway (one NIC) ---+--- web server 192.168.0.102
  The router sends everything from outside to the gateway. The server's default route is the router.
PICTURE
home_lan || broken "no network"
serve server tcp 192.168.0.102 80 "the page, asked for by"
printf '  client$ curl http://203.0.113.1/\n      %s\n' "$(fetch client 203.0.113.1 80)"

step "gwd starts on the gateway with an empty gwd.yaml: nothing changes"
gwd_start gateway || broken "gwd does not start"
typed gateway "nft list ruleset; cat /proc/sys/net/ipv4/ip_forward" \
	on gateway sh -c 'nft list ruleset; cat /proc/sys/net/ipv4/ip_forward'

step "One command, and the page is on the internet"
gwctl_on_gateway add 80 192.168.0.102
page
page

step "What runs, and how often it was used"
gwctl_on_gateway ls
gwctl_on_gateway show tcp-80

step "gwd is killed: packets do not need it"
printf '  gateway$ kill -9 %s\n' "$(cat "$work/gateway/gwd.pid")"
gwd_kill gateway
page

step "gwd is back: it knows its forward, finds it in the kernel as it should be, and the count goes on"
gwd_start gateway || broken "gwd does not start again"
gwctl_on_gateway ls

step "And away with it"
gwctl_on_gateway rm 80
printf '  client$ curl http://203.0.113.1/\n      %s\n' "$(fetch client 203.0.113.1 80)"
gwd_stop gateway
echo
