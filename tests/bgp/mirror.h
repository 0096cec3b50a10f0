/* A sink that believes what it is told, and complains when it cannot be true: a route learnt twice,
 * forgotten without being known, a change outside of a batch. For tests. */
#ifndef TESTS_BGP_MIRROR_H
#define TESTS_BGP_MIRROR_H

#include "routing/source.h"

#define MIRROR_SESSIONS 64
#define MIRROR_TABLES	8

struct mirror {
	void *routes; /* a tree of strings "TABLE PREFIX SESSION METRIC" */
	size_t n;
	uint64_t learns, forgets, batches, sessions_told;
	unsigned in_batch[MIRROR_TABLES];
	bool (*stays)(const struct source_route *route); /* NULL, or what must not be forgotten */
	bool replaying;					 /* what is known may be learnt again */
	struct source_session session[MIRROR_SESSIONS];
	enum source_standing standing[MIRROR_TABLES];
	char complaint[256]; /* "" none */
	char log[4096];	     /* lines */
};

struct source_sink mirror_sink(struct mirror *m);
void mirror_clear(struct mirror *m);
/* All routes in order, a line each; malloc'd. */
char *mirror_text(const struct mirror *m);
bool mirror_has(const struct mirror *m, const char *line);

#endif
