#include "gateway/json.h"

#include <math.h>

unsigned utf8_length(const char *s)
{
	const uint8_t *b = (const uint8_t *)s;
	uint8_t low = 0x80, high = 0xbf;
	unsigned n;

	if (b[0] < 0x80)
		return b[0] != 0;
	if (b[0] >= 0xc2 && b[0] <= 0xdf)
		n = 2;
	else if (b[0] >= 0xe0 && b[0] <= 0xef)
		n = 3;
	else if (b[0] >= 0xf0 && b[0] <= 0xf4)
		n = 4;
	else
		return 0;
	/* RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF. */
	if (b[0] == 0xe0)
		low = 0xa0;
	else if (b[0] == 0xed)
		high = 0x9f;
	else if (b[0] == 0xf0)
		low = 0x90;
	else if (b[0] == 0xf4)
		high = 0x8f;
	for (unsigned i = 1; i < n; i++) {
		if (b[i] < low || b[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

static void quote(FILE *out, const char *s)
{
	fputc('"', out);
	while (*s) {
		unsigned n = utf8_length(s);

		if (n == 0) {
			fputs("\\ufffd", out);
			s++;
			continue;
		}
		if (n > 1)
			fwrite(s, 1, n, out);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", out);
		else if (*s == '\t')
			fputs("\\t", out);
		else if ((uint8_t)*s < 0x20 || *s == 0x7f)
			fprintf(out, "\\u%04x", (unsigned)(uint8_t)*s);
		else
			fputc(*s, out);
		s += n;
	}
	fputc('"', out);
}

static void begin(struct json *j, const char *key)
{
	if (j->begun[j->depth])
		fputc(',', j->out);
	j->begun[j->depth] = true;
	if (j->depth > 0 && !j->array[j->depth]) {
		quote(j->out, key ? key : "");
		fputc(':', j->out);
	}
}

static void open_level(struct json *j, const char *key, bool array)
{
	begin(j, key);
	fputc(array ? '[' : '{', j->out);
	if (j->depth < JSON_DEPTH)
		j->depth++;
	j->begun[j->depth] = false;
	j->array[j->depth] = array;
}

void json_init(struct json *j, FILE *out)
{
	*j = (struct json){ .out = out };
}

void json_object(struct json *j, const char *key)
{
	open_level(j, key, false);
}

void json_array(struct json *j, const char *key)
{
	open_level(j, key, true);
}

void json_close(struct json *j)
{
	if (j->depth == 0)
		return;
	fputc(j->array[j->depth] ? ']' : '}', j->out);
	j->depth--;
}

void json_string(struct json *j, const char *key, const char *value)
{
	if (!value) {
		json_null(j, key);
		return;
	}
	begin(j, key);
	quote(j->out, value);
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	fprintf(j->out, "%llu", (unsigned long long)value);
}

void json_real(struct json *j, const char *key, double value)
{
	if (!isfinite(value)) {
		json_null(j, key);
		return;
	}
	begin(j, key);
	fprintf(j->out, "%.3f", value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	fputs("null", j->out);
}
