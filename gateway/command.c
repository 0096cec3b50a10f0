#include "gateway/command.h"

#include "gateway/gateway.h"
#include "gateway/json.h"
#include "gateway/show.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int help(struct command_call *call);

const struct command commands[] = {
	{ "show tunnels", "every tunnel's state, reason and traffic", show_tunnels },
	{ "show tunnel NAME", "one tunnel: state, IKE SA, child SAs, counters", show_tunnel },
	{ "show tunnel NAME log", "what happened to one tunnel, with times and both sides' values",
	  show_tunnel_log },
	{ "show sas", "installed ESP SAs with ages and counters", show_sas },
	{ "show routes", "every route table: next hops, and why a route is not valid",
	  show_routes },
	{ "show route PREFIX", "the routes of every table around and inside a prefix or address",
	  show_routes },
	{ "show route table NAME", "one route table: a border gateway, a vpc or 'underlay'",
	  show_route_table },
	{ "show route table NAME PREFIX", "the same around and inside a prefix or address",
	  show_route_table },
	{ "show vpc NAME routes", "a vpc's route table", show_vpc_routes },
	{ "show bgp", "every BGP session: state, routes, last error", show_bgp },
	{ "show bgp NAME", "one tunnel's session: counters, what is announced and received",
	  show_bgp_tunnel },
	{ "show routing", "routing shards, BIRD, resyncs, quotas", show_routing },
	{ "show ports", "ports: link, addresses, counters", show_ports },
	{ "show workers", "workers: load, burst size, cycles per packet by phase", show_workers },
	{ "show drops", "dropped packets by reason", show_drops },
	{ "show ike", "IKE messages by what became of them", show_ike },
	{ "show version", "version, uptime, hardware in use", show_version },
	{ "tunnel NAME enable", "negotiate the tunnel", tunnel_enable },
	{ "tunnel NAME disable", "delete the tunnel's SAs and keep it down", tunnel_disable },
	{ "tunnel NAME drain", "withdraw routes, wait, then disable the tunnel", tunnel_drain },
	{ "tunnel NAME rekey", "rekey the tunnel's child SA now", tunnel_rekey_child },
	{ "tunnel NAME rekey child", "the same", tunnel_rekey_child },
	{ "tunnel NAME rekey ike", "rekey the tunnel's IKE SA now", tunnel_rekey_ike },
	{ "bgp NAME enable", "start BGP of a tunnel or a connection", bgp_cmd_enable },
	{ "bgp NAME disable", "end its BGP: static routes only", bgp_cmd_disable },
	{ "bgp NAME restart", "end and start its BGP sessions", bgp_cmd_restart },
	{ "route add TABLE PREFIX NEXTHOP", "a static route, until the next start",
	  static_route_add },
	{ "route delete TABLE PREFIX NEXTHOP", "take a static route away", static_route_delete },
	{ "help", "this list", help },
};
const unsigned commands_n = sizeof(commands) / sizeof(commands[0]);

/* ---- words ------------------------------------------------------------------------------- */

/* The i-th word of a pattern; its length, 0: the pattern is shorter. */
static size_t pattern_word(const char *pattern, unsigned i, const char **out)
{
	for (;;) {
		size_t n = strcspn(pattern, " ");

		*out = pattern;
		if (i-- == 0 || n == 0)
			return n;
		pattern += n + (pattern[n] == ' ');
	}
}

static bool word_fits(const char *pattern, unsigned i, const char *word)
{
	const char *p;
	size_t n = pattern_word(pattern, i, &p);

	if (n > 0 && isupper((uint8_t)p[0]))
		return true;
	return n > 0 && strlen(word) == n && memcmp(p, word, n) == 0;
}

/* Does the pattern begin with these words? */
static bool begins(const char *pattern, unsigned n, char *const *word)
{
	for (unsigned i = 0; i < n; i++)
		if (!word_fits(pattern, i, word[i]))
			return false;
	return true;
}

/* What may follow these words, each once: "one of: show, tunnel". */
static void list_allowed(unsigned n, char *const *word, char *to, size_t room)
{
	size_t used = 0;

	to[0] = '\0';
	for (unsigned c = 0; c < commands_n && used < room; c++) {
		const char *p, *before;
		size_t len = pattern_word(commands[c].pattern, n, &p), len_before;
		bool listed = false;

		if (len == 0 || !begins(commands[c].pattern, n, word))
			continue;
		for (unsigned k = 0; k < c && !listed; k++) {
			len_before = pattern_word(commands[k].pattern, n, &before);
			listed = begins(commands[k].pattern, n, word) && len == len_before &&
				 memcmp(p, before, len) == 0;
		}
		if (!listed)
			used += (size_t)snprintf(to + used, room - used, "%s%.*s", used ? ", " : "",
						 (int)len, p);
	}
}

