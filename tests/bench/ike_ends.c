#include "tests/bench/ike_ends.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *grown(void *p, size_t *cap, size_t wanted, size_t each)
{
	if (wanted <= *cap)
		return p;
	*cap = 2 * wanted;
	p = realloc(p, *cap * each);
	if (!p)
		errx(1, "no memory");
	return p;
}

static void on_send(void *ctx, const struct ike_path *path, const uint8_t *data, size_t len)
{
	struct end *from = ctx;
	struct ends_queue *q = &from->ends->end[!from->index].in[1];

	q->message = grown(q->message, &q->cap, q->n + 1, sizeof(*q->message));
	q->bytes = grown(q->bytes, &q->size, q->used + len, 1);
	q->message[q->n++] = (struct ends_message){ .path = { path->remote, path->local },
						    .at = q->used,
						    .n = len };
	memcpy(q->bytes + q->used, data, len);
	q->used += len;
	from->ends->messages++;
}

static uint32_t on_spi_alloc(void *ctx, uint32_t tunnel)
{
	return ((struct end *)ctx)->next_spi++;
}

static void on_spi_free(void *ctx, uint32_t tunnel, uint32_t spi)
{
}

static int on_sa_install(void *ctx, const struct ike_child_sa *sa)
{
	return 0;
}

static void on_sa_remove(void *ctx, uint32_t tunnel, enum ike_direction dir, uint32_t spi)
{
}

static void on_sa_move(void *ctx, uint32_t tunnel, uint32_t spi_out, const struct ike_path *path)
{
}

static uint64_t on_inbound_packets(void *ctx, uint32_t tunnel)
{
	/* Traffic all the time: nobody has to probe. */
	return ((struct end *)ctx)->ends->now;
}

static void on_tunnel_state(void *ctx, uint32_t tunnel, bool up, enum ike_reason reason,
			    const char *text)
{
	((struct end *)ctx)->up += up;
}

static void on_event(void *ctx, uint32_t tunnel, const char *text)
{
}

static const struct ike_ops ops = {
	.send = on_send,
	.spi_alloc = on_spi_alloc,
	.spi_free = on_spi_free,
	.sa_install = on_sa_install,
	.sa_remove = on_sa_remove,
	.sa_move = on_sa_move,
	.inbound_packets = on_inbound_packets,
	.tunnel_state = on_tunnel_state,
	.event = on_event,
};

void ends_open(struct ends *e)
{
	memset(e, 0, sizeof(*e));
	e->now = 1000 * IKE_SECOND;
	for (unsigned i = 0; i < ENDS; i++) {
		e->end[i] = (struct end){ .ends = e, .index = i, .next_spi = 0x10000 };
		e->end[i].engine = ike_engine_new(&ops, &e->end[i]);
		if (!e->end[i].engine)
			errx(1, "no memory");
	}
}

void ends_close(struct ends *e)
{
	for (unsigned i = 0; i < ENDS; i++) {
		ike_engine_free(e->end[i].engine);
		for (unsigned q = 0; q < 2; q++) {
			free(e->end[i].in[q].message);
			free(e->end[i].in[q].bytes);
		}
	}
}

void ends_add(struct ends *e, uint32_t from, uint32_t n, enum conf_ike_version version,
	      enum algo_dh group)
{
	struct conf_tunnel t = {
		.ike_version = version,
		.ike_cipher = { 1, { CIPHER_AES128_CBC } },
		.ike_auth = { 1, { AUTH_SHA256 } },
		.ike_dh = { 1, { group } },
		.ike_lifetime = 14400,
		.dpd = 10,
		.esp_cipher = { 1, { CIPHER_AES128_CBC } },
		.esp_auth = { 1, { AUTH_SHA256 } },
		.esp_lifetime = 3600,
		.enabled = true,
		.replay_window = 1024,
	};

	t.psk = secret_from("correct horse battery staple", 28);
	if (!t.psk)
		errx(1, "no memory");
	for (uint32_t i = from; i < from + n; i++) {
		for (unsigned end = 0; end < ENDS; end++) {
			t.cloud_ip = addr_ipv4((end ? 0x0b000000 : 0x0a000000) + i);
			t.customer_ip = addr_ipv4((end ? 0x0a000000 : 0x0b000000) + i);
			t.local_id = conf_id_address(&t.cloud_ip);
			t.remote_id = conf_id_address(&t.customer_ip);
			t.start = end ? CONF_START_RESPOND : CONF_START_INITIATE;
			if (ike_tunnel_add(e->end[end].engine, e->now, i, &t) < 0)
				errx(1, "tunnel %u was not added", i);
		}
	}
	secret_free(t.psk);
}

/* Everything that has arrived, and every timer that is due. */
static void turn(struct ends *e, struct end *end)
{
	struct ends_queue q = end->in[1];
	uint64_t began;

	end->in[1] = end->in[0];
	end->in[1].n = end->in[1].used = 0;
	began = cpu_ns();
	for (size_t i = 0; i < q.n; i++)
		ike_input(end->engine, e->now, &q.message[i].path, q.bytes + q.message[i].at,
			  q.message[i].n);
	ike_tick(end->engine, e->now);
	end->cpu_ns += cpu_ns() - began;
	end->in[0] = q;
}

void ends_run(struct ends *e, ike_time length)
{
	for (ike_time until = e->now + length; e->now < until; e->now += IKE_SECOND / 100)
		for (unsigned i = 0; i < ENDS; i++)
			turn(e, &e->end[i]);
}

void ends_settle(struct ends *e, uint32_t n)
{
	ike_time limit = e->now + 60 * IKE_SECOND;

	while (e->end[0].up < n || e->end[1].up < n || e->end[0].in[1].n || e->end[1].in[1].n) {
		if (e->now > limit)
			errx(1, "%u and %u of %u tunnels are up", e->end[0].up, e->end[1].up, n);
		ends_run(e, IKE_SECOND / 100);
	}
}

void ends_remove(struct ends *e, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++)
		for (unsigned end = 0; end < ENDS; end++)
			ike_tunnel_remove(e->end[end].engine, e->now, i);
	ends_run(e, IKE_SECOND);
	e->end[0].up = e->end[1].up = 0;
}
