/* What bird.c, bird_tell.c, bird_sync.c and bird_control.c share; theirs only. */
#ifndef ROUTING_BIRD_CLIENT_H
#define ROUTING_BIRD_CLIENT_H

#include "routing/bird.h"
#include "routing/bird_link.h"
#include "routing/bird_show.h"
#include "routing/dirty.h"
#include "routing/told.h"

#define BIRD_MS	    UINT64_C(1000)
#define BIRD_SECOND UINT64_C(1000000)
#define BIRD_NEVER  UINT64_MAX

enum bird_ask {		   /* struct bird_request's kind */
		ASK_SETUP, /* restrict, echo: the answer says whether it can */
		ASK_STATUS,
		ASK_PING,
		ASK_PROTOCOLS, /* all; index: the pass */
		ASK_SESSION,   /* index: session */
		ASK_DUMP,      /* index: table, family */
		ASK_LOOKUP,    /* index: dirty entry */
		ASK_OPERATION, /* ptr: struct operation */
		ASK_ADMIN,     /* enable, disable, restart; index: session */
};

enum bird_admin { ADMIN_NONE, ADMIN_ENABLE, ADMIN_DISABLE, ADMIN_RESTART };

struct table_family {
	struct told told;
	bool wanted;  /* to be dumped */
	bool dumping; /* asked for */
	bool flooded; /* too many lines: those before the next dump are not looked at */
};

struct table {
	uint32_t id;
	uint32_t n_sessions;
	struct table_family family[2]; /* IPv4, IPv6 */
	enum source_standing standing;
	uint32_t serial; /* tells it from an earlier table with its id */
	bool suspect;	 /* something may have gone unheard */
	bool in_pass;	 /* suspect when the pass began */
	bool batch;	 /* begun, not ended */
	bool in_batches; /* listed in the bird's batches, to be ended when lookups are answered */
	bool counted_wrong; /* at the last look */
	bool digest_valid;
	uint64_t digest;      /* of its sessions' counters, before the last dump */
	uint64_t digest_pass; /* at the last look */
	uint64_t imported;    /* routes as this pass's counters have it */
};

struct session {
	uint32_t id;
	struct table *table;
	size_t routes;
	bool enabled;	       /* wanted */
	bool disabled;	       /* BIRD was told so */
	bool ask;	       /* its details are to be asked for */
	bool tell;	       /* and told, changed or not */
	bool recovering;       /* BIRD is another than the one that knew its routes */
	uint64_t up_at;	       /* since when it is UP, by our clock; BIRD_NEVER: it is not */
	uint64_t counted;      /* its routes at the last look, while it recovers */
	enum bird_admin admin; /* to be said */
	/* In the answers about all sessions, and about it, which may come at the same time: tun_,
	 * tun6_. */
	bool seen[2], seen_alone[2];
	struct source_session half[2];
	struct source_session told;
};

struct operation {
	struct operation *next;
	enum { OPERATION_CHECK, OPERATION_CONFIGURE, OPERATION_SHOW } kind;
	bool asked;
	bool applying;	 /* CONFIGURE: accepted, not done yet */
	uint64_t ask_at; /* applying: when to ask whether it is done */
	bird_done_fn done;
	void (*line)(void *ctx, struct bird_text line);
	void *ctx;
	char command[600];
};

enum phase {
	PHASE_AWAY, /* some link is not open, or not told what it is for */
	PHASE_UP,
};

enum pass { PASS_NONE, PASS_PROTOCOLS, PASS_DUMPS };

/* What a link's current answer has said so far. */
struct answer {
	struct bird_routes routes;
	struct bird_protocols protocols;
	struct bird_status status;
	struct told_path *path;
	size_t n_paths, room;
};

struct bird {
	struct source source; /* first */
	struct bird_options options;
	uint64_t now;

	struct bird_link link[BIRD_LINKS];
	struct answer answer[BIRD_LINKS];
	unsigned n_lookup_links;
	enum phase phase;
	bool echo_known, status_known; /* answers that AWAY waits for */
	uint64_t retry_at;
	uint64_t retry_wait; /* the last one; 0: nothing failed since all was known */
	uint64_t away_since; /* BIRD_NEVER: it is there */

