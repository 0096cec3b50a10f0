#include "tests/bgp/mirror.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The metric is no part of the identity: it is the last word. */
static int compare(const void *a, const void *b)
{
	const char *x = a, *y = b;
	size_t nx = (size_t)(strrchr(x, ' ') - x), ny = (size_t)(strrchr(y, ' ') - y);
	int order = strncmp(x, y, nx < ny ? nx : ny);

	return order != 0 ? order : (nx > ny) - (nx < ny);
}

static char *line_of(const struct source_route *r)
{
	char prefix[PREFIX_STR_MAX], *line;

	if (asprintf(&line, "%u %s %u %u", r->table, prefix_format(&r->prefix, prefix), r->session,
		     r->metric) < 0)
		abort();
	return line;
}

static void complain(struct mirror *m, const char *what, const char *line)
{
	if (!m->complaint[0])
		snprintf(m->complaint, sizeof(m->complaint), "%s: %s", what, line);
}

static void batch_begin(void *ctx, uint32_t table)
{
	struct mirror *m = ctx;

	if (m->in_batch[table]++ > 0)
		complain(m, "batch", "begun twice");
	m->batches++;
}

static void batch_end(void *ctx, uint32_t table)
{
	struct mirror *m = ctx;

	if (m->in_batch[table]-- != 1)
		complain(m, "batch", "ended, not begun");
}

static void learn(void *ctx, const struct source_route *route)
{
	struct mirror *m = ctx;
	char *line = line_of(route), **at;

	if (!m->in_batch[route->table])
		complain(m, "learnt outside of a batch", line);
	at = tsearch(line, &m->routes, compare);
	if (!at)
		abort();
	m->learns++;
	if (*at == line) {
		m->n++;
		return;
	}
	if (strcmp(*at, line) == 0 && !m->replaying)
		complain(m, "learnt twice", line);
	free(*at);
	*at = line;
}

static void forget(void *ctx, const struct source_route *route)
{
	struct mirror *m = ctx;
	char *line = line_of(route), **at = tfind(line, &m->routes, compare), *found;

	if (!m->in_batch[route->table])
		complain(m, "forgotten outside of a batch", line);
	if (m->stays && m->stays(route))
		complain(m, "forgotten, though it never changed", line);
	m->forgets++;
	if (!at) {
		complain(m, "forgotten, not known", line);
	} else {
		found = *at;
		if (strcmp(found, line) != 0)
			complain(m, "forgotten with another metric", line);
		tdelete(line, &m->routes, compare);
		free(found);
		m->n--;
	}
	free(line);
}

static void session(void *ctx, uint32_t id, const struct source_session *now)
{
	struct mirror *m = ctx;

	m->session[id] = *now;
	m->sessions_told++;
}

static void standing(void *ctx, uint32_t table, enum source_standing now)
{
	((struct mirror *)ctx)->standing[table] = now;
}

static void log_line(void *ctx, const char *text)
{
	struct mirror *m = ctx;
	size_t n = strlen(m->log);

	snprintf(m->log + n, sizeof(m->log) - n, "%s\n", text);
}

struct source_sink mirror_sink(struct mirror *m)
{
	return (struct source_sink){ m,		batch_begin, learn,    forget,
				     batch_end, session,     standing, log_line };
}

void mirror_clear(struct mirror *m)
{
	tdestroy(m->routes, free);
	memset(m, 0, sizeof(*m));
}

bool mirror_has(const struct mirror *m, const char *line)
{
	char *const *at = tfind(line, &m->routes, compare);

	return at && strcmp(*at, line) == 0;
}

static void print(const void *node, VISIT visit, void *f)
{
	if (visit == leaf || visit == postorder)
		fprintf(f, "%s\n", *(char *const *)node);
}

char *mirror_text(const struct mirror *m)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		abort();
	twalk_r(m->routes, print, f);
	if (fclose(f) != 0)
		abort();
	return text;
}
