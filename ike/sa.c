#include "ike/sa.h"

#include "ike/child.h"
#include "ike/natt.h"
#include "ike/ppk.h"
#include "ike/tunnel.h"
#include "ike/v1/exchange.h"
#include "ike/v2/exchange.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SA_OF(timer, member) ((struct ike_sa *)((char *)(timer)-offsetof(struct ike_sa, member)))
#define KEEPALIVE_INTERVAL   (20 * IKE_SECOND)
#define SWIFT_PATIENCE	     (2 * IKE_SECOND)
#define REPLACED_PATIENCE    (30 * IKE_SECOND)
#define DEPARTED_FOR	     (30 * IKE_SECOND)
#define DOUBT_LOW	     (3 * IKE_SECOND)
#define DOUBT_HIGH	     (6 * IKE_SECOND)

uint64_t ike_sa_own_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

static uint64_t spi_hash(uint64_t spi)
{
	return spi ^ (spi >> 32); /* our own SPIs are random */
}

struct ike_sa *ike_sa_find(struct ike_engine *e, uint64_t own_spi)
{
	struct ike_node *node = ike_map_first(&e->spis, spi_hash(own_spi));

	for (; node; node = ike_map_next(node)) {
		struct ike_sa *sa =
			(struct ike_sa *)((char *)node - offsetof(struct ike_sa, by_spi));

		if (ike_sa_own_spi(sa) == own_spi && sa->state != IKE_STATE_DEAD)
			return sa;
	}
	return NULL;
}

static void on_rekey(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa = SA_OF(t, rekey);

	sa->want_rekey = true;
	ike_sa_attend(sa);
}

static void on_expire(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa = SA_OF(t, expire);

	if (sa->tunnel && sa->state == IKE_STATE_ESTABLISHED) {
		if (!sa->redundant)
			ike_tunnel_because(sa->tunnel, IKE_REASON_LIFETIME,
					   "the IKE SA's lifetime ended before a rekey succeeded");
		sa->why = "its lifetime ended";
		ike_sa_close(sa, false);
	} else {
		ike_sa_kill(sa, false);
	}
}

static void on_guard(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa = SA_OF(t, guard);

	if (sa->v1 && ike_v1_keep(sa))
		return;
	if (sa->state == IKE_STATE_CONNECTING)
		ike_tunnel_call_within(sa->tunnel, 0, IKE_SECOND / 2);
	if (sa->state == IKE_STATE_CLOSING)
		ike_sa_kill(sa, false);
	else
		ike_sa_close(sa, true);
}

static void on_keepalive(struct ike_engine *e, struct ike_timer *t)
{
	static const uint8_t keepalive = 0xff;
	struct ike_sa *sa = SA_OF(t, keepalive);

	if (sa->state != IKE_STATE_ESTABLISHED)
		return;
	e->ops->send(e->ctx, &sa->path, &keepalive, 1);
	ike_timer_set(&e->timers, t, e->now + KEEPALIVE_INTERVAL);
}

static ike_time probe_interval(const struct ike_sa *sa)
{
	return sa->tunnel ? sa->tunnel->conf.dpd * IKE_SECOND : 0;
}

static void arm_probe(struct ike_sa *sa)
{
	struct ike_engine *e = sa->engine;
	ike_time interval = probe_interval(sa);

	if (!interval || sa->state != IKE_STATE_ESTABLISHED)
		return;
	ike_timer_set(&e->timers, &sa->probe,
		      sa->heard + interval + ike_random_between(e, 0, interval / 5));
}

static void on_probe(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa = SA_OF(t, probe);

	if (!sa->tunnel)
		return;
	/* Packets on any pair of the tunnel speak for the SA that new requests go to, no other. */
	if (sa == ike_tunnel_current(sa->tunnel) && e->ops->inbound_packets) {
		uint64_t packets = e->ops->inbound_packets(e->ctx, sa->tunnel->index);

		if (packets != sa->inbound_seen) {
			sa->inbound_seen = packets;
			sa->heard = e->now;
		}
	}
	if (e->now - sa->heard < probe_interval(sa)) {
		arm_probe(sa);
		return;
	}
	/* Another is closed soon anyway, and its peer may have forgotten it. */
	if (ike_sa_usable(sa)) {
		sa->want_probe = true;
		ike_sa_attend(sa);
	}
	ike_timer_set(&e->timers, t, e->now + probe_interval(sa));
}

