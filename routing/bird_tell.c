/* Tables and sessions, and what the sink is told of them. */
#include "routing/bird_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- batches ------------------------------------------------------------------------------ */

static void begin_batch(struct bird *b, struct table *t)
{
	if (t->batch)
		return;
	t->batch = true;
	b->options.sink.batch_begin(b->options.sink.ctx, t->id);
	if (t->family[0].dumping || t->family[1].dumping)
		return; /* ends with the dump */
	if (b->n_batches == 0)
		b->batch_at = b->now;
	b->batches[b->n_batches++] = t->id;
	t->in_batches = true;
}

void bird_end_batch(struct bird *b, struct table *t)
{
	if (!t->batch)
		return;
	for (uint32_t i = 0; t->in_batches && i < b->n_batches; i++) {
		if (b->batches[i] != t->id)
			continue;
		b->batches[i] = b->batches[--b->n_batches];
		t->in_batches = false;
	}
	t->batch = false;
	b->options.sink.batch_end(b->options.sink.ctx, t->id);
}

void bird_end_batches(struct bird *b)
{
	while (b->n_batches > 0)
		bird_end_batch(b, b->table[b->batches[b->n_batches - 1]]);
}

/* ---- routes ------------------------------------------------------------------------------- */

static struct source_route route_of(const struct table *t, const struct told_path *path)
{
	return (struct source_route){ t->id, path->session, path->prefix, path->metric };
}

static void learn(struct bird *b, struct table *t, const struct told_path *path)
{
	struct source_route route = route_of(t, path);

	begin_batch(b, t);
	b->options.sink.learn(b->options.sink.ctx, &route);
}

static void forget(struct bird *b, struct table *t, const struct told_path *path)
{
	struct source_route route = route_of(t, path);

	begin_batch(b, t);
	session_of(b, path->session)->routes--;
	b->options.sink.forget(b->options.sink.ctx, &route);
}

void bird_tell_path(struct bird *b, struct table *t, const struct told_path *path)
{
	struct session *s = session_of(b, path->session);
	int rc;

	if (!s || s->table != t || !s->enabled)
		return;
	rc = told_set(&family_of(t, path->prefix.addr.family)->told, path);
	if (rc < 0) {
		bird_suspect(b, t); /* no memory: once more later */
		return;
	}
	s->routes += rc == TOLD_NEW;
	if (rc != TOLD_SAME)
		learn(b, t, path);
}

static bool has_session(const struct told_path *path, size_t n, uint32_t session)
{
	while (n-- > 0)
		if (path[n].session == session)
			return true;
	return false;
}

void bird_tell_paths(struct bird *b, struct table *t, const struct prefix *prefix,
		     const struct told_path *path, size_t n)
{
	struct table_family *f = family_of(t, prefix->addr.family);
	size_t n_old;

	for (size_t i = 0; i < n; i++)
		bird_tell_path(b, t, &path[i]);
	n_old = told_paths(&f->told, prefix, b->old, b->old_room);
	if (n_old > b->old_room) {
		struct told_path *old = realloc(b->old, n_old * sizeof(*old));

		if (!old) {
			bird_suspect(b, t);
			return;
		}
		b->old = old;
		b->old_room = n_old;
		told_paths(&f->told, prefix, old, n_old);
	}
	for (size_t i = 0; i < n_old; i++) {
		if (has_session(path, n, b->old[i].session) ||
		    session_of(b, b->old[i].session)->recovering)
			continue;
		told_delete(&f->told, prefix, b->old[i].session);
		forget(b, t, &b->old[i]);
	}
}

void bird_tell_removed(struct bird *b, struct session *s, const struct prefix *prefix)
{
	struct told_path path = { *prefix, s->id, 0 };
	struct told *told = &family_of(s->table, prefix->addr.family)->told;

	if (!told_get(told, &path))
		return;
	told_delete(told, prefix, s->id);
	forget(b, s->table, &path);
}

struct sweep {
	struct bird *b;
	struct table *table;
	const struct session *session; /* only this one's; NULL: all */
	bool dump;		       /* not what was heard of during the dump */
};

static bool sweep_one(void *ctx, const struct told_path *path)
{
	struct sweep *s = ctx;
	const struct dirty *d = &s->b->dirty;
	uint32_t e;

	if (s->session && path->session != s->session->id)
		return false;
	if (s->dump) {
		e = dirty_find(d, s->table->id, &path->prefix);
		if (session_of(s->b, path->session)->recovering ||
		    (e != DIRTY_NONE && d->entry[e].in_dump))
			return false;
	}
	forget(s->b, s->table, path);
	return true;
}

void bird_tell_swept(struct bird *b, struct table *t, struct table_family *f)
{
	struct sweep sweep = { b, t, NULL, true };

	told_sweep(&f->told, true, sweep_one, &sweep);
}

