/* What may change while the gateway runs, and in what order things go. */
#include "conf/check.h"
#include "conf/edit.h"
#include "conf/edit_core.h"
#include "conf/index.h"
#include "conf/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- deleting: an operator's commands go from the leaves to the root ---------------------- */

struct users {
	char text[400];
	size_t used;
};

static void add_user(struct users *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add_user(struct users *u, const char *fmt, ...)
{
	va_list args;

	if (u->used > sizeof(u->text) - 120) {
		if (strcmp(u->text + u->used - 3, "...") != 0)
			u->used += (size_t)sprintf(u->text + u->used, ", ...");
		return;
	}
	u->used += (size_t)sprintf(u->text + u->used, "%s", u->used > 0 ? ", " : "");
	va_start(args, fmt);
	u->used += (size_t)vsnprintf(u->text + u->used, 100, fmt, args);
	va_end(args);
}

static void users_of_gateway(const struct conf *c, const void *o, struct users *u)
{
	for (unsigned i = 0; i < c->n_connections; i++)
		if (c->connection[i].gateway == o)
			add_user(u, "connection '%.40s'", c->connection[i].name);
	for (unsigned i = 0; i < c->n_attachments; i++)
		if (c->attachment[i].gateway == o)
			add_user(u, "attachment '%.40s@%.40s'", c->attachment[i].vpc_name,
				 c->attachment[i].border_gateway_name);
}

static void users_of_vpc(const struct conf *c, const void *o, struct users *u)
{
	for (unsigned i = 0; i < c->n_attachments; i++)
		if (c->attachment[i].vpc == o)
			add_user(u, "attachment '%.40s@%.40s'", c->attachment[i].vpc_name,
				 c->attachment[i].border_gateway_name);
}

static void routes_to(const struct conf_static_route *r, unsigned n, const char *table,
		      const void *connection, const void *attachment, const void *gateway,
		      struct users *u)
{
	char text[PREFIX_STR_MAX];

	for (unsigned i = 0; i < n; i++)
		if ((connection != NULL && r[i].connection == connection) ||
		    (attachment != NULL && r[i].attachment == attachment) ||
		    (gateway != NULL && r[i].gateway == gateway))
			add_user(u, "static route %s of '%.32s'", prefix_format(&r[i].prefix, text),
				 table);
}

static void users_of_attachment(const struct conf *c, const void *o, struct users *u)
{
	const struct conf_vpc_attachment *a = o;

	routes_to(a->gateway->route, a->gateway->n_routes, a->gateway->name, NULL, a, NULL, u);
	routes_to(a->vpc->route, a->vpc->n_routes, a->vpc->name, NULL, NULL, a->gateway, u);
}

static void users_of_customer(const struct conf *c, const void *o, struct users *u)
{
	for (unsigned i = 0; i < c->n_connections; i++)
		if (c->connection[i].customer == o)
			add_user(u, "connection '%.40s'", c->connection[i].name);
}

static void users_of_connection(const struct conf *c, const void *o, struct users *u)
{
	const struct conf_vpn_connection *v = o;

	for (unsigned i = 0; i < v->n_tunnels; i++)
		add_user(u, "tunnel '%.40s'", v->tunnel[i].name);
	routes_to(v->gateway->route, v->gateway->n_routes, v->gateway->name, v, NULL, NULL, u);
}

static void users_of_port(const struct conf *c, const void *o, struct users *u)
{
	for (unsigned i = 0; i < c->n_attachments; i++)
		if (c->attachment[i].port == o)
			add_user(u, "attachment '%.40s@%.40s'", c->attachment[i].vpc_name,
				 c->attachment[i].border_gateway_name);
}

static const struct {
	const struct field_object *fields;
	void (*users)(const struct conf *c, const void *o, struct users *u);
} users[] = {
	{ &parse_border_gateway, users_of_gateway }, { &parse_vpc, users_of_vpc },
	{ &parse_attachment, users_of_attachment },  { &parse_customer_gateway, users_of_customer },
	{ &parse_connection, users_of_connection },  { &parse_port, users_of_port },
};

bool edit_may_delete(const struct conf *now, const struct kind *kind, const void *object,
		     const struct label *label, struct problem_list *problems)
{
	const struct conf_tunnel *t = object;
	struct users u = { .used = 0 };

	for (unsigned i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		if (users[i].fields == kind->fields)
			users[i].users(now, object, &u);
	if (kind->list == NULL)
		problem_add(problems, PROBLEM_ERROR, (struct conf_where){ 0 }, label->text,
			    "cannot be deleted");
	else if (u.used > 0)
		problem_add(problems, PROBLEM_ERROR, (struct conf_where){ 0 }, label->text,
			    "is in use: first delete %s", u.text);
	else if (kind->fields == &parse_tunnel && t->enabled)
		problem_add(problems, PROBLEM_ERROR, (struct conf_where){ 0 }, label->text,
			    "is enabled: first \"tunnel %s disable\"", t->name);
	else
		return true;
	return false;
}

bool edit_may_unset(const struct kind *kind, const void *object, const struct conf_change *change,
		    const struct label *label, struct problem_list *problems)
{
	const struct conf_tunnel *t = object;

	if (kind->fields != &parse_tunnel || !t->enabled)
		return true;
	for (unsigned i = 0; i < change->n; i++) {
		if (strcmp(change->field[i], "psk") != 0)
			continue;
		problem_add(
			problems, PROBLEM_ERROR, (struct conf_where){ 0 }, label->text,
			"psk: a random key would take its place, which the peer does not have, "
			"and the tunnel is enabled: first \"tunnel %s disable\", or set another "
			"key",
			t->name);
		return false;
	}
	return true;
}

/* ---- what stays --------------------------------------------------------------------------- */

static void complain(struct problem_list *problems, struct conf_where where,
		     const struct label *label, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void complain(struct problem_list *problems, struct conf_where where,
		     const struct label *label, const char *fmt, ...)
{
	char text[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	problem_add(problems, PROBLEM_ERROR, where, label->text, "%s", text);
}

static const struct conf_vpn_connection *of_index(const struct index *x, const char *name)
{
	const struct index_entry *e = index_find(x, name, strlen(name));

	return e != NULL ? e->object : NULL;
}

static void tunnel_stays(const struct conf_vpn_connection *was_of, const struct conf_tunnel *was,
			 const struct conf_vpn_connection *v, const struct conf_tunnel *t,
			 struct problem_list *problems)
{
	struct label label = check_label_tunnel(v, t);
	char text[ADDR_STR_MAX];

	if (!addr_equal(&was->cloud_ip, &t->cloud_ip))
		complain(problems, t->where, &label,
			 "cloud_ip cannot change, it is %s: make another tunnel, with another name",
			 addr_format(&was->cloud_ip, text));
	if (!addr_equal(&was->customer_ip, &t->customer_ip))
		complain(problems, t->where, &label,
			 "customer_ip cannot change, it is %s: make another tunnel, with another "
			 "name",
			 addr_format(&was->customer_ip, text));
	if (strcmp(was_of->name, v->name) != 0)
		complain(problems, t->where, &label,
			 "the tunnel cannot leave vpn_connection '%s': make another one, with "
			 "another name",
			 was_of->name);
}

static bool has_tunnels(const struct conf *c, const struct conf_customer_gateway *g)
{
	for (unsigned i = 0; i < c->n_connections; i++)
		if (c->connection[i].customer == g && c->connection[i].n_tunnels > 0)
			return true;
	return false;
}

static void customer_stays(const struct conf *now, const struct conf_customer_gateway *was,
			   const struct conf_customer_gateway *g, struct problem_list *problems)
{
	struct label label = check_label("customer_gateway", g->name);
	bool same = was->n_addresses == g->n_addresses;

	if (was->asn != 0 && was->asn != g->asn)
		complain(problems, g->where, &label,
			 "asn cannot change, it is %u: make another customer gateway", was->asn);
	for (unsigned i = 0; same && i < g->n_addresses; i++)
		same = addr_equal(&was->address[i], &g->address[i]);
	if (!same && has_tunnels(now, was))
		complain(
			problems, g->where, &label,
			"addresses change only while it has no tunnel: first delete the tunnels of "
			"its connections");
}

static void connection_stays(const struct conf_vpn_connection *was,
			     const struct conf_vpn_connection *v, struct problem_list *problems)
{
	struct label label = check_label("vpn_connection", v->name);

	if (strcmp(was->border_gateway_name, v->border_gateway_name) != 0)
		complain(problems, v->where, &label,
			 "border_gateway cannot change, it is '%s': make another connection",
			 was->border_gateway_name);
	if (strcmp(was->customer_gateway_name, v->customer_gateway_name) != 0)
		complain(problems, v->where, &label,
			 "customer_gateway cannot change, it is '%s': make another connection",
			 was->customer_gateway_name);
}

static void connections_stay(const struct conf *now, const struct conf *then,
			     struct problem_list *problems)
{
	struct index connections = { 0 }, tunnels = { 0 };

	for (unsigned i = 0; i < now->n_connections; i++) {
		const struct conf_vpn_connection *v = &now->connection[i];

		index_add(&connections, v->name, strlen(v->name), v);
		for (unsigned t = 0; t < v->n_tunnels; t++)
			index_add(&tunnels, v->tunnel[t].name, strlen(v->tunnel[t].name),
				  &v->tunnel[t]);
	}
	index_sort(&connections);
	index_sort(&tunnels);
	for (unsigned i = 0; i < then->n_connections; i++) {
		const struct conf_vpn_connection *v = &then->connection[i];
		const struct conf_vpn_connection *was = of_index(&connections, v->name);

		if (was != NULL)
			connection_stays(was, v, problems);
		for (unsigned t = 0; t < v->n_tunnels; t++) {
			const char *name = v->tunnel[t].name;
			const struct index_entry *e = index_find(&tunnels, name, strlen(name));

			if (e != NULL)
				tunnel_stays(kind_connection_of(now, e->object), e->object, v,
					     &v->tunnel[t], problems);
		}
	}
	index_clear(&connections);
	index_clear(&tunnels);
}

int conf_rules(const struct conf *now, const struct conf *then, bool command,
	       struct problem_list *problems)
{
	size_t before = problems->errors;

	for (unsigned i = 0; command && i < then->n_customer_gateways; i++)
		for (unsigned k = 0; k < now->n_customer_gateways; k++)
			if (strcmp(then->customer_gateway[i].name, now->customer_gateway[k].name) ==
			    0)
				customer_stays(now, &now->customer_gateway[k],
					       &then->customer_gateway[i], problems);
	connections_stay(now, then, problems);
	return problems->errors == before ? 0 : -EINVAL;
}
