/* What arrives: whether it may, in what state of which exchange, and who handles it. */
#include "ike/v1/exchange.h"

#include <errno.h>
#include <string.h>

enum protection { CLEAR, ENCRYPTED, EITHER };

struct step {
	uint8_t type;
	bool initiator;
	uint8_t state;
	uint8_t protection;
	uint64_t required, allowed;
	ike_v1_handler *handle;
};

#define SA     IKE_PAYLOAD_BIT(IKE_V1_SA)
#define KE     IKE_PAYLOAD_BIT(IKE_V1_KE)
#define ID     IKE_PAYLOAD_BIT(IKE_V1_ID)
#define HASH   IKE_PAYLOAD_BIT(IKE_V1_HASH)
#define NONCE  IKE_PAYLOAD_BIT(IKE_V1_NONCE)
#define NOTIFY IKE_PAYLOAD_BIT(IKE_V1_NOTIFY)
#define DELETE IKE_PAYLOAD_BIT(IKE_V1_DELETE)
#define VENDOR IKE_PAYLOAD_BIT(IKE_V1_VENDOR)
#define NAT_D  IKE_PAYLOAD_BIT(IKE_V1_NAT_D)

/* What we wait for when we have sent `state` messages of an exchange, as its initiator or not. */
static const struct step steps[] = {
	{ IKE_V1_MAIN, false, 0, CLEAR, SA, VENDOR, NULL },
	{ IKE_V1_MAIN, true, 1, CLEAR, SA, VENDOR, ike_v1_main_offered },
	{ IKE_V1_MAIN, false, 1, CLEAR, KE | NONCE, NAT_D | VENDOR, ike_v1_main_key },
	{ IKE_V1_MAIN, true, 2, CLEAR, KE | NONCE, NAT_D | VENDOR, ike_v1_main_keyed },
	{ IKE_V1_MAIN, false, 2, ENCRYPTED, ID | HASH, NOTIFY | VENDOR, ike_v1_main_authenticate },
	{ IKE_V1_MAIN, true, 3, ENCRYPTED, ID | HASH, NOTIFY | VENDOR, ike_v1_main_answered },

	{ IKE_V1_AGGRESSIVE, false, 0, CLEAR, SA | KE | NONCE | ID, VENDOR, NULL },
	{ IKE_V1_AGGRESSIVE, true, 1, CLEAR, SA | KE | NONCE | ID | HASH, NAT_D | VENDOR,
	  ike_v1_aggressive_answered },
	{ IKE_V1_AGGRESSIVE, false, 1, EITHER, HASH, NAT_D | VENDOR | NOTIFY,
	  ike_v1_aggressive_authenticate },

	{ IKE_V1_QUICK, false, 0, ENCRYPTED, HASH | SA | NONCE, KE | ID | NOTIFY,
	  ike_v1_quick_answer },
	{ IKE_V1_QUICK, true, 1, ENCRYPTED, HASH | SA | NONCE, KE | ID | NOTIFY,
	  ike_v1_quick_answered },
	{ IKE_V1_QUICK, false, 1, ENCRYPTED, HASH, NOTIFY, ike_v1_quick_confirmed },

	{ IKE_V1_INFORMATIONAL, false, 0, ENCRYPTED, HASH, NOTIFY | DELETE, ike_v1_info },
};

static const struct step *find_step(uint8_t type, bool initiator, uint8_t state)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct step *s = &steps[i];

		if (s->type == type && s->initiator == initiator && s->state == state)
			return s;
	}
	return NULL;
}

static bool admit(struct ike_v1_message *m, const struct step *s)
{
	uint64_t seen = s->required | s->allowed;
	bool encrypted = m->flags & IKE_V1_FLAG_ENCRYPTED;

	if ((s->protection == CLEAR && encrypted) || (s->protection == ENCRYPTED && !encrypted))
		return false;
	if ((m->have & s->required) != s->required ||
	    (m->repeated & (SA | KE | HASH | NONCE) & seen))
		return false;
	/* HASH covers what follows it, so it has to come first. */
	if ((s->type == IKE_V1_QUICK || s->type == IKE_V1_INFORMATIONAL) && !m->hash_first)
		return false;
	if (s->type == IKE_V1_QUICK ? m->n_id == 1 : m->n_id > 1)
		return false;
	m->have &= seen;
	if (!(seen & NOTIFY))
		m->n_notify = 0;
	if (!(seen & DELETE))
		m->n_delete = 0;
	if (!(seen & NAT_D))
		m->n_nat_d = 0;
	return true;
}

