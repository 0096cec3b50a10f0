/* A worker and the negotiator: orders come, are obeyed between two bursts and answered; limits,
 * first packets and tunnels that are wanted are reported. */
#include "dataplane/sa.h"
#include "dataplane/worker.h"

#include <rte_cycles.h>

#define ORDERS_AT_ONCE 8

/* ---- orders ------------------------------------------------------------------------------- */

/* Where the list of the tunnel's outbound SAs names this one; its end: nowhere. */
static struct sa **place_of(struct sa **out, const struct sa *sa)
{
	struct sa **at = out;

	while (*at && *at != sa)
		at = &(*at)->beside;
	return at;
}

/* The SA that the new one takes over from is returned. */
static struct sa *send_on(struct sa **out, const struct message *m)
{
	struct sa **at = out, *old;

	while (*at && (m->beside || (m->replaces && rte_be_to_cpu_32((*at)->spi) != m->replaces)))
		at = &(*at)->beside;
	old = *at;
	m->sa->beside = old ? old->beside : NULL;
	*at = m->sa;
	return old;
}

static struct sa *send_no_more(struct sa **out, const struct sa *sa)
{
	struct sa **at = place_of(out, sa), *old = *at;

	if (old)
		*at = old->beside;
	return old;
}

/* Returns the SA that this worker no longer refers to. */
static struct sa *obey(struct worker *w, const struct message *m)
{
	struct sa **out = &w->tables->out[m->tunnel];
	struct slot *s = &w->slot[spi_slot(m->spi)];
	struct sa *old = NULL;

	switch (m->kind) {
	case MESSAGE_SA_INSTALL:
		if (m->inbound) {
			s->sa = m->sa;
			shared_set(&s->spi, m->spi);
		} else {
			esp_out_find_way(w->tables, m->sa, 0);
			old = send_on(out, m);
		}
		break;
	case MESSAGE_SA_REMOVE:
		if (m->inbound && s->spi == m->spi) {
			old = s->sa;
			shared_set(&s->spi, spi_none(spi_slot(m->spi)));
			s->sa = NULL;
		} else if (!m->inbound) {
			old = send_no_more(out, m->sa);
		}
		break;
	case MESSAGE_SA_PATH_MTU:
		if (*place_of(out, m->sa) && m->mtu &&
		    (!m->sa->path_mtu || m->mtu < m->sa->path_mtu)) {
			m->sa->path_mtu = m->mtu;
			m->sa->epoch = 0;
		}
		break;
	case MESSAGE_SA_REFRESH:
		if (m->inbound ? s->sa == m->sa : *place_of(out, m->sa) != NULL) {
			m->sa->flags = (uint16_t)((m->sa->flags & ~SA_SETTINGS) | m->flags);
			if (m->inbound)
				m->sa->table = m->table;
			else
				m->sa->epoch = 0;
		}
		break;
	case MESSAGE_SA_MOVE:
		if (m->sa && *place_of(out, m->sa)) {
			sa_move(m->sa, &m->local, &m->remote);
			m->sa->epoch = 0;
		}
		break;
	}
	return old;
}

/* Every order is answered, so none is taken while the answers' ring is full. */
unsigned worker_control(struct worker *w)
{
	struct message m;
	unsigned n = 0;

	while (n < ORDERS_AT_ONCE && !rte_ring_empty(w->orders) &&
	       rte_ring_free_count(w->reports) > 0 &&
	       rte_ring_sc_dequeue_elem(w->orders, &m, sizeof(m)) == 0) {
		m.sa = obey(w, &m);
		m.kind = MESSAGE_DONE;
		rte_ring_sp_enqueue_elem(w->reports, &m, sizeof(m));
		w->punt.ring_negotiator = true;
		n++;
	}
	return n;
}

/* ---- reports ------------------------------------------------------------------------------ */

bool worker_report(struct worker *w, enum message_kind kind, struct sa *sa)
{
	struct message m = {
		.kind = kind,
		.tunnel = sa->tunnel,
		.spi = rte_be_to_cpu_32(sa->spi),
		.inbound = !!(sa->flags & SA_INBOUND),
		.sa = sa,
	};

	if (rte_ring_sp_enqueue_elem(w->reports, &m, sizeof(m)) != 0)
		return false;
	w->punt.ring_negotiator = true;
	return true;
}

void worker_want(struct worker *w, uint32_t tunnel)
{
	struct tunnel *t = &w->tables->tunnel[tunnel];
	struct message m = { .kind = MESSAGE_WANTED, .tunnel = tunnel };

	if (!t->on_demand || w->tsc < atomic_load_explicit(&t->wanted, memory_order_relaxed))
		return;
	if (rte_ring_sp_enqueue_elem(w->reports, &m, sizeof(m)) != 0)
		return;
	atomic_store_explicit(&t->wanted, w->tsc + rte_get_tsc_hz(), memory_order_relaxed);
	w->punt.ring_negotiator = true;
}
