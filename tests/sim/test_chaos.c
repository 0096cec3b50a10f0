/* Two gateways do whatever comes to their minds, through a network that does the same: rekeys,
 * deletes, restarts, an operator's commands, loss, doubles, reordering, a NAT that forgets. When
 * all has become quiet one IKE SA is left, one pair for each pair of networks, both ends agree on
 * all of them, hardly a message is exchanged any more, and nothing has leaked.
 *
 * Each seed is a life of its own; CHAOS_SEEDS=FIRST-LAST runs others, CHAOS_VERSION=1 or 2 only
 * those of one version. */
#include "ike/child.h"
#include "ike/history.h"
#include "ike/sa.h"
#include "ike/tunnel.h"
#include "tests/sim/plane.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TUNNEL 7
#define WILD   (120 * IKE_SECOND)
#define CALM   (200 * IKE_SECOND)
#define QUIET  (60 * IKE_SECOND)

/* What a life is like, by chance. */
enum {
	SHORT_CHILDREN = 1 << 0,
	SHORT_IKE = 1 << 1,
	PFS = 1 << 2,
	OTHER_CIPHER = 1 << 3,
	ONE_CALLS = 1 << 4,
	SMALL_MESSAGES = 1 << 5, /* IKEv2: fragments; IKEv1: aggressive mode */
	NAT = 1 << 6,
	TWO_NETWORKS = 1 << 7,
	FEW_PACKETS = 1 << 8,
	SHORTER_AT_1 = 1 << 9, /* both ends have lifetimes of their own */
	SILENT = 1 << 10,      /* no traffic: the peer's life shows by probes alone */
	ALL_TRAITS = (1 << 11) - 1,
};

/* Of the life under way. */
static enum conf_ike_version version;
static unsigned traits;

static bool is(unsigned trait)
{
	return traits & trait;
}

static unsigned pairs(void)
{
	return is(TWO_NETWORKS) ? 2 : 1;
}

static void two_networks(unsigned node, struct conf_tunnel *t)
{
	struct prefix *several = node ? t->ts_local : t->ts_remote;

	prefix_parse(&several[0], "192.168.1.0/24");
	prefix_parse(&several[1], "192.168.2.0/24");
	prefix_parse(node ? t->ts_remote : t->ts_local, "10.0.0.0/16");
	t->n_ts_local = node ? 2 : 1;
	t->n_ts_remote = node ? 1 : 2;
	t->child_per_pair = true;
}

static void configure(unsigned node, struct conf_tunnel *t)
{
	bool shorter = node && is(SHORTER_AT_1);
	enum algo_dh group = version == CONF_IKE_V1 ? DH_ECP256 : DH_X25519;

	t->ike_version = version;
	t->ike_dh = (struct algo_list){ 1, { group } };
	t->esp_lifetime = is(SHORT_CHILDREN) ? (shorter ? 4 : 6) : 3600;
	t->ike_lifetime = is(SHORT_IKE) ? (shorter ? 11 : 15) : 14400;
	if (is(PFS))
		algo_list_add(&t->esp_pfs, group);
	if (is(OTHER_CIPHER))
		t->ike_cipher = (struct algo_list){
			1, { version == CONF_IKE_V1 ? CIPHER_3DES_CBC : CIPHER_AES128_GCM }
		};
	if (is(ONE_CALLS) && node)
		t->start = CONF_START_RESPOND;
	if (is(SMALL_MESSAGES)) {
		t->ike_fragment = 576;
		t->ike_mode = CONF_IKE_AGGRESSIVE;
	}
	if (is(TWO_NETWORKS))
		two_networks(node, t);
	if (is(FEW_PACKETS))
		t->esp_lifetime_packets = 200;
}

static void add(struct sim *s, unsigned node)
{
	struct conf_tunnel t;

	sim_conf(s, node, !node, &t);
	configure(node, &t);
	sim_tunnel_add(s, node, TUNNEL, &t);
}

