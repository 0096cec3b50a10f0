/* The negotiator's side of the dataplane: SAs to their owner workers, IKE packets to and fro. */
#include "dataplane/core.h"
#include "dataplane/crypt.h"
#include "dataplane/packet.h"
#include "dataplane/path_mtu.h"
#include "dataplane/peers.h"
#include "dataplane/sa.h"
#include "dataplane/sa_book.h"

#include <rte_lcore.h>
#include <rte_rcu_qsbr.h>

#include <errno.h>

#define AT_ONCE 64

/* ---- the thread --------------------------------------------------------------------------- */

int dataplane_negotiator_register(struct dataplane *dp)
{
	if (rte_lcore_id() == LCORE_ID_ANY) {
		if (rte_thread_register() != 0)
			return -ENOMEM;
		dp->negotiator_registered = true;
	}
	if (rte_rcu_qsbr_thread_register(dp->tables.qsbr, dp->n_workers) != 0)
		return -ENOMEM;
	dp->negotiator_reader = true;
	return 0;
}

void dataplane_negotiator_unregister(struct dataplane *dp)
{
	if (dp->negotiator_reader)
		rte_rcu_qsbr_thread_unregister(dp->tables.qsbr, dp->n_workers);
	if (dp->negotiator_registered)
		rte_thread_unregister();
	dp->negotiator_reader = dp->negotiator_registered = false;
}

int dataplane_negotiator_fd(struct dataplane *dp)
{
	return dp->negotiator_bell.fd;
}

/* ---- SAs ---------------------------------------------------------------------------------- */

static struct tunnel *tunnel_get(struct dataplane *dp, uint32_t tunnel)
{
	if (tunnel >= TUNNELS_MAX || !shared_get(&dp->tables.tunnel[tunnel].used))
		return NULL;
	return &dp->tables.tunnel[tunnel];
}

int negotiator_order(struct dataplane *dp, unsigned owner, struct message *m)
{
	if (rte_ring_sp_enqueue_elem(dp->worker[owner]->orders, m, sizeof(*m)) != 0)
		return -EAGAIN;
	dp->ordered[owner]++;
	return 0;
}

uint32_t dataplane_spi_alloc(struct dataplane *dp, uint32_t tunnel)
{
	const struct tunnel *t = tunnel_get(dp, tunnel);

	return t ? sa_book_give(dp->book, dp->tables.owner[tunnel], tunnel) : 0;
}

void dataplane_spi_free(struct dataplane *dp, uint32_t tunnel, uint32_t spi)
{
	struct slot_entry *e = sa_book_inbound(dp->book, tunnel, spi);

	if (e && e->state == SLOT_GIVEN)
		sa_book_recycle(dp->book, spi);
}

static uint16_t sa_flags_of(const struct tunnel *t)
{
	unsigned flags = t->mss_clamp ? SA_MSS : 0;

	if (t->policer)
		flags |= SA_METER;
	if (t->df == DATAPLANE_DF_COPY)
		flags |= SA_DF_COPY;
	if (t->df == DATAPLANE_DF_CLEAR)
		flags |= SA_DF_CLEAR;
	return (uint16_t)flags;
}

static uint32_t sa_table_of(const struct tunnel *t, uint32_t tunnel)
{
	return t->table | burst_from_tunnel(tunnel) | (t->transit ? 0 : BURST_TUNNEL);
}

/* The worker sends back what is replaced. */
static void book_outbound(struct dataplane *dp, const struct dataplane_sa *from, struct sa *sa)
{
	struct sa **at = sa_book_outbound(dp->book, from->tunnel, from->replaces);

	while (from->beside && *at)
		at = &(*at)->booked;
	sa->booked = *at ? (*at)->booked : NULL;
	*at = sa;
}

/* One that no worker refers to. What it counted stays counted. */
static void forget_sa(struct dataplane *dp, uint32_t tunnel, struct sa *sa, bool inbound)
{
	tally_remove(&dp->tally_lock, &dp->tables.tunnel[tunnel].tally, sa, inbound);
	sa_free(sa);
}

int dataplane_sa_install(struct dataplane *dp, const struct dataplane_sa *from)
{
	const struct tunnel *t = tunnel_get(dp, from->tunnel);
	struct slot_entry *e = NULL;
	struct message m;
	struct sa *sa;
	uint8_t owner;
	int rc;

	if (!t)
		return -ENOENT;
	if (from->inbound) {
		e = sa_book_inbound(dp->book, from->tunnel, from->spi);
		if (!e || e->state != SLOT_GIVEN)
			return -EINVAL;
	}
	owner = dp->tables.owner[from->tunnel];
	rc = sa_new(&sa, dp->keys, from, owner, dp->worker[owner]->node);
	if (rc)
		return rc;
	sa->flags |= sa_flags_of(t);
	if (from->inbound)
		sa->table = sa_table_of(t, from->tunnel);
	m = (struct message){ .kind = MESSAGE_SA_INSTALL,
			      .tunnel = from->tunnel,
			      .spi = from->spi,
			      .inbound = from->inbound,
			      .replaces = from->replaces,
			      .beside = from->beside,
			      .sa = sa };
	tally_add(&dp->tally_lock, &dp->tables.tunnel[from->tunnel].tally, sa, from->inbound);
	rc = negotiator_order(dp, dp->tables.owner[from->tunnel], &m);
	if (rc) {
		forget_sa(dp, from->tunnel, sa, from->inbound);
		return rc;
	}
	peers_mark(&dp->tables, &from->remote.addr);
	if (from->inbound) {
		e->state = SLOT_INSTALLED;
		e->sa = sa;
	} else {
		book_outbound(dp, from, sa);
	}
	return 0;
}

