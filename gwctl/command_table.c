/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every command in the order in which help shows it. */
#include "command.h"

#define B(name) OPTION_BIT(OPTION_##name)

#define LEASE_OPTIONS (B(FOR) | B(EXPIRES))
#define FORWARD_OPTIONS                                                                                                \
	(B(NAME) | B(DESCRIPTION) | B(PROTO) | B(LISTEN) | B(FROM) | B(SNAT) | B(LIMIT_CONNECTIONS) | B(LIMIT_RATE) |  \
	 B(LOG) | B(BALANCE) | B(NO_NAT) | B(DISABLED) | LEASE_OPTIONS | B(ON_EXPIRY))
#define CHANGES (B(DRY_RUN) | B(CONFIRM) | B(FORCE))

static const char add_more[] =
	"PORTS is 80, 8000-8010 or 80,443. LISTEN is an address or an interface. TARGET is ADDR, ADDR:PORT or\n"
	"'[ADDR6]:PORT'; a range of ports goes one to one to a range of the same length. What is there already\n"
	"is no error. The forward stays over restarts and reboots, unless --for, --expires, --temporary or --hold "
	"says\n"
	"how long it does; with another --for it is renewed. A port on which this gateway itself listens, such as\n"
	"that of ssh, is refused without --force.\n"
	"\n"
	"  gwctl add 80 192.168.0.102\n"
	"  gwctl add 80,443 192.168.0.102 --name web\n"
	"  gwctl add 53/udp 10.0.0.53\n"
	"  gwctl add 53/tcp+udp 10.0.0.53\n"
	"  gwctl add 5000-5010 10.0.0.5:7000-7010\n"
	"  gwctl add 203.0.113.5:443 10.0.0.5:8443 --description 'the shop'\n"
	"  gwctl add '[2001:db8::1]:80' '[fd00::10]:80'\n"
	"  gwctl add 443 10.0.0.2:8443 10.0.0.3:8443@2 --balance source\n"
	"  gwctl add 2022 10.0.0.5:22 --from 198.51.100.0/24 --limit-rate 5/minute --log\n"
	"  gwctl add 2222 10.0.0.5:22 --for 2h --on-expiry cut\n"
	"  gwctl add 8080 10.0.0.5 --hold\n";

static const char set_more[] =
	"Changes what is named and keeps the rest; an empty value returns to the default. What gwd.yaml declares\n"
	"is changed there.\n"
	"\n"
	"  gwctl set web 192.168.0.103\n"
	"  gwctl set web --name shop --description=\n"
	"  gwctl set web --listen 203.0.113.5\n"
	"  gwctl set web --limit-connections 50 --from=\n";

static const char rm_more[] =
	"By name, or by the ports it listens on. Open connections go on until they end, unless --kill is given; UDP,\n"
	"which has no end, is always cut. What is not there is no error.\n"
	"\n"
	"  gwctl rm shop\n"
	"  gwctl rm 80\n"
	"  gwctl rm 53/udp\n"
	"  gwctl rm shop --kill\n"
	"  gwctl rm 203.0.113.5:443\n";

static const char on_more[] =
	"Works on forwards that gwd.yaml declares, too. One that is held because this gateway itself listens on its\n"
	"port is put on with --force.\n"
	"\n"
	"  gwctl on web\n";

static const char off_more[] =
	"The forward is kept and can be put on again. Works on forwards that gwd.yaml declares, too. Open\n"
	"connections go on until they end, unless --kill is given, then or later; UDP is always cut.\n"
	"\n"
	"  gwctl off web\n"
	"  gwctl off web --kill\n";

static const char target_more[] =
	"TARGET is ADDR or ADDR:PORT. drain: no new connections, those there are go on, of UDP too; other clients\n"
	"keep their targets. off: UDP is cut, and with --kill everything. ready: as before. Works on forwards that\n"
	"gwd.yaml declares, too, and lasts until its entry or this target goes.\n"
	"\n"
	"  gwctl target drain web 10.0.0.2:8443\n"
	"  gwctl target off web 10.0.0.2:8443 --kill\n"
	"  gwctl target ready web 10.0.0.2:8443\n";

