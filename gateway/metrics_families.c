/* What /metrics tells: one row a family, in the order in which they are written. */
#include "gateway/event.h"
#include "gateway/exposition.h"
#include "gateway/log.h"
#include "gateway/metrics_snapshot.h"

/* ---- the gateway ------------------------------------------------------------------------- */

PUT(put_build)
{
	expo_uint(x, name, s->build_labels, 1);
}

PUT(put_start)
{
	expo_real(x, name, "", (double)s->started / 1e6);
}

PUT(put_cpu)
{
	expo_real(x, name, "", s->process.cpu_seconds);
}

PUT(put_resident)
{
	expo_uint(x, name, "", s->process.resident_bytes);
}

PUT(put_virtual)
{
	expo_uint(x, name, "", s->process.virtual_bytes);
}

PUT(put_fds)
{
	expo_uint(x, name, "", s->process.open_fds);
}

PUT(put_max_fds)
{
	expo_uint(x, name, "", s->process.max_fds);
}

PUT(put_tunnels)
{
	expo_uint(x, name, "state=\"up\"", s->up);
	expo_uint(x, name, "state=\"down\"", s->n_tunnels - s->up);
}

PUT(put_buffers)
{
	expo_uint(x, name, "state=\"free\"", s->buffers_free);
	expo_uint(x, name, "state=\"used\"", s->buffers - s->buffers_free);
}

PUT(put_drops)
{
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		expo_uint_with(x, name, "", "reason", drop_reason_name(r), s->drop[r]);
	for (unsigned r = 0; r < EXCEPTION_DROP_COUNT; r++)
		expo_uint_with(x, name, "", "reason", exception_drop_name(r), s->exception.drop[r]);
}

PUT(put_ike)
{
	for (unsigned c = 0; s->negotiator.result == 0 && c < IKE_COUNTER_COUNT; c++)
		expo_uint_with(x, name, "", "what", ike_counter_name(c), s->negotiator.counter[c]);
}

PUT(put_ike_send_failed)
{
	expo_uint(x, name, "", s->negotiator.send_failed);
}

PUT(put_ike_delayed)
{
	expo_uint(x, name, "of=\"sa-changes\"", s->negotiator.sa_delayed);
	expo_uint(x, name, "of=\"messages\"", s->negotiator.messages_delayed);
}

PUT(put_ike_lost)
{
	expo_uint(x, name, "", s->negotiator.events_lost);
}

PUT(put_events)
{
	for (unsigned k = 0; k < EVENT_KIND_COUNT; k++)
		expo_uint_with(x, name, "", "event", event_kind_name(k), event_count(k));
}

PUT(put_log_lines)
{
	for (unsigned l = 0; l < LOG_LEVELS; l++)
		expo_uint_with(x, name, "", "level", log_level_name(l), log_lines(l));
}

PUT(put_log_left_out)
{
	expo_uint(x, name, "", log_left_out());
}

/* ---- a worker ---------------------------------------------------------------------------- */

#define W (&s->worker[i])

PUT(put_cycles)
{
	for (unsigned k = 0; k < PHASE_COUNT; k++)
		expo_uint_with(x, name, s->worker_labels[i], "phase", worker_phase_name(k),
			       W->phase_cycles[k]);
}

PUT(put_idle_cycles)
{
	expo_uint(x, name, s->worker_labels[i], W->idle_cycles);
}

PUT(put_phase_packets)
{
	for (unsigned k = 0; k < PHASE_COUNT; k++)
		expo_uint_with(x, name, s->worker_labels[i], "phase", worker_phase_name(k),
			       W->phase_packets[k]);
}

PUT(put_loops)
{
	expo_uint_with(x, name, s->worker_labels[i], "with", "packets", W->busy_loops);
	expo_uint_with(x, name, s->worker_labels[i], "with", "nothing", W->loops - W->busy_loops);
}

PUT(put_naps)
{
	expo_uint(x, name, s->worker_labels[i], W->naps);
}

PUT(put_worker_packets)
{
	expo_uint_with(x, name, s->worker_labels[i], "what", "received", W->rx_packets);
	expo_uint_with(x, name, s->worker_labels[i], "what", "sent", W->tx_packets);
	expo_uint_with(x, name, s->worker_labels[i], "what", "decrypted", W->esp_in_packets);
	expo_uint_with(x, name, s->worker_labels[i], "what", "encrypted", W->esp_out_packets);
	expo_uint_with(x, name, s->worker_labels[i], "what", "handed-over", W->handed_over);
}

PUT(put_rings)
{
	for (unsigned k = 0; k < s->n_rings[i]; k++)
		expo_uint_with(x, name, s->worker_labels[i], "ring", s->ring[i][k].name,
			       s->ring[i][k].waiting);
}

