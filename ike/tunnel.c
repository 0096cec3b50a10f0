#include "ike/tunnel.h"

#include "ike/child.h"
#include "ike/sa.h"
#include "ike/v1/exchange.h"
#include "ike/v2/exchange.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOSER_CLOSES   (6 * IKE_SECOND)	 /* creator of the redundant SA: after everybody's turn */
#define LOSER_PATIENCE (30 * IKE_SECOND) /* the other side, should the creator forget */
#define YIELD	       (IKE_SECOND / 2)	 /* to a peer that calls just now; twice that at most */
#define CALL_SOON      (6 * IKE_SECOND)	 /* the longest pause between attempts */
#define OLDER_PATIENCE (60 * IKE_SECOND)
#define CHILDLESS_LOW                                                              \
	(30 * IKE_SECOND) /* IKEv1: of an SA without pairs, which the peer may not \
			     know */
#define CHILDLESS_HIGH (45 * IKE_SECOND)
#define OLDER_CLOSES   (3 * IKE_SECOND) /* IKEv1: of the SA that ours replaces */
#define TEXT_MAX       512

static ike_timer_fn on_call;

static uint64_t index_hash(uint32_t index)
{
	return ike_hash(&index, sizeof(index), 1);
}

static uint64_t address_hash(const struct addr *local, const struct addr *remote)
{
	return ike_hash(remote->b, sizeof(remote->b),
			ike_hash(local->b, sizeof(local->b), local->family));
}

struct ike_tunnel *ike_tunnel_find(const struct ike_engine *e, uint32_t index)
{
	struct ike_node *node = ike_map_first(&e->tunnels, index_hash(index));

	for (; node; node = ike_map_next(node)) {
		struct ike_tunnel *t =
			(struct ike_tunnel *)((char *)node - offsetof(struct ike_tunnel, by_index));

		if (t->index == index)
			return t;
	}
	return NULL;
}

static struct ike_tunnel *by_addresses(const struct ike_engine *e, const struct addr *local,
				       const struct addr *remote)
{
	struct ike_node *node = ike_map_first(&e->addresses, address_hash(local, remote));

	for (; node; node = ike_map_next(node)) {
		struct ike_tunnel *t =
			(struct ike_tunnel *)((char *)node -
					      offsetof(struct ike_tunnel, by_address));

		if (addr_equal(&t->conf.cloud_ip, local) &&
		    addr_equal(&t->conf.customer_ip, remote))
			return t;
	}
	return NULL;
}

struct ike_tunnel *ike_tunnel_by_path(const struct ike_engine *e, const struct ike_path *path)
{
	return by_addresses(e, &path->local.addr, &path->remote.addr);
}

static bool is_complete(const struct conf_tunnel *conf)
{
	return conf->ike_cipher.n && conf->ike_dh.n && conf->esp_cipher.n && conf->psk;
}

int ike_tunnel_may_become(const struct ike_tunnel *t, const struct conf_tunnel *conf)
{
	const struct ike_tunnel *other;

	if (!is_complete(conf))
		return -EINVAL;
	other = by_addresses(t->engine, &conf->cloud_ip, &conf->customer_ip);
	return other && other != t ? -EEXIST : 0;
}

void ike_tunnel_become(struct ike_tunnel *t, struct ike_settings *conf)
{
	ike_map_remove(&t->engine->addresses, &t->by_address);
	ike_settings_clear(&t->conf);
	t->conf = *conf;
	/* There is room for it, where it just was. */
	(void)ike_map_insert(&t->engine->addresses, &t->by_address,
			     address_hash(&conf->cloud_ip, &conf->customer_ip));
	free(t->peer_offer);
	t->peer_offer = NULL;
}

int ike_tunnel_new(struct ike_engine *e, uint32_t index, const struct conf_tunnel *conf)
{
	struct ike_tunnel *t;

	if (!is_complete(conf))
		return -EINVAL;
	if (ike_tunnel_find(e, index) || by_addresses(e, &conf->cloud_ip, &conf->customer_ip))
		return -EEXIST;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	if (ike_settings_copy(&t->conf, conf) < 0)
		goto fail;
	t->engine = e;
	t->index = index;
	TAILQ_INIT(&t->children);
	ike_timer_init(&t->call, on_call);
	t->reason = IKE_REASON_DISABLED;
	if (ike_map_insert(&e->tunnels, &t->by_index, index_hash(index)) < 0)
		goto fail;
	if (ike_map_insert(&e->addresses, &t->by_address,
			   address_hash(&conf->cloud_ip, &conf->customer_ip)) < 0) {
		ike_map_remove(&e->tunnels, &t->by_index);
		goto fail;
	}
	ike_tunnel_because(t, IKE_REASON_DISABLED, "disabled");
	if (conf->enabled)
		ike_tunnel_start(t);
	return 0;
fail:
	ike_settings_clear(&t->conf);
	free(t);
	return -ENOMEM;
}

