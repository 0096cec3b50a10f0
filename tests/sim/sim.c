#include "tests/sim/sim.h"

#include "tests/sim/plane.h"
#include "tests/sim/trace.h"
#include "conf/secret.h"
#include "ike/sa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PORT_IKE = 500, PORT_NATT = 4500 };

enum sim_kind { SIM_DATAGRAM, SIM_PROBE, SIM_PROBE_ROUND };

struct sim_event {
	ike_time at;
	uint64_t order;
	enum sim_kind kind;
	unsigned to, from;
	struct ike_path path; /* as the receiver sees it */
	uint8_t *data;
	size_t n;
	struct sim_sa sa; /* SIM_PROBE: what it was sent with */
};

void sim_fail(const struct sim *s, const char *file, int line, const char *what)
{
	fail_msg("%s:%d: %s (seed %llu, at %.6f s; violations %u: %s)", file, line, what,
		 (unsigned long long)s->seed, (double)s->now / 1e6, s->violations, s->violation);
}

uint64_t sim_random(struct sim *s)
{
	uint64_t z = s->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static bool chance(struct sim *s, unsigned per_mille)
{
	return per_mille && sim_random(s) % 1000 < per_mille;
}

/* The event queue: a binary heap of pointers, by time, then by order of creation. */
static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct sim *s, struct sim_event what)
{
	struct sim_event *ev = malloc(sizeof(*ev));
	size_t i = s->n_events++;

	if (s->n_events > s->cap_events) {
		s->cap_events = s->cap_events ? 2 * s->cap_events : 256;
		s->event = realloc(s->event, s->cap_events * sizeof(*s->event));
		assert_non_null(s->event);
	}
	assert_non_null(ev);
	*ev = what;
	ev->order = s->order++;
	while (i && before(ev, s->event[(i - 1) / 2])) {
		s->event[i] = s->event[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->event[i] = ev;
}

static struct sim_event *pop(struct sim *s)
{
	struct sim_event *top = s->event[0], *last = s->event[--s->n_events];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < s->n_events) {
		if (child + 1 < s->n_events && before(s->event[child + 1], s->event[child]))
			child++;
		if (!before(s->event[child], last))
			break;
		s->event[i] = s->event[child];
		i = child;
	}
	s->event[i] = last;
	return top;
}

/* The network: source and destination as they are after any NAT. false: nobody is there. */
static bool translate(struct sim *s, struct sim_node *from, const struct ike_path *path,
		      struct ike_path *seen, unsigned *to)
{
	struct endpoint src = path->local, dst = path->remote;

	if (from->behind_nat) {
		unsigned i = src.port == PORT_NATT;

		if (!from->mapped[i])
			from->mapped[i] = from->next_port++;
		src = (struct endpoint){ from->public_address, from->mapped[i] };
	}
	for (unsigned n = 0; n < s->n_nodes; n++) {
		struct sim_node *node = &s->node[n];
		struct prefix home = { node->address, node->prefix };

		if (!node->behind_nat && prefix_contains(&home, &dst.addr)) {
			*seen = (struct ike_path){ dst, src };
			*to = n;
			return true;
		}
		if (!node->behind_nat || !addr_equal(&node->public_address, &dst.addr))
			continue;
		for (unsigned i = 0; i < 2; i++) {
			uint16_t port = i ? PORT_NATT : PORT_IKE;

			/* Ports 500 and 4500 are forwarded as well, so that it can be called. */
			if (node->mapped[i] == dst.port || dst.port == port) {
				*seen = (struct ike_path){ { node->address, port }, src };
				*to = n;
				return true;
			}
		}
	}
	return false;
}

/* ev.at holds what to delay it by beyond the link's own delay. */
static void transmit(struct sim *s, struct sim_event ev, bool spared)
{
	unsigned copies = 1;

	if (!spared) {
		if (chance(s, s->link.loss)) {
			free(ev.data);
			if (ev.kind == SIM_PROBE)
				s->lost++;
			return;
		}
		copies += chance(s, s->link.duplicate);
	}
	for (unsigned i = 0; i < copies; i++) {
		struct sim_event copy = ev;

		if (i) {
			if (ev.kind == SIM_PROBE)
				continue;
			copy.data = malloc(ev.n);
			assert_non_null(copy.data);
			memcpy(copy.data, ev.data, ev.n);
		}
		copy.at = ev.at + s->now + s->link.delay +
			  (s->link.jitter ? sim_random(s) % s->link.jitter : 0);
		push(s, copy);
	}
}

static sim_verdict filtered(struct sim *s, const struct sim_event *ev)
{
	const uint8_t *p = ev->data + (ev->path.local.port == PORT_NATT ? 4 : 0);
	struct sim_message m = { .from = ev->from, .to = ev->to };

	if (!s->filter || ev->n < 28)
		return SIM_PASS;
	m.data = p;
	m.len = (size_t)(ev->data + ev->n - p);
	m.exchange = p[18];
	m.response = p[19] & 0x20;
	m.id = (uint32_t)p[20] << 24 | (uint32_t)p[21] << 16 | (uint32_t)p[22] << 8 | p[23];
	return s->filter(s, &m, s->filter_arg);
}

void sim_send(void *ctx, const struct ike_path *path, const uint8_t *data, size_t len)
{
	struct sim_node *node = ctx;
	struct sim *s = node->sim;
	struct sim_event ev = { .kind = SIM_DATAGRAM, .from = node->index, .n = len };
	sim_verdict verdict;

	s->messages++;
	if (len == 1)
		node->keepalives++;
	if (!translate(s, node, path, &ev.path, &ev.to))
		return;
	ev.data = malloc(len);
	assert_non_null(ev.data);
	memcpy(ev.data, data, len);
	verdict = filtered(s, &ev);
	if (s->verbose && len >= 28) {
		const uint8_t *p = data + (path->local.port == PORT_NATT ? 4 : 0);

		printf("%10.6f node %u: SA %02x%02x %s %u, id %u, %zu bytes%s\n",
		       (double)s->now / 1e6, node->index, p[0], p[1],
		       p[19] & 0x20 ? "answer" : "request", p[18], p[23], len,
		       verdict == SIM_DROP   ? ", lost"
		       : verdict == SIM_HOLD ? ", held"
		       : verdict	     ? ", late"
					     : "");
	}
	if (len >= 28)
		sim_trace_message(s, node, data + (path->local.port == PORT_NATT ? 4 : 0),
				  len - (path->local.port == PORT_NATT ? 4 : 0), verdict);
	if (verdict == SIM_DROP) {
		free(ev.data);
	} else if (verdict == SIM_HOLD) {
		s->held = realloc(s->held, (s->n_held + 1) * sizeof(*s->held));
		assert_non_null(s->held);
		s->held[s->n_held++] = ev;
	} else if (verdict & SIM_TWICE) {
		struct sim_event copy = ev;

		copy.data = malloc(len);
		assert_non_null(copy.data);
		memcpy(copy.data, data, len);
		copy.at = verdict & ~SIM_TWICE;
		transmit(s, ev, false);
		transmit(s, copy, false);
	} else {
		ev.at = verdict;
		transmit(s, ev, false);
	}
}

void sim_release(struct sim *s)
{
	for (size_t i = 0; i < s->n_held; i++)
		transmit(s, s->held[i], true);
	s->n_held = 0;
}

struct sim *sim_new(uint64_t seed)
{
	struct sim *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_int_equal(secret_init(), 0);
	s->seed = s->state = seed;
	s->secrets = secret_live();
	s->now = 1000 * IKE_SECOND;
	s->link.delay = 5 * SIM_MS;
	s->verbose = getenv("SIM_VERBOSE") != NULL;
	return s;
}

void sim_free(struct sim *s)
{
	for (unsigned i = 0; i < s->n_nodes; i++) {
		ike_engine_free(s->node[i].engine);
		sim_plane_clear(&s->node[i]);
		free(s->node[i].tunnel);
		free(s->node[i].sending);
	}
	while (s->n_events) {
		free(s->event[--s->n_events]->data);
		free(s->event[s->n_events]);
	}
	while (s->n_held)
		free(s->held[--s->n_held].data);
	free(s->held);
	free(s->event);
	free(s);
}

static void make_room(struct sim_node *node, size_t tunnels)
{
	node->tunnel = realloc(node->tunnel, tunnels * sizeof(*node->tunnel));
	node->sending = realloc(node->sending, tunnels * sizeof(*node->sending));
	assert_true(node->tunnel && node->sending);
	memset(&node->tunnel[node->n_tunnels], 0,
	       (tunnels - node->n_tunnels) * sizeof(*node->tunnel));
	node->n_tunnels = tunnels;
}

unsigned sim_node_add(struct sim *s, const char *address)
{
	struct sim_node *node = &s->node[s->n_nodes];

	assert_true(s->n_nodes < SIM_NODES_MAX);
	node->sim = s;
	node->index = s->n_nodes;
	node->first_spi = node->next_spi = 0x1000000 * (s->n_nodes + 1);
	node->next_port = 20000;
	make_room(node, 16);
	assert_true(addr_parse(&node->address, address));
	node->prefix = (uint8_t)addr_bits(&node->address);
	node->engine = ike_engine_new(&sim_ops, node);
	assert_non_null(node->engine);
	return s->n_nodes++;
}

void sim_node_nat(struct sim *s, unsigned node, const char *public_address)
{
	s->node[node].behind_nat = true;
	assert_true(addr_parse(&s->node[node].public_address, public_address));
}

void sim_node_rebind(struct sim *s, unsigned node)
{
	for (unsigned i = 0; i < 2; i++) {
		if (s->node[node].mapped[i])
			s->node[node].mapped[i] = s->node[node].next_port++;
	}
}

void sim_node_kill(struct sim *s, unsigned node)
{
	ike_engine_free(s->node[node].engine);
	s->node[node].engine = NULL;
	sim_plane_clear(&s->node[node]);
}

void sim_node_start(struct sim *s, unsigned node)
{
	s->node[node].engine = ike_engine_new(&sim_ops, &s->node[node]);
	assert_non_null(s->node[node].engine);
}

void sim_conf_psk(struct conf_tunnel *t, const char *psk)
{
	secret_free(t->psk);
	t->psk = secret_from(psk, strlen(psk));
	assert_non_null(t->psk);
}

void sim_conf(const struct sim *s, unsigned a, unsigned b, struct conf_tunnel *t)
{
	const struct sim_node *na = &s->node[a], *nb = &s->node[b];

	memset(t, 0, sizeof(*t));
	snprintf(t->name, sizeof(t->name), "%u-%u", a, b);
	t->cloud_ip = na->address;
	t->customer_ip = nb->behind_nat ? nb->public_address : nb->address;
	sim_conf_psk(t, "correct horse battery staple");
	/* Identities are the public addresses, also behind NAT. */
	t->local_id = conf_id_address(na->behind_nat ? &na->public_address : &na->address);
	t->remote_id = conf_id_address(&t->customer_ip);
	algo_list_add(&t->ike_cipher, CIPHER_AES128_CBC);
	algo_list_add(&t->ike_auth, AUTH_SHA256);
	algo_list_add(&t->ike_dh, DH_X25519);
	t->ike_lifetime = 14400;
	t->dpd = 10;
	t->ike_fragment = 1280;
	algo_list_add(&t->esp_cipher, CIPHER_AES128_CBC);
	algo_list_add(&t->esp_auth, AUTH_SHA256);
	t->esp_lifetime = 3600;
	t->start = CONF_START_INITIATE;
	t->enabled = true;
	t->replay_window = 1024;
}

void sim_tunnel_add(struct sim *s, unsigned node, uint32_t tunnel, struct conf_tunnel *conf)
{
	if (tunnel >= s->node[node].n_tunnels)
		make_room(&s->node[node], 2 * (size_t)tunnel);
	assert_int_equal(ike_tunnel_add(s->node[node].engine, s->now, tunnel, conf), 0);
	secret_free(conf->psk);
	secret_free(conf->ppk);
	conf->psk = conf->ppk = NULL;
}

struct sim *sim_pair(uint64_t seed)
{
	struct sim *s = sim_new(seed);

	sim_node_add(s, "192.0.2.1");
	sim_node_add(s, "198.51.100.1");
	return s;
}

void sim_pair_add(struct sim *s, sim_change *change)
{
	struct conf_tunnel t;

	for (unsigned node = 0; node < 2; node++) {
		sim_conf(s, node, !node, &t);
		if (change)
			change(node, &t);
		sim_tunnel_add(s, node, 7, &t);
	}
}

static void probe_on(struct sim *s, struct sim_node *node, struct sim_event ev, struct sim_sa *out)
{
	ev.sa = *out;
	s->probes++;
	if (!sim_carry(node, out, IKE_OUT))
		s->lost++;
	else if (translate(s, node, &ev.sa.path, &ev.path, &ev.to))
		transmit(s, ev, s->link.spare_probes);
	else
		s->lost++;
}

/* One probe on each outbound SA, from every node. */
static void probe_round(struct sim *s)
{
	for (unsigned n = 0; n < s->n_nodes; n++) {
		struct sim_node *node = &s->node[n];

		for (size_t i = 0; i < node->n_sending; i++) {
			struct sim_event ev = { .kind = SIM_PROBE, .from = n };

			probe_on(s, node, ev, &node->tunnel[node->sending[i]].out);
			for (unsigned k = 0; k < SIM_BESIDE; k++) {
				struct sim_tunnel *t = &node->tunnel[node->sending[i]];

				if (t->beside && t->beside[k].installed)
					probe_on(s, node, ev, &t->beside[k]);
			}
		}
	}
	if (s->probe_interval)
		push(s, (struct sim_event){ .kind = SIM_PROBE_ROUND,
					    .at = s->now + s->probe_interval });
}

void sim_probe(struct sim *s, ike_time interval)
{
	bool running = s->probe_interval;

	s->probe_interval = interval;
	if (!running && interval)
		push(s, (struct sim_event){ .kind = SIM_PROBE_ROUND, .at = s->now });
}

static void receive_probe(struct sim *s, const struct sim_event *ev)
{
	struct sim_node *node = &s->node[ev->to];
	struct sim_sa *in = node->engine ? sim_find_inbound(node, ev->sa.spi) : NULL;

	if (!in || node->unreachable) {
		s->lost++;
		if (s->verbose)
			printf("%10.6f probe %u -> %u lost: SPI %08x\n", (double)s->now / 1e6,
			       ev->from, ev->to, ev->sa.spi);
		return;
	}
	if (in->cipher != ev->sa.cipher || in->auth != ev->sa.auth || in->udp != ev->sa.udp ||
	    in->esn != ev->sa.esn || in->icv_bytes != ev->sa.icv_bytes ||
	    in->key_len != ev->sa.key_len || memcmp(in->key, ev->sa.key, in->key_len))
		sim_violation(s, "the two ends of SA %08x differ", in->spi);
	node->tunnel[in->tunnel].accepted++;
	if (!in->used) {
		in->used = true;
		ike_sa_used(node->engine, s->now, in->tunnel, ev->sa.spi);
		in = sim_find_inbound(node, ev->sa.spi);
	}
	if (in && !sim_carry(node, in, IKE_IN))
		s->lost++;
}

static void handle(struct sim *s, struct sim_event *ev)
{
	struct sim_node *node = &s->node[ev->to];

	switch (ev->kind) {
	case SIM_DATAGRAM:
		if (node->engine && !node->unreachable)
			ike_input(node->engine, s->now, &ev->path, ev->data, ev->n);
		free(ev->data);
		break;
	case SIM_PROBE:
		receive_probe(s, ev);
		break;
	case SIM_PROBE_ROUND:
		if (s->probe_interval)
			probe_round(s);
	}
}

static struct sim_node *next_deadline(struct sim *s, ike_time *at)
{
	struct sim_node *next = NULL;

	*at = IKE_NEVER;
	for (unsigned i = 0; i < s->n_nodes; i++) {
		struct sim_node *node = &s->node[i];
		ike_time t = node->engine ? ike_next_deadline(node->engine) : IKE_NEVER;

		if (t < *at) {
			*at = t;
			next = node;
		}
	}
	return next;
}

bool sim_until(struct sim *s, ike_time limit, sim_condition *condition, void *arg)
{
	ike_time end = s->now + limit, deadline;

	while (!condition || !condition(s, arg)) {
		struct sim_node *node = next_deadline(s, &deadline);
		ike_time event = s->n_events ? s->event[0]->at : IKE_NEVER;
		ike_time next = event < deadline ? event : deadline;

		if (next > end) {
			s->now = end;
			return condition && condition(s, arg);
		}
		if (next > s->now)
			s->now = next;
		if (event <= deadline) {
			struct sim_event *ev = pop(s);

			handle(s, ev);
			free(ev);
		} else {
			ike_tick(node->engine, s->now);
		}
	}
	return true;
}

void sim_run(struct sim *s, ike_time length)
{
	sim_until(s, length, NULL, NULL);
}

static bool all_up(const struct sim *s, void *arg)
{
	uint32_t tunnel = *(uint32_t *)arg;

	for (unsigned i = 0; i < s->n_nodes; i++) {
		if (!s->node[i].tunnel[tunnel].up)
			return false;
	}
	return true;
}

bool sim_until_up(struct sim *s, ike_time limit, uint32_t tunnel)
{
	return sim_until(s, limit, all_up, &tunnel);
}

struct whose {
	unsigned node;
	uint32_t tunnel;
};

static bool is_down(const struct sim *s, void *arg)
{
	const struct whose *w = arg;

	return !s->node[w->node].tunnel[w->tunnel].up;
}

bool sim_until_down(struct sim *s, ike_time limit, unsigned node, uint32_t tunnel)
{
	struct whose w = { node, tunnel };

	return sim_until(s, limit, is_down, &w);
}

void sim_held_spi(const struct sim *s, uint8_t *spi_i)
{
	memcpy(spi_i, s->held[0].data + (s->held[0].path.local.port == PORT_NATT ? 4 : 0), 8);
}

void sim_inject(struct sim *s, unsigned to, const struct ike_path *path, const void *data, size_t n)
{
	ike_input(s->node[to].engine, s->now, path, data, n);
}

unsigned sim_inbound(const struct sim *s, unsigned node)
{
	return (unsigned)s->node[node].n_in;
}

unsigned sim_ike_sas(const struct sim *s, unsigned node)
{
	const struct ike_sa *sa;
	unsigned n = 0;

	LIST_FOREACH(sa, &s->node[node].engine->sas, all)
	n += sa->state != IKE_STATE_REFUSED || sa->tunnel; /* deleted by the peer: is no more */
	return n;
}

unsigned sim_established(const struct sim *s, unsigned node, uint32_t tunnel)
{
	struct ike_tunnel_view v;

	return ike_tunnel_view(s->node[node].engine, tunnel, &v) == 0 ? v.n_children : 0;
}

void sim_finish(struct sim *s)
{
	size_t secrets = s->secrets;

	sim_probe(s, 0);
	s->link.loss = 0;
	for (unsigned i = 0; i < s->n_nodes; i++) {
		if (s->node[i].engine)
			ike_stop(s->node[i].engine, s->now);
	}
	sim_run(s, 3 * IKE_SECOND);
	for (unsigned i = 0; i < s->n_nodes; i++) {
		struct sim_node *node = &s->node[i];

		if (!node->engine)
			continue;
		sim_assert(s, ike_stopped(node->engine));
		sim_assert(s, node->n_in == 0);
		sim_assert(s, node->spis == 0);
		sim_assert(s, node->n_sending == 0);
	}
	sim_assert(s, s->violations == 0);
	sim_free(s);
	assert_int_equal(secret_live(), secrets);
}