PUT(put_ring_rooms)
{
	for (unsigned k = 0; k < s->n_rings[i]; k++)
		expo_uint_with(x, name, s->worker_labels[i], "ring", s->ring[i][k].name,
			       s->ring[i][k].room);
}

PUT(put_worker_tunnels)
{
	expo_uint(x, name, s->worker_labels[i], W->tunnels);
}

/* ---- a port ------------------------------------------------------------------------------ */

#define P (&s->port[i])

PUT(put_link)
{
	expo_uint(x, name, P->labels, P->stats.link_up);
}

PUT(put_port_packets)
{
	expo_ways(x, name, P->labels, P->stats.rx_packets, P->stats.tx_packets);
}

PUT(put_port_bytes)
{
	expo_ways(x, name, P->labels, P->stats.rx_bytes, P->stats.tx_bytes);
}

PUT(put_port_errors)
{
	expo_ways(x, name, P->labels, P->stats.rx_errors, P->stats.tx_errors);
}

PUT(put_port_missed)
{
	expo_uint(x, name, P->labels, P->stats.rx_missed);
}

/* ---- a border gateway, a shard ----------------------------------------------------------- */

#define G (&s->gateway[i])

PUT(put_routes)
{
	expo_uint_with(x, name, G->labels, "kind", "learnt", G->quota.learnt);
	expo_uint_with(x, name, G->labels, "kind", "propagated", G->quota.propagated);
}

PUT(put_quota)
{
	expo_uint(x, name, G->labels, G->quota.limit);
}

PUT(put_refusing)
{
	expo_uint(x, name, G->labels, G->quota.refusing);
}

PUT(put_routes_refused)
{
	expo_uint(x, name, G->labels, G->quota.routes_refused);
}

PUT(put_current)
{
	if (G->has_bgp)
		expo_uint(x, name, G->labels, G->current);
}

#define H (&s->shard[i])

PUT(put_shard_tunnels)
{
	expo_uint(x, name, H->labels, H->tunnels);
}

PUT(put_shard_packets)
{
	expo_ways(x, name, H->labels, H->stats.in_packets, H->stats.out_packets);
}

PUT(put_shard_bytes)
{
	expo_ways(x, name, H->labels, H->stats.in_bytes, H->stats.out_bytes);
}

PUT(put_bird_up)
{
	if (H->has_bird)
		expo_uint(x, name, H->labels, H->bird_up);
}

PUT(put_bird_starts)
{
	if (H->has_bird)
		expo_uint(x, name, H->labels, H->bird_starts);
}

PUT(put_bird_refused)
{
	if (H->has_bird)
		expo_uint(x, name, H->labels, H->bird_refused);
}

PUT(put_bird_resyncs)
{
	if (H->has_bird)
		expo_uint(x, name, H->labels, H->bird_resyncs);
}

PUT(put_bird_resync_seconds)
{
	if (H->has_bird)
		expo_real(x, name, H->labels, H->bird_resync_seconds);
}

/* ---- the table --------------------------------------------------------------------------- */

