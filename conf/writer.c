#include "conf/writer.h"

#include <errno.h>
#include <inttypes.h>

void writer_line(struct writer *w)
{
	fprintf(w->out, "\n%*s", (int)(2 * w->depth), "");
}

void writer_string(struct writer *w, const char *text)
{
	fputc('"', w->out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(w->out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(w->out, "\\x%02x", c);
		else
			fputc(c, w->out);
	}
	fputc('"', w->out);
}

void writer_number(struct writer *w, uint64_t value)
{
	/* Without the suffix libconfig reads 32 bits. */
	fprintf(w->out, "%" PRIu64 "%s", value, value > INT32_MAX ? "L" : "");
}

void writer_secret(struct writer *w, struct secret *text)
{
	char mark[SOURCE_MARK_BYTES];

	if (text == NULL || (w->source != NULL && source_add(w->source, text, mark) != 0)) {
		w->error = -ENOMEM;
		return;
	}
	if (w->source != NULL) {
		fprintf(w->out, "\"%s\"", mark);
		return;
	}
	fputs(SECRET_SHOWN, w->out);
	secret_free(text);
}
