/* Lines make prefixes dirty, lookups clean them; passes dump tables that are suspect. */
#include "routing/bird_client.h"

#include "routing/bird_names.h"

#include <stdlib.h>
#include <string.h>

#define QUIET	      (20 * BIRD_MS)  /* after a loss, as long without a line */
#define QUIET_MAX     (500 * BIRD_MS) /* or this long */
#define PASS_EVERY    (200 * BIRD_MS)
#define BACKSTOP      (30 * BIRD_SECOND)
#define COUNT_AGAIN   (1 * BIRD_SECOND)
#define RECOVER_LOOK  (500 * BIRD_MS)
#define RECOVER_UP    (2 * BIRD_SECOND) /* an established session is given as long for its routes */
#define RECOVER_GROWS 64 /* and while their number grows by a part of this in a look */

/* More dirty prefixes than this cost more than a dump. */
#define DIRTY_MIN  2000
#define DIRTY_MAX  16384
#define DIRTY_PART 16 /* of the table's routes */

enum { CODE_OK = 0, CODE_NOT_FOUND = 8001, CODE_RECONFIGURED = 8004, CODE_SYNTAX = 9001 };

/* ---- what is wanted ----------------------------------------------------------------------- */

static void want_pass(struct bird *b, uint64_t from)
{
	if (from < b->wanted_from)
		b->wanted_from = from;
}

void bird_suspect(struct bird *b, struct table *t)
{
	for (uint32_t i = 0; !t && i < b->n_tables; i++)
		if (b->table[i])
			b->table[i]->suspect = true;
	if (t)
		t->suspect = true;
	want_pass(b, b->now);
}

void bird_ask_session(struct bird *b, struct session *s)
{
	b->n_asks += !s->ask;
	s->ask = true;
}

/* BIRD gets as much time for others as the last pass took, and lines that still come are awaited.
 */
static uint64_t pass_due(const struct bird *b)
{
	uint64_t at, earliest;

	if (b->pass != PASS_NONE)
		return BIRD_NEVER;
	at = b->wanted_from;
	if (at != BIRD_NEVER) {
		at = at + QUIET_MAX < b->heard_at + QUIET ? at + QUIET_MAX : b->heard_at + QUIET;
		earliest = b->pass_to + (b->pass_to - b->pass_from);
		if (earliest < b->pass_from + PASS_EVERY)
			earliest = b->pass_from + PASS_EVERY;
		if (at < earliest)
			at = earliest;
	}
	return at < b->backstop_at ? at : b->backstop_at;
}

uint64_t bird_sync_deadline(const struct bird *b)
{
	return pass_due(b);
}

void bird_sync_begin(struct bird *b)
{
	bird_suspect(b, NULL);
	b->pass_from = b->pass_to = b->heard_at = 0;
}

void bird_sync_reset(struct bird *b)
{
	b->pass = PASS_NONE;
	b->n_dumping = 0;
	b->wanted_from = b->backstop_at = BIRD_NEVER;
	dirty_clear(&b->dirty);
	for (uint32_t i = 0; i < b->n_tables; i++) {
		struct table *t = b->table[i];

		if (!t)
			continue;
		for (unsigned f = 0; f < 2; f++)
			t->family[f].wanted = t->family[f].dumping = t->family[f].flooded = false;
		t->digest_valid = false;
		bird_end_batch(b, t);
		if (t->standing == SOURCE_CURRENT)
			bird_tell_standing(b, t, SOURCE_STALE);
	}
	for (uint32_t i = 0; i < b->n_sessions; i++) {
		struct session *s = b->session[i];

		if (!s)
			continue;
		memset(s->half, 0, sizeof(s->half));
		bird_tell_session(b, s);
	}
}

/* ---- lines -------------------------------------------------------------------------------- */

static void flood(struct bird *b, struct table *t, uint8_t family)
{
	family_of(t, family)->flooded = true;
	dirty_dump_begins(&b->dirty, t->id, family);
	t->digest_valid = false;
	b->stats.resyncs++;
	bird_suspect(b, t);
}

static void route_line(struct bird *b, struct session *s, const struct bird_event *event)
{
	const struct prefix *prefix = &event->prefix;
	struct table *t = s->table;
	struct table_family *f = family_of(t, prefix->addr.family);
	size_t limit = f->told.n / DIRTY_PART;

	b->heard_at = b->now;
	if (s->recovering && event->removed)
		bird_tell_removed(b, s, prefix); /* which a lookup alone does not prove */
	if (!s->enabled || f->flooded)
		return;
	limit = limit < DIRTY_MIN ? DIRTY_MIN : limit > DIRTY_MAX ? DIRTY_MAX : limit;
	if (b->dirty.pending >= limit ||
	    dirty_touch(&b->dirty, t->id, prefix, f->dumping) == DIRTY_NONE)
		flood(b, t, prefix->addr.family);
}

