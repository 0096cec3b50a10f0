#include "conf/source.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK '\x01' /* cannot be typed, and a PSK could not hold it */

struct scan {
	const char *p, *end;
	unsigned line;
	FILE *out;
	struct conf_source *source;
};

static bool at(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, word, n) == 0;
}

static void skip(struct scan *s, bool copy)
{
	if (*s->p == '\n')
		s->line++;
	if (copy || *s->p == '\n')
		fputc(*s->p, s->out);
	s->p++;
}

/* White space and comments. False: something else stands here. */
static bool copy_blank(struct scan *s)
{
	if (at(s, "#") || at(s, "//")) {
		while (s->p < s->end && *s->p != '\n')
			skip(s, true);
		return true;
	}
	if (at(s, "/*")) {
		skip(s, true);
		skip(s, true);
		while (s->p < s->end && !at(s, "*/"))
			skip(s, true);
		for (int i = 0; i < 2 && s->p < s->end; i++)
			skip(s, true);
		return true;
	}
	if (!isspace((unsigned char)*s->p))
		return false;
	skip(s, true);
	return true;
}

static void copy_blanks(struct scan *s)
{
	while (s->p < s->end && copy_blank(s))
		;
}

/* s->p stands behind a string: looks over blanks for the delimiter that ends it. */
static void pull_delimiter(struct scan *s)
{
	char *blanks = NULL;
	size_t n = 0;
	FILE *out = s->out, *held = open_memstream(&blanks, &n);

	if (held == NULL)
		return;
	s->out = held;
	copy_blanks(s);
	fclose(held);
	s->out = out;
	if (s->p < s->end && strchr(",;])}", *s->p) != NULL)
		skip(s, true);
	if (blanks != NULL)
		fwrite(blanks, 1, n, s->out);
	free(blanks);
}

static void copy_string(struct scan *s)
{
	skip(s, true);
	while (s->p < s->end && *s->p != '"') {
		if (*s->p == '\\' && s->p + 1 < s->end)
			skip(s, true);
		skip(s, true);
	}
	if (s->p == s->end)
		return;
	skip(s, true);
	pull_delimiter(s);
}

/* One character of a string, escapes resolved as libconfig does. */
static uint8_t string_char(struct scan *s)
{
	static const char from[] = "nrtf", to[] = "\n\r\t\f";
	const char *e;
	char hex[3] = "";

	if (*s->p != '\\' || s->p + 1 == s->end) {
		skip(s, false);
		return (uint8_t)s->p[-1];
	}
	skip(s, false);
	if (*s->p == 'x' && s->end - s->p > 2 && isxdigit((unsigned char)s->p[1]) &&
	    isxdigit((unsigned char)s->p[2])) {
		memcpy(hex, s->p + 1, 2);
		s->p += 3;
		return (uint8_t)strtoul(hex, NULL, 16);
	}
	skip(s, false);
	e = s->p[-1] != '\0' ? strchr(from, s->p[-1]) : NULL;
	return (uint8_t)(e != NULL ? to[e - from] : s->p[-1]);
}

int source_add(struct conf_source *s, struct secret *secret, char mark[SOURCE_MARK_BYTES])
{
	struct secret **v = reallocarray(s->secret, s->n_secrets + 1, sizeof(struct secret *));

	if (v == NULL) {
		secret_free(secret);
		return -ENOMEM;
	}
	s->secret = v;
	snprintf(mark, SOURCE_MARK_BYTES, "%c%zu", MARK, s->n_secrets);
	s->secret[s->n_secrets++] = secret;
	return 0;
}

/* Moves the string at s->p, and those that libconfig would join to it, into guarded memory. */
static int hide_string(struct scan *s)
{
	struct secret *scratch = secret_new(SECRET_MAX), *secret = NULL;
	char mark[SOURCE_MARK_BYTES];
	size_t n = 0;
	int err;

	if (scratch == NULL)
		return -ENOMEM;
	/* The mark comes before what may follow the string on later lines. */
	if (source_add(s->source, NULL, mark) != 0) {
		secret_free(scratch);
		return -ENOMEM;
	}
	fprintf(s->out, "\"%s\"", mark);
	while (s->p < s->end && *s->p == '"') {
		skip(s, false);
		while (s->p < s->end && *s->p != '"') {
			uint8_t c = string_char(s);

			if (n < SECRET_MAX)
				scratch->data[n] = c;
			n++;
		}
		if (s->p < s->end)
			skip(s, false);
		pull_delimiter(s);
	}
	if (n <= SECRET_MAX)
		secret = secret_from(scratch->data, n);
	err = n <= SECRET_MAX && secret == NULL ? -ENOMEM : 0;
	secret_free(scratch);
	s->source->secret[s->source->n_secrets - 1] = secret;
	return err;
}

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*';
}

