#include "ike/v1/message.h"

#include "ike/proposal.h"

#include <errno.h>
#include <string.h>

#define BIT(type) IKE_PAYLOAD_BIT(type)
#define DOI_IPSEC 1

const char *ike_v1_notify_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
#define NAME(name, number) { number, #name },
		IKE_V1_NOTIFIES(NAME)
#undef NAME
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].type == type)
			return names[i].name;
	}
	return NULL;
}

/* MD5 of what their specifications say, but for DPD and XAuth. A DPD id ends in its version. */
static const struct {
	unsigned flag;
	uint8_t n;
	uint8_t id[16];
} vendors[] = {
	{ IKE_V1_VENDOR_NATT_RFC,
	  16,
	  { 0x4a, 0x13, 0x1c, 0x81, 0x07, 0x03, 0x58, 0x45, 0x5c, 0x57, 0x28, 0xf2, 0x0e, 0x95,
	    0x45, 0x2f } },
	{ IKE_V1_VENDOR_NATT_03,
	  16,
	  { 0x7d, 0x94, 0x19, 0xa6, 0x53, 0x10, 0xca, 0x6f, 0x2c, 0x17, 0x9d, 0x92, 0x15, 0x52,
	    0x9d, 0x56 } },
	{ IKE_V1_VENDOR_NATT_02,
	  16,
	  { 0x90, 0xcb, 0x80, 0x91, 0x3e, 0xbb, 0x69, 0x6e, 0x08, 0x63, 0x81, 0xb5, 0xec, 0x42,
	    0x7b, 0x1f } },
	{ IKE_V1_VENDOR_NATT_02,
	  16,
	  { 0xcd, 0x60, 0x46, 0x43, 0x35, 0xdf, 0x21, 0xf8, 0x7c, 0xfd, 0xb2, 0xfc, 0x68, 0xb6,
	    0xa4, 0x48 } },
	{ IKE_V1_VENDOR_DPD,
	  16,
	  { 0xaf, 0xca, 0xd7, 0x13, 0x68, 0xa1, 0xf1, 0xc9, 0x6b, 0x86, 0x96, 0xfc, 0x77, 0x57,
	    0x01, 0x00 } },
	{ IKE_V1_VENDOR_XAUTH, 8, { 0x09, 0x00, 0x26, 0x89, 0xdf, 0xd6, 0xb7, 0x12 } },
};

static unsigned vendor_flag(struct view v)
{
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
		if (v.n == vendors[i].n && memcmp(v.p, vendors[i].id, v.n) == 0)
			return vendors[i].flag;
	}
	return 0;
}

void ike_v1_message_init(struct ike_v1_message *m, const struct ike_message *header)
{
	memset(m, 0, sizeof(*m));
	m->cky_i = header->spi_i;
	m->cky_r = header->spi_r;
	m->first = header->first;
	m->exchange = header->exchange;
	m->flags = header->flags;
	m->id = header->id;
}

static int read_notify(struct ike_v1_message *m, struct view v)
{
	struct ike_notify n;
	uint32_t doi;
	uint8_t spi_size;

	if (!view_u32(&v, &doi) || !view_u8(&v, &n.protocol) || !view_u8(&v, &spi_size) ||
	    !view_u16(&v, &n.type))
		return -EBADMSG;
	/* What only tells a status is passed over if it is malformed. */
	if (!view_take(&v, spi_size, &n.spi))
		return n.type < V1_STATUS ? -EBADMSG : 0;
	n.data = v;
	if (doi <= DOI_IPSEC && m->n_notify < IKE_NOTIFY_MAX)
		m->notify[m->n_notify++] = n;
	return 0;
}

static int read_delete(struct ike_v1_message *m, struct view v)
{
	struct ike_delete d;
	uint32_t doi;
	uint8_t spi_size;
	uint16_t n;

	if (!view_u32(&v, &doi) || !view_u8(&v, &d.protocol) || !view_u8(&v, &spi_size) ||
	    !view_u16(&v, &n) || v.n != (size_t)spi_size * n)
		return -EBADMSG;
	if (d.protocol == IKE_PROTOCOL_ESP && spi_size != 4)
		return -EBADMSG;
	d.spis = v;
	if (doi <= DOI_IPSEC && m->n_delete < IKE_DELETE_MAX)
		m->deletes[m->n_delete++] = d;
	return 0;
}

static int read_payload(struct ike_v1_message *m, uint8_t type, struct view body)
{
	if (type == IKE_V1_NOTIFY && read_notify(m, body) < 0)
		return -EBADMSG;
	if (type == IKE_V1_DELETE && read_delete(m, body) < 0)
		return -EBADMSG;
	if (type == IKE_V1_NONCE && (body.n < 8 || body.n > 256))
		return -EBADMSG;
	if (type == IKE_V1_VENDOR)
		m->vendors |= vendor_flag(body);
	if (type == IKE_V1_NAT_D && m->n_nat_d < IKE_V1_NAT_D_MAX)
		m->nat_d[m->n_nat_d++] = body;
	if (type == IKE_V1_ID && m->n_id < IKE_V1_ID_MAX)
		m->id_body[m->n_id++] = body;
	if (m->have & BIT(type)) {
		m->repeated |= BIT(type);
	} else {
		m->have |= BIT(type);
		m->body[type] = body;
	}
	return 0;
}

