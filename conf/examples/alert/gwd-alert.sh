#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Tells a webhook when a forwarded port stops passing, and when it passes again: once each, whatever the number of runs in
# between. For gwd-alert.timer or cron. What could not be told is told by the next run.
#   WEBHOOK=URL PORTS='80 53/udp' sh gwd-alert.sh
# The state of before is in $STATE_DIRECTORY (which systemd sets) or /var/lib/gwd-alert. Needs curl.
set -u

state=${STATE_DIRECTORY:-/var/lib/gwd-alert}
: "${WEBHOOK:?the URL that is told}" "${PORTS:?the ports that are watched, as in \'80 53/udp\'}"
mkdir -p "$state" || exit 1
failed=0

json() { # a text as a JSON string
	printf '%s' "$1" | tr -d '\000-\037' | sed 's/["\\]/\\&/g; s/.*/"&"/'
}

tell() { # TEXT: Slack, Mattermost, Rocket.Chat and others take {"text": ...}; change it for yours
	curl -fsS --max-time 20 --retry 2 -H 'Content-Type: application/json' -d "{\"text\": $(json "$1")}" "$WEBHOOK" >/dev/null
}

for port in $PORTS; do
	memory=$state/$(printf '%s' "$port" | tr / _)
	gwctl why "$port" -q
	case $? in
	0) now=passes ;;
	1) now="does not pass" ;;
	3) now="is not known: gwd is away" ;;
	*) # the port is mistyped, and gwctl has said so
		failed=1
		continue
		;;
	esac
	before=$(cat "$memory" 2>/dev/null || echo passes)
	[ "$now" != "$before" ] || continue
	why=
	[ "$now" != "does not pass" ] || why=": $(gwctl why "$port" 2>&1 | tail -n 1)"
	if tell "$(uname -n): port $port $now$why"; then
		echo "$now" >"$memory.new" && mv "$memory.new" "$memory"
	else
		failed=1
	fi
done
exit $failed
