/* The tunnels' own ends: packets to their inner local addresses, for whoever speaks there (BGP,
 * BFD, ping), and from them into their tunnels. Main thread. */
#include "dataplane/core.h"
#include "dataplane/echo.h"
#include "dataplane/packet.h"

#include <errno.h>

static bool is_for(const uint8_t *ip, const struct addr *a)
{
	if (ip[0] >> 4 == 4)
		return a->family == ADDR_IPV4 && memcmp(ip + 16, a->b, 4) == 0;
	return a->family == ADDR_IPV6 && memcmp(ip + 24, a->b, 16) == 0;
}

/* To the peer through the very tunnel: a route that somebody announced leads nobody else's session
 * astray. */
static int send(struct dataplane *dp, uint32_t tunnel, struct rte_mbuf *m)
{
	const struct tunnel *t = &dp->tables.tunnel[tunnel];

	if (is_for(packet(m), &t->inner_peer)) {
		tag_set(m, TAG_ESP_OUT, 0, tunnel);
		return inject(dp, dp->tables.owner[tunnel], INJECT_MAIN, m);
	}
	tag_set(m, TAG_ROUTE, 0, t->table);
	return inject(dp, 0, INJECT_MAIN, m);
}

void inner_take(struct dataplane *dp, struct rte_mbuf *m, uint32_t tunnel)
{
	if (!dp->tables.tunnel[tunnel].used) {
		counter_add(&dp->main_drop[DROP_NOT_FOR_US], 1);
	} else if (dp->main_answers &&
		   dp->main_answers(dp->main_answers_ctx, tunnel, packet(m), m->data_len)) {
		;
	} else if (dp->main_ops &&
		   dp->main_ops->inner(dp->main_ctx, tunnel, packet(m), m->data_len)) {
		;
	} else if (!echo_reply(packet(m), m->data_len)) {
		counter_add(&dp->main_drop[DROP_NO_PROTOCOL], 1);
	} else {
		if (send(dp, tunnel, m) != 0)
			counter_add(&dp->main_drop[DROP_PUNT_FULL], 1);
		return;
	}
	rte_pktmbuf_free(m);
}

void dataplane_main_register(struct dataplane *dp, const struct dataplane_main_ops *ops, void *ctx)
{
	dp->main_ops = ops;
	dp->main_ctx = ctx;
}

void dataplane_main_answers(struct dataplane *dp,
			    bool (*fn)(void *ctx, uint32_t tunnel, const uint8_t *ip, size_t len),
			    void *ctx)
{
	dp->main_answers = fn;
	dp->main_answers_ctx = ctx;
}

int dataplane_send_inner(struct dataplane *dp, uint32_t tunnel, const uint8_t *ip, size_t len)
{
	struct rte_mbuf *m;
	unsigned total;
	char *to;

	if (tunnel >= TUNNELS_MAX || !dp->tables.tunnel[tunnel].used)
		return -EINVAL;
	if (len > UINT16_MAX)
		return -EMSGSIZE;
	if (!ip_whole(ip, (unsigned)len, &total))
		return -EINVAL;
	m = rte_pktmbuf_alloc(dp->pool);
	if (!m)
		return -EAGAIN;
	to = rte_pktmbuf_append(m, (uint16_t)total);
	if (!to) {
		rte_pktmbuf_free(m);
		return -EMSGSIZE;
	}
	memcpy(to, ip, total);
	return send(dp, tunnel, m);
}
