#include "ike/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Entries lie one behind the other: a head, then its text without a NUL. */
struct head {
	ike_time first, last;
	uint32_t times;
	uint16_t text; /* bytes */
	bool proven;
};

static struct head head_at(const struct ike_history *h, size_t at)
{
	struct head head;

	memcpy(&head, h->bytes + at, sizeof(head));
	return head;
}

static size_t size_at(const struct ike_history *h, size_t at)
{
	return sizeof(struct head) + head_at(h, at).text;
}

static void cut_out(struct ike_history *h, size_t at)
{
	size_t n = size_at(h, at);

	memmove(h->bytes + at, h->bytes + at + n, h->used - at - n);
	h->used -= (uint16_t)n;
}

/* The oldest entry that is unproven; if there is none, the oldest. */
static void forget_one(struct ike_history *h)
{
	for (size_t at = 0; at < h->used; at += size_at(h, at)) {
		if (!head_at(h, at).proven) {
			cut_out(h, at);
			return;
		}
	}
	cut_out(h, 0);
}

/* The same text among the last few entries; h->used: it is not there. */
static size_t find(const struct ike_history *h, const char *text, size_t n)
{
	size_t recent[IKE_HISTORY_SOON] = { 0 }, entries = 0;

	for (size_t at = 0; at < h->used; at += size_at(h, at))
		recent[entries++ % IKE_HISTORY_SOON] = at;
	for (size_t i = 0; i < entries && i < IKE_HISTORY_SOON; i++) {
		struct head head = head_at(h, recent[i]);

		if (head.text == n && !memcmp(h->bytes + recent[i] + sizeof(head), text, n))
			return recent[i];
	}
	return h->used;
}

static bool make_room(struct ike_history *h, size_t n)
{
	size_t room = (h->used + n + 127) / 128 * 128;
	uint8_t *p;

	if (room > IKE_HISTORY_BYTES)
		room = IKE_HISTORY_BYTES;
	p = room > h->room ? realloc(h->bytes, room) : NULL;
	if (p) {
		h->bytes = p;
		h->room = (uint16_t)room;
	}
	if (!h->room)
		return false;
	while (h->used && h->used + n > h->room)
		forget_one(h);
	return h->used + n <= h->room;
}

void ike_history_add(struct ike_history *h, ike_time now, bool proven, const char *text)
{
	size_t n = strnlen(text, IKE_HISTORY_TEXT), at = find(h, text, n);
	struct head head = { .first = now, .text = (uint16_t)n, .proven = proven };

	if (at < h->used) {
		head = head_at(h, at);
		if (head.last == now)
			return; /* told in two ways */
		cut_out(h, at);
	}
	head.last = now;
	head.times++;
	head.proven |= proven;
	if (!make_room(h, sizeof(head) + n))
		return;
	memcpy(h->bytes + h->used, &head, sizeof(head));
	memcpy(h->bytes + h->used + sizeof(head), text, n);
	h->used += (uint16_t)(sizeof(head) + n);
}

int ike_history_copy(struct ike_history *to, const struct ike_history *from)
{
	*to = (struct ike_history){ 0 };
	if (!from->used)
		return 0;
	to->bytes = malloc(from->used);
	if (!to->bytes)
		return -ENOMEM;
	memcpy(to->bytes, from->bytes, from->used);
	to->used = to->room = from->used;
	return 0;
}

void ike_history_clear(struct ike_history *h)
{
	free(h->bytes);
	*h = (struct ike_history){ 0 };
}

bool ike_history_next(const struct ike_history *h, size_t *at, struct ike_happening *out)
{
	struct head head;

	if (*at >= h->used)
		return false;
	head = head_at(h, *at);
	out->first = head.first;
	out->last = head.last;
	out->times = head.times;
	out->proven = head.proven;
	memcpy(out->text, h->bytes + *at + sizeof(head), head.text);
	out->text[head.text] = '\0';
	*at += sizeof(head) + head.text;
	return true;
}