const struct command *command_match(unsigned n, char *const *word, char *error, size_t error_size)
{
	char allowed[256];
	unsigned good = 0;

	for (unsigned c = 0; c < commands_n; c++) {
		const char *p;

		if (begins(commands[c].pattern, n, word) &&
		    pattern_word(commands[c].pattern, n, &p) == 0)
			return &commands[c];
		while (good < n && begins(commands[c].pattern, good + 1, word))
			good++;
	}
	list_allowed(good, word, allowed, sizeof(allowed));
	if (good == n && n == 0)
		snprintf(error, error_size, "no command; one of: %s", allowed);
	else if (good == n)
		snprintf(error, error_size, "something is missing after '%s'; one of: %s",
			 word[n - 1], allowed);
	else if (allowed[0])
		snprintf(error, error_size, "'%s' is not known here; one of: %s", word[good],
			 allowed);
	else
		snprintf(error, error_size, "'%s' is too much: the command ends before it",
			 word[good]);
	return NULL;
}

int command_split(char *line, char **word, bool *json)
{
	static const char blanks[] = " \t\r\n";
	char *save = NULL;
	int n = 0;

	*json = false;
	for (char *w = strtok_r(line, blanks, &save); w; w = strtok_r(NULL, blanks, &save)) {
		if (strcmp(w, "--json") == 0) {
			*json = true;
			continue;
		}
		if (n == COMMAND_WORDS_MAX)
			return -E2BIG;
		word[n++] = w;
	}
	return n;
}

/* ---- calls ------------------------------------------------------------------------------- */

int command_fail(struct command_call *call, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(call->error, sizeof(call->error), fmt, ap);
	va_end(ap);
	return rc;
}

static void finish_error(struct command_call *call)
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
		call->done(call->ctx, false, text, len);
	else
		call->done(call->ctx, false, "out of memory\n", strlen("out of memory\n"));
	free(text);
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
	if (rc == 0)
		call->done(call->ctx, true, body, len);
	else
		finish_error(call);
	page_free(call->page);
	free(call->ask.tunnel);
	free(call);
}

void command_run(struct gateway *g, const char *line,
		 void (*done)(void *ctx, bool ok, const char *body, size_t len), void *ctx)
{
	struct command_call *call = calloc(1, sizeof(*call));
	const struct command *command;
	int rc;

	if (!call) {
		done(ctx, false, "out of memory\n", strlen("out of memory\n"));
		return;
	}
	call->gateway = g;
	call->done = done;
	call->ctx = ctx;
	snprintf(call->line, sizeof(call->line), "%s", line);
	rc = command_split(call->line, call->word, &call->json);
	if (rc < 0) {
		command_fail(call, rc, "more than %d words", COMMAND_WORDS_MAX);
		goto out;
	}
	call->n = (unsigned)rc;
	rc = -EINVAL;
	command = command_match(call->n, call->word, call->error, sizeof(call->error));
	if (!command)
		goto out;
	call->page = page_new(call->json);
	if (!call->page)
		rc = command_fail(call, -ENOMEM, "out of memory");
	else
		rc = command->run(call);
out:
	if (rc != COMMAND_LATER)
		command_finish(call, rc);
}

int64_t command_tunnel(struct command_call *call, unsigned word)
{
	const struct tunnels *t = call->gateway->tunnels;
	int64_t i = tunnels_find(t, call->word[word]);
	char names[COMMAND_ERROR_MAX / 2] = "";
	size_t used = 0;

	if (i >= 0)
		return i;
	for (uint32_t k = 0; k < t->n; k++) {
		const char *name = t->v[k].conf->name;

		if (used + strlen(name) + 8 > sizeof(names)) {
			used += (size_t)snprintf(names + used, sizeof(names) - used, ", ...");
			break;
		}
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", k ? ", " : "",
					 name);
	}
	if (t->n == 0)
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

static int help(struct command_call *call)
{
	page_table(call->page, "commands", NULL, NULL);
	for (unsigned i = 0; i < commands_n; i++) {
		page_object(call->page, NULL, NULL);
		page_text(call->page, "command", "COMMAND", commands[i].pattern);
		page_text(call->page, "help", "WHAT IT DOES", commands[i].help);
		page_end(call->page);
	}
	page_end(call->page);
	return 0;
}
