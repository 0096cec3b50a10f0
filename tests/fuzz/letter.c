#include "tests/fuzz/letter.h"

#include "ike/proposal.h"
#include "ike/v1/message.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define ICV_BYTES 16
#define IV_BYTES  16 /* AES-CBC's; letter_open() finds out whether it is an AEAD's */
#define AEAD_IV	  8

enum {
	AT_FIRST = 16,
	AT_VERSION = 17,
	AT_EXCHANGE = 18,
	AT_FLAGS = 19,
	AT_ID = 20,
	AT_LENGTH = 24
};

static uint16_t u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

bool letter_sealed(const uint8_t header[LETTER_HEADER_BYTES])
{
	if (header[AT_VERSION] >> 4 == 1)
		return header[AT_FLAGS] & IKE_V1_FLAG_ENCRYPTED;
	return header[AT_FIRST] == IKE_SK || header[AT_FIRST] == IKE_SKF;
}

/* ---- taken apart ------------------------------------------------------------------------- */

/* padded: zeros may follow. */
static bool walk(struct letter *l, uint8_t type, const uint8_t *p, size_t n, bool padded)
{
	l->n = 0;
	while (type) {
		struct letter_part *part = &l->part[l->n];
		size_t len = n < 4 ? 0 : u16(p + 2);

		if (len < 4 || len > n || len - 4 > LETTER_BODY_MAX || ++l->n == LETTER_PARTS_MAX)
			return false;
		part->type = type;
		part->flags = p[1];
		part->n = (uint16_t)(len - 4);
		memcpy(part->body, p + 4, part->n);
		type = p[0];
		p += len;
		n -= len;
	}
	return n == 0 || padded;
}

bool letter_open(struct letter *l, const uint8_t *msg, size_t n)
{
	static const uint8_t ivs[] = { IV_BYTES, AEAD_IV };
	const uint8_t *body = msg + LETTER_HEADER_BYTES;

	if (n < LETTER_HEADER_BYTES)
		return false;
	memcpy(l->header, msg, sizeof(l->header));
	l->v1 = msg[AT_VERSION] >> 4 == 1;
	l->sealed = letter_sealed(msg);
	n -= LETTER_HEADER_BYTES;
	if (l->v1 || !l->sealed)
		return walk(l, msg[AT_FIRST], body, n, l->v1 && l->sealed);
	for (unsigned i = 0; i < sizeof(ivs); i++) {
		size_t around = 4 + ivs[i] + 1 + ICV_BYTES;
		uint8_t pad = n < around ? 0 : body[n - ICV_BYTES - 1];

		if (msg[AT_FIRST] == IKE_SK && n >= around + pad &&
		    walk(l, body[0], body + 4 + ivs[i], n - around - pad, false))
			return true;
	}
	return false;
}

void letter_begin(struct letter *l, const uint8_t header[LETTER_HEADER_BYTES],
		  const struct letter *other)
{
	memcpy(l->header, header, sizeof(l->header));
	l->v1 = header[AT_VERSION] >> 4 == 1;
	l->sealed = letter_sealed(header);
	l->n = 0;
	if (l->v1 && l->sealed && other->n && other->part[0].type == IKE_V1_HASH)
		l->part[l->n++] = other->part[0];
}

/* ---- put together ------------------------------------------------------------------------ */

static void chain(const struct letter *l, struct writer *w)
{
	for (unsigned i = 0; i < l->n; i++) {
		const struct letter_part *p = &l->part[i];

		writer_u8(w, i + 1 < l->n ? p[1].type : 0);
		writer_u8(w, p->flags);
		writer_u16(w, (uint16_t)(4 + p->n));
		writer_bytes(w, p->body, p->n);
	}
}

static void zeros(struct writer *w, size_t n)
{
	uint8_t *room = writer_room(w, n);

	if (room)
		memset(room, 0, n);
}

static size_t finish(struct writer *w, size_t payload_at, uint8_t first)
{
	if (payload_at) {
		zeros(w, 1 + ICV_BYTES);
		if (!w->failed)
			writer_patch_u16(w, payload_at + 2, (uint16_t)(w->n - payload_at));
	}
	if (w->failed)
		return 0;
	w->p[AT_FIRST] = first;
	writer_patch_u32(w, AT_LENGTH, (uint32_t)w->n);
	return w->n;
}