bool ike_v1_admit(struct ike_v1_message *m, uint8_t type, bool initiator, uint8_t state)
{
	const struct step *s = find_step(type, initiator, state);

	return s && admit(m, s);
}
/* Decrypts if need be, walks, and asks the table. NULL: not allowed here. */
static const struct step *take_apart(struct ike_v1_exchange *x, struct ike_v1_message *m,
				     uint8_t *data, size_t n)
{
	struct ike_sa *sa = x->sa;
	struct ike_engine *e = sa->engine;
	const struct step *s = find_step(x->type, x->initiator, x->state);
	bool encrypted = m->flags & IKE_V1_FLAG_ENCRYPTED;
	bool sane;

	if (!s || (encrypted && (s->protection == CLEAR || !sa->keys.ei)) ||
	    (!encrypted && s->protection == ENCRYPTED)) {
		ike_count(e, IKE_COUNT_UNEXPECTED);
		return NULL;
	}
	memcpy(x->iv_next, x->iv, sizeof(x->iv_next));
	sane = (!encrypted ||
		ike_v1_decrypt(sa->suite.cipher, sa->keys.ei, x->iv, data, n, x->iv_next) == 0) &&
	       ike_v1_message_walk(m, (struct view){ data, n }, encrypted) == 0 && admit(m, s);
	if (sane)
		return s;
	if (encrypted && ike_v1_is_phase1(x)) {
		ike_v1_phase1_garbled(x);
	} else {
		ike_count(e, encrypted ? IKE_COUNT_BAD_ICV : IKE_COUNT_MALFORMED);
	}
	return NULL;
}

static void input_exchange(struct ike_v1_exchange *x, const struct ike_path *path,
			   struct ike_v1_message *m, uint8_t *data, size_t n)
{
	struct ike_engine *e = x->sa->engine;
	struct ike_chunk all = { data, n };
	const struct step *s;

	if (ike_sha1(&all, 1, x->digest) < 0)
		return;
	if (x->accepted && memcmp(x->digest, x->seen, sizeof(x->seen)) == 0) {
		if (!x->packet || x->repeats++ >= IKE_V1_REPEATS_ANSWERED)
			return;
		ike_count(e, IKE_COUNT_ANSWERED_AGAIN);
		ike_send(e, path, x->packet);
		return;
	}
	x->from = path;
	s = take_apart(x, m, data, n);
	if (s)
		s->handle(x, m);
}

/* The SA that a message is for, by our own cookie. */
static struct ike_sa *find_sa(struct ike_engine *e, const struct ike_message *h)
{
	struct ike_sa *sa = ike_sa_find(e, h->spi_i);

	if (sa && sa->v1 && sa->initiator && (sa->spi_r == h->spi_r || !sa->spi_r))
		return sa;
	sa = ike_sa_find(e, h->spi_r);
	return sa && sa->v1 && !sa->initiator && sa->spi_i == h->spi_i ? sa : NULL;
}

static void input_quick(struct ike_sa *sa, const struct ike_path *path, struct ike_v1_message *m,
			uint8_t *data, size_t n)
{
	struct ike_v1_exchange *x = ike_v1_find(sa, IKE_V1_QUICK, m->id), *other;
	unsigned count = 0;
	bool fresh = !x;

	LIST_FOREACH(other, &sa->v1->exchanges, link)
	count += other->type == IKE_V1_QUICK;
	if (fresh && ike_v1_again(sa, IKE_V1_QUICK, m->id, path, (struct view){ data, n }))
		return;
	if (fresh && (!m->id || ike_v1_seen(sa, m->id) || sa->replaced)) {
		ike_count(sa->engine, IKE_COUNT_BAD_MESSAGE_ID);
		return;
	}
	if (fresh && count >= IKE_V1_QUICK_MAX) {
		ike_count(sa->engine, IKE_COUNT_TOO_MANY);
		return;
	}
	if (fresh)
		x = ike_v1_open(sa, IKE_V1_QUICK, false, m->id);
	if (!x)
		return;
	input_exchange(x, path, m, data, n);
	/* A first message that was not accepted leaves nothing; one that was refused, its answer.
	 */
	if (fresh && x->refused)
		ike_v1_finish(x);
	else if (fresh && !x->accepted)
		ike_v1_close(x);
}

