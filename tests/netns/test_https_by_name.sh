#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# HTTPS by name with the real HAProxy, its file from conf/examples as it stands, and servers with certificates of their
# own: HAProxy behind a forward, and on the gateway itself.
. "$(dirname "$0")/lib.sh"

for program in haproxy openssl; do
	command -v $program >/dev/null || skip_all "$program is not here: sh packaging/deps.sh --dev"
done
host client gateway lan proxy one two
wire client:eth0 gateway:wan
for h in gateway proxy one two; do wire "lan:$h" "$h:eth0"; done
bridge_up lan br0 gateway proxy one two
addr client eth0 203.0.113.9/24 2001:db8::9/64
addr gateway wan 203.0.113.1/24 2001:db8::1/64
addr gateway eth0 10.0.0.1/24
addr proxy eth0 10.0.0.80/24
addr one eth0 10.0.0.2/24
addr two eth0 10.0.0.3/24
gateway_of gateway 203.0.113.9
for h in proxy one two; do gateway_of $h 10.0.0.1; done

tls_server() { # HOST ADDRESS NAME: its page is its name
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$3" -addext "subjectAltName=DNS:$3,DNS:www.$3" \
		-keyout "$work/$1/key" -out "$work/$1/certificate" 2>/dev/null
	echo "$3" >"$work/$1/page"
	(cd "$work/$1" && exec nsenter --net="/run/netns/$1" openssl s_server -quiet -WWW -cert certificate -key key \
		-accept "$2:443" >s_server.log 2>&1) &
	serve "$1" tcp "$2" 80 "$3"
}

get() { # CONNECT-TO NAME HOST: the page of https://NAME/, which only HOST has the certificate for
	printf 'GET /page HTTP/1.0\r\n\r\n' | on client timeout "$patience" openssl s_client -quiet -connect "$1" \
		-servername "$2" -verify_hostname "$2" -verify_return_error -CAfile "$work/$3/certificate" 2>/dev/null | tail -n 1
}

got() { # PAGE CONNECT-TO NAME HOST
	[ "$(get "$2" "$3" "$4")" = "$1" ]
}

host_page() { # ADDRESS NAME: the page of http://NAME/
	on client "$python" -IS -c 'import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], timeout=5)
connection.request("GET", "/", headers={"Host": sys.argv[2]})
print(connection.getresponse().read().decode(), end="")' "$1" "$2"
}

haproxy_up() { # HOST: it becomes the user of its file where there is more than one
	grep -qE '^ +0 +0 +1$' /proc/self/uid_map && one_user='/^\t(user|group) /d'
	sed -E "${one_user-}" "$top/conf/examples/https-by-name/haproxy.cfg" >"$work/$1/haproxy.cfg"
	on "$1" haproxy -db -f "$work/$1/haproxy.cfg" >"$work/$1/haproxy.log" 2>&1 &
}

by_name() { # LABEL ADDRESS CONNECT-TO
	check "$1: the first name" eventually got one.example "$3" one.example one
	is "$1: the second" two.example get "$3" two.example two
	is "$1: another name of the first" one.example get "$3" WWW.one.example one
	is "$1: one below the second" two.example get "$3" www.two.example two
	has "$1: a stranger's name" 'no peer certificate' \
		on client openssl s_client -connect "$3" -servername three.example
	has "$1: plain HTTP by name" '^one\.example 10\.0\.0\.(80|1) 80' host_page "$2" one.example
	has "$1: the second, with a port" '^two\.example 10\.0\.0\.(80|1) 80' host_page "$2" two.example:80
	has "$1: no server for a stranger's" 'Service Unavailable' host_page "$2" three.example
}

tls_server one 10.0.0.2 one.example
tls_server two 10.0.0.3 two.example
config gateway <<'YAML'
lan: eth0
services:
  - {name: web, port: [80, 443], to: 10.0.0.80}
YAML
check "gwd starts" gwd_start gateway
haproxy_up proxy
by_name "behind a forward" 203.0.113.1 203.0.113.1:443

config gateway <<'YAML'
lan: eth0
gateway: {open: [{port: 22, from: local}]}
YAML
ctl gateway -q apply
haproxy_up gateway
check_not "on the gateway, not open" env GWD_TIMEOUT=0.5 nsenter --net=/run/netns/client "$python" -IS "$tools/client.py" tcp 203.0.113.1 443
config gateway <<'YAML'
lan: eth0
gateway: {open: [{port: 22, from: local}, {port: [80, 443]}]}
YAML
ctl gateway -q apply
by_name "on the gateway" 203.0.113.1 203.0.113.1:443
is "on the gateway: IPv6" two.example get '[2001:db8::1]:443' two.example two
finish
