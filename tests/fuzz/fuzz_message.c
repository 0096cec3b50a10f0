/* Whole IKE messages: two engines that talk to each other while the input meddles.
 *
 * The first three bytes say how the tunnel is configured, and what is wrong with one side of it;
 * the rest is a script that delivers, drops, repeats, changes and forges what is on its way, makes
 * up messages of a peer's, lets time pass and gives an operator's commands. ike_protect(),
 * ike_unprotect() and ike_prf() are replaced at link time (--wrap) by ones that neither encrypt nor
 * verify, so that a changed message reaches the handlers that only a peer could reach. */
#include "tests/fuzz/fuzz.h"

#include "conf/secret.h"
#include "ike/crypto.h"
#include "ike/engine.h"
#include "ike/history.h"
#include "ike/wire.h"
#include "tests/fuzz/sides.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define STEPS_MAX    400
#define HEADER_BYTES 28

/* ---- protection that protects nothing ---------------------------------------------------- */

int __wrap_ike_protect(const struct ike_protection *p, uint8_t *msg, size_t len, size_t plain_len,
		       uint64_t iv_counter, const uint8_t iv_random[16]);
int __wrap_ike_unprotect(const struct ike_protection *p, uint8_t *msg, size_t total,
			 size_t body_off, size_t *plain_off, size_t *plain_len);

static size_t icv_bytes(const struct ike_protection *p)
{
	const struct algo_cipher_info *c = &algo_ciphers[p->cipher];

	return c->aead ? c->icv_bytes : algo_auths[p->integ].icv_bytes;
}

int __wrap_ike_protect(const struct ike_protection *p, uint8_t *msg, size_t len, size_t plain_len,
		       uint64_t iv_counter, const uint8_t iv_random[16])
{
	size_t iv = algo_ciphers[p->cipher].iv_bytes, icv = icv_bytes(p);
	size_t pad = ike_protect_overhead(p, plain_len) - iv - icv - 1;

	memset(msg + len, 0, iv);
	memset(msg + len + iv + plain_len, 0, pad);
	msg[len + iv + plain_len + pad] = (uint8_t)pad;
	memset(msg + len + iv + plain_len + pad + 1, 0, icv);
	return 0;
}

int __wrap_ike_unprotect(const struct ike_protection *p, uint8_t *msg, size_t total,
			 size_t body_off, size_t *plain_off, size_t *plain_len)
{
	size_t iv = algo_ciphers[p->cipher].iv_bytes, icv = icv_bytes(p), len, pad;

	PROMISE(body_off <= total);
	if (total - body_off < iv + icv + 1)
		return -EBADMSG;
	len = total - body_off - iv - icv;
	pad = msg[body_off + iv + len - 1];
	if (pad + 1 > len)
		return -EBADMSG;
	*plain_off = body_off + iv;
	*plain_len = len - pad - 1;
	return 0;
}

int __wrap_ike_prf(enum algo_auth prf, const void *key, size_t key_len, const struct ike_chunk *in,
		   unsigned n_in, uint8_t *out);

/* Of its key alone: what was changed still has the right hash, but a wrong key has not. */
int __wrap_ike_prf(enum algo_auth prf, const void *key, size_t key_len, const struct ike_chunk *in,
		   unsigned n_in, uint8_t *out)
{
	uint32_t h = 2166136261u + (uint32_t)key_len;

	for (size_t i = 0; i < key_len; i++)
		h = (h ^ ((const uint8_t *)key)[i]) * 16777619u;
	for (size_t i = 0; i < algo_auths[prf].out_bytes; i++) {
		out[i] = (uint8_t)(h >> 24);
		h = h * 1664525u + 1013904223u;
	}
	return 0;
}

int __wrap_crypto_scalarmult_curve25519_base(unsigned char *q, const unsigned char *n);
int __wrap_crypto_scalarmult_curve25519(unsigned char *q, const unsigned char *n,
					const unsigned char *p);

/* X25519 would be a quarter of the time. Both sides have the same secret here, too. */
int __wrap_crypto_scalarmult_curve25519_base(unsigned char *q, const unsigned char *n)
{
	static const unsigned char base[crypto_scalarmult_curve25519_BYTES] = { 9 };

	return __wrap_crypto_scalarmult_curve25519(q, n, base);
}