static void sweep_all(struct bird *b, struct table *t, const struct session *only)
{
	struct sweep sweep = { b, t, only, false };

	for (unsigned i = 0; i < 2; i++)
		told_sweep(&t->family[i].told, false, sweep_one, &sweep);
	if (!t->family[0].dumping && !t->family[1].dumping)
		bird_end_batch(b, t);
}

void bird_tell_gone(struct bird *b)
{
	for (uint32_t i = 0; i < b->n_tables; i++) {
		if (!b->table[i])
			continue;
		sweep_all(b, b->table[i], NULL);
		bird_tell_standing(b, b->table[i], SOURCE_NEVER);
	}
}

void bird_tell_standing(struct bird *b, struct table *t, enum source_standing standing)
{
	if (t->standing == standing)
		return;
	t->standing = standing;
	if (b->options.sink.standing)
		b->options.sink.standing(b->options.sink.ctx, t->id, standing);
}

/* ---- sessions ----------------------------------------------------------------------------- */

/* BIRD may keep IPv6 in a protocol of its own: a session is as good as the worse of them. */
static struct source_session joined(const struct session *s)
{
	struct source_session now = s->half[0], *other;

	if (now.state == SOURCE_SESSION_UNKNOWN)
		return s->half[1];
	other = (struct source_session *)&s->half[1];
	if (other->state == SOURCE_SESSION_UNKNOWN)
		return now;
	if (other->state < now.state) {
		now.state = other->state;
		now.since = other->since;
		memcpy(now.word, other->word, sizeof(now.word));
	}
	if (!now.error[0])
		memcpy(now.error, other->error, sizeof(now.error));
	now.imported += other->imported;
	now.filtered += other->filtered;
	now.exported += other->exported;
	now.updates_in += other->updates_in;
	now.updates_rejected += other->updates_rejected;
	now.withdraws_in += other->withdraws_in;
	now.updates_out += other->updates_out;
	now.withdraws_out += other->withdraws_out;
	return now;
}

void bird_tell_session(struct bird *b, struct session *s)
{
	struct source_session now = joined(s);
	bool same = now.state == s->told.state && strcmp(now.word, s->told.word) == 0 &&
		    strcmp(now.error, s->told.error) == 0;

	s->told = now;
	if (s->told.state != SOURCE_SESSION_UP)
		s->up_at = BIRD_NEVER;
	else if (s->up_at == BIRD_NEVER)
		s->up_at = b->now;
	if ((!same || s->tell) && b->options.sink.session)
		b->options.sink.session(b->options.sink.ctx, s->id, &s->told);
	s->tell = false;
}

/* ---- the source's operations -------------------------------------------------------------- */

static struct bird *bird_of(const struct source *s)
{
	return (struct bird *)s;
}

/* Room for the id-th pointer. */
static int make_room(void *array, uint32_t *n, uint32_t id)
{
	void **slots = *(void ***)array;
	uint32_t room = *n ? *n : 16;

	if (id < *n)
		return 0;
	while (room <= id)
		room *= 2;
	slots = realloc(slots, room * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots + *n, 0, (room - *n) * sizeof(*slots));
	*(void ***)array = slots;
	*n = room;
	return 0;
}

static int table_add(struct source *source, uint32_t id)
{
	struct bird *b = bird_of(source);
	uint32_t *batches;
	struct table *t;

	if (table_of(b, id))
		return -EEXIST;
	if (id >= INT32_MAX || make_room(&b->table, &b->n_tables, id) != 0)
		return -ENOMEM;
	batches = realloc(b->batches, b->n_tables * sizeof(*batches));
	if (!batches)
		return -ENOMEM;
	b->batches = batches;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->id = id;
	t->serial = ++b->serial;
	told_init(&t->family[0].told, ADDR_IPV4);
	told_init(&t->family[1].told, ADDR_IPV6);
	b->table[id] = t;
	bird_suspect(b, t);
	bird_wake(b);
	return 0;
}

static void drop_table(struct bird *b, struct table *t)
{
	bird_end_batch(b, t);
	b->n_dumping -= t->family[0].dumping + t->family[1].dumping;
	told_clear(&t->family[0].told);
	told_clear(&t->family[1].told);
	b->table[t->id] = NULL;
	free(t);
}

static void table_remove(struct source *source, uint32_t id)
{
	struct bird *b = bird_of(source);
	struct table *t = table_of(b, id);

	if (!t)
		return;
	for (uint32_t i = 0; i < b->n_sessions; i++)
		if (b->session[i] && b->session[i]->table == t)
			source_session_remove(source, i);
	drop_table(b, t);
}

void bird_drop_tables(struct bird *b)
{
	for (uint32_t i = 0; i < b->n_sessions; i++)
		free(b->session[i]);
	for (uint32_t i = 0; i < b->n_tables; i++)
		if (b->table[i])
			drop_table(b, b->table[i]);
	free(b->session);
	free(b->table);
	free(b->batches);
	free(b->old);
}

