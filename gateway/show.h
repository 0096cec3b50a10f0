/* What the commands print.
 *
 * The keys of the JSON form are an interface: added to, never renamed. Times are seconds
 * ("..._seconds"), SPIs are strings "0x0123abcd", counters are numbers since the start.
 *
 *   show tunnels    tunnels[]: name connection border_gateway cloud_ip customer_ip enabled state
 *                   reason reason_code text since_seconds ups downs in_packets in_bytes
 *                   out_packets out_bytes
 *   show tunnel N   the same and: local_id remote_id inner inner_peer; ike{ role spi_initiator
 *                   spi_responder cipher auth prf dh local remote nat_local nat_remote ppk
 *                   age_seconds rekey_seconds expires_seconds } or null; sas[] as below;
 *                   traffic{ in_packets in_bytes in_wire_bytes out_packets out_bytes
 *                   out_wire_bytes replayed bad_icv selector }; tries
 *   show tunnel N log
 *                   name log[]: first last (UTC) age_seconds times proven text; proven false:
 *                   from a message that anybody could have sent
 *   show tunnel N psk
 *                   tunnel psk
 *   show border-gateways
 *                   border_gateways[]: name asn transit connections attachments static_routes
 *                   connection_quota attachment_quota static_route_quota dynamic_quota description
 *   show vpcs       vpcs[]: name prefixes[] attachments static_routes description
 *   show attachments
 *                   attachments[]: vpc border_gateway propagate (all partial none) port
 *                   encapsulation (vxlan vlan) id addresses[] mtu mac description
 *   show customer-gateways
 *                   customer_gateways[]: name addresses[] asn connections description
 *   show connections
 *                   connections[]: name border_gateway customer_gateway cloud_addresses[] bgp
 *                   local_asn tunnels tunnels_up ha_status (redundant not_redundant) description
 *   show sas        sas[]: tunnel spi_in spi_out sending cipher auth pfs esn udp local[] remote[]
 *                   age_seconds rekey_seconds expires_seconds in_packets in_bytes in_sequence
 *                   out_packets out_bytes out_sequence replayed bad_icv
 *   show routes     tables[]: kind (underlay border_gateway vpc) name routes[]: prefix next_hop
 *                   tunnel type preference metric valid why; show route ... and show vpc N routes
 *                   the same
 *   show bgp        sessions[]: tunnel connection border_gateway peer peer_asn state established
 *                   since_seconds received_routes advertised_routes last_error
 *   show bgp N      the same and: local local_asn peer_id hold_seconds keepalive_seconds bfd
 *                   imported filtered updates_in updates_rejected withdraws_in updates_out
 *                   withdraws_out; announced[]: prefix leads_to announced why; received[]:
 *                   prefix metric valid why
 *   show routing    shards[]: shard tunnels bird pid since_seconds version configuration_file
 *                   recovering polling starts configured refused configuration_pending
 *                   configuration_error trouble lines lost lookups dumps resyncs waiting
 *                   resync_seconds in_packets out_packets dropped_packets; border_gateways[]:
 *                   border_gateway shard routes offered learnt propagated dynamic_quota refusing
 *                   batches_refused routes_refused
 *   show ports      ports[]: name device driver mac link mtu queues addresses[] rx_packets
 *                   rx_bytes rx_missed rx_errors tx_packets tx_bytes tx_errors
 *   show workers    workers[]: worker lcore tunnels busy burst loops busy_loops naps rx_packets
 *                   tx_packets esp_in_packets esp_out_packets handed_over
 *                   cycles_per_packet{ phase: cycles }
 *   show drops      total, drops[]: reason text packets (all reasons, zero included)
 *   show ike        counters{ name: number }, send_failed sa_changes_delayed
 *                   messages_delayed events_lost
 *   show version    version uptime_seconds dataplane workers ports tunnels tunnels_up
 *   create ... set ... unset ... delete ...
 *                   kind name done, and as reload
 *   reload          added removed rebuilt changed (tunnels) seconds warnings[]
 *   diff            differences[]: deed (added removed changed) kind name field was is; unsaved
 *   show configuration ...
 *                   configuration (text)
 *   save            file done
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
int show_tunnel_psk(struct command_call *call);
int show_border_gateways(struct command_call *call);
int show_vpcs(struct command_call *call);
int show_attachments(struct command_call *call);
int show_customer_gateways(struct command_call *call);
int show_connections(struct command_call *call);
int show_sas(struct command_call *call);
int show_routes(struct command_call *call);
int show_route_table(struct command_call *call);
int show_vpc_routes(struct command_call *call);
int show_bgp(struct command_call *call);
int show_bgp_tunnel(struct command_call *call);
int show_routing(struct command_call *call);
int show_ports(struct command_call *call);
int show_workers(struct command_call *call);
int show_drops(struct command_call *call);
int show_ike(struct command_call *call);
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