int __wrap_crypto_scalarmult_curve25519(unsigned char *q, const unsigned char *n,
					const unsigned char *p)
{
	for (unsigned i = 0; i < crypto_scalarmult_curve25519_BYTES; i++)
		q[i] = n[i] ^ p[i];
	return sodium_is_zero(q, crypto_scalarmult_curve25519_BYTES) ? -1 : 0;
}

/* ---- the tunnel ---------------------------------------------------------------------------- */

/* Side i's. wish: what both have; odd: what is wrong with it, from the other side's view. */
static void configure(struct conf_tunnel *t, unsigned i, unsigned wish, unsigned odd)
{
	struct addr here = sides_address(i), there = sides_address(!i);
	unsigned ppk = wish >> 11 & 3;

	*t = (struct conf_tunnel){
		.cloud_ip = here,
		.customer_ip = there,
		.psk = secret_from("secret", 6),
		.local_id = conf_id_address(&here),
		.remote_id = conf_id_address(&there),
		.ike_cipher = { 2, { CIPHER_AES128_CBC, CIPHER_AES128_GCM } },
		.ike_auth = { 1, { AUTH_SHA256 } },
		.ike_dh = { 1, { DH_X25519 } },
		.ike_lifetime = wish & 0x4000 ? 70 + 30 * i : 300,
		.dpd = wish & 1 ? 10 : 0,
		.esp_cipher = { 2, { CIPHER_AES128_GCM, CIPHER_AES128_CBC } },
		.esp_auth = { 1, { AUTH_SHA256 } },
		.esp_lifetime = wish & 0x4000 ? 90 - 30 * i : 120,
		.esp_lifetime_packets = wish & 0x100 ? 1000 : 0,
		.esp_lifetime_bytes = wish & 0x100 ? 2048000 : 0,
		.verify_pfs = wish & 0x200,
		.child_per_pair = wish & 0x400,
		.start = i == 0 && wish & 0x2000 ? CONF_START_ON_DEMAND
			 : i == 0 || wish & 2	 ? CONF_START_INITIATE
						 : CONF_START_RESPOND,
		.enabled = true,
		.ike_fragment = wish & 64	? 320 /* IKE_AUTH is three of them */
				: wish & 0x8000 ? 1280
						: 0,
		.replay_window = 64,
		.esn = wish & 4,
		.force_udp = i == 0 && wish & 8,
	};
	PROMISE(t->psk);
#ifdef FUZZ_V1
	t->ike_version = CONF_IKE_V1;
	t->ike_mode = wish & 32 ? CONF_IKE_AGGRESSIVE : CONF_IKE_MAIN;
	t->ike_cipher = (struct algo_list){ 2, { CIPHER_AES128_CBC, CIPHER_3DES_CBC } };
	if (i == 0 && wish & 64) { /* several Quick Modes */
		prefix_parse(&t->ts_local[t->n_ts_local++], "10.4.0.0/16");
		prefix_parse(&t->ts_local[t->n_ts_local++], "10.5.0.0/16");
	}
	wish &= ~96u;
#endif
	if (wish & 16)
		t->esp_pfs = (struct algo_list){ 1, { DH_X25519 } };
	if (wish & 32)
		t->ike_cipher = (struct algo_list){ 1, { CIPHER_AES128_GCM } };
	if (wish & 64)
		prefix_parse(&t->ts_local[t->n_ts_local++], i == 0 ? "10.0.0.0/16" : "10.1.0.0/16");
	if (i == 1 && wish & 128) /* the two groups, and only the second is the peer's */
		t->ike_dh = (struct algo_list){ 2, { DH_ECP256, DH_X25519 } };
	if (wish & 0x400) {
		prefix_parse(&t->ts_local[t->n_ts_local++], i == 0 ? "10.6.0.0/16" : "10.8.0.0/16");
		prefix_parse(&t->ts_remote[t->n_ts_remote++],
			     i == 0 ? "10.8.0.0/15" : "10.6.0.0/15");
		prefix_parse(&t->ts_remote[t->n_ts_remote++], "10.128.0.0/16");
	}
	if (ppk == 1 || ppk == 2 || (ppk == 3 && i == 0)) {
		t->ppk = secret_from("quantum", 7);
		t->ppk_required = ppk == 2;
		strcpy(t->ppk_id, odd & 32 ? "another" : "one");
	}
	if (odd & 1)
		t->psk->data[0] ^= 1;
	if (odd & 2)
		t->remote_id = t->local_id;
	if (odd & 4)
		prefix_parse(&t->ts_remote[t->n_ts_remote++], "10.2.0.0/16");
	if (odd & 8)
		t->ike_cipher = (struct algo_list){ 1, { CIPHER_AES256_CBC } };
	if (odd & 16)
		t->esp_cipher = (struct algo_list){ 1, { CIPHER_CHACHA20_POLY1305 } };
	if (odd & 64)
		t->local_id = (struct conf_id){ CONF_ID_FQDN, 10, "gw.example" };
	if (odd & 128)
		t->esp_pfs = (struct algo_list){ 1, { DH_ECP256 } };
}

