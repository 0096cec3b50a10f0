#include "ike/v1/proxy.h"

#include "ike/selector.h"

#include <errno.h>
#include <string.h>

#define PORT_MAX 65535

enum { ADDR4 = 1, SUBNET4 = 4, ADDR6 = 5, SUBNET6 = 6, RANGE4 = 7, RANGE6 = 8 };

static bool take_addr(struct view *v, uint8_t family, struct addr *a)
{
	struct view bytes;

	*a = (struct addr){ .family = family };
	if (!view_take(v, addr_bytes(a), &bytes))
		return false;
	memcpy(a->b, bytes.p, bytes.n);
	return true;
}

/* A mask of ones, then zeros. */
static bool mask_len(const struct addr *mask, uint8_t *len)
{
	unsigned n = 0, bits = addr_bits(mask);

	while (n < bits && (mask->b[n / 8] & (0x80 >> n % 8)))
		n++;
	for (unsigned i = n; i < bits; i++)
		if (mask->b[i / 8] & (0x80 >> i % 8))
			return false;
	*len = (uint8_t)n;
	return true;
}

int ike_v1_proxy_parse(struct ike_selectors *out, struct view v)
{
	struct ike_selector *s = &out->v[0];
	struct prefix p;
	struct addr second;
	uint8_t type, family;
	uint16_t port;

	*out = (struct ike_selectors){ .n = 1 };
	if (!view_u8(&v, &type) || !view_u8(&v, &s->protocol) || !view_u16(&v, &port))
		return -EBADMSG;
	family = type == ADDR6 || type == SUBNET6 || type == RANGE6 ? ADDR_IPV6 : ADDR_IPV4;
	s->port_first = port;
	s->port_last = port ? port : PORT_MAX;
	if (!take_addr(&v, family, &s->first))
		return -EBADMSG;
	switch (type) {
	case ADDR4:
	case ADDR6:
		s->last = s->first;
		break;
	case SUBNET4:
	case SUBNET6:
		p.addr = s->first;
		if (!take_addr(&v, family, &second) || !mask_len(&second, &p.len))
			return -EBADMSG;
		s->first = prefix_first(&p);
		s->last = prefix_last(&p);
		break;
	case RANGE4:
	case RANGE6:
		if (!take_addr(&v, family, &s->last) || addr_compare(&s->first, &s->last) > 0)
			return -EBADMSG;
		break;
	default:
		return -EBADMSG;
	}
	return v.n ? -EBADMSG : 0;
}

static void emit_mask(struct writer *w, const struct prefix *p)
{
	for (unsigned i = 0; i < addr_bits(&p->addr); i += 8) {
		unsigned left = p->len > i ? p->len - i : 0;

		writer_u8(w, left >= 8 ? 0xff : (uint8_t)(0xff00 >> left));
	}
}

void ike_v1_proxy_emit(struct writer *w, const struct ike_selectors *all)
{
	const struct ike_selector *s = &all->v[0];
	bool v6 = s->first.family == ADDR_IPV6;
	struct prefix p;
	bool subnet = ike_selector_prefix(s, &p), host = subnet && p.len == addr_bits(&p.addr);
	uint8_t type = v6 ? (host     ? ADDR6
			     : subnet ? SUBNET6
				      : RANGE6)
			  : (host     ? ADDR4
			     : subnet ? SUBNET4
				      : RANGE4);

	writer_u8(w, type);
	writer_u8(w, s->protocol);
	writer_u16(w, s->port_first == s->port_last ? s->port_first : 0);
	writer_bytes(w, s->first.b, addr_bytes(&s->first));
	if (!subnet)
		writer_bytes(w, s->last.b, addr_bytes(&s->last));
	else if (!host)
		emit_mask(w, &p);
}

void ike_v1_proxy_host(struct ike_selectors *out, const struct addr *a)
{
	struct prefix p = { *a, (uint8_t)addr_bits(a) };

	ike_selectors_from_prefixes(out, &p, 1);
}

bool ike_v1_proxy_wanted(const struct ike_settings *t, unsigned k, struct ike_selectors *local,
			 struct ike_selectors *remote)
{
	static const struct prefix everything = { .addr = { .family = ADDR_IPV4 } };
	static const struct prefix everything6 = { .addr = { .family = ADDR_IPV6 } };
	unsigned n_local = t->n_ts_local ? t->n_ts_local : 1;
	unsigned n_remote = t->n_ts_remote ? t->n_ts_remote : 1;

	for (unsigned i = 0; i < n_local * n_remote; i++) {
		const struct prefix *l = t->n_ts_local ? &t->ts_local[i / n_remote] : NULL;
		const struct prefix *r = t->n_ts_remote ? &t->ts_remote[i % n_remote] : NULL;
		const struct prefix *any =
			(l && l->addr.family == ADDR_IPV6) || (r && r->addr.family == ADDR_IPV6)
				? &everything6
				: &everything;

		l = l ? l : any;
		r = r ? r : any;
		if (l->addr.family != r->addr.family || k--)
			continue;
		ike_selectors_from_prefixes(local, l, 1);
		ike_selectors_from_prefixes(remote, r, 1);
		return true;
	}
	return false;
}