static const char open_more[] =
	"Where gwd.yaml has `gateway:`, ports of the gateway itself cannot be reached from the outside, but for what "
	"is\n"
	"opened there or here; from a dmz they never can. PORT may be a range, PROTO is tcp unless said. `local` are "
	"the\n"
	"directly connected networks. The same port again replaces from and the end. status lists what is open.\n"
	"\n"
	"  gwctl open 13337\n"
	"  gwctl open 22 --from local\n"
	"  gwctl open 51820/udp --from 198.51.100.0/24 --for 2h\n"
	"  gwctl open 123/udp --in dmz\n";

static const char close_more[] = "What is not there is no error; what gwd.yaml declares is closed there.\n"
				 "\n"
				 "  gwctl close 13337\n"
				 "  gwctl close 123/udp --in dmz\n";

static const char ls_more[] = "PATTERN is one of the shell: * ? [a-z].\n"
			      "\n"
			      "  gwctl ls\n"
			      "  gwctl ls 'web*' --sort conns\n"
			      "  gwctl ls -o json | jq -r '.[].service.name'\n";

static const char show_more[] = "  gwctl show web\n"
				"  gwctl show web -o yaml\n";

static const char stats_more[] =
	"Connections, and packets and bytes in both directions: in is from clients to targets. Of one forward, each\n"
	"target by itself. Kept over reloads and restarts, for as long as the forward is there; --reset counts anew.\n"
	"What is missing, because gwd did not run, say, is named; without such a warning totals are exact.\n"
	"\n"
	"  gwctl stats\n"
	"  gwctl stats web --reset\n"
	"  gwctl stats -o json | jq '.[] | {name, bytes: .traffic.bytes_in}'\n";

static const char flows_more[] =
	"The connections that the kernel tracks: who dialled what, who answers, how long it has lived and carried what,\n"
	"and in how many seconds it is forgotten if nothing comes any more. --kill ends those of one forward: TCP clients\n"
	"are told at once, whoever goes on sending UDP begins anew.\n"
	"\n"
	"  gwctl flows\n"
	"  gwctl flows web --kill\n"
	"  gwctl flows -o json | jq '.[] | select(.bytes_out > 1000000)'\n";

static const char status_more[] =
	"What gwctl without a command does, too: interfaces, forwarding and who turned it on, how many forwards\n"
	"there are, whether gwd.yaml is what runs, what is wrong.\n"
	"\n"
	"  gwctl\n"
	"  gwctl status -o json\n";

static const char check_more[] =
	"Without FILE: gwd.yaml and gwd.d as they are on the disk; '-' is the standard input. Changes nothing; ends\n"
	"with 1 when there are mistakes, all of which are printed.\n"
	"\n"
	"  gwctl check new.yaml\n";

static const char diff_more[] = "Without FILE: what apply would change. Ends with 1 when there is a difference.\n"
				"\n"
				"  gwctl diff\n"
				"  gwctl diff new.yaml\n"
				"  gwctl diff --revision 12\n";

static const char apply_more[] =
	"Without FILE: gwd.yaml and gwd.d as they are on the disk. FILE ('-' is the standard input) takes the place\n"
	"of gwd.yaml; gwd.yaml itself is never written. Only what differs is touched, and open connections go on.\n"
	"A forward of a port on which this gateway itself listens is held, without --force.\n"
	"\n"
	"  gwctl apply\n"
	"  gwctl apply --confirm\n"
	"  gwctl apply new.yaml --dry-run\n";

static const char edit_more[] =
	"Opens a copy of gwd.yaml in $VISUAL, $EDITOR or vi, looks for mistakes, opens it again where one is, shows\n"
	"what would change, asks, and applies it as with --confirm. The file is replaced at once and keeps its owner "
	"and\n"
	"rights, unless somebody else has changed it meanwhile. Whoever gives up finds his text in the copy.\n"
	"\n"
	"  gwctl edit\n"
	"  gwctl edit --confirm=10m\n";

