/* Reading and writing IKE messages: a view that cannot overrun, a writer that cannot overflow.
 *
 * A view borrows; nothing here owns memory. Multi-byte values are big-endian on the wire. */
#ifndef IKE_WIRE_H
#define IKE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view {
	const uint8_t *p;
	size_t n;
};

/* All return false and leave the view unchanged if it is too short. */
bool view_u8(struct view *v, uint8_t *out);
bool view_u16(struct view *v, uint16_t *out);
bool view_u32(struct view *v, uint32_t *out);
bool view_u64(struct view *v, uint64_t *out);
bool view_take(struct view *v, size_t n, struct view *out);
bool view_skip(struct view *v, size_t n);

/* Once something did not fit, failed stays set and nothing more is written. */
struct writer {
	uint8_t *p;
	size_t n, cap;
	bool failed;
};

void writer_init(struct writer *w, void *buf, size_t cap);
void writer_u8(struct writer *w, uint8_t v);
void writer_u16(struct writer *w, uint16_t v);
void writer_u32(struct writer *w, uint32_t v);
void writer_u64(struct writer *w, uint64_t v);
void writer_bytes(struct writer *w, const void *p, size_t n);
uint8_t *writer_room(struct writer *w,
		     size_t n); /* n zeroed bytes to fill in later; NULL: failed */
void writer_patch_u16(struct writer *w, size_t at, uint16_t v); /* at < n, written before */
void writer_patch_u32(struct writer *w, size_t at, uint32_t v);

#endif
