/* What the commands print.
 *
 * The JSON form is described in gateway/schema.c for every `show`; the keys of other commands:
 *
 *   create ... set ... unset ... delete ...
 *                   kind name done, and as reload
 *   reload          added removed rebuilt changed (tunnels) seconds warnings[] kept_aside
 *   diff            differences[]: deed (added removed changed) kind name field was is; unsaved
 *   save            file done
 *   trace           wanted traced packets[]: worker packet inner steps[]: phase event text
 *   capture         file packets bytes lost
 *   tunnel N ...    tunnel, done
 *   bgp N ...       name, done
 *   route ...       table prefix next_hop done, and as reload
 *   client-config   name device configuration
 *   doctor          checks[]: check state (ok note bad) found next; bad notes
 *   an error        error */
#ifndef GATEWAY_SHOW_H
#define GATEWAY_SHOW_H

#include "gateway/command.h"
#include "ike/engine.h"

int show_tunnels(struct command_call *call);
int show_tunnel(struct command_call *call);
int show_tunnel_log(struct command_call *call);
int show_tunnel_samples(struct command_call *call);
int show_tunnel_psk(struct command_call *call);
int show_border_gateways(struct command_call *call);
int show_vpcs(struct command_call *call);
int show_attachments(struct command_call *call);
int show_customer_gateways(struct command_call *call);
int show_connections(struct command_call *call);
int show_connection(struct command_call *call);
/* A tunnel's row of a table. */
void show_tunnel_row(struct page *p, struct gateway *g, uint32_t number);
int show_sas(struct command_call *call);
int show_routes(struct command_call *call);
int show_route_table(struct command_call *call);
int show_vpc_routes(struct command_call *call);
int show_bgp(struct command_call *call);
int show_bgp_tunnel(struct command_call *call);
int show_routing(struct command_call *call);
int trace_start(struct command_call *call);
int capture_start(struct command_call *call);
int show_neighbours(struct command_call *call);
int show_ports(struct command_call *call);
int show_workers(struct command_call *call);
int show_drops(struct command_call *call);
int show_ike(struct command_call *call);
int show_schema(struct command_call *call);
int show_version(struct command_call *call);
int config_create(struct command_call *call);
int config_set(struct command_call *call);
int config_set_gateway(struct command_call *call);
int config_unset(struct command_call *call);
int config_delete(struct command_call *call);
int config_show(struct command_call *call);
int config_diff(struct command_call *call);
int config_reload(struct command_call *call);
int config_save(struct command_call *call);
int tunnel_enable(struct command_call *call);
int tunnel_disable(struct command_call *call);
int tunnel_drain(struct command_call *call);
int clear_counters(struct command_call *call);
int clear_tunnel_counters(struct command_call *call);
int ping(struct command_call *call);
int traceroute(struct command_call *call);
int explain(struct command_call *call);
int watch(struct command_call *call);
int monitor(struct command_call *call);
int bgp_cmd_enable(struct command_call *call);
int bgp_cmd_disable(struct command_call *call);
int bgp_cmd_restart(struct command_call *call);
int static_route_add(struct command_call *call);
int static_route_delete(struct command_call *call);
int tunnel_rekey_child(struct command_call *call);
int tunnel_rekey_ike(struct command_call *call);
int client_config_show(struct command_call *call);
int doctor_command(struct command_call *call);

/* ---- parts, also for tests --------------------------------------------------------------- */

struct tunnel;

void show_tunnel_detail(struct page *page, const struct tunnel *t, uint64_t now,
			const struct tunnel_snapshot *s,
			const struct dataplane_tunnel_stats *stats);
/* The rows of one tunnel inside an open table. */
void show_sa_rows(struct page *page, const char *tunnel, uint64_t now,
		  const struct tunnel_snapshot *s);
void show_worker_rows(struct page *page, unsigned n, const struct dataplane_worker_stats *w);

#endif
