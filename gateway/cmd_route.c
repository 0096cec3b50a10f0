#include "gateway/show.h"

#include "gateway/gateway.h"
#include "gateway/route_name.h"

#include <errno.h>
#include <string.h>

static int to_gateway(struct command_call *call, unsigned vpc, const char *name,
		      struct rib_route *r)
{
	const struct conf *c = call->gateway->conf;

	for (unsigned i = 0; i < c->n_attachments; i++) {
		const struct conf_vpc_attachment *a = &c->attachment[i];

		if (a->vpc != &c->vpc[vpc] || strcmp(a->border_gateway_name, name) != 0)
			continue;
		r->via = RIB_VIA_GATEWAY;
		r->via_index = a->gateway->id;
		return 0;
	}
	return command_fail(call, -ENOENT,
			    "'%s' is no border_gateway to which vpc '%s' is attached", name,
			    c->vpc[vpc].name);
}

static int to_connection_or_vpc(struct command_call *call, unsigned gateway, const char *name,
				struct rib_route *r)
{
	const struct conf *c = call->gateway->conf;
	const struct conf_border_gateway *g = &c->border_gateway[gateway];

	for (unsigned i = 0; i < c->n_connections; i++) {
		if (c->connection[i].gateway != g || strcmp(c->connection[i].name, name) != 0)
			continue;
		r->via = RIB_VIA_CONNECTION;
		r->via_index = c->connection[i].id;
		return 0;
	}
	for (unsigned i = 0; i < c->n_attachments; i++) {
		if (c->attachment[i].gateway != g || strcmp(c->attachment[i].vpc_name, name) != 0)
			continue;
		r->via = RIB_VIA_ATTACHMENT;
		r->via_index = c->attachment[i].id;
		return 0;
	}
	return command_fail(call, -ENOENT,
			    "'%s' is no vpn_connection of border_gateway '%s', and no vpc attached "
			    "to it",
			    name, g->name);
}

/* What the file may not say, a command may not either. */
static int refuse_overlap(struct command_call *call, unsigned gateway, const struct rib_route *r)
{
	const struct conf *c = call->gateway->conf;
	char text[PREFIX_STR_MAX], other[PREFIX_STR_MAX];

	for (unsigned i = 0; r->via == RIB_VIA_CONNECTION && i < c->n_attachments; i++) {
		const struct conf_vpc *v = c->attachment[i].vpc;

		if (c->attachment[i].gateway != &c->border_gateway[gateway])
			continue;
		for (unsigned p = 0; p < v->n_prefixes; p++)
			if (prefix_covers(&v->prefix[p], &r->prefix))
				return command_fail(call, -EINVAL,
						    "%s overlaps %s of the attached vpc '%s'",
						    prefix_format(&r->prefix, text),
						    prefix_format(&v->prefix[p], other), v->name);
	}
	return 0;
}

static int parse(struct command_call *call, struct route_table *t, struct rib_route *r)
{
	char text[PREFIX_STR_MAX];
	int rc = route_table_find(call, call->word[2], t);

	*r = (struct rib_route){ .origin = RIB_STATIC };
	if (rc == 0 && t->kind == ROUTE_TABLE_UNDERLAY)
		rc = command_fail(call, -EINVAL, "routes of the underlay stand in the file");
	if (rc == 0)
		rc = route_prefix(call, call->word[3], &r->prefix);
	if (rc < 0)
		return rc;
	if (strcmp(prefix_format(&r->prefix, text), call->word[3]) != 0 &&
	    strchr(call->word[3], '/') != NULL) {
		struct prefix given;

		if (prefix_parse(&given, call->word[3]) && !prefix_is_network(&given))
			return command_fail(call, -EINVAL,
					    "%s has host bits set; the network is %s",
					    call->word[3], text);
	}
	return t->kind == ROUTE_TABLE_VPC ? to_gateway(call, t->index, call->word[4], r)
					  : to_connection_or_vpc(call, t->index, call->word[4], r);
}

static int done(struct command_call *call, const struct rib_route *r, const char *deed)
{
	char text[PREFIX_STR_MAX];

	prefix_format(&r->prefix, text);
	page_text(call->page, "table", NULL, call->word[2]);
	page_text(call->page, "prefix", NULL, text);
	page_text(call->page, "next_hop", NULL, call->word[4]);
	page_text(call->page, "done", NULL, deed);
	page_line(call->page, "%s to %s: %s (until the gateway's next start)", text, call->word[4],
		  deed);
	return 0;
}

int static_route_add(struct command_call *call)
{
	struct tables *tables = apply_tables(call->gateway->applied);
	struct route_table t;
	struct rib_route r;
	int rc = parse(call, &t, &r);

	if (rc == 0 && t.kind == ROUTE_TABLE_GATEWAY)
		rc = refuse_overlap(call, t.index, &r);
	if (rc < 0)
		return rc;
	if (rib_has(tables_rib(tables), t.number, &r))
		return command_fail(call, -EEXIST, "the static route is there already");
	rc = tables_add(tables, t.number, &r);
	return rc < 0 ? command_fail(call, rc, "%s", strerror(-rc)) : done(call, &r, "added");
}

int static_route_delete(struct command_call *call)
{
	struct tables *tables = apply_tables(call->gateway->applied);
	struct route_table t;
	struct rib_route r;
	int rc = parse(call, &t, &r);

	if (rc < 0)
		return rc;
	rc = tables_remove(tables, t.number, &r);
	if (rc == -ENOENT)
		return command_fail(call, rc, "there is no such static route");
	return rc < 0 ? command_fail(call, rc, "%s", strerror(-rc)) : done(call, &r, "deleted");
}
