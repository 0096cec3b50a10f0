#include "ike/child.h"

#include "ike/sa.h"
#include "ike/selector.h"
#include "ike/tunnel.h"
#include "ike/v1/keys.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>

#define CHILD_OF(timer, member) \
	((struct ike_child *)((char *)(timer)-offsetof(struct ike_child, member)))

/* The pair of a lane that we send on; lane 0: of any. */
static struct ike_child *active(const struct ike_tunnel *t, uint32_t lane)
{
	struct ike_child *c;

	TAILQ_FOREACH(c, &t->children, link)
	{
		if (c->outbound == IKE_OUTBOUND_ACTIVE && (!lane || c->lane == lane))
			return c;
	}
	return NULL;
}

static void on_rekey(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_child *c = CHILD_OF(t, rekey);

	/* Another for the same traffic has taken over: both sides made one, and the peer may not
	 * know of it. Of two that are rekeyed one would never go. */
	if (c->outbound == IKE_OUTBOUND_PAST && active(c->tunnel, c->lane)) {
		c->want_delete = c->ours;
		ike_sa_attend(c->sa);
		return;
	}
	c->want_rekey = true;
	ike_sa_attend(c->sa);
}

void ike_child_lose(struct ike_child *c)
{
	struct ike_timers *timers = &c->tunnel->engine->timers;

	c->redundant = true;
	c->want_rekey = false;
	ike_timer_cancel(timers, &c->rekey);
	ike_timer_cancel(timers, &c->turn);
}

void ike_child_verify_pfs(struct ike_child *c)
{
	c->verifying = true;
	ike_child_retry_rekey(c, ike_random_between(c->tunnel->engine, IKE_SECOND / 2, IKE_SECOND));
}

void ike_child_rekey_now(struct ike_child *c)
{
	if (c->replaced || c->redundant || c->want_delete)
		return;
	c->want_rekey = true;
	ike_sa_attend(c->sa);
}

void ike_child_expire(struct ike_child *c, const char *why)
{
	struct ike_engine *e = c->tunnel->engine;

	if (c == c->tunnel->out)
		ike_tunnel_because(c->tunnel, IKE_REASON_LIFETIME, "%s", why);
	if (c->want_delete) {
		const struct ike_request *r = &c->sa->request;

		if (r->errand != IKE_ERRAND_DELETE_CHILD || r->old != c->spi_in)
			c->sa->owed = c->spi_in;
		ike_sa_attend(c->sa);
		ike_child_gone(c, false);
		return;
	}
	c->want_delete = true;
	ike_sa_attend(c->sa);
	ike_timer_set(&e->timers, &c->expire, e->now + 30 * IKE_SECOND);
	ike_tunnel_stir(c->tunnel);
}

static void on_expire(struct ike_engine *e, struct ike_timer *t)
{
	ike_child_expire(CHILD_OF(t, expire),
			 "the child SA's lifetime ended before a rekey succeeded");
}

/* IKEv1: what was to take over from it is gone. */
static void reinstate(struct ike_child *c)
{
	c->redundant = c->replaced = false;
	ike_child_retry_rekey(c, IKE_SECOND);
}

/* Both sides made one for the same traffic, one after the other: at both ends the newer stays. */
static bool is_overtaken(const struct ike_child *c)
{
	const struct ike_child *newer = TAILQ_NEXT(c, link);

	while (newer && (newer->lane != c->lane || newer->outbound != IKE_OUTBOUND_ACTIVE))
		newer = TAILQ_NEXT(newer, link);
	return newer && !c->sa->v1;
}

static void on_turn(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_child *c = CHILD_OF(t, turn);

	if (c->replaced && !c->redundant)
		return; /* a newer one has taken over, or will */
	if (is_overtaken(c))
		ike_child_lose(c);
	if (c->redundant && c->sa->v1 && c->outbound == IKE_OUTBOUND_ACTIVE) {
		reinstate(c);
	} else if (!c->redundant) {
		ike_child_switch(c);
	} else {
		c->want_delete = true;
		ike_sa_attend(c->sa);
	}
}

/* The lengths of one direction's keys. */
static size_t key_lens(const struct ike_suite *s, size_t *cipher_len, size_t *auth_len)
{
	const struct algo_cipher_info *cipher = &algo_ciphers[s->cipher];

	*cipher_len = (size_t)cipher->key_bytes + cipher->salt_bytes;
	*auth_len = cipher->aead ? 0 : algo_auths[s->auth].key_bytes;
	return *cipher_len + *auth_len;
}

