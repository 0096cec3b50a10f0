#include "ike/v2/message.h"

#include "ike/proposal.h"

#include <errno.h>
#include <string.h>

#define BIT(type) IKE_PAYLOAD_BIT(type)

struct form {
	uint64_t required, allowed;
};

static const struct form forms[IKE_FORM_COUNT] = {
	[IKE_FORM_INIT] = { BIT(IKE_SA) | BIT(IKE_KE) | BIT(IKE_NONCE), BIT(IKE_NOTIFY) },
	[IKE_FORM_AUTH_REQUEST] = { BIT(IKE_IDI), BIT(IKE_IDR) | BIT(IKE_AUTHENTICATION) |
							  BIT(IKE_SA) | BIT(IKE_TSI) |
							  BIT(IKE_TSR) | BIT(IKE_NOTIFY) },
	[IKE_FORM_AUTH_RESPONSE] = { BIT(IKE_IDR) | BIT(IKE_AUTHENTICATION),
				     BIT(IKE_SA) | BIT(IKE_TSI) | BIT(IKE_TSR) | BIT(IKE_NOTIFY) },
	[IKE_FORM_CHILD] = { BIT(IKE_SA) | BIT(IKE_NONCE) | BIT(IKE_TSI) | BIT(IKE_TSR),
			     BIT(IKE_KE) | BIT(IKE_NOTIFY) },
	[IKE_FORM_REKEY_IKE] = { BIT(IKE_SA) | BIT(IKE_NONCE) | BIT(IKE_KE), BIT(IKE_NOTIFY) },
	[IKE_FORM_INFORMATIONAL] = { 0, BIT(IKE_NOTIFY) | BIT(IKE_DELETE) },
};

const char *ike_notify_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
#define NAME(name, number) { number, #name },
		IKE_NOTIFIES(NAME)
#undef NAME
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].type == type)
			return names[i].name;
	}
	return NULL;
}

int ike_message_header(struct ike_message *m, struct view data)
{
	uint8_t version, flags;
	uint32_t len;

	memset(m, 0, sizeof(*m));
	if (data.n < IKE_HEADER_BYTES)
		return -EBADMSG;
	view_u64(&data, &m->spi_i);
	view_u64(&data, &m->spi_r);
	view_u8(&data, &m->first);
	view_u8(&data, &version);
	view_u8(&data, &m->exchange);
	view_u8(&data, &flags);
	view_u32(&data, &m->id);
	view_u32(&data, &len);
	m->major = version >> 4;
	m->flags = flags;
	m->response = flags & IKE_FLAG_RESPONSE;
	m->from_initiator = flags & IKE_FLAG_INITIATOR;
	m->len = len;
	return len == data.n + IKE_HEADER_BYTES ? 0 : -EBADMSG;
}

static int read_notify(struct ike_message *m, struct view v)
{
	struct ike_notify n;
	uint8_t spi_size;

	if (!view_u8(&v, &n.protocol) || !view_u8(&v, &spi_size) || !view_u16(&v, &n.type))
		return -EBADMSG;
	/* What only tells a status is passed over if it is malformed. */
	if (!view_take(&v, spi_size, &n.spi))
		return n.type < N_STATUS ? -EBADMSG : 0;
	n.data = v;
	if (m->n_notify < IKE_NOTIFY_MAX)
		m->notify[m->n_notify++] = n;
	return 0;
}

static int read_delete(struct ike_message *m, struct view v)
{
	struct ike_delete d;
	uint8_t spi_size;
	uint16_t n;

	if (!view_u8(&v, &d.protocol) || !view_u8(&v, &spi_size) || !view_u16(&v, &n) ||
	    v.n != (size_t)spi_size * n)
		return -EBADMSG;
	if (d.protocol == IKE_PROTOCOL_ESP && spi_size != 4)
		return -EBADMSG;
	d.spis = v;
	if (m->n_delete < IKE_DELETE_MAX)
		m->deletes[m->n_delete++] = d;
	return 0;
}

static int read_payload(struct ike_message *m, uint8_t type, struct view body)
{
	uint16_t reserved;

	if (type == IKE_NOTIFY && read_notify(m, body) < 0)
		return -EBADMSG;
	if (type == IKE_DELETE && read_delete(m, body) < 0)
		return -EBADMSG;
	if (m->have & BIT(type)) {
		m->repeated |= BIT(type);
		return 0;
	}
	if (type == IKE_KE && (!view_u16(&body, &m->ke_group) || !view_u16(&body, &reserved)))
		return -EBADMSG;
	if (type == IKE_NONCE && (body.n < 16 || body.n > 256))
		return -EBADMSG;
	m->have |= BIT(type);
	m->body[type] = body;
	return 0;
}

