#include "ike/core.h"

#include "ike/child.h"
#include "ike/natt.h"
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "ike/v1/exchange.h"
#include "ike/v2/exchange.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *ike_reason_name(enum ike_reason r)
{
	static const char *const names[IKE_REASON_COUNT] = {
		[IKE_REASON_NONE] = "none",
		[IKE_REASON_NEGOTIATING] = "negotiating",
		[IKE_REASON_DISABLED] = "disabled",
		[IKE_REASON_WAITING] = "waiting",
		[IKE_REASON_NO_ANSWER] = "no-answer",
		[IKE_REASON_NO_PROPOSAL] = "no-proposal",
		[IKE_REASON_AUTH_FAILED] = "authentication-failed",
		[IKE_REASON_TS_UNACCEPTABLE] = "ts-unacceptable",
		[IKE_REASON_DPD_TIMEOUT] = "dpd-timeout",
		[IKE_REASON_PEER_DELETED] = "peer-deleted",
		[IKE_REASON_PEER_ERROR] = "peer-error",
		[IKE_REASON_VERSION] = "other-version",
		[IKE_REASON_LIFETIME] = "lifetime",
		[IKE_REASON_NO_RESOURCES] = "no-resources",
	};

	return (unsigned)r < IKE_REASON_COUNT ? names[r] : "unknown";
}

const char *ike_counter_name(enum ike_counter c)
{
	static const char *const names[IKE_COUNTER_COUNT] = {
#define IKE_COUNTER_NAME(name, key, text) [IKE_COUNT_##name] = key,
		IKE_COUNTERS(IKE_COUNTER_NAME)
#undef IKE_COUNTER_NAME
	};

	return (unsigned)c < IKE_COUNTER_COUNT ? names[c] : "unknown";
}

uint64_t ike_counter(const struct ike_engine *e, enum ike_counter c)
{
	return (unsigned)c < IKE_COUNTER_COUNT ? e->counter[c] : 0;
}

void ike_count(struct ike_engine *e, enum ike_counter c)
{
	e->counter[c]++;
}

void ike_random(struct ike_engine *e, void *buf, size_t len)
{
	if (e->ops->random)
		e->ops->random(e->ctx, buf, len);
	else
		randombytes_buf(buf, len);
}

uint64_t ike_random_u64(struct ike_engine *e)
{
	uint64_t v;

	ike_random(e, &v, sizeof(v));
	return v;
}

ike_time ike_random_between(struct ike_engine *e, ike_time low, ike_time high)
{
	return high > low ? low + ike_random_u64(e) % (high - low + 1) : low;
}

void ike_rekeyed(struct ike_engine *e, uint32_t tunnel)
{
	if (e->ops->ike_rekeyed)
		e->ops->ike_rekeyed(e->ctx, tunnel);
}

void ike_log(struct ike_engine *e, uint32_t tunnel, const char *fmt, ...)
{
	char text[512];
	struct ike_tunnel *t;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	t = ike_tunnel_find(e, tunnel);
	if (t)
		ike_tunnel_note(t, true, "%s", text);
	e->ops->event(e->ctx, tunnel, text);
}

bool ike_path_equal(const struct ike_path *a, const struct ike_path *b)
{
	return a->local.port == b->local.port && a->remote.port == b->remote.port &&
	       addr_equal(&a->local.addr, &b->local.addr) &&
	       addr_equal(&a->remote.addr, &b->remote.addr);
}

struct ike_packet *ike_packet_new(const void *message, size_t n)
{
	struct ike_packet *p = malloc(sizeof(*p) + IKE_MARKER_BYTES + n);

	if (!p)
		return NULL;
	p->next = NULL;
	p->n = n;
	memset(p->bytes, 0, IKE_MARKER_BYTES);
	memcpy(p->bytes + IKE_MARKER_BYTES, message, n);
	return p;
}

void ike_packet_free(struct ike_packet *p)
{
	while (p) {
		struct ike_packet *next = p->next;

		free(p);
		p = next;
	}
}

void ike_send(struct ike_engine *e, const struct ike_path *path, const struct ike_packet *p)
{
	size_t skip = path->local.port == IKE_PORT_NATT ? 0 : IKE_MARKER_BYTES;

	for (; p; p = p->next) {
		ike_count(e, IKE_COUNT_TX);
		e->ops->send(e->ctx, path, p->bytes + skip, p->n + IKE_MARKER_BYTES - skip);
	}
}