/* A rekey starts 10 to 20 % before a limit, at random. */
static uint64_t soft_limit(struct ike_engine *e, uint64_t hard)
{
	uint64_t margin = hard / 10;

	if (!hard)
		return 0;
	margin += margin ? ike_random_u64(e) % margin : 0;
	return hard - margin;
}

static uint8_t icv_bytes(const struct ike_child *c)
{
	if (algo_ciphers[c->suite.cipher].aead)
		return algo_ciphers[c->suite.cipher].icv_bytes;
	if (c->suite.auth == AUTH_SHA256 && c->tunnel->conf.esp_sha256_96)
		return 12;
	return algo_auths[c->suite.auth].icv_bytes;
}

static int install(const struct ike_child *c, enum ike_direction dir, uint32_t replaces,
		   const uint8_t *key)
{
	const struct ike_tunnel *t = c->tunnel;
	struct ike_child_sa sa = {
		.tunnel = t->index,
		.dir = dir,
		.spi = dir == IKE_IN ? c->spi_in : c->spi_out,
		.replaces = replaces,
		.peer_spi = dir == IKE_IN ? c->spi_out : c->spi_in,
		.cipher = c->suite.cipher,
		.auth = c->suite.auth,
		.icv_bytes = icv_bytes(c),
		.esn = c->suite.esn,
		.udp = c->udp,
		.path = c->sa->path,
		.replay_window = t->conf.replay_window,
		.hard_packets = t->conf.esp_lifetime_packets,
		.hard_bytes = c->bytes,
		.soft_packets = soft_limit(t->engine, t->conf.esp_lifetime_packets),
		.soft_bytes = soft_limit(t->engine, c->bytes),
		.local = c->traffic->local,
		.remote = c->traffic->remote,
	};

	key_lens(&c->suite, &sa.cipher_key_len, &sa.auth_key_len);
	sa.cipher_key = key;
	sa.auth_key = sa.auth_key_len ? key + sa.cipher_key_len : NULL;
	return t->engine->ops->sa_install(t->engine->ctx, &sa);
}

/* RFC 2409 §5.5: each direction by the SPI of its receiver. */
static int derive_v1(const struct ike_sa *sa, const struct ike_child_terms *terms, size_t each,
		     uint8_t *keymat)
{
	struct ike_v1_keymat in = {
		.shared = terms->shared,
		.protocol = IKE_PROTOCOL_ESP,
		.spi = terms->ours ? terms->spi_out : terms->spi_in,
		.nonce_i = { terms->nonce_i, terms->nonce_i_len },
		.nonce_r = { terms->nonce_r, terms->nonce_r_len },
	};
	int rc = ike_v1_keymat(sa->suite.prf, sa->keys.d, &in, keymat, each);

	in.spi = terms->ours ? terms->spi_in : terms->spi_out;
	return rc < 0 ? rc : ike_v1_keymat(sa->suite.prf, sa->keys.d, &in, keymat + each, each);
}

/* RFC 7296 §2.17 */
static int derive_v2(const struct ike_sa *sa, const struct ike_child_terms *terms, size_t len,
		     uint8_t *keymat)
{
	struct ike_chunk seed[3];
	unsigned n = 0;

	if (terms->shared)
		seed[n++] = (struct ike_chunk){ terms->shared->data, terms->shared->len };
	seed[n++] = (struct ike_chunk){ terms->nonce_i, terms->nonce_i_len };
	seed[n++] = (struct ike_chunk){ terms->nonce_r, terms->nonce_r_len };
	return ike_prf_plus(sa->suite.prf, sa->keys.d->data, sa->keys.d->len, seed, n, keymat, len);
}

/* KEYMAT: the sending direction of the exchange's initiator first. */
static int derive(const struct ike_sa *sa, const struct ike_child_terms *terms, size_t each,
		  struct secret **keymat)
{
	int rc;

	*keymat = secret_new(2 * each);
	if (!*keymat)
		return -ENOMEM;
	rc = sa->v1 ? derive_v1(sa, terms, each, (*keymat)->data)
		    : derive_v2(sa, terms, 2 * each, (*keymat)->data);
	if (rc < 0) {
		secret_free(*keymat);
		*keymat = NULL;
	}
	return rc;
}

/* From when it was established. */
static void start_timers(struct ike_child *c)
{
	struct ike_engine *e = c->tunnel->engine;
	ike_time lifetime = c->lifetime * IKE_SECOND;

	c->rekey_at = c->established + ike_sa_rekey_after(c->sa, lifetime);
	c->expires_at = c->established + lifetime;
	if (!c->replaced)
		ike_timer_set(&e->timers, &c->rekey, c->rekey_at);
	ike_timer_set(&e->timers, &c->expire, c->expires_at);
}

