/* The rules above the RIB, as tables of what is done and what follows. Border gateway N has table
 * 10 + N, VPC N table 20 + N. */
#include "routing/tables.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char said[8192];

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	size_t len = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said + len, sizeof(said) - len, fmt, ap);
	va_end(ap);
}

static void on_change(void *ctx, uint32_t table, const struct prefix *p,
		      const struct rib_route *valid, unsigned n)
{
	char text[PREFIX_STR_MAX];

	say("%c%u %s:", table < 20 ? 'g' : 'v', table % 10, prefix_format(p, text));
	for (unsigned i = 0; i < n; i++) {
		const struct rib_route *r = &valid[i];

		if (r->via == RIB_VIA_LOCAL)
			say(" link");
		else if (r->via == RIB_VIA_ATTACHMENT)
			say(" a%u", r->via_index);
		else if (r->via == RIB_VIA_GATEWAY)
			say(" g%u", r->via_index);
		else if (r->origin == RIB_EBGP)
			say(" c%ut%u", r->via_index, r->source);
		else
			say(" c%u", r->via_index);
	}
	say("%s; ", n == 0 ? " gone" : "");
}

static void on_announce(void *ctx, uint32_t gateway)
{
	say("announce g%u; ", gateway);
}

static void on_taken(void *ctx, uint32_t gateway, int rc)
{
	if (rc != 0)
		say("%s", rc == -ENOSPC ? "refused; " : "lost; ");
}

static const struct tables_ops ops = { .change = on_change,
				       .announce = on_announce,
				       .taken = on_taken };

static void no_change(void *ctx, uint32_t table, const struct prefix *p,
		      const struct rib_route *valid, unsigned n)
{
}

static void no_announce(void *ctx, uint32_t gateway)
{
}

static void no_taken(void *ctx, uint32_t gateway, int rc)
{
}

static const struct tables_ops quiet_ops = { .change = no_change,
					     .announce = no_announce,
					     .taken = no_taken };

static enum rib_via via_of(const char *word)
{
	return word[0] == 'l'	? RIB_VIA_LOCAL
	       : word[0] == 'a' ? RIB_VIA_ATTACHMENT
	       : word[0] == 'c' ? RIB_VIA_CONNECTION
				: RIB_VIA_GATEWAY;
}

static void attach(struct tables *t, const char *words)
{
	struct prefix import[8];
	unsigned id, vpc, gateway, n = 0;
	int at;
	char copy[200], *save = NULL;

	assert_int_equal(sscanf(words, "%u %u %u%n", &id, &vpc, &gateway, &at), 3);
	snprintf(copy, sizeof(copy), "%s", words + at);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		if (strcmp(w, "nothing") != 0)
			assert_true(prefix_parse(&import[n++], w));
	assert_int_equal(tables_attach(t, id, vpc, gateway, words[at] != '\0' ? import : NULL, n),
			 0);
}

static void route(struct tables *t, char op, const char *words)
{
	char prefix[64], via[16], origin[16];
	struct rib_route r = { 0 };
	unsigned table, index;
	int rc;

	assert_int_equal(sscanf(words, "%u %63s %15s %u %15s", &table, prefix, via, &index, origin),
			 5);
	assert_true(prefix_parse(&r.prefix, prefix));
	r.via = via_of(via);
	r.via_index = index;
	r.origin = origin[0] == 's' ? RIB_STATIC : RIB_PROPAGATED;
	rc = op == '+' ? tables_add(t, table, &r) : tables_remove(t, table, &r);
	if (rc != 0)
		say("= %d; ", rc);
}

static void learn(struct tables *t, char op, const char *words)
{
	unsigned gateway, connection, tunnel, metric = 0;
	struct prefix p;
	char text[64];

	assert_in_range(
		sscanf(words, "%u %63s %u %u %u", &gateway, text, &connection, &tunnel, &metric), 4,
		5);
	assert_true(prefix_parse(&p, text));
	if (op == 'l')
		tables_learn(t, gateway, &p, connection, tunnel, metric);
	else
		tables_forget(t, gateway, &p, connection, tunnel);
}

