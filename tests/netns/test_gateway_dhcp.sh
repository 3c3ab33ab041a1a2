#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A gateway whose ports are closed still gets its address by DHCP, renews it, and learns its IPv6 address and route from
# router advertisements. With the client and server of busybox, and crafted packets for what they do not send here.
. "$(dirname "$0")/lib.sh"

for applet in udhcpc udhcpd; do
	busybox --list 2>/dev/null | grep -qx $applet || skip_all "there is no busybox with $applet"
done
host gateway provider
wire provider:eth0 gateway:wan
addr provider eth0 203.0.113.1/24 203.0.113.2/24 2001:db8::1/64
config gateway <<'YAML'
wan: wan
gateway:
  open: []
YAML
check "gwd starts" gwd_start gateway

# --- DHCP ---------------------------------------------------------------------------------------------------------------------
cat >"$work/udhcpd.conf" <<CONF
start 203.0.113.50
end 203.0.113.50
interface eth0
lease_file $work/leases
pidfile $work/udhcpd.pid
option subnet 255.255.255.0
option router 203.0.113.1
option lease 3600
CONF
: >"$work/leases"
cat >"$work/udhcpc.sh" <<CONF
#!/bin/sh
case \$1 in
bound | renew)
	ip addr replace "\$ip/24" dev wan
	ip route replace default via "\$router"
	;;
esac
echo "\$1" >>$work/said
CONF
chmod +x "$work/udhcpc.sh"
nsenter --net=/run/netns/provider busybox udhcpd -f "$work/udhcpd.conf" >/dev/null 2>&1 &
server=$!
nsenter --net=/run/netns/gateway busybox udhcpc -f -i wan -s "$work/udhcpc.sh" >/dev/null 2>&1 &
client=$!
said() { grep -qx "$1" "$work/said"; }
check "an address comes" eventually said bound
kill -USR1 $client
check "and is renewed" eventually said renew
kill $client $server
wait $client $server
for proto in tcp udp; do
	serve gateway $proto :: 22
	check_not "what is closed is closed, $proto" env GWD_TIMEOUT=0.5 nsenter --net=/run/netns/provider \
		"$python" -IS "$tools/client.py" $proto 203.0.113.50 22
done

# --- answers that nobody expects from whom they come (a broadcast was asked) ------------------------------------------------------
cat >"$work/answer.py" <<'PY'
"""Listens on a port and keeps what comes, or sends there from a port."""
import socket, sys
role, address, port, source = sys.argv[1:5]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
if role == "serve":
    s.bind((address, int(port)))
    open(source + ".ready", "w").close()
    while True:
        said = s.recv(99)
        with open(source, "wb") as f:
            f.write(said)
s.bind(("" if ":" in address else "203.0.113.2", int(source))) # another server than the one that was asked
s.sendto(b"hello", socket.getaddrinfo(address, int(port), s.family, flags=socket.AI_NUMERICHOST)[0][4])
PY
arrives() { # FROM-PORT ADDRESS PORT
	rm -f "$work/got.$3"
	on provider "$python" -IS "$work/answer.py" send "$2" "$3" "$1"
	(patience=${4-$patience} && eventually test -s "$work/got.$3")
}
link_local=$(ip -n gateway -6 addr show dev wan scope link | sed -n 's/.*inet6 \(fe80[^/]*\).*/\1/p')
for listen in "0.0.0.0 68" "0.0.0.0 69" ":: 546" ":: 547"; do
	# shellcheck disable=SC2086 # two words
	on gateway "$python" -IS "$work/answer.py" serve $listen "$work/got.${listen#* }" &
	eventually test -e "$work/got.${listen#* }.ready"
done
check "DHCP" arrives 67 203.0.113.50 68
check_not "from no other port" arrives 68 203.0.113.50 68 1
check_not "nor to another" arrives 67 203.0.113.50 69 1
check "DHCPv6" arrives 547 "$link_local%eth0" 546
check_not "from no other port" arrives 548 "$link_local%eth0" 546 1
check_not "nor to another" arrives 547 "$link_local%eth0" 547 1

# --- router advertisements ------------------------------------------------------------------------------------------------------
on gateway sh -c 'echo 2 >/proc/sys/net/ipv6/conf/wan/accept_ra'
on provider "$python" -IS "$tools/ra_send.py" eth0 1800 2001:db8:7::/64
advertised() { ip -n gateway -6 route show default | grep -q 'proto ra' && ip -n gateway -6 addr show dev wan | grep -q 2001:db8:7:; }
check "a router advertisement gives address and route" eventually advertised
finish