struct ike_engine *ike_engine_new(const struct ike_ops *ops, void *ctx)
{
	struct ike_engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->ops = ops;
	e->ctx = ctx;
	return e;
}

static struct ike_tunnel *any_tunnel(const struct ike_engine *e)
{
	struct ike_node *node = ike_map_any(&e->tunnels);

	return node ? (struct ike_tunnel *)((char *)node - offsetof(struct ike_tunnel, by_index))
		    : NULL;
}

static void forget_children(struct ike_tunnel *t)
{
	struct ike_timers *timers = &t->engine->timers;
	struct ike_child *c;
	struct ike_lingering *l;

	while ((c = TAILQ_FIRST(&t->children))) {
		TAILQ_REMOVE(&t->children, c, link);
		ike_timer_cancel(timers, &c->rekey);
		ike_timer_cancel(timers, &c->expire);
		ike_timer_cancel(timers, &c->turn);
		ike_traffic_put(&t->engine->traffic, c->traffic);
		secret_free(c->out_key);
		free(c);
	}
	while ((l = LIST_FIRST(&t->lingering))) {
		LIST_REMOVE(l, link);
		ike_timer_cancel(timers, &l->timer);
		free(l);
	}
}

void ike_engine_free(struct ike_engine *e)
{
	struct ike_tunnel *t;
	struct ike_sa *sa;

	if (!e)
		return;
	LIST_FOREACH(sa, &e->sas, all)
	ike_request_clear(sa);
	while ((sa = LIST_FIRST(&e->sas)))
		ike_sa_free(sa);
	while ((t = any_tunnel(e))) {
		forget_children(t);
		ike_tunnel_free(t);
	}
	ike_map_clear(&e->tunnels);
	ike_map_clear(&e->addresses);
	ike_map_clear(&e->spis);
	ike_map_clear(&e->traffic);
	free(e->callers);
	sodium_memzero(e, sizeof(*e));
	free(e);
}

void ike_settle(struct ike_engine *e)
{
	struct ike_tunnel *t;
	struct ike_sa *sa;

	while (!LIST_EMPTY(&e->stirred) || !LIST_EMPTY(&e->attention)) {
		while ((t = LIST_FIRST(&e->stirred))) {
			LIST_REMOVE(t, stirred);
			t->is_stirred = false;
			ike_tunnel_look(t);
		}
		while ((sa = LIST_FIRST(&e->attention))) {
			LIST_REMOVE(sa, attention);
			sa->attended = false;
			if (sa->state == IKE_STATE_DEAD)
				ike_sa_free(sa);
			else if (sa->v1)
				ike_v1_next(sa);
			else
				ike_exchange_next(sa);
		}
	}
}

int ike_tunnel_add(struct ike_engine *e, ike_time now, uint32_t tunnel, const struct conf_tunnel *t)
{
	int rc;

	e->now = now;
	rc = ike_tunnel_new(e, tunnel, t);
	ike_settle(e);
	return rc;
}

int ike_tunnel_remove(struct ike_engine *e, ike_time now, uint32_t tunnel)
{
	struct ike_tunnel *t = ike_tunnel_find(e, tunnel);

	if (!t)
		return -ENOENT;
	e->now = now;
	ike_tunnel_halt(t);
	ike_settle(e);
	ike_tunnel_free(t);
	return 0;
}

int ike_tunnel_change(struct ike_engine *e, ike_time now, uint32_t tunnel,
		      const struct conf_tunnel *conf)
{
	struct ike_tunnel *t = ike_tunnel_find(e, tunnel);
	struct ike_settings copy;
	int rc;

	if (!t)
		return -ENOENT;
	rc = ike_tunnel_may_become(t, conf);
	if (rc == 0)
		rc = ike_settings_copy(&copy, conf);
	if (rc < 0)
		return rc;
	e->now = now;
	ike_tunnel_halt(t);
	if (conf->enabled)
		ike_tunnel_because(t, IKE_REASON_NEGOTIATING, "its configuration changed");
	ike_settle(e);
	ike_tunnel_become(t, &copy);
	if (conf->enabled)
		ike_tunnel_start(t);
	ike_settle(e);
	return 0;
}