static void release(struct ike_child *c)
{
	ike_traffic_put(&c->tunnel->engine->traffic, c->traffic);
	secret_free(c->out_key);
	free(c);
}

static bool same_traffic(const struct ike_child *a, const struct ike_child *b)
{
	return a->traffic == b->traffic ||
	       (ike_selectors_equal(&a->traffic->remote, &b->traffic->remote) &&
		ike_selectors_equal(&a->traffic->local, &b->traffic->local));
}

static uint32_t lane_of(const struct ike_child *c)
{
	const struct ike_child *other;

	TAILQ_FOREACH(other, &c->tunnel->children, link)
	{
		if (same_traffic(c, other))
			return other->lane;
	}
	return ++c->tunnel->lanes;
}

static void note_new(const struct ike_child *c)
{
	char suite[96], local[96], remote[96];

	ike_tunnel_note(c->tunnel, true, "child SA %08x/%08x%s: %s, %s === %s", c->spi_in,
			c->spi_out, c->ours ? "" : " by the peer",
			ike_suite_format(&c->suite, suite, sizeof(suite)),
			ike_selectors_format(&c->traffic->local, local, sizeof(local)),
			ike_selectors_format(&c->traffic->remote, remote, sizeof(remote)));
}

int ike_child_new(struct ike_sa *sa, const struct ike_child_terms *terms, struct ike_child **out)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_engine *e = sa->engine;
	struct ike_child *c = calloc(1, sizeof(*c));
	struct secret *keymat = NULL;
	size_t cipher_len, auth_len, each = key_lens(&terms->suite, &cipher_len, &auth_len);
	int rc = -ENOMEM;

	if (!c)
		goto out;
	c->tunnel = t;
	c->sa = sa;
	c->suite = terms->suite;
	c->spi_in = terms->spi_in;
	c->spi_out = terms->spi_out;
	c->ours = terms->ours;
	c->udp = sa->udp;
	c->lifetime = t->conf.esp_lifetime;
	if (terms->lifetime && terms->lifetime < c->lifetime)
		c->lifetime = terms->lifetime;
	c->bytes = t->conf.esp_lifetime_bytes;
	if (terms->bytes && (!c->bytes || terms->bytes < c->bytes))
		c->bytes = terms->bytes;
	c->established = e->now;
	c->lane = terms->lane;
	ike_timer_init(&c->rekey, on_rekey);
	ike_timer_init(&c->expire, on_expire);
	ike_timer_init(&c->turn, on_turn);
	c->traffic = ike_traffic_get(&e->traffic, &terms->local, &terms->remote);
	if (!c->traffic)
		goto out;
	rc = derive(sa, terms, each, &keymat);
	if (rc < 0)
		goto out;
	rc = -ENOMEM;
	c->out_key = secret_from(keymat->data + (c->ours ? 0 : each), each);
	if (!c->out_key)
		goto out;
	rc = install(c, IKE_IN, 0, keymat->data + (c->ours ? each : 0));
	if (rc < 0)
		goto out;
	if (!c->lane)
		c->lane = lane_of(c);
	TAILQ_INSERT_TAIL(&t->children, c, link);
	start_timers(c);
	note_new(c);
	ike_tunnel_stir(t);
	*out = c;
	c = NULL;
out:
	secret_free(keymat);
	if (c)
		release(c);
	if (rc < 0)
		e->ops->spi_free(e->ctx, t->index, terms->spi_in);
	return rc;
}

static int switch_from(struct ike_child *before, struct ike_child *c)
{
	struct ike_tunnel *t = c->tunnel;
	int rc;

	rc = install(c, IKE_OUT, before ? before->spi_out : 0, c->out_key->data);
	if (rc < 0)
		return rc;
	ike_timer_cancel(&t->engine->timers, &c->turn);
	secret_free(c->out_key);
	c->out_key = NULL;
	if (before)
		before->outbound = IKE_OUTBOUND_PAST;
	if (!t->out || t->out == before)
		t->out = c;
	c->outbound = IKE_OUTBOUND_ACTIVE;
	ike_tunnel_stir(t);
	return 0;
}

/* Pairs that we had left already when their successor went: nobody will rekey them. */
static void delete_past(const struct ike_child *c)
{
	struct ike_child *past;

	TAILQ_FOREACH(past, &c->tunnel->children, link)
	{
		if (past->lane != c->lane || past->outbound != IKE_OUTBOUND_PAST)
			continue;
		past->want_delete = true;
		ike_sa_attend(past->sa);
	}
}

