/* What /metrics tells of each tunnel. */
#include "gateway/exposition.h"
#include "gateway/metrics_snapshot.h"

#define T (&s->tunnel[i])

PUT(put_info)
{
	char labels[METRICS_LABELS_MAX * 5];
	size_t n = 0;

	for (const char *c = T->labels; *c; c++)
		labels[n++] = *c;
	labels[n++] = ',';
	for (const char *c = T->info; *c && n + 1 < sizeof(labels); c++)
		labels[n++] = *c;
	labels[n] = '\0';
	expo_uint(x, name, labels, 1);
}

PUT(put_up)
{
	expo_uint(x, name, T->labels, T->up);
}

PUT(put_enabled)
{
	expo_uint(x, name, T->labels, T->enabled);
}

PUT(put_reason)
{
	if (!T->up)
		expo_uint_with(x, name, T->labels, "reason", ike_reason_name(T->reason), 1);
}

PUT(put_since)
{
	expo_real(x, name, T->labels, (double)T->since / 1e6);
}

PUT(put_changes)
{
	expo_uint_with(x, name, T->labels, "to", "up", T->ups);
	expo_uint_with(x, name, T->labels, "to", "down", T->downs);
}

PUT(put_rekeys)
{
	expo_uint_with(x, name, T->labels, "sa", "child", T->child_rekeys);
	expo_uint_with(x, name, T->labels, "sa", "ike", T->ike_rekeys);
}

PUT(put_bytes)
{
	expo_ways(x, name, T->labels, T->stats.in_bytes, T->stats.out_bytes);
}

PUT(put_wire_bytes)
{
	expo_ways(x, name, T->labels, T->stats.in_wire_bytes, T->stats.out_wire_bytes);
}

PUT(put_packets)
{
	expo_ways(x, name, T->labels, T->stats.in_packets, T->stats.out_packets);
}

PUT(put_tunnel_drops)
{
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		if (T->stats.drop[r])
			expo_uint_with(x, name, T->labels, "reason", drop_reason_name(r),
				       T->stats.drop[r]);
}

PUT(put_latency)
{
	if (T->probed && T->up && T->probe.answers)
		expo_real(x, name, T->labels, (double)T->probe.last / 1e6);
}

PUT(put_probes)
{
	if (T->probed)
		expo_uint(x, name, T->labels, T->probe.sent);
}

PUT(put_probes_lost)
{
	if (T->probed)
		expo_uint(x, name, T->labels, T->probe.lost);
}

PUT(put_mtu)
{
	if (T->stats.mtu)
		expo_uint(x, name, T->labels, T->stats.mtu);
}

PUT(put_bgp_up)
{
	if (T->has_bgp)
		expo_uint(x, name, T->labels, T->bgp_up);
}

PUT(put_bgp_since)
{
	if (T->has_bgp && T->bgp_since)
		expo_uint(x, name, T->labels, T->bgp_since);
}

PUT(put_bgp_received)
{
	if (T->has_bgp)
		expo_uint(x, name, T->labels, T->received);
}

PUT(put_bgp_filtered)
{
	if (T->has_bgp)
		expo_uint(x, name, T->labels, T->filtered);
}

PUT(put_bgp_advertised)
{
	if (T->has_bgp)
		expo_uint(x, name, T->labels, T->advertised);
}

const struct metrics_family metrics_of_tunnels[] = {
	{ "isthmus_tunnel_info", GAUGE, "What a tunnel belongs to; always 1.", OF_TUNNEL,
	  put_info },
	{ "isthmus_tunnel_up", GAUGE, "1: an ESP SA pair is installed.", OF_TUNNEL, put_up },
	{ "isthmus_tunnel_enabled", GAUGE, "1: enabled; 0: an operator disabled it.", OF_TUNNEL,
	  put_enabled },
	{ "isthmus_tunnel_down_reason", GAUGE, "Why a tunnel is DOWN; none while it is UP.",
	  OF_TUNNEL, put_reason },
	{ "isthmus_tunnel_state_since_seconds", GAUGE,
	  "When it last changed between UP and DOWN, Unix time.", OF_TUNNEL, put_since },
	{ "isthmus_tunnel_state_changes_total", COUNTER, "Changes between UP and DOWN.", OF_TUNNEL,
	  put_changes },
	{ "isthmus_tunnel_rekeys_total", COUNTER, "SAs that took over from older ones.", OF_TUNNEL,
	  put_rekeys },
	{ "isthmus_tunnel_bytes_total", COUNTER, "Bytes of plain inner packets.", OF_TUNNEL,
	  put_bytes },
	{ "isthmus_tunnel_encrypted_bytes_total", COUNTER, "Bytes of encrypted outer IP packets.",
	  OF_TUNNEL, put_wire_bytes },
	{ "isthmus_tunnel_packets_total", COUNTER, "Packets.", OF_TUNNEL, put_packets },
	{ "isthmus_tunnel_drops_total", COUNTER,
	  "Dropped packets that are known to be of this tunnel, by reason, from the first on.",
	  OF_TUNNEL, put_tunnel_drops },
	{ "isthmus_tunnel_latency_seconds", GAUGE,
	  "Time until the inner peer answered the last probe; none while it does not.", OF_TUNNEL,
	  put_latency },
	{ "isthmus_tunnel_probes_total", COUNTER, "Probes of the latency that were sent.",
	  OF_TUNNEL, put_probes },
	{ "isthmus_tunnel_probes_lost_total", COUNTER, "Probes that were not answered.", OF_TUNNEL,
	  put_probes_lost },
	{ "isthmus_tunnel_mtu_bytes", GAUGE, "Largest inner packet that fits now.", OF_TUNNEL,
	  put_mtu },
	{ "isthmus_bgp_session_up", GAUGE, "1: the tunnel's BGP session is established.", OF_TUNNEL,
	  put_bgp_up },
	{ "isthmus_bgp_session_since_seconds", GAUGE,
	  "When the session's state last changed, Unix time.", OF_TUNNEL, put_bgp_since },
	{ "isthmus_bgp_session_received_routes", GAUGE, "Routes learnt from the peer.", OF_TUNNEL,
	  put_bgp_received },
	{ "isthmus_bgp_session_filtered_routes", GAUGE, "Routes of the peer that filters refused.",
	  OF_TUNNEL, put_bgp_filtered },
	{ "isthmus_bgp_session_advertised_routes", GAUGE, "Routes announced to the peer.",
	  OF_TUNNEL, put_bgp_advertised },
};
const unsigned metrics_of_tunnels_n = sizeof(metrics_of_tunnels) / sizeof(metrics_of_tunnels[0]);