static void invalidate_digests(struct bird *b)
{
	for (uint32_t i = 0; i < b->n_tables; i++)
		if (b->table[i])
			b->table[i]->digest_valid = false;
}

void bird_sync_line(struct bird *b, const struct bird_line *line)
{
	struct bird_event event;
	struct session *s;

	if (line->kind == BIRD_LINE_LOST) {
		b->stats.lost += line->lost;
		b->stats.resyncs++;
		b->heard_at = b->now;
		bird_suspect(b, NULL);
		return;
	}
	b->stats.lines++;
	event = bird_event_parse(line->text);
	if (event.kind == BIRD_EVENT_RECONFIGURED) {
		invalidate_digests(b);
		want_pass(b, b->now); /* it enabled what was disabled */
	}
	s = event.kind == BIRD_EVENT_ROUTE || event.kind == BIRD_EVENT_SESSION
		    ? session_of(b, event.session)
		    : NULL;
	if (!s)
		return;
	if (event.kind == BIRD_EVENT_ROUTE) {
		route_line(b, s, &event);
	} else {
		s->table->digest_valid = false;
		bird_ask_session(b, s);
	}
}

/* ---- answers ------------------------------------------------------------------------------ */

static void keep_path(struct bird *b, struct answer *a, const struct dirty_entry *e,
		      const struct bird_path *path)
{
	struct told_path *grown;
	size_t room = a->room ? 2 * a->room : 16;

	if (!prefix_equal(&path->prefix, &e->prefix))
		return;
	if (a->n_paths == a->room) {
		grown = realloc(a->path, room * sizeof(*grown));
		if (!grown) {
			bird_suspect(b, NULL);
			return;
		}
		a->path = grown;
		a->room = room;
	}
	a->path[a->n_paths++] = (struct told_path){ path->prefix, path->session, path->metric };
}

static void lookup_answer(struct bird *b, struct answer *a, uint32_t index,
			  const struct bird_line *line)
{
	struct dirty_entry *e = &b->dirty.entry[index];
	struct table *t;
	struct bird_path path;
	struct prefix prefix;

	if (line->kind != BIRD_LINE_LAST) {
		if (bird_routes_line(&a->routes, line, &path))
			keep_path(b, a, e, &path);
		return;
	}
	if (bird_routes_end(&a->routes, &path))
		keep_path(b, a, e, &path);
	t = table_of(b, e->table);
	prefix = e->prefix;
	b->stats.lookups++;
	if (line->code != CODE_OK && line->code != CODE_NOT_FOUND && line->code != CODE_SYNTAX)
		e->again = true;
	else if (t)
		bird_tell_paths(b, t, &prefix, a->path, a->n_paths);
	dirty_answer(&b->dirty, index);
}

static void dump_path(struct bird *b, struct table *t, uint8_t family, const struct bird_path *path)
{
	struct told_path said = { path->prefix, path->session, path->metric };
	uint32_t e;

	if (path->prefix.addr.family != family)
		return;
	e = dirty_find(&b->dirty, t->id, &path->prefix);
	if (e == DIRTY_NONE || !b->dirty.entry[e].in_dump)
		bird_tell_path(b, t, &said);
}

static bool has_recovering(const struct bird *b, const struct table *t)
{
	for (uint32_t i = 0; b->recover_at != BIRD_NEVER && i < b->n_sessions; i++)
		if (b->session[i] && b->session[i]->table == t && b->session[i]->recovering)
			return true;
	return false;
}

static void dump_over(struct bird *b, struct table *t, uint8_t family, unsigned code)
{
	struct table_family *f = family_of(t, family);

	if (code == CODE_RECONFIGURED) {
		f->wanted = true;
		b->next_dump = 0;
	} else if (code != CODE_OK && code != CODE_SYNTAX) {
		bird_suspect(b, t);
	} else if (!b->status.recovering) {
		bird_tell_swept(b, t, f);
	}
	b->stats.dumps++;
	dirty_dump_ends(&b->dirty, t->id, family);
	f->dumping = false;
	b->n_dumping--;
	for (unsigned i = 0; i < 2; i++)
		if (t->family[i].wanted || t->family[i].dumping)
			return;
	bird_end_batch(b, t);
	if (b->status.recovering || has_recovering(b, t))
		return;
	t->digest_valid = !t->suspect;
	t->digest = t->digest_pass;
	bird_tell_standing(b, t, SOURCE_CURRENT);
}