	struct bird_status status;
	bool polling;
	uint64_t status_at;  /* when to ask again whether BIRD has recovered */
	uint64_t recover_by; /* when patience with sessions that recover ends */
	uint64_t recover_at; /* when to look at them */

	struct table **table; /* by id; NULL: none */
	struct session **session;
	uint32_t n_tables, n_sessions; /* room in these */
	uint32_t session_count;

	struct dirty dirty;
	uint32_t *batches; /* ids of tables; as many as n_tables */
	uint32_t n_batches;
	uint64_t batch_at; /* when the first of them began */

	enum pass pass;
	uint64_t wanted_from; /* since when another is wanted; BIRD_NEVER: it is not */
	uint64_t pass_from, pass_to;
	uint32_t next_dump; /* tables below have none to be asked for */
	uint32_t n_dumping;
	uint64_t heard_at; /* the last line about a route */
	uint64_t backstop_at;
	uint32_t n_asks, n_admins; /* sessions with something to be asked, or said */
	unsigned next_lookup;	   /* link */
	uint32_t serial;
	struct told_path *old; /* bird_tell_paths()'s */
	size_t old_room;

	struct operation *operations;

	char trouble[SOURCE_TEXT_BYTES];
	struct bird_stats stats;
};

/* ---- bird.c */
void bird_lose(struct bird *b, const char *why); /* closes all links, to begin again */
void bird_say(struct bird *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bird_wake(struct bird *b);

/* ---- bird_tell.c: tables, sessions, and what the sink is told */
extern const struct source_ops bird_source_ops;

static inline struct table *table_of(const struct bird *b, uint32_t id)
{
	return id < b->n_tables ? b->table[id] : NULL;
}

static inline struct session *session_of(const struct bird *b, uint32_t id)
{
	return id < b->n_sessions ? b->session[id] : NULL;
}

static inline struct table_family *family_of(struct table *t, uint8_t family)
{
	return &t->family[family == ADDR_IPV6];
}

/* A path that BIRD has now. */
void bird_tell_path(struct bird *b, struct table *t, const struct told_path *path);
/* All paths to the prefix that BIRD has now. */
void bird_tell_paths(struct bird *b, struct table *t, const struct prefix *prefix,
		     const struct told_path *path, size_t n);
/* BIRD said that the session offers it no more. */
void bird_tell_removed(struct bird *b, struct session *s, const struct prefix *prefix);
/* The dump is complete: what it did not show goes. */
void bird_tell_swept(struct bird *b, struct table *t, struct table_family *f);
void bird_tell_gone(struct bird *b); /* all routes of all tables: patience is over */
void bird_end_batch(struct bird *b, struct table *t);
void bird_end_batches(struct bird *b);
void bird_tell_standing(struct bird *b, struct table *t, enum source_standing standing);
void bird_tell_session(struct bird *b, struct session *s); /* halves to told, told if it differs */
void bird_drop_tables(struct bird *b);

/* ---- bird_sync.c: lines, lookups, passes */
void bird_sync_reset(struct bird *b); /* BIRD is lost */
void bird_sync_begin(struct bird *b); /* it is there, everything is to be asked */
void bird_sync_line(struct bird *b, const struct bird_line *line);
void bird_sync_answer(struct bird *b, unsigned link, const struct bird_request *request,
		      const struct bird_line *line);
void bird_sync_pump(struct bird *b);
uint64_t bird_sync_deadline(const struct bird *b);
void bird_suspect(struct bird *b, struct table *t); /* NULL: all of them */
void bird_ask_session(struct bird *b, struct session *s);

/* ---- bird_control.c */
void bird_control_answer(struct bird *b, const struct bird_request *request,
			 const struct bird_line *line);
void bird_control_pump(struct bird *b);
void bird_set_admin(struct bird *b, struct session *s, enum bird_admin admin);
void bird_control_reset(struct bird *b, int error);
uint64_t bird_control_deadline(const struct bird *b);

#endif
