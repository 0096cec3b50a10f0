#include "conf/number.h"

#include "conf/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An object of a kind as this file sees it. In a key no byte is without a meaning. */
struct item {
	const void *object, *owner;
	uint32_t *id;
	char key[2 * CONF_NAME_BYTES];
};

struct list {
	struct item *v;
	uint32_t n;
};

#define NONE UINT32_MAX

static void put(struct list *l, const void *object, const void *owner, const uint32_t *id,
		const char *name, const char *within)
{
	struct item *i = &l->v[l->n++];

	*i = (struct item){ .object = object, .owner = owner, .id = (uint32_t *)id };
	strcpy(i->key, name);
	strcpy(i->key + CONF_NAME_BYTES, within);
}

static uint32_t count(const struct conf *c, enum conf_kind kind)
{
	uint32_t n = 0;

	switch (kind) {
	case CONF_BORDER_GATEWAY:
		return c->n_border_gateways;
	case CONF_VPC:
		return c->n_vpcs;
	case CONF_ATTACHMENT:
		return c->n_attachments;
	case CONF_CUSTOMER_GATEWAY:
		return c->n_customer_gateways;
	case CONF_CONNECTION:
		return c->n_connections;
	case CONF_TUNNEL:
		for (unsigned i = 0; i < c->n_connections; i++)
			n += c->connection[i].n_tunnels;
		return n;
	case CONF_KINDS:
		break;
	}
	return 0;
}

static void fill(struct list *l, const struct conf *c, enum conf_kind kind)
{
	uint32_t n = count(c, kind);

	for (uint32_t i = 0; i < n && kind != CONF_TUNNEL; i++) {
		const struct conf_border_gateway *g = &c->border_gateway[i];
		const struct conf_vpc *vpc = &c->vpc[i];
		const struct conf_vpc_attachment *a = &c->attachment[i];
		const struct conf_customer_gateway *k = &c->customer_gateway[i];
		const struct conf_vpn_connection *v = &c->connection[i];

		if (kind == CONF_BORDER_GATEWAY)
			put(l, g, NULL, &g->id, g->name, "");
		else if (kind == CONF_VPC)
			put(l, vpc, NULL, &vpc->id, vpc->name, "");
		else if (kind == CONF_ATTACHMENT)
			put(l, a, NULL, &a->id, a->vpc_name, a->border_gateway_name);
		else if (kind == CONF_CUSTOMER_GATEWAY)
			put(l, k, NULL, &k->id, k->name, "");
		else
			put(l, v, NULL, &v->id, v->name, v->border_gateway_name);
	}
	for (unsigned i = 0; i < c->n_connections && kind == CONF_TUNNEL; i++) {
		const struct conf_vpn_connection *v = &c->connection[i];

		for (unsigned t = 0; t < v->n_tunnels; t++)
			put(l, &v->tunnel[t], v, &v->tunnel[t].id, v->tunnel[t].name, v->name);
	}
}

static int list(struct list *l, const struct conf *c, enum conf_kind kind)
{
	l->n = 0;
	l->v = calloc(count(c, kind) + 1u, sizeof(*l->v));
	if (l->v == NULL)
		return -ENOMEM;
	fill(l, c, kind);
	return 0;
}

/* A tunnel stays itself only where its connection does, and between the same two addresses. */
static bool may_adopt(enum conf_kind kind, const struct item *now, const struct item *before)
{
	const struct conf_vpn_connection *a = now->owner, *b = before->owner;
	const struct conf_tunnel *s = now->object, *t = before->object;

	return kind != CONF_TUNNEL || (a->id == b->id && addr_equal(&s->cloud_ip, &t->cloud_ip) &&
				       addr_equal(&s->customer_ip, &t->customer_ip));
}

static int adopt(struct list *l, enum conf_kind kind, const struct conf *running)
{
	struct list before = { 0 };
	struct index x = { 0 };
	int rc = list(&before, running, kind);

	for (uint32_t i = 0; rc == 0 && i < before.n; i++)
		rc = index_add(&x, before.v[i].key, sizeof(before.v[i].key), &before.v[i]);
	index_sort(&x);
	for (uint32_t i = 0; rc == 0 && i < l->n; i++) {
		const struct index_entry *e = index_find(&x, l->v[i].key, sizeof(l->v[i].key));

		if (e != NULL && may_adopt(kind, &l->v[i], e->object))
			*l->v[i].id = *((const struct item *)e->object)->id;
	}
	index_clear(&x);
	free(before.v);
	return rc;
}

