#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A Varlink client that is not ours (the Go library's) lists, describes and calls; a plain one sends what no client should.
. "$(dirname "$0")/lib.sh"

raw() { "$python" -IS "$tools/varlink.py" "$work/gateway/gwd.sock" "$@"; }

two_nics
gwd_start gateway
ctl gateway add 80 10.0.0.2 >/dev/null

has "GetInfo names the interface" '"org\.gwd\.Gateway"' raw '{"method":"org.varlink.service.GetInfo"}'
has "an unknown method" '"org\.varlink\.service\.MethodNotFound"' raw '{"method":"org.gwd.Gateway.Nonsense"}'
has "an unknown interface" '"org\.varlink\.service\.InterfaceNotFound"' raw '{"method":"org.example.X.Y"}'
has "a parameter of the wrong type" '"org\.varlink\.service\.InvalidParameter"' \
	raw '{"method":"org.gwd.Gateway.Get","parameters":{"name":7}}'
has "not there" '"org\.gwd\.Gateway\.NotFound"' raw '{"method":"org.gwd.Gateway.Get","parameters":{"name":"x"}}'
raw '{"method":"org.varlink.service.GetInfo"}' '{"method":"org.gwd.Gateway.Nonsense"}' >"$work/two"
has "several calls in one write: the first is answered first" '"vendor"' head -n 1 "$work/two"
has "and the second second" 'MethodNotFound' tail -n 1 "$work/two"
has "what is no JSON is answered" 'not JSON' raw 'hello'
has "and cut" '^closed$' raw 'hello' '{"method":"org.varlink.service.GetInfo"}'
check "and nobody else notices" ctl gateway ls

go=$(command -v go || :)
if [ -z "$go" ] || [ ! -d /usr/share/gocode/src/github.com/varlink/go ]; then
	skip "a client made by others" "go and its varlink library are not here: sh packaging/deps.sh --dev"
	finish
fi
if ! said=$(cd "$work" && GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$work/cache" CGO_ENABLED=0 \
	"$go" build -o "$work/theirs" "$tools/varlink_client.go" 2>&1); then
	fail "the Go client is built" "$said"
	finish
fi
theirs() { "$work/theirs" "unix:$work/gateway/gwd.sock" "$@"; }
has "theirs: GetInfo" 'org\.gwd\.Gateway' theirs org.varlink.service.GetInfo '{}'
theirs org.varlink.service.GetInterfaceDescription '{"interface":"org.gwd.Gateway"}' |
	"$python" -IS -c 'import json, sys; print(json.load(sys.stdin)["description"], end="")' >"$work/description"
check "theirs: the description is the file" diff "$work/description" "$top/gwd/org.gwd.Gateway.varlink"
has "theirs: Add" 'added tcp-443' theirs org.gwd.Gateway.Add '{"service":{"ports":["443"],"to":[{"addr":"10.0.0.2"}]}}'
has "theirs: Get" '"active"' theirs org.gwd.Gateway.Get '{"name":"tcp-443"}'
has "theirs: List, as a stream" 'tcp-443' theirs -more org.gwd.Gateway.List '{}'
has "theirs: an error by its name" 'org\.gwd\.Gateway\.Conflict' \
	theirs org.gwd.Gateway.Add '{"service":{"ports":["443"],"to":[{"addr":"10.0.0.3"}]}}'
finish
