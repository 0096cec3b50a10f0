#include "tests/unit/routing/fake_bird.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fake_init(struct fake_bird *f, const struct source_sink *sink, unsigned sessions)
{
	struct bird_options options = { .sink = *sink };

	*f = (struct fake_bird){ .now = 1000000, .echoes = true, .boot = 1, .cut_after = SIZE_MAX };
	f->bird = bird_new(&options);
	assert_non_null(f->bird);
	assert_int_equal(source_table_add(bird_source(f->bird), 1), 0);
	f->n_sessions = sessions;
	for (unsigned i = 0; i < sessions; i++) {
		f->up[i] = true;
		assert_int_equal(source_session_add(bird_source(f->bird), i, 1), 0);
	}
}

void fake_clear(struct fake_bird *f)
{
	bird_free(f->bird);
	for (unsigned i = 0; i < BIRD_LINKS; i++)
		free(f->link[i].out);
}

/* ---- what it says ------------------------------------------------------------------------- */

static void say(struct fake_bird *f, unsigned link, const char *text)
{
	size_t n = strlen(text);

	if (f->link[link].n + n > f->link[link].room) {
		f->link[link].room = 2 * (f->link[link].n + n);
		f->link[link].out = realloc(f->link[link].out, f->link[link].room);
		assert_non_null(f->link[link].out);
	}
	memcpy(f->link[link].out + f->link[link].n, text, n);
	f->link[link].n += n;
}

