#include "gateway/samples_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_PLACE UINT32_MAX

struct samples_reader {
	const char *folder, *tunnel; /* the caller's, as are out and known */
	uint32_t first;
	unsigned n;
	struct sample *out;
	bool *known;
	uint32_t *segment; /* their first minutes, in order */
	unsigned n_segments, at;
};

static int by_minute(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool list_segments(struct samples_reader *r)
{
	DIR *dir = opendir(r->folder);
	struct dirent *e;
	bool ok = true;

	while (dir && ok && (e = readdir(dir))) {
		char *end;
		unsigned long begin = strtoul(e->d_name, &end, 10);
		uint32_t *v;

		if (end == e->d_name || strcmp(end, SAMPLES_SUFFIX) != 0 ||
		    begin >= r->first + (uint64_t)r->n || begin + 24 * 60 < r->first)
			continue;
		v = reallocarray(r->segment, r->n_segments + 1, sizeof(*v));
		ok = v != NULL;
		if (!ok)
			break;
		r->segment = v;
		v[r->n_segments++] = (uint32_t)begin;
	}
	if (dir)
		closedir(dir);
	if (r->n_segments > 0)
		qsort(r->segment, r->n_segments, sizeof(*r->segment), by_minute);
	return ok;
}

struct samples_reader *samples_read(const char *folder, const char *tunnel, uint32_t first,
				    unsigned n, struct sample *out, bool *known)
{
	struct samples_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct samples_reader){ .folder = folder,
				      .tunnel = tunnel,
				      .first = first,
				      .n = n,
				      .out = out,
				      .known = known };
	memset(out, 0, n * sizeof(*out));
	memset(known, 0, n * sizeof(*known));
	if (list_segments(r))
		return r;
	samples_read_end(r);
	return NULL;
}

void samples_read_end(struct samples_reader *r)
{
	free(r->segment);
	free(r);
}

/* The tunnel's place, if it is among these names. */
static uint32_t look_for(const struct samples_reader *r, int fd, off_t at,
			 const struct samples_block *b)
{
	char *names = malloc(b->bytes + 1u);
	uint32_t found = NO_PLACE, check = samples_block_check(b);
	size_t pos = 0;

	if (names && pread(fd, names, b->bytes, at) == (ssize_t)b->bytes &&
	    samples_check(check, names, b->bytes) == b->check) {
		names[b->bytes] = '\0';
		for (uint32_t i = 0; i < b->count && pos < b->bytes; i++) {
			if (strcmp(names + pos, r->tunnel) == 0)
				found = b->minute + i;
			pos += strlen(names + pos) + 1;
		}
	}
	free(names);
	return found;
}

static void take(struct samples_reader *r, int fd, off_t at, const struct samples_block *b,
		 uint32_t place)
{
	struct sample_place p;
	uint32_t i = b->minute - r->first;

	if (b->minute < r->first || i >= r->n || place >= b->count ||
	    pread(fd, &p, sizeof(p), at + (off_t)(place * sizeof(p))) != sizeof(p) ||
	    samples_place_check(&p, b->minute, place) != p.check)
		return;
	for (unsigned f = 0; f < SAMPLE_FIELD_COUNT; f++)
		r->out[i].v[f] = sample_unpack(p.packed[f]);
	r->known[i] = true;
}

/* As far as its blocks are whole. */
static bool header(int fd, off_t at, struct samples_block *b)
{
	if (pread(fd, b, sizeof(*b), at) != sizeof(*b) || b->magic != SAMPLES_MAGIC)
		return false;
	if (b->kind == SAMPLES_NAMES)
		return b->bytes <= 64u << 20;
	return b->kind == SAMPLES_ROW && samples_block_check(b) == b->check &&
	       b->bytes == b->count * sizeof(struct sample_place);
}

bool samples_read_more(struct samples_reader *r)
{
	uint32_t place = NO_PLACE, found;
	struct samples_block b;
	char path[512];
	off_t at = 0;
	int fd;

	if (r->at == r->n_segments)
		return false;
	snprintf(path, sizeof(path), "%s/%010u" SAMPLES_SUFFIX, r->folder, r->segment[r->at++]);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	for (; fd >= 0 && header(fd, at, &b); at += (off_t)(sizeof(b) + b.bytes)) {
		if (b.kind == SAMPLES_NAMES) {
			found = look_for(r, fd, at + (off_t)sizeof(b), &b);
			place = found != NO_PLACE ? found : place;
		} else if (place != NO_PLACE) {
			take(r, fd, at + (off_t)sizeof(b), &b, place);
		}
	}
	if (fd >= 0)
		close(fd);
	return r->at < r->n_segments;
}
