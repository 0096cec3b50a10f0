#include "gateway/show.h"

#include "gateway/baseline.h"
#include "gateway/clock.h"
#include "gateway/exception.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- show ports -------------------------------------------------------------------------- */

static void page_mac(struct page *p, const uint8_t mac[6])
{
	page_textf(p, "mac", "MAC", "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		   mac[4], mac[5]);
}

static void port_addresses(struct page *p, const struct conf_port *port)
{
	char all[CONF_PORT_ADDRS * PREFIX_STR_MAX] = "", one[PREFIX_STR_MAX];
	size_t used = 0;

	if (page_is_json(p)) {
		page_list(p, "addresses");
		for (unsigned i = 0; i < port->n_addresses; i++)
			page_text(p, "", NULL, prefix_format(&port->address[i], one));
		page_end(p);
		return;
	}
	for (unsigned i = 0; i < port->n_addresses; i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
					 prefix_format(&port->address[i], one));
	page_text(p, NULL, "ADDRESSES", all);
}

static void port_row(struct page *p, const struct conf_port *port,
		     const struct dataplane_port_stats *s)
{
	page_object(p, NULL, NULL);
	page_text(p, "name", "PORT", port->name);
	page_text(p, "device", NULL, port->device);
	page_text(p, "driver", "DRIVER", s->device);
	page_mac(p, s->mac);
	page_text(p, "link", "LINK", s->link_up ? "up" : "down");
	page_number(p, "mtu", "MTU", s->mtu);
	page_number(p, "queues", "QUEUES", s->queues);
	port_addresses(p, port);
	page_count(p, "rx_packets", "RX PACKETS", s->rx_packets);
	page_bytes(p, "rx_bytes", "RX BYTES", s->rx_bytes);
	page_count(p, "rx_missed", "MISSED", s->rx_missed);
	page_count(p, "rx_errors", "RX ERRORS", s->rx_errors);
	page_count(p, "tx_packets", "TX PACKETS", s->tx_packets);
	page_bytes(p, "tx_bytes", "TX BYTES", s->tx_bytes);
	page_count(p, "tx_errors", "TX ERRORS", s->tx_errors);
	page_end(p);
}

int show_ports(struct command_call *call)
{
	struct gateway *g = call->gateway;

	page_table(call->page, "ports", NULL, "No port is configured.");
	for (unsigned i = 0; i < dataplane_ports(g->dp) && i < g->conf->n_ports; i++) {
		struct dataplane_port_stats s = { 0 };
		int rc = baseline_port_stats(g, i, &s);

		if (rc < 0)
			return command_fail(call, rc, "port '%s' does not tell its counters",
					    g->conf->port[i].name);
		port_row(call->page, &g->conf->port[i], &s);
	}
	page_end(call->page);
	return 0;
}

/* ---- show neighbours --------------------------------------------------------------------- */

static void neighbour_row(void *ctx, const struct dataplane_neighbour *n)
{
	char to[PREFIX_STR_MAX], vtep[ADDR_STR_MAX];
	struct page *p = ctx;

	page_object(p, NULL, NULL);
	page_text(p, "network", "NETWORK", n->on);
	if (n->to.len == 8 * addr_bytes(&n->to.addr))
		page_text(p, "address", "ADDRESS", addr_format(&n->to.addr, to));
	else
		page_text(p, "address", "ADDRESS", prefix_format(&n->to, to));
	page_text(p, "state", "STATE", n->state);
	if (n->has_mac)
		page_mac(p, n->mac);
	else
		page_none(p, "mac", "MAC");
	if (n->vtep.family != ADDR_NONE)
		page_text(p, "vtep", "BEHIND VTEP", addr_format(&n->vtep, vtep));
	else
		page_none(p, "vtep", "BEHIND VTEP");
	page_end(p);
}

int show_neighbours(struct command_call *call)
{
	page_table(call->page, "neighbours", NULL, "Nobody is known yet.");
	dataplane_neighbour_walk(call->gateway->dp, neighbour_row, call->page);
	page_end(call->page);
	return 0;
}

/* ---- show workers ------------------------------------------------------------------------ */

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0.0;
}