static int session_add(struct source *source, uint32_t id, uint32_t table)
{
	struct bird *b = bird_of(source);
	struct table *t = table_of(b, table);
	struct session *s;

	if (session_of(b, id))
		return -EEXIST;
	if (!t)
		return -ENOENT;
	if (id >= INT32_MAX || make_room(&b->session, &b->n_sessions, id) != 0)
		return -ENOMEM;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->id = id;
	s->table = t;
	s->enabled = true;
	s->up_at = BIRD_NEVER;
	b->session[id] = s;
	b->session_count++;
	t->n_sessions++;
	bird_suspect(b, t); /* what it told before was not looked at */
	bird_wake(b);
	return 0;
}

static void session_remove(struct source *source, uint32_t id)
{
	struct bird *b = bird_of(source);
	struct session *s = session_of(b, id);

	if (!s)
		return;
	if (s->routes > 0)
		sweep_all(b, s->table, s);
	bird_set_admin(b, s, ADMIN_NONE);
	b->n_asks -= s->ask;
	s->table->n_sessions--;
	b->session[id] = NULL;
	b->session_count--;
	free(s);
}

static int session_enable(struct source *source, uint32_t id, bool enabled)
{
	struct bird *b = bird_of(source);
	struct session *s = session_of(b, id);

	if (!s)
		return -ENOENT;
	/* Enabling again what is enabled is worth a word: BIRD may have disabled it by itself. */
	bird_set_admin(b, s, enabled ? ADMIN_ENABLE : ADMIN_DISABLE);
	if (enabled && !s->enabled)
		bird_suspect(b, s->table);
	s->enabled = enabled;
	if (!enabled && s->routes > 0)
		sweep_all(b, s->table, s);
	bird_control_pump(b);
	bird_wake(b);
	return 0;
}

static int session_restart(struct source *source, uint32_t id)
{
	struct bird *b = bird_of(source);
	struct session *s = session_of(b, id);

	if (!s)
		return -ENOENT;
	if (b->phase != PHASE_UP)
		return -EAGAIN;
	bird_set_admin(b, s, ADMIN_RESTART);
	bird_control_pump(b);
	bird_wake(b);
	return 0;
}

static int session_ask(struct source *source, uint32_t id)
{
	struct bird *b = bird_of(source);
	struct session *s = session_of(b, id);

	if (!s)
		return -ENOENT;
	if (b->phase != PHASE_UP)
		return -EAGAIN;
	s->tell = true;
	bird_ask_session(b, s);
	bird_sync_pump(b);
	bird_wake(b);
	return 0;
}

struct again {
	struct bird *b;
	struct table *t;
};

static void learn_again(void *ctx, const struct told_path *path)
{
	struct again *again = ctx;

	learn(again->b, again->t, path);
}

static int replay(struct source *source, uint32_t table)
{
	struct bird *b = bird_of(source);
	struct table *t = table_of(b, table);
	struct again again = { b, t };

	if (!t)
		return -ENOENT;
	if (t->family[0].dumping || t->family[1].dumping)
		return -EBUSY;
	bird_end_batch(b, t);
	for (unsigned i = 0; i < 2; i++)
		told_walk(&t->family[i].told, learn_again, &again);
	bird_end_batch(b, t);
	return 0;
}

static enum source_standing standing(const struct source *source, uint32_t table)
{
	const struct table *t = table_of(bird_of(source), table);

	return t ? t->standing : SOURCE_NEVER;
}

static size_t routes(const struct source *source, uint32_t table)
{
	const struct table *t = table_of(bird_of(source), table);

	return t ? t->family[0].told.n + t->family[1].told.n : 0;
}

static size_t session_routes(const struct source *source, uint32_t session)
{
	const struct session *s = session_of(bird_of(source), session);

	return s ? s->routes : 0;
}

const struct source_ops bird_source_ops = {
	.table_add = table_add,
	.table_remove = table_remove,
	.session_add = session_add,
	.session_remove = session_remove,
	.session_enable = session_enable,
	.session_restart = session_restart,
	.session_ask = session_ask,
	.replay = replay,
	.standing = standing,
	.routes = routes,
	.session_routes = session_routes,
};

struct walk {
	uint32_t table;
	void (*fn)(void *ctx, const struct source_route *route);
	void *ctx;
};

static void walk_one(void *ctx, const struct told_path *path)
{
	struct walk *w = ctx;
	struct source_route route = { w->table, path->session, path->prefix, path->metric };

	w->fn(w->ctx, &route);
}

void bird_walk(const struct bird *b, uint32_t table,
	       void (*fn)(void *ctx, const struct source_route *route), void *ctx)
{
	struct walk walk = { table, fn, ctx };
	const struct table *t = table_of(b, table);

	for (unsigned i = 0; t && i < 2; i++)
		told_walk(&t->family[i].told, walk_one, &walk);
}