static void announced(struct tables *t, unsigned gateway)
{
	struct tables_announcement *v;
	char text[PREFIX_STR_MAX];
	size_t n;

	assert_int_equal(tables_announced(t, gateway, &v, &n), 0);
	for (size_t i = 0; i < n; i++) {
		say("%s", prefix_format(&v[i].prefix, text));
		if (v[i].connection != TABLES_VPC)
			say(" c%u", v[i].connection);
		say("; ");
	}
	free(v);
}

static void withheld(struct tables *t, const char *words)
{
	unsigned gateway, connection;
	char text[PREFIX_STR_MAX];
	struct prefix *v;
	size_t n;

	assert_int_equal(sscanf(words, "%u %u", &gateway, &connection), 2);
	assert_int_equal(tables_withheld(t, gateway, connection, &v, &n), 0);
	for (size_t i = 0; i < n; i++)
		say("%s; ", prefix_format(&v[i], text));
	free(v);
}

static void quota(struct tables *t, unsigned gateway)
{
	struct tables_quota q;

	assert_true(tables_quota(t, gateway, &q));
	say("%zu + %zu of %u%s, %u batches, %u routes; ", q.learnt, q.propagated, q.limit,
	    q.refusing ? ", refusing" : "", (unsigned)q.batches_refused,
	    (unsigned)q.routes_refused);
}

static void do_one(struct tables *t, const char *line)
{
	char word[16];
	unsigned a = 0, b = 0;
	const char *rest = strchr(line, ' ');

	assert_non_null(rest++);
	assert_int_equal(sscanf(line, "%15s", word), 1);
	sscanf(rest, "%u %u", &a, &b);
	if (strcmp(word, "gateway") == 0)
		assert_int_equal(tables_gateway_add(t, a, 10 + a, b), 0);
	else if (strcmp(word, "vpc") == 0)
		assert_int_equal(tables_vpc_add(t, a, 20 + a), 0);
	else if (strcmp(word, "attach") == 0)
		attach(t, rest);
	else if (strcmp(word, "detach") == 0)
		assert_int_equal(tables_detach(t, a), 0);
	else if (word[0] == '+' || word[0] == '-')
		route(t, word[0], rest);
	else if (strcmp(word, "begin") == 0)
		tables_batch_begin(t, a);
	else if (strcmp(word, "learn") == 0 || strcmp(word, "forget") == 0)
		learn(t, word[0], rest);
	else if (strcmp(word, "end") == 0)
		assert_false(tables_batch_end(t, a));
	else if (strcmp(word, "replay") == 0)
		tables_replay(t, a, true);
	else if (strcmp(word, "offered") == 0)
		say("%s; ", tables_wants_replay(t, a, b) ? "replay" : "wait");
	else if (strcmp(word, "announced") == 0)
		announced(t, a);
	else if (strcmp(word, "withheld") == 0)
		withheld(t, rest);
	else if (strcmp(word, "quota") == 0)
		quota(t, a);
	else
		fail_msg("what is '%s'?", line);
}

struct step {
	const char *lines; /* what is done, one after the other, separated by ", " */
	const char *says;
};