int ike_child_switch(struct ike_child *c)
{
	struct ike_child *before = active(c->tunnel, c->lane);
	int rc;

	if (c->outbound != IKE_OUTBOUND_NEVER)
		return 0;
	rc = switch_from(before, c);
	if (rc == 0 && !before)
		delete_past(c);
	return rc;
}

void ike_child_await_turn(struct ike_child *c)
{
	struct ike_tunnel *t = c->tunnel;

	/* A pair on an IKE SA that is to go would go with it. */
	if (active(t, c->lane) && c->sa->redundant && !c->sa->v1)
		ike_child_lose(c);
	else if (active(t, c->lane))
		ike_timer_set(&t->engine->timers, &c->turn, t->engine->now + IKE_TURN);
	else
		ike_child_switch(c);
}

int ike_child_turn_soon(struct ike_child *c, ike_time after)
{
	struct ike_tunnel *t = c->tunnel;

	if (!active(t, c->lane))
		return ike_child_switch(c);
	ike_timer_set(&t->engine->timers, &c->turn, t->engine->now + after);
	return 0;
}

static void on_lingered(struct ike_engine *e, struct ike_timer *timer)
{
	struct ike_lingering *l =
		(struct ike_lingering *)((char *)timer - offsetof(struct ike_lingering, timer));

	e->ops->sa_remove(e->ctx, l->tunnel->index, IKE_IN, l->spi_in);
	LIST_REMOVE(l, link);
	free(l);
}

static void end_lingering(struct ike_lingering *l)
{
	ike_timer_cancel(&l->tunnel->engine->timers, &l->timer);
	on_lingered(l->tunnel->engine, &l->timer);
}

/* Who makes pairs and deletes them, again and again, takes no more SPIs than that from others. */
static void make_room(struct ike_tunnel *t)
{
	struct ike_lingering *l, *oldest = NULL;
	unsigned n = 0;

	LIST_FOREACH(l, &t->lingering, link)
	{
		oldest = l;
		n++;
	}
	if (n >= IKE_LINGERING_MAX)
		end_lingering(oldest);
}

static void linger(struct ike_tunnel *t, uint32_t spi_in)
{
	struct ike_lingering *l = calloc(1, sizeof(*l));

	if (!l) {
		t->engine->ops->sa_remove(t->engine->ctx, t->index, IKE_IN, spi_in);
		return;
	}
	make_room(t);
	l->tunnel = t;
	l->spi_in = spi_in;
	ike_timer_init(&l->timer, on_lingered);
	ike_timer_set(&t->engine->timers, &l->timer, t->engine->now + IKE_LINGER);
	LIST_INSERT_HEAD(&t->lingering, l, link);
}

void ike_lingering_clear(struct ike_tunnel *t)
{
	struct ike_lingering *l;

	while ((l = LIST_FIRST(&t->lingering)))
		end_lingering(l);
}

/* The newest pair of a lane that we may still send on; one that lost a collision only if there is
 * no other.
 */
static struct ike_child *successor(struct ike_tunnel *t, uint32_t lane)
{
	struct ike_child *c, *second = NULL;

	TAILQ_FOREACH_REVERSE(c, &t->children, ike_children, link)
	{
		if (c->lane != lane || c->outbound != IKE_OUTBOUND_NEVER || c->want_delete)
			continue;
		if (!c->redundant)
			return c;
		if (!second)
			second = c;
	}
	return second;
}

/* A pair that we sent on has left the list: the best of its lane takes over, if there is one. */
static void hand_over(struct ike_child *c)
{
	struct ike_tunnel *t = c->tunnel;
	struct ike_engine *e = t->engine;
	struct ike_child *next;
	int rc = -ENOENT;

	while ((next = successor(t, c->lane))) {
		rc = switch_from(c, next);
		if (rc == 0)
			break;
		next->outbound = IKE_OUTBOUND_PAST;
	}
	if (rc < 0)
		e->ops->sa_remove(e->ctx, t->index, IKE_OUT, c->spi_out);
	else if (next->redundant && next->sa->v1)
		reinstate(next);
	if (t->out == c)
		t->out = active(t, 0);
}

void ike_child_gone(struct ike_child *c, bool lingers)
{
	struct ike_tunnel *t = c->tunnel;
	struct ike_engine *e = t->engine;

	ike_tunnel_note(t, true, "child SA %08x ends%s", c->spi_in,
			c->redundant ? ": it was redundant" : "");
	TAILQ_REMOVE(&t->children, c, link);
	ike_timer_cancel(&e->timers, &c->rekey);
	ike_timer_cancel(&e->timers, &c->expire);
	ike_timer_cancel(&e->timers, &c->turn);
	if (c->outbound == IKE_OUTBOUND_ACTIVE)
		hand_over(c);
	if (lingers)
		linger(t, c->spi_in);
	else
		e->ops->sa_remove(e->ctx, t->index, IKE_IN, c->spi_in);
	ike_tunnel_stir(t);
	release(c);
}