struct ike_sa *ike_sa_new(struct ike_tunnel *t, bool initiator, const struct ike_path *path)
{
	struct ike_engine *e = t->engine;
	struct ike_sa *sa = calloc(1, sizeof(*sa));
	uint64_t spi;

	if (!sa)
		return NULL;
	do {
		spi = ike_random_u64(e);
	} while (!spi || ike_sa_find(e, spi));
	sa->engine = e;
	sa->tunnel = t;
	sa->tunnel_index = t->index;
	sa->initiator = initiator;
	sa->path = *path;
	sa->force_udp = t->conf.force_udp;
	sa->lifetime = t->conf.ike_lifetime;
	sa->created = sa->heard = e->now;
	sa->rekey_at = sa->expires_at = IKE_NEVER;
	ike_timer_init(&sa->rekey, on_rekey);
	ike_timer_init(&sa->expire, on_expire);
	ike_timer_init(&sa->probe, on_probe);
	ike_timer_init(&sa->keepalive, on_keepalive);
	ike_timer_init(&sa->guard, on_guard);
	ike_timer_init(&sa->request.timer, ike_exchange_on_timer);
	if (initiator)
		sa->spi_i = spi;
	else
		sa->spi_r = spi;
	if (ike_map_insert(&e->spis, &sa->by_spi, spi_hash(spi)) < 0) {
		free(sa);
		return NULL;
	}
	LIST_INSERT_HEAD(&e->sas, sa, all);
	LIST_INSERT_HEAD(&t->sas, sa, siblings);
	return sa;
}

bool ike_sa_take_spi(struct ike_sa *sa, uint64_t spi)
{
	struct ike_engine *e = sa->engine;

	if (ike_sa_find(e, spi))
		return false;
	ike_map_remove(&e->spis, &sa->by_spi);
	*(sa->initiator ? &sa->spi_i : &sa->spi_r) = spi;
	/* There is room for it, where it just was. */
	(void)ike_map_insert(&e->spis, &sa->by_spi, spi_hash(spi));
	return true;
}

static void cancel_timers(struct ike_sa *sa)
{
	struct ike_timers *h = &sa->engine->timers;

	ike_timer_cancel(h, &sa->rekey);
	ike_timer_cancel(h, &sa->expire);
	ike_timer_cancel(h, &sa->probe);
	ike_timer_cancel(h, &sa->keepalive);
	ike_timer_cancel(h, &sa->guard);
}

/* What the request was to make will not be; the message itself may still wait for its answer. */
static void request_disown(struct ike_sa *sa, struct ike_request *r)
{
	if (r->spi_in)
		sa->engine->ops->spi_free(sa->engine->ctx, sa->tunnel_index, r->spi_in);
	r->spi_in = 0;
	if (r->offspring)
		ike_sa_kill(r->offspring, false);
	r->offspring = NULL;
	ike_dh_free(r->dh);
	r->dh = NULL;
	ike_traffic_put(&sa->engine->traffic, r->traffic);
	r->traffic = NULL;
}

void ike_request_take(struct ike_sa *sa, struct ike_request *out)
{
	struct ike_request *r = &sa->request;
	struct ike_timer timer;

	ike_timer_cancel(&sa->engine->timers, &r->timer);
	*out = *r;
	timer = r->timer;
	memset(r, 0, sizeof(*r));
	r->timer = timer;
}

void ike_request_release(struct ike_sa *sa, struct ike_request *r)
{
	request_disown(sa, r);
	ike_packet_free(r->packet);
	r->packet = NULL;
}

void ike_request_clear(struct ike_sa *sa)
{
	struct ike_request r;

	ike_request_take(sa, &r);
	ike_request_release(sa, &r);
}

