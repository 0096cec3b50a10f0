#include "gateway/command.h"

#include "conf/kind.h"
#include "gateway/command_complete.h"
#include "gateway/command_word.h"
#include "gateway/gateway.h"
#include "gateway/json.h"
#include "gateway/show.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int help(struct command_call *call);
static int leave(struct command_call *call);

#define COMMAND_BLANKS " \t\r\n"
#define NO_MEMORY      "out of memory\n"

const struct command commands[] = {
	{ "show tunnels", "every tunnel's state, reason and traffic", show_tunnels },
	{ "show tunnel TUNNEL", "one tunnel: state, IKE SA, child SAs, counters", show_tunnel },
	{ "show tunnel TUNNEL log",
	  "what happened to one tunnel, with times and both sides' values", show_tunnel_log },
	{ "show tunnel TUNNEL history [HOURS]",
	  "what it carried in each minute of the last 24 hours, or up to 336",
	  show_tunnel_samples },
	{ "show tunnel TUNNEL psk", "its pre-shared key, in clear", show_tunnel_psk },
	{ "show sas", "installed ESP SAs with ages and counters", show_sas },
	{ "show routes", "every route table: next hops, and why a route is not valid",
	  show_routes },
	{ "show route PREFIX", "the routes of every table around and inside a prefix or address",
	  show_routes },
	{ "show route table TABLE", "one route table: a border gateway, a vpc or 'underlay'",
	  show_route_table },
	{ "show route table TABLE PREFIX", "the same around and inside a prefix or address",
	  show_route_table },
	{ "show vpc VPC routes", "a vpc's route table", show_vpc_routes },
	{ "show bgp", "every BGP session: state, routes, last error", show_bgp },
	{ "show bgp TUNNEL", "one tunnel's session: counters, what is announced and received",
	  show_bgp_tunnel },
	{ "show routing", "routing shards, BIRD, resyncs, quotas", show_routing },
	{ "show neighbours", "who is known on the ports' and VPCs' networks, and listed hosts",
	  show_neighbours },
	{ "show ports", "ports: link, addresses, counters", show_ports },
	{ "show workers", "workers: engine, load, burst size, cycles per packet by phase",
	  show_workers },
	{ "show drops", "dropped packets by reason", show_drops },
	{ "show ike", "IKE messages by what became of them", show_ike },
	{ "show border-gateways", "border gateways: ASN, quotas, what they have",
	  show_border_gateways },
	{ "show vpcs", "VPCs: their subnets", show_vpcs },
	{ "show attachments", "which VPC meets which border gateway, and how", show_attachments },
	{ "show customer-gateways", "customer gateways: addresses and ASN",
	  show_customer_gateways },
	{ "show connections", "VPN connections: tunnels that are UP, redundancy",
	  show_connections },
	{ "show connection CONNECTION", "one connection: its tunnels, and why it is not redundant",
	  show_connection },
	{ "show schema", "the fields of every show's JSON form, and their types", show_schema },
	{ "show version", "version, uptime, hardware in use", show_version },
	{ "tunnel TUNNEL enable", "negotiate the tunnel", tunnel_enable },
	{ "tunnel TUNNEL disable", "delete the tunnel's SAs and keep it down", tunnel_disable },
	{ "tunnel TUNNEL drain",
	  "withdraw routes, wait, then disable the tunnel; \"enable\" calls it off", tunnel_drain },
	{ "tunnel TUNNEL rekey", "rekey the tunnel's child SA now", tunnel_rekey_child },
	{ "tunnel TUNNEL rekey child", "the same", tunnel_rekey_child },
	{ "tunnel TUNNEL rekey ike", "rekey the tunnel's IKE SA now", tunnel_rekey_ike },
	{ "bgp TUNNEL|CONNECTION enable", "start BGP of a tunnel or a connection", bgp_cmd_enable },
	{ "bgp TUNNEL|CONNECTION disable", "end its BGP: static routes only", bgp_cmd_disable },
	{ "bgp TUNNEL|CONNECTION restart", "end and start its BGP sessions", bgp_cmd_restart },
	{ "create KIND NAME [FIELD=VALUE...]", "a new object", config_create },
	{ "set gateway FIELD=VALUE...", "fields of the gateway itself", config_set_gateway },
	{ "set KIND NAME FIELD=VALUE...", "fields of an object", config_set },
	{ "unset KIND NAME FIELD...", "fields back to what they are by themselves", config_unset },
	{ "delete KIND NAME", "an object that nothing needs any more", config_delete },
	{ "show configuration", "what runs, as a configuration file; keys are hidden",
	  config_show },
	{ "show configuration KIND", "the same of all objects of a kind", config_show },
	{ "show configuration KIND NAME", "the same of one object", config_show },
	{ "diff", "what \"reload\" would change: the file against what runs", config_diff },
	{ "reload", "read the configuration file again and apply what differs", config_reload },
	{ "reload discard",
	  "although commands changed what runs and it was not saved; that is kept aside",
	  config_reload },
	{ "save", "write what runs to the configuration file", config_save },
	{ "save force", "even if the file was changed since it was read", config_save },
	{ "route add TABLE PREFIX NEXT_HOP", "a static route", static_route_add },
	{ "route delete TABLE PREFIX NEXT_HOP", "take a static route away", static_route_delete },
	{ "client-config TUNNEL|CONNECTION for DEVICE",
	  "the customer's side of a connection, or of one of its tunnels, in its device's words",
	  client_config_show },
	{ "client-config TUNNEL|CONNECTION for DEVICE with-psk", "the same with the keys in it",
	  client_config_show },
	{ "doctor", "what is wrong with the box and with tunnels, and what to do about it",
	  doctor_command },
	{ "clear counters", "every counter that is shown counts from here", clear_counters },
	{ "clear counters tunnels|workers|drops|ports|ike", "only these", clear_counters },
	{ "clear counters tunnel TUNNEL", "only this tunnel's", clear_tunnel_counters },
	{ "ping TUNNEL [ADDRESS] [count NUMBER] [size NUMBER]",
	  "echo requests from the tunnel's inner address, to its peer or another one", ping },
	{ "traceroute TUNNEL [ADDRESS] [hops NUMBER]",
	  "the routers on the way from the tunnel's inner address", traceroute },
	{ "explain ADDRESS ADDRESS in VPC|TUNNEL [protocol PROTOCOL] [sport NUMBER] [dport NUMBER]",
	  "where a packet from one to the other would go, and why not further", explain },
	{ "watch [SECONDS] WORD...", "a command again and again, every 2 seconds or so many",
	  watch },
	{ "monitor [NAME] [logs]", "events as they happen, of one object or all; log lines too",
	  monitor },
	{ "trace NUMBER tunnel TUNNEL [seconds SECONDS]",
	  "what each phase decides about the next packets of a tunnel", trace_start },
	{ "trace NUMBER spi SPI [seconds SECONDS]", "the same of one SA, by its SPI", trace_start },
	{ "trace NUMBER prefix PREFIX [seconds SECONDS]",
	  "the same of packets from or to a prefix, outside or inside of tunnels", trace_start },
	{ "capture FILE [inner|outer] [tunnel TUNNEL] [port PORT] [filter PREFIX] [count NUMBER] "
	  "[snaplen NUMBER] [seconds SECONDS]",
	  "packets into a new pcapng file on the gateway, until it is enough or you leave",
	  capture_start },
	{ "help [WORD...]", "the commands, or those that begin with these words", help },
	{ "exit", "leave the shell", leave },
	{ "quit", "the same", leave },
};
const unsigned commands_n = sizeof(commands) / sizeof(commands[0]);

