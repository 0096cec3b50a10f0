#include "routing/bird_reply.h"

#include "routing/bird_names.h"

#include <string.h>

void bird_reader_reset(struct bird_reader *r)
{
	r->code = 0;
	r->n = 0;
}

/* ---- words -------------------------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct bird_text from(struct bird_text text, size_t at)
{
	return (struct bird_text){ text.p + at, text.n - at };
}

static struct bird_text trim(struct bird_text text)
{
	while (text.n > 0 && is_space(*text.p))
		text = from(text, 1);
	while (text.n > 0 && is_space(text.p[text.n - 1]))
		text.n--;
	return text;
}

struct bird_text bird_word(struct bird_text *text)
{
	struct bird_text word;
	size_t n = 0;

	while (text->n > 0 && is_space(*text->p))
		*text = from(*text, 1);
	while (n < text->n && !is_space(text->p[n]))
		n++;
	word = (struct bird_text){ text->p, n };
	*text = from(*text, n);
	return word;
}

bool bird_text_is(struct bird_text text, const char *word)
{
	return text.n == strlen(word) && memcmp(text.p, word, text.n) == 0;
}

bool bird_text_skip(struct bird_text *text, const char *start)
{
	size_t n = strlen(start);

	if (text->n < n || memcmp(text->p, start, n) != 0)
		return false;
	*text = from(*text, n);
	while (text->n > 0 && is_space(*text->p))
		*text = from(*text, 1);
	return true;
}

bool bird_number(struct bird_text text, uint64_t *out)
{
	uint64_t number = 0;

	if (text.n == 0)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		unsigned digit = (unsigned char)text.p[i] - (unsigned)'0';

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*out = number;
	return true;
}

bool bird_prefix(struct bird_text text, struct prefix *out)
{
	char buf[PREFIX_STR_MAX];

	if (text.n >= sizeof(buf) || !memchr(text.p, '/', text.n))
		return false;
	memcpy(buf, text.p, text.n);
	buf[text.n] = '\0';
	return strlen(buf) == text.n && prefix_parse(out, buf) && prefix_is_network(out);
}

const char *bird_text_copy(char *buf, size_t size, struct bird_text text)
{
	size_t n;

	text = trim(text);
	n = text.n < size ? text.n : size - 1;
	for (size_t i = 0; i < n; i++)
		buf[i] = text.p[i] >= ' ' && text.p[i] < 0x7f ? text.p[i] : '?';
	buf[n] = '\0';
	return buf;
}

/* ---- lines -------------------------------------------------------------------------------- */

static bool code_of(struct bird_text text, unsigned *code)
{
	uint64_t number;

	if (text.n < 5 || (text.p[4] != ' ' && text.p[4] != '-') ||
	    !bird_number((struct bird_text){ text.p, 4 }, &number))
		return false;
	*code = (unsigned)number;
	return true;
}

static bool lost_of(struct bird_text text, uint64_t *lost)
{
	static const char tail[] = " messages lost>";
	size_t n = sizeof(tail) - 1;

	return text.n > n + 1 && text.p[0] == '<' && memcmp(text.p + text.n - n, tail, n) == 0 &&
	       bird_number((struct bird_text){ text.p + 1, text.n - n - 1 }, lost);
}

static void classify(struct bird_reader *r, struct bird_text text, struct bird_line *line)
{
	*line = (struct bird_line){ .kind = BIRD_LINE_GARBAGE, .text = text };
	if (text.n > 0 && text.p[0] == '+') {
		line->kind = BIRD_LINE_ECHO;
		line->text = from(text, 1);
	} else if (text.n > 0 && text.p[0] == ' ' && r->code != 0) {
		line->kind = BIRD_LINE_MORE;
		line->code = r->code;
		line->text = from(text, 1);
	} else if (code_of(text, &line->code)) {
		line->kind = text.p[4] == '-' ? BIRD_LINE_MORE : BIRD_LINE_LAST;
		line->text = from(text, 5);
		r->code = line->kind == BIRD_LINE_MORE ? line->code : 0;
	} else if (lost_of(text, &line->lost)) {
		line->kind = BIRD_LINE_LOST;
	}
}

static void keep(struct bird_reader *r, struct bird_text text)
{
	size_t room = sizeof(r->line) - r->n;
	size_t n = text.n < room ? text.n : room;

	memcpy(r->line + r->n, text.p, n);
	r->n += n;
}

bool bird_reader_next(struct bird_reader *r, struct bird_text *input, struct bird_line *line)
{
	const char *end = input->n > 0 ? memchr(input->p, '\n', input->n) : NULL;
	struct bird_text text = *input;

	if (!end) {
		if (text.n > 0)
			keep(r, text);
		*input = from(text, text.n);
		return false;
	}
	text.n = (size_t)(end - text.p);
	*input = from(*input, text.n + 1);
	if (r->n > 0) { /* it began in an earlier input */
		keep(r, text);
		text = (struct bird_text){ r->line, r->n };
		r->n = 0;
	} else if (text.n > sizeof(r->line)) {
		text.n = sizeof(r->line);
	}
	classify(r, text, line);
	return true;
}

/* ---- echoed lines ------------------------------------------------------------------------- */

/* "tun_1.ipv4 > added [best] 10.2.0.0/24 0L 3G unicast": the prefix is the first word that is one;
 * what stands behind it varies. "<" is what goes to the peer. */
static bool route_event(struct bird_text channel, struct bird_text rest, struct bird_event *event)
{
	struct bird_text word = bird_word(&rest);

	if (!memchr(channel.p, '.', channel.n) || !bird_text_is(word, ">"))
		return false;
	for (unsigned i = 0; i < 4; i++) {
		word = bird_word(&rest);
		event->removed |= i == 0 && bird_text_is(word, "removed");
		if (bird_prefix(word, &event->prefix))
			return true;
	}
	return false;
}

struct bird_event bird_event_parse(struct bird_text text)
{
	struct bird_event event = { .kind = BIRD_EVENT_OTHER };
	struct bird_text name, first;
	bool own_ipv6;

	text = trim(text);
	if (bird_text_is(text, "Reconfigured")) {
		event.kind = BIRD_EVENT_RECONFIGURED;
		return event;
	}
	name = first = bird_word(&text);
	for (name.n = 0; name.n < first.n && first.p[name.n] != '.' && first.p[name.n] != ':';)
		name.n++;
	if (name.n == first.n ||
	    !bird_protocol_parse(name.p, (unsigned)name.n, &event.session, &own_ipv6))
		return event;
	if (first.p[name.n] == ':')
		event.kind = BIRD_EVENT_SESSION;
	else if (route_event(first, text, &event))
		event.kind = BIRD_EVENT_ROUTE;
	return event;
}
