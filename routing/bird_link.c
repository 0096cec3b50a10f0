#include "routing/bird_link.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void bird_link_open(struct bird_link *l, uint64_t now)
{
	bird_link_close(l);
	l->state = BIRD_LINK_OPENED;
	l->progress = now;
}

void bird_link_close(struct bird_link *l)
{
	bird_reader_reset(&l->reader);
	l->state = BIRD_LINK_CLOSED;
	l->first = l->n = 0;
	l->unanswered = l->n_out = 0;
}

bool bird_link_ask(struct bird_link *l, uint64_t now, struct bird_request request,
		   const char *format, ...)
{
	char command[BIRD_UNANSWERED_BYTES + 1];
	va_list args;
	int n;

	if (l->state != BIRD_LINK_READY || l->n == BIRD_UNANSWERED)
		return false;
	va_start(args, format);
	n = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (n < 0 || l->unanswered + (size_t)n + 1 > BIRD_UNANSWERED_BYTES ||
	    l->n_out + (size_t)n + 1 > sizeof(l->out))
		return false;
	command[n++] = '\n';
	memcpy(l->out + l->n_out, command, (size_t)n);
	l->n_out += (size_t)n;
	l->unanswered += (size_t)n;
	request.bytes = (uint16_t)n;
	if (l->n == 0)
		l->progress = now;
	l->request[(l->first + l->n++) % BIRD_UNANSWERED] = request;
	return true;
}

static enum bird_link_heard answer(struct bird_link *l, const struct bird_line *line,
				   struct bird_request *request)
{
	if (l->n == 0)
		return BIRD_HEARD_BREACH;
	*request = l->request[l->first];
	if (line->kind == BIRD_LINE_LAST) {
		l->first = (l->first + 1) % BIRD_UNANSWERED;
		l->n--;
		l->unanswered -= request->bytes;
	}
	return BIRD_HEARD_ANSWER;
}

enum bird_link_heard bird_link_hear(struct bird_link *l, uint64_t now, struct bird_text *input,
				    struct bird_line *line, struct bird_request *request)
{
	while (bird_reader_next(&l->reader, input, line)) {
		l->progress = now;
		switch (line->kind) {
		case BIRD_LINE_ECHO:
		case BIRD_LINE_LOST:
			return BIRD_HEARD_LINE;
		case BIRD_LINE_GARBAGE:
			break;
		case BIRD_LINE_MORE:
		case BIRD_LINE_LAST:
			if (l->state == BIRD_LINK_READY)
				return answer(l, line, request);
			if (line->kind != BIRD_LINE_LAST || line->code != 1)
				return BIRD_HEARD_BREACH;
			l->state = BIRD_LINK_READY;
			return BIRD_HEARD_GREETING;
		}
	}
	return BIRD_HEARD_NOTHING;
}

struct bird_text bird_link_output(const struct bird_link *l)
{
	return (struct bird_text){ l->out, l->n_out };
}

void bird_link_sent(struct bird_link *l, size_t n)
{
	l->n_out -= n;
	memmove(l->out, l->out + n, l->n_out);
}