static bool is_secret(const char *word, size_t n)
{
	static const char *const names[] = { "psk", "ppk", "bgp_password" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (n == strlen(names[i]) && strncasecmp(word, names[i], n) == 0)
			return true;
	return false;
}

static int copy_word(struct scan *s)
{
	const char *start = s->p;
	size_t n;

	while (s->p < s->end && word_char(*s->p))
		skip(s, true);
	n = (size_t)(s->p - start);
	if (!is_secret(start, n))
		return 0;
	copy_blanks(s);
	if (s->p == s->end || (*s->p != '=' && *s->p != ':'))
		return 0;
	skip(s, true);
	copy_blanks(s);
	return s->p < s->end && *s->p == '"' ? hide_string(s) : 0;
}

static void copy_number(struct scan *s)
{
	bool hex = at(s, "0x") || at(s, "0X");
	const char *start = s->p;

	while (s->p < s->end && (isalnum((unsigned char)*s->p) || *s->p == '.'))
		skip(s, true);
	for (const char *p = start + (hex ? 2 : 0); p < s->p; p++)
		if (hex ? !isxdigit((unsigned char)*p) : !isdigit((unsigned char)*p))
			return; /* a float, has its suffix already, or is no number */
	if (s->p - start >= 10)
		fputc('L', s->out);
}

static int refuse(struct scan *s, const char *error)
{
	s->source->line = s->line;
	s->source->error = error;
	return -EINVAL;
}

static int scan_one(struct scan *s)
{
	char c = *s->p;

	if (c == '@')
		return refuse(s, "@include is not supported, write everything in one file");
	if (copy_blank(s))
		return 0;
	if (isdigit((unsigned char)c))
		copy_number(s);
	else if (c == '"')
		copy_string(s);
	else if (word_char(c) && c != '-')
		return copy_word(s);
	else
		skip(s, true);
	return 0;
}

static int check_bytes(struct scan *s)
{
	struct scan probe = *s;

	for (; probe.p < probe.end; probe.p++) {
		if (*probe.p == '\0' || *probe.p == MARK)
			return refuse(&probe, "a byte that belongs to no text");
		if (*probe.p == '\n')
			probe.line++;
	}
	return 0;
}

int source_prepare(struct conf_source *out, const char *raw, size_t len)
{
	struct scan s = { .p = raw, .end = raw + len, .line = 1, .source = out };
	size_t n;
	int err = 0;

	*out = (struct conf_source){ 0 };
	s.out = open_memstream(&out->text, &n);
	if (s.out == NULL)
		return -ENOMEM;
	err = check_bytes(&s);
	while (err == 0 && s.p < s.end)
		err = scan_one(&s);
	if (ferror(s.out) != 0 && err == 0)
		err = -ENOMEM;
	if (fclose(s.out) != 0 && err == 0)
		err = -ENOMEM;
	return err;
}

void source_clear(struct conf_source *s)
{
	for (size_t i = 0; i < s->n_secrets; i++)
		secret_free(s->secret[i]);
	free(s->secret);
	free(s->text);
	*s = (struct conf_source){ 0 };
}

long source_mark(const struct conf_source *s, const char *text)
{
	char *end;
	unsigned long i;

	if (text[0] != MARK || !isdigit((unsigned char)text[1]))
		return -1;
	i = strtoul(text + 1, &end, 10);
	return *end == '\0' && i < s->n_secrets ? (long)i : -1;
}

/* As inside a string: at most four characters for a byte. */
static size_t reveal(const struct secret *s, char *to)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (unsigned i = 0; s != NULL && i < s->len; i++) {
		uint8_t c = s->data[i];

		if (c == '"' || c == '\\') {
			to[n++] = '\\';
			to[n++] = (char)c;
		} else if (c < 0x20 || c == 0x7f) {
			to[n++] = '\\';
			to[n++] = 'x';
			to[n++] = hex[c >> 4];
			to[n++] = hex[c & 15];
		} else {
			to[n++] = (char)c;
		}
	}
	return n;
}

char *source_reveal(const struct conf_source *s, size_t *len)
{
	const char *p = s->text, *mark;
	size_t room = strlen(s->text) + 1, n = 0;
	char *out;

	for (size_t i = 0; i < s->n_secrets; i++)
		room += s->secret[i] != NULL ? 4u * s->secret[i]->len : 0;
	out = sodium_malloc(room);
	if (out == NULL)
		return NULL;
	while ((mark = strchr(p, MARK)) != NULL) {
		char *end;
		unsigned long i = strtoul(mark + 1, &end, 10);

		memcpy(out + n, p, (size_t)(mark - p));
		n += (size_t)(mark - p);
		n += i < s->n_secrets ? reveal(s->secret[i], out + n) : 0;
		p = end;
	}
	memcpy(out + n, p, strlen(p));
	*len = n + strlen(p);
	return out;
}
