#include "routing/bird_show.h"

#include "routing/bird_names.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- routes ------------------------------------------------------------------------------- */

enum { CODE_ROUTE = 1007, CODE_ATTRIBUTE = 1012, CODE_OVERFLOW = 8000 };

static unsigned path_length(struct bird_text text)
{
	unsigned length = 0, confederation = 0;
	bool set = false;

	for (;;) {
		struct bird_text word = bird_word(&text);

		if (word.n == 0)
			break;
		if (word.p[0] == '(') {
			confederation++;
		} else if (word.p[0] == '{') {
			length += confederation == 0;
			set = true;
		}
		if (word.p[0] >= '0' && word.p[0] <= '9')
			length += confederation == 0 && !set;
		else if (bird_text_is(word, "..."))
			length++;
		if (word.p[word.n - 1] == ')')
			confederation -= confederation > 0;
		if (memchr(word.p, '}', word.n))
			set = false;
	}
	return length < BIRD_METRIC_MAX ? length : BIRD_METRIC_MAX;
}

/* "10.1.0.0/24  unicast [tun_1 2026-11-22 08:13:10.805882] * (100) [AS65001i]"; another path to the
 * prefix of the line before has spaces in its place. */
static void route_line(struct bird_routes *r, struct bird_text text)
{
	const char *bracket = memchr(text.p, '[', text.n);
	struct bird_text name;
	bool own_ipv6;

	if (text.p[0] != ' ')
		r->has_prefix = bird_prefix(bird_word(&text), &r->path.prefix);
	if (!bracket || !r->has_prefix)
		return;
	text.n -= (size_t)(bracket + 1 - text.p);
	text.p = bracket + 1;
	name = bird_word(&text);
	if (name.n > 0 && name.p[name.n - 1] == ']')
		name.n--;
	r->open = bird_protocol_parse(name.p, (unsigned)name.n, &r->path.session, &own_ipv6);
	r->path.metric = 0;
	r->has_metric = r->overflow = false;
}

bool bird_routes_line(struct bird_routes *r, const struct bird_line *line, struct bird_path *out)
{
	struct bird_text text = line->text;
	bool complete = false;

	if (line->kind != BIRD_LINE_MORE || text.n == 0)
		return false;
	if (line->code == CODE_ROUTE && text.p[0] != '\t') {
		complete = bird_routes_end(r, out);
		route_line(r, text);
	} else if (line->code == CODE_OVERFLOW) {
		r->overflow = true;
	} else if (line->code == CODE_ATTRIBUTE && r->open && !r->has_metric) {
		bird_text_skip(&text, "\t");
		if (bird_text_skip(&text, "BGP.as_path:") || bird_text_skip(&text, "bgp_path:")) {
			r->path.metric = path_length(text);
			r->has_metric = true;
		}
	}
	return complete;
}

bool bird_routes_end(struct bird_routes *r, struct bird_path *out)
{
	bool complete = r->open;

	if (complete) {
		*out = r->path;
		if (!r->has_metric && r->overflow)
			out->metric = BIRD_METRIC_MAX;
	}
	r->open = false;
	return complete;
}

/* ---- protocols ---------------------------------------------------------------------------- */

enum { CODE_PROTOCOL = 1002, CODE_DETAILS = 1006 };
#define UP_WORD "Established"