/* Payload types that nobody here knows are passed over. */
static uint8_t known(uint8_t type)
{
	if (type == IKE_V1_NAT_D_DRAFT)
		return IKE_V1_NAT_D;
	if (type == IKE_V1_NAT_OA_DRAFT)
		return IKE_V1_NAT_OA;
	return type <= IKE_V1_NAT_OA ? type : IKE_NO_PAYLOAD;
}

int ike_v1_message_walk(struct ike_v1_message *m, struct view v, bool decrypted)
{
	uint8_t type = m->first, next, reserved;
	const uint8_t *behind = NULL;
	struct view body;
	uint16_t len;

	if (!view_skip(&v, IKE_HEADER_BYTES))
		return -EBADMSG;
	m->hash_first = type == IKE_V1_HASH;
	while (type != IKE_NO_PAYLOAD) {
		if (!view_u8(&v, &next) || !view_u8(&v, &reserved) || !view_u16(&v, &len) ||
		    len < 4 || !view_take(&v, len - 4u, &body))
			return -EBADMSG;
		if (known(type) && read_payload(m, known(type), body) < 0)
			return -EBADMSG;
		if (m->hash_first && !behind)
			behind = v.p;
		type = next;
	}
	if (behind)
		m->after_hash = (struct view){ behind, (size_t)(v.p - behind) };
	return v.n && !decrypted ? -EBADMSG : 0;
}

int ike_v1_decrypt(enum algo_cipher cipher, const struct secret *key, const uint8_t *iv,
		   uint8_t *data, size_t n, uint8_t last[])
{
	size_t block = algo_ciphers[cipher].block_bytes, len = n - IKE_HEADER_BYTES;

	if (n < IKE_HEADER_BYTES + block || len % block)
		return -EBADMSG;
	memcpy(last, data + n - block, block);
	return ike_cbc(cipher, key, false, iv, data + IKE_HEADER_BYTES, len);
}

bool ike_v1_message_has(const struct ike_v1_message *m, enum ike_v1_payload type)
{
	return m->have & BIT(type);
}

const struct ike_notify *ike_v1_message_notify(const struct ike_v1_message *m, uint16_t type)
{
	for (unsigned i = 0; i < m->n_notify; i++) {
		if (m->notify[i].type == type)
			return &m->notify[i];
	}
	return NULL;
}

const struct ike_notify *ike_v1_message_error(const struct ike_v1_message *m)
{
	for (unsigned i = 0; i < m->n_notify; i++) {
		if (m->notify[i].type < V1_STATUS)
			return &m->notify[i];
	}
	return NULL;
}

void ike_v1_build_begin(struct ike_builder *b, void *buf, size_t cap, uint64_t cky_i,
			uint64_t cky_r, uint8_t exchange, uint32_t id)
{
	struct ike_message header = {
		.spi_i = cky_i, .spi_r = cky_r, .exchange = exchange, .major = 1, .id = id
	};

	ike_build_begin(b, buf, cap, &header);
}

struct writer *ike_v1_build_payload(struct ike_builder *b, enum ike_v1_payload type)
{
	return ike_build_payload(b, (enum ike_payload)type);
}

void ike_v1_build_bytes(struct ike_builder *b, enum ike_v1_payload type, const void *p, size_t n)
{
	writer_bytes(ike_v1_build_payload(b, type), p, n);
	ike_build_end(b);
}

void ike_v1_build_notify(struct ike_builder *b, uint8_t protocol, const void *spi, size_t n_spi,
			 uint16_t type, const void *data, size_t n)
{
	struct writer *w = ike_v1_build_payload(b, IKE_V1_NOTIFY);

	writer_u32(w, DOI_IPSEC);
	writer_u8(w, protocol);
	writer_u8(w, (uint8_t)n_spi);
	writer_u16(w, type);
	writer_bytes(w, spi, n_spi);
	writer_bytes(w, data, n);
	ike_build_end(b);
}

void ike_v1_build_vendors(struct ike_builder *b, unsigned mask)
{
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
		if (mask & vendors[i].flag)
			ike_v1_build_bytes(b, IKE_V1_VENDOR, vendors[i].id, vendors[i].n);
	}
}

int ike_v1_build_finish(struct ike_builder *b, enum algo_cipher cipher, const struct secret *key,
			uint8_t iv[])
{
	size_t block = algo_ciphers[cipher].block_bytes, len;
	int rc = 0;

	if (key && !b->w.failed) {
		len = b->w.n - IKE_HEADER_BYTES;
		writer_room(&b->w, (block - len % block) % block);
	}
	if (b->w.failed)
		return -ENOBUFS;
	writer_patch_u32(&b->w, 24, (uint32_t)b->w.n);
	if (key) {
		len = b->w.n - IKE_HEADER_BYTES;
		b->w.p[19] |= IKE_V1_FLAG_ENCRYPTED;
		rc = ike_cbc(cipher, key, true, iv, b->w.p + IKE_HEADER_BYTES, len);
		if (rc == 0)
			memcpy(iv, b->w.p + b->w.n - block, block);
	}
	return rc < 0 ? rc : (int)b->w.n;
}