int dataplane_sa_remove(struct dataplane *dp, uint32_t tunnel, bool inbound, uint32_t spi)
{
	struct tunnel *t = tunnel_get(dp, tunnel);
	struct message m = {
		.kind = MESSAGE_SA_REMOVE, .tunnel = tunnel, .spi = spi, .inbound = inbound
	};
	struct slot_entry *e;
	struct sa **out;
	int rc;

	if (!t)
		return -ENOENT;
	if (inbound) {
		e = sa_book_inbound(dp->book, tunnel, spi);
		if (!e || e->state == SLOT_LEAVING)
			return -ENOENT;
		if (e->state == SLOT_GIVEN) {
			sa_book_recycle(dp->book, spi);
			return 0;
		}
		m.sa = e->sa;
		rc = negotiator_order(dp, dp->tables.owner[tunnel], &m);
		if (rc == 0)
			e->state = SLOT_LEAVING;
		return rc;
	}
	out = sa_book_outbound(dp->book, tunnel, spi);
	if (!*out)
		return 0; /* replaced already */
	m.sa = *out;
	rc = negotiator_order(dp, dp->tables.owner[tunnel], &m);
	if (rc == 0)
		*out = m.sa->booked;
	return rc;
}

int dataplane_sa_move(struct dataplane *dp, uint32_t tunnel, uint32_t spi_out,
		      const struct endpoint *local, const struct endpoint *remote)
{
	struct tunnel *t = tunnel_get(dp, tunnel);
	struct message m = { .kind = MESSAGE_SA_MOVE,
			     .tunnel = tunnel,
			     .spi = spi_out,
			     .local = *local,
			     .remote = *remote };

	if (!t)
		return -ENOENT;
	if (local->addr.family != remote->addr.family || local->addr.family == ADDR_NONE)
		return -EINVAL;
	m.sa = *sa_book_outbound(dp->book, tunnel, spi_out);
	if (!m.sa)
		return -ENOENT;
	peers_mark(&dp->tables, &remote->addr);
	return negotiator_order(dp, dp->tables.owner[tunnel], &m);
}

static int refresh(struct dataplane *dp, const struct tunnel *t, uint32_t tunnel, struct sa *sa,
		   uint32_t spi, bool inbound)
{
	struct message m = { .kind = MESSAGE_SA_REFRESH,
			     .tunnel = tunnel,
			     .spi = spi,
			     .inbound = inbound,
			     .flags = sa_flags_of(t),
			     .table = sa_table_of(t, tunnel),
			     .sa = sa };

	return negotiator_order(dp, dp->tables.owner[tunnel], &m);
}

int dataplane_sa_refresh(struct dataplane *dp, uint32_t tunnel)
{
	const struct tunnel *t = tunnel_get(dp, tunnel);
	uint32_t at = 0, spi;
	struct slot_entry *e;
	int rc = 0;

	if (!t)
		return -ENOENT;
	for (struct sa *sa = *sa_book_outbound(dp->book, tunnel, 0); rc == 0 && sa; sa = sa->booked)
		rc = refresh(dp, t, tunnel, sa, 0, false);
	while (rc == 0 && (e = sa_book_next(dp->book, dp->tables.owner[tunnel], tunnel, &at, &spi)))
		rc = refresh(dp, t, tunnel, e->sa, spi, true);
	return rc;
}

uint64_t dataplane_order_mark(struct dataplane *dp, uint32_t tunnel)
{
	const struct tunnel *t = tunnel_get(dp, tunnel);

	return t ? dp->ordered[dp->tables.owner[tunnel]] : 0;
}

bool dataplane_order_reached(struct dataplane *dp, uint32_t tunnel, uint64_t mark)
{
	const struct tunnel *t = tunnel_get(dp, tunnel);

	return !t || dp->obeyed[dp->tables.owner[tunnel]] >= mark;
}

uint64_t dataplane_inbound_packets(struct dataplane *dp, uint32_t tunnel)
{
	struct tally_sum in, out;

	if (tunnel >= TUNNELS_MAX)
		return 0;
	tally_read(&dp->tally_lock, &dp->tables.tunnel[tunnel].tally, &in, &out);
	return in.packets + in.refused;
}

