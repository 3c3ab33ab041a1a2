#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The recipes of conf/examples/README.md, as they stand there. WireGuard and a VLAN are wires here, and other programs'
# commands are not run.
. "$(dirname "$0")/lib.sh"

blocks() { # HEADING LANGUAGE: what the blocks of that language say below the heading
	awk -v heading="## $1" -v begin="\`\`\`$2" '
		/^## / { here = $0 == heading }
		here && $0 == "```" { inside = 0 }
		here && inside { print }
		here && $0 == begin { inside = 1 }' "$top/conf/examples/README.md"
}

gwctl() { ctl gateway "$@"; }
commands() { # HEADING [LINES]: its gwctl lines, all or those (as sed has it)
	blocks "$1" sh | grep '^gwctl ' | sed -n "${2:-1,\$}p" >"$work/commands"
	[ -s "$work/commands" ] || fail "$1 has commands ${2-}"
	while read -r command; do check "$command" eval "$command"; done <"$work/commands"
}

refused() { # DESCRIPTION HOST ADDRESS PORT: or not answered
	check_not "$1" env GWD_TIMEOUT=0.5 nsenter --net="/run/netns/$2" "$python" -IS "$tools/client.py" tcp "$3" "$4"
}

begin() { # HEADING: with what the recipe has for gwd.yaml
	blocks "$1" yaml | config gateway
	check "$1" gwd_start gateway
}

end() { # HOST...: of this recipe
	gwd_stop gateway
	mkdir -p "$work/ended"
	cat "$work/gateway/gwd.log" >>"$work/ended/gwd.log"
	for h; do ip netns del "$h" && rm -r "${work:?}/$h"; done
}

recipe="A virtual machine as the door of the home"
home_lan
ip -n client addr flush dev eth0
addr client eth0 198.51.100.7/24
addr router wan 198.51.100.1/24
gateway_of client 198.51.100.1
serve gateway tcp 192.168.0.101 22 ssh
serve server tcp 192.168.0.102 80 web
serve server tcp 192.168.0.102 22
is "as the router's DMZ host, all of its ports are open" "ssh 198.51.100.7 22" ask client tcp 203.0.113.1 22
gwd_start gateway
blocks "$recipe" yaml | config gateway
commands "$recipe"
refused "its ssh is closed to the world" client 203.0.113.1 22
is "not to the home" "ssh 192.168.0.102 22" ask server tcp 192.168.0.101 22
is "the page comes" "web 192.168.0.101 80" ask client tcp 203.0.113.1 80
is "the server's ssh for the network named" "server 192.168.0.101 22" ask client tcp 203.0.113.1 22222
end client router lan gateway server

recipe="Containers and virtual machines of one host"
host client gateway web guest
wire client:eth0 gateway:eth0
wire web:eth0 gateway:web
wire guest:eth0 gateway:guest
bridge_up gateway lxcbr0 web guest
addr client eth0 203.0.113.9/24
addr gateway eth0 203.0.113.5/24
addr gateway lxcbr0 10.0.3.1/24
addr web eth0 10.0.3.10/24
addr guest eth0 10.0.3.11/24
gateway_of gateway 203.0.113.9
for h in web guest; do gateway_of $h 10.0.3.1; done
serve gateway tcp 0.0.0.0 22 host
serve web tcp 10.0.3.10 22 ssh
serve web tcp 10.0.3.10 80
begin "$recipe"
commands "$recipe"
is "from outside" "ssh 203.0.113.9 22" ask client tcp 203.0.113.5 22222
is "the page" "web 203.0.113.9 80" ask client tcp 203.0.113.5 80
is "from the host" "ssh 203.0.113.5 22" ask gateway tcp 203.0.113.5 22222
is "from another guest" "ssh 10.0.3.1 22" ask guest tcp 203.0.113.5 22222
is "localhost is the host's own" "host 127.0.0.1 22" ask gateway tcp 127.0.0.1 22
is "with no forward" "Connection refused" eval 'ask gateway tcp 127.0.0.1 22222 || :'
is "the short way" "ssh 10.0.3.1 22" ask gateway tcp 10.0.3.10 22
end client gateway web guest