static const char confirm_more[] =
	"A change made with --confirm is taken back by itself after its time, whatever happens to gwd or to this\n"
	"machine until then. Confirmed, it stays. Whether one can still log in is only known after logging in, so\n"
	"it is not taken from the ssh login that made the change: open a second one. --force takes it from there, "
	"too.\n"
	"\n"
	"  gwctl apply --confirm\n"
	"  gwctl confirm                     (in a second session)\n";

static const char history_more[] = "The newest revision first; * is the one that runs.\n"
				   "\n"
				   "  gwctl history -n 10\n";

static const char undo_more[] = "Reverses the newest change that is not undone yet; again, and it goes further back.\n"
				"One that waits to be confirmed is taken back at once.\n"
				"\n"
				"  gwctl undo\n";

static const char rollback_more[] = "Returns to revision N (see history), as a new revision.\n"
				    "\n"
				    "  gwctl diff --revision 12 ; gwctl rollback 12\n";

static const char export_more[] =
	"Everything but what gwd.d declares, so that this makes the runtime forwards permanent parts of the file:\n"
	"\n"
	"  gwctl export >/etc/gwd/gwd.yaml ; gwctl apply\n";

static const char import_more[] =
	"The DNAT rules of nft and iptables as services, each with the table, chain and handle that it comes from.\n"
	"What gwd.yaml cannot say is a comment, 'not expressed', with the reason; such a rule is never made wider. "
	"The\n"
	"rules of tools that look after them (Docker, firewalld, ...) are named and left alone. Changes nothing; ends\n"
	"with 1 when something is not expressed.\n"
	"\n"
	"  gwctl import >new.yaml ; gwctl check new.yaml\n";

static const char watch_more[] =
	"A line for each event from now on, until Ctrl-C: changes and who made them, what other programs undid and "
	"gwd\n"
	"put right, leases that end, interfaces and addresses, new connections of forwards with `log: true`, changes\n"
	"that wait to be confirmed. The second word says which kind it is. With -o json, an object a line. Ends with "
	"3\n"
	"when gwd ends.\n"
	"\n"
	"  gwctl watch\n"
	"  gwctl watch -q -o json | jq 'select(.kind == \"drift\")'\n";

static const char why_more[] =
	"Follows a new connection through this gateway and says, step by step, what happens to it: which forward "
	"takes\n"
	"it, who may use it, which other firewall drops it, whether the target answers and its answers come back. The\n"
	"last line says what to put right first. Without --from: of somebody outside; without --to: to where the port "
	"is\n"
	"forwarded. Changes nothing; the targets are asked by connecting to them. Ends with 1 when it does not pass; "
	"a\n"
	"? is what can only be told by trying: --wait lets the kernel say what it does to the next such packet.\n"
	"\n"
	"  gwctl why 80\n"
	"  gwctl why 53/udp --from 198.51.100.7\n"
	"  gwctl why 80 --from 198.51.100.7 --wait 30s\n"
	"  gwctl why 443 --to 203.0.113.5 -q || echo broken\n";

static const char doctor_more[] =
	"Follows every forward as why does, and looks at the file, the state, the interfaces and what other programs "
	"do.\n"
	"Each finding is an error (something is broken), a warning or a note, with its cause and the command that "
	"puts\n"
	"it right; forwards with the same cause are told together. Changes nothing; the targets are asked by "
	"connecting\n"
	"to them, for at most 15 seconds. Ends with 1 when there are errors.\n"
	"\n"
	"  gwctl doctor\n"
	"  gwctl doctor -q || echo broken\n"
	"  gwctl doctor -o json | jq -r '.findings[].remedy // empty'\n";

static const char metrics_more[] = "Numbers as OpenMetrics text, for Prometheus and others: all names begin with gwd_, "
				   "and gwd_up is 0, with exit\n"
				   "status 3, when gwd is away. --http is for gwd-metrics.socket, which answers on "
				   "http://127.0.0.1:10380/metrics\n"
				   "once it is enabled; for node_exporter's textfile collector, see gwctl(8).\n"
				   "\n"
				   "  gwctl metrics\n"
				   "  gwctl metrics | grep '^gwd_forwards'\n"
				   "  printf 'GET /metrics HTTP/1.1\\r\\n\\r\\n' | gwctl metrics --http\n";