static void forget_init(struct ike_sa *sa)
{
	if (sa->mixed)
		ike_ppk_clear(sa->mixed);
	free(sa->mixed);
	sa->mixed = NULL;
	free(sa->init_local);
	free(sa->init_remote);
	sa->init_local = sa->init_remote = NULL;
}

static void set_state(struct ike_sa *sa, enum ike_sa_state state)
{
	if (sa->state == IKE_STATE_HALF_OPEN && state != IKE_STATE_HALF_OPEN) {
		sa->engine->half_open--;
		if (sa->tunnel)
			sa->tunnel->half_open--;
	}
	if (state == IKE_STATE_HALF_OPEN && sa->state != IKE_STATE_HALF_OPEN) {
		sa->engine->half_open++;
		sa->tunnel->half_open++;
	}
	sa->state = state;
}

void ike_sa_set_state(struct ike_sa *sa, enum ike_sa_state state)
{
	set_state(sa, state);
}

/* Its children are no longer governed by anybody: they end. The pair we send on goes last, so
 * that it hands over only to what stays. */
static void end_children(struct ike_sa *sa, bool linger)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_child *c = TAILQ_FIRST(&t->children), *next;

	for (; c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->sa == sa && c != t->out)
			ike_child_gone(c, linger);
	}
	if (t->out && t->out->sa == sa)
		ike_child_gone(t->out, linger);
}

static const char *why_ends(const struct ike_sa *sa)
{
	if (sa->redundant)
		return "it was redundant";
	if (sa->replaced)
		return "the peer has replaced it";
	if (sa->retiring)
		return "a fresh one is up";
	return sa->why ? sa->why : "it failed";
}

static void leave_tunnel(struct ike_sa *sa, bool linger)
{
	struct ike_tunnel *t = sa->tunnel;

	if (!t)
		return;
	if (sa->state == IKE_STATE_ESTABLISHED)
		ike_tunnel_note(t, true, "IKE SA %016llx ends: %s",
				(unsigned long long)ike_sa_own_spi(sa), why_ends(sa));
	ike_rekey_ike_orphaned(sa);
	end_children(sa, linger);
	LIST_REMOVE(sa, siblings);
	ike_tunnel_stir(t);
}

void ike_sa_kill(struct ike_sa *sa, bool linger)
{
	if (sa->state == IKE_STATE_DEAD)
		return;
	leave_tunnel(sa, linger);
	cancel_timers(sa);
	ike_request_clear(sa);
	if (sa->v1)
		ike_v1_forget(sa);
	set_state(sa, IKE_STATE_DEAD);
	sa->tunnel = NULL;
	ike_sa_attend(sa);
}

void ike_sa_depart(struct ike_sa *sa, bool linger)
{
	sa->why = "the peer deleted it";
	if (sa->engine->stopping) {
		ike_sa_kill(sa, linger);
		return;
	}
	leave_tunnel(sa, linger);
	cancel_timers(sa);
	ike_request_clear(sa);
	set_state(sa, IKE_STATE_REFUSED);
	sa->tunnel = NULL;
	ike_timer_set(&sa->engine->timers, &sa->guard, sa->engine->now + DEPARTED_FOR);
}

void ike_sa_close(struct ike_sa *sa, bool linger)
{
	if (sa->state == IKE_STATE_CLOSING || sa->state == IKE_STATE_DEAD)
		return;
	/* Whether the peer has it as well shows when our request is answered: its parent waits. */
	if (sa->state == IKE_STATE_OFFSPRING) {
		leave_tunnel(sa, false);
		sa->tunnel = NULL;
		return;
	}
	if (sa->v1 && sa->state == IKE_STATE_ESTABLISHED)
		ike_v1_farewell(sa); /* nobody answers it */
	if (sa->v1 || sa->state != IKE_STATE_ESTABLISHED) {
		ike_sa_kill(sa, linger);
		return;
	}
	leave_tunnel(sa, linger);
	cancel_timers(sa);
	if (sa->request.offspring)
		ike_sa_close(sa->request.offspring, false);
	else
		request_disown(sa, &sa->request);
	set_state(sa, IKE_STATE_CLOSING);
	sa->tunnel = NULL;
	ike_sa_attend(sa);
}