static uint64_t digest(uint64_t d, struct bird_text text)
{
	for (size_t i = 0; i < text.n; i++)
		d = (d ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
	return d;
}

/* Local time, as "2026-11-23 14:02:16.104"; 0 if it is written in another way. */
static int64_t time_of(struct bird_text date, struct bird_text hour)
{
	char buf[40];
	struct tm tm = { .tm_isdst = -1 };
	size_t n = hour.n < 8 ? hour.n : 8;

	if (date.n != 10 || n != 8)
		return 0;
	memcpy(buf, date.p, 10);
	buf[10] = ' ';
	memcpy(buf + 11, hour.p, n);
	buf[11 + n] = '\0';
	if (!strptime(buf, "%Y-%m-%d %H:%M:%S", &tm))
		return 0;
	return (int64_t)mktime(&tm);
}

/* The same in microseconds; 0 as above. */
static int64_t moment_of(struct bird_text text)
{
	struct bird_text date = bird_word(&text), hour = bird_word(&text);
	int64_t seconds = time_of(date, hour), part = 0;

	for (size_t i = 9; i < 15; i++) {
		bool digit = i < hour.n && hour.p[i] >= '0' && hour.p[i] <= '9';

		part = 10 * part + (digit ? hour.p[i] - '0' : 0);
	}
	return seconds > 0 ? seconds * 1000000 + part : 0;
}

/* "tun_1  BGP  ---  up  2026-11-23 14:02:16.104  Established   " */
static bool protocol_line(struct bird_protocol *p, struct bird_text text)
{
	struct bird_text name = bird_word(&text), kind = bird_word(&text), state, date, hour, word;

	*p = (struct bird_protocol){ .digest = UINT64_C(0xcbf29ce484222325) };
	if (!bird_text_is(kind, "BGP") ||
	    !bird_protocol_parse(name.p, (unsigned)name.n, &p->session, &p->own_ipv6))
		return false;
	bird_word(&text); /* table */
	state = bird_word(&text);
	date = bird_word(&text);
	hour = (struct bird_text){ date.p + date.n, 0 };
	if (date.n == 10 && memchr(date.p, '-', date.n))
		hour = bird_word(&text);
	word = bird_word(&text);
	p->now.since = time_of(date, hour);
	p->digest = digest(digest(digest(p->digest, name), date), hour);
	bird_text_copy(p->now.word, sizeof(p->now.word), word.n > 0 ? word : state);
	bird_text_copy(p->now.error, sizeof(p->now.error), text);
	/* Of two connections that collided the word may be about the one that is being closed. */
	if (bird_text_is(state, "up"))
		bird_text_copy(p->now.word, sizeof(p->now.word),
			       (struct bird_text){ UP_WORD, sizeof(UP_WORD) - 1 });
	p->now.state = bird_text_is(state, "down") ? SOURCE_SESSION_DISABLED
		       : bird_text_is(state, "up") ? SOURCE_SESSION_UP
						   : SOURCE_SESSION_DOWN;
	return true;
}

static uint64_t next_number(struct bird_text *text)
{
	struct bird_text word = bird_word(text);
	uint64_t number;

	return bird_number(word, &number) ? number : 0;
}

/* "2 imported, 1 filtered, 0 exported, 2 preferred" */
static void counts(struct source_session *now, struct bird_text text)
{
	for (;;) {
		uint64_t number = next_number(&text);
		struct bird_text word = bird_word(&text);

		if (word.n == 0)
			return;
		if (word.p[word.n - 1] == ',')
			word.n--;
		if (bird_text_is(word, "imported"))
			now->imported += number;
		else if (bird_text_is(word, "filtered"))
			now->filtered += number;
		else if (bird_text_is(word, "exported"))
			now->exported += number;
	}
}

/* "234.001/240": the time that is left, of all. */
static uint32_t timer(struct bird_text text)
{
	const char *slash = memchr(text.p, '/', text.n);
	uint64_t number;

	if (!slash)
		return 0;
	text.n -= (size_t)(slash + 1 - text.p);
	text.p = slash + 1;
	text = bird_word(&text);
	return bird_number(text, &number) && number <= UINT16_MAX ? (uint32_t)number : 0;
}

static void detail_line(struct bird_protocol *p, struct bird_text text)
{
	struct source_session *now = &p->now;
	struct bird_text whole, id;
	char buf[ADDR_STR_MAX];

	bird_text_skip(&text, " ");
	whole = text;
	if (bird_text_skip(&text, "Routes:")) {
		p->digest = digest(p->digest, whole);
		counts(now, text);
	} else if (bird_text_skip(&text, "Import updates:")) {
		/* received, rejected, filtered, ignored, accepted */
		p->digest = digest(p->digest, whole);
		now->updates_in += next_number(&text);
		now->updates_rejected += next_number(&text);
	} else if (bird_text_skip(&text, "Import withdraws:")) {
		p->digest = digest(p->digest, whole);
		now->withdraws_in += next_number(&text);
	} else if (bird_text_skip(&text, "Export updates:")) {
		for (unsigned i = 0; i < 4; i++)
			bird_word(&text);
		now->updates_out += next_number(&text);
	} else if (bird_text_skip(&text, "Export withdraws:")) {
		for (unsigned i = 0; i < 4; i++)
			bird_word(&text);
		now->withdraws_out += next_number(&text);
	} else if (bird_text_skip(&text, "Neighbor AS:")) {
		now->peer_asn = (uint32_t)next_number(&text);
	} else if (bird_text_skip(&text, "Neighbor ID:")) {
		id = bird_word(&text);
		if (!addr_parse(&now->peer_id, bird_text_copy(buf, sizeof(buf), id)))
			now->peer_id = (struct addr){ .family = ADDR_NONE };
	} else if (bird_text_skip(&text, "Hold timer:")) {
		now->hold_time = timer(text);
	} else if (bird_text_skip(&text, "Keepalive timer:")) {
		now->keepalive = timer(text);
	} else if (bird_text_skip(&text, "Last error:")) {
		bird_text_copy(now->error, sizeof(now->error), text);
	}
}

bool bird_protocols_line(struct bird_protocols *r, const struct bird_line *line,
			 struct bird_protocol *out)
{
	bool complete = false;

	if (line->kind != BIRD_LINE_MORE)
		return false;
	if (line->code == CODE_PROTOCOL) {
		complete = bird_protocols_end(r, out);
		r->open = protocol_line(&r->protocol, line->text);
	} else if (line->code == CODE_DETAILS && r->open) {
		detail_line(&r->protocol, line->text);
	}
	return complete;
}

bool bird_protocols_end(struct bird_protocols *r, struct bird_protocol *out)
{
	bool complete = r->open;

	if (complete)
		*out = r->protocol;
	r->open = false;
	return complete;
}

/* ---- status ------------------------------------------------------------------------------- */

void bird_status_line(struct bird_status *s, const struct bird_line *line)
{
	struct bird_text text = line->text;

	if (line->kind != BIRD_LINE_MORE)
		return;
	if (line->code == 24) {
		s->recovering = true;
	} else if (line->code == 1000 && bird_text_skip(&text, "BIRD")) {
		bird_text_copy(s->version, sizeof(s->version), text);
	} else if (line->code == 1011 && bird_text_skip(&text, "Current server time is")) {
		s->told = moment_of(text);
	} else if (line->code == 1011 && bird_text_skip(&text, "Last reboot on")) {
		bird_text_copy(s->boot, sizeof(s->boot), text);
		s->booted = moment_of(text);
	}
}
