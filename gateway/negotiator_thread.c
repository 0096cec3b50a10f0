#include "gateway/negotiator_thread.h"

#include "conf/rights.h"
#include "gateway/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_US (2 * 1000) /* while a ring is full */
#define BURSTS	 16	    /* of packets, before other work gets its turn */

_Static_assert((int)IKE_TS_MAX == (int)DATAPLANE_SELECTORS, "selectors are copied one to one");

/* ---- what the engine calls --------------------------------------------------------------- */

static void tell(struct negotiator *n, const struct from_negotiator *m)
{
	if (channel_send(n->from, m) < 0)
		n->events_lost++;
}

static void on_send(void *ctx, const struct ike_path *path, const uint8_t *data, size_t len)
{
	struct negotiator *n = ctx;

	/* A lost message is sent again by the engine's own timers. */
	if (dataplane_send_udp(n->dp, &path->local, &path->remote, data, len) < 0)
		n->send_failed++;
}

static uint32_t on_spi_alloc(void *ctx, uint32_t tunnel)
{
	struct negotiator *n = ctx;

	return dataplane_spi_alloc(n->dp, tunnel);
}

static void on_spi_free(void *ctx, uint32_t tunnel, uint32_t spi)
{
	struct negotiator *n = ctx;

	dataplane_spi_free(n->dp, tunnel, spi);
}

static unsigned copy_selectors(struct dataplane_selector *to, const struct ike_selectors *from)
{
	for (unsigned i = 0; i < from->n; i++)
		to[i] = (struct dataplane_selector){ .first = from->v[i].first,
						     .last = from->v[i].last,
						     .port_first = from->v[i].port_first,
						     .port_last = from->v[i].port_last,
						     .protocol = from->v[i].protocol };
	return from->n;
}

static void tell_rekeyed(struct negotiator *n, uint32_t tunnel, bool ike)
{
	const struct from_negotiator m = { .kind = FROM_REKEYED, .tunnel = tunnel, .ike = ike };

	tell(n, &m);
}

static int on_sa_install(void *ctx, const struct ike_child_sa *c)
{
	struct negotiator *n = ctx;
	struct dataplane_sa sa = {
		.tunnel = c->tunnel,
		.inbound = c->dir == IKE_IN,
		.spi = c->spi,
		.replaces = c->replaces,
		.beside = c->dir == IKE_OUT && !c->replaces,
		.cipher = c->cipher,
		.auth = c->auth,
		.cipher_key = c->cipher_key,
		.cipher_key_len = c->cipher_key_len,
		.auth_key = c->auth_key,
		.auth_key_len = c->auth_key_len,
		.icv_bytes = c->icv_bytes,
		.esn = c->esn,
		.udp = c->udp,
		.local = c->path.local,
		.remote = c->path.remote,
		.replay_window = c->replay_window,
		.soft_packets = c->soft_packets,
		.soft_bytes = c->soft_bytes,
		.hard_packets = c->hard_packets,
		.hard_bytes = c->hard_bytes,
	};

	int rc;

	if (n->keys)
		key_export_esp(n->keys, c);
	sa.n_local = copy_selectors(sa.sel_local, &c->local);
	sa.n_remote = copy_selectors(sa.sel_remote, &c->remote);
	rc = sa_queue_install(n->sas, &sa);
	if (rc == 0 && c->dir == IKE_OUT && c->replaces)
		tell_rekeyed(n, c->tunnel, false);
	return rc;
}

static void on_ike_rekeyed(void *ctx, uint32_t tunnel)
{
	tell_rekeyed(ctx, tunnel, true);
}

static void on_sa_remove(void *ctx, uint32_t tunnel, enum ike_direction dir, uint32_t spi)
{
	struct negotiator *n = ctx;

	sa_queue_remove(n->sas, tunnel, dir == IKE_IN, spi);
}

static void on_sa_move(void *ctx, uint32_t tunnel, uint32_t spi_out, const struct ike_path *path)
{
	struct negotiator *n = ctx;

	sa_queue_move(n->sas, tunnel, spi_out, &path->local, &path->remote);
}

