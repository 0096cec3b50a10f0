#include "ike/wire.h"

#include <string.h>

bool view_u8(struct view *v, uint8_t *out)
{
	if (v->n < 1)
		return false;
	*out = v->p[0];
	return view_skip(v, 1);
}

bool view_u16(struct view *v, uint16_t *out)
{
	if (v->n < 2)
		return false;
	*out = (uint16_t)(v->p[0] << 8 | v->p[1]);
	return view_skip(v, 2);
}

bool view_u32(struct view *v, uint32_t *out)
{
	if (v->n < 4)
		return false;
	*out = (uint32_t)v->p[0] << 24 | (uint32_t)v->p[1] << 16 | (uint32_t)v->p[2] << 8 | v->p[3];
	return view_skip(v, 4);
}

bool view_u64(struct view *v, uint64_t *out)
{
	uint32_t high = 0, low = 0;

	if (v->n < 8)
		return false;
	view_u32(v, &high);
	view_u32(v, &low);
	*out = (uint64_t)high << 32 | low;
	return true;
}

bool view_take(struct view *v, size_t n, struct view *out)
{
	const uint8_t *p = v->p;

	if (!view_skip(v, n))
		return false;
	*out = (struct view){ p, n };
	return true;
}

bool view_skip(struct view *v, size_t n)
{
	if (v->n < n)
		return false;
	/* An empty view may hold NULL, to which not even zero may be added. */
	if (n > 0)
		v->p += n;
	v->n -= n;
	return true;
}

void writer_init(struct writer *w, void *buf, size_t cap)
{
	*w = (struct writer){ .p = buf, .cap = cap };
}

static uint8_t *writer_take(struct writer *w, size_t n)
{
	uint8_t *at;

	if (w->failed || n > w->cap - w->n) {
		w->failed = true;
		return NULL;
	}
	at = w->p + w->n;
	w->n += n;
	return at;
}

static void put_u16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put_u32(uint8_t *at, uint32_t v)
{
	put_u16(at, (uint16_t)(v >> 16));
	put_u16(at + 2, (uint16_t)v);
}

void writer_u8(struct writer *w, uint8_t v)
{
	uint8_t *at = writer_take(w, 1);

	if (at)
		*at = v;
}

void writer_u16(struct writer *w, uint16_t v)
{
	uint8_t *at = writer_take(w, 2);

	if (at)
		put_u16(at, v);
}

void writer_u32(struct writer *w, uint32_t v)
{
	uint8_t *at = writer_take(w, 4);

	if (at)
		put_u32(at, v);
}

void writer_u64(struct writer *w, uint64_t v)
{
	uint8_t *at = writer_take(w, 8);

	if (at) {
		put_u32(at, (uint32_t)(v >> 32));
		put_u32(at + 4, (uint32_t)v);
	}
}

void writer_bytes(struct writer *w, const void *p, size_t n)
{
	uint8_t *at;

	if (n == 0)
		return;
	at = writer_take(w, n);
	if (at)
		memcpy(at, p, n);
}

uint8_t *writer_room(struct writer *w, size_t n)
{
	uint8_t *at = writer_take(w, n);

	if (at && n > 0)
		memset(at, 0, n);
	return at;
}

void writer_patch_u16(struct writer *w, size_t at, uint16_t v)
{
	if (w->n >= 2 && at <= w->n - 2)
		put_u16(w->p + at, v);
}

void writer_patch_u32(struct writer *w, size_t at, uint32_t v)
{
	if (w->n >= 4 && at <= w->n - 4)
		put_u32(w->p + at, v);
}