int ike_tunnel_enable(struct ike_engine *e, ike_time now, uint32_t tunnel)
{
	struct ike_tunnel *t = ike_tunnel_find(e, tunnel);

	if (!t)
		return -ENOENT;
	e->now = now;
	ike_tunnel_start(t);
	ike_settle(e);
	return 0;
}

int ike_tunnel_disable(struct ike_engine *e, ike_time now, uint32_t tunnel)
{
	struct ike_tunnel *t = ike_tunnel_find(e, tunnel);

	if (!t)
		return -ENOENT;
	e->now = now;
	ike_tunnel_halt(t);
	ike_settle(e);
	return 0;
}

/* Somebody speaks another version than this tunnel is to use. A newer one is told which we have
 * (RFC 7296 §1.5, §2.5); so is a call in IKEv2 where only IKEv1 is configured. */
static void other_version(struct ike_tunnel *t, const struct ike_path *path,
			  const struct ike_message *m)
{
	struct ike_engine *e = t->engine;
	unsigned ours = t->conf.ike_version == CONF_IKE_V1 ? 1 : 2;
	char peer[ADDR_STR_MAX];

	if (!t->enabled || e->stopping)
		return;
	if (!t->out)
		ike_tunnel_because(t, IKE_REASON_VERSION,
				   "%s speaks IKEv%u, but ike_version is v%u",
				   ike_tunnel_peer(t, peer), m->major, ours);
	if (m->major > ours && !m->response && ike_bucket_take(&t->bucket, e->now, IKE_SECOND, 5))
		ike_init_refuse_version(e, path, m, ours);
}

/* In the order of what a check costs: length and version, then whether anybody here knows the
 * source, then whether the SPIs are ours. Only then is anything decoded. */
static void input(struct ike_engine *e, const struct ike_path *path, struct view v)
{
	struct ike_message m;
	struct ike_tunnel *t;
	struct ike_sa *sa;

	ike_count(e, IKE_COUNT_RX);
	if (v.n > IKE_MESSAGE_MAX || (path->local.port == IKE_PORT_NATT && !ike_marker_take(&v)) ||
	    ike_message_header(&m, v) < 0) {
		ike_count(e, IKE_COUNT_MALFORMED);
		return;
	}
	t = ike_tunnel_by_path(e, path);
	if (m.major != (t && t->conf.ike_version == CONF_IKE_V1 ? 1 : 2)) {
		ike_count(e, t || m.major > 2 ? IKE_COUNT_BAD_VERSION : IKE_COUNT_NO_TUNNEL);
		if (t)
			other_version(t, path, &m);
		return;
	}
	if (m.major == 1) {
		memcpy(e->rx, v.p, v.n);
		ike_v1_input(e, t, path, &m, e->rx, v.n);
		return;
	}
	if (m.exchange == IKE_SA_INIT && !m.response) {
		if (!t || !t->enabled || e->stopping)
			ike_count(e, IKE_COUNT_NO_TUNNEL);
		else if (m.id || !m.from_initiator || !m.spi_i || m.spi_r)
			ike_count(e, IKE_COUNT_MALFORMED);
		else
			ike_init_answer(t, path, &m, v.p, v.n);
		return;
	}
	sa = ike_sa_find(e, m.from_initiator ? m.spi_r : m.spi_i);
	if (!t && !(sa && !sa->tunnel)) {
		ike_count(e, IKE_COUNT_NO_TUNNEL);
		return;
	}
	if (!sa || sa->initiator == m.from_initiator || m.spi_i != sa->spi_i ||
	    (m.spi_r != sa->spi_r && sa->state != IKE_STATE_CONNECTING) ||
	    (sa->tunnel && sa->tunnel != t)) {
		ike_count(e, IKE_COUNT_NO_SA);
		return;
	}
	memcpy(e->rx, v.p, v.n);
	ike_exchange_input(sa, path, &m, e->rx, v.n);
}

void ike_input(struct ike_engine *e, ike_time now, const struct ike_path *path, const uint8_t *data,
	       size_t len)
{
	struct view v = { data, len };

	e->now = now;
	if (ike_is_keepalive(v))
		return;
	input(e, path, v);
	ike_settle(e);
}