static void tunnel_set(unsigned i, unsigned wish, unsigned odd, bool there)
{
	struct ike_engine *e = side[i].engine;
	struct conf_tunnel t;

	configure(&t, i, wish, odd);
	PROMISE((there ? ike_tunnel_change(e, now, TUNNEL, &t)
		       : ike_tunnel_add(e, now, TUNNEL, &t)) == 0);
	secret_free(t.psk);
	secret_free(t.ppk);
}

/* ---- the script -------------------------------------------------------------------------- */

/* Puts other bytes where the payloads are, from the end of the header, or of the IV, on. */
static void forge(struct datagram *d, uint8_t first, const uint8_t *bytes, size_t n)
{
	size_t marker = d->path.local.port == 4500 ? 4 : 0, at = marker + HEADER_BYTES;
	size_t iv = 16, tail = 1 + 16; /* AES-CBC with SHA-256: IV, pad length, ICV */
	struct writer w;

	if (d->n < at + 4 || at + 4 + iv + n + tail > MESSAGE_MAX)
		return;
	if (d->data[marker + 17] == 0x10 && d->data[marker + 19] & 1 && d->data[marker + 16] == 8) {
		/* IKEv1: what follows the hash; padding may follow that. */
		d->data[at] = first;
		at += (size_t)d->data[at + 2] << 8 | d->data[at + 3];
		if (at + n + 16 > MESSAGE_MAX)
			return;
		memcpy(d->data + at, bytes, n);
		memset(d->data + at + n, 0, 16);
		d->n = at + n + (16 - (at - marker - HEADER_BYTES + n) % 16) % 16;
		writer_init(&w, d->data, d->n);
		w.n = d->n;
	} else if (d->data[marker + 16] == 46) {
		d->data[at] = first;
		at += 4;
		iv = d->n - at < 2 * iv ? 8 : iv;
		memcpy(d->data + at + iv, bytes, n);
		memset(d->data + at + iv + n, 0, tail);
		d->n = at + iv + n + tail;
		writer_init(&w, d->data, d->n);
		writer_room(&w, 0);
		w.n = d->n;
		writer_patch_u16(&w, at - 2, (uint16_t)(d->n - at + 4));
	} else {
		d->data[marker + 16] = first;
		memcpy(d->data + at, bytes, n);
		d->n = at + n;
		writer_init(&w, d->data, d->n);
		w.n = d->n;
	}
	writer_patch_u32(&w, marker + 24, (uint32_t)(d->n - marker));
}

static void look(const struct ike_engine *e)
{
	struct ike_tunnel_view view;
	struct ike_history history = { 0 };

	PROMISE(ike_tunnel_view(e, TUNNEL, &view) == 0);
	PROMISE(ike_tunnel_history(e, TUNNEL, &history) == 0);
	ike_history_clear(&history);
}

static void command(unsigned i, uint8_t what, const uint8_t **data, size_t *size)
{
	struct ike_engine *e = side[i].engine;

	switch (what % 8) {
	case 0:
		ike_rekey_child(e, now, TUNNEL);
		break;
	case 1:
		ike_rekey_ike(e, now, TUNNEL);
		break;
	case 2:
		ike_tunnel_disable(e, now, TUNNEL);
		break;
	case 3:
		ike_tunnel_enable(e, now, TUNNEL);
		break;
	case 4:
		ike_sa_used(e, now, TUNNEL, side[i].last_in);
		break;
	case 5:
		side[i].inbound++;
		break;
	case 6:
		look(e);
		break;
	case 7:
		/* As after a restart: the old engine says nothing, the new one knows nothing. */
		ike_engine_free(e);
		memset(&side[i], 0, sizeof(side[i]));
		side[i].engine = sides_engine(i);
		tunnel_set(i, what >> 3, fuzz_byte(data, size), false);
		break;
	}
}