static bool known(uint8_t type)
{
	return type >= IKE_SA && type <= IKE_EAP;
}

/* Stops after an SK payload, whose next-payload field names the first one inside. */
static int walk(struct ike_message *m, uint8_t type, struct view v, size_t offset)
{
	while (type != IKE_NO_PAYLOAD) {
		uint8_t next, flags;
		uint16_t len;
		struct view body;
		size_t before = v.n;

		if (!view_u8(&v, &next) || !view_u8(&v, &flags) || !view_u16(&v, &len) || len < 4 ||
		    !view_take(&v, len - 4u, &body))
			return -EBADMSG;
		if (type == IKE_SK || type == IKE_SKF) {
			if (v.n || !offset)
				return -EBADMSG;
			if (type == IKE_SKF && (!view_u16(&body, &m->fragment) ||
						!view_u16(&body, &m->fragments) || !m->fragments))
				return -EBADMSG;
			m->sk_body = offset + (type == IKE_SKF ? 8 : 4);
			m->sk_first = next;
			return 0;
		}
		if (known(type)) {
			if (read_payload(m, type, body) < 0)
				return -EBADMSG;
		} else if ((flags & 0x80) && !m->critical) {
			m->critical = type;
		}
		if (offset)
			offset += before - v.n;
		type = next;
	}
	return v.n ? -EBADMSG : 0;
}

int ike_message_outer(struct ike_message *m, struct view data)
{
	if (!view_skip(&data, IKE_HEADER_BYTES))
		return -EBADMSG;
	return walk(m, m->first, data, IKE_HEADER_BYTES);
}

int ike_message_inner(struct ike_message *m, struct view plain)
{
	m->have = m->repeated = 0;
	m->critical = 0;
	m->n_notify = m->n_delete = 0;
	return walk(m, m->sk_first, plain, 0);
}

bool ike_message_has(const struct ike_message *m, enum ike_payload type)
{
	return m->have & BIT(type);
}

const struct ike_notify *ike_message_notify(const struct ike_message *m, uint16_t type)
{
	for (unsigned i = 0; i < m->n_notify; i++) {
		if (m->notify[i].type == type)
			return &m->notify[i];
	}
	return NULL;
}

const struct ike_notify *ike_message_error(const struct ike_message *m)
{
	for (unsigned i = 0; i < m->n_notify; i++) {
		if (m->notify[i].type < N_STATUS)
			return &m->notify[i];
	}
	return NULL;
}

int ike_message_admit(struct ike_message *m, enum ike_form form)
{
	const struct form *f = &forms[form];
	uint64_t seen = f->required | f->allowed;
	uint64_t single = seen & ~(BIT(IKE_NOTIFY) | BIT(IKE_DELETE));

	if (m->repeated & single)
		return -EBADMSG;
	m->have &= seen;
	if (m->response && form == IKE_FORM_INIT && ike_message_notify(m, N_COOKIE))
		return 0;
	/* An answer in IKE_AUTH may bring an error of the child's beside its AUTH. */
	if (m->response && ike_message_error(m) &&
	    !(form == IKE_FORM_AUTH_RESPONSE && ike_message_has(m, IKE_AUTHENTICATION)))
		return 0;
	return (m->have & f->required) == f->required ? 0 : -EBADMSG;
}

void ike_build_begin(struct ike_builder *b, void *buf, size_t cap, const struct ike_message *header)
{
	struct writer *w = &b->w;

	*b = (struct ike_builder){ 0 };
	writer_init(w, buf, cap);
	writer_u64(w, header->spi_i);
	writer_u64(w, header->spi_r);
	b->next_at = w->n;
	writer_u8(w, IKE_NO_PAYLOAD);
	writer_u8(w, (uint8_t)((header->major ? header->major : 2) << 4));
	writer_u8(w, header->exchange);
	writer_u8(w, (header->response ? IKE_FLAG_RESPONSE : 0) |
			     (header->from_initiator ? IKE_FLAG_INITIATOR : 0));
	writer_u32(w, header->id);
	writer_u32(w, 0);
}

static void open_payload(struct ike_builder *b, enum ike_payload type)
{
	if (!b->w.failed)
		b->w.p[b->next_at] = type;
	b->payload_at = b->next_at = b->w.n;
	writer_u32(&b->w, 0);
}