static const struct metrics_family families[] = {
	{ "isthmus_build_info", GAUGE, "Version, and what the dataplane runs on; always 1.",
	  OF_GATEWAY, put_build },
	{ "process_start_time_seconds", GAUGE, "When the process started, Unix time.", OF_GATEWAY,
	  put_start },
	{ "process_cpu_seconds_total", COUNTER, "CPU time of all threads.", OF_GATEWAY, put_cpu },
	{ "process_resident_memory_bytes", GAUGE, "Resident memory, hugepages apart.", OF_GATEWAY,
	  put_resident },
	{ "process_virtual_memory_bytes", GAUGE, "Virtual memory.", OF_GATEWAY, put_virtual },
	{ "process_open_fds", GAUGE, "Open file descriptors.", OF_GATEWAY, put_fds },
	{ "process_max_fds", GAUGE, "File descriptors that may be open.", OF_GATEWAY, put_max_fds },
	{ "isthmus_tunnels", GAUGE, "Tunnels by state.", OF_GATEWAY, put_tunnels },
	{ "isthmus_packet_buffers", GAUGE, "Packet buffers by state.", OF_GATEWAY, put_buffers },
	{ "isthmus_drops_total", COUNTER, "Dropped packets by reason, of all threads.", OF_GATEWAY,
	  put_drops },
	{ "isthmus_ike_messages_total", COUNTER, "IKE messages by what became of them.", OF_GATEWAY,
	  put_ike },
	{ "isthmus_ike_send_failures_total", COUNTER,
	  "IKE messages that the workers did not take; they are sent again.", OF_GATEWAY,
	  put_ike_send_failed },
	{ "isthmus_ike_delayed_total", COUNTER,
	  "SA changes and messages between threads that met a full ring, and waited.", OF_GATEWAY,
	  put_ike_delayed },
	{ "isthmus_ike_events_lost_total", COUNTER,
	  "Events of the IKE engine that main was not told of.", OF_GATEWAY, put_ike_lost },
	{ "isthmus_events_total", COUNTER, "Events by kind.", OF_GATEWAY, put_events },
	{ "isthmus_log_lines_total", COUNTER, "Lines of the log by level.", OF_GATEWAY,
	  put_log_lines },
	{ "isthmus_log_lines_left_out_total", COUNTER,
	  "Lines of the log beyond the rate of their source.", OF_GATEWAY, put_log_left_out },

	{ "isthmus_worker_busy_cycles_total", COUNTER,
	  "TSC cycles of loops that had packets, by phase.", OF_WORKER, put_cycles },
	{ "isthmus_worker_idle_cycles_total", COUNTER, "TSC cycles of loops that had none.",
	  OF_WORKER, put_idle_cycles },
	{ "isthmus_worker_phase_packets_total", COUNTER, "Packets by phase.", OF_WORKER,
	  put_phase_packets },
	{ "isthmus_worker_loops_total", COUNTER, "Turns of the worker's loop.", OF_WORKER,
	  put_loops },
	{ "isthmus_worker_naps_total", COUNTER, "Short sleeps for want of packets.", OF_WORKER,
	  put_naps },
	{ "isthmus_worker_packets_total", COUNTER, "Packets by what was done with them.", OF_WORKER,
	  put_worker_packets },
	{ "isthmus_ring_waiting", GAUGE, "Packets or messages that wait in rings between threads.",
	  OF_WORKER, put_rings },
	{ "isthmus_ring_room", GAUGE, "Packets or messages that these rings hold.", OF_WORKER,
	  put_ring_rooms },
	{ "isthmus_worker_tunnels", GAUGE, "Tunnels that the worker owns.", OF_WORKER,
	  put_worker_tunnels },

	{ "isthmus_port_up", GAUGE, "1: the port has link.", OF_PORT, put_link },
	{ "isthmus_port_packets_total", COUNTER, "Frames.", OF_PORT, put_port_packets },
	{ "isthmus_port_bytes_total", COUNTER, "Bytes of frames.", OF_PORT, put_port_bytes },
	{ "isthmus_port_errors_total", COUNTER, "Frames that were not received or sent for errors.",
	  OF_PORT, put_port_errors },
	{ "isthmus_port_missed_packets_total", COUNTER,
	  "Frames that the port dropped because the workers did not fetch them.", OF_PORT,
	  put_port_missed },

	{ "isthmus_border_gateway_dynamic_routes", GAUGE, "Routes that count for the quota.",
	  OF_BORDER_GATEWAY, put_routes },
	{ "isthmus_border_gateway_quota_routes", GAUGE, "Dynamic routes that are allowed.",
	  OF_BORDER_GATEWAY, put_quota },
	{ "isthmus_border_gateway_refusing", GAUGE, "1: new routes are refused, the quota is full.",
	  OF_BORDER_GATEWAY, put_refusing },
	{ "isthmus_border_gateway_refused_routes_total", COUNTER, "Routes refused for the quota.",
	  OF_BORDER_GATEWAY, put_routes_refused },
	{ "isthmus_border_gateway_current", GAUGE,
	  "1: all that BIRD knows is known here; 0: routes may be old.", OF_BORDER_GATEWAY,
	  put_current },
	{ "isthmus_shard_tunnels", GAUGE, "Tunnels of a routing shard.", OF_SHARD,
	  put_shard_tunnels },
	{ "isthmus_shard_packets_total", COUNTER, "Packets for inner addresses of ours.", OF_SHARD,
	  put_shard_packets },
	{ "isthmus_shard_bytes_total", COUNTER, "Bytes of these.", OF_SHARD, put_shard_bytes },
	{ "isthmus_bird_up", GAUGE, "1: BIRD runs and answers.", OF_SHARD, put_bird_up },
	{ "isthmus_bird_starts_total", COUNTER, "How often BIRD was started.", OF_SHARD,
	  put_bird_starts },
	{ "isthmus_bird_refused_configurations_total", COUNTER,
	  "Configurations that BIRD did not take.", OF_SHARD, put_bird_refused },
	{ "isthmus_bird_resyncs_total", COUNTER, "How often all routes were asked for again.",
	  OF_SHARD, put_bird_resyncs },
	{ "isthmus_bird_resync_seconds", GAUGE, "How long that took last.", OF_SHARD,
	  put_bird_resync_seconds },
};
const struct metrics_family *metrics_family(unsigned i)
{
	unsigned n = sizeof(families) / sizeof(families[0]);

	if (i < n)
		return &families[i];
	return i - n < metrics_of_tunnels_n ? &metrics_of_tunnels[i - n] : NULL;
}