static void line(struct fake_bird *f, unsigned link, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void line(struct fake_bird *f, unsigned link, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(f, link, text);
	say(f, link, "\n");
	if (f->between && link == BIRD_DUMP)
		say(f, link, f->between);
}

static void say_routes(struct fake_bird *f, unsigned link, uint8_t family,
		       const struct prefix *only)
{
	unsigned code = 1007;
	bool headed = false;

	for (size_t i = 0; i < f->n_routes; i++) {
		const struct fake_route *first = &f->route[i];
		char text[PREFIX_STR_MAX];
		bool again = false, named = false;

		if (first->prefix.addr.family != family ||
		    (only && !prefix_equal(only, &first->prefix)))
			continue;
		for (size_t j = 0; j < i && !again; j++)
			again = prefix_equal(&f->route[j].prefix, &first->prefix);
		if (again)
			continue;
		if (!headed)
			line(f, link, "1007-Table gw_1:");
		headed = true;
		prefix_format(&first->prefix, text);
		for (size_t j = i; j < f->n_routes; j++) {
			const struct fake_route *r = &f->route[j];
			char path[256] = "";

			if (!prefix_equal(&r->prefix, &first->prefix) || f->disabled[r->session])
				continue;
			/* The code is left out where it is that of the line before. */
			if (code == 1007 && !named)
				line(f, link, " %-20s unicast [tun_%u 08:13:10.805] * (100) [AS1i]",
				     text, r->session);
			else
				line(f, link,
				     "1007-%-20s unicast [tun_%u 08:13:10.805] (100) [AS1i]",
				     named ? "" : text, r->session);
			for (unsigned k = 0; k < r->length; k++)
				strcat(path, " 65001");
			line(f, link, " \tvia 169.254.0.2 on tun0");
			line(f, link, "1008-\tType: BGP univ");
			line(f, link, "1012-\tBGP.origin: IGP");
			line(f, link, " \tBGP.as_path:%s", path);
			line(f, link, " \tBGP.local_pref: 100");
			code = 1012;
			named = true;
		}
	}
	line(f, link, only && !headed ? "8001 Network not found" : "0000 ");
}

static void say_protocol(struct fake_bird *f, unsigned link, unsigned i)
{
	unsigned imported = 0;

	for (size_t r = 0; r < f->n_routes; r++)
		imported += f->route[r].session == i && !f->disabled[i];
	line(f, link, "1002-tun_%u      BGP        ---        %s     2026-11-23 14:02:16.%03u  %s",
	     i,
	     f->disabled[i] ? "down"
	     : f->up[i]	    ? "up"
			    : "start",
	     f->boot,
	     f->disabled[i] ? ""
	     : f->up[i]	    ? "Established   "
			    : "Active        ");
	line(f, link, "1006-  BGP state:          x");
	line(f, link, "     Neighbor AS:      %u", 65001 + i);
	line(f, link, "   Channel ipv4");
	line(f, link, "     Routes:         %u imported, 0 exported, 0 preferred", imported);
	line(f, link, "       Import updates:       %u          0          0          0          0",
	     f->updates[i]);
	line(f, link, " ");
}

static void say_protocols(struct fake_bird *f, unsigned link, const char *pattern)
{
	unsigned one;
	bool all = strcmp(pattern, "\"tun*\"") == 0;

	if (!all && (sscanf(pattern, "\"tun*_%u\"", &one) != 1 || one >= f->n_sessions)) {
		line(f, link, "8003 No protocols match");
		return;
	}
	line(f, link, "2002-Name       Proto      Table      State  Since         Info");
	for (unsigned i = 0; i < f->n_sessions; i++)
		if (all || i == one)
			say_protocol(f, link, i);
	line(f, link, "0000 ");
}

static void say_moment(struct fake_bird *f, unsigned link, const char *what, uint64_t moment)
{
	unsigned s = (unsigned)(moment / 1000000) + f->clock;

	line(f, link, " %s 2026-11-23 %02u:%02u:%02u.%03u", what, 2 + s / 3600, s / 60 % 60, s % 60,
	     (unsigned)(moment / 1000 % 1000));
}

static void say_status(struct fake_bird *f, unsigned link)
{
	f->statuses++;
	if (f->told_boot != f->boot)
		f->booted = f->now;
	f->told_boot = f->boot;
	line(f, link, "1000-BIRD 2.0.12");
	line(f, link, "1011-Router ID is 10.0.0.1");
	say_moment(f, link, "Current server time is", f->now);
	say_moment(f, link, "Last reboot on", f->booted + ++f->jitter % 2 * 1000);
	if (f->recovering)
		line(f, link, "0024-Graceful restart recovery in progress");
	line(f, link, "0013 Daemon is up and running");
}

static void switch_session(struct fake_bird *f, unsigned link, const char *pattern, bool disabled)
{
	unsigned i;

	assert_int_equal(sscanf(pattern, "\"tun*_%u\"", &i), 1);
	assert_true(i < f->n_sessions);
	if (disabled)
		f->disables++;
	else
		f->enables++;
	line(f, link, disabled ? "0009-tun_%u: disabled" : "0011-tun_%u: enabled", i);
	line(f, link, "0000 ");
	f->disabled[i] = disabled;
}

static void obey(struct fake_bird *f, unsigned link, const char *command)
{
	char prefix[64], table[64], rest[64];
	struct prefix p;

	if (strcmp(command, "restrict") == 0) {
		line(f, link, "0016 Access restricted");
	} else if (strncmp(command, "echo ", 5) == 0) {
		f->link[link].echoing = f->echoes;
		line(f, link,
		     f->echoes ? "0000 " : "9001 syntax error, unexpected CF_SYM_UNDEFINED");
	} else if (strcmp(command, "show status") == 0) {
		say_status(f, link);
	} else if (sscanf(command, "show route table %63s %63s", table, rest) == 2) {
		f->dumps++;
		if (f->stopped_dumps > 0) {
			f->stopped_dumps--;
			line(f, link, "8004 Stopped due to reconfiguration");
		} else {
			say_routes(f, link, strncmp(table, "gw6", 3) ? ADDR_IPV4 : ADDR_IPV6, NULL);
		}
		if (f->dumped)
			f->dumped(f);
	} else if (sscanf(command, "show route %63s table %63s all", prefix, table) == 2) {
		assert_true(prefix_parse(&p, prefix));
		f->lookups++;
		say_routes(f, link, p.addr.family, &p);
	} else if (sscanf(command, "show protocols all %63s", rest) == 1) {
		f->protocols++;
		say_protocols(f, link, rest);
	} else if (sscanf(command, "disable %63s", rest) == 1) {
		switch_session(f, link, rest, true);
	} else if (sscanf(command, "enable %63s", rest) == 1) {
		switch_session(f, link, rest, false);
	} else if (strcmp(command, "configure") == 0) {
		f->configures++;
		line(f, link, "0002-Reading configuration from /x/bird.conf");
		line(f, link, "0004 Reconfiguration in progress");
		memset(f->disabled, 0, sizeof(f->disabled)); /* the file says nothing of it */
	} else if (strcmp(command, "configure status") == 0) {
		line(f, link,
		     f->configures++ < 3 ? "0004-Reconfiguration in progress"
					 : "0003-Daemon is up and running");
		line(f, link, "0000 ");
		if (f->configures == 4)
			fake_echo(f, "+Reconfigured\n");
	} else if (strncmp(command, "configure check", 15) == 0) {
		line(f, link, "0002-Reading configuration from /x/bad.conf");
		line(f, link, "8002 /x/bad.conf:1:1 syntax error, unexpected CF_SYM_UNDEFINED");
	} else {
		fail_msg("no command of BIRD's: %s", command);
	}
}

/* ---- how it is connected ------------------------------------------------------------------ */

static void hang_up(struct fake_bird *f, unsigned link)
{
	f->link[link].open = f->link[link].echoing = false;
	f->link[link].n = f->link[link].n_in = f->link[link].unanswered = 0;
}

void fake_hang_up(struct fake_bird *f)
{
	for (unsigned i = 0; i < BIRD_LINKS; i++) {
		bool open = f->link[i].open;

		hang_up(f, i);
		if (open && bird_is_open(f->bird, i))
			bird_closed(f->bird, i, f->now, "closed by BIRD");
	}
}

static void hear(struct fake_bird *f, unsigned link)
{
	struct bird_text out = bird_output(f->bird, link);
	char *end;

	/* 1,024 bytes at once look like an end of file to BIRD. */
	f->link[link].unanswered += out.n;
	if (f->link[link].unanswered > 1000)
		fail_msg("%zu bytes unanswered", f->link[link].unanswered);
	memcpy(f->link[link].in + f->link[link].n_in, out.p, out.n);
	f->link[link].n_in += out.n;
	bird_sent(f->bird, link, out.n);
	while (!f->held[link] && (end = memchr(f->link[link].in, '\n', f->link[link].n_in))) {
		size_t n = (size_t)(end + 1 - f->link[link].in);

		*end = '\0';
		obey(f, link, f->link[link].in);
		f->link[link].unanswered -= n;
		f->link[link].n_in -= n;
		memmove(f->link[link].in, end + 1, f->link[link].n_in);
	}
}

static bool deliver(struct fake_bird *f, unsigned link)
{
	size_t n = f->link[link].n;
	char *piece;

	if (f->chunk && n > f->chunk)
		n = f->chunk;
	if (n > f->cut_after - f->delivered)
		n = f->cut_after - f->delivered;
	if (n > 0) {
		/* Of its own, so that a sanitizer sees who reads on. */
		piece = malloc(n);
		assert_non_null(piece);
		memcpy(piece, f->link[link].out, n);
		f->link[link].n -= n;
		memmove(f->link[link].out, f->link[link].out + n, f->link[link].n);
		f->delivered += n;
		bird_input(f->bird, link, f->now, piece, n);
		free(piece);
	}
	if (f->delivered == f->cut_after) {
		f->cut_after = SIZE_MAX;
		fake_hang_up(f);
	}
	return n > 0;
}

static bool turn(struct fake_bird *f)
{
	bool more = false;

	for (unsigned i = 0; i < BIRD_LINKS; i++) {
		if (f->link[i].open && !bird_is_open(f->bird, i))
			hang_up(f, i);
		if (bird_wants(f->bird, i, f->now)) {
			more = true;
			if (f->absent) {
				bird_closed(f->bird, i, f->now, "connect: no such file");
				continue;
			}
			f->link[i].open = true;
			bird_opened(f->bird, i, f->now);
			say(f, i, "0001 BIRD 2.0.12 ready.\n");
		}
		if (f->link[i].open) {
			more |= !f->held[i] && bird_output(f->bird, i).n > 0;
			hear(f, i);
			more |= deliver(f, i);
		}
	}
	return more;
}

void fake_run(struct fake_bird *f, uint64_t us)
{
	uint64_t end = f->now + us;

	for (;;) {
		uint64_t at;

		while (turn(f))
			;
		at = bird_deadline(f->bird);
		if (at > end)
			break;
		if (at > f->now)
			f->now = at;
		else
			f->now++; /* a deadline that stays is not a way to stand still */
		bird_tick(f->bird, f->now);
	}
	f->now = end;
	bird_tick(f->bird, f->now);
	while (turn(f))
		;
}

/* ---- what changes ------------------------------------------------------------------------- */

void fake_echo(struct fake_bird *f, const char *text)
{
	for (unsigned i = 0; i < BIRD_LINKS; i++)
		if (f->link[i].open && f->link[i].echoing)
			say(f, i, text);
}

void fake_route_quietly(struct fake_bird *f, unsigned session, const char *prefix, unsigned length)
{
	struct prefix p;
	size_t i;

	assert_true(prefix_parse(&p, prefix));
	f->updates[session]++;
	for (i = 0; i < f->n_routes; i++)
		if (f->route[i].session == session && prefix_equal(&f->route[i].prefix, &p))
			break;
	if (length == 0) {
		assert_true(i < f->n_routes);
		f->route[i] = f->route[--f->n_routes];
		return;
	}
	assert_true(i < FAKE_ROUTES);
	f->route[i] = (struct fake_route){ session, p, length };
	f->n_routes += i == f->n_routes;
}

void fake_route(struct fake_bird *f, unsigned session, const char *prefix, unsigned length)
{
	char text[256];

	fake_route_quietly(f, session, prefix, length);
	snprintf(text, sizeof(text), "+tun_%u.ipv%u > %s %s 0L 3G unicast\n", session,
		 strchr(prefix, ':') ? 6 : 4, length ? "added [best]" : "removed [sole]", prefix);
	fake_echo(f, text);
}

struct comparison {
	const struct fake_bird *f;
	size_t n;
	bool equal;
};

static void compare(void *ctx, const struct source_route *route)
{
	struct comparison *c = ctx;

	c->n++;
	for (size_t i = 0; i < c->f->n_routes; i++) {
		const struct fake_route *r = &c->f->route[i];

		if (r->session == route->session && prefix_equal(&r->prefix, &route->prefix) &&
		    r->length == route->metric && !c->f->disabled[r->session])
			return;
	}
	c->equal = false;
}

bool fake_is_equal(const struct fake_bird *f)
{
	struct comparison c = { f, 0, true };

	bird_walk(f->bird, 1, compare, &c);
	for (size_t i = 0; i < f->n_routes; i++)
		c.n += f->disabled[f->route[i].session];
	return c.equal && c.n == f->n_routes;
}