static void on_keys(void *ctx, const struct ike_keys *keys)
{
	struct negotiator *n = ctx;

	if (n->keys)
		key_export_ike(n->keys, keys);
}

static uint64_t on_inbound_packets(void *ctx, uint32_t tunnel)
{
	struct negotiator *n = ctx;

	return dataplane_inbound_packets(n->dp, tunnel);
}

static void on_tunnel_state(void *ctx, uint32_t tunnel, bool up, enum ike_reason reason,
			    const char *text)
{
	struct from_negotiator m = {
		.kind = FROM_STATE, .tunnel = tunnel, .up = up, .reason = reason
	};

	snprintf(m.text, sizeof(m.text), "%s", text ? text : "");
	tell(ctx, &m);
}

static void on_event(void *ctx, uint32_t tunnel, const char *text)
{
	struct negotiator *n = ctx;
	struct from_negotiator m = { .kind = FROM_EVENT, .tunnel = tunnel };

	/* States must arrive; a log line is not worth memory while main cannot keep up. */
	if (channel_waiting(n->from)) {
		n->events_lost++;
		return;
	}
	snprintf(m.text, sizeof(m.text), "%s", text);
	tell(n, &m);
}

const struct ike_ops negotiator_engine_ops = {
	.send = on_send,
	.spi_alloc = on_spi_alloc,
	.spi_free = on_spi_free,
	.sa_install = on_sa_install,
	.sa_remove = on_sa_remove,
	.sa_move = on_sa_move,
	.inbound_packets = on_inbound_packets,
	.tunnel_state = on_tunnel_state,
	.event = on_event,
	.ike_rekeyed = on_ike_rekeyed,
	.keys = on_keys,
};

/* ---- what the workers send --------------------------------------------------------------- */

static void on_packet(void *ctx, const struct endpoint *local, const struct endpoint *remote,
		      const uint8_t *data, size_t len)
{
	struct negotiator *n = ctx;
	struct ike_path path = { .local = *local, .remote = *remote };

	ike_input(n->engine, clock_now(), &path, data, len);
}

static void on_sa_used(void *ctx, uint32_t tunnel, uint32_t spi_in)
{
	struct negotiator *n = ctx;

	ike_sa_used(n->engine, clock_now(), tunnel, spi_in);
}

static void on_sa_soft_limit(void *ctx, uint32_t tunnel, uint32_t spi, bool inbound)
{
	struct negotiator *n = ctx;

	ike_sa_soft_limit(n->engine, clock_now(), tunnel, inbound ? IKE_IN : IKE_OUT, spi);
}

static void on_sa_hard_limit(void *ctx, uint32_t tunnel, uint32_t spi, bool inbound)
{
	struct negotiator *n = ctx;

	ike_sa_hard_limit(n->engine, clock_now(), tunnel, inbound ? IKE_IN : IKE_OUT, spi);
}

static void on_tunnel_wanted(void *ctx, uint32_t tunnel)
{
	struct negotiator *n = ctx;

	ike_tunnel_wanted(n->engine, clock_now(), tunnel);
}

static const struct dataplane_negotiator_ops worker_ops = {
	.packet = on_packet,
	.sa_used = on_sa_used,
	.sa_soft_limit = on_sa_soft_limit,
	.sa_hard_limit = on_sa_hard_limit,
	.tunnel_wanted = on_tunnel_wanted,
};

/* ---- what main asks ---------------------------------------------------------------------- */

static void view_tunnel(struct negotiator *n, uint32_t tunnel, struct tunnel_snapshot *s)
{
	memset(s, 0, sizeof(*s));
	s->known = ike_tunnel_view(n->engine, tunnel, &s->ike) == 0;
	for (unsigned i = 0; s->known && i < s->ike.n_children; i++) {
		const struct ike_child_view *c = &s->ike.child[i];

		dataplane_sa_stats(n->dp, tunnel, true, c->spi_in, &s->in[i]);
		dataplane_sa_stats(n->dp, tunnel, false, c->spi_out, &s->out[i]);
	}
}