static void act(struct sim *s)
{
	unsigned node = sim_random(s) % 2, what = sim_random(s) % 16;
	struct ike_engine *e = s->node[node].engine;
	struct ike_tunnel *t = ike_tunnel_find(e, TUNNEL);

	switch (what) {
	case 0:
	case 1:
	case 2:
	case 3:
		ike_rekey_child(e, s->now, TUNNEL);
		break;
	case 4:
	case 5:
	case 6:
		ike_rekey_ike(e, s->now, TUNNEL);
		break;
	case 7:
		if (t->out) {
			t->out->want_delete = true;
			ike_sa_attend(t->out->sa);
			ike_tick(e, s->now);
		}
		break;
	case 8:
		if (ike_tunnel_current(t))
			ike_sa_close(ike_tunnel_current(t), false);
		ike_tick(e, s->now);
		break;
	case 9:
		ike_tunnel_disable(e, s->now, TUNNEL);
		break;
	case 10:
	case 11:
	case 12:
		ike_tunnel_enable(e, s->now, TUNNEL);
		break;
	case 13:
		if (sim_random(s) % 3)
			break;
		sim_node_kill(s, node);
		sim_run(s, sim_random(s) % (3 * IKE_SECOND));
		sim_node_start(s, node);
		add(s, node);
		break;
	case 14:
		sim_node_rebind(s, 1);
		break;
	case 15:
		s->node[node].unreachable = true;
		sim_run(s, sim_random(s) % (6 * IKE_SECOND));
		s->node[node].unreachable = false;
	}
}

static void print_history(const struct sim *s, unsigned node)
{
	struct ike_history history;
	const struct ike_child *c;
	const struct ike_sa *sa;
	struct ike_happening h;
	size_t at = 0;

	if (!s->verbose || ike_tunnel_history(s->node[node].engine, TUNNEL, &history) < 0)
		return;
	LIST_FOREACH(sa, &s->node[node].engine->sas, all)
	print_error("node %u IKE SA %016llx, state %u, since %.6f%s%s%s\n", node,
		    (unsigned long long)sa->spi_i, sa->state, (double)sa->created / 1e6,
		    sa->tunnel ? "" : ", without a tunnel", sa->redundant ? ", redundant" : "",
		    sa->replaced ? ", replaced" : "");
	TAILQ_FOREACH(c, &ike_tunnel_find(s->node[node].engine, TUNNEL)->children, link)
	print_error("node %u child %08x/%08x, outbound %u, since %.6f%s%s\n", node, c->spi_in,
		    c->spi_out, c->outbound, (double)c->established / 1e6,
		    c->redundant ? ", redundant" : "", c->replaced ? ", replaced" : "");
	while (ike_history_next(&history, &at, &h))
		print_error("node %u %10.6f %s\n", node, (double)h.last / 1e6, h.text);
	ike_history_clear(&history);
}

/* Every SA that this node sends on is one that the other accepts, for the same pair. */
static bool agree(struct sim *s, unsigned node)
{
	const struct sim_tunnel *t = &s->node[node].tunnel[TUNNEL];
	struct ike_tunnel_view here, there;
	unsigned sending = 0;

	if (ike_tunnel_view(s->node[node].engine, TUNNEL, &here) < 0 ||
	    ike_tunnel_view(s->node[!node].engine, TUNNEL, &there) < 0 || !here.established ||
	    here.spi_i != there.spi_i || here.spi_r != there.spi_r ||
	    here.initiator == there.initiator)
		return false;
	for (unsigned i = 0; i <= SIM_BESIDE; i++) {
		const struct sim_sa *out = i ? &t->beside[i - 1] : &t->out, *in;

		if ((i && !t->beside) || !out->installed)
			continue;
		in = sim_find_inbound(&s->node[!node], out->spi);
		if (!in || in->peer_spi != out->peer_spi)
			return false;
		sending++;
	}
	return sending == pairs();
}

