#include "conf/label.h"

#include <stdio.h>
#include <string.h>

#define QUOTED_MAX 64 /* bytes shown of a value */

const char *label_quote(const char *text, char *buf, size_t size)
{
	size_t n = 0, shown = 0;

	/* Room for an escape, an ellipsis and the closing quote. */
	n += (size_t)snprintf(buf, size, "'");
	for (; *text != '\0' && n + 9 < size; text++) {
		unsigned char c = (unsigned char)*text;
		/* Never cut inside a UTF-8 sequence. */
		if (shown++ >= QUOTED_MAX && (c & 0xc0) != 0x80)
			break;
		if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(buf + n, size - n, "\\x%02x", c);
		else
			buf[n++] = (char)c;
	}
	snprintf(buf + n, size - n, "%s'", *text != '\0' ? "..." : "");
	return buf;
}

size_t label_add(struct label *l, const char *kind, const char *name, unsigned number)
{
	size_t before = strlen(l->text);
	char *p = l->text + before;
	size_t room = sizeof(l->text) - before;
	const char *comma = before > 0 ? ", " : "";
	char quoted[160];

	if (name != NULL && name[0] != '\0')
		snprintf(p, room, "%s%s %s", comma, kind,
			 label_quote(name, quoted, sizeof(quoted)));
	else if (number > 0)
		snprintf(p, room, "%s%s #%u", comma, kind, number);
	else
		snprintf(p, room, "%s%s", comma, kind);
	return before;
}

void label_cut(struct label *l, size_t len)
{
	l->text[len] = '\0';
}