static void view(struct negotiator *n, struct negotiator_ask *ask)
{
	for (unsigned i = 0; i < IKE_COUNTER_COUNT; i++)
		ask->counter[i] = ike_counter(n->engine, i);
	ask->sa_delayed = sa_queue_delayed(n->sas);
	ask->messages_delayed = channel_full(n->from);
	ask->send_failed = n->send_failed;
	ask->events_lost = n->events_lost;
	for (uint32_t i = 0; i < ask->count; i++)
		view_tunnel(n, ask->first + i, &ask->tunnel[i]);
}

static void answer(struct negotiator *n, struct negotiator_ask *ask)
{
	struct from_negotiator m = { .kind = FROM_ANSWER, .ask = ask };

	ask->now = clock_now();
	ask->result = 0;
	switch (ask->kind) {
	case ASK_VIEW:
		view(n, ask);
		break;
	case ASK_ENABLE:
		ask->result = ike_tunnel_enable(n->engine, ask->now, ask->first);
		break;
	case ASK_DISABLE:
		ask->result = ike_tunnel_disable(n->engine, ask->now, ask->first);
		break;
	case ASK_REKEY_CHILD:
		ask->result = ike_rekey_child(n->engine, ask->now, ask->first);
		break;
	case ASK_REKEY_IKE:
		ask->result = ike_rekey_ike(n->engine, ask->now, ask->first);
		break;
	case ASK_HISTORY:
		ask->result = ike_tunnel_history(n->engine, ask->first, &ask->history);
		break;
	}
	tell(n, &m);
}

void negotiator_forget_conf(struct conf_tunnel *t)
{
	if (t)
		conf_tunnel_clear(t);
	free(t);
}

/* Adds it, or changes the one that is there. */
static void add(struct negotiator *n, bool change, uint32_t tunnel, struct conf_tunnel *t)
{
	int rc = (change ? ike_tunnel_change : ike_tunnel_add)(n->engine, clock_now(), tunnel, t);

	if (rc < 0)
		on_tunnel_state(n, tunnel, false, IKE_REASON_NO_RESOURCES,
				rc == -ENOMEM ? "out of memory"
					      : "the IKE engine refused the tunnel");
	negotiator_forget_conf(t);
}

static void remove_tunnel(struct negotiator *n, uint32_t tunnel)
{
	struct leaving *v = reallocarray(n->leaving, n->n_leaving + 1, sizeof(*v));

	ike_tunnel_remove(n->engine, clock_now(), tunnel);
	if (!v) { /* its number is never free again */
		on_event(n, tunnel, "out of memory");
		return;
	}
	n->leaving = v;
	n->leaving[n->n_leaving++] = (struct leaving){ .tunnel = tunnel };
}

/* Tells main of those whose last SA is gone. */
static void say_removed(struct negotiator *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n_leaving; i++) {
		struct leaving l = n->leaving[i];
		struct from_negotiator m = { .kind = FROM_REMOVED, .tunnel = l.tunnel };

		if (!l.ordered && !sa_queue_waiting(n->sas)) {
			l.ordered = true;
			l.mark = dataplane_order_mark(n->dp, l.tunnel);
		}
		if (l.ordered && dataplane_order_reached(n->dp, l.tunnel, l.mark))
			tell(n, &m);
		else
			n->leaving[kept++] = l;
	}
	n->n_leaving = kept;
}

static void receive(struct negotiator *n)
{
	struct to_negotiator m;

	channel_clear(n->to);
	while (channel_receive(n->to, &m)) {
		switch (m.kind) {
		case TO_ADD:
		case TO_CHANGE:
			add(n, m.kind == TO_CHANGE, m.tunnel, m.conf);
			break;
		case TO_ENABLE:
			ike_tunnel_enable(n->engine, clock_now(), m.tunnel);
			break;
		case TO_DISABLE:
			ike_tunnel_disable(n->engine, clock_now(), m.tunnel);
			break;
		case TO_REFRESH:
			sa_queue_refresh(n->sas, m.tunnel);
			break;
		case TO_REMOVE:
			remove_tunnel(n, m.tunnel);
			break;
		case TO_ASK:
			answer(n, m.ask);
			break;
		case TO_STOP:
			n->stopping = true;
			ike_stop(n->engine, clock_now());
			break;
		}
	}
}

