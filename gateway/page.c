#include "gateway/page.h"

#include "gateway/format.h"
#include "gateway/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_DEPTH  8
#define PAGE_INDENT 2

enum level_kind { LEVEL_OBJECT, LEVEL_LIST, LEVEL_TABLE, LEVEL_ROW };

struct level {
	enum level_kind kind;
	const char *empty;
	unsigned indent;
	unsigned columns; /* of a table: cells of its first row */
};

struct cell {
	char *title, *text;
	bool right;
	enum page_tone tone;
};

struct page {
	bool json, colour, failed, finished;
	struct json js;
	FILE *out;
	char *text;
	size_t len;
	unsigned depth;
	struct level level[PAGE_DEPTH];
	struct cell *cell; /* fields of the open object, or cells of the open table */
	size_t cells, room;
};

/* Columns a text takes: characters, for those that operators' names are made of. */
static size_t width(const char *s, size_t bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n += ((uint8_t)s[i] & 0xc0) != 0x80;
	return n;
}

static void pad(FILE *out, size_t n)
{
	while (n-- > 0)
		fputc(' ', out);
}

static void put_text(struct page *p, const char *text, size_t len, enum page_tone tone)
{
	static const char *const escape[] = { [PAGE_GOOD] = "\033[32m", [PAGE_BAD] = "\033[31m" };

	if (p->colour && tone != PAGE_PLAIN)
		fprintf(p->out, "%s%.*s\033[0m", escape[tone], (int)len, text);
	else
		fwrite(text, 1, len, p->out);
}

/* It may have been a key. */
static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void forget_cells(struct page *p)
{
	for (size_t i = 0; i < p->cells; i++) {
		free(p->cell[i].title);
		wipe(p->cell[i].text);
	}
	p->cells = 0;
}

static struct level *top(struct page *p)
{
	return &p->level[p->depth];
}

/* The open object's fields as "title  value"; a value's further lines stand below its first. */
static void flush_fields(struct page *p)
{
	size_t widest = 0, indent = top(p)->indent;

	for (size_t i = 0; i < p->cells; i++) {
		size_t w = width(p->cell[i].title, strlen(p->cell[i].title));

		widest = w > widest ? w : widest;
	}
	for (size_t i = 0; i < p->cells; i++) {
		const struct cell *c = &p->cell[i];
		const char *line = c->text;

		pad(p->out, indent);
		fputs(c->title, p->out);
		pad(p->out, widest - width(c->title, strlen(c->title)) + 2);
		for (;;) {
			size_t n = strcspn(line, "\n");

			put_text(p, line, n, c->tone);
			fputc('\n', p->out);
			if (line[n] == '\0' || line[n + 1] == '\0')
				break;
			line += n + 1;
			pad(p->out, indent + widest + 2);
		}
	}
	forget_cells(p);
}

static void print_row(struct page *p, const struct cell *row, unsigned columns,
		      const size_t *widest, bool titles)
{
	size_t owed = top(p)->indent;

	for (unsigned i = 0; i < columns; i++) {
		const char *s = titles ? row[i].title : row[i].text;
		size_t w = width(s, strlen(s)), gap = widest[i] - w;

		if (row[i].right)
			owed += gap;
		if (w > 0) {
			pad(p->out, owed);
			owed = 0;
		}
		put_text(p, s, strlen(s), titles ? PAGE_PLAIN : row[i].tone);
		if (!row[i].right)
			owed += gap;
		owed += 2;
	}
	fputc('\n', p->out);
}

static void flush_table(struct page *p)
{
	unsigned columns = top(p)->columns;
	size_t *widest;

	if (p->cells == 0) {
		if (top(p)->empty) {
			pad(p->out, top(p)->indent);
			fprintf(p->out, "%s\n", top(p)->empty);
		}
		return;
	}
	widest = calloc(columns, sizeof(*widest));
	if (!widest) {
		p->failed = true;
		forget_cells(p);
		return;
	}
	for (size_t i = 0; i < p->cells; i++) {
		size_t t = width(p->cell[i].title, strlen(p->cell[i].title));
		size_t v = width(p->cell[i].text, strlen(p->cell[i].text));
		size_t *w = &widest[i % columns];

		*w = t > *w ? t : *w;
		*w = v > *w ? v : *w;
	}
	print_row(p, p->cell, columns, widest, true);
	for (size_t i = 0; i + columns <= p->cells; i += columns)
		print_row(p, &p->cell[i], columns, widest, false);
	free(widest);
	forget_cells(p);
}

static void add_cell(struct page *p, const char *title, const char *text, bool right)
{
	struct cell c = { .right = right };

	if (p->cells == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		struct cell *v = reallocarray(p->cell, room, sizeof(*v));

		if (!v) {
			p->failed = true;
			return;
		}
		p->cell = v;
		p->room = room;
	}
	c.title = strdup(title);
	c.text = strdup(text);
	if (!c.title || !c.text) {
		free(c.title);
		free(c.text);
		p->failed = true;
		return;
	}
	p->cell[p->cells++] = c;
}

struct page *page_new(bool json)
{
	struct page *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->json = json;
	p->out = open_memstream(&p->text, &p->len);
	if (!p->out) {
		free(p);
		return NULL;
	}
	if (json) {
		json_init(&p->js, p->out);
		json_object(&p->js, NULL);
	}
	return p;
}

void page_free(struct page *p)
{
	if (!p)
		return;
	if (p->out)
		fclose(p->out);
	forget_cells(p);
	free(p->cell);
	if (p->text)
		explicit_bzero(p->text, p->len);
	free(p->text);
	free(p);
}