void ike_tunnel_start(struct ike_tunnel *t)
{
	char peer[ADDR_STR_MAX];

	if (t->enabled)
		return;
	t->enabled = true;
	t->tries = 0;
	ike_tunnel_peer(t, peer);
	if (t->conf.start == CONF_START_INITIATE)
		ike_tunnel_because(t, IKE_REASON_NEGOTIATING, "calling %s", peer);
	else if (t->conf.start == CONF_START_ON_DEMAND)
		ike_tunnel_because(t, IKE_REASON_WAITING, "no traffic yet, and %s has not called",
				   peer);
	else
		ike_tunnel_because(t, IKE_REASON_WAITING, "%s has not called yet", peer);
	ike_tunnel_call_within(t, 0, IKE_SECOND / 20);
}

void ike_tunnel_halt(struct ike_tunnel *t)
{
	struct ike_sa *sa;

	t->enabled = false;
	ike_timer_cancel(&t->engine->timers, &t->call);
	while ((sa = LIST_FIRST(&t->sas)))
		ike_sa_close_swiftly(sa);
	ike_lingering_clear(t);
	ike_tunnel_because(t, IKE_REASON_DISABLED, "disabled");
}

void ike_tunnel_free(struct ike_tunnel *t)
{
	struct ike_engine *e = t->engine;

	if (t->is_stirred)
		LIST_REMOVE(t, stirred);
	ike_timer_cancel(&e->timers, &t->call);
	ike_map_remove(&e->tunnels, &t->by_index);
	ike_map_remove(&e->addresses, &t->by_address);
	ike_settings_clear(&t->conf);
	ike_history_clear(&t->history);
	free(t->peer_offer);
	free(t->text);
	free(t);
}

const char *ike_tunnel_peer(const struct ike_tunnel *t, char *buf)
{
	return addr_format(&t->conf.customer_ip, buf);
}

static void set_reason(struct ike_tunnel *t, enum ike_reason reason, const char *text)
{
	if (t->reason == reason && !strcmp(ike_tunnel_text(t), text))
		return;
	t->reason = reason;
	free(t->text);
	t->text = *text ? strdup(text) : NULL;
	t->untold = true;
}

/* "No answer after 17 tries" is one thing that goes on, not many; exchanges note it themselves. */
static void blame(struct ike_tunnel *t, enum ike_reason reason, bool proven, const char *text)
{
	if (reason != IKE_REASON_NO_ANSWER)
		ike_history_add(&t->history, t->engine->now, proven, text);
	set_reason(t, reason, text);
	ike_tunnel_stir(t);
}

void ike_tunnel_because(struct ike_tunnel *t, enum ike_reason reason, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	blame(t, reason, true, text);
}

void ike_tunnel_suspect(struct ike_tunnel *t, enum ike_reason reason, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	blame(t, reason, false, text);
}

void ike_tunnel_refused(struct ike_tunnel *t, bool proven)
{
	char peer[ADDR_STR_MAX], ours[160], theirs[160];

	(proven ? ike_tunnel_because : ike_tunnel_suspect)(
		t, IKE_REASON_AUTH_FAILED,
		"%s refuses us: pre-shared key or identities differ (local_id is %s, remote_id %s)",
		ike_tunnel_peer(t, peer), conf_id_format(&t->conf.local_id, ours, sizeof(ours)),
		conf_id_format(&t->conf.remote_id, theirs, sizeof(theirs)));
}

void ike_tunnel_note(struct ike_tunnel *t, bool proven, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ike_history_add(&t->history, t->engine->now, proven, text);
}

const char *ike_tunnel_text(const struct ike_tunnel *t)
{
	return t->text ? t->text : "";
}

void ike_tunnel_stir(struct ike_tunnel *t)
{
	if (t->is_stirred)
		return;
	t->is_stirred = true;
	LIST_INSERT_HEAD(&t->engine->stirred, t, stirred);
}

/* The newest that is usable: t->sas has the newest first. */
struct ike_sa *ike_tunnel_current(const struct ike_tunnel *t)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, &t->sas, siblings)
	{
		if (ike_sa_usable(sa))
			return sa;
	}
	return NULL;
}

