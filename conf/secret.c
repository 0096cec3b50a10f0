#include "conf/secret.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SLAB_BYTES 32768

struct slab;

/* One place in a slab. Everything of it lies in guarded memory, the links included. */
struct slot {
	struct slab *slab;
	union {
		struct slot *next_free;
		struct secret secret;
	};
};

struct slab {
	struct slab *prev, *next; /* among the slabs of the class that have a free slot */
	struct size_class *class;
	uint8_t *memory;
	struct slot *free;
	unsigned used;
};

struct size_class {
	size_t slot_bytes; /* a multiple of 16, so that every slot is aligned */
	struct slab *open; /* with a free slot */
	unsigned empty;	   /* of these, without a used one: one is kept, more are given back */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct size_class classes[] = {
	{ .slot_bytes = 32 },  { .slot_bytes = 48 },  { .slot_bytes = 80 },
	{ .slot_bytes = 160 }, { .slot_bytes = 320 }, { .slot_bytes = 1040 },
};
static size_t live;

#define SLOT_HEAD (offsetof(struct slot, secret) + offsetof(struct secret, data))
static_assert(SLOT_HEAD + SECRET_MAX <= 1040, "the last class holds the largest secret");

int secret_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

static void slab_open(struct slab *s)
{
	s->prev = NULL;
	s->next = s->class->open;
	if (s->next != NULL)
		s->next->prev = s;
	s->class->open = s;
}

static void slab_close(struct slab *s)
{
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		s->class->open = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
}

static struct slab *slab_new(struct size_class *class)
{
	struct slab *s = calloc(1, sizeof(*s));
	size_t slots = SLAB_BYTES / class->slot_bytes;

	if (s == NULL)
		return NULL;
	s->memory = sodium_malloc(slots * class->slot_bytes);
	if (s->memory == NULL) {
		free(s);
		return NULL;
	}
	sodium_memzero(s->memory, slots * class->slot_bytes);
	s->class = class;
	for (size_t i = slots; i-- > 0;) {
		struct slot *slot = (struct slot *)(s->memory + i * class->slot_bytes);

		slot->slab = s;
		slot->next_free = s->free;
		s->free = slot;
	}
	class->empty++;
	slab_open(s);
	return s;
}

static struct slot *slot_take(struct size_class *class)
{
	struct slab *s = class->open != NULL ? class->open : slab_new(class);
	struct slot *slot;

	if (s == NULL)
		return NULL;
	slot = s->free;
	s->free = slot->next_free;
	slot->next_free = NULL;
	if (s->used++ == 0)
		class->empty--;
	if (s->free == NULL)
		slab_close(s);
	live++;
	return slot;
}

static void slot_give_back(struct slot *slot)
{
	struct slab *s = slot->slab;
	struct size_class *class = s->class;

	sodium_memzero(&slot->secret, class->slot_bytes - offsetof(struct slot, secret));
	live--;
	if (s->free == NULL)
		slab_open(s);
	slot->next_free = s->free;
	s->free = slot;
	if (--s->used > 0)
		return;
	if (class->empty == 0) {
		class->empty = 1;
		return;
	}
	slab_close(s);
	sodium_free(s->memory);
	free(s);
}

struct secret *secret_new(size_t len)
{
	struct size_class *class = classes;
	struct slot *slot;

	if (len > SECRET_MAX)
		return NULL;
	while (class->slot_bytes < SLOT_HEAD + len)
		class ++;
	pthread_mutex_lock(&lock);
	slot = slot_take(class);
	pthread_mutex_unlock(&lock);
	if (slot == NULL)
		return NULL;
	slot->secret.len = (uint16_t)len;
	return &slot->secret;
}

struct secret *secret_from(const void *data, size_t len)
{
	struct secret *s = secret_new(len);

	if (s != NULL && len > 0)
		memcpy(s->data, data, len);
	return s;
}

struct secret *secret_copy(const struct secret *s)
{
	return s != NULL ? secret_from(s->data, s->len) : NULL;
}

void secret_free(struct secret *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&lock);
	slot_give_back((struct slot *)((uint8_t *)s - offsetof(struct slot, secret)));
	pthread_mutex_unlock(&lock);
}

size_t secret_live(void)
{
	size_t n;

	pthread_mutex_lock(&lock);
	n = live;
	pthread_mutex_unlock(&lock);
	return n;
}