void ike_sa_close_swiftly(struct ike_sa *sa)
{
	struct ike_engine *e = sa->engine;

	sa->why = "the tunnel is disabled, or changed";
	if (sa->state != IKE_STATE_CLOSING)
		ike_sa_close(sa, false);
	if (sa->state != IKE_STATE_CLOSING)
		return;
	sa->swift = true;
	ike_timer_set(&e->timers, &sa->guard, e->now + SWIFT_PATIENCE);
	if (sa->request.errand != IKE_ERRAND_NONE)
		ike_timer_set(&e->timers, &sa->request.timer, e->now);
}

void ike_sa_attend(struct ike_sa *sa)
{
	if (sa->attended)
		return;
	sa->attended = true;
	LIST_INSERT_HEAD(&sa->engine->attention, sa, attention);
}

static void keys_clear(struct ike_sa_keys *k)
{
	secret_free(k->d);
	secret_free(k->ai);
	secret_free(k->ar);
	secret_free(k->ei);
	secret_free(k->er);
	secret_free(k->pi);
	secret_free(k->pr);
	*k = (struct ike_sa_keys){ 0 };
}

void ike_sa_free(struct ike_sa *sa)
{
	cancel_timers(sa);
	ike_request_clear(sa);
	if (sa->v1)
		ike_v1_free(sa);
	if (sa->attended)
		LIST_REMOVE(sa, attention);
	if (sa->tunnel)
		LIST_REMOVE(sa, siblings);
	LIST_REMOVE(sa, all);
	ike_map_remove(&sa->engine->spis, &sa->by_spi);
	keys_clear(&sa->keys);
	forget_init(sa);
	free(sa->nonce_i);
	free(sa->nonce_r);
	ike_fragments_drop(sa->engine, &sa->request_fragments);
	ike_fragments_drop(sa->engine, &sa->answer_fragments);
	ike_packet_free(sa->answer);
	sodium_memzero(sa, sizeof(*sa));
	free(sa);
}

bool ike_sa_usable(const struct ike_sa *sa)
{
	return sa->state == IKE_STATE_ESTABLISHED && !sa->replaced && !sa->redundant;
}

void ike_sa_set_nonce(struct ike_sa *sa, bool of_initiator, const void *nonce, size_t len)
{
	uint8_t **p = of_initiator ? &sa->nonce_i : &sa->nonce_r;

	free(*p);
	*p = malloc(len);
	if (*p)
		memcpy(*p, nonce, len);
	*(of_initiator ? &sa->nonce_i_len : &sa->nonce_r_len) = *p ? (uint16_t)len : 0;
}

int ike_nonce_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	if (order)
		return order;
	return (a_len > b_len) - (a_len < b_len);
}

static int skeyseed(const struct ike_sa *sa, const struct secret *shared,
		    const struct ike_sa *parent, uint8_t *out)
{
	if (parent) {
		struct ike_chunk in[] = { { shared->data, shared->len },
					  { sa->nonce_i, sa->nonce_i_len },
					  { sa->nonce_r, sa->nonce_r_len } };

		return ike_prf(parent->suite.prf, parent->keys.d->data, parent->keys.d->len, in, 3,
			       out);
	} else {
		uint8_t nonces[2 * IKE_NONCE_MAX];
		struct ike_chunk in = { shared->data, shared->len };

		memcpy(nonces, sa->nonce_i, sa->nonce_i_len);
		memcpy(nonces + sa->nonce_i_len, sa->nonce_r, sa->nonce_r_len);
		return ike_prf(sa->suite.prf, nonces, (size_t)sa->nonce_i_len + sa->nonce_r_len,
			       &in, 1, out);
	}
}

/* out holds the SPIs big-endian, as prf+ takes them. */
static void spis_bytes(const struct ike_sa *sa, uint8_t out[16])
{
	struct writer w;

	writer_init(&w, out, 16);
	writer_u64(&w, sa->spi_i);
	writer_u64(&w, sa->spi_r);
}

static bool take_key(struct secret **out, const uint8_t **p, size_t len)
{
	if (len) {
		*out = secret_from(*p, len);
		*p += len;
	}
	return !len || *out;
}