bool ike_tunnel_calling(const struct ike_tunnel *t)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, &t->sas, siblings)
	{
		if (sa->state == IKE_STATE_CONNECTING || sa->state == IKE_STATE_AUTHENTICATING)
			return true;
	}
	return false;
}

bool ike_tunnel_may_call(const struct ike_tunnel *t)
{
	return t->conf.start == CONF_START_INITIATE ||
	       (t->conf.start == CONF_START_ON_DEMAND && t->engine->now < t->wanted_until);
}

void ike_tunnel_demand(struct ike_tunnel *t)
{
	bool first = t->engine->now >= t->wanted_until;

	if (t->conf.start != CONF_START_ON_DEMAND || t->out || !t->enabled)
		return;
	t->wanted_until = t->engine->now + 2 * IKE_DEMAND;
	if (!first || ike_tunnel_calling(t))
		return;
	ike_tunnel_because(t, IKE_REASON_NEGOTIATING, "there is traffic");
	ike_tunnel_call_within(t, 0, IKE_SECOND / 20);
}

void ike_tunnel_call_within(struct ike_tunnel *t, ike_time low, ike_time high)
{
	struct ike_engine *e = t->engine;
	ike_time at = e->now + ike_random_between(e, low, high);

	if (!t->enabled || e->stopping || !ike_tunnel_may_call(t))
		return;
	if (!t->call.armed || at < t->call.at)
		ike_timer_set(&e->timers, &t->call, at);
}

/* A peer that is calling us just now is given the time to finish; but only once, and not where
 * several seem to call, because anybody can pretend to. */
static bool being_called(struct ike_tunnel *t)
{
	struct ike_sa *sa;

	if (t->yielded || t->half_open != 1)
		return false;
	LIST_FOREACH(sa, &t->sas, siblings)
	{
		if (sa->state == IKE_STATE_HALF_OPEN &&
		    t->engine->now - sa->created < 3 * IKE_SECOND)
			return true;
	}
	return false;
}

static bool is_v1(const struct ike_tunnel *t)
{
	return t->conf.ike_version == CONF_IKE_V1;
}

/* Whether there is something to call for. */
static bool lacks(const struct ike_tunnel *t)
{
	return is_v1(t) ? ike_v1_lacks(t) : ike_child_missing(t) >= 0;
}

static void on_call(struct ike_engine *e, struct ike_timer *timer)
{
	struct ike_tunnel *t =
		(struct ike_tunnel *)((char *)timer - offsetof(struct ike_tunnel, call));
	struct ike_sa *sa = ike_tunnel_current(t);

	if (ike_tunnel_calling(t) || !ike_tunnel_may_call(t))
		return;
	t->refused_pairs = 0;
	if (!lacks(t))
		return;
	if (sa) {
		sa->want_child = true;
		ike_sa_attend(sa);
	} else if (being_called(t)) {
		t->yielded = true;
		ike_tunnel_call_within(t, YIELD, 2 * YIELD);
	} else {
		t->yielded = false;
		if (is_v1(t))
			ike_v1_call(t);
		else
			ike_init_call(t);
	}
}

/* Whether a rekey has promised a pair to take over from this one, which we send on. */
static bool has_heir(const struct ike_child *heir_of)
{
	struct ike_child *c;

	TAILQ_FOREACH(c, &heir_of->tunnel->children, link)
	{
		if (c->outbound == IKE_OUTBOUND_NEVER && !c->redundant && c->lane == heir_of->lane)
			return true;
	}
	return false;
}

static void tell(struct ike_tunnel *t, bool up)
{
	struct ike_engine *e = t->engine;

	if (up) {
		t->tries = 0;
		set_reason(t, IKE_REASON_NONE, "");
	}
	if (up == t->up && !t->untold)
		return;
	if (up != t->up)
		ike_tunnel_note(t, true, up ? "UP" : "DOWN");
	t->up = up;
	t->untold = false;
	e->ops->tunnel_state(e->ctx, t->index, up, t->reason, ike_tunnel_text(t));
}

static void look_at_lanes(struct ike_tunnel *t)
{
	struct ike_sa *sa = ike_tunnel_current(t);
	struct ike_child *c;

	TAILQ_FOREACH(c, &t->children, link)
	{
		/* The peer rekeyed it, then thought better of it: ours to rekey again. */
		if (c->outbound == IKE_OUTBOUND_ACTIVE && c->replaced && !c->want_delete &&
		    !has_heir(c)) {
			c->replaced = false;
			ike_child_retry_rekey(c, IKE_SECOND);
		}
	}
	if (sa && !is_v1(t) && !sa->want_child && sa->request.errand != IKE_ERRAND_CREATE_CHILD &&
	    ike_tunnel_may_call(t) && ike_child_missing(t) >= 0) {
		sa->want_child = true;
		ike_sa_attend(sa);
	}
}

