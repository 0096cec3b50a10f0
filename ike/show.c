/* What a tunnel looks like to an operator. */
#include "ike/child.h"
#include "ike/sa.h"
#include "ike/tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void show_sa(const struct ike_sa *sa, struct ike_tunnel_view *out)
{
	out->established = true;
	out->initiator = sa->initiator;
	out->spi_i = sa->spi_i;
	out->spi_r = sa->spi_r;
	out->cipher = sa->suite.cipher;
	out->auth = sa->suite.auth;
	out->prf = sa->suite.prf;
	out->dh = sa->suite.dh;
	out->path = sa->path;
	out->ppk = sa->ppk;
	out->nat_local = sa->nat_local;
	out->nat_remote = sa->nat_remote;
	out->since = sa->established;
	out->rekey_at = sa->rekey_at;
	out->expires_at = sa->expires_at;
}

static void show_child(const struct ike_child *c, struct ike_child_view *out)
{
	out->spi_in = c->spi_in;
	out->spi_out = c->spi_out;
	out->cipher = c->suite.cipher;
	out->auth = c->suite.auth;
	out->pfs = c->suite.dh;
	out->esn = c->suite.esn;
	out->udp = c->udp;
	out->outbound = c->outbound == IKE_OUTBOUND_ACTIVE;
	out->established = c->established;
	out->rekey_at = c->rekey_at;
	out->expires_at = c->expires_at;
	out->local = c->traffic->local;
	out->remote = c->traffic->remote;
}

int ike_tunnel_history(const struct ike_engine *e, uint32_t tunnel, struct ike_history *out)
{
	const struct ike_tunnel *t = ike_tunnel_find(e, tunnel);

	return t ? ike_history_copy(out, &t->history) : -ENOENT;
}

int ike_tunnel_view(const struct ike_engine *e, uint32_t tunnel, struct ike_tunnel_view *out)
{
	const struct ike_tunnel *t = ike_tunnel_find(e, tunnel);
	const struct ike_sa *sa;
	const struct ike_child *c;

	memset(out, 0, sizeof(*out));
	if (!t)
		return -ENOENT;
	out->up = t->up;
	out->reason = t->reason;
	snprintf(out->text, sizeof(out->text), "%s", ike_tunnel_text(t));
	out->tries = t->tries;
	sa = t->out ? t->out->sa : ike_tunnel_current(t);
	if (sa)
		show_sa(sa, out);
	TAILQ_FOREACH(c, &t->children, link)
	{
		if (out->n_children < IKE_VIEW_CHILDREN)
			show_child(c, &out->child[out->n_children++]);
	}
	return 0;
}