size_t letter_close(const struct letter *l, uint8_t *msg, size_t cap)
{
	uint8_t first = l->n ? l->part[0].type : 0;
	size_t at = l->sealed && !l->v1 ? LETTER_HEADER_BYTES : 0;
	struct writer w;

	writer_init(&w, msg, cap);
	writer_bytes(&w, l->header, sizeof(l->header));
	if (at) {
		writer_u32(&w, (uint32_t)first << 24);
		zeros(&w, IV_BYTES);
	}
	chain(l, &w);
	if (l->v1 && l->sealed)
		zeros(&w, (16 - (w.n - LETTER_HEADER_BYTES) % 16) % 16);
	return finish(&w, at, at ? IKE_SK : first);
}

size_t letter_piece(const struct letter *l, unsigned number, unsigned total, uint8_t *msg,
		    size_t cap)
{
	static uint8_t plain[LETTER_PARTS_MAX * (4 + LETTER_BODY_MAX)];
	struct writer all, w;
	size_t each, from, to;

	writer_init(&all, plain, sizeof(plain));
	chain(l, &all);
	each = total ? (all.n + total - 1) / total : all.n;
	from = number ? (number - 1) * each : 0;
	from = from < all.n ? from : all.n;
	to = from + each < all.n ? from + each : all.n;
	writer_init(&w, msg, cap);
	writer_bytes(&w, l->header, sizeof(l->header));
	writer_u32(&w, number == 1 && l->n ? (uint32_t)l->part[0].type << 24 : 0);
	writer_u16(&w, (uint16_t)number);
	writer_u16(&w, (uint16_t)total);
	zeros(&w, IV_BYTES);
	writer_bytes(&w, plain + from, to - from);
	return finish(&w, LETTER_HEADER_BYTES, IKE_SKF);
}

/* ---- made up ----------------------------------------------------------------------------- */

static struct letter_part *append(struct letter *l, uint8_t type)
{
	struct letter_part *p = &l->part[l->n < LETTER_PARTS_MAX ? l->n++ : LETTER_PARTS_MAX - 1];

	p->type = type;
	p->flags = 0;
	p->n = 0;
	return p;
}

static void add(struct letter *l, uint8_t type, const void *bytes, size_t n)
{
	struct letter_part *p = append(l, type);

	p->n = (uint16_t)n;
	memcpy(p->body, bytes, n);
}

static void notify_v2(struct letter *l, uint8_t protocol, uint32_t spi, uint16_t type)
{
	struct letter_part *p = append(l, IKE_NOTIFY);
	struct writer w;

	writer_init(&w, p->body, sizeof(p->body));
	writer_u8(&w, protocol);
	writer_u8(&w, spi ? 4 : 0);
	writer_u16(&w, type);
	if (spi)
		writer_u32(&w, spi);
	p->n = (uint16_t)w.n;
}

/* In IKEv1 the cookies are the SPI of phase 1. */
static void notify_v1(struct letter *l, bool cookies, uint32_t spi, uint16_t type,
		      const uint8_t *more, size_t n)
{
	struct letter_part *p = append(l, IKE_V1_NOTIFY);
	struct writer w;

	writer_init(&w, p->body, sizeof(p->body));
	writer_u32(&w, 1);
	writer_u8(&w, cookies ? IKE_PROTOCOL_IKE : IKE_PROTOCOL_ESP);
	writer_u8(&w, cookies ? 16 : 4);
	writer_u16(&w, type);
	if (cookies)
		writer_bytes(&w, l->header, 16);
	else
		writer_u32(&w, spi);
	if (n)
		writer_bytes(&w, more, n);
	p->n = (uint16_t)w.n;
}

static void say_delete(struct letter *l, bool ike, uint32_t spi)
{
	struct letter_part *p = append(l, l->v1 ? IKE_V1_DELETE : IKE_DELETE);
	struct writer w;

	writer_init(&w, p->body, sizeof(p->body));
	if (l->v1)
		writer_u32(&w, 1);
	writer_u8(&w, ike ? IKE_PROTOCOL_IKE : IKE_PROTOCOL_ESP);
	writer_u8(&w, ike ? l->v1 ? 16 : 0 : 4);
	writer_u16(&w, ike && !l->v1 ? 0 : 1);
	if (!ike)
		writer_u32(&w, spi);
	else if (l->v1)
		writer_bytes(&w, l->header, 16);
	p->n = (uint16_t)w.n;
}

static void keys(struct letter *l, uint8_t nonce_type, uint8_t ke_type, bool ke)
{
	uint8_t nonce[32] = { (uint8_t)l->n, 7 }, value[36] = { 0, 31, 0, 0, 9 };

	add(l, nonce_type, nonce, sizeof(nonce));
	if (ke && l->v1)
		add(l, ke_type, value + 4, 32);
	else if (ke)
		add(l, ke_type, value, sizeof(value));
}

