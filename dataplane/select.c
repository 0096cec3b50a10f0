#include "dataplane/select.h"

#include "dataplane/packet.h"

struct flow {
	const uint8_t *src, *dst;
	uint16_t sport, dport;
	uint8_t protocol, family;
	bool ports;
};

static void flow_of(struct flow *f, const uint8_t *ip, unsigned len)
{
	struct packet_upper u;
	const uint8_t *ports;

	packet_upper(&u, ip, len);
	if (ip[0] >> 4 == 4) {
		f->family = ADDR_IPV4;
		f->src = ip + 12;
		f->dst = ip + 16;
	} else {
		f->family = ADDR_IPV6;
		f->src = ip + 8;
		f->dst = ip + 24;
	}
	ports = ip + u.at;
	f->protocol = u.proto;
	f->ports = u.first && (u.proto == PROTO_TCP || u.proto == PROTO_UDP) && len >= u.at + 4;
	f->sport = f->ports ? get_be16(ports) : 0;
	f->dport = f->ports ? get_be16(ports + 2) : 0;
}

static bool side(const struct sa_selector *s, unsigned n, const struct flow *f, const uint8_t *addr,
		 uint16_t port)
{
	size_t bytes = f->family == ADDR_IPV4 ? 4 : 16;

	if (n == 0)
		return true;
	for (; n; n--, s++) {
		if (s->family == f->family && (!s->protocol || s->protocol == f->protocol) &&
		    memcmp(addr, s->first, bytes) >= 0 && memcmp(addr, s->last, bytes) <= 0 &&
		    (sa_any_port(s) || (f->ports && port >= s->port_first && port <= s->port_last)))
			return true;
	}
	return false;
}

bool select_packet(const struct sa *sa, const uint8_t *ip, unsigned len)
{
	const struct sa_selector *s = sa_selectors(sa);
	bool inbound = sa->flags & SA_INBOUND;
	struct flow f;

	flow_of(&f, ip, len);
	return side(s, sa->n_local, &f, inbound ? f.dst : f.src, inbound ? f.dport : f.sport) &&
	       side(s + sa->n_local, sa->n_selectors - sa->n_local, &f, inbound ? f.src : f.dst,
		    inbound ? f.sport : f.dport);
}

enum drop_reason select_refusal(unsigned flags, const uint8_t *ip, unsigned len)
{
	struct packet_upper u;

	packet_upper(&u, ip, len);
	return (flags & SA_PORTS) && !u.first ? DROP_FRAGMENT_PORTS : DROP_SELECTOR;
}