/* ---- calls ------------------------------------------------------------------------------- */

/* One word in place: quotes are taken off, within "..." and outside \ takes the next character as
 * it is. *quoted: some of it was. NULL: a quote is not closed. */
static char *split_word(char **line, bool *quoted)
{
	char *from = *line, *to = *line, *word = *line, quote = '\0';

	*quoted = false;
	for (; *from && (quote || !strchr(COMMAND_BLANKS, *from)); from++) {
		if (quote ? *from == quote : *from == '"' || *from == '\'') {
			quote = quote ? '\0' : *from;
			*quoted = true;
			continue;
		}
		if (*from == '\\' && quote != '\'' && from[1])
			from++;
		*to++ = *from;
	}
	*line = *from ? from + 1 : from;
	*to = '\0';
	return quote ? NULL : word;
}

int command_split(char *line, char **word, bool *json, bool *colour)
{
	int n = 0;

	*json = *colour = false;
	while (*(line += strspn(line, COMMAND_BLANKS))) {
		bool quoted;
		char *w = split_word(&line, &quoted);

		if (!w)
			return -EINVAL;
		if (!quoted && strcmp(w, "--json") == 0) {
			*json = true;
			continue;
		}
		if (strcmp(w, "--colour") == 0) {
			*colour = true;
			continue;
		}
		if (n == COMMAND_WORDS_MAX)
			return -E2BIG;
		/* A word of a command may look like an option: "--for". */
		word[n++] = !quoted && strncmp(w, "--", 2) == 0 && w[2] ? w + 2 : w;
	}
	return n;
}