void ike_build_encrypted(struct ike_builder *b, const struct ike_protection *p)
{
	open_payload(b, IKE_SK);
	b->sk_at = b->payload_at;
	writer_room(&b->w, algo_ciphers[p->cipher].iv_bytes);
	b->plain_at = b->w.n;
}

struct writer *ike_build_payload(struct ike_builder *b, enum ike_payload type)
{
	open_payload(b, type);
	return &b->w;
}

void ike_build_end(struct ike_builder *b)
{
	if (b->w.failed)
		return;
	if (b->w.n - b->payload_at > UINT16_MAX)
		b->w.failed = true;
	else
		writer_patch_u16(&b->w, b->payload_at + 2, (uint16_t)(b->w.n - b->payload_at));
}

void ike_build_notify(struct ike_builder *b, uint8_t protocol, uint32_t spi, uint16_t type,
		      const void *data, size_t len)
{
	struct writer *w = ike_build_payload(b, IKE_NOTIFY);

	writer_u8(w, protocol);
	writer_u8(w, spi ? 4 : 0);
	writer_u16(w, type);
	if (spi)
		writer_u32(w, spi);
	writer_bytes(w, data, len);
	ike_build_end(b);
}

void ike_build_rewind(struct ike_builder *b, const struct ike_protection *p)
{
	b->w.n = IKE_HEADER_BYTES;
	b->w.failed = false;
	b->next_at = 16;
	b->w.p[b->next_at] = IKE_NO_PAYLOAD;
	b->sk_at = 0;
	if (p)
		ike_build_encrypted(b, p);
}

size_t ike_build_length(const struct ike_builder *b, const struct ike_protection *p)
{
	size_t plain_len = b->w.n - b->plain_at;

	return b->sk_at ? b->sk_at + 4 + ike_protect_overhead(p, plain_len) + plain_len : b->w.n;
}

int ike_build_fragment(const struct ike_builder *b, const struct ike_protection *p,
		       const struct ike_piece *piece, size_t each, uint64_t iv_counter,
		       const uint8_t iv_random[16], uint8_t *out, size_t cap)
{
	size_t from = b->plain_at + (piece->number - 1u) * each, left = b->w.n - from;
	size_t n = piece->number < piece->total ? each : left;
	size_t iv_bytes = algo_ciphers[p->cipher].iv_bytes;
	size_t overhead = ike_protect_overhead(p, n);
	struct writer w;
	int rc;

	if (n > left)
		return -EINVAL;
	writer_init(&w, out, cap);
	writer_bytes(&w, b->w.p, IKE_HEADER_BYTES);
	writer_u8(&w, piece->number == 1 ? piece->first : IKE_NO_PAYLOAD);
	writer_u8(&w, 0);
	writer_u16(&w, (uint16_t)(8 + overhead + n));
	writer_u16(&w, piece->number);
	writer_u16(&w, piece->total);
	writer_room(&w, iv_bytes);
	writer_bytes(&w, b->w.p + from, n);
	writer_room(&w, overhead - iv_bytes);
	if (w.failed)
		return -ENOBUFS;
	out[16] = IKE_SKF;
	writer_patch_u32(&w, 24, (uint32_t)w.n);
	rc = ike_protect(p, out, IKE_HEADER_BYTES + 8, n, iv_counter, iv_random);
	return rc < 0 ? rc : (int)w.n;
}

int ike_build_finish(struct ike_builder *b, const struct ike_protection *p, uint64_t iv_counter,
		     const uint8_t iv_random[16])
{
	size_t plain_len, overhead, total, iv_bytes;
	int rc;

	if (b->w.failed)
		return -ENOBUFS;
	if (!b->sk_at) {
		writer_patch_u32(&b->w, 24, (uint32_t)b->w.n);
		return (int)b->w.n;
	}
	iv_bytes = algo_ciphers[p->cipher].iv_bytes;
	plain_len = b->w.n - b->plain_at;
	overhead = ike_protect_overhead(p, plain_len);
	total = b->sk_at + 4 + overhead + plain_len;
	if (total - b->sk_at > UINT16_MAX || !writer_room(&b->w, overhead - iv_bytes))
		return -ENOBUFS;
	writer_patch_u16(&b->w, b->sk_at + 2, (uint16_t)(total - b->sk_at));
	writer_patch_u32(&b->w, 24, (uint32_t)total);
	rc = ike_protect(p, b->w.p, b->sk_at + 4, plain_len, iv_counter, iv_random);
	return rc < 0 ? rc : (int)total;
}
