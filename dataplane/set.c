#include "dataplane/set.h"

#include "dataplane/core.h"
#include "dataplane/packet.h"
#include "dataplane/spread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS 16384 /* bundles by hash; a power of two */
#define END    UINT32_MAX

struct members {
	uint32_t holds; /* bundle: how many; connection: 1 */
	uint32_t hash, next;
	uint16_t n;
	uint16_t tunnel[DATAPLANE_SET_TUNNELS]; /* ascending */
	uint8_t home[SET_BUCKETS];		/* index in tunnel */
	uint8_t serves[SET_BUCKETS];		/* 1 + index, or 0 */
};

/* The sets that a tunnel is in. */
struct where {
	uint32_t n, room;
	uint32_t *set;
};

struct sets {
	struct members *of[SETS_MAX];
	struct where in[TUNNELS_MAX];
	uint32_t chain[CHAINS];
	uint32_t used, n_free; /* bundles' places */
	uint32_t free[BUNDLES_MAX];
};

struct sets *sets_new(void)
{
	struct sets *s = calloc(1, sizeof(*s));

	if (s)
		memset(s->chain, 0xff, sizeof(s->chain));
	return s;
}

void sets_free(struct sets *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < SETS_MAX; i++)
		free(s->of[i]);
	for (unsigned i = 0; i < TUNNELS_MAX; i++)
		free(s->in[i].set);
	free(s);
}

/* ---- which sets a tunnel is in ------------------------------------------------------------ */

static int enter(struct where *w, uint32_t set)
{
	if (w->n == w->room) {
		uint32_t room = w->room ? w->room * 2 : 4;
		uint32_t *more = realloc(w->set, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		w->set = more;
		w->room = room;
	}
	w->set[w->n++] = set;
	return 0;
}

static void leave(struct where *w, uint32_t set)
{
	for (uint32_t i = 0; i < w->n; i++) {
		if (w->set[i] == set) {
			w->set[i] = w->set[--w->n];
			return;
		}
	}
}

/* ---- one set ------------------------------------------------------------------------------ */

/* Ascending and distinct, so that equal sets are equal bytes. Returns how many, or -errno. */
static int take_members(const struct dataplane *dp, uint16_t *to, const uint32_t *tunnel,
			unsigned n)
{
	unsigned k = 0;

	if (n > DATAPLANE_SET_TUNNELS)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = k;

		if (tunnel[i] >= TUNNELS_MAX || !dp->tables.tunnel[tunnel[i]].used)
			return -ENOENT;
		while (at && to[at - 1] > tunnel[i])
			at--;
		if (at && to[at - 1] == tunnel[i])
			continue;
		memmove(to + at + 1, to + at, (k - at) * sizeof(*to));
		to[at] = (uint16_t)tunnel[i];
		k++;
	}
	return (int)k;
}

/* What workers see. Every bucket is right by itself at any moment, whatever n a worker has read. */
static void publish(struct dataplane *dp, uint32_t index)
{
	struct members *m = dp->sets->of[index];
	struct tunnel_set *to = &dp->tables.set[index];
	bool up[DATAPLANE_SET_TUNNELS];
	unsigned i, n = 0;

	for (i = 0; i < m->n; i++) {
		up[i] = dp->tables.tunnel[m->tunnel[i]].up;
		n += up[i];
	}
	if (m->n)
		spread_serve(m->serves, m->home, up, m->n);
	for (i = 0; i < SET_BUCKETS; i++) {
		unsigned serves = m->n ? m->serves[i] : 0;
		uint16_t value = (uint16_t)(serves ? m->tunnel[serves - 1] + 1u : 0);

		__atomic_store_n(&to->bucket[i], value, __ATOMIC_RELAXED);
	}
	/* Of one tunnel all buckets are alike. */
	__atomic_store_n(&dp->tables.set_only[index], n == 1 ? to->bucket[0] : 0, __ATOMIC_RELAXED);
	for (i = 0; i < DATAPLANE_SET_TUNNELS; i++)
		__atomic_store_n(&to->member[i], (uint16_t)(i < m->n ? m->tunnel[i] + 1u : 0),
				 __ATOMIC_RELAXED);
	__atomic_store_n(&to->n, (uint16_t)n, __ATOMIC_RELEASE);
}

/* Fills a set that is in no list yet. */
static int fill(struct sets *s, uint32_t index, const uint16_t *tunnel, unsigned n)
{
	struct members *m = s->of[index];

	m->n = (uint16_t)n;
	memcpy(m->tunnel, tunnel, n * sizeof(*tunnel));
	memset(m->serves, 0, sizeof(m->serves));
	if (n)
		spread_homes(m->home, m->tunnel, n);
	for (unsigned i = 0; i < n; i++) {
		if (enter(&s->in[tunnel[i]], index) == 0)
			continue;
		while (i--)
			leave(&s->in[tunnel[i]], index);
		m->n = 0;
		return -ENOMEM;
	}
	return 0;
}

static void empty(struct sets *s, uint32_t index)
{
	struct members *m = s->of[index];

	for (unsigned i = 0; i < m->n; i++)
		leave(&s->in[m->tunnel[i]], index);
	m->n = 0;
}