int command_fail(struct command_call *call, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(call->error, sizeof(call->error), fmt, ap);
	va_end(ap);
	return rc;
}

static void finish_error(struct command_call *call, enum command_status status)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out && call->json) {
		struct json j;

		json_init(&j, out);
		json_object(&j, NULL);
		json_string(&j, "error", call->error);
		json_close(&j);
		fputc('\n', out);
	} else if (out) {
		fprintf(out, "%s\n", call->error);
	}
	if (out && fclose(out) == 0)
		call->reader->done(call->ctx, status, text, len);
	else
		call->reader->done(call->ctx, COMMAND_REFUSED, NO_MEMORY, strlen(NO_MEMORY));
	free(text);
}

static void forget(struct command_call *call)
{
	page_free(call->page);
	free(call->ask.tunnel);
	explicit_bzero(call->line, sizeof(call->line)); /* it may have set a key */
	free(call);
}

void command_finish(struct command_call *call, int rc)
{
	const char *body = NULL;
	size_t len = 0;

	if (rc == 0) {
		body = page_finish(call->page, &len);
		if (!body)
			rc = command_fail(call, -ENOMEM, "out of memory");
	}
	if (rc == COMMAND_END)
		call->reader->done(call->ctx, COMMAND_BYE, "", 0);
	else if (rc == 0)
		call->reader->done(call->ctx, COMMAND_DONE, body, len);
	else
		finish_error(call, call->understood ? COMMAND_REFUSED : COMMAND_WRONG);
	forget(call);
}

void command_part(struct command_call *call, bool page, const char *body, size_t len)
{
	call->reader->part(call->ctx, page, body, len);
}

void command_pass(struct command_call *call, enum command_status status, const char *body,
		  size_t len)
{
	call->reader->done(call->ctx, status, body, len);
	forget(call);
}

void command_cancel(struct command_call *call)
{
	if (call->cancel)
		call->cancel(call);
}

/* "?show tu": what may follow. */
static void complete(struct command_call *call)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int rc = out ? command_complete(call->gateway, call->line + 1, out, call->error,
					sizeof(call->error))
		     : command_fail(call, -ENOMEM, "out of memory");

	if (out && fclose(out) != 0 && rc == 0)
		rc = command_fail(call, -ENOMEM, "out of memory");
	if (rc == 0)
		call->reader->done(call->ctx, COMMAND_DONE, text, len);
	else
		finish_error(call, COMMAND_WRONG);
	free(text);
	forget(call);
}

static int run(struct command_call *call)
{
	int rc = command_split(call->line, call->word, &call->json, &call->colour);

	if (rc < 0)
		return rc == -EINVAL
			       ? command_fail(call, rc, "a quotation mark is not closed")
			       : command_fail(call, rc, "more than %d words", COMMAND_WORDS_MAX);
	call->n = (unsigned)rc;
	command_match(&call->match, call->n, call->word);
	if (!call->match.command) {
		command_match_error(&call->match, call->n, call->word, call->error,
				    sizeof(call->error));
		return -EINVAL;
	}
	call->understood = true;
	call->page = page_new(call->json);
	if (!call->page)
		return command_fail(call, -ENOMEM, "out of memory");
	page_colour(call->page, call->colour);
	return call->match.command->run(call);
}

struct command_call *command_run(struct gateway *g, const char *line,
				 const struct command_reader *reader, void *ctx)
{
	struct command_call *call = calloc(1, sizeof(*call));
	int rc;

	if (!call) {
		reader->done(ctx, COMMAND_REFUSED, NO_MEMORY, strlen(NO_MEMORY));
		return NULL;
	}
	call->gateway = g;
	call->reader = reader;
	call->ctx = ctx;
	snprintf(call->line, sizeof(call->line), "%s", line);
	if (call->line[0] == '?') {
		complete(call);
		return NULL;
	}
	rc = run(call);
	if (rc == COMMAND_LATER)
		return call;
	command_finish(call, rc);
	return NULL;
}

