#include "gateway/samples.h"

#include "gateway/samples_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAITING_MAX 4 /* rows, before they are lost */

/* A tunnel's place in the segment, and its counters in the row before. */
struct known {
	struct known *next;
	char *name;
	uint32_t place;	  /* in the segment of number `segment` */
	uint32_t segment; /* 0: in none yet */
	struct sample before;
};

/* What is to be written: bytes of blocks. */
struct work {
	struct work *next;
	uint32_t begin; /* of a new segment: its first minute; 0: the same as before */
	uint32_t minute;
	size_t n;
	uint8_t *bytes;
};

struct samples {
	char *folder;
	/* main */
	void *tree; /* struct known, by name */
	struct known *known;
	uint32_t segment, day, places;
	uint32_t minute;
	struct sample_place *place; /* the row under way */
	size_t place_room;
	char *names; /* of new places */
	size_t names_used, names_room;
	uint32_t n_names;

	pthread_t writer;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t changed;
	struct work *first, **last;
	unsigned waiting;
	uint64_t lost;
	bool busy, quit, failed; /* failed: another segment is to begin */
	int fd;			 /* the writer's */
};

const char *sample_field_name(enum sample_field f)
{
	static const char *const names[] = {
#define SAMPLE_FIELD_NAME(id, key) key,
		SAMPLE_FIELDS(SAMPLE_FIELD_NAME)
#undef SAMPLE_FIELD_NAME
	};

	return names[f];
}

uint32_t sample_pack(uint64_t value)
{
	uint32_t shift = 0;

	for (; value >= UINT64_C(1) << 26; shift++)
		value >>= 1;
	return shift << 26 | (uint32_t)value;
}

uint64_t sample_unpack(uint32_t packed)
{
	return (uint64_t)(packed & ((1u << 26) - 1)) << (packed >> 26);
}

/* ---- the writer -------------------------------------------------------------------------- */