int dataplane_connection_set(struct dataplane *dp, uint32_t connection, const uint32_t *tunnels,
			     unsigned n)
{
	uint16_t tunnel[DATAPLANE_SET_TUNNELS];
	struct sets *s = dp->sets;
	int k, rc;

	if (connection >= CONNECTIONS_MAX)
		return -EINVAL;
	k = take_members(dp, tunnel, tunnels, n);
	if (k < 0)
		return k;
	if (!s->of[connection]) {
		s->of[connection] = calloc(1, sizeof(struct members));
		if (!s->of[connection])
			return -ENOMEM;
		s->of[connection]->holds = 1;
	} else {
		empty(s, connection);
	}
	rc = fill(s, connection, tunnel, (unsigned)k);
	publish(dp, connection);
	return rc;
}

/* ---- bundles ------------------------------------------------------------------------------ */

static uint32_t hash_of(const uint16_t *tunnel, unsigned n)
{
	uint32_t hash = n;

	for (unsigned i = 0; i < n; i++)
		hash = mix32((uint64_t)hash << 16 | tunnel[i]);
	return hash;
}

static uint32_t find(const struct sets *s, uint32_t hash, const uint16_t *tunnel, unsigned n)
{
	uint32_t i;

	for (i = s->chain[hash % CHAINS]; i != END; i = s->of[i]->next) {
		const struct members *m = s->of[i];

		if (m->n == n && memcmp(m->tunnel, tunnel, n * sizeof(*tunnel)) == 0)
			break;
	}
	return i;
}

static int make(struct dataplane *dp, uint32_t hash, const uint16_t *tunnel, unsigned n,
		uint32_t *index)
{
	struct sets *s = dp->sets;
	struct members *m;
	int rc;

	if (!s->n_free && s->used == BUNDLES_MAX)
		return -ENOSPC;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	*index = s->n_free ? s->free[s->n_free - 1] : CONNECTIONS_MAX + s->used;
	s->of[*index] = m;
	rc = fill(s, *index, tunnel, n);
	if (rc) {
		s->of[*index] = NULL;
		free(m);
		return rc;
	}
	if (s->n_free)
		s->n_free--;
	else
		s->used++;
	m->hash = hash;
	m->next = s->chain[hash % CHAINS];
	s->chain[hash % CHAINS] = *index;
	publish(dp, *index);
	return 0;
}

int dataplane_bundle_hold(struct dataplane *dp, const uint32_t *tunnels, unsigned n, uint32_t *nh)
{
	uint16_t tunnel[DATAPLANE_SET_TUNNELS];
	uint32_t hash, index;
	int k, rc;

	if (n == 0)
		return -EINVAL;
	k = take_members(dp, tunnel, tunnels, n);
	if (k < 0)
		return k;
	hash = hash_of(tunnel, (unsigned)k);
	index = find(dp->sets, hash, tunnel, (unsigned)k);
	rc = index == END ? make(dp, hash, tunnel, (unsigned)k, &index) : 0;
	if (rc)
		return rc;
	dp->sets->of[index]->holds++;
	*nh = nexthop(NEXTHOP_CONNECTION, index);
	return 0;
}

static void free_place(void *owner, void *thing, uint32_t index)
{
	struct dataplane *dp = owner;

	dp->sets->free[dp->sets->n_free++] = index;
}

void dataplane_bundle_release(struct dataplane *dp, uint32_t nh)
{
	uint32_t index = nexthop_index(nh), *at;
	struct sets *s = dp->sets;
	struct members *m;

	if (nexthop_kind(nh) != NEXTHOP_CONNECTION || index < CONNECTIONS_MAX ||
	    !sets_exists(dp, index) || --s->of[index]->holds)
		return;
	m = s->of[index];
	for (at = &s->chain[m->hash % CHAINS]; *at != index; at = &s->of[*at]->next)
		;
	*at = m->next;
	empty(s, index);
	s->of[index] = NULL;
	free(m);
	retire(&dp->retired, dp->tables.qsbr, free_place, dp, NULL, index);
}

/* ---- all of them -------------------------------------------------------------------------- */

void sets_tunnel_changed(struct dataplane *dp, uint32_t tunnel)
{
	const struct where *w = &dp->sets->in[tunnel];

	for (uint32_t i = 0; i < w->n; i++)
		publish(dp, w->set[i]);
}

bool sets_has_tunnel(const struct dataplane *dp, uint32_t tunnel)
{
	return dp->sets->in[tunnel].n > 0;
}

bool sets_exists(const struct dataplane *dp, uint32_t index)
{
	return index < SETS_MAX && dp->sets->of[index];
}

const char *sets_format(const struct dataplane *dp, uint32_t index, char *buf, size_t size)
{
	const struct members *m = index < SETS_MAX ? dp->sets->of[index] : NULL;
	size_t at;

	if (index < CONNECTIONS_MAX) {
		snprintf(buf, size, "connection %u", index);
		return buf;
	}
	at = (size_t)snprintf(buf, size, "bundle of tunnels");
	for (unsigned i = 0; m && i < m->n && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%u", i ? ", " : " ", m->tunnel[i]);
	return buf;
}
