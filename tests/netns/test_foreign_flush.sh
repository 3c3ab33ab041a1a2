#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody else empties or changes our table: it is put right at once, and the log says who it was. Other people's
# tables are their business.
. "$(dirname "$0")/lib.sh"

answers() { [ "$(ask client tcp 203.0.113.1 80)" = "server 203.0.113.9 80" ]; }
logged() { grep -q "$1" "$work/gateway/gwd.log"; }
repairs() { grep -c 'changed table inet gwd' "$work/gateway/gwd.log"; }
gone() { ! on gateway nft list chain inet gwd forward | grep -qx '[[:space:]]*counter packets [0-9]* bytes [0-9]* drop'; }

two_nics
serve server tcp 10.0.0.2 80
gwd_start gateway
ctl gateway add 80 10.0.0.2 >/dev/null
is "it works" "server 203.0.113.9 80" ask client tcp 203.0.113.1 80
on gateway nft flush ruleset
check "after a flush of everything it works again" eventually answers
check "and the log says who it was" eventually logged 'nft (pid [0-9]*) changed table inet gwd'
on gateway nft flush chain inet gwd prerouting
check "after the loss of a chain's rules" eventually answers
on gateway nft 'delete element inet gwd any4 { tcp . 80 }'
check "after the loss of an element" eventually answers
on gateway nft add rule inet gwd forward counter drop
check "a rule that somebody adds does not stay" eventually gone
ctl gateway status >/dev/null # what it did before that it has also logged
before=$(repairs)
on gateway nft 'add table inet other; add chain inet other c; delete table inet other'
ctl gateway add 81 10.0.0.2:80 >/dev/null
is "others' tables and our own changes are no news" "$before" repairs
finish
