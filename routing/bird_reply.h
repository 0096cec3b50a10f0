/* What BIRD says on its control socket, as lines.
 *
 * A reply is lines "NNNN-text", continued by " text", and ends with "NNNN text". Between any two
 * lines may stand "+text" (an echoed log line) or "<N messages lost>". A reader cuts the stream
 * into such lines; whatever bytes come, it yields lines, and never fails. Texts are borrowed, are
 * not NUL-terminated, and may hold any byte but newline. Any thread, no state but the reader. */
#ifndef ROUTING_BIRD_REPLY_H
#define ROUTING_BIRD_REPLY_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer lines are cut: BIRD makes none. */
#define BIRD_LINE_BYTES 4096

enum bird_line_kind {
	BIRD_LINE_MORE,	   /* of a reply that goes on */
	BIRD_LINE_LAST,	   /* of a reply */
	BIRD_LINE_ECHO,	   /* a line of BIRD's log */
	BIRD_LINE_LOST,	   /* so many echoed lines were */
	BIRD_LINE_GARBAGE, /* nothing that BIRD says */
};

struct bird_text {
	const char *p;
	size_t n;
};

struct bird_line {
	enum bird_line_kind kind;
	unsigned code;	       /* MORE, LAST */
	struct bird_text text; /* without code and newline */
	uint64_t lost;	       /* LOST */
};

struct bird_reader {
	unsigned code; /* of the last line that had one; 0: none since the last reply ended */
	size_t n;      /* bytes of a line that has no end yet */
	char line[BIRD_LINE_BYTES];
};

void bird_reader_reset(struct bird_reader *r);
/* Takes bytes off input until a line is whole. false: all of input is taken, and no line is. The
 * line's text lasts until the next call, or for as long as input's bytes do, whichever is shorter.
 */
bool bird_reader_next(struct bird_reader *r, struct bird_text *input, struct bird_line *line);

/* ---- echoed lines ------------------------------------------------------------------------- */

enum bird_event_kind {
	BIRD_EVENT_OTHER,
	BIRD_EVENT_ROUTE,	 /* a session's route to prefix came, went or changed */
	BIRD_EVENT_SESSION,	 /* something happened to the session itself */
	BIRD_EVENT_RECONFIGURED, /* protocols may have come, gone, been enabled */
};

struct bird_event {
	enum bird_event_kind kind;
	uint32_t session;
	bool removed;	      /* ROUTE: the session offers it no more */
	struct prefix prefix; /* ROUTE; a network */
};

struct bird_event bird_event_parse(struct bird_text text);

/* ---- words -------------------------------------------------------------------------------- */

/* The next word, ended by spaces, tabs or the end; empty at the end. */
struct bird_text bird_word(struct bird_text *text);
bool bird_text_is(struct bird_text text, const char *word);
/* Takes start off the front, and spaces behind it. */
bool bird_text_skip(struct bird_text *text, const char *start);
/* Digits only, as many as there are, all of the text. */
bool bird_number(struct bird_text text, uint64_t *out);
bool bird_prefix(struct bird_text text, struct prefix *out); /* a network, with its length */
/* Cut and NUL-terminated; what is not printable is '?'. Returns buf. */
const char *bird_text_copy(char *buf, size_t size, struct bird_text text);

#endif
