/* INFORMATIONAL: deletes, probes, late errors (RFC 7296 §1.4). */
#include "ike/child.h"
#include "ike/v2/exchange.h"

#include <errno.h>

int ike_delete_child_build(struct ike_sa *sa, struct ike_builder *b)
{
	struct writer *w = ike_build_payload(b, IKE_DELETE);

	writer_u8(w, IKE_PROTOCOL_ESP);
	writer_u8(w, 4);
	writer_u16(w, 1);
	writer_u32(w, sa->request.old);
	ike_build_end(b);
	return 0;
}

void ike_delete_child_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m)
{
	struct ike_child *c = ike_child_by_in(sa->tunnel, r->old);

	if (c)
		ike_child_gone(c, true);
}

int ike_delete_ike_build(struct ike_sa *sa, struct ike_builder *b)
{
	struct writer *w = ike_build_payload(b, IKE_DELETE);

	writer_u8(w, IKE_PROTOCOL_IKE);
	writer_u8(w, 0);
	writer_u16(w, 0);
	ike_build_end(b);
	return 0;
}

void ike_delete_ike_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m)
{
	if (r->errand == IKE_ERRAND_DELETE_IKE || r->errand == IKE_ERRAND_REJECT)
		ike_sa_kill(sa, false);
}

int ike_probe_build(struct ike_sa *sa, struct ike_builder *b)
{
	return 0;
}

void ike_probe_answered(struct ike_sa *sa, struct ike_request *r, struct ike_message *m)
{
}

/* The peer closes the IKE SA. What it leaves to a successor is no loss. */
static void peer_closed(struct ike_sa *sa, uint16_t error)
{
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX];
	const char *name = ike_notify_name(error);

	if (!t) {
		ike_sa_depart(sa, false);
		return;
	}
	if (error == N_AUTHENTICATION_FAILED)
		ike_tunnel_because(t, IKE_REASON_AUTH_FAILED,
				   "%s does not accept our authentication: pre-shared key or "
				   "identity differ",
				   ike_tunnel_peer(t, peer));
	else if (error)
		ike_tunnel_because(t, IKE_REASON_PEER_ERROR, "%s closed the IKE SA with %s (%u)",
				   ike_tunnel_peer(t, peer), name ? name : "an error", error);
	else if (t->out)
		ike_tunnel_because(t, IKE_REASON_PEER_DELETED, "%s deleted the IKE SA",
				   ike_tunnel_peer(t, peer));
	/* Packets that left before the delete still arrive, but only a successor makes them wanted.
	 */
	ike_sa_depart(sa, !LIST_EMPTY(&t->sas) && LIST_NEXT(LIST_FIRST(&t->sas), siblings) != NULL);
}

/* Ends the pairs that the peer names by its inbound SPIs; answers with ours, but for those that we
 * are deleting ourselves (RFC 7296 §1.4.1). */
static void peer_deletes(struct ike_sa *sa, const struct ike_delete *d, struct ike_builder *b)
{
	struct ike_tunnel *t = sa->tunnel;
	struct view spis = d->spis;
	uint32_t mine[IKE_CHILDREN_MAX * 2], spi;
	char peer[ADDR_STR_MAX];
	unsigned n = 0;
	struct writer *w;

	while (view_u32(&spis, &spi)) {
		struct ike_child *c = ike_child_by_out(t, spi);

		if (!c) {
			/* The delete may have overtaken the answer that made it. */
			if (sa->request.errand != IKE_ERRAND_NONE)
				sa->request.gone[sa->request.n_gone++ % IKE_GONE_MAX] = spi;
			continue;
		}
		if (!(sa->request.errand == IKE_ERRAND_DELETE_CHILD &&
		      sa->request.old == c->spi_in) &&
		    n < sizeof(mine) / sizeof(mine[0]))
			mine[n++] = c->spi_in;
		if (c == t->out)
			ike_tunnel_because(t, IKE_REASON_PEER_DELETED, "%s deleted the child SA",
					   ike_tunnel_peer(t, peer));
		ike_child_gone(c, true);
	}
	if (!n)
		return;
	w = ike_build_payload(b, IKE_DELETE);
	writer_u8(w, IKE_PROTOCOL_ESP);
	writer_u8(w, 4);
	writer_u16(w, (uint16_t)n);
	for (unsigned i = 0; i < n; i++)
		writer_u32(w, mine[i]);
	ike_build_end(b);
}

void ike_info_answer(struct ike_sa *sa, struct ike_message *m, struct ike_builder *b)
{
	const struct ike_notify *failed = ike_message_notify(m, N_AUTHENTICATION_FAILED);

	if (failed) {
		peer_closed(sa, failed->type);
		return;
	}
	for (unsigned i = 0; i < m->n_delete; i++) {
		if (m->deletes[i].protocol == IKE_PROTOCOL_IKE) {
			peer_closed(sa, 0);
			return;
		}
	}
	if (sa->state != IKE_STATE_ESTABLISHED)
		return;
	for (unsigned i = 0; i < m->n_delete; i++) {
		if (m->deletes[i].protocol == IKE_PROTOCOL_ESP)
			peer_deletes(sa, &m->deletes[i], b);
	}
}