static void kit_v2(struct letter *l, uint8_t which, uint32_t spi)
{
	static const uint8_t esp[] = { 0, 0, 0, 32, 1,	  3,  4, 2,   0, 0x80, 0, 1, 3, 0, 0, 12,
				       1, 0, 0, 20, 0x80, 14, 0, 128, 0, 0,    0, 8, 5, 0, 0, 0 };
	static const uint8_t esp_pfs[] = { 0, 0,  0, 40, 1, 3,	4,    3,  0, 0x80, 0, 2, 3, 0,
					   0, 12, 1, 0,	 0, 20, 0x80, 14, 0, 128,  3, 0, 0, 8,
					   4, 0,  0, 31, 0, 0,	0,    8,  5, 0,	   0, 0 };
	static const uint8_t ike[] = { 0, 0,   0, 52, 1, 1, 8,	4, 9, 9,  9,  9,    9,
				       9, 9,   9, 3,  0, 0, 12, 1, 0, 0,  12, 0x80, 14,
				       0, 128, 3, 0,  0, 8, 3,	0, 0, 12, 3,  0,    0,
				       8, 2,   0, 0,  5, 0, 0,	0, 8, 4,  0,  0,    31 };
	static const uint8_t any[] = { 1,   0,	 0, 0, 7, 0, 0,	  16,  0,   0,
				       255, 255, 0, 0, 0, 0, 255, 255, 255, 255 };

	switch (which % 8) {
	case 0:
	case 1:
	case 2:
	case 3: /* rekey or new, with a key exchange or without */
		if (which & 1)
			notify_v2(l, IKE_PROTOCOL_ESP, spi, N_REKEY_SA);
		if (which & 2)
			add(l, IKE_SA, esp_pfs, sizeof(esp_pfs));
		else
			add(l, IKE_SA, esp, sizeof(esp));
		keys(l, IKE_NONCE, IKE_KE, which & 2);
		add(l, IKE_TSI, any, sizeof(any));
		add(l, IKE_TSR, any, sizeof(any));
		break;
	case 4:
		add(l, IKE_SA, ike, sizeof(ike));
		keys(l, IKE_NONCE, IKE_KE, true);
		break;
	case 5:
	case 6:
		say_delete(l, which & 1, spi);
		break;
	case 7:
		notify_v2(l, IKE_PROTOCOL_ESP, spi, N_CHILD_SA_NOT_FOUND);
		break;
	}
}