static void rarer_command(unsigned i, uint8_t what, const uint8_t **data, size_t *size)
{
	struct ike_engine *e = side[i].engine;
	enum ike_direction dir = what & 8 ? IKE_IN : IKE_OUT;
	uint32_t spi = sides_spi((what >> 4) | ((dir == IKE_IN) == (i == 1) ? 128 : 0));
	unsigned wish;

	switch (what % 8) {
	case 0:
	case 1:
		ike_sa_soft_limit(e, now, TUNNEL, dir, spi);
		break;
	case 2:
		ike_sa_hard_limit(e, now, TUNNEL, dir, spi);
		break;
	case 3:
	case 4:
		ike_tunnel_wanted(e, now, TUNNEL);
		break;
	case 5:
		ike_sa_used(e, now, TUNNEL, spi);
		break;
	case 6:
	case 7: /* another configuration, or the tunnel anew */
		wish = (unsigned)fuzz_byte(data, size) << 8 | what >> 3;
		if (what % 8 == 7)
			PROMISE(ike_tunnel_remove(e, now, TUNNEL) == 0);
		tunnel_set(i, wish, fuzz_byte(data, size), what % 8 == 6);
		break;
	}
}

/* Closed, on its way as a whole or in fragments that may be incomplete. */
static void post(struct datagram *d, const struct letter *l, bool cut, const uint8_t **data,
		 size_t *size)
{
	size_t marker = sides_marker(d);
	unsigned total, how;

	memset(d->data, 0, marker);
	if (!cut || !l->sealed || l->v1) {
		d->n = marker + letter_close(l, d->data + marker, MESSAGE_MAX - marker);
		sides_deliver(d);
		return;
	}
	total = 1 + fuzz_byte(data, size) % 7;
	how = fuzz_byte(data, size);
	for (unsigned i = 0; i < total; i++) {
		unsigned number = 1 + (how & 1 ? total - 1 - i : i);

		if (how & 2 && number == total / 2 + 1)
			continue;
		if (how & 4 && number == total)
			number += how >> 4;
		d->n = marker + letter_piece(l, number, total + (how & 8 && i ? how >> 4 : 0),
					     d->data + marker, MESSAGE_MAX - marker);
		sides_deliver(d);
	}
}

static void edit(struct datagram *d, struct letter *l, uint8_t op, const uint8_t **data,
		 size_t *size)
{
	const struct letter *other = &side[op >> 6 & 1].kept[op >> 4 & 3];
	uint8_t edits = fuzz_byte(data, size);

	for (unsigned i = 0; i < edits % 4; i++)
		letter_edit(l, other, sides_spi, data, size);
	post(d, l, edits & 128, data, size);
}

/* What the peer itself might have sent: a new request, an answer to ours, or an old message. */
static void make_up(uint8_t op, const uint8_t **data, size_t *size)
{
	static struct letter l;
	struct datagram d = { .to = op >> 7 };
	const struct side *s = &side[d.to];
	uint8_t how = fuzz_byte(data, size), header[LETTER_HEADER_BYTES];
	uint16_t port = how & 64 ? 4500 : 500;
	bool v1;

	d.path = (struct ike_path){ { sides_address(d.to), port }, { sides_address(!d.to), port } };
	if (how % 4 == 3) {
		l = s->kept[op >> 4 & 3];
		edit(&d, &l, op, data, size);
		return;
	}
	memcpy(header, how % 4 == 2 || !s->asked[17] ? s->asking : s->asked, sizeof(header));
	v1 = header[17] >> 4 == 1;
	if (how % 4 == 2) { /* an answer */
		header[19] ^= v1 ? 0 : 0x28;
	} else if (!s->asked[17]) { /* its first request */
		header[19] ^= v1 ? 0 : 0x08;
		memset(header + 20, 0, 4);
	} else {
		header[23]++;
	}
	header[18] = v1 ? (how >> 2 & 7) < 2 ? 32 : 5 : (how >> 2 & 7) < 5 ? 36 : 37;
	if (v1)
		header[20] ^= how;
	letter_begin(&l, header, &s->kept[(s->n_kept + KEPT - 1) % KEPT]);
	letter_kit(&l, how >> 2, sides_spi);
	edit(&d, &l, op, data, size);
}

/* A first request with many names: what a crowd of callers would send. */
static void crowd(const struct datagram *d, unsigned n)
{
	struct datagram copy = *d;

	for (unsigned i = 1; i <= n && copy.n >= sides_marker(d) + HEADER_BYTES; i++) {
		copy.data[sides_marker(d) + 7] = d->data[sides_marker(d) + 7] ^ (uint8_t)i;
		sides_deliver(&copy);
	}
}

