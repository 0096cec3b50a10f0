/* The client of BIRD's control socket: whatever bytes come on its links, at whatever times, its
 * sink is told what can be, and no link has more unanswered than BIRD stands.
 *
 * Input is a sequence of steps: what, how much, and bytes of that length where it takes some. */
#include "tests/fuzz/fuzz.h"

#include "routing/bird.h"
#include "routing/bird_show.h"

#include <string.h>

#define TABLES	 2
#define SESSIONS 3

struct state {
	size_t routes[SESSIONS];
	unsigned batches[TABLES];
	bool replaying;
	uint64_t now;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

static void batch_begin(void *ctx, uint32_t table)
{
	PROMISE(table < TABLES);
	PROMISE(((struct state *)ctx)->batches[table]++ == 0);
}

static void batch_end(void *ctx, uint32_t table)
{
	PROMISE(table < TABLES);
	PROMISE(((struct state *)ctx)->batches[table]-- == 1);
}

static void check_route(const struct state *s, const struct source_route *r)
{
	PROMISE(r->table < TABLES && r->session < SESSIONS);
	PROMISE(s->batches[r->table] == 1);
	PROMISE(r->table == r->session % TABLES);
	PROMISE(prefix_is_network(&r->prefix));
	PROMISE(r->metric <= BIRD_METRIC_MAX);
}

static void learn(void *ctx, const struct source_route *route)
{
	check_route(ctx, route);
}

static void forget(void *ctx, const struct source_route *route)
{
	check_route(ctx, route);
}

static void session(void *ctx, uint32_t id, const struct source_session *now)
{
	PROMISE(id < SESSIONS && now->state <= SOURCE_SESSION_UP);
	PROMISE(strlen(now->word) < sizeof(now->word) && strlen(now->error) < sizeof(now->error));
}

static void standing(void *ctx, uint32_t table, enum source_standing now)
{
	PROMISE(table < TABLES && now <= SOURCE_CURRENT);
}

static void log_line(void *ctx, const char *text)
{
	for (; *text; text++)
		PROMISE(*text >= ' ' && *text < 0x7f);
}

static void count(void *ctx, const struct source_route *route)
{
	((size_t *)ctx)[route->session]++;
}

static void check(struct bird *b)
{
	struct source *source = bird_source(b);
	size_t n[SESSIONS] = { 0 }, total = 0, in_tables = 0;

	for (uint32_t t = 0; t < TABLES; t++) {
		bird_walk(b, t, count, n);
		in_tables += source_routes(source, t);
	}
	for (uint32_t s = 0; s < SESSIONS; s++) {
		PROMISE(source_session_routes(source, s) == n[s]);
		total += n[s];
	}
	PROMISE(total == in_tables);
}

/* All that it wants to send is sent, to links that it wants to be open. */
static void serve(struct bird *b, uint64_t now)
{
	for (unsigned i = 0; i < BIRD_LINKS; i++) {
		struct bird_text out;

		if (bird_wants(b, i, now))
			bird_opened(b, i, now);
		out = bird_output(b, i);
		PROMISE(out.n <= 1000);
		for (size_t at = 0; at < out.n; at++)
			PROMISE(out.p[at] == '\n' || (out.p[at] >= ' ' && out.p[at] < 0x7f));
		bird_sent(b, i, out.n);
	}
}

static void step(struct bird *b, struct state *s, uint8_t what, uint8_t much, const uint8_t **data,
		 size_t *size)
{
	struct source *source = bird_source(b);
	size_t n = much < *size ? much : *size;
	uint8_t *bytes;

	switch (what >> 4) {
	case 0:
	case 1:
		if (!bird_is_open(b, what % BIRD_LINKS))
			n = 0;
		/* A copy of its own, so that a sanitizer sees who reads on, or later. */
		bytes = malloc(n ? n : 1);
		if (!bytes)
			abort();
		memcpy(bytes, *data, n);
		*data += n;
		*size -= n;
		bird_input(b, what % BIRD_LINKS, s->now, bytes, n);
		free(bytes);
		break;
	case 2:
		s->now += much * UINT64_C(20000);
		bird_tick(b, s->now);
		break;
	case 3:
		if (bird_is_open(b, what % BIRD_LINKS))
			bird_closed(b, what % BIRD_LINKS, s->now, "closed");
		break;
	case 4:
		source_session_enable(source, what % SESSIONS, much & 1);
		if (!(much & 1))
			PROMISE(source_session_routes(source, what % SESSIONS) == 0);
		break;
	case 5:
		source_session_ask(source, what % SESSIONS);
		source_replay(source, what % TABLES);
		break;
	case 6:
		source_session_remove(source, what % SESSIONS);
		source_session_add(source, what % SESSIONS, what % SESSIONS % TABLES);
		break;
	default:
		bird_configure(b, NULL, NULL);
		break;
	}
}

/* Every parser alone, with any line. */
static void parse(const uint8_t *data, size_t size)
{
	static struct bird_reader reader;
	struct bird_text input = { (const char *)data, size };
	struct bird_routes routes = { .open = false };
	struct bird_protocols protocols = { .open = false };
	struct bird_status status = { .recovering = false };
	struct bird_protocol protocol;
	struct bird_line line;
	struct bird_path path;

	bird_reader_reset(&reader);
	while (size > 0 && bird_reader_next(&reader, &input, &line)) {
		struct bird_event event = bird_event_parse(line.text);

		PROMISE(event.kind != BIRD_EVENT_ROUTE || prefix_is_network(&event.prefix));
		PROMISE(line.text.n <= size && !memchr(line.text.p, '\n', line.text.n));
		if (bird_routes_line(&routes, &line, &path))
			PROMISE(prefix_is_network(&path.prefix));
		bird_protocols_line(&protocols, &line, &protocol);
		bird_status_line(&status, &line);
	}
	bird_routes_end(&routes, &path);
	bird_protocols_end(&protocols, &protocol);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state s = { .now = 1000000 };
	struct bird_options options = {
		.sink = { &s, batch_begin, learn, forget, batch_end, session, standing, log_line },
	};
	struct bird *b;

	parse(data, size);
	b = bird_new(&options);
	if (!b)
		abort();
	for (uint32_t t = 0; t < TABLES; t++)
		PROMISE(source_table_add(bird_source(b), t) == 0);
	for (uint32_t i = 0; i < SESSIONS; i++)
		PROMISE(source_session_add(bird_source(b), i, i % TABLES) == 0);
	while (size > 0) {
		uint8_t what = fuzz_byte(&data, &size), much = fuzz_byte(&data, &size);

		serve(b, s.now);
		step(b, &s, what, much, &data, &size);
		check(b);
	}
	bird_free(b);
	PROMISE(s.batches[0] == 0 && s.batches[1] == 0);
	return 0;
}