int dataplane_sa_stats(struct dataplane *dp, uint32_t tunnel, bool inbound, uint32_t spi,
		       struct dataplane_sa_stats *out)
{
	const struct sa *sa = NULL;

	if (!tunnel_get(dp, tunnel))
		return -ENOENT;
	if (inbound) {
		const struct slot_entry *e = sa_book_inbound(dp->book, tunnel, spi);

		sa = e ? e->sa : NULL;
	} else {
		sa = *sa_book_outbound(dp->book, tunnel, spi);
	}
	if (!sa)
		return -ENOENT;
	out->packets = __atomic_load_n(&sa->packets, __ATOMIC_RELAXED);
	out->bytes = __atomic_load_n(&sa->bytes, __ATOMIC_RELAXED);
	out->sequence = inbound ? __atomic_load_n(&sa->replay.top, __ATOMIC_RELAXED)
				: __atomic_load_n(&sa->sequence, __ATOMIC_RELAXED);
	out->replayed = __atomic_load_n(&sa->replayed, __ATOMIC_RELAXED);
	out->bad_icv = __atomic_load_n(&sa->bad_icv, __ATOMIC_RELAXED);
	return 0;
}

/* ---- what comes from the workers ---------------------------------------------------------- */

static void done(struct dataplane *dp, const struct message *m)
{
	if (!m->sa)
		return;
	forget_sa(dp, m->tunnel, m->sa, m->inbound);
	if (m->inbound)
		sa_book_recycle(dp->book, m->spi);
}

static bool take_reports(struct dataplane *dp, unsigned worker,
			 const struct dataplane_negotiator_ops *ops, void *ctx)
{
	struct message m[AT_ONCE];
	unsigned n, i;

	n = rte_ring_sc_dequeue_burst_elem(dp->worker[worker]->reports, m, sizeof(m[0]), AT_ONCE,
					   NULL);
	for (i = 0; i < n; i++) {
		switch (m[i].kind) {
		case MESSAGE_DONE:
			dp->obeyed[worker]++;
			done(dp, &m[i]);
			break;
		case MESSAGE_USED:
			ops->sa_used(ctx, m[i].tunnel, m[i].spi);
			break;
		case MESSAGE_SOFT_LIMIT:
			ops->sa_soft_limit(ctx, m[i].tunnel, m[i].spi, m[i].inbound);
			break;
		case MESSAGE_HARD_LIMIT:
			ops->sa_hard_limit(ctx, m[i].tunnel, m[i].spi, m[i].inbound);
			break;
		case MESSAGE_WANTED:
			ops->tunnel_wanted(ctx, m[i].tunnel);
			break;
		}
	}
	return n == AT_ONCE;
}

/* The worker proved the lengths. The UDP checksum is not looked at: the messages have better ones
 * of their own, and a peer on the same machine may leave it to a device that is not there. */
static void ike_packet(struct rte_mbuf *m, const struct dataplane_negotiator_ops *ops, void *ctx)
{
	const uint8_t *ip = packet(m), *udp = ip + tag_of(m)->at;
	struct endpoint local = { .port = get_be16(udp + 2) };
	struct endpoint remote = { .port = get_be16(udp) };

	if (ip[0] >> 4 == 4) {
		remote.addr = addr_ipv4(get_be32(ip + 12));
		local.addr = addr_ipv4(get_be32(ip + 16));
	} else {
		remote.addr.family = local.addr.family = ADDR_IPV6;
		memcpy(remote.addr.b, ip + 8, 16);
		memcpy(local.addr.b, ip + 24, 16);
	}
	ops->packet(ctx, &local, &remote, udp + UDP_BYTES, (size_t)get_be16(udp + 4) - UDP_BYTES);
}

static bool take_packets(struct dataplane *dp, struct rte_ring *r,
			 const struct dataplane_negotiator_ops *ops, void *ctx)
{
	struct rte_mbuf *m[AT_ONCE];
	unsigned n, i;

	n = rte_ring_sc_dequeue_burst(r, (void **)m, AT_ONCE, NULL);
	for (i = 0; i < n; i++) {
		if (tag_of(m[i])->kind == TAG_PUNT_PATH_MTU)
			path_mtu_take(dp, m[i]);
		else
			ike_packet(m[i], ops, ctx);
		rte_pktmbuf_free(m[i]);
	}
	return n == AT_ONCE;
}

bool dataplane_negotiator_poll(struct dataplane *dp, const struct dataplane_negotiator_ops *ops,
			       void *ctx)
{
	bool more = false;
	unsigned i;

	doorbell_awake(&dp->negotiator_bell);
	for (i = 0; i < dp->n_workers; i++) {
		more |= take_reports(dp, i, ops, ctx);
		more |= take_packets(dp, dp->to_negotiator[i], ops, ctx);
	}
	if (more)
		return true;
	doorbell_sleep(&dp->negotiator_bell);
	for (i = 0; i < dp->n_workers; i++)
		more |= !rte_ring_empty(dp->worker[i]->reports) ||
			!rte_ring_empty(dp->to_negotiator[i]);
	return more;
}