static void kit_v1(struct letter *l, uint8_t which, uint32_t spi)
{
	static const uint8_t esp[] = { 0,    0,	 0,  1,	   0,	 0, 0,	  1,	0, 0, 0,
				       44,   1,	 3,  4,	   1,	 0, 0x80, 0,	3, 0, 0,
				       0,    32, 1,  12,   0,	 0, 0x80, 1,	0, 1, 0x80,
				       2,    0,	 60, 0x80, 4,	 0, 1,	  0x80, 5, 0, 5,
				       0x80, 6,	 0,  128,  0x80, 3, 0,	  31 };
	static const uint8_t subnet[] = { 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t number[] = { 0, 0, 0, 1 };
	static const uint8_t life[] = { 0x80, 11, 0, 1, 0x80, 12, 0, 60,
					0x80, 11, 0, 2, 0x80, 12, 0, 9 };

	switch (which % 8) {
	case 0:
	case 1: { /* a Quick Mode, with a key exchange (the transform's last attribute) or without
		   */
		struct letter_part *p;

		add(l, IKE_V1_SA, esp, sizeof(esp));
		if (!(which & 1)) {
			p = &l->part[l->n - 1];
			p->n -= 4;
			p->body[11] = 40;
			p->body[23] = 28;
		}
		keys(l, IKE_V1_NONCE, IKE_V1_KE, which & 1);
		add(l, IKE_V1_ID, subnet, sizeof(subnet));
		add(l, IKE_V1_ID, subnet, sizeof(subnet));
		break;
	}
	case 2:
	case 3:
		say_delete(l, which & 1, spi);
		break;
	case 4:
		notify_v1(l, true, 0, V1_R_U_THERE, number, sizeof(number));
		break;
	case 5:
		notify_v1(l, true, 0, V1_INITIAL_CONTACT, NULL, 0);
		break;
	case 6:
		notify_v1(l, which & 8, spi, V1_RESPONDER_LIFETIME, life, sizeof(life));
		break;
	case 7:
		notify_v1(l, which & 8, spi, V1_NO_PROPOSAL_CHOSEN, NULL, 0);
		break;
	}
}

void letter_kit(struct letter *l, uint8_t which, letter_spi *spi)
{
	if (l->v1)
		kit_v1(l, which, spi(which >> 3));
	else
		kit_v2(l, which, spi(which >> 3));
}

/* ---- changed ----------------------------------------------------------------------------- */

static uint16_t notify_number(bool v1, uint8_t which)
{
	static const uint16_t v2_numbers[] = {
#define NUMBER(name, number) number,
		IKE_NOTIFIES(NUMBER)
	};
	static const uint16_t v1_numbers[] = { IKE_V1_NOTIFIES(NUMBER) };
#undef NUMBER

	if (v1)
		return v1_numbers[which % (sizeof(v1_numbers) / sizeof(v1_numbers[0]))];
	return v2_numbers[which % (sizeof(v2_numbers) / sizeof(v2_numbers[0]))];
}

static void take_out(struct letter *l, unsigned at)
{
	memmove(&l->part[at], &l->part[at + 1], (--l->n - at) * sizeof(l->part[0]));
}

/* Bytes of the input go to the end of a payload. */
static void grow(struct letter_part *p, size_t n, const uint8_t **data, size_t *size)
{
	n = n < *size ? n : *size;
	n = n + p->n <= LETTER_BODY_MAX ? n : (size_t)(LETTER_BODY_MAX - p->n);
	if (n)
		memcpy(p->body + p->n, *data, n);
	p->n += (uint16_t)n;
	*data += n;
	*size -= n;
}

static void edit_header(struct letter *l, uint8_t what, uint8_t value)
{
	static const uint8_t exchanges[2][4] = {
		{ IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL },
		{ IKE_V1_MAIN, IKE_V1_AGGRESSIVE, IKE_V1_INFORMATIONAL, IKE_V1_QUICK },
	};

	if (what % 4 == 0)
		l->header[AT_ID + 3] += value;
	else if (what % 4 == 1)
		l->header[AT_EXCHANGE] = exchanges[l->v1][value % 4];
	else if (what % 4 == 2)
		l->header[AT_FLAGS] ^= value;
	else
		l->header[value % 16] ^= 1;
}

void letter_edit(struct letter *l, const struct letter *other, letter_spi *spi,
		 const uint8_t **data, size_t *size)
{
	uint8_t op = fuzz_byte(data, size), value = fuzz_byte(data, size);
	unsigned at = l->n ? (op >> 4) % l->n : 0;
	struct letter_part *p = &l->part[at], swap;

	if (l->n == 0 && op % 16 < 7)
		return;
	switch (op % 16) {
	case 0:
		take_out(l, at);
		break;
	case 1:
		if (l->n < LETTER_PARTS_MAX)
			l->part[l->n++] = *p;
		break;
	case 2:
		swap = *p;
		*p = l->part[value % l->n];
		l->part[value % l->n] = swap;
		break;
	case 3:
		if (p->n)
			p->body[value % p->n] = fuzz_byte(data, size);
		break;
	case 4:
		p->n = value < p->n ? value : p->n;
		break;
	case 5:
		grow(p, value % 32, data, size);
		break;
	case 6:
		p->type = value & 0x40 ? p->type : value;
		p->flags = value & 0x40 ? value << 1 : p->flags;
		break;
	case 7:
	case 8:
		if (l->v1)
			notify_v1(l, op & 0x10, spi(op >> 5), notify_number(true, value), NULL, 0);
		else
			notify_v2(l, op >> 6, op & 0x10 ? spi(value) : 0,
				  notify_number(false, value));
		if (op & 0x20)
			grow(&l->part[l->n - 1], fuzz_byte(data, size), data, size);
		break;
	case 9:
		say_delete(l, op & 0x10, spi(value));
		break;
	case 10:
		edit_header(l, op >> 4, value);
		break;
	case 11:
	case 12:
		if (other->n && l->n < LETTER_PARTS_MAX)
			l->part[l->n++] = other->part[value % other->n];
		break;
	case 13:
		grow(append(l, value), fuzz_byte(data, size), data, size);
		break;
	case 14: /* to the front */
		if (l->n < 2)
			break;
		swap = l->part[l->n - 1];
		memmove(&l->part[1], &l->part[0], (l->n - 1) * sizeof(swap));
		l->part[0] = swap;
		break;
	case 15:
		letter_kit(l, value, spi);
		break;
	}
}