/* Segments whose rows are all older than the ring: the next one begins before its end. */
static void delete_old(const struct samples *s, uint32_t minute)
{
	uint32_t oldest = minute > SAMPLES_MINUTES ? minute - SAMPLES_MINUTES : 0;
	DIR *dir = opendir(s->folder);
	struct dirent *e;
	char *end;

	while (dir && (e = readdir(dir))) {
		unsigned long begin = strtoul(e->d_name, &end, 10);

		/* A segment has one day at most. */
		if (end > e->d_name && strcmp(end, SAMPLES_SUFFIX) == 0 && begin + 24 * 60 < oldest)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static int open_segment(struct samples *s, uint32_t minute)
{
	char path[512];

	if (s->fd >= 0)
		close(s->fd);
	delete_old(s, minute);
	snprintf(path, sizeof(path), "%s/%010u" SAMPLES_SUFFIX, s->folder, minute);
	/* A clock that was set back, or two starts in one minute: what was there gives way. */
	s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return s->fd < 0 ? -errno : 0;
}

static bool write_work(struct samples *s, const struct work *w)
{
	ssize_t n;

	if (w->begin && open_segment(s, w->begin) < 0)
		return false;
	if (s->fd < 0)
		return false;
	n = write(s->fd, w->bytes, w->n);
	/* A row that is cut, on a full disk, would hide all after it. */
	if (n > 0 && (size_t)n < w->n && ftruncate(s->fd, lseek(s->fd, -n, SEEK_CUR)) < 0) {
		close(s->fd);
		s->fd = -1;
	}
	return n == (ssize_t)w->n;
}

static void free_work(struct work *w)
{
	free(w->bytes);
	free(w);
}

static void *writer(void *arg)
{
	struct samples *s = arg;
	struct work *w;
	bool written;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->first && !s->quit)
			pthread_cond_wait(&s->changed, &s->lock);
		w = s->first;
		if (!w)
			break;
		s->first = w->next;
		if (!s->first)
			s->last = &s->first;
		s->waiting--;
		s->busy = true;
		pthread_mutex_unlock(&s->lock);
		written = write_work(s, w);
		free_work(w);
		pthread_mutex_lock(&s->lock);
		s->busy = false;
		s->lost += !written;
		s->failed |= !written;
		pthread_cond_broadcast(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	if (s->fd >= 0)
		close(s->fd);
	return NULL;
}

static void hand_over(struct samples *s, struct work *w)
{
	pthread_mutex_lock(&s->lock);
	if (s->waiting >= WAITING_MAX) {
		s->lost++;
		s->day = 0; /* its names are lost with it: another segment begins */
		pthread_mutex_unlock(&s->lock);
		free_work(w);
		return;
	}
	w->next = NULL;
	*s->last = w;
	s->last = &w->next;
	s->waiting++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void samples_flush(struct samples *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->first || s->busy)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

uint64_t samples_lost(const struct samples *s)
{
	return __atomic_load_n(&s->lost, __ATOMIC_RELAXED);
}

/* ---- a row ------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

static void free_known(void *p)
{
	struct known *k = p;

	free(k->name);
	free(k);
}

static struct known *find(struct samples *s, const char *name)
{
	struct known key = { .name = (char *)(uintptr_t)name }, *k;
	void **node = tsearch(&key, &s->tree, by_name);

	if (!node)
		return NULL;
	if (*node != &key)
		return *node;
	k = calloc(1, sizeof(*k));
	if (k)
		k->name = strdup(name);
	if (!k || !k->name) {
		tdelete(&key, &s->tree, by_name);
		free(k);
		return NULL;
	}
	*node = k;
	k->next = s->known;
	s->known = k;
	return k;
}

static bool grow(void *array, size_t *room, size_t need, size_t size)
{
	size_t more = *room * 2 > need ? *room * 2 : need;
	void *v;

	if (need <= *room)
		return true;
	v = reallocarray(*(void **)array, more, size);
	if (!v)
		return false;
	memset((uint8_t *)v + *room * size, 0, (more - *room) * size);
	*(void **)array = v;
	*room = more;
	return true;
}

static bool give_place(struct samples *s, struct known *k)
{
	size_t len = strlen(k->name) + 1;

	if (!grow(&s->place, &s->place_room, s->places + 1, sizeof(*s->place)) ||
	    !grow(&s->names, &s->names_room, s->names_used + len, 1))
		return false;
	memcpy(s->names + s->names_used, k->name, len);
	s->names_used += len;
	s->n_names++;
	k->segment = s->segment;
	k->place = s->places++;
	return true;
}

/* Tunnels that were in no row of the segment before were deleted. Should one come back, it begins
 * as a new one does. */
static void forget_deleted(struct samples *s)
{
	struct known **at = &s->known, *k;

	while ((k = *at) != NULL) {
		if (k->segment + 1 >= s->segment) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		tdelete(k, &s->tree, by_name);
		free_known(k);
	}
}

void samples_begin(struct samples *s, uint32_t minute)
{
	uint32_t day = minute / (24 * 60) + 1;
	bool failed;

	pthread_mutex_lock(&s->lock);
	failed = s->failed;
	s->failed = false;
	pthread_mutex_unlock(&s->lock);
	if (failed || day != s->day) {
		s->day = day;
		s->segment++;
		s->places = 0;
		forget_deleted(s);
	}
	s->minute = minute;
	s->names_used = 0;
	s->n_names = 0;
	if (s->places > 0)
		memset(s->place, 0, s->places * sizeof(*s->place));
}

int samples_add(struct samples *s, const char *tunnel, const struct sample *counters)
{
	struct known *k = find(s, tunnel);
	struct sample_place *p;

	if (!k || (k->segment != s->segment && !give_place(s, k)))
		return -ENOMEM;
	p = &s->place[k->place];
	for (unsigned i = 0; i < SAMPLE_FIELD_COUNT; i++) {
		uint64_t now = counters->v[i], was = k->before.v[i];

		p->packed[i] = sample_pack(now >= was ? now - was : now);
	}
	p->check = samples_place_check(p, s->minute, k->place);
	k->before = *counters;
	return 0;
}

static uint8_t *put_block(uint8_t *at, struct samples_block b, const void *payload)
{
	b.magic = SAMPLES_MAGIC;
	b.check = samples_block_check(&b);
	if (b.kind == SAMPLES_NAMES)
		b.check = samples_check(b.check, payload, b.bytes);
	memcpy(at, &b, sizeof(b));
	if (b.bytes > 0)
		memcpy(at + sizeof(b), payload, b.bytes);
	return at + sizeof(b) + b.bytes;
}

void samples_end(struct samples *s)
{
	struct samples_block names = { .kind = SAMPLES_NAMES,
				       .minute = s->places - s->n_names,
				       .count = s->n_names,
				       .bytes = (uint32_t)s->names_used };
	struct samples_block row = { .kind = SAMPLES_ROW,
				     .minute = s->minute,
				     .count = s->places,
				     .bytes = (uint32_t)(s->places * sizeof(*s->place)) };
	struct work *w;
	uint8_t *at;

	if (s->places == 0)
		return;
	w = calloc(1, sizeof(*w));
	if (w)
		w->bytes = malloc(2 * sizeof(row) + names.bytes + row.bytes);
	if (!w || !w->bytes) {
		free(w);
		s->day = 0; /* the names are not in the file: another one begins */
		return;
	}
	w->minute = s->minute;
	if (s->n_names == s->places)
		w->begin = s->minute;
	at = w->bytes;
	if (s->n_names > 0)
		at = put_block(at, names, s->names);
	at = put_block(at, row, s->place);
	w->n = (size_t)(at - w->bytes);
	hand_over(s, w);
}

/* ---- face -------------------------------------------------------------------------------- */

int samples_new(struct samples **out, const char *folder)
{
	struct samples *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s)
		return rc;
	s->fd = -1;
	s->last = &s->first;
	s->folder = strdup(folder);
	if (!s->folder)
		goto out;
	rc = mkdir(folder, 0700) < 0 && errno != EEXIST ? -errno : 0;
	if (rc < 0)
		goto out;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	rc = -pthread_create(&s->writer, NULL, writer, s);
	if (rc == 0) {
		pthread_setname_np(s->writer, "samples");
		*out = s;
		return 0;
	}
out:
	free(s->folder);
	free(s);
	return rc;
}

void samples_free(struct samples *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->writer, NULL);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	tdestroy(s->tree, free_known);
	free(s->place);
	free(s->names);
	free(s->folder);
	free(s);
}