static void step(const uint8_t **data, size_t *size)
{
	static struct letter l;
	uint8_t op = fuzz_byte(data, size);
	struct datagram d = { 0 };
	size_t n, at;

	if (op % 16 < 8 && n_queued == 0) {
		sides_pass_time(IKE_SECOND);
		return;
	}
	switch (op % 16) {
	case 0:
	case 1: /* one, or all until nothing is on its way */
		for (unsigned i = 0; i < (op % 16 ? 12 : 1) && n_queued; i++) {
			sides_take(0, &d);
			sides_deliver(&d);
		}
		break;
	case 2:
		sides_take(0, &d);
		break;
	case 3:
		d = queue[n_queued - 1];
		sides_deliver(&d);
		break;
	case 4: /* out of order */
		sides_take(n_queued - 1, &d);
		sides_deliver(&d);
		break;
	case 5: /* one byte changed */
	case 6: /* cut */
		sides_take(0, &d);
		at = fuzz_byte(data, size) | (size_t)(fuzz_byte(data, size) & 7) << 8;
		if (op % 16 == 5)
			d.data[at % d.n] ^= fuzz_byte(data, size);
		else
			d.n = at % (d.n + 1);
		sides_deliver(&d);
		break;
	case 7: /* other payloads */
		sides_take(0, &d);
		op = fuzz_byte(data, size);
		n = fuzz_byte(data, size);
		n = n < *size ? n : *size;
		forge(&d, op, *data, n);
		*data += n;
		*size -= n;
		sides_deliver(&d);
		break;
	case 8:
	case 9:
		sides_pass_time((ike_time)1 << (fuzz_byte(data, size) % 28));
		break;
	case 10:
		(op & 64 ? rarer_command : command)(op >> 7, fuzz_byte(data, size), data, size);
		break;
	case 11:
		if (op & 64)
			side[op >> 7].no_spi = true;
		else
			side[op >> 7].no_install = true;
		break;
	case 12: /* through a NAT that has another mapping now */
		if (n_queued == 0)
			break;
		sides_take(0, &d);
		d.path.remote.port = (uint16_t)(op & 0xf0 ? 40000 + op : 4500);
		sides_deliver(&d);
		break;
	case 13: /* other payloads, as a peer might write them; or a crowd of the first message */
		if (n_queued == 0)
			break;
		sides_take(0, &d);
		at = sides_marker(&d);
		if (op >> 4 == 15) {
			crowd(&d, fuzz_byte(data, size));
			sides_deliver(&d);
		} else if (d.n > at && letter_open(&l, d.data + at, d.n - at)) {
			edit(&d, &l, op, data, size);
		} else {
			sides_deliver(&d);
		}
		break;
	case 14:
		make_up(op, data, size);
		break;
	default: /* bytes of nobody's */
		d.to = op >> 7;
		d.path = (struct ike_path){ { sides_address(d.to), op & 64 ? 4500 : 500 },
					    { sides_address(!d.to), op & 64 ? 4500 : 500 } };
		n = fuzz_byte(data, size);
		d.n = n < *size ? n : *size;
		memcpy(d.data, *size ? *data : d.data, d.n);
		*data += d.n;
		*size -= d.n;
		sides_deliver(&d);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (secret_init() != 0)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t live = secret_live();
	unsigned wish = fuzz_byte(&data, &size), odd;
	struct datagram d;

	wish |= (unsigned)fuzz_byte(&data, &size) << 8;
	odd = fuzz_byte(&data, &size);
	sides_reset(wish & 0xff);
	for (unsigned i = 0; i < SIDES; i++) {
		side[i].engine = sides_engine(i);
		tunnel_set(i, wish, i == 1 ? odd : 0, false);
	}
	for (unsigned i = 0; i < STEPS_MAX && size > 0; i++)
		step(&data, &size);

	/* Whatever happened: stopped, both sides give back all they had. */
	for (unsigned i = 0; i < SIDES; i++)
		ike_stop(side[i].engine, now);
	for (unsigned i = 0; i < 40; i++) {
		while (n_queued) {
			sides_take(0, &d);
			sides_deliver(&d);
		}
		sides_pass_time(IKE_SECOND / 4);
	}
	for (unsigned i = 0; i < SIDES; i++) {
		PROMISE(ike_stopped(side[i].engine));
		ike_engine_free(side[i].engine);
	}
	PROMISE(sides_idle());
	PROMISE(secret_live() == live);
	return 0;
}