static void dump_answer(struct bird *b, struct answer *a, const struct bird_request *request,
			const struct bird_line *line)
{
	struct table *t = table_of(b, request->index);
	struct bird_path path;
	bool last = line->kind == BIRD_LINE_LAST;

	if (!t || t->serial != (uint32_t)(uintptr_t)request->ptr)
		return; /* removed since */
	if (last ? bird_routes_end(&a->routes, &path) : bird_routes_line(&a->routes, line, &path))
		dump_path(b, t, request->family, &path);
	if (last)
		dump_over(b, t, request->family, line->code);
}

static void see_protocol(struct bird *b, const struct bird_protocol *p)
{
	struct session *s = session_of(b, p->session);

	if (!s)
		return;
	s->seen[p->own_ipv6] = true;
	s->half[p->own_ipv6] = p->now;
	s->table->imported += p->now.imported;
	s->table->digest_pass += p->digest;
}

/* Of its protocols those that an answer did not name are not there. */
static void session_over(struct bird *b, struct session *s, bool seen[2])
{
	for (unsigned i = 0; i < 2; i++) {
		if (!seen[i])
			memset(&s->half[i], 0, sizeof(s->half[i]));
		seen[i] = false;
	}
	bird_tell_session(b, s);
}

/* The wish is ours, and BIRD forgets it when it is started or configured anew. */
static void compare_wish(struct bird *b, struct session *s)
{
	enum source_session_state state = s->told.state;

	if (!s->enabled && (state == SOURCE_SESSION_UP || state == SOURCE_SESSION_DOWN))
		bird_set_admin(b, s, ADMIN_DISABLE);
	else if (s->enabled && s->disabled && state == SOURCE_SESSION_DISABLED)
		bird_set_admin(b, s, ADMIN_ENABLE);
}

/* Twice in a row, for routes that come and go are counted before they are here. */
static bool is_counted_wrong(const struct bird *b, struct table *t)
{
	bool wrong = t->imported != t->family[0].told.n + t->family[1].told.n &&
		     !has_recovering(b, t) && !b->status.recovering;

	for (uint32_t i = 0; wrong && i < b->n_sessions; i++)
		if (b->session[i] && b->session[i]->table == t && !b->session[i]->enabled)
			wrong = false;
	if (wrong && t->counted_wrong) {
		t->counted_wrong = false;
		return true;
	}
	t->counted_wrong = wrong;
	return false;
}

static void protocols_over(struct bird *b)
{
	bool again = false;

	for (uint32_t i = 0; i < b->n_sessions; i++) {
		if (!b->session[i])
			continue;
		session_over(b, b->session[i], b->session[i]->seen);
		compare_wish(b, b->session[i]);
	}
	for (uint32_t i = 0; i < b->n_tables; i++) {
		struct table *t = b->table[i];
		bool wanted;

		if (!t)
			continue;
		if (t->in_pass && t->digest_valid && t->digest == t->digest_pass) {
			b->stats.dumps_spared++;
			t->in_pass = false;
		}
		wanted = t->in_pass || is_counted_wrong(b, t);
		again |= t->counted_wrong;
		t->in_pass = false;
		t->family[0].wanted |= wanted;
		t->family[1].wanted |= wanted;
	}
	b->pass = PASS_DUMPS;
	b->next_dump = 0;
	if (again)
		b->backstop_at = b->now + COUNT_AGAIN;
}

void bird_sync_answer(struct bird *b, unsigned link, const struct bird_request *request,
		      const struct bird_line *line)
{
	struct answer *a = &b->answer[link];
	bool last = line->kind == BIRD_LINE_LAST;
	struct bird_protocol protocol;
	struct session *s;

	switch (request->kind) {
	case ASK_LOOKUP:
		lookup_answer(b, a, request->index, line);
		break;
	case ASK_DUMP:
		dump_answer(b, a, request, line);
		break;
	case ASK_PROTOCOLS:
		if (last ? bird_protocols_end(&a->protocols, &protocol)
			 : bird_protocols_line(&a->protocols, line, &protocol))
			see_protocol(b, &protocol);
		if (last)
			protocols_over(b);
		break;
	case ASK_SESSION:
		s = session_of(b, request->index);
		if (!s)
			break;
		if ((last ? bird_protocols_end(&a->protocols, &protocol)
			  : bird_protocols_line(&a->protocols, line, &protocol)) &&
		    protocol.session == s->id) {
			s->seen_alone[protocol.own_ipv6] = true;
			s->half[protocol.own_ipv6] = protocol.now;
		}
		if (last)
			session_over(b, s, s->seen_alone);
		break;
	case ASK_ADMIN:
		s = session_of(b, request->index);
		if (last && s)
			bird_ask_session(b, s);
		break;
	}
}

/* ---- questions ---------------------------------------------------------------------------- */

