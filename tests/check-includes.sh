#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Data moves one way (CONTRIBUTING.md), and every library stays behind its door: looked for in the #include lines.
set -u
cd "$(dirname "$0")/.." || exit 1

grep -nE '^[[:space:]]*#[[:space:]]*include' gwd/*.[ch] gwd/lib/*.[ch] gwctl/*.[ch] | awk -F: '
function only(header, owners) { # a header, and the files that may include it
	if (included ~ header && file !~ owners)
		wrong(included " belongs to " owners)
}
function never(files, headers) {
	if (file ~ files && included ~ headers)
		wrong("a file of " files " knows nothing of " included)
}
function wrong(why) {
	printf "%s:%s: %s\n", file, line, why
	mistakes++
}
{
	file = $1
	line = $2
	match($3, /[<"][^>"]*[>"]/)
	included = substr($3, RSTART, RLENGTH)

	only("<yaml", "^gwd/lib/doc[.]c$")
	only("<libnftnl/", "^gwd/nft_")
	only("<libmnl/", "^gwd/(nl|nft_.*|nflog|trace|links.*|route|listeners|kernel|watch|conntrack.*)[.]")
	only("<sqlite3", "^gwd/state")
	only("<seccomp", "^gwd/sandbox[.]c$")
	only("<uv", "^gwd/(main|control.*)[.]")
	only("\"(nl|nft_[a-z]*)[.]h", "^gwd/(nl|nft_.*|nflog|trace|links.*|route|listeners|kernel|watch|conntrack.*)[.]")
	only("\"conntrack_msg[.]h", "^gwd/conntrack")

	# No way around the include path: gwctl sees gwd/lib and itself, lib only itself.
	never(".", "\"[.][.]?/")
	never("^gwctl/", "\"(config|forward|topology|compile|ruleset|plan|kernel|gwd|state|control|varlink|links)[.]h")

	# Written -> meant -> said: pure, each knowing only what comes before it.
	pure = "^gwd/(arrival|config|foreign|forward|import|topology|compile|build|ruleset|plan|world)"
	never(pure, "<(unistd|fcntl|sys/socket|sys/stat|dirent|poll|signal|pthread)[.]h")
	never(pure "|^gwd/lib/", "\"(kernel|conntrack|gwd|road|control|varlink|request|sysctl|log)[.]h")
	never("^gwd/(arrival|config|forward|topology|compile|build|ruleset|plan)", "\"state[.]h")
	never("^gwd/(config|forward|topology)", "\"(compile|ruleset|plan)[.]h")
	never("^gwd/(ruleset|plan|foreign)", "\"(config|forward|topology|compile)[.]h")

	# Done: the kernel takes plans, the database rows; neither asks for more, and the road knows no client.
	never("^gwd/(kernel|nft_|nflog|trace|nl|links|route|listeners|sysctl|conntrack)", "\"(gwd|road|world|state|config|control|varlink|request)[.]h")
	never("^gwd/state", "\"(gwd|road|world|kernel|plan|control|varlink|request)[.]h")
	never("^gwd/(gwd|road|world)", "\"(control|varlink|request)[.]h")
	never("^gwd/events", "\"(gwd|road|kernel|control|varlink|request)[.]h")
	never("^gwd/control", "\"(gwd|road|kernel|plan|varlink|request)[.]h")
}
END { exit mistakes > 0 }' && echo "includes: every one goes its way"