int ike_sa_derive(struct ike_sa *sa, const struct secret *shared, const struct ike_sa *parent)
{
	const struct algo_cipher_info *cipher = &algo_ciphers[sa->suite.cipher];
	size_t prf_len = algo_auths[sa->suite.prf].key_bytes;
	size_t integ_len = cipher->aead ? 0 : algo_auths[sa->suite.auth].key_bytes;
	size_t encr_len = cipher->key_bytes + cipher->salt_bytes;
	size_t total = 3 * prf_len + 2 * integ_len + 2 * encr_len;
	uint8_t seed[IKE_HASH_MAX], spis[16];
	struct ike_chunk chunks[] = { { sa->nonce_i, sa->nonce_i_len },
				      { sa->nonce_r, sa->nonce_r_len },
				      { spis, sizeof(spis) } };
	struct secret *all = secret_new(total);
	const uint8_t *p;
	int rc = -ENOMEM;

	if (!all || !sa->nonce_i || !sa->nonce_r)
		goto out;
	rc = skeyseed(sa, shared, parent, seed);
	if (rc < 0)
		goto out;
	spis_bytes(sa, spis);
	rc = ike_prf_plus(sa->suite.prf, seed, algo_auths[sa->suite.prf].out_bytes, chunks, 3,
			  all->data, total);
	if (rc < 0)
		goto out;
	keys_clear(&sa->keys);
	p = all->data;
	if (!take_key(&sa->keys.d, &p, prf_len) || !take_key(&sa->keys.ai, &p, integ_len) ||
	    !take_key(&sa->keys.ar, &p, integ_len) || !take_key(&sa->keys.ei, &p, encr_len) ||
	    !take_key(&sa->keys.er, &p, encr_len) || !take_key(&sa->keys.pi, &p, prf_len) ||
	    !take_key(&sa->keys.pr, &p, prf_len))
		rc = -ENOMEM;
out:
	if (rc < 0)
		keys_clear(&sa->keys);
	sodium_memzero(seed, sizeof(seed));
	secret_free(all);
	return rc;
}

struct ike_protection ike_sa_protection(const struct ike_sa *sa, enum ike_direction dir)
{
	bool from_initiator = sa->initiator == (dir == IKE_OUT);

	return (struct ike_protection){
		.cipher = sa->suite.cipher,
		.integ = sa->suite.auth,
		.sk_e = from_initiator ? sa->keys.ei : sa->keys.er,
		.sk_a = from_initiator ? sa->keys.ai : sa->keys.ar,
	};
}

void ike_sa_establish(struct ike_sa *sa)
{
	struct ike_engine *e = sa->engine;
	ike_time lifetime = sa->lifetime * IKE_SECOND;

	set_state(sa, IKE_STATE_ESTABLISHED);
	forget_init(sa);
	secret_free(sa->keys.pi);
	secret_free(sa->keys.pr);
	sa->keys.pi = sa->keys.pr = NULL;
	ike_timer_cancel(&e->timers, &sa->guard);
	sa->established = sa->heard = e->now;
	sa->rekey_at = e->now + ike_sa_rekey_after(sa, lifetime);
	sa->expires_at = e->now + lifetime;
	ike_timer_set(&e->timers, &sa->rekey, sa->rekey_at);
	ike_timer_set(&e->timers, &sa->expire, sa->expires_at);
	if (e->ops->inbound_packets)
		sa->inbound_seen = e->ops->inbound_packets(e->ctx, sa->tunnel->index);
	arm_probe(sa);
	if (sa->nat_local)
		ike_timer_set(&e->timers, &sa->keepalive, e->now + KEEPALIVE_INTERVAL);
	ike_tunnel_stir(sa->tunnel);
	ike_sa_attend(sa);
}

ike_time ike_sa_rekey_after(const struct ike_sa *sa, ike_time lifetime)
{
	/* In IKEv1 it is the initiator of phase 1 that rekeys. */
	return sa->v1 && !sa->initiator ? ike_rekey_after_peer(sa->engine, lifetime)
					: ike_rekey_after(sa->engine, lifetime);
}

