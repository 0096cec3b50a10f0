#include "dataplane/tally.h"

#include "dataplane/counter.h"
#include "dataplane/sa.h"

static void add(struct tally_sum *to, const struct sa *sa)
{
	to->packets += shared_get(&sa->packets);
	to->bytes += shared_get(&sa->bytes);
	to->wire_bytes += shared_get(&sa->wire_bytes);
	to->refused += shared_get(&sa->refused);
}

static struct tally_sum sum(const struct tally *t, bool inbound)
{
	struct tally_sum s = t->gone[inbound];

	for (const struct sa *sa = t->sa[inbound]; sa; sa = sa->next)
		add(&s, sa);
	return s;
}

void tally_add(pthread_mutex_t *lock, struct tally *t, struct sa *sa, bool inbound)
{
	pthread_mutex_lock(lock);
	sa->next = t->sa[inbound];
	t->sa[inbound] = sa;
	pthread_mutex_unlock(lock);
}

void tally_remove(pthread_mutex_t *lock, struct tally *t, struct sa *sa, bool inbound)
{
	struct sa **at = &t->sa[inbound];

	pthread_mutex_lock(lock);
	while (*at != sa)
		at = &(*at)->next;
	*at = sa->next;
	add(&t->gone[inbound], sa);
	pthread_mutex_unlock(lock);
}

void tally_read(pthread_mutex_t *lock, struct tally *t, struct tally_sum *in, struct tally_sum *out)
{
	pthread_mutex_lock(lock);
	*in = sum(t, true);
	*out = sum(t, false);
	pthread_mutex_unlock(lock);
}

/* All is modulo 2^64: less than nothing, until those that live are added. */
void tally_forget(pthread_mutex_t *lock, struct tally *t)
{
	pthread_mutex_lock(lock);
	for (unsigned i = 0; i < 2; i++) {
		struct tally_sum s = sum(t, i);

		t->gone[i].packets -= s.packets;
		t->gone[i].bytes -= s.bytes;
		t->gone[i].wire_bytes -= s.wire_bytes;
		t->gone[i].refused -= s.refused;
	}
	pthread_mutex_unlock(lock);
}