static uint64_t busy_cycles(const struct dataplane_worker_stats *w)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PHASE_COUNT; i++)
		sum += w->phase_cycles[i];
	return sum;
}

static void worker_pulse_json(struct page *p, const struct dataplane_worker_stats *w)
{
	page_flag(p, "stuck", NULL, w->stuck);
	page_real(p, "load", NULL, w->load / 1000.0, "");
	page_count(p, "pauses", NULL, w->pauses);
	page_real(p, "longest_pause_seconds", NULL, (double)w->longest_pause / 1e6, "");
	page_object(p, "rings", NULL);
	for (unsigned k = 0; k < WORKER_RING_COUNT; k++)
		page_count(p, worker_ring_name(k), NULL, w->ring[k]);
	page_end(p);
}

static void worker_pulse(struct page *p, unsigned n, const struct dataplane_worker_stats *w)
{
	page_table(p, NULL, "Pulse, and what waits in the rings to and from each worker", NULL);
	for (unsigned i = 0; i < n; i++) {
		page_object(p, NULL, NULL);
		page_number(p, NULL, "WORKER", i);
		page_text(p, NULL, "STATE", w[i].stuck ? "STUCK" : "turns");
		page_real(p, NULL, "LAST SECOND", w[i].load / 10.0, "%");
		page_count(p, NULL, "PAUSES", w[i].pauses);
		page_real(p, NULL, "LONGEST", (double)w[i].longest_pause / 1e3, " ms");
		for (unsigned k = 0; k < WORKER_RING_COUNT; k++)
			page_count(p, NULL, worker_ring_name(k), w[i].ring[k]);
		page_end(p);
	}
	page_end(p);
}

static void worker_load(struct page *p, unsigned n, const struct dataplane_worker_stats *w)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t busy = busy_cycles(&w[i]);

		page_object(p, NULL, NULL);
		page_number(p, "worker", "WORKER", i);
		page_number(p, "lcore", "LCORE", w[i].lcore);
		page_count(p, "tunnels", "TUNNELS", w[i].tunnels);
		page_real(p, "busy", NULL, ratio(busy, busy + w[i].idle_cycles), "");
		page_real(p, NULL, "BUSY", 100 * ratio(busy, busy + w[i].idle_cycles), "%");
		page_real(p, "burst", "BURST", ratio(w[i].rx_packets, w[i].busy_loops), "");
		page_count(p, "loops", NULL, w[i].loops);
		page_count(p, "busy_loops", NULL, w[i].busy_loops);
		page_count(p, "naps", "NAPS", w[i].naps);
		page_count(p, "rx_packets", "RX", w[i].rx_packets);
		page_count(p, "tx_packets", "TX", w[i].tx_packets);
		page_count(p, "esp_in_packets", "ESP IN", w[i].esp_in_packets);
		page_count(p, "esp_out_packets", "ESP OUT", w[i].esp_out_packets);
		page_count(p, "handed_over", "HANDED OVER", w[i].handed_over);
		if (page_is_json(p)) {
			page_object(p, "cycles_per_packet", NULL);
			for (unsigned k = 0; k < PHASE_COUNT; k++)
				page_real(p, worker_phase_name(k), NULL,
					  ratio(w[i].phase_cycles[k], w[i].phase_packets[k]), "");
			page_end(p);
			worker_pulse_json(p, &w[i]);
		}
		page_end(p);
	}
}

static void worker_cycles(struct page *p, unsigned n, const struct dataplane_worker_stats *w)
{
	page_table(p, NULL, "Cycles per packet, by phase", NULL);
	for (unsigned i = 0; i < n; i++) {
		page_object(p, NULL, NULL);
		page_number(p, NULL, "WORKER", i);
		for (unsigned k = 0; k < PHASE_COUNT; k++)
			page_real(p, NULL, worker_phase_name(k),
				  ratio(w[i].phase_cycles[k], w[i].phase_packets[k]), "");
		page_end(p);
	}
	page_end(p);
}