static void judge(struct sim *s, unsigned node, uint64_t messages)
{
	const struct sim_tunnel *t = &s->node[node].tunnel[TUNNEL];
	bool good = t->up && sim_ike_sas(s, node) == 1 && sim_inbound(s, node) == pairs() &&
		    s->node[node].spis == pairs() && s->lost == 0 && agree(s, node) &&
		    messages <= (is(SILENT) ? 60 : 12);

	if (!good) {
		print_error("IKEv%u, seed %llu, traits %03x, node %u: %s %s, %u IKE SAs, %u "
			    "inbound, %u SPIs, %u lost, %u messages%s\n",
			    version == CONF_IKE_V1 ? 1 : 2, (unsigned long long)s->seed, traits,
			    node, t->up ? "UP" : "DOWN", t->text, sim_ike_sas(s, node),
			    sim_inbound(s, node), s->node[node].spis, (unsigned)s->lost,
			    (unsigned)messages, agree(s, node) ? "" : ", they disagree");
		print_history(s, 0);
		print_history(s, 1);
	}
	sim_assert(s, good);
}

/* From now on nothing ends soon by itself. */
static void calm_down(struct sim *s, unsigned node)
{
	struct ike_tunnel *t = ike_tunnel_find(s->node[node].engine, TUNNEL);

	ike_tunnel_enable(s->node[node].engine, s->now, TUNNEL);
	t->conf.esp_lifetime = 3600;
	t->conf.ike_lifetime = 14400;
	t->conf.esp_lifetime_packets = 0;
}

static void live(uint64_t seed)
{
	struct sim *s = sim_pair(seed);
	ike_time end = s->now + WILD;
	uint64_t messages;

	traits = (unsigned)sim_random(s) & ALL_TRAITS;
	if (is(NAT))
		sim_node_nat(s, 1, "203.0.113.5");
	s->link.loss = sim_random(s) % 300;
	s->link.duplicate = sim_random(s) % 300;
	s->link.jitter = sim_random(s) % (50 * SIM_MS);
	add(s, 0);
	add(s, 1);
	if (!is(SILENT))
		sim_probe(s, 50 * SIM_MS);
	while (s->now < end) {
		act(s);
		if (sim_random(s) % 3)
			sim_run(s, sim_random(s) % (30 * SIM_MS));
		else
			sim_run(s, sim_random(s) % (4 * IKE_SECOND));
	}
	s->link.loss = s->link.duplicate = s->link.jitter = 0;
	calm_down(s, 0);
	calm_down(s, 1);
	sim_run(s, CALM);
	messages = s->messages;
	s->lost = 0;
	sim_run(s, QUIET);
	messages = s->messages - messages;
	sim_probe(s, 50 * SIM_MS);
	sim_run(s, IKE_SECOND);
	judge(s, 0, messages);
	judge(s, 1, messages);
	sim_finish(s);
}

static void live_all(enum conf_ike_version v)
{
	const char *seeds = getenv("CHAOS_SEEDS"), *only = getenv("CHAOS_VERSION");
	unsigned first = 1, last = 200;

	version = v;
	if (only && atoi(only) != (v == CONF_IKE_V1 ? 1 : 2))
		return;
	if (seeds)
		sscanf(seeds, "%u-%u", &first, &last);
	for (unsigned seed = first; seed <= last; seed++)
		live(seed);
}

static void chaos_v2(void **state)
{
	live_all(CONF_IKE_V2);
}

static void chaos_v1(void **state)
{
	live_all(CONF_IKE_V1);
}

/* Two networks and silence: both ends make a child for the same pair of networks one after the
 * other, rekey both, and nothing but their clocks makes them switch. */
static void doubled_children_in_silence(void **state)
{
	version = CONF_IKE_V2;
	live(453);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chaos_v2),
		cmocka_unit_test(chaos_v1),
		cmocka_unit_test(doubled_children_in_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