void ike_sa_shorten(struct ike_sa *sa, uint32_t seconds)
{
	struct ike_engine *e = sa->engine;
	ike_time lifetime = seconds * IKE_SECOND;

	if (!seconds || seconds >= sa->lifetime)
		return;
	sa->lifetime = seconds;
	if (sa->state != IKE_STATE_ESTABLISHED)
		return;
	sa->rekey_at = sa->established + ike_sa_rekey_after(sa, lifetime);
	sa->expires_at = sa->established + lifetime;
	if (ike_sa_usable(sa))
		ike_timer_set(&e->timers, &sa->rekey, sa->rekey_at);
	ike_timer_set(&e->timers, &sa->expire, sa->expires_at);
}

void ike_sa_doubt(struct ike_sa *sa)
{
	struct ike_engine *e = sa->engine;

	ike_count(e, IKE_COUNT_HINT);
	if (!sa->hinted)
		ike_timer_set(&e->timers, &sa->guard,
			      e->now + ike_random_between(e, DOUBT_LOW, DOUBT_HIGH));
	sa->hinted = true;
}

void ike_sa_replace(struct ike_sa *sa)
{
	sa->replaced = true;
	sa->want_rekey = sa->want_child = sa->want_probe = false;
	ike_timer_cancel(&sa->engine->timers, &sa->rekey);
	ike_timer_cancel(&sa->engine->timers, &sa->probe);
	ike_timer_cancel(&sa->engine->timers, &sa->keepalive);
	ike_timer_set(&sa->engine->timers, &sa->guard, sa->engine->now + REPLACED_PATIENCE);
}

void ike_sa_heard(struct ike_sa *sa)
{
	sa->heard = sa->engine->now;
	if (sa->state == IKE_STATE_ESTABLISHED && !sa->replaced) {
		sa->want_probe = false;
		arm_probe(sa);
	}
}

void ike_sa_move(struct ike_sa *sa, const struct ike_path *path)
{
	struct ike_engine *e = sa->engine;
	char from[ENDPOINT_STR_MAX], to[ENDPOINT_STR_MAX];
	struct ike_child *c;

	if (ike_path_equal(&sa->path, path))
		return;
	if (sa->tunnel && sa->state == IKE_STATE_ESTABLISHED)
		ike_tunnel_note(sa->tunnel, true, "the peer moved from %s to %s",
				endpoint_format(&sa->path.remote, from),
				endpoint_format(&path->remote, to));
	sa->path = *path;
	if (!sa->tunnel || sa->state != IKE_STATE_ESTABLISHED)
		return;
	TAILQ_FOREACH(c, &sa->tunnel->children, link)
	{
		if (c->sa == sa && c->outbound == IKE_OUTBOUND_ACTIVE)
			e->ops->sa_move(e->ctx, sa->tunnel->index, c->spi_out, path);
	}
}

/* 10 % of the lifetime within 30..540 s, but never more than a fifth of a short one. */
static ike_time margin_of(ike_time lifetime)
{
	ike_time margin = lifetime / 10;

	if (margin < 30 * IKE_SECOND)
		margin = 30 * IKE_SECOND;
	if (margin > 540 * IKE_SECOND)
		margin = 540 * IKE_SECOND;
	return margin < lifetime / 5 ? margin : lifetime / 5;
}

ike_time ike_rekey_after(struct ike_engine *e, ike_time lifetime)
{
	ike_time margin = margin_of(lifetime);

	return lifetime - margin - ike_random_between(e, 0, margin);
}

ike_time ike_rekey_after_peer(struct ike_engine *e, ike_time lifetime)
{
	ike_time margin = margin_of(lifetime);

	return lifetime - margin / 2 - ike_random_between(e, 0, margin / 4);
}

ike_time ike_retry_after(struct ike_engine *e, ike_time lifetime)
{
	ike_time high = lifetime / 20;

	if (high < IKE_SECOND / 5)
		high = IKE_SECOND / 5;
	if (high > 5 * IKE_SECOND)
		high = 5 * IKE_SECOND;
	return ike_random_between(e, high / 4, high);
}
