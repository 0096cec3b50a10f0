/* What was chosen before is chosen again: a model that was just read takes over, from the one
 * before it, what the operator left to us. Else it is chosen now. */
#include "conf/check.h"
#include "conf/psk.h"

#include <string.h>

void check_before(struct check *k)
{
	const struct conf *b = k->before;

	for (unsigned i = 0; b != NULL && i < b->n_connections; i++) {
		const struct conf_vpn_connection *v = &b->connection[i];

		check_index(k, &k->connections_before, v->name, strlen(v->name), v);
		for (unsigned n = 0; n < v->n_tunnels; n++)
			check_index(k, &k->tunnels_before, v->tunnel[n].name,
				    strlen(v->tunnel[n].name), &v->tunnel[n]);
	}
	index_sort(&k->connections_before);
	index_sort(&k->tunnels_before);
}

const struct conf_vpn_connection *check_connection_before(const struct check *k, const char *name)
{
	const struct index_entry *e = index_find(&k->connections_before, name, strlen(name));

	return e != NULL ? e->object : NULL;
}

static const struct conf_tunnel *tunnel_before(const struct check *k, const char *name)
{
	const struct index_entry *e = index_find(&k->tunnels_before, name, strlen(name));

	return e != NULL ? e->object : NULL;
}

void check_choices(struct check *k, const struct conf_vpn_connection *v, struct conf_tunnel *t)
{
	const struct conf_tunnel *was = tunnel_before(k, t->name);
	struct label label = check_label_tunnel(v, t);

	if (was != NULL && !t->inner_given) {
		t->inner = was->inner; /* a wish: see allocate.c */
		t->inner_peer = was->inner_peer;
	}
	if (t->psk != NULL || t->psk_given)
		return;
	if (was != NULL && was->psk != NULL) {
		t->psk = secret_copy(was->psk);
	} else {
		t->psk = psk_generate();
		check_problem(
			k, PROBLEM_WARNING, &label, t->where, NULL,
			"psk is missing: a random one is made; \"show tunnel %s psk\" tells it",
			t->name);
	}
	k->no_memory = k->no_memory || t->psk == NULL;
}
