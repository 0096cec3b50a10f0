#include "ike/traffic.h"

#include "ike/selector.h"

#include <stddef.h>
#include <stdlib.h>

/* Field by field: what lies between them, and behind the n-th, is nobody's. */
static uint64_t hash_list(const struct ike_selectors *s, uint64_t h)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct ike_selector *v = &s->v[i];
		uint16_t rest[] = { v->port_first, v->port_last, v->protocol };

		h = ike_hash(&v->first, sizeof(v->first), h);
		h = ike_hash(&v->last, sizeof(v->last), h);
		h = ike_hash(rest, sizeof(rest), h);
	}
	return h;
}

static struct ike_traffic *of_node(struct ike_node *node)
{
	return (struct ike_traffic *)((char *)node - offsetof(struct ike_traffic, node));
}

const struct ike_traffic *ike_traffic_get(struct ike_map *all, const struct ike_selectors *local,
					  const struct ike_selectors *remote)
{
	uint64_t hash = hash_list(remote, hash_list(local, 1));
	struct ike_node *node = ike_map_first(all, hash);
	struct ike_traffic *t;

	for (; node; node = ike_map_next(node)) {
		t = of_node(node);
		if (ike_selectors_equal(&t->local, local) &&
		    ike_selectors_equal(&t->remote, remote))
			return ike_traffic_share(t);
	}
	t = malloc(sizeof(*t));
	if (!t)
		return NULL;
	t->users = 1;
	t->local = *local;
	t->remote = *remote;
	if (ike_map_insert(all, &t->node, hash) < 0) {
		free(t);
		return NULL;
	}
	return t;
}

const struct ike_traffic *ike_traffic_share(const struct ike_traffic *t)
{
	((struct ike_traffic *)t)->users++;
	return t;
}

void ike_traffic_put(struct ike_map *all, const struct ike_traffic *t)
{
	struct ike_traffic *mine = (struct ike_traffic *)t;

	if (!mine || --mine->users)
		return;
	ike_map_remove(all, &mine->node);
	free(mine);
}
