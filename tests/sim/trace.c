#include "tests/sim/trace.h"

#include "ike/sa.h"
#include "ike/v2/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put(struct sim_trace *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct sim_trace *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	t->n += (size_t)vsnprintf(t->text + t->n, sizeof(t->text) - t->n, fmt, args);
	va_end(args);
	if (t->n >= sizeof(t->text))
		t->n = sizeof(t->text) - 1;
}

/* A part that equals the one before becomes a mark, however often it comes. */
static void end_part(struct sim_trace *t)
{
	const char *part = t->text + t->part + (t->text[t->part] == ' ');
	bool again = !strcmp(part, t->before);

	if (again) {
		t->n = t->part;
		t->text[t->n] = '\0';
	} else {
		snprintf(t->before, sizeof(t->before), "%s", part);
	}
	if (!again || !t->repeats)
		put(t, "%s /", again ? " ..." : "");
	t->repeats = again;
	t->part = t->n;
}

static void begin(struct sim *s, unsigned node, char sign)
{
	struct sim_trace *t = s->trace;

	if (s->now - t->last >= IKE_SECOND / 2 && t->n)
		end_part(t);
	t->last = s->now;
	put(t, "%s%u%c", t->n ? " " : "", node, sign);
}

static void put_pair(struct sim_trace *t, uint32_t spi, uint32_t peer_spi)
{
	for (unsigned i = 0; i < t->n_pairs; i++) {
		if (t->pair[i][0] == spi || t->pair[i][1] == spi) {
			put(t, "%c", 'A' + i);
			return;
		}
	}
	if (!peer_spi || t->n_pairs == TRACE_NAMES) {
		put(t, "?");
		return;
	}
	put(t, "%c", 'A' + t->n_pairs);
	t->pair[t->n_pairs][0] = spi;
	t->pair[t->n_pairs++][1] = peer_spi;
}

static void put_ike(struct sim_trace *t, uint64_t spi_i)
{
	unsigned i;

	for (i = 0; i < t->n_ikes && t->ike[i] != spi_i; i++)
		;
	if (i == t->n_ikes && i < TRACE_NAMES)
		t->ike[t->n_ikes++] = spi_i;
	if (i)
		put(t, "%c:", 'I' + i);
}

void sim_trace_start(struct sim *s, struct sim_trace *t)
{
	const struct sim_node *node = &s->node[0];

	*t = (struct sim_trace){ .last = s->now };
	for (size_t i = 0; i < node->cap_in; i++) {
		if (!node->in[i].installed)
			continue;
		t->pair[t->n_pairs][0] = node->in[i].spi;
		t->pair[t->n_pairs++][1] = node->in[i].peer_spi;
	}
	t->ike[t->n_ikes++] = LIST_FIRST(&node->engine->sas)->spi_i;
	s->trace = t;
}

void sim_trace_sa(struct sim *s, const struct sim_node *node, enum sim_change change, uint32_t spi,
		  uint32_t peer_spi)
{
	if (!s->trace)
		return;
	begin(s, node->index, (char)change);
	if (spi)
		put_pair(s->trace, spi, peer_spi);
	else
		put(s->trace, "none");
}

/* Notifies that say nothing about an exchange's outcome. */
static bool idle_talk(uint16_t type)
{
	return type >= N_STATUS && type != N_REKEY_SA && type != N_COOKIE;
}

static void put_notifies(struct sim_trace *t, const struct ike_message *m)
{
	for (unsigned i = 0; i < m->n_notify; i++) {
		const struct ike_notify *n = &m->notify[i];
		const char *name = ike_notify_name(n->type);

		if (n->type == N_REKEY_SA || idle_talk(n->type))
			continue;
		put(t, "%s", name ? name : "?");
	}
}

static uint32_t spi_of(struct view v)
{
	uint32_t spi = 0;

	view_u32(&v, &spi);
	return spi;
}

static void put_delete(struct sim_trace *t, const struct ike_delete *d)
{
	struct view spis = d->spis;
	uint32_t spi;

	put(t, "delete(");
	if (d->protocol == IKE_PROTOCOL_IKE)
		put(t, "ike");
	while (view_u32(&spis, &spi))
		put_pair(t, spi, 0);
	put(t, ")");
}

static void put_meaning(struct sim_trace *t, const struct ike_message *m)
{
	const struct ike_notify *rekey = ike_message_notify(m, N_REKEY_SA);
	size_t before = t->n;

	put_notifies(t, m);
	if (t->n > before)
		return;
	if (m->exchange == IKE_AUTH) {
		put(t, "auth");
	} else if (m->exchange == CREATE_CHILD_SA && rekey) {
		put(t, "rekey(");
		put_pair(t, spi_of(rekey->spi), 0);
		put(t, ")");
	} else if (m->exchange == CREATE_CHILD_SA) {
		put(t, ike_message_has(m, IKE_TSI) ? "child" : "ike");
	} else {
		for (unsigned i = 0; i < m->n_delete; i++)
			put_delete(t, &m->deletes[i]);
		if (!m->n_delete)
			put(t, "-");
	}
}

static const struct ike_sa *sender(const struct sim_node *from, const struct ike_message *m)
{
	const struct ike_sa *sa;

	LIST_FOREACH(sa, &from->engine->sas, all)
	{
		if (sa->spi_i == m->spi_i && sa->initiator == m->from_initiator &&
		    sa->spi_r == m->spi_r)
			return sa;
	}
	return NULL;
}

/* m borrows from copy. */
static bool open_copy(const struct ike_sa *sa, struct ike_message *m, uint8_t *copy, size_t n)
{
	struct ike_protection p;
	size_t at, len;

	if (!sa)
		return false;
	p = ike_sa_protection(sa, IKE_OUT);
	return p.sk_e && ike_message_outer(m, (struct view){ copy, n }) == 0 && m->sk_body &&
	       ike_unprotect(&p, copy, n, m->sk_body, &at, &len) == 0 &&
	       ike_message_inner(m, (struct view){ copy + at, len }) == 0;
}

void sim_trace_message(struct sim *s, const struct sim_node *from, const uint8_t *data, size_t n,
		       sim_verdict verdict)
{
	struct sim_trace *t = s->trace;
	uint8_t copy[4096];
	struct ike_message m;

	if (!t || n < IKE_HEADER_BYTES || n > sizeof(copy))
		return;
	memcpy(copy, data, n);
	if (ike_message_header(&m, (struct view){ copy, n }) < 0)
		return;
	begin(s, from->index, m.response ? '<' : '>');
	put_ike(t, m.spi_i);
	if (m.exchange == IKE_SA_INIT)
		put(t, "init");
	else if (open_copy(sender(from, &m), &m, copy, n))
		put_meaning(t, &m);
	else
		put(t, "?");
	if (verdict == SIM_DROP)
		put(t, "!");
	else if (verdict & SIM_TWICE)
		put(t, "\"");
	else if (verdict)
		put(t, "~");
}