void ike_child_replace(struct ike_child *c)
{
	c->replaced = true;
	c->want_rekey = false;
	ike_timer_cancel(&c->tunnel->engine->timers, &c->rekey);
}

void ike_child_shorten(struct ike_child *c, uint32_t seconds)
{
	if (!seconds || seconds >= c->lifetime)
		return;
	c->lifetime = seconds;
	start_timers(c);
}

void ike_child_follow(struct ike_child *c, struct ike_sa *sa)
{
	struct ike_engine *e = sa->engine;
	bool moved = !ike_path_equal(&c->sa->path, &sa->path);

	c->sa = sa;
	if (moved && c->outbound == IKE_OUTBOUND_ACTIVE)
		e->ops->sa_move(e->ctx, c->tunnel->index, c->spi_out, &sa->path);
	if (c->want_rekey || c->want_delete)
		ike_sa_attend(sa);
}

void ike_child_retry_rekey(struct ike_child *c, ike_time after)
{
	struct ike_engine *e = c->tunnel->engine;

	c->want_rekey = false;
	c->rekey_at = e->now + after;
	ike_timer_set(&e->timers, &c->rekey, c->rekey_at);
}

static unsigned pairs(const struct ike_tunnel *t)
{
	unsigned l = t->conf.n_ts_local, r = t->conf.n_ts_remote;

	return t->conf.child_per_pair || t->single_pairs ? (l ? l : 1) * (r ? r : 1) : 1;
}

void ike_child_wish(const struct ike_tunnel *t, unsigned pair, struct ike_selectors *local,
		    struct ike_selectors *remote)
{
	const struct ike_settings *conf = &t->conf;
	unsigned r = conf->n_ts_remote ? conf->n_ts_remote : 1;

	if (pairs(t) == 1) {
		ike_selectors_from_prefixes(local, conf->ts_local, conf->n_ts_local);
		ike_selectors_from_prefixes(remote, conf->ts_remote, conf->n_ts_remote);
		return;
	}
	ike_selectors_from_prefixes(local, &conf->ts_local[pair / r], conf->n_ts_local ? 1 : 0);
	ike_selectors_from_prefixes(remote, &conf->ts_remote[pair % r], conf->n_ts_remote ? 1 : 0);
}

int ike_child_pair(const struct ike_tunnel *t, const struct ike_selectors *local,
		   const struct ike_selectors *remote)
{
	struct ike_selectors l, r;

	for (unsigned i = 0; i < pairs(t); i++) {
		ike_child_wish(t, i, &l, &r);
		if (ike_selectors_within(local, &l) && ike_selectors_within(remote, &r))
			return (int)i;
	}
	return -1;
}

int ike_child_missing(const struct ike_tunnel *t)
{
	uint64_t there = t->refused_pairs;
	const struct ike_child *c;

	if (pairs(t) == 1)
		return t->out ? -1 : 0;
	TAILQ_FOREACH(c, &t->children, link)
	{
		int pair = ike_child_pair(t, &c->traffic->local, &c->traffic->remote);

		/* We never return to one that we have left: what follows it counts, if anything. */
		if (pair >= 0 && !c->want_delete && c->outbound != IKE_OUTBOUND_PAST)
			there |= UINT64_C(1) << pair;
	}
	if (!t->out)
		there &= ~UINT64_C(1);
	for (unsigned i = 0; i < pairs(t); i++) {
		if (!(there >> i & 1))
			return (int)i;
	}
	return -1;
}

struct ike_child *ike_child_by_in(const struct ike_tunnel *t, uint32_t spi_in)
{
	struct ike_child *c;

	TAILQ_FOREACH(c, &t->children, link)
	{
		if (c->spi_in == spi_in)
			return c;
	}
	return NULL;
}

struct ike_child *ike_child_by_out(const struct ike_tunnel *t, uint32_t spi_out)
{
	struct ike_child *c;

	TAILQ_FOREACH(c, &t->children, link)
	{
		if (c->spi_out == spi_out)
			return c;
	}
	return NULL;
}

unsigned ike_child_count(const struct ike_tunnel *t)
{
	struct ike_child *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, &t->children, link)
	n++;
	return n;
}
