#include "ike/gate.h"

#include "ike/child.h"
#include "ike/sa.h"
#include "ike/tunnel.h"

#include <sodium.h>
#include <string.h>

/* Requests that may cost a Diffie-Hellman exchange. */
#define EACH_TOKEN (IKE_SECOND / 10)
#define EACH_DEPTH 20
#define ALL_TOKEN  (IKE_SECOND / 10000)
#define ALL_DEPTH  20000
/* The same of a peer that has authenticated. Limits in bytes at 10 Gbit/s want one a second. */
#define PEER_TOKEN	IKE_SECOND
#define PEER_DEPTH	40
#define CHALLENGE_TOKEN (IKE_SECOND / 50000)
#define CHALLENGE_DEPTH 50000

bool ike_bucket_take(struct ike_bucket *b, ike_time now, ike_time each, unsigned depth)
{
	ike_time from = b->full_at > now ? b->full_at : now;

	if (from - now + each > depth * each)
		return false;
	b->full_at = from + each;
	return true;
}

/* A fresh secret takes the place of the older one. After a long pause both are fresh. */
static void renew(struct ike_engine *e)
{
	struct ike_gate *g = &e->gate;

	if (g->renewed && e->now - g->renewed < IKE_COOKIE_LIFE)
		return;
	if (!g->renewed || e->now - g->renewed >= 2 * IKE_COOKIE_LIFE)
		ike_random(e, g->secret[g->version & 1], sizeof(g->secret[0]));
	g->version++;
	ike_random(e, g->secret[g->version & 1], sizeof(g->secret[0]));
	g->renewed = e->now ? e->now : 1;
}

static void bake(const struct ike_gate *g, uint8_t version, const struct ike_claim *claim,
		 uint8_t cookie[IKE_COOKIE_BYTES])
{
	const struct addr *from = &claim->path->remote.addr, *to = &claim->path->local.addr;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state h;

	crypto_auth_hmacsha256_init(&h, g->secret[version & 1], sizeof(g->secret[0]));
	crypto_auth_hmacsha256_update(&h, (const uint8_t *)&claim->spi_i, sizeof(claim->spi_i));
	crypto_auth_hmacsha256_update(&h, &from->family, sizeof(from->family));
	crypto_auth_hmacsha256_update(&h, from->b, sizeof(from->b));
	crypto_auth_hmacsha256_update(&h, to->b, sizeof(to->b));
	crypto_auth_hmacsha256_update(&h, claim->nonce.p, claim->nonce.n);
	crypto_auth_hmacsha256_final(&h, mac);
	cookie[0] = version;
	memcpy(cookie + 1, mac, IKE_COOKIE_BYTES - 1);
}

static bool verified(struct ike_engine *e, const struct ike_claim *claim)
{
	uint8_t own[IKE_COOKIE_BYTES], version;

	if (claim->cookie.n == 0)
		return false;
	version = claim->cookie.p[0];
	if (claim->cookie.n == sizeof(own) &&
	    (version == e->gate.version || version == (uint8_t)(e->gate.version - 1))) {
		bake(&e->gate, version, claim, own);
		if (sodium_memcmp(own, claim->cookie.p, sizeof(own)) == 0)
			return true;
	}
	ike_count(e, IKE_COUNT_BAD_COOKIE);
	return false;
}

/* Who has not shown that he owns his address leaves half of each bucket to those who have. */
static bool tokens(struct ike_tunnel *t, bool proven)
{
	struct ike_engine *e = t->engine;
	unsigned part = proven ? 1 : 2;

	return ike_bucket_take(&t->bucket, e->now, EACH_TOKEN, EACH_DEPTH / part) &&
	       ike_bucket_take(&e->gate.all, e->now, ALL_TOKEN, ALL_DEPTH / part);
}

static bool has_room(struct ike_tunnel *t)
{
	struct ike_sa *sa, *oldest = NULL;

	if (t->engine->half_open >= IKE_HALF_OPEN_ALL)
		return false;
	if (t->half_open < IKE_HALF_OPEN_EACH)
		return true;
	LIST_FOREACH(sa, &t->sas, siblings)
	{
		if (sa->state == IKE_STATE_HALF_OPEN && (!oldest || sa->created < oldest->created))
			oldest = sa;
	}
	if (oldest)
		ike_sa_kill(oldest, false);
	return true;
}

static enum ike_verdict challenge(struct ike_engine *e)
{
	if (!ike_bucket_take(&e->gate.challenges, e->now, CHALLENGE_TOKEN, CHALLENGE_DEPTH)) {
		ike_count(e, IKE_COUNT_RATE_LIMITED);
		return IKE_TURN_AWAY;
	}
	ike_count(e, IKE_COUNT_COOKIE_DEMANDED);
	return IKE_CHALLENGE;
}

/* Who need not, or cannot, be asked for a cookie. */
static enum ike_verdict admit(struct ike_tunnel *t, bool proven)
{
	bool rate = tokens(t, proven);

	if (rate && has_room(t))
		return IKE_PASS;
	ike_count(t->engine, rate ? IKE_COUNT_TOO_MANY : IKE_COUNT_RATE_LIMITED);
	return IKE_TURN_AWAY;
}

/* Who can; crowded: he is asked in any case. */
static enum ike_verdict admit_unproven(struct ike_tunnel *t, bool crowded)
{
	if (crowded || t->half_open >= IKE_COOKIE_HALF_OPEN_EACH || !tokens(t, false))
		return challenge(t->engine);
	return IKE_PASS;
}

enum ike_verdict ike_gate_admit(struct ike_tunnel *t, const struct ike_claim *claim,
				uint8_t cookie[IKE_COOKIE_BYTES])
{
	struct ike_engine *e = t->engine;
	enum ike_verdict verdict;

	renew(e);
	if (verified(e, claim))
		return admit(t, true);
	verdict = admit_unproven(t, e->half_open >= IKE_COOKIE_HALF_OPEN_ALL);
	if (verdict == IKE_CHALLENGE)
		bake(&e->gate, e->gate.version, claim, cookie);
	return verdict;
}

bool ike_gate_admit_exchange(struct ike_tunnel *t)
{
	unsigned children = ike_child_count(t);
	ike_time life = t->conf.esp_lifetime, each = PEER_TOKEN * life / (life + 2 * children);

	if (ike_bucket_take(&t->exchanges, t->engine->now, each, PEER_DEPTH + 2 * children))
		return true;
	ike_count(t->engine, IKE_COUNT_RATE_LIMITED);
	ike_tunnel_note(t, true, "the peer asks for too many key exchanges: it has to wait");
	return false;
}

enum ike_verdict ike_gate_admit_v1(struct ike_tunnel *t, bool main_mode, bool proven)
{
	/* Callers who are asked for a cookie share one ring: only those of crowded tunnels are. */
	return main_mode && !proven ? admit_unproven(t, t->engine->half_open >= IKE_HALF_OPEN_ALL)
				    : admit(t, proven);
}