/* ---- the thread -------------------------------------------------------------------------- */

void negotiator_install_failed(void *ctx, uint32_t tunnel, int error)
{
	struct negotiator *n = ctx;
	char text[96];
	uint32_t *v;

	snprintf(text, sizeof(text), "the workers refused an SA: %s; negotiating anew",
		 strerror(-error));
	on_event(n, tunnel, text);
	v = reallocarray(n->rebuild, n->n_rebuild + 1, sizeof(*v));
	if (!v)
		return;
	n->rebuild = v;
	n->rebuild[n->n_rebuild++] = tunnel;
}

/* An SA that had to wait may be refused when its tunnel was disabled meanwhile, and stays so. */
static bool is_disabled(const struct negotiator *n, uint32_t tunnel)
{
	struct ike_tunnel_view v;

	return ike_tunnel_view(n->engine, tunnel, &v) < 0 || v.reason == IKE_REASON_DISABLED;
}

static void rebuild(struct negotiator *n)
{
	for (size_t i = 0; i < n->n_rebuild; i++) {
		if (n->stopping || is_disabled(n, n->rebuild[i]))
			continue;
		ike_tunnel_disable(n->engine, clock_now(), n->rebuild[i]);
		ike_tunnel_enable(n->engine, clock_now(), n->rebuild[i]);
	}
	n->n_rebuild = 0;
}

static bool take_packets(struct negotiator *n)
{
	for (unsigned i = 0; i < BURSTS; i++)
		if (!dataplane_negotiator_poll(n->dp, &worker_ops, n))
			return false;
	return true;
}

static void sleep_until(struct negotiator *n, uint64_t deadline)
{
	struct pollfd fds[] = {
		{ .fd = channel_fd(n->to), .events = POLLIN },
		{ .fd = dataplane_negotiator_fd(n->dp), .events = POLLIN },
	};
	uint64_t now = clock_now(), left = deadline > now ? deadline - now : 0;
	struct timespec ts = { .tv_sec = (time_t)(left / CLOCK_SECOND),
			       .tv_nsec = (long)(left % CLOCK_SECOND) * 1000 };

	ppoll(fds, 2, deadline == IKE_NEVER ? NULL : &ts, NULL);
}

void *negotiator_thread(void *arg)
{
	struct negotiator *n = arg;
	struct from_negotiator stopped = { .kind = FROM_STOPPED };

	rights_none();
	if (dataplane_negotiator_register(n->dp) < 0)
		on_event(n, UINT32_MAX, "the dataplane did not register the negotiator's thread");
	while (!atomic_load_explicit(&n->quit, memory_order_acquire)) {
		uint64_t deadline;
		bool more;

		receive(n);
		more = take_packets(n);
		if (ike_next_deadline(n->engine) <= clock_now())
			ike_tick(n->engine, clock_now());
		sa_queue_flush(n->sas);
		rebuild(n);
		say_removed(n);
		channel_flush(n->from);
		if (n->stopping && !n->stopped && ike_stopped(n->engine) &&
		    !sa_queue_waiting(n->sas)) {
			n->stopped = true;
			tell(n, &stopped);
		}
		if (more)
			continue;
		deadline = ike_next_deadline(n->engine);
		if (channel_waiting(n->from) || sa_queue_waiting(n->sas)) {
			uint64_t soon = clock_now() + RETRY_US;

			deadline = deadline < soon ? deadline : soon;
		}
		sleep_until(n, deadline);
	}
	dataplane_negotiator_unregister(n->dp);
	return NULL;
}
