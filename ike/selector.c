#include "ike/selector.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TS_IPV4_ADDR_RANGE 7
#define TS_IPV6_ADDR_RANGE 8
#define TS_HEAD		   8 /* type, protocol, length, ports */
#define PAYLOAD_HEAD	   4 /* count, reserved */
#define PORT_MAX	   65535

/* ---- lists ------------------------------------------------------------------------------- */

static bool selector_within(const struct ike_selector *inner, const struct ike_selector *outer)
{
	return inner->first.family == outer->first.family &&
	       (outer->protocol == 0 || outer->protocol == inner->protocol) &&
	       outer->port_first <= inner->port_first && inner->port_last <= outer->port_last &&
	       addr_compare(&outer->first, &inner->first) <= 0 &&
	       addr_compare(&inner->last, &outer->last) <= 0;
}

/* Keeps the list free of selectors that lie inside others; what does not fit is left out. */
static void selector_add(struct ike_selectors *s, const struct ike_selector *x)
{
	unsigned kept = 0;
	bool placed = false;

	for (unsigned i = 0; i < s->n; i++)
		if (selector_within(x, &s->v[i]))
			return;
	/* A wider one takes the place of the first that it covers, so that the order stays. */
	for (unsigned i = 0; i < s->n; i++) {
		if (!selector_within(&s->v[i], x)) {
			s->v[kept++] = s->v[i];
		} else if (!placed) {
			s->v[kept++] = *x;
			placed = true;
		}
	}
	s->n = kept;
	if (!placed && s->n < IKE_TS_MAX)
		s->v[s->n++] = *x;
}

void ike_selectors_from_prefixes(struct ike_selectors *out, const struct prefix *p, unsigned n)
{
	static const struct prefix everything[] = { { .addr = { .family = ADDR_IPV4 } },
						    { .addr = { .family = ADDR_IPV6 } } };

	if (n == 0) {
		p = everything;
		n = 2;
	}
	out->n = 0;
	for (unsigned i = 0; i < n; i++)
		selector_add(out, &(struct ike_selector){ .first = prefix_first(&p[i]),
							  .last = prefix_last(&p[i]),
							  .port_last = PORT_MAX });
}

/* ---- on the wire ------------------------------------------------------------------------- */

static int selector_parse(struct ike_selectors *out, struct view *v)
{
	struct ike_selector s = { .protocol = 0 };
	uint8_t type;
	uint16_t len;
	struct view body, first, last;

	if (!view_u8(v, &type) || !view_u8(v, &s.protocol) || !view_u16(v, &len) || len < 4 ||
	    !view_take(v, len - 4u, &body))
		return -EBADMSG;
	if (type != TS_IPV4_ADDR_RANGE && type != TS_IPV6_ADDR_RANGE)
		return 0;
	s.first.family = s.last.family = type == TS_IPV4_ADDR_RANGE ? ADDR_IPV4 : ADDR_IPV6;
	if (!view_u16(&body, &s.port_first) || !view_u16(&body, &s.port_last) ||
	    !view_take(&body, addr_bytes(&s.first), &first) ||
	    !view_take(&body, addr_bytes(&s.last), &last) || body.n > 0)
		return -EBADMSG;
	memcpy(s.first.b, first.p, first.n);
	memcpy(s.last.b, last.p, last.n);
	/* OPAQUE ports are the empty range 65535 to 0 (RFC 7296 §3.13.1); an empty range of
	 * addresses selects nothing either. */
	if (s.port_first <= s.port_last && addr_compare(&s.first, &s.last) <= 0)
		selector_add(out, &s);
	return 0;
}

int ike_selectors_parse(struct ike_selectors *out, struct view body)
{
	uint8_t n;
	int rc = 0;

	out->n = 0;
	if (!view_u8(&body, &n) || !view_skip(&body, PAYLOAD_HEAD - 1) || n == 0)
		return -EBADMSG;
	for (; n > 0 && rc == 0; n--)
		rc = selector_parse(out, &body);
	if (rc == 0 && body.n > 0)
		rc = -EBADMSG;
	if (rc)
		out->n = 0;
	return rc;
}

void ike_selectors_emit(struct writer *w, const struct ike_selectors *s)
{
	writer_u8(w, (uint8_t)s->n);
	writer_room(w, PAYLOAD_HEAD - 1);
	for (unsigned i = 0; i < s->n; i++) {
		const struct ike_selector *x = &s->v[i];
		size_t bytes = addr_bytes(&x->first);

		writer_u8(w,
			  x->first.family == ADDR_IPV4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE);
		writer_u8(w, x->protocol);
		writer_u16(w, (uint16_t)(TS_HEAD + 2 * bytes));
		writer_u16(w, x->port_first);
		writer_u16(w, x->port_last);
		writer_bytes(w, x->first.b, bytes);
		writer_bytes(w, x->last.b, bytes);
	}
}