const char *command_option(const struct command_call *call, const char *name)
{
	for (unsigned i = 0; i + 1 < call->n; i++)
		if (call->match.literal[i] && strcmp(call->word[i], name) == 0)
			return call->word[i + 1];
	return NULL;
}

int64_t command_tunnel(struct command_call *call, unsigned word)
{
	const struct tunnels *t = call->gateway->tunnels;
	int64_t i = tunnels_find(t, call->word[word]);
	char names[COMMAND_ERROR_MAX / 2] = "";
	size_t used = 0;

	if (i >= 0)
		return i;
	for (uint32_t k = tunnels_next(t, 0); k < t->n; k = tunnels_next(t, k + 1)) {
		const char *name = t->v[k].conf->name;

		if (used + strlen(name) + 8 > sizeof(names)) {
			used += (size_t)snprintf(names + used, sizeof(names) - used, ", ...");
			break;
		}
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", k ? ", " : "",
					 name);
	}
	if (t->count == 0)
		return command_fail(call, -ENOENT, "'%s' is no tunnel: none is configured",
				    call->word[word]);
	return command_fail(call, -ENOENT, "'%s' is no tunnel; one of: %s", call->word[word],
			    names);
}

int command_ask(struct command_call *call, enum ask_kind kind, uint32_t first, uint32_t count,
		void (*done)(struct negotiator_ask *ask))
{
	struct negotiator_ask *ask = &call->ask;

	if (count > 0 && kind == ASK_VIEW && !ask->tunnel) {
		ask->tunnel = calloc(count, sizeof(*ask->tunnel));
		if (!ask->tunnel)
			return command_fail(call, -ENOMEM, "out of memory");
	}
	ask->kind = kind;
	ask->first = first;
	ask->count = count;
	ask->done = done;
	ask->ctx = call;
	if (negotiator_ask(call->gateway->negotiator, ask) < 0)
		return command_fail(call, -ENOMEM, "out of memory");
	return COMMAND_LATER;
}

#define HELP_COLUMN 36 /* longer commands have their help below */

static void add_parameter(struct command_values *to, const char *value, const char *help)
{
	struct page *p = to->ctx;

	page_object(p, NULL, NULL);
	page_text(p, "parameter", NULL, value);
	page_text(p, "help", NULL, help);
	page_line(p, "  %-*s  %s", HELP_COLUMN - 2, value, help ? help : "");
	page_end(p);
}

/* "help create tunnel": what a tunnel has. */
static void list_parameters(struct command_call *call, unsigned n, char *const *word)
{
	const struct command_word *w = command_word("FIELD=VALUE", strlen("FIELD=VALUE"));
	struct command_values to = { .add = add_parameter, .ctx = call->page, .begin = "" };

	if (n != 2 || !kind_find(word[1]))
		return;
	page_list(call->page, "parameters");
	w->list(call->gateway, n, word, &to);
	page_end(call->page);
}

static int help(struct command_call *call)
{
	struct command_match m;
	unsigned n = call->n - 1;
	char **word = call->word + 1;

	command_match(&m, n, word);
	if (m.good < n) {
		command_match_error(&m, n, word, call->error, sizeof(call->error));
		return -EINVAL;
	}
	page_list(call->page, "commands");
	for (unsigned i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];
		bool fits = strlen(c->pattern) <= HELP_COLUMN;

		if (!command_begins(c, n, word, &m))
			continue;
		page_object(call->page, NULL, NULL);
		page_text(call->page, "command", NULL, c->pattern);
		page_text(call->page, "help", NULL, c->help);
		page_line(call->page, "%-*s%s%s", HELP_COLUMN, c->pattern, fits ? "  " : "",
			  fits ? c->help : "");
		if (!fits)
			page_line(call->page, "%*s  %s", HELP_COLUMN, "", c->help);
		page_end(call->page);
	}
	page_end(call->page);
	if (n > 0 && (strcmp(word[0], "create") == 0 || strcmp(word[0], "set") == 0))
		list_parameters(call, n, word);
	return 0;
}

static int leave(struct command_call *call)
{
	return COMMAND_END;
}
