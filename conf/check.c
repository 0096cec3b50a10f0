/* What all checks share: names and references. */
#include "conf/check.h"
#include "conf/name.h"
#include "conf/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *kind;
	unsigned unread;
} kinds[CHECK_KINDS] = {
	[CHECK_PORT] = { "port", UNREAD_PORTS },
	[CHECK_GATEWAY] = { "border_gateway", UNREAD_BORDER_GATEWAYS },
	[CHECK_VPC] = { "vpc", UNREAD_VPCS },
	[CHECK_CUSTOMER] = { "customer_gateway", UNREAD_CUSTOMER_GATEWAYS },
	[CHECK_CONNECTION] = { "vpn_connection", UNREAD_CONNECTIONS },
	[CHECK_TUNNEL] = { "tunnel", UNREAD_CONNECTIONS },
};

void check_problem(struct check *k, enum problem_level level, const struct label *label,
		   struct conf_where object, const void *part, const char *fmt, ...)
{
	unsigned line = part != NULL ? places_find(k->places, part) : 0;
	va_list args;

	object.file = k->file;
	if (line != 0)
		object.line = line;
	if (k->file == NULL)
		object.line = 0;
	va_start(args, fmt);
	problem_add_list(k->problems, level, object, label != NULL ? label->text : NULL, fmt, args);
	va_end(args);
}

struct check_line check_line(const struct check *k, unsigned line)
{
	struct check_line l = { "" };

	if (k->file != NULL)
		snprintf(l.text, sizeof(l.text), " on line %u", line);
	return l;
}

struct label check_label(const char *kind, const char *name)
{
	struct label l = { "" };

	label_add(&l, kind, name, 0);
	return l;
}

struct label check_label_tunnel(const struct conf_vpn_connection *v, const struct conf_tunnel *t)
{
	struct label l = check_label("vpn_connection", v->name);

	label_add(&l, "tunnel", t->name, (unsigned)(t - v->tunnel) + 1);
	return l;
}

void check_index(struct check *k, struct index *x, const void *key, size_t len, const void *object)
{
	if (index_add(x, key, len, object) != 0)
		k->no_memory = true;
}

#define GUESSES_MAX 100

static const char *nearest(const struct check *k, enum check_kind kind, const char *name)
{
	const struct index *x = &k->names[kind];
	const char *best = NULL;

	for (size_t i = 0; i < x->n; i++) {
		const char *two[] = { best, x->v[i].key };
		unsigned from = best == NULL;
		int near = name_nearest(name, two + from, 2 - from);

		if (near >= 0)
			best = two[(unsigned)near + from];
	}
	return best;
}

const void *check_find(struct check *k, enum check_kind kind, const struct label *label,
		       struct conf_where object, const char *field, const char *name)
{
	const struct index_entry *e = index_find(&k->names[kind], name, strlen(name));
	const char *near;

	if (e != NULL)
		return e->object;
	if (name[0] == '\0' || k->nameless[kind] || (k->unread & kinds[kind].unread) != 0)
		return NULL;
	near = k->guesses++ < GUESSES_MAX ? nearest(k, kind, name) : NULL;
	check_problem(k, PROBLEM_ERROR, label, object, name,
		      near != NULL ? "%s = '%s': there is no %s of this name; did you mean '%s'?"
				   : "%s = '%s': there is no %s of this name",
		      field, name, kinds[kind].kind, near);
	return NULL;
}

static void add_name(struct check *k, enum check_kind kind, const char *name, const void *object)
{
	if (name[0] == '\0')
		k->nameless[kind] = true;
	else
		check_index(k, &k->names[kind], name, strlen(name), object);
}

static void index_names(struct check *k)
{
	struct conf *c = k->c;

	for (unsigned i = 0; i < c->n_ports; i++)
		add_name(k, CHECK_PORT, c->port[i].name, &c->port[i]);
	for (unsigned i = 0; i < c->n_border_gateways; i++)
		add_name(k, CHECK_GATEWAY, c->border_gateway[i].name, &c->border_gateway[i]);
	for (unsigned i = 0; i < c->n_vpcs; i++)
		add_name(k, CHECK_VPC, c->vpc[i].name, &c->vpc[i]);
	for (unsigned i = 0; i < c->n_customer_gateways; i++)
		add_name(k, CHECK_CUSTOMER, c->customer_gateway[i].name, &c->customer_gateway[i]);
	for (unsigned i = 0; i < c->n_connections; i++) {
		struct conf_vpn_connection *v = &c->connection[i];

		add_name(k, CHECK_CONNECTION, v->name, v);
		for (unsigned t = 0; t < v->n_tunnels; t++)
			add_name(k, CHECK_TUNNEL, v->tunnel[t].name, &v->tunnel[t]);
	}
}

static void check_names(struct check *k)
{
	index_names(k);
	for (unsigned kind = 0; kind < CHECK_KINDS; kind++) {
		struct index *x = &k->names[kind];

		index_sort(x);
		for (size_t i = 1; i < x->n; i++) {
			const struct index_entry *twin = index_twin(x, i);
			struct label label = check_label(kinds[kind].kind, x->v[i].key);

			/* Every object begins with its place. */
			if (twin != NULL)
				check_problem(
					k, PROBLEM_ERROR, &label,
					*(const struct conf_where *)x->v[i].object, x->v[i].key,
					"the name is already used%s",
					check_line(k, places_find(k->places, twin->key)).text);
		}
	}
}

const struct conf_vpc_attachment *check_attached(const struct check *k, const struct conf_vpc *vpc,
						 const struct conf_border_gateway *g, bool *certain)
{
	struct check_pair pair = { vpc, g };
	const struct index_entry *e = index_find(&k->attached, &pair, sizeof(pair));

	*certain = e != NULL || (!k->attached_unknown && (k->unread & UNREAD_ATTACHMENTS) == 0);
	return e != NULL ? e->object : NULL;
}

int conf_check(struct conf *c, const struct conf *before, const char *file,
	       const struct places *places, unsigned unread, struct problem_list *problems)
{
	struct check k = { .c = c,
			   .before = before,
			   .file = file,
			   .problems = problems,
			   .places = places,
			   .unread = unread };

	check_before(&k);
	check_names(&k);
	check_network(&k);
	check_vpn(&k);
	check_routes(&k);
	check_quotas(&k);
	if (k.no_memory)
		check_problem(&k, PROBLEM_ERROR, NULL, (struct conf_where){ 0 }, NULL,
			      "not enough memory to check the file");
	for (unsigned i = 0; i < CHECK_KINDS; i++)
		index_clear(&k.names[i]);
	index_clear(&k.own);
	index_clear(&k.connections_before);
	index_clear(&k.tunnels_before);
	index_clear(&k.attached);
	free(k.pairs);
	return problems->errors == 0 ? 0 : -EINVAL;
}
