#include "gateway/capture_file.h"

#include "gateway/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAP_NANOSECONDS 1000000
#define BUFFER_BYTES	(256 * 1024)
#define AT_ONCE		256 /* packets between two looks at the flags */

typedef char name[CONF_NAME_BYTES];

struct capture_file {
	/* constant while the thread runs */
	FILE *out;
	struct capture *capture;
	unsigned what, n_tunnels;
	uint64_t count;
	name *tunnel;
	pthread_t thread;
	bool started;

	_Atomic bool finish; /* main: w; thread: ro */
	_Atomic bool full;   /* thread: w; main: ro */
	/* thread: rw; main: after it ended */
	uint64_t packets, last;
	int error;
};

static FILE *create(const char *path, int *rc)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	*rc = out ? 0 : -errno;
	if (fd >= 0 && !out) {
		close(fd);
		unlink(path);
	}
	if (out)
		setvbuf(out, NULL, _IOFBF, BUFFER_BYTES);
	return out;
}

static void declare_interfaces(FILE *out, const struct capture_file_setup *s)
{
	if (s->what & CAPTURE_FRAMES)
		for (unsigned i = 0; i < s->n_ports; i++)
			pcapng_interface(out, PCAPNG_ETHERNET, s->port(s->ctx, i), s->snaplen);
	else {
		pcapng_interface(out, PCAPNG_RAW_IP, "inner", s->snaplen);
		pcapng_interface(out, PCAPNG_RAW_IP, "outer", s->snaplen);
	}
}

int capture_file_new(struct capture_file **out, const struct capture_file_setup *s)
{
	struct capture_file *f = calloc(1, sizeof(*f));
	int rc = -ENOMEM;

	if (!f)
		return rc;
	f->what = s->what;
	f->count = s->count;
	f->n_tunnels = s->n_tunnels;
	f->tunnel = calloc(s->n_tunnels + 1, sizeof(f->tunnel[0]));
	if (!f->tunnel)
		goto fail;
	for (unsigned i = 0; i < s->n_tunnels; i++)
		snprintf(f->tunnel[i], sizeof(f->tunnel[i]), "%s", s->tunnel(s->ctx, i));
	f->out = create(s->path, &rc);
	if (!f->out)
		goto fail;
	pcapng_begin(f->out, "isthmus " ISTHMUS_VERSION);
	declare_interfaces(f->out, s);
	*out = f;
	return 0;
fail:
	capture_file_free(f);
	return rc;
}

void capture_file_free(struct capture_file *f)
{
	if (!f)
		return;
	if (f->out)
		fclose(f->out);
	free(f->tunnel);
	free(f);
}

static void write_packet(struct capture_file *f, const struct capture_packet *p)
{
	char comment[CONF_NAME_BYTES + 32] = "";
	struct pcapng_packet to = { .nanoseconds = p->nanoseconds,
				    .len = p->len,
				    .caplen = p->caplen,
				    .out = p->out,
				    .data = p->data };

	if (p->what == CAPTURE_FRAMES)
		to.interface = p->port;
	else
		to.interface = p->what == CAPTURE_OUTER;
	if (p->tunnel < f->n_tunnels)
		snprintf(comment, sizeof(comment), "tunnel %s, %s", f->tunnel[p->tunnel],
			 p->out ? "out" : "in");
	else if (p->what != CAPTURE_FRAMES)
		snprintf(comment, sizeof(comment), "no tunnel, %s", p->out ? "out" : "in");
	to.comment = comment[0] ? comment : NULL;
	pcapng_packet(f->out, &to);
	f->packets++;
	f->last = p->nanoseconds;
}

/* What comes beyond the limit is taken as well, and forgotten. Returns how many came. */
static unsigned take(struct capture_file *f)
{
	struct capture_packet p;
	unsigned n = 0;

	while (n < AT_ONCE && dataplane_capture_next(f->capture, &p)) {
		n++;
		if (atomic_load(&f->full))
			continue;
		write_packet(f, &p);
		if (ferror(f->out))
			f->error = -(errno ? errno : EIO);
		if (f->error || f->packets == f->count)
			atomic_store(&f->full, true);
	}
	return n;
}

static void *run(void *ctx)
{
	static const struct timespec nap = { .tv_nsec = NAP_NANOSECONDS };
	struct capture_file *f = ctx;

	for (;;) {
		bool last = atomic_load(&f->finish);

		if (take(f))
			continue;
		if (last)
			return NULL;
		nanosleep(&nap, NULL);
	}
}

int capture_file_start(struct capture_file *f, struct capture *c)
{
	int rc;

	f->capture = c;
	rc = pthread_create(&f->thread, NULL, run, f);
	f->started = rc == 0;
	return -rc;
}

bool capture_file_full(const struct capture_file *f)
{
	return atomic_load(&f->full);
}

int capture_file_finish(struct capture_file *f, uint64_t *packets, uint64_t *bytes)
{
	uint64_t matched = 0, lost = 0;
	long size;
	int rc;

	atomic_store(&f->finish, true);
	if (f->started)
		pthread_join(f->thread, NULL);
	if (f->capture)
		dataplane_capture_counts(f->capture, &matched, &lost);
	pcapng_statistics(f->out, f->last, matched, lost);
	size = ftell(f->out);
	rc = f->error;
	if (fclose(f->out) != 0 && rc == 0)
		rc = -errno;
	f->out = NULL;
	*packets = f->packets;
	*bytes = size > 0 ? (uint64_t)size : 0;
	return rc;
}