void show_worker_rows(struct page *page, unsigned n, const struct dataplane_worker_stats *w)
{
	page_table(page, "workers", NULL, NULL);
	worker_load(page, n, w);
	page_end(page);
	if (page_is_json(page))
		return;
	worker_cycles(page, n, w);
	worker_pulse(page, n, w);
}

/* Freed by the caller; NULL after command_fail(). */
static struct dataplane_worker_stats *all_workers(struct command_call *call, unsigned *n)
{
	struct dataplane *dp = call->gateway->dp;
	struct dataplane_worker_stats *w;

	*n = dataplane_workers(dp);
	w = calloc(*n ? *n : 1, sizeof(*w));
	if (!w) {
		command_fail(call, -ENOMEM, "out of memory");
		return NULL;
	}
	for (unsigned i = 0; i < *n; i++)
		baseline_worker_stats(call->gateway, i, &w[i]);
	return w;
}

int show_workers(struct command_call *call)
{
	struct dataplane_worker_stats *w;
	const char *engine;
	bool fast;
	unsigned n;

	w = all_workers(call, &n);
	if (!w)
		return -ENOMEM;
	engine = dataplane_engine(call->gateway->dp, &fast);
	page_text(call->page, "engine", "Engine", engine);
	page_flag(call->page, "engine_fast", NULL, fast);
	if (!fast && !page_is_json(call->page))
		page_text(call->page, NULL, "WARNING", "this CPU could encrypt faster than this");
	show_worker_rows(call->page, n, w);
	free(w);
	return 0;
}

/* ---- show drops -------------------------------------------------------------------------- */

static void drop_row(struct page *p, const char *reason, const char *text, uint64_t packets)
{
	if (packets == 0 && !page_is_json(p))
		return;
	page_object(p, NULL, NULL);
	page_text(p, "reason", "REASON", reason);
	page_count(p, "packets", "PACKETS", packets);
	page_text(p, "text", "WHAT IT MEANS", text);
	page_end(p);
}

int show_drops(struct command_call *call)
{
	struct page *p = call->page;
	struct dataplane_worker_stats *w;
	struct exception_stats e = { 0 };
	uint64_t sum[DROP_REASON_COUNT] = { 0 }, total = 0;
	unsigned n;

	w = all_workers(call, &n);
	if (!w)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
			sum[r] += w[i].drop[r];
	free(w);
	baseline_exception_stats(call->gateway, &e);
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		total += sum[r];
	for (unsigned r = 0; r < EXCEPTION_DROP_COUNT; r++)
		total += e.drop[r];
	page_count(p, "total", NULL, total);
	page_table(p, "drops", NULL, "No packet was dropped.");
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		drop_row(p, drop_reason_name(r), drop_reason_text(r), sum[r]);
	for (unsigned r = 0; r < EXCEPTION_DROP_COUNT; r++)
		drop_row(p, exception_drop_name(r), exception_drop_text(r), e.drop[r]);
	page_end(p);
	return 0;
}

/* ---- show version ------------------------------------------------------------------------ */

int show_version(struct command_call *call)
{
	struct gateway *g = call->gateway;
	struct page *p = call->page;
	uint64_t up = 0;

	for (uint32_t i = tunnels_next(g->tunnels, 0); i < g->tunnels->n;
	     i = tunnels_next(g->tunnels, i + 1))
		up += g->tunnels->v[i].up;
	page_text(p, "version", "isthmus", ISTHMUS_VERSION);
	page_age(p, "uptime_seconds", "running for", clock_now() - g->started);
	page_text(p, "dataplane", "dataplane", dataplane_summary(g->dp));
	page_count(p, "workers", "workers", dataplane_workers(g->dp));
	page_count(p, "ports", "ports", dataplane_ports(g->dp));
	page_count(p, "tunnels", "tunnels", g->tunnels->count);
	page_count(p, "tunnels_up", "tunnels UP", up);
	return 0;
}