static bool ask_lookup(struct bird *b, uint32_t index)
{
	const struct dirty_entry *e = &b->dirty.entry[index];
	struct bird_request request = { .kind = ASK_LOOKUP, .index = index };
	char prefix[PREFIX_STR_MAX], table[BIRD_NAME_BYTES];

	prefix_format(&e->prefix, prefix);
	bird_table_name(table, e->table, e->prefix.addr.family == ADDR_IPV6);
	for (unsigned i = 0; i < b->n_lookup_links; i++) {
		struct bird_link *l = &b->link[BIRD_LOOKUP + b->next_lookup % b->n_lookup_links];

		b->next_lookup++;
		if (!bird_link_ask(l, b->now, request, "show route %s table %s all", prefix, table))
			continue;
		dirty_ask(&b->dirty, index);
		return true;
	}
	return false;
}

static void ask_sessions(struct bird *b)
{
	for (uint32_t i = 0; b->n_asks > 0 && i < b->n_sessions; i++) {
		struct bird_request request = { .kind = ASK_SESSION, .index = i };
		struct session *s = b->session[i];

		if (!s || !s->ask)
			continue;
		if (!bird_link_ask(&b->link[BIRD_LOOKUP], b->now, request,
				   "show protocols all \"tun*_%u\"", i))
			return;
		s->ask = false;
		b->n_asks--;
	}
}

static bool ask_dump(struct bird *b, struct table *t, struct table_family *f)
{
	struct bird_request request = { .kind = ASK_DUMP, .index = t->id };
	char table[BIRD_NAME_BYTES];

	request.family = f->told.family;
	request.ptr = (void *)(uintptr_t)t->serial;
	bird_table_name(table, t->id, request.family == ADDR_IPV6);
	if (!bird_link_ask(&b->link[BIRD_DUMP], b->now, request, "show route table %s all", table))
		return false;
	f->wanted = f->flooded = false;
	f->dumping = true;
	b->n_dumping++;
	told_mark(&f->told);
	dirty_dump_begins(&b->dirty, t->id, request.family);
	return true;
}

static void ask_dumps(struct bird *b)
{
	for (; b->next_dump < b->n_tables; b->next_dump++) {
		struct table *t = b->table[b->next_dump];

		for (unsigned i = 0; t && i < 2; i++)
			if (t->family[i].wanted && !t->family[i].dumping &&
			    !ask_dump(b, t, &t->family[i]))
				return;
	}
	if (b->n_dumping > 0)
		return;
	b->pass = PASS_NONE;
	b->pass_to = b->now;
	b->stats.pass_us = b->pass_to - b->pass_from;
	b->retry_wait = 0;
	if (b->backstop_at == BIRD_NEVER)
		b->backstop_at = b->now + (b->polling ? b->options.poll : BACKSTOP);
}

static void start_pass(struct bird *b)
{
	struct bird_request request = { .kind = ASK_PROTOCOLS };
	bool poll = b->polling && b->now >= b->backstop_at;

	if (!bird_link_ask(&b->link[BIRD_DUMP], b->now, request, "show protocols all \"tun*\""))
		return;
	b->pass = PASS_PROTOCOLS;
	b->pass_from = b->now;
	b->wanted_from = b->backstop_at = BIRD_NEVER;
	for (uint32_t i = 0; i < b->n_tables; i++) {
		struct table *t = b->table[i];

		if (!t)
			continue;
		t->in_pass = t->suspect || poll;
		t->suspect = false;
		t->digest_pass = t->imported = 0;
	}
}

/* What the session has not announced by now is gone. */
static bool is_settled(struct bird *b, struct session *s)
{
	uint64_t before = s->counted, now = s->told.imported;

	if (b->status.recovering || s->up_at == BIRD_NEVER)
		return false;
	s->counted = now;
	bird_ask_session(b, s);
	return b->now >= s->up_at + RECOVER_UP && now <= before + now / RECOVER_GROWS;
}

static void look_at_recovering(struct bird *b)
{
	bool left = false;

	for (uint32_t i = 0; i < b->n_sessions; i++) {
		struct session *s = b->session[i];

		if (!s || !s->recovering)
			continue;
		s->recovering = s->enabled && b->now < b->recover_by && !is_settled(b, s);
		left |= s->recovering;
		if (s->recovering)
			continue;
		s->table->digest_valid = false;
		bird_suspect(b, s->table);
	}
	b->recover_at = left ? b->now + RECOVER_LOOK : BIRD_NEVER;
	if (!left && !b->status.recovering)
		b->recover_by = BIRD_NEVER;
}

void bird_sync_pump(struct bird *b)
{
	if (b->phase != PHASE_UP)
		return;
	if (b->now >= b->recover_at)
		look_at_recovering(b);
	while (dirty_first(&b->dirty) != DIRTY_NONE && ask_lookup(b, dirty_first(&b->dirty)))
		;
	ask_sessions(b);
	if (b->now >= pass_due(b))
		start_pass(b);
	if (b->pass == PASS_DUMPS)
		ask_dumps(b);
}
