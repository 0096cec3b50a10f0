#include "dataplane/telemetry.h"

#include "dataplane/core.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_telemetry.h>

/* Held while a request reads, and to end them all. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct dataplane *open_one;

/* Names in answers are letters, digits and '_'. */
static void add(struct rte_tel_data *d, const char *before, const char *name, uint64_t value)
{
	char key[64];

	snprintf(key, sizeof(key), "%s%s", before, name);
	for (char *c = key; *c; c++)
		if (*c == '-')
			*c = '_';
	rte_tel_data_add_dict_u64(d, key, value);
}

static int list_workers(const char *params, struct rte_tel_data *d)
{
	char name[32];

	rte_tel_data_start_dict(d);
	for (unsigned i = 0; i < dataplane_workers(open_one); i++) {
		struct rte_tel_data *w = rte_tel_data_alloc();
		struct dataplane_worker_stats s;

		if (!w || dataplane_worker_stats(open_one, i, &s) < 0) {
			rte_tel_data_free(w);
			return -1;
		}
		rte_tel_data_start_dict(w);
		rte_tel_data_add_dict_u64(w, "lcore", s.lcore);
		rte_tel_data_add_dict_u64(w, "tunnels", s.tunnels);
		rte_tel_data_add_dict_u64(w, "loops", s.loops);
		rte_tel_data_add_dict_u64(w, "busy_loops", s.busy_loops);
		rte_tel_data_add_dict_u64(w, "naps", s.naps);
		rte_tel_data_add_dict_u64(w, "rx_packets", s.rx_packets);
		rte_tel_data_add_dict_u64(w, "tx_packets", s.tx_packets);
		rte_tel_data_add_dict_u64(w, "esp_in_packets", s.esp_in_packets);
		rte_tel_data_add_dict_u64(w, "esp_out_packets", s.esp_out_packets);
		rte_tel_data_add_dict_u64(w, "handed_over", s.handed_over);
		rte_tel_data_add_dict_u64(w, "idle_cycles", s.idle_cycles);
		for (unsigned k = 0; k < PHASE_COUNT; k++)
			add(w, "cycles_", worker_phase_name(k), s.phase_cycles[k]);
		snprintf(name, sizeof(name), "worker_%u", i);
		rte_tel_data_add_dict_container(d, name, w, 0);
	}
	return 0;
}

static int list_drops(const char *params, struct rte_tel_data *d)
{
	uint64_t sum[DROP_REASON_COUNT] = { 0 };

	for (unsigned i = 0; i <= dataplane_workers(open_one); i++) {
		struct dataplane_worker_stats s;

		if (dataplane_worker_stats(open_one, i, &s) < 0)
			return -1;
		for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
			sum[r] += s.drop[r];
	}
	rte_tel_data_start_dict(d);
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		add(d, "", drop_reason_name(r), sum[r]);
	return 0;
}

/* How many; one by one they are asked for by index: an answer has no room for thousands. */
static int list_tunnels(const char *params, struct rte_tel_data *d)
{
	const struct tunnel *t = open_one->tables.tunnel;
	uint64_t all = 0, up = 0;

	for (uint32_t i = 0; i < TUNNELS_MAX; i++) {
		bool used = shared_get(&t[i].used);

		all += used;
		up += used && shared_get(&t[i].up);
	}
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_u64(d, "tunnels", all);
	rte_tel_data_add_dict_u64(d, "up", up);
	return 0;
}

static int show_tunnel(const char *params, struct rte_tel_data *d)
{
	unsigned long index = params ? strtoul(params, NULL, 10) : TUNNELS_MAX;
	struct dataplane_tunnel_stats s;

	if (index >= TUNNELS_MAX || dataplane_tunnel_stats(open_one, (uint32_t)index, &s) < 0)
		return -1;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_u64(d, "up", shared_get(&open_one->tables.tunnel[index].up));
	rte_tel_data_add_dict_u64(d, "mtu", s.mtu);
	rte_tel_data_add_dict_u64(d, "in_packets", s.in_packets);
	rte_tel_data_add_dict_u64(d, "in_bytes", s.in_bytes);
	rte_tel_data_add_dict_u64(d, "in_wire_bytes", s.in_wire_bytes);
	rte_tel_data_add_dict_u64(d, "out_packets", s.out_packets);
	rte_tel_data_add_dict_u64(d, "out_bytes", s.out_bytes);
	rte_tel_data_add_dict_u64(d, "out_wire_bytes", s.out_wire_bytes);
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		if (s.drop[r])
			add(d, "drop_", drop_reason_name(r), s.drop[r]);
	return 0;
}

static const struct {
	const char *name, *help;
	int (*fill)(const char *params, struct rte_tel_data *d);
} commands[] = {
	{ "/isthmus/workers", "Counters of each worker.", list_workers },
	{ "/isthmus/drops", "Dropped packets by reason.", list_drops },
	{ "/isthmus/tunnels", "How many tunnels, and how many UP.", list_tunnels },
	{ "/isthmus/tunnel", "Counters of one tunnel. Parameter: its index.", show_tunnel },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int answer(const char *name, const char *params, struct rte_tel_data *d)
{
	int rc = -1;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; open_one && i < COMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0)
			rc = commands[i].fill(params, d);
	pthread_mutex_unlock(&lock);
	return rc;
}

void telemetry_open(struct dataplane *dp)
{
	pthread_mutex_lock(&lock);
	open_one = dp;
	pthread_mutex_unlock(&lock);
	for (unsigned i = 0; i < COMMANDS; i++)
		rte_telemetry_register_cmd(commands[i].name, answer, commands[i].help);
}

void telemetry_close(void)
{
	pthread_mutex_lock(&lock);
	open_one = NULL;
	pthread_mutex_unlock(&lock);
}