static void run(const struct step *steps, size_t n)
{
	struct tables *t;

	assert_int_equal(tables_new(&t, &ops, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		char copy[600], *line = copy, *end;

		snprintf(copy, sizeof(copy), "%s", steps[i].lines);
		said[0] = '\0';
		for (; line != NULL; line = end != NULL ? end + 2 : NULL) {
			end = strstr(line, ", ");
			if (end != NULL)
				*end = '\0';
			do_one(t, line);
		}
		if (strcmp(said, steps[i].says) != 0)
			print_error("step %zu: %s\n", i + 1, steps[i].lines);
		assert_string_equal(said, steps[i].says);
	}
	tables_free(t);
}

#define RUN(table) run(table, ARRAY_LEN(table))

static const struct step propagation[] = {
	{ "gateway 1 100, gateway 2 100, vpc 1, vpc 2, attach 1 1 1, attach 2 2 1", "" },
	{ "+ 21 10.1.0.0/16 local 1 static", "v1 10.1.0.0/16: link; " },
	/* what a VPC propagates goes to the others, not back to it */
	{ "+ 11 10.1.0.0/16 attachment 1 propagated",
	  "g1 10.1.0.0/16: a1; v2 10.1.0.0/16: g1; announce g1; " },
	{ "+ 11 192.168.0.0/16 connection 5 static",
	  "g1 192.168.0.0/16: c5; v1 192.168.0.0/16: g1; v2 192.168.0.0/16: g1; announce g1; " },
	/* a VPC's own static route is preferred to what is propagated; it leads to the same place
	 */
	{ "+ 22 192.168.0.0/16 gateway 1 static", "v2 192.168.0.0/16: g1; " },
	{ "- 11 192.168.0.0/16 connection 5 static",
	  "g1 192.168.0.0/16: gone; v1 192.168.0.0/16: gone; announce g1; " },
	/* prefixes of two VPCs: never only to the one that has it */
	{ "+ 11 10.9.0.0/16 attachment 1 static",
	  "g1 10.9.0.0/16: a1; v2 10.9.0.0/16: g1; announce g1; " },
	{ "+ 11 10.9.0.0/16 attachment 2 static",
	  "g1 10.9.0.0/16: a1 a2; v1 10.9.0.0/16: g1; announce g1; " },
	{ "- 11 10.9.0.0/16 attachment 1 static",
	  "g1 10.9.0.0/16: a2; v2 10.9.0.0/16: gone; announce g1; " },
	/* an attachment that comes later hears what is there */
	{ "vpc 3, attach 3 3 1", "v3 10.1.0.0/16: g1; v3 10.9.0.0/16: g1; " },
	{ "detach 3", "v3 10.1.0.0/16: gone; v3 10.9.0.0/16: gone; " },
	/* unknown tables and routes */
	{ "+ 19 10.0.0.0/8 connection 1 static", "= -2; " },
	{ "- 11 10.77.0.0/16 connection 1 static", "= -2; " },
	{ "+ 11 10.0.0.1/8 connection 1 static", "= -22; " },
};

static const struct step filters[] = {
	{ "gateway 1 100, vpc 1, vpc 2, vpc 3", "" },
	{ "attach 1 1 1 192.168.0.0/16 2001:db8::/32, attach 2 2 1 0.0.0.0/0, attach 3 3 1 nothing",
	  "" },
	/* inside, exactly, around, beside */
	{ "+ 11 192.168.1.0/24 connection 1 static",
	  "g1 192.168.1.0/24: c1; v1 192.168.1.0/24: g1; v2 192.168.1.0/24: g1; announce g1; " },
	{ "+ 11 192.168.0.0/16 connection 1 static",
	  "g1 192.168.0.0/16: c1; v1 192.168.0.0/16: g1; v2 192.168.0.0/16: g1; announce g1; " },
	{ "+ 11 192.0.0.0/8 connection 1 static",
	  "g1 192.0.0.0/8: c1; v2 192.0.0.0/8: g1; announce g1; " },
	{ "+ 11 172.16.0.0/12 connection 1 static",
	  "g1 172.16.0.0/12: c1; v2 172.16.0.0/12: g1; announce g1; " },
	{ "+ 11 2001:db8:5::/48 connection 1 static",
	  "g1 2001:db8:5::/48: c1; v1 2001:db8:5::/48: g1; announce g1; " },
	{ "- 11 192.0.0.0/8 connection 1 static",
	  "g1 192.0.0.0/8: gone; v2 192.0.0.0/8: gone; announce g1; " },
};

/* Equal propagated routes share; what one of them leads to now is told again. */
static const struct step shared[] = {
	{ "gateway 1 100, gateway 2 100, vpc 1, attach 1 1 1, attach 2 1 2", "" },
	{ "begin 1, learn 1 192.168.0.0/16 1 1 1, end 1",
	  "g1 192.168.0.0/16: c1t1; v1 192.168.0.0/16: g1; " },
	{ "begin 2, learn 2 192.168.0.0/16 2 3 7, end 2",
	  "g2 192.168.0.0/16: c2t3; v1 192.168.0.0/16: g1 g2; " },
	{ "begin 2, learn 2 192.168.0.0/16 2 4 7, end 2",
	  "g2 192.168.0.0/16: c2t3 c2t4; v1 192.168.0.0/16: g1 g2; " },
	{ "begin 1, forget 1 192.168.0.0/16 1 1, end 1",
	  "g1 192.168.0.0/16: gone; v1 192.168.0.0/16: g2; " },
	/* the VPC's own subnet comes first, inside it as well */
	{ "+ 21 192.168.0.0/16 local 1 static", "v1 192.168.0.0/16: link; " },
	{ "begin 2, learn 2 192.168.9.0/24 2 4 7, end 2", "g2 192.168.9.0/24: c2t4; " },
	{ "- 21 192.168.0.0/16 local 1 static", "v1 192.168.0.0/16: g2; v1 192.168.9.0/24: g2; " },
};

/* ECMP over tunnels, of several connections; steps of the preference between them. */
static const struct step learning[] = {
	{ "gateway 1 100", "" },
	{ "begin 1, learn 1 10.0.0.0/8 1 1 2, learn 1 10.0.0.0/8 1 2 2, end 1",
	  "g1 10.0.0.0/8: c1t1; g1 10.0.0.0/8: c1t1 c1t2; " },
	{ "begin 1, learn 1 10.0.0.0/8 2 3 2, end 1", "g1 10.0.0.0/8: c1t1 c1t2 c2t3; " },
	{ "begin 1, learn 1 10.0.0.0/8 2 3 1, end 1", "g1 10.0.0.0/8: c2t3; " },
	{ "begin 1, learn 1 10.0.0.0/8 2 3 3, end 1", "g1 10.0.0.0/8: c1t1 c1t2; " },
	{ "+ 11 10.0.0.0/8 connection 3 static", "g1 10.0.0.0/8: c3; announce g1; " },
	{ "+ 11 10.0.0.0/8 attachment 3 propagated", "g1 10.0.0.0/8: a3; announce g1; " },
	{ "- 11 10.0.0.0/8 attachment 3 propagated, - 11 10.0.0.0/8 connection 3 static",
	  "g1 10.0.0.0/8: c3; announce g1; g1 10.0.0.0/8: c1t1 c1t2; announce g1; " },
	/* in a batch only the last word counts, and nothing is told that did not last */
	{ "begin 1, forget 1 10.0.0.0/8 1 1, learn 1 10.0.0.0/8 1 1 2, end 1", "" },
	{ "begin 1, learn 1 10.5.0.0/16 1 1 2, forget 1 10.5.0.0/16 1 1, end 1", "" },
	{ "begin 1, forget 1 10.77.0.0/16 1 1, end 1", "" },
	{ "quota 1", "3 + 0 of 100, 0 batches, 0 routes; " },
};

static const struct step quotas[] = {
	{ "gateway 1 3", "" },
	/* what VPCs propagate counts, what an operator writes does not */
	{ "+ 11 10.1.0.0/16 attachment 1 propagated, + 11 172.16.0.0/12 connection 1 static",
	  "g1 10.1.0.0/16: a1; announce g1; g1 172.16.0.0/12: c1; announce g1; " },
	{ "begin 1, learn 1 192.168.0.0/24 1 1 1, end 1", "g1 192.168.0.0/24: c1t1; " },
	{ "quota 1", "1 + 1 of 3, 0 batches, 0 routes; " },
	/* two do not fit: the batch is refused whole; what goes in it goes */
	{ "begin 1, learn 1 192.168.1.0/24 1 1 1, learn 1 192.168.2.0/24 1 1 1, end 1",
	  "refused; " },
	{ "quota 1", "1 + 1 of 3, refusing, 1 batches, 2 routes; " },
	/* later ones wait, even if they would fit */
	{ "begin 1, learn 1 192.168.3.0/24 1 1 1, end 1", "" },
	{ "quota 1", "1 + 1 of 3, refusing, 2 batches, 3 routes; " },
	/* what is there may change and go */
	{ "begin 1, learn 1 192.168.0.0/24 1 1 9, end 1", "" },
	/* and move to another tunnel of the connection, but not to another connection's */
	{ "begin 1, forget 1 192.168.0.0/24 1 1, learn 1 192.168.0.0/24 1 5 9, end 1",
	  "g1 192.168.0.0/24: c1t1 c1t5; g1 192.168.0.0/24: c1t5; " },
	{ "begin 1, forget 1 192.168.0.0/24 1 5, learn 1 192.168.0.0/24 1 1 9, learn 1 "
	  "192.168.0.0/24 1 6 9, end 1",
	  "g1 192.168.0.0/24: c1t1 c1t5; g1 192.168.0.0/24: c1t1; " },
	{ "begin 1, learn 1 192.168.0.0/24 2 7 9, end 1", "" },
	{ "quota 1", "1 + 1 of 3, refusing, 4 batches, 5 routes; " },
	{ "offered 1 4", "wait; " },
	{ "begin 1, forget 1 192.168.0.0/24 1 1, end 1", "g1 192.168.0.0/24: gone; " },
	{ "offered 1 3", "wait; " },
	/* one of those that were refused is forgotten: now all fit */
	{ "begin 1, forget 1 192.168.3.0/24 1 1, end 1", "" },
	{ "offered 1 2", "replay; " },
	{ "replay 1, offered 1 2", "wait; " },
	{ "begin 1, learn 1 192.168.1.0/24 1 1 1, learn 1 192.168.2.0/24 1 1 1, end 1",
	  "g1 192.168.1.0/24: c1t1; g1 192.168.2.0/24: c1t1; " },
	{ "quota 1", "2 + 1 of 3, 4 batches, 5 routes; " },
	/* in one batch what goes makes room for what comes, whatever the order */
	{ "begin 1, learn 1 192.168.5.0/24 1 1 1, forget 1 192.168.1.0/24 1 1, end 1",
	  "g1 192.168.1.0/24: gone; g1 192.168.5.0/24: c1t1; " },
	/* the same prefix from another tunnel is another route */
	{ "begin 1, learn 1 192.168.5.0/24 1 2 1, end 1", "refused; " },
	/* a VPC's detachment makes room as well */
	{ "offered 1 3", "wait; " },
	{ "- 11 10.1.0.0/16 attachment 1 propagated", "g1 10.1.0.0/16: gone; announce g1; " },
	{ "offered 1 3", "replay; " },
	/* a replay that does not name a route has forgotten it */
	{ "replay 1, begin 1, learn 1 192.168.5.0/24 1 2 1, learn 1 192.168.2.0/24 1 1 1, end 1",
	  "g1 192.168.5.0/24: c1t1 c1t2; g1 192.168.5.0/24: c1t2; " },
	{ "quota 1", "2 + 0 of 3, 5 batches, 6 routes; " },
	/* more propagated than the quota: nothing is learnt, but nothing is lost either */
	{ "+ 11 10.1.0.0/16 attachment 1 propagated, + 11 10.2.0.0/16 attachment 1 propagated",
	  "g1 10.1.0.0/16: a1; announce g1; g1 10.2.0.0/16: a1; announce g1; " },
	{ "quota 1", "2 + 2 of 3, 5 batches, 6 routes; " },
	{ "begin 1, learn 1 192.168.2.0/24 1 1 5, end 1", "" },
};

static const struct step announcing[] = {
	{ "gateway 1 100", "" },
	{ "+ 11 10.2.0.0/16 attachment 1 propagated, + 11 10.1.0.0/16 attachment 1 propagated, "
	  "+ 11 172.16.0.0/12 connection 7 static, + 11 10.2.8.0/24 attachment 1 static",
	  "g1 10.2.0.0/16: a1; announce g1; g1 10.1.0.0/16: a1; announce g1; "
	  "g1 172.16.0.0/12: c7; announce g1; g1 10.2.8.0/24: a1; announce g1; " },
	{ "announced 1", "10.1.0.0/16; 10.2.0.0/16; 10.2.8.0/24; 172.16.0.0/12 c7; " },
	/* what waits for another VPC is not announced */
	{ "+ 11 10.2.3.0/24 attachment 2 propagated", "announce g1; " },
	{ "announced 1", "10.1.0.0/16; 10.2.0.0/16; 10.2.8.0/24; 172.16.0.0/12 c7; " },
	/* what leads to two connections at once, once for each */
	{ "+ 11 172.16.0.0/12 connection 8 static", "g1 172.16.0.0/12: c7 c8; announce g1; " },
	{ "announced 1",
	  "10.1.0.0/16; 10.2.0.0/16; 10.2.8.0/24; 172.16.0.0/12 c7; 172.16.0.0/12 c8; " },
	/* what a customer announces himself, longer or shorter, is withheld from him alone */
	{ "withheld 1 1", "" },
	{ "begin 1, learn 1 10.2.8.128/25 1 1 1, end 1", "g1 10.2.8.128/25: c1t1; announce g1; " },
	{ "withheld 1 1, withheld 1 2", "10.2.0.0/16; 10.2.8.0/24; " },
	{ "begin 1, learn 1 10.0.0.0/8 2 2 1, end 1", "g1 10.0.0.0/8: c2t2; announce g1; " },
	{ "withheld 1 2", "10.1.0.0/16; 10.2.0.0/16; 10.2.8.0/24; " },
	/* a second time changes nothing, nor does a route beside, nor a default route */
	{ "begin 1, learn 1 10.0.0.0/8 2 3 1, learn 1 10.3.0.0/16 1 1 1, learn 1 0.0.0.0/0 1 1 1, "
	  "end 1",
	  "g1 0.0.0.0/0: c1t1; g1 10.0.0.0/8: c2t2 c2t3; g1 10.3.0.0/16: c1t1; " },
	{ "withheld 1 1", "10.2.0.0/16; 10.2.8.0/24; " },
	{ "begin 1, forget 1 10.0.0.0/8 2 2, end 1", "g1 10.0.0.0/8: c2t3; " },
	{ "begin 1, forget 1 10.0.0.0/8 2 3, end 1", "g1 10.0.0.0/8: gone; announce g1; " },
	{ "withheld 1 2", "" },
	/* a network of ours that comes after the customer's */
	{ "+ 11 10.3.3.0/24 attachment 1 static", "g1 10.3.3.0/24: a1; announce g1; " },
	{ "withheld 1 1", "10.2.0.0/16; 10.2.8.0/24; 10.3.3.0/24; " },
	{ "- 11 10.2.0.0/16 attachment 1 propagated",
	  "g1 10.2.0.0/16: gone; g1 10.2.3.0/24: a2; announce g1; " },
	{ "announced 1, withheld 1 1",
	  "10.1.0.0/16; 10.2.3.0/24; 10.2.8.0/24; 10.3.3.0/24; 172.16.0.0/12 c7; 172.16.0.0/12 c8; "
	  "10.2.8.0/24; 10.3.3.0/24; " },
};

static void valid_routes_are_propagated(void **state)
{
	RUN(propagation);
}

static void imports_are_filtered(void **state)
{
	RUN(filters);
}

static void several_gateways_share(void **state)
{
	RUN(shared);
}

static void learnt_routes_lead_to_tunnels(void **state)
{
	RUN(learning);
}

static void batches_keep_to_the_quota(void **state)
{
	RUN(quotas);
}

static void announcements_follow_the_table(void **state)
{
	RUN(announcing);
}

/* Learnt routes at random against a plain count, with a quota that is often too small: the table is
 * always all that is offered, or all but what a refusal kept out. */
static void random_batches(void **state)
{
	static bool offered[64][4];
	uint64_t seed = 7;
	struct tables_quota q;
	struct tables *t;
	size_t n = 0;

	assert_int_equal(tables_new(&t, &ops, NULL), 0);
	assert_int_equal(tables_gateway_add(t, 0, 10, 90), 0);
	for (unsigned step = 0; step < 4000; step++) {
		unsigned changes, replays = tables_wants_replay(t, 0, n);

		said[0] = '\0';
		if (replays)
			tables_replay(t, 0, true);
		tables_batch_begin(t, 0);
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		changes = replays ? 0 : (unsigned)(seed >> 60);
		for (unsigned i = 0; i < changes; i++) {
			unsigned p, k;
			struct prefix x = { .len = 24 };

			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			p = (unsigned)(seed >> 40) % 64;
			k = (unsigned)(seed >> 50) % 4;
			x.addr = addr_ipv4(0x0a000000u + p * 256);
			offered[p][k] = !offered[p][k];
			n = offered[p][k] ? n + 1 : n - 1;
			if (offered[p][k])
				tables_learn(t, 0, &x, k / 2, k, 1);
			else
				tables_forget(t, 0, &x, k / 2, k);
		}
		for (unsigned p = 0; replays && p < 64; p++)
			for (unsigned k = 0; k < 4; k++)
				if (offered[p][k])
					tables_learn(t, 0,
						     &(struct prefix){
							     addr_ipv4(0x0a000000u + p * 256), 24 },
						     k / 2, k, 1);
		assert_false(tables_batch_end(t, 0));
		assert_true(tables_quota(t, 0, &q));
		assert_int_equal(q.learnt, rib_routes(tables_rib(t), 10));
		assert_true(q.learnt <= 90 && q.learnt <= n);
		if (!q.refusing)
			assert_int_equal(q.learnt, n);
	}
	tables_free(t);
}

static struct prefix numbered(unsigned i)
{
	return (struct prefix){ addr_ipv4(0x0a000000u + i * 256), 24 };
}

/* Large batches are taken piece by piece, and those that follow wait for their turn. */
static void large_batches_keep_their_order(void **state)
{
	const unsigned n = 5 * TABLES_AT_ONCE;
	struct tables_quota q;
	struct tables *t;
	struct prefix p;
	size_t before;

	assert_int_equal(tables_new(&t, &quiet_ops, NULL), 0);
	assert_int_equal(tables_gateway_add(t, 0, 10, n), 0);
	assert_false(tables_busy(t, 0));
	tables_batch_begin(t, 0);
	assert_true(tables_busy(t, 0));
	for (unsigned i = 0; i < n; i++) {
		p = numbered(i);
		tables_learn(t, 0, &p, 0, 0, 1);
	}
	assert_true(tables_batch_end(t, 0));
	assert_true(tables_busy(t, 0));
	assert_int_equal(rib_routes(tables_rib(t), 10), TABLES_AT_ONCE);
	/* One that would not fit beside it, one that makes room, and one that then fits. */
	p = numbered(n);
	tables_batch_begin(t, 0);
	tables_learn(t, 0, &p, 0, 0, 1);
	assert_true(tables_batch_end(t, 0));
	tables_batch_begin(t, 0);
	for (unsigned i = 0; i < n / 2; i++) {
		p = numbered(i);
		tables_forget(t, 0, &p, 0, 0);
	}
	assert_true(tables_batch_end(t, 0));
	assert_false(tables_wants_replay(t, 0, 0));
	do {
		before = rib_routes(tables_rib(t), 10);
	} while (tables_work(t, 0, 100) && rib_routes(tables_rib(t), 10) == before + 100);
	assert_int_equal(before / 100, (n - TABLES_AT_ONCE) / 100 + TABLES_AT_ONCE / 100);
	while (tables_work(t, 0, 100))
		;
	assert_false(tables_busy(t, 0));
	assert_true(tables_quota(t, 0, &q));
	assert_int_equal(q.learnt, n / 2);
	assert_true(q.refusing);
	assert_true(tables_wants_replay(t, 0, n / 2 + 1));
	tables_batch_begin(t, 0);
	for (unsigned i = 0; i < n; i++) {
		p = numbered(i);
		tables_forget(t, 0, &p, 0, 0);
	}
	assert_true(tables_batch_end(t, 0));
	tables_free(t); /* with work left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_routes_are_propagated),
		cmocka_unit_test(imports_are_filtered),
		cmocka_unit_test(several_gateways_share),
		cmocka_unit_test(learnt_routes_lead_to_tunnels),
		cmocka_unit_test(batches_keep_to_the_quota),
		cmocka_unit_test(announcements_follow_the_table),
		cmocka_unit_test(random_batches),
		cmocka_unit_test(large_batches_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