void page_colour(struct page *p, bool colour)
{
	p->colour = colour;
}

bool page_is_json(const struct page *p)
{
	return p->json;
}

const char *page_finish(struct page *p, size_t *len)
{
	if (!p->finished) {
		while (p->depth > 0)
			page_end(p);
		if (p->json) {
			json_close(&p->js);
			fputc('\n', p->out);
		} else {
			flush_fields(p);
		}
		if (ferror(p->out))
			p->failed = true;
		if (fclose(p->out) != 0)
			p->failed = true;
		p->out = NULL;
		p->finished = true;
	}
	*len = p->failed ? 0 : p->len;
	return p->failed ? NULL : p->text;
}

static void push(struct page *p, enum level_kind kind, const char *heading, const char *empty)
{
	unsigned indent;

	if (p->depth + 1 == PAGE_DEPTH) {
		p->failed = true;
		return;
	}
	indent = top(p)->indent;
	if (!p->json && kind != LEVEL_ROW) {
		flush_fields(p);
		if (heading) {
			if (ftell(p->out) > 0)
				fputc('\n', p->out);
			pad(p->out, indent);
			fprintf(p->out, "%s\n", heading);
			indent += PAGE_INDENT;
		}
	}
	p->level[++p->depth] = (struct level){ .kind = kind, .empty = empty, .indent = indent };
}

void page_object(struct page *p, const char *key, const char *heading)
{
	if (p->json)
		json_object(&p->js, key);
	push(p, top(p)->kind == LEVEL_TABLE ? LEVEL_ROW : LEVEL_OBJECT, heading, NULL);
}

void page_list(struct page *p, const char *key)
{
	if (p->json)
		json_array(&p->js, key);
	push(p, LEVEL_LIST, NULL, NULL);
}

void page_table(struct page *p, const char *key, const char *heading, const char *empty)
{
	if (p->json)
		json_array(&p->js, key);
	push(p, LEVEL_TABLE, heading, empty);
}

void page_end(struct page *p)
{
	if (p->depth == 0)
		return;
	if (p->json) {
		json_close(&p->js);
	} else if (top(p)->kind == LEVEL_ROW) {
		struct level *table = &p->level[p->depth - 1];

		if (table->columns == 0)
			table->columns = (unsigned)p->cells;
	} else if (top(p)->kind == LEVEL_TABLE) {
		flush_table(p);
	} else {
		flush_fields(p);
	}
	p->depth--;
}

void page_line(struct page *p, const char *fmt, ...)
{
	va_list ap;

	if (p->json)
		return;
	flush_fields(p);
	pad(p->out, top(p)->indent);
	va_start(ap, fmt);
	vfprintf(p->out, fmt, ap);
	va_end(ap);
	fputc('\n', p->out);
}

static void show(struct page *p, const char *title, const char *text, bool right)
{
	if (!p->json && title)
		add_cell(p, title, text, right);
}

void page_text(struct page *p, const char *key, const char *title, const char *value)
{
	if (p->json && key)
		json_string(&p->js, key, value);
	show(p, title, value && value[0] ? value : "-", false);
}

void page_state(struct page *p, const char *key, const char *title, const char *value,
		enum page_tone tone)
{
	size_t before = p->cells;

	page_text(p, key, title, value);
	if (p->cells > before)
		p->cell[before].tone = tone;
}

void page_textf(struct page *p, const char *key, const char *title, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		p->failed = true;
		return;
	}
	page_text(p, key, title, text);
	wipe(text);
}

void page_count(struct page *p, const char *key, const char *title, uint64_t value)
{
	char buf[FORMAT_NUMBER_MAX];

	if (p->json && key)
		json_uint(&p->js, key, value);
	show(p, title, format_count(value, buf), true);
}

void page_number(struct page *p, const char *key, const char *title, uint64_t value)
{
	char buf[FORMAT_NUMBER_MAX];

	if (p->json && key)
		json_uint(&p->js, key, value);
	snprintf(buf, sizeof(buf), "%llu", (unsigned long long)value);
	show(p, title, buf, true);
}

void page_bytes(struct page *p, const char *key, const char *title, uint64_t value)
{
	char buf[FORMAT_NUMBER_MAX];

	if (p->json && key)
		json_uint(&p->js, key, value);
	show(p, title, format_bytes(value, buf), true);
}

void page_age(struct page *p, const char *key, const char *title, uint64_t us)
{
	char buf[FORMAT_NUMBER_MAX];

	if (p->json && key)
		json_real(&p->js, key, (double)us / 1e6);
	show(p, title, format_age(us, buf), true);
}

void page_real(struct page *p, const char *key, const char *title, double value, const char *unit)
{
	char buf[FORMAT_NUMBER_MAX];

	if (p->json && key)
		json_real(&p->js, key, value);
	snprintf(buf, sizeof(buf), "%.1f%s", value, unit);
	show(p, title, buf, true);
}

void page_flag(struct page *p, const char *key, const char *title, bool value)
{
	if (p->json && key)
		json_bool(&p->js, key, value);
	show(p, title, value ? "yes" : "no", false);
}

void page_spi(struct page *p, const char *key, const char *title, uint32_t spi)
{
	page_textf(p, key, title, "0x%08x", spi);
}

void page_none(struct page *p, const char *key, const char *title)
{
	if (p->json && key)
		json_null(&p->js, key);
	show(p, title, "-", false);
}
