/* Where learnt routes come from: BIRD today, anything that can say the same tomorrow.
 *
 * A source serves route tables (one for each border gateway) and sessions (one for each tunnel that
 * speaks BGP, belonging to one table); both are known by the caller's indices. It tells a sink
 * which routes each session offers now, and how the sessions are. A next hop is the session itself.
 *
 * The sink hears only differences: learn for a route that is new or has another metric, forget for
 * one it was told of before. A source remembers all it told, so it can say it again (replay) and
 * find what went while nobody looked. Between losing what it asks and having asked everything again
 * a table is stale: its routes stay, and may be old; what is not confirmed is forgotten at the end,
 * or after the source's patience.
 *
 * One thread: main. The sink's functions must not call the source, but for those marked "from a
 * sink". Nothing here blocks. */
#ifndef ROUTING_SOURCE_H
#define ROUTING_SOURCE_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* (table, prefix, session) identifies it. */
struct source_route {
	uint32_t table;
	uint32_t session;
	struct prefix prefix; /* a network: no host bits */
	uint32_t metric;      /* length of the AS_PATH */
};

enum source_standing {
	SOURCE_NEVER,	/* nothing known yet */
	SOURCE_STALE,	/* routes are as old as the loss; asking again, or about to */
	SOURCE_CURRENT, /* all that the source knew a moment ago has been told */
};

enum source_session_state {
	SOURCE_SESSION_UNKNOWN,	 /* nothing heard, or the source knows no such session */
	SOURCE_SESSION_DISABLED, /* by us, or after an import limit or another error that stops it
				  */
	SOURCE_SESSION_DOWN,	 /* tries to reach the peer */
	SOURCE_SESSION_UP,	 /* established */
};

#define SOURCE_TEXT_BYTES 128

/* A session as last seen. Counts are of all address families; those of routes are of now, the
 * others since the session was last set up. */
struct source_session {
	enum source_session_state state;
	int64_t since;		       /* Unix time in seconds of this state; 0: unknown */
	char word[32];		       /* the source's own for the state: "Established", "Active" */
	char error[SOURCE_TEXT_BYTES]; /* the last one, for a person; "" if none */
	uint32_t peer_asn;	       /* the rest: 0 unless UP */
	struct addr peer_id;	       /* BGP identifier; ADDR_NONE: unknown */
	uint32_t hold_time, keepalive; /* seconds, as negotiated */
	uint64_t imported, filtered, exported; /* routes */
	uint64_t updates_in, updates_rejected, withdraws_in;
	uint64_t updates_out, withdraws_out;
};

struct source_sink {
	void *ctx;
	/* The changes of a table between begin and end became known together, and are to be taken
	 * or refused together; whether they fit is known at the end, for what goes may follow what
	 * comes. Batches of one table do not nest; those of several may be open at once. Every
	 * learn and forget is in one. A resync is one batch, and may last seconds. */
	void (*batch_begin)(void *ctx, uint32_t table);
	void (*learn)(void *ctx, const struct source_route *route);
	void (*forget)(void *ctx, const struct source_route *route); /* metric: as told before */
	void (*batch_end)(void *ctx, uint32_t table);
	/* Whenever state, word or error changes, and after every session_ask(). */
	void (*session)(void *ctx, uint32_t session, const struct source_session *now);
	void (*standing)(void *ctx, uint32_t table, enum source_standing standing);
	/* A line for the log, without newline; what the source itself logged included. */
	void (*log)(void *ctx, const char *text);
};

struct source;

struct source_ops {
	int (*table_add)(struct source *s, uint32_t table);
	void (*table_remove)(struct source *s, uint32_t table);
	int (*session_add)(struct source *s, uint32_t session, uint32_t table);
	void (*session_remove)(struct source *s, uint32_t session);
	int (*session_enable)(struct source *s, uint32_t session, bool enabled);
	int (*session_restart)(struct source *s, uint32_t session);
	int (*session_ask)(struct source *s, uint32_t session);
	int (*replay)(struct source *s, uint32_t table);
	enum source_standing (*standing)(const struct source *s, uint32_t table);
	size_t (*routes)(const struct source *s, uint32_t table);
	size_t (*session_routes)(const struct source *s, uint32_t session);
};

/* The first member of every source. */
struct source {
	const struct source_ops *ops;
};

/* 0, -EEXIST or -ENOMEM. Nothing is learnt for a table that was not added. */
static inline int source_table_add(struct source *s, uint32_t table)
{
	return s->ops->table_add(s, table);
}

/* In silence: the sink drops what it has. Its sessions go first. */
static inline void source_table_remove(struct source *s, uint32_t table)
{
	s->ops->table_remove(s, table);
}

/* Sessions start enabled. 0, -EEXIST, -ENOENT (table) or -ENOMEM. */
static inline int source_session_add(struct source *s, uint32_t session, uint32_t table)
{
	return s->ops->session_add(s, session, table);
}

/* Its routes are forgotten before this returns. */
static inline void source_session_remove(struct source *s, uint32_t session)
{
	s->ops->session_remove(s, session);
}

/* Wanted or not. Without: its routes are forgotten before this returns, none is learnt, and the
 * session itself is ended as soon as may be. This is what a tunnel that goes DOWN asks for. 0 or
 * -ENOENT. */
static inline int source_session_enable(struct source *s, uint32_t session, bool enabled)
{
	return s->ops->session_enable(s, session, enabled);
}

/* 0, -ENOENT, or -EAGAIN: the source cannot be reached now. */
static inline int source_session_restart(struct source *s, uint32_t session)
{
	return s->ops->session_restart(s, session);
}

/* The sink's session() will be called with fresh counters. 0, -ENOENT, -EAGAIN. */
static inline int source_session_ask(struct source *s, uint32_t session)
{
	return s->ops->session_ask(s, session);
}

/* Every route of the table is learnt again, in one batch, before this returns: for a sink that
 * refused some and has room now. 0, -ENOENT, or -EBUSY while a resync's batch is open: again after
 * it. */
static inline int source_replay(struct source *s, uint32_t table)
{
	return s->ops->replay(s, table);
}

/* From a sink as well. */
static inline enum source_standing source_standing(const struct source *s, uint32_t table)
{
	return s->ops->standing(s, table);
}

static inline size_t source_routes(const struct source *s, uint32_t table)
{
	return s->ops->routes(s, table);
}

static inline size_t source_session_routes(const struct source *s, uint32_t session)
{
	return s->ops->session_routes(s, session);
}

#endif