/* Makes the directory so long that id is in it. */
static int reach(struct conf_directory *d, uint32_t id, uint32_t *room)
{
	uint32_t to = *room > 0 ? *room : 16;
	const void **object, **owner;

	if (id >= *room) {
		while (to <= id)
			to *= 2;
		object = calloc(to, sizeof(*object));
		owner = calloc(to, sizeof(*owner));
		if (object == NULL || owner == NULL) {
			free(object);
			free(owner);
			return -ENOMEM;
		}
		if (d->n > 0) {
			memcpy(object, d->object, d->n * sizeof(*object));
			memcpy(owner, d->owner, d->n * sizeof(*owner));
		}
		free(d->object);
		free(d->owner);
		d->object = object;
		d->owner = owner;
		*room = to;
	}
	if (id >= d->n)
		d->n = id + 1;
	return 0;
}

static int enter(struct conf_directory *d, uint32_t *room, const struct item *i, uint32_t id)
{
	int rc = reach(d, id, room);

	if (rc < 0)
		return rc;
	*i->id = id;
	d->object[id] = i->object;
	d->owner[id] = i->owner;
	return 0;
}

static const void *at(const struct conf *c, enum conf_kind kind, uint32_t id)
{
	return id < c->directory[kind].n ? c->directory[kind].object[id] : NULL;
}

static int number(struct conf *c, enum conf_kind kind, const struct conf *running,
		  const struct conf_reserved *reserved)
{
	struct conf_directory *d = &c->directory[kind];
	uint32_t room = 0, next = 0;
	struct list l;
	int rc = list(&l, c, kind);

	for (uint32_t i = 0; rc == 0 && i < l.n; i++)
		*l.v[i].id = NONE;
	if (rc == 0 && running != NULL)
		rc = adopt(&l, kind, running);
	for (uint32_t i = 0; rc == 0 && i < l.n; i++)
		if (*l.v[i].id != NONE)
			rc = enter(d, &room, &l.v[i], *l.v[i].id);
	for (uint32_t i = 0; rc == 0 && i < l.n; i++) {
		if (*l.v[i].id != NONE)
			continue;
		while ((next < d->n && d->object[next] != NULL) ||
		       (running != NULL && at(running, kind, next) != NULL) ||
		       (reserved != NULL && reserved->is(reserved->ctx, kind, next)))
			next++;
		rc = enter(d, &room, &l.v[i], next);
	}
	free(l.v);
	return rc;
}

int conf_number(struct conf *c, const struct conf *running, const struct conf_reserved *reserved)
{
	int rc = 0;

	conf_number_clear(c);
	for (enum conf_kind kind = 0; rc == 0 && kind < CONF_KINDS; kind++)
		rc = number(c, kind, running, reserved);
	return rc;
}

void conf_number_clear(struct conf *c)
{
	for (enum conf_kind kind = 0; kind < CONF_KINDS; kind++) {
		free(c->directory[kind].object);
		free(c->directory[kind].owner);
		c->directory[kind] = (struct conf_directory){ 0 };
	}
}

uint32_t conf_numbers(const struct conf *c, enum conf_kind kind)
{
	return c->directory[kind].n;
}

const struct conf_border_gateway *conf_gateway_at(const struct conf *c, uint32_t id)
{
	return at(c, CONF_BORDER_GATEWAY, id);
}

const struct conf_vpc *conf_vpc_at(const struct conf *c, uint32_t id)
{
	return at(c, CONF_VPC, id);
}

const struct conf_vpc_attachment *conf_attachment_at(const struct conf *c, uint32_t id)
{
	return at(c, CONF_ATTACHMENT, id);
}

const struct conf_vpn_connection *conf_connection_at(const struct conf *c, uint32_t id)
{
	return at(c, CONF_CONNECTION, id);
}

const struct conf_tunnel *conf_tunnel_at(const struct conf *c, uint32_t id)
{
	return at(c, CONF_TUNNEL, id);
}

const struct conf_vpn_connection *conf_tunnel_connection(const struct conf *c, uint32_t id)
{
	return id < c->directory[CONF_TUNNEL].n ? c->directory[CONF_TUNNEL].owner[id] : NULL;
}