void ike_tick(struct ike_engine *e, ike_time now)
{
	struct ike_timer *t;

	e->now = now;
	while ((t = ike_timers_take(&e->timers, now))) {
		t->fire(e, t);
		ike_settle(e);
	}
}

ike_time ike_next_deadline(const struct ike_engine *e)
{
	return ike_timers_next(&e->timers);
}

void ike_sa_used(struct ike_engine *e, ike_time now, uint32_t tunnel, uint32_t spi_in)
{
	struct ike_tunnel *t = ike_tunnel_find(e, tunnel);
	struct ike_child *c = t ? ike_child_by_in(t, spi_in) : NULL;

	e->now = now;
	if (c && (!c->ours || c->sa->v1) && !c->redundant)
		ike_child_switch(c);
	if (c && c->sa->v1)
		ike_v1_child_used(c);
	ike_settle(e);
}

static struct ike_child *child_of(struct ike_engine *e, uint32_t tunnel, enum ike_direction dir,
				  uint32_t spi)
{
	struct ike_tunnel *t = ike_tunnel_find(e, tunnel);

	if (!t)
		return NULL;
	return dir == IKE_IN ? ike_child_by_in(t, spi) : ike_child_by_out(t, spi);
}

void ike_sa_soft_limit(struct ike_engine *e, ike_time now, uint32_t tunnel, enum ike_direction dir,
		       uint32_t spi)
{
	struct ike_child *c = child_of(e, tunnel, dir, spi);

	e->now = now;
	if (c)
		ike_child_rekey_now(c);
	ike_settle(e);
}

void ike_sa_hard_limit(struct ike_engine *e, ike_time now, uint32_t tunnel, enum ike_direction dir,
		       uint32_t spi)
{
	struct ike_child *c = child_of(e, tunnel, dir, spi);

	e->now = now;
	if (c)
		ike_child_expire(c, "the child SA's limit of packets or bytes was reached before a "
				    "rekey succeeded");
	ike_settle(e);
}

void ike_tunnel_wanted(struct ike_engine *e, ike_time now, uint32_t tunnel)
{
	struct ike_tunnel *t = ike_tunnel_find(e, tunnel);

	e->now = now;
	if (t)
		ike_tunnel_demand(t);
	ike_settle(e);
}

int ike_rekey_child(struct ike_engine *e, ike_time now, uint32_t tunnel)
{
	struct ike_tunnel *t = ike_tunnel_find(e, tunnel);
	struct ike_child *c;

	if (!t)
		return -ENOENT;
	c = t->out;
	if (!c || c->replaced || c->want_rekey || c->want_delete ||
	    c->sa->request.errand != IKE_ERRAND_NONE || !ike_sa_usable(c->sa))
		return -EAGAIN;
	e->now = now;
	c->want_rekey = true;
	ike_sa_attend(c->sa);
	ike_settle(e);
	return 0;
}

int ike_rekey_ike(struct ike_engine *e, ike_time now, uint32_t tunnel)
{
	struct ike_tunnel *t = ike_tunnel_find(e, tunnel);
	struct ike_sa *sa;

	if (!t)
		return -ENOENT;
	sa = ike_tunnel_current(t);
	if (!sa || sa->want_rekey || sa->request.errand != IKE_ERRAND_NONE)
		return -EAGAIN;
	e->now = now;
	sa->want_rekey = true;
	ike_sa_attend(sa);
	ike_settle(e);
	return 0;
}

void ike_stop(struct ike_engine *e, ike_time now)
{
	struct ike_sa *sa;

	e->now = now;
	e->stopping = true;
	for (size_t i = 0; i < e->tunnels.cap; i++) {
		struct ike_node *node = e->tunnels.slot[i];

		for (; node; node = node->next)
			ike_tunnel_halt(
				(struct ike_tunnel *)((char *)node -
						      offsetof(struct ike_tunnel, by_index)));
	}
	LIST_FOREACH(sa, &e->sas, all)
	ike_sa_close_swiftly(sa);
	ike_settle(e);
}

bool ike_stopped(const struct ike_engine *e)
{
	return e->stopping && LIST_EMPTY(&e->sas);
}