/* ---- agreeing ---------------------------------------------------------------------------- */

static bool intersect(struct ike_selector *out, const struct ike_selector *a,
		      const struct ike_selector *b)
{
	if (a->first.family != b->first.family)
		return false;
	if (a->protocol != b->protocol && a->protocol != 0 && b->protocol != 0)
		return false;
	*out = *a;
	if (out->protocol == 0)
		out->protocol = b->protocol;
	if (addr_compare(&b->first, &out->first) > 0)
		out->first = b->first;
	if (addr_compare(&b->last, &out->last) < 0)
		out->last = b->last;
	if (b->port_first > out->port_first)
		out->port_first = b->port_first;
	if (b->port_last < out->port_last)
		out->port_last = b->port_last;
	return out->port_first <= out->port_last && addr_compare(&out->first, &out->last) <= 0;
}

bool ike_selectors_narrow(struct ike_selectors *out, const struct ike_selectors *offer,
			  const struct ike_selectors *policy)
{
	struct ike_selector x;

	out->n = 0;
	for (unsigned i = 0; i < offer->n; i++)
		for (unsigned j = 0; j < policy->n; j++)
			if (intersect(&x, &offer->v[i], &policy->v[j]))
				selector_add(out, &x);
	return out->n > 0;
}

static bool within_any(const struct ike_selector *x, const struct ike_selectors *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (selector_within(x, &s->v[i]))
			return true;
	return false;
}

bool ike_selectors_within(const struct ike_selectors *answer, const struct ike_selectors *offer)
{
	for (unsigned i = 0; i < answer->n; i++)
		if (!within_any(&answer->v[i], offer))
			return false;
	return answer->n > 0;
}

bool ike_selectors_equal(const struct ike_selectors *a, const struct ike_selectors *b)
{
	if (a->n != b->n)
		return false;
	return a->n == 0 || (ike_selectors_within(a, b) && ike_selectors_within(b, a));
}

/* ---- text -------------------------------------------------------------------------------- */

#define SELECTOR_TEXT (2 * ADDR_STR_MAX + 32)

bool ike_selector_prefix(const struct ike_selector *s, struct prefix *p)
{
	for (unsigned len = 0; len <= addr_bits(&s->first); len++) {
		struct addr last;

		*p = (struct prefix){ s->first, (uint8_t)len };
		last = prefix_last(p);
		if (prefix_is_network(p) && addr_equal(&last, &s->last))
			return true;
	}
	return false;
}

static void selector_format(const struct ike_selector *s, char *buf)
{
	char a[PREFIX_STR_MAX], b[ADDR_STR_MAX];
	struct prefix p;
	int n;

	if (ike_selector_prefix(s, &p))
		n = sprintf(buf, "%s", prefix_format(&p, a));
	else
		n = sprintf(buf, "%s-%s", addr_format(&s->first, a), addr_format(&s->last, b));
	if (s->protocol == 6 || s->protocol == 17 || s->protocol == 1)
		n += sprintf(buf + n, " %s",
			     s->protocol == 6	 ? "tcp"
			     : s->protocol == 17 ? "udp"
						 : "icmp");
	else if (s->protocol)
		n += sprintf(buf + n, " protocol %u", s->protocol);
	if (s->port_first == s->port_last)
		sprintf(buf + n, " %u", s->port_first);
	else if (s->port_first != 0 || s->port_last != PORT_MAX)
		sprintf(buf + n, " %u-%u", s->port_first, s->port_last);
}

const char *ike_selectors_format(const struct ike_selectors *s, char *buf, size_t size)
{
	char one[SELECTOR_TEXT];
	size_t n = 0;

	if (size == 0)
		return buf;
	buf[0] = '\0';
	if (s->n == 0)
		snprintf(buf, size, "nothing");
	for (unsigned i = 0; i < s->n; i++) {
		int more;

		selector_format(&s->v[i], one);
		more = snprintf(buf + n, size - n, "%s%s", i ? ", " : "", one);
		if (more < 0 || (size_t)more >= size - n) {
			if (size > 3)
				memcpy(buf + size - 4, "...", 4);
			break;
		}
		n += (size_t)more;
	}
	return buf;
}
