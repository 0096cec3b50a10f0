/* 14 days of one-minute samples of every tunnel, on disk: what it carried in each minute.
 *
 * A segment is a file of rows, one a minute, each with a place for every tunnel that was named in
 * the segment so far; a new one is begun with the first row after each start and at midnight (UTC),
 * and is deleted when its last row is older than SAMPLES_MINUTES. So tunnels may come and go, and
 * what is torn by a crash is the end of one file, or a place whose checksum is wrong: both are
 * noticed and read as "not known". A place is 28 bytes: 0.6 MB a tunnel in 14 days. Numbers keep
 * their 26 upper bits.
 *
 * Main composes rows; a thread of the module's own writes them, so that a slow disk costs samples,
 * not time. Main thread, all of it. */
#ifndef GATEWAY_SAMPLES_H
#define GATEWAY_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLES_MINUTES (14 * 24 * 60)

#define SAMPLE_FIELDS(_)                    \
	_(IN_BYTES, "in_bytes")             \
	_(OUT_BYTES, "out_bytes")           \
	_(IN_WIRE_BYTES, "in_wire_bytes")   \
	_(OUT_WIRE_BYTES, "out_wire_bytes") \
	_(IN_PACKETS, "in_packets")         \
	_(OUT_PACKETS, "out_packets")
enum sample_field {
#define SAMPLE_FIELD_ENUM(name, key) SAMPLE_##name,
	SAMPLE_FIELDS(SAMPLE_FIELD_ENUM)
#undef SAMPLE_FIELD_ENUM
		SAMPLE_FIELD_COUNT
};
const char *sample_field_name(enum sample_field f);

struct sample {
	uint64_t v[SAMPLE_FIELD_COUNT];
};

struct samples;

/* folder is made if it is missing (its last part); segments in it that are too old are deleted. */
int samples_new(struct samples **out, const char *folder); /* 0 or -errno */
void samples_free(struct samples *s); /* what is composed is written first; NULL is fine */

/* One row: begin, add for each tunnel, end. minute: Unix time / 60. counters count since any time;
 * what is kept is the difference to the row before, or all of them if they are less than that.
 * -ENOMEM: the row is as if the rest had not been there. */
void samples_begin(struct samples *s, uint32_t minute);
int samples_add(struct samples *s, const char *tunnel, const struct sample *counters);
void samples_end(struct samples *s);
void samples_flush(struct samples *s);		/* waits until it is on disk: tests, the end */
uint64_t samples_lost(const struct samples *s); /* rows that could not be written */

/* Reads one tunnel's: out[i] is of minute first + i, known[i] whether there is one. Goes through
 * one segment a call, so that none takes long. */
struct samples_reader;
struct samples_reader *samples_read(const char *folder, const char *tunnel, uint32_t first,
				    unsigned n, struct sample *out, bool *known); /* NULL: none */
bool samples_read_more(struct samples_reader *r); /* false: that was all */
void samples_read_end(struct samples_reader *r);

/* ---- parts, for tests -------------------------------------------------------------------- */

uint32_t sample_pack(uint64_t value); /* 26 bits and a shift; exact below 2^26 */
uint64_t sample_unpack(uint32_t packed);

#endif