/* Our answer in aggressive mode, or the peer's to it, was lost: the peer is done already. */
static void remind(struct ike_sa *sa)
{
	struct ike_v1_exchange *x = ike_v1_find(sa, IKE_V1_AGGRESSIVE, 0);

	if (x && !x->initiator && x->packet && x->repeats++ < IKE_V1_REPEATS_ANSWERED)
		ike_send(sa->engine, &sa->path, x->packet);
	ike_count(sa->engine, IKE_COUNT_UNEXPECTED);
}

static void input_info(struct ike_sa *sa, const struct ike_path *path, struct ike_v1_message *m,
		       uint8_t *data, size_t n)
{
	struct ike_v1_exchange *x;

	if (!(m->flags & IKE_V1_FLAG_ENCRYPTED)) {
		const struct ike_notify *error;

		if (ike_v1_message_walk(m, (struct view){ data, n }, false) == 0 &&
		    (error = ike_v1_message_error(m)) != NULL)
			ike_v1_phase1_hint(sa, error->type);
		else
			ike_count(sa->engine, IKE_COUNT_UNEXPECTED);
		return;
	}
	/* Before the keys are proved to be the same, it means at most that they are not. */
	if (sa->state == IKE_STATE_AUTHENTICATING) {
		ike_v1_phase1_hint(sa, V1_PAYLOAD_MALFORMED);
		return;
	}
	if (sa->state == IKE_STATE_HALF_OPEN) {
		remind(sa);
		return;
	}
	if (ike_v1_again(sa, IKE_V1_INFORMATIONAL, m->id, path, (struct view){ data, n }))
		return;
	if (sa->state != IKE_STATE_ESTABLISHED || sa->v1->orphaned || !m->id ||
	    ike_v1_seen(sa, m->id)) {
		ike_count(sa->engine, IKE_COUNT_BAD_MESSAGE_ID);
		return;
	}
	x = ike_v1_open(sa, IKE_V1_INFORMATIONAL, false, m->id);
	if (!x)
		return;
	input_exchange(x, path, m, data, n);
	/* What ended the SA, or left it an orphan, ended the exchange as well. */
	if (sa->state != IKE_STATE_DEAD && !sa->v1->orphaned)
		ike_v1_finish(x);
}

void ike_v1_input(struct ike_engine *e, struct ike_tunnel *t, const struct ike_path *path,
		  const struct ike_message *h, uint8_t *data, size_t n)
{
	struct ike_v1_exchange *x;
	struct ike_v1_message m;
	struct ike_sa *sa;

	ike_v1_message_init(&m, h);
	if (!t || !t->enabled || e->stopping) {
		ike_count(e, IKE_COUNT_NO_TUNNEL);
		return;
	}
	sa = find_sa(e, h);
	if (!sa && !h->spi_r && h->spi_i && !h->id &&
	    (h->exchange == IKE_V1_MAIN || h->exchange == IKE_V1_AGGRESSIVE)) {
		ike_v1_phase1_answer(t, path, &m, data, n);
		return;
	}
	if (!sa && h->exchange == IKE_V1_MAIN && !h->id)
		sa = ike_v1_phase1_return(t, path, h->spi_i, h->spi_r);
	if (!sa || sa->tunnel != t) {
		ike_count(e, IKE_COUNT_NO_SA);
		return;
	}
	if (h->exchange == IKE_V1_INFORMATIONAL) {
		input_info(sa, path, &m, data, n);
	} else if (h->exchange == IKE_V1_QUICK && sa->state == IKE_STATE_ESTABLISHED) {
		input_quick(sa, path, &m, data, n);
	} else if ((x = ike_v1_find(sa, h->exchange, 0)) != NULL && !h->id) {
		/* The answer goes where the peer is now, once it has proved who it is. */
		if (!x->initiator && sa->state == IKE_STATE_HALF_OPEN)
			sa->path = *path;
		input_exchange(x, path, &m, data, n);
	} else if (!h->id && ike_v1_again(sa, h->exchange, 0, path, (struct view){ data, n })) {
		; /* it has its answer */
	} else if (h->exchange == IKE_V1_QUICK) {
		remind(sa);
	} else {
		ike_count(e, IKE_COUNT_UNEXPECTED);
	}
}
