#include "tests/sim/storm.h"

#include "tests/sim/plane.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TIME_LIMIT (60 * IKE_SECOND)
#define STEP	   (IKE_SECOND / 10)

/* Each tunnel has a pair of addresses of its own. */
static void add_all(struct sim *s, enum conf_ike_version version, unsigned node, unsigned tunnels)
{
	struct conf_tunnel t;

	for (unsigned i = 0; i < tunnels; i++) {
		sim_conf(s, node, !node, &t);
		t.ike_version = version;
		if (version == CONF_IKE_V1)
			t.ike_dh = (struct algo_list){ 1, { DH_ECP256 } };
		t.cloud_ip = addr_ipv4((10 + node) << 24 | (i + 1));
		t.customer_ip = addr_ipv4((10 + !node) << 24 | (i + 1));
		t.local_id = conf_id_address(&t.cloud_ip);
		t.remote_id = conf_id_address(&t.customer_ip);
		sim_tunnel_add(s, node, i, &t);
	}
}

/* Each end's outbound SA is one that the other end accepts. */
static bool agree(const struct sim *s, unsigned tunnels)
{
	for (unsigned node = 0; node < 2; node++) {
		if (s->node[node].n_up != tunnels)
			return false;
		for (unsigned i = 0; i < tunnels; i++) {
			const struct sim_sa *out = &s->node[node].tunnel[i].out;

			if (!out->installed ||
			    !sim_find_inbound((struct sim_node *)&s->node[!node], out->spi))
				return false;
		}
	}
	return true;
}

static double until_all_up(struct sim *s, unsigned tunnels)
{
	ike_time began = s->now;

	while (!agree(s, tunnels)) {
		sim_assert(s, s->now - began < TIME_LIMIT);
		sim_run(s, STEP);
	}
	return (double)(s->now - began) / IKE_SECOND;
}

static void weather(struct sim *s, unsigned loss_per_mille)
{
	s->link.loss = loss_per_mille;
	s->link.duplicate = loss_per_mille / 4;
	s->link.jitter = loss_per_mille ? 20 * SIM_MS : 0;
}

struct storm storm_run(enum conf_ike_version version, unsigned tunnels, unsigned loss_per_mille,
		       uint64_t seed)
{
	struct sim *s = sim_new(seed);
	struct storm result;

	sim_node_add(s, "10.0.0.0");
	sim_node_add(s, "11.0.0.0");
	s->node[0].prefix = s->node[1].prefix = 8;
	weather(s, loss_per_mille);
	sim_probe(s, 2 * IKE_SECOND); /* a tunnel has traffic, which tells that the peer lives */
	add_all(s, version, 0, tunnels);
	add_all(s, version, 1, tunnels);
	result.up_s = until_all_up(s, tunnels);
	sim_run(s, 20 * IKE_SECOND);

	sim_node_kill(s, 1);
	sim_run(s, 3 * IKE_SECOND);
	sim_node_start(s, 1);
	add_all(s, version, 1, tunnels);
	result.recovery_s = until_all_up(s, tunnels);

	/* In calm weather all that was in doubt is decided. */
	weather(s, 0);
	sim_run(s, 100 * IKE_SECOND);
	s->lost = 0;
	sim_run(s, 4 * IKE_SECOND);
	sim_assert(s, s->lost == 0 && agree(s, tunnels));
	for (unsigned node = 0; node < 2; node++) {
		sim_assert(s, sim_ike_sas(s, node) == tunnels);
		sim_assert(s, sim_inbound(s, node) == tunnels);
		sim_assert(s, s->node[node].spis == sim_inbound(s, node));
	}
	sim_finish(s);
	return result;
}