static const char help_more[] = "  gwctl help add\n";

const struct command commands[] = {
	{"add", "[LISTEN:]PORTS[/PROTO] TARGET...", "forward ports to a target", add_more, 2, SIZE_MAX,
	 FORWARD_OPTIONS | B(TEMPORARY) | B(HOLD) | B(REPLACE) | CHANGES, cmd_add},
	{"set", "NAME [TARGET...]", "change a forward", set_more, 1, SIZE_MAX, FORWARD_OPTIONS | CHANGES, cmd_set},
	{"rm", "NAME | [LISTEN:]PORTS[/PROTO]", "remove a forward", rm_more, 1, 1, CHANGES | B(KILL), cmd_rm},
	{"on", "NAME", "put a forward on", on_more, 1, 1, CHANGES, cmd_on},
	{"off", "NAME", "put a forward off, without forgetting it", off_more, 1, 1, CHANGES | B(KILL), cmd_off},
	{"target", "drain|ready|off NAME TARGET", "keep new connections from one target", target_more, 3, 3,
	 CHANGES | B(KILL), cmd_target},
	{"open", "PORT[/PROTO]", "open a port of the gateway itself", open_more, 1, 1,
	 B(FROM) | B(IN) | LEASE_OPTIONS | B(TEMPORARY) | CHANGES, cmd_open},
	{"close", "PORT[/PROTO]", "close what open has opened", close_more, 1, 1, B(IN) | CHANGES, cmd_close},
	{"ls", "[PATTERN]", "list forwards", ls_more, 0, 1, B(SORT), cmd_ls},
	{"show", "NAME", "all about one forward", show_more, 1, 1, 0, cmd_show},
	{"stats", "[NAME]", "what passed through forwards", stats_more, 0, 1, B(RESET), cmd_stats},
	{"flows", "[NAME]", "connections of forwards, now", flows_more, 0, 1, B(KILL), cmd_flows},
	{"status", "", "one screen: is all well?", status_more, 0, 0, 0, cmd_status},
	{"watch", "", "what happens, as it happens", watch_more, 0, 0, 0, cmd_watch},
	{"metrics", "", "numbers for Prometheus", metrics_more, 0, 0, B(HTTP), cmd_metrics},
	{"check", "[FILE]", "look for mistakes in a file", check_more, 0, 1, 0, cmd_check},
	{"diff", "[FILE]", "what apply would change", diff_more, 0, 1, B(REVISION), cmd_diff},
	{"apply", "[FILE]", "make gwd.yaml, or FILE, what runs", apply_more, 0, 1, CHANGES, cmd_apply},
	{"edit", "", "gwd.yaml in an editor, checked and applied", edit_more, 0, 0, B(CONFIRM) | B(FORCE), cmd_edit},
	{"confirm", "", "keep what was changed with --confirm", confirm_more, 0, 0, B(FORCE), cmd_confirm},
	{"history", "", "the revisions of what ran", history_more, 0, 0, B(NUMBER), cmd_history},
	{"undo", "", "take the newest change back", undo_more, 0, 0, CHANGES, cmd_undo},
	{"rollback", "REVISION", "return to an older revision", rollback_more, 1, 1, CHANGES, cmd_rollback},
	{"export", "", "what runs, as a gwd.yaml", export_more, 0, 0, 0, cmd_export},
	{"import", "", "the DNAT rules of nft and iptables, as a gwd.yaml", import_more, 0, 0, 0, cmd_import},
	{"why", "PORT[/PROTO]", "does a connection pass, and why not", why_more, 1, 1, B(FROM) | B(TO) | B(WAIT),
	 cmd_why},
	{"doctor", "", "what is wrong, and what puts it right", doctor_more, 0, 0, 0, cmd_doctor},
	{"help", "[COMMAND]", "this text, or all about a command", help_more, 0, 1, 0, cmd_help},
	{"version", "", "print the version", NULL, 0, 0, 0, cmd_version},
	{0},
};