recipe="Exposed machines on a network of their own"
host client gateway people exposed
wire client:eth0 gateway:eth0
wire people:eth0 gateway:eth1
wire exposed:eth0 gateway:eth1.20
addr client eth0 203.0.113.9/24
addr gateway eth0 203.0.113.1/24
addr gateway eth1 192.168.0.1/24
addr gateway eth1.20 192.168.20.1/24
addr people eth0 192.168.0.2/24
addr exposed eth0 192.168.20.10/24
gateway_of gateway 203.0.113.9
gateway_of people 192.168.0.1
gateway_of exposed 192.168.20.1
serve client tcp 203.0.113.9 80 internet
serve people tcp 192.168.0.2 80
serve exposed tcp 192.168.20.10 80
serve gateway tcp 0.0.0.0 22
begin "$recipe"
is "from outside" "exposed 203.0.113.9 80" ask client tcp 203.0.113.1 80
is "people reach the server" "exposed 192.168.0.2 80" ask people tcp 192.168.20.10 80
is "which reaches the internet" "internet 203.0.113.1 80" ask exposed tcp 203.0.113.9 80
refused "and not them" exposed 192.168.0.2 80
refused "nor the gateway" exposed 192.168.20.1 22
end client gateway people exposed

recipe="No public address: a rented server and WireGuard"
host client gateway home router server
wire client:eth0 gateway:eth0
wire gateway:wg0 home:wg0
wire router:eth0 home:eth0
wire server:eth0 router:server
bridge_up router br0 eth0 server
addr client eth0 203.0.113.9/24
addr gateway eth0 203.0.113.5/24
addr gateway wg0 10.66.0.1/24
addr home wg0 10.66.0.2/24
addr home eth0 192.168.0.101/24
addr router br0 192.168.0.1/24
addr server eth0 192.168.0.102/24
gateway_of gateway 203.0.113.9
for h in home server; do gateway_of $h 192.168.0.1; done
serve home tcp 10.66.0.2 80
serve server tcp 192.168.0.102 80
serve gateway tcp 0.0.0.0 22-23
begin "$recipe"
is "the machine at home, whose default route is another" "home 10.66.0.1 80" ask client tcp 203.0.113.5 80
is "ssh of the rented server" "gateway 203.0.113.9 22" ask client tcp 203.0.113.5 22
refused "and nothing else of it" client 203.0.113.5 23
gwd_start home
has "the recipe goes on" 'gwctl add wg0:80,443 192\.168\.0\.102 --snat always' cat "$top/conf/examples/README.md"
ctl home add wg0:80,443 192.168.0.102 --snat always --force >/dev/null 2>&1
is "another machine there" "server 192.168.0.101 80" ask client tcp 203.0.113.5 80
gwd_stop home
end client gateway home router server

host client gateway one two
wire client:eth0 gateway:wan
wire one:eth0 gateway:one
wire two:eth0 gateway:two
bridge_up gateway lan one two
addr client eth0 203.0.113.9/24 198.51.100.7/24
addr gateway wan 203.0.113.5/24 203.0.113.6/24
addr gateway lan 192.168.0.1/24 10.0.0.1/24
addr one eth0 192.168.0.20/24 192.168.0.110/24 10.0.0.2/24
addr two eth0 192.168.0.21/24 10.0.0.3/24
gateway_of gateway 203.0.113.9
for h in one two; do gateway_of $h 192.168.0.1; done
ip -n client route add 203.0.113.5/32 dev eth0 src 198.51.100.7
serve one tcp 0.0.0.0 443
serve one tcp 0.0.0.0 3389 desktop
serve one udp 192.168.0.110 27050 game
serve one tcp 192.168.0.110 25565 game
serve two tcp 10.0.0.3 443

recipe="For one address, for a while"
begin "$recipe"
commands "$recipe" 1
is "for that address" "desktop 198.51.100.7 3389" ask client tcp 203.0.113.5 3389
refused "for no other" client 203.0.113.6 3389
has "it ends" '^desktop .* in (2h|1h ?59m)' gwctl ls
commands "$recipe" 2
has "later" '^desktop .* in (4h|3h ?59m)' gwctl ls
talk_open desktop client tcp 203.0.113.5 3389
is "in use" "desktop 198.51.100.7 3389" talk desktop
commands "$recipe" '3,$'
has "it is over" '^(Connection reset|timed out)' talk desktop
has "ssh is open for a while" 'tcp 22 from 198\.51\.100\.7' gwctl status

commands "Two addresses, two servers"
is "one" "one 198.51.100.7 443" ask client tcp 203.0.113.5 443
is "two" "two 203.0.113.9 443" ask client tcp 203.0.113.6 443

commands "A game server"
is "the game" "game 198.51.100.7 25565" ask client tcp 203.0.113.5 25565
is "its voice" "game 198.51.100.7 27050" ask client udp 203.0.113.5 27050
is "from the house" "game 192.168.0.1 25565" ask two tcp 203.0.113.5 25565
finish