void ike_tunnel_look(struct ike_tunnel *t)
{
	struct ike_engine *e = t->engine;
	struct ike_sa *sa;

	tell(t, t->out != NULL);
	if (!t->enabled || e->stopping)
		return;
	sa = ike_tunnel_current(t);
	if (is_v1(t) && sa && !t->out && !sa->guard.armed)
		ike_timer_set(&e->timers, &sa->guard,
			      e->now + ike_random_between(e, CHILDLESS_LOW, CHILDLESS_HIGH));
	if (t->out) {
		look_at_lanes(t);
		if (!is_v1(t) || !lacks(t))
			return;
	}
	if (ike_tunnel_calling(t) ||
	    (sa && (sa->want_child || sa->request.errand == IKE_ERRAND_CREATE_CHILD ||
		    (sa->v1 && ike_v1_creating(sa)))))
		return;
	/* A pair that is missing beside others is not asked for all the time. */
	if (!t->call.armed || (!t->out && t->call.at > e->now + CALL_SOON))
		ike_tunnel_call_within(t, t->out && sa ? 20 * IKE_SECOND : IKE_SECOND,
				       t->out && sa ? 40 * IKE_SECOND : 4 * IKE_SECOND);
}

static const uint8_t *lower_nonce(const struct ike_sa *sa, size_t *len)
{
	bool r = ike_nonce_compare(sa->nonce_r, sa->nonce_r_len, sa->nonce_i, sa->nonce_i_len) < 0;

	*len = r ? sa->nonce_r_len : sa->nonce_i_len;
	return r ? sa->nonce_r : sa->nonce_i;
}

static void make_redundant(struct ike_sa *sa, ike_time patience)
{
	struct ike_engine *e = sa->engine;
	struct ike_child *c;

	sa->redundant = true;
	sa->want_rekey = false;
	ike_timer_cancel(&e->timers, &sa->rekey);
	ike_timer_set(&e->timers, &sa->guard, e->now + patience);
	TAILQ_FOREACH(c, &sa->tunnel->children, link)
	{
		if (c->sa == sa && c->outbound == IKE_OUTBOUND_NEVER && !sa->v1)
			ike_child_lose(c);
	}
}

/* Both sides called at once. Both SAs stay until everybody sends on the winner's pair. */
static void settle_race(struct ike_sa *a, struct ike_sa *b)
{
	size_t a_len, b_len;
	const uint8_t *low_a = lower_nonce(a, &a_len), *low_b = lower_nonce(b, &b_len);
	struct ike_sa *loser = ike_nonce_compare(low_a, a_len, low_b, b_len) < 0 ? a : b;

	make_redundant(loser, loser->initiator ? LOSER_CLOSES : LOSER_PATIENCE);
}

/* IKEv1: pairs belong to the tunnel, and are governed by whichever SA stays. Those of an SA that
 * the peer had deleted are made anew, because it may have lost them too. */
static void gather(struct ike_tunnel *t)
{
	struct ike_sa *sa = ike_tunnel_current(t);
	struct ike_child *c;

	TAILQ_FOREACH(c, &t->children, link)
	{
		if (!sa || c->sa == sa)
			continue;
		if (c->sa->v1->orphaned && !c->replaced)
			c->want_rekey = true;
		ike_child_follow(c, sa);
	}
}

void ike_tunnel_adopt(struct ike_tunnel *t, struct ike_sa *sa, bool initial_contact)
{
	struct ike_sa *other, *next;

	for (other = LIST_FIRST(&t->sas); other; other = next) {
		next = LIST_NEXT(other, siblings);
		if (other == sa)
			continue;
		if (other->state == IKE_STATE_CONNECTING) {
			ike_sa_kill(other, false);
		} else if (other->state != IKE_STATE_ESTABLISHED || other->redundant) {
			continue;
		} else if (other->retiring) {
			ike_sa_close(other, true);
		} else if (initial_contact && other->established < sa->created) {
			other->why = "the peer has started afresh";
			ike_sa_kill(other, false);
		} else if (other->established >= sa->created && other->initiator != sa->initiator &&
			   !other->replaced) {
			settle_race(other, sa);
		} else if (!other->replaced) {
			make_redundant(other,
				       sa->v1 && sa->initiator ? OLDER_CLOSES : OLDER_PATIENCE);
		}
	}
	if (sa->v1)
		gather(t);
	t->yielded = false;
	ike_timer_cancel(&t->engine->timers, &t->call);
}
