#include "tests/sim/plane.h"

#include "ike/core.h"
#include "tests/sim/trace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void sim_violation(struct sim *s, const char *fmt, ...)
{
	va_list args;

	if (s->violations++)
		return;
	va_start(args, fmt);
	vsnprintf(s->violation, sizeof(s->violation), fmt, args);
	va_end(args);
}

static uint32_t op_spi_alloc(void *ctx, uint32_t tunnel)
{
	struct sim_node *node = ctx;

	if (node->no_spis)
		return 0;
	node->spis++;
	return node->next_spi++;
}

static void op_spi_free(void *ctx, uint32_t tunnel, uint32_t spi)
{
	struct sim_node *node = ctx;

	if (!node->spis--)
		sim_violation(node->sim, "SPI %08x freed twice", spi);
}

struct sim_sa *sim_find_inbound(struct sim_node *node, uint32_t spi)
{
	struct sim_sa *sa =
		spi - node->first_spi < node->cap_in ? &node->in[spi - node->first_spi] : NULL;

	return sa && sa->installed ? sa : NULL;
}

/* The lower of two limits, of which 0 is none. */
static uint64_t lower(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

bool sim_carry(struct sim_node *node, struct sim_sa *sa, enum ike_direction dir)
{
	uint32_t tunnel = sa->tunnel, spi = sa->spi;
	ike_time now = node->sim->now;

	sa->packets++;
	if (sa->hard && sa->packets > sa->hard) {
		if (sa->packets == sa->hard + 1)
			ike_sa_hard_limit(node->engine, now, tunnel, dir, spi);
		return false;
	}
	if (sa->soft && sa->packets >= sa->soft && !sa->told) {
		sa->told = true;
		ike_sa_soft_limit(node->engine, now, tunnel, dir, spi);
	}
	return true;
}

static void record(struct sim_sa *to, const struct ike_child_sa *sa)
{
	*to = (struct sim_sa){ .installed = true,
			       .tunnel = sa->tunnel,
			       .spi = sa->spi,
			       .peer_spi = sa->peer_spi,
			       .cipher = sa->cipher,
			       .auth = sa->auth,
			       .icv_bytes = sa->icv_bytes,
			       .udp = sa->udp,
			       .esn = sa->esn,
			       .path = sa->path };
	assert_true(sa->cipher_key_len + sa->auth_key_len <= sizeof(to->key));
	memcpy(to->key, sa->cipher_key, sa->cipher_key_len);
	if (sa->auth_key_len)
		memcpy(to->key + sa->cipher_key_len, sa->auth_key, sa->auth_key_len);
	to->key_len = sa->cipher_key_len + sa->auth_key_len;
	to->soft = lower(sa->soft_packets, sa->soft_bytes / SIM_PROBE_BYTES);
	to->hard = lower(sa->hard_packets, sa->hard_bytes / SIM_PROBE_BYTES);
}

/* The place of an SPI in the table, or where it would be. */
static uint32_t *spent_place(struct sim_node *node, uint32_t spi)
{
	size_t i = spi * 0x9e3779b1u;

	while (node->spent[i & (node->cap_spent - 1)] &&
	       node->spent[i & (node->cap_spent - 1)] != spi)
		i++;
	return &node->spent[i & (node->cap_spent - 1)];
}

static void spend(struct sim_node *node, uint32_t spi)
{
	if (2 * node->n_spent >= node->cap_spent) {
		uint32_t *old = node->spent;
		size_t cap = node->cap_spent;

		node->cap_spent = cap ? 2 * cap : 64;
		node->spent = calloc(node->cap_spent, sizeof(*node->spent));
		assert_non_null(node->spent);
		for (size_t i = 0; i < cap; i++) {
			if (old[i])
				*spent_place(node, old[i]) = old[i];
		}
		free(old);
	}
	if (*spent_place(node, spi))
		sim_violation(node->sim, "outbound SA %08x installed twice", spi);
	else
		node->n_spent++;
	*spent_place(node, spi) = spi;
}

static void stop_sending(struct sim_node *node, struct sim_tunnel *t)
{
	uint32_t last = node->sending[--node->n_sending];

	node->tunnel[last].sending_at = t->sending_at;
	node->sending[t->sending_at] = last;
	t->out = (struct sim_sa){ 0 };
}

static struct sim_sa *find_beside(struct sim_tunnel *t, uint32_t spi)
{
	for (unsigned i = 0; t->beside && i < SIM_BESIDE; i++) {
		if (t->beside[i].installed ? t->beside[i].spi == spi : !spi)
			return &t->beside[i];
	}
	return NULL;
}

static int install_beside(struct sim_node *node, const struct ike_child_sa *sa)
{
	struct sim_tunnel *t = &node->tunnel[sa->tunnel];
	struct sim_sa *to;

	if (!t->beside)
		t->beside = calloc(SIM_BESIDE, sizeof(*t->beside));
	assert_non_null(t->beside);
	to = find_beside(t, sa->replaces);
	if (!to)
		sim_violation(node->sim, "outbound SA %08x replaces %08x, which is not there",
			      sa->spi, sa->replaces);
	else
		record(to, sa);
	return 0;
}

static int op_sa_install(void *ctx, const struct ike_child_sa *sa)
{
	struct sim_node *node = ctx;
	const struct algo_cipher_info *cipher = &algo_ciphers[sa->cipher];
	size_t at;

	if (sa->cipher_key_len != (size_t)cipher->key_bytes + cipher->salt_bytes ||
	    sa->auth_key_len != (cipher->aead ? 0 : algo_auths[sa->auth].key_bytes) || !sa->spi ||
	    !sa->peer_spi || !sa->local.n || !sa->remote.n || !sa->icv_bytes)
		sim_violation(node->sim, "SA %08x is not complete", sa->spi);
	if (sa->dir == IKE_OUT) {
		spend(node, sa->spi);
		if (node->tunnel[sa->tunnel].out.installed &&
		    node->tunnel[sa->tunnel].out.spi != sa->replaces)
			return install_beside(node, sa);
		if (!node->tunnel[sa->tunnel].out.installed) {
			node->tunnel[sa->tunnel].sending_at = node->n_sending;
			node->sending[node->n_sending++] = sa->tunnel;
		}
		record(&node->tunnel[sa->tunnel].out, sa);
		sim_trace_sa(node->sim, node, SIM_SWITCHED, sa->spi, sa->peer_spi);
		return 0;
	}
	if (node->refusals) {
		node->refusals--;
		return -ENOMEM;
	}
	if (sim_find_inbound(node, sa->spi))
		sim_violation(node->sim, "inbound SA %08x installed twice", sa->spi);
	at = sa->spi - node->first_spi;
	if (at >= node->cap_in) {
		node->in = realloc(node->in, 2 * (at + 32) * sizeof(*node->in));
		assert_non_null(node->in);
		memset(&node->in[node->cap_in], 0,
		       (2 * (at + 32) - node->cap_in) * sizeof(*node->in));
		node->cap_in = 2 * (at + 32);
	}
	record(&node->in[at], sa);
	node->n_in++;
	sim_trace_sa(node->sim, node, SIM_INSTALLED, sa->spi, sa->peer_spi);
	return 0;
}

static void op_sa_remove(void *ctx, uint32_t tunnel, enum ike_direction dir, uint32_t spi)
{
	struct sim_node *node = ctx;
	struct sim_sa *sa;

	if (dir == IKE_OUT) {
		struct sim_tunnel *t = &node->tunnel[tunnel];

		sa = find_beside(t, spi);
		if (sa)
			sa->installed = false;
		if (t->out.installed && t->out.spi == spi) {
			stop_sending(node, t);
			for (unsigned i = 0; t->beside && i < SIM_BESIDE; i++) {
				if (!t->beside[i].installed)
					continue;
				t->out = t->beside[i];
				t->beside[i].installed = false;
				t->sending_at = node->n_sending;
				node->sending[node->n_sending++] = tunnel;
				break;
			}
		}
		sim_trace_sa(node->sim, node, SIM_SWITCHED, 0, 0);
		return;
	}
	sa = sim_find_inbound(node, spi);
	if (!sa || sa->tunnel != tunnel) {
		sim_violation(node->sim, "inbound SA %08x removed, but is not there", spi);
		return;
	}
	sa->installed = false;
	node->n_in--;
	node->spis--;
	sim_trace_sa(node->sim, node, SIM_REMOVED, spi, 0);
}

static void op_sa_move(void *ctx, uint32_t tunnel, uint32_t spi_out, const struct ike_path *path)
{
	struct sim_node *node = ctx;
	struct sim_sa *out = &node->tunnel[tunnel].out;

	if (out->spi != spi_out)
		out = find_beside(&node->tunnel[tunnel], spi_out);
	if (!out)
		sim_violation(node->sim, "outbound SA %08x moved, but is not there", spi_out);
	else
		out->path = *path;
}

static uint64_t op_inbound_packets(void *ctx, uint32_t tunnel)
{
	const struct sim_node *node = ctx;

	return node->tunnel[tunnel].accepted;
}

static void op_tunnel_state(void *ctx, uint32_t tunnel, bool up, enum ike_reason reason,
			    const char *text)
{
	struct sim_node *node = ctx;
	struct sim_tunnel *t = &node->tunnel[tunnel];

	if (node->sim->verbose)
		printf("%10.6f node %u tunnel %u: %s %s %s\n", (double)node->sim->now / 1e6,
		       node->index, tunnel, up ? "UP" : "DOWN", ike_reason_name(reason), text);
	if (up && !t->up)
		t->ups++;
	if (!up && t->up)
		t->downs++;
	if (up != t->out.installed)
		sim_violation(node->sim, "tunnel %u is told %s without reason", tunnel,
			      up ? "UP" : "DOWN");
	node->n_up += (size_t)up - t->up;
	t->up = up;
	t->reason = reason;
	snprintf(t->text, sizeof(t->text), "%s", text);
}

static void op_event(void *ctx, uint32_t tunnel, const char *text)
{
	struct sim_node *node = ctx;

	node->events++;
	if (node->sim->verbose)
		printf("%10.6f node %u tunnel %u: %s\n", (double)node->sim->now / 1e6, node->index,
		       tunnel, text);
}

/* Nothing else is drawn that is as long as a nonce. */
static void force_nonce(struct sim_node *node, uint8_t *nonce, size_t len)
{
	if (!node->nonces_forced || len != IKE_NONCE_BYTES)
		return;
	*nonce = node->n_nonces ? node->nonce[0] : node->nonce_after;
	if (node->n_nonces) {
		memmove(node->nonce, node->nonce + 1, sizeof(node->nonce) - 1);
		node->n_nonces--;
	}
}

static void op_random(void *ctx, void *buf, size_t len)
{
	struct sim_node *node = ctx;
	uint8_t *p = buf;
	size_t whole = len;

	while (len) {
		uint64_t v = sim_random(node->sim);
		size_t n = len < 8 ? len : 8;

		memcpy(p, &v, n);
		p += n;
		len -= n;
	}
	force_nonce(node, buf, whole);
}

const struct ike_ops sim_ops = {
	.send = sim_send,
	.spi_alloc = op_spi_alloc,
	.spi_free = op_spi_free,
	.sa_install = op_sa_install,
	.sa_remove = op_sa_remove,
	.sa_move = op_sa_move,
	.inbound_packets = op_inbound_packets,
	.tunnel_state = op_tunnel_state,
	.event = op_event,
	.random = op_random,
};

void sim_plane_clear(struct sim_node *node)
{
	free(node->in);
	free(node->spent);
	node->in = NULL;
	node->spent = NULL;
	node->n_in = node->cap_in = node->n_spent = node->cap_spent = 0;
	node->spis = 0;
	node->n_sending = node->n_up = 0;
	for (size_t i = 0; node->tunnel && i < node->n_tunnels; i++)
		free(node->tunnel[i].beside);
	if (node->tunnel)
		memset(node->tunnel, 0, node->n_tunnels * sizeof(*node->tunnel));
}
