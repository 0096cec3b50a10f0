/* Whole IKE messages: two engines that talk to each other while the input meddles.
 *
 * The first bytes say how the tunnel is configured; the rest is a script that delivers, drops,
 * repeats, changes and forges what is on its way, lets time pass and gives an operator's commands.
 * ike_protect() and ike_unprotect() are replaced at link time (--wrap) by ones that neither encrypt
 * nor verify, so that a changed message reaches the handlers that only a peer could reach. */
#include "tests/fuzz/fuzz.h"

#include "conf/secret.h"
#include "ike/crypto.h"
#include "ike/engine.h"
#include "ike/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SIDES	     2
#define QUEUE_MAX    32
#define MESSAGE_MAX  2048
#define SPIS_MAX     128
#define STEPS_MAX    400
#define HEADER_BYTES 28
#define TUNNEL	     7

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

/* ---- the two sides and what lies between them -------------------------------------------- */

enum spi_state { SPI_FREE, SPI_ALLOCATED, SPI_INSTALLED };

struct side {
	struct ike_engine *engine;
	enum spi_state spi[SPIS_MAX]; /* inbound; the SPI is the index and SPI_BASE */
	uint32_t last_in;
	uint64_t inbound;
	bool no_spi, no_install; /* the next call of the kind fails */
};
#define SPI_BASE 0x10000u

struct datagram {
	unsigned to;
	struct ike_path path; /* as the receiver sees it */
	size_t n;
	uint8_t data[MESSAGE_MAX];
};

static struct side side[SIDES];
static struct datagram queue[QUEUE_MAX];
static unsigned n_queued;
static ike_time now;
static uint64_t chance;

static struct addr address(unsigned i)
{
	return addr_ipv4(0xc0000201 + i);
}

static void on_send(void *ctx, const struct ike_path *path, const uint8_t *data, size_t len)
{
	unsigned from = (unsigned)((struct side *)ctx - side);
	struct datagram *d = &queue[n_queued];

	PROMISE(len > 0);
	if (n_queued == QUEUE_MAX || len > MESSAGE_MAX)
		return;
	d->to = !from;
	d->path = (struct ike_path){ path->remote, path->local };
	d->n = len;
	memcpy(d->data, data, len);
	n_queued++;
}

static uint32_t on_spi_alloc(void *ctx, uint32_t tunnel)
{
	struct side *s = ctx;

	PROMISE(tunnel == TUNNEL);
	for (uint32_t i = 0; i < SPIS_MAX && !s->no_spi; i++) {
		if (s->spi[i] == SPI_FREE) {
			s->spi[i] = SPI_ALLOCATED;
			return SPI_BASE + i;
		}
	}
	s->no_spi = false;
	return 0;
}

static enum spi_state *spi_of(struct side *s, uint32_t tunnel, uint32_t spi)
{
	PROMISE(tunnel == TUNNEL);
	PROMISE(spi >= SPI_BASE && spi < SPI_BASE + SPIS_MAX);
	return &s->spi[spi - SPI_BASE];
}

static void on_spi_free(void *ctx, uint32_t tunnel, uint32_t spi)
{
	enum spi_state *state = spi_of(ctx, tunnel, spi);

	PROMISE(*state == SPI_ALLOCATED);
	*state = SPI_FREE;
}

static int on_sa_install(void *ctx, const struct ike_child_sa *sa)
{
	const struct algo_cipher_info *c = &algo_ciphers[sa->cipher];
	struct side *s = ctx;

	PROMISE(sa->cipher != CIPHER_NONE && c->aead == (sa->auth == AUTH_NONE));
	PROMISE(sa->cipher_key_len == c->key_bytes + c->salt_bytes);
	PROMISE(sa->auth_key_len == algo_auths[sa->auth].key_bytes);
	PROMISE(sa->local.n > 0 && sa->local.n <= IKE_TS_MAX);
	PROMISE(sa->remote.n > 0 && sa->remote.n <= IKE_TS_MAX);
	if (sa->dir == IKE_IN)
		PROMISE(*spi_of(s, sa->tunnel, sa->spi) == SPI_ALLOCATED);
	else
		PROMISE(sa->spi > 255);
	if (s->no_install) {
		s->no_install = false;
		return -ENOMEM;
	}
	if (sa->dir == IKE_OUT)
		return 0;
	*spi_of(s, sa->tunnel, sa->spi) = SPI_INSTALLED;
	s->last_in = sa->spi;
	return 0;
}

static void on_sa_remove(void *ctx, uint32_t tunnel, enum ike_direction dir, uint32_t spi)
{
	if (dir == IKE_OUT)
		return;
	PROMISE(*spi_of(ctx, tunnel, spi) == SPI_INSTALLED);
	*spi_of(ctx, tunnel, spi) = SPI_FREE;
}

static void on_sa_move(void *ctx, uint32_t tunnel, uint32_t spi_out, const struct ike_path *path)
{
	PROMISE(tunnel == TUNNEL);
}

static uint64_t on_inbound_packets(void *ctx, uint32_t tunnel)
{
	return ((struct side *)ctx)->inbound;
}

static void on_tunnel_state(void *ctx, uint32_t tunnel, bool up, enum ike_reason reason,
			    const char *text)
{
	PROMISE(tunnel == TUNNEL && (unsigned)reason < IKE_REASON_COUNT && text);
	/* It goes to a terminal and to the log. */
	for (const char *c = text; *c; c++)
		PROMISE((*c >= ' ' && *c < 0x7f) || *c == '\n');
}

static void on_event(void *ctx, uint32_t tunnel, const char *text)
{
	for (const char *c = text; *c; c++)
		PROMISE((*c >= ' ' && *c < 0x7f) || *c == '\n');
}

static void on_random(void *ctx, void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		chance = chance * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)buf)[i] = (uint8_t)(chance >> 56);
	}
}

static const struct ike_ops ops = {
	.send = on_send,
	.spi_alloc = on_spi_alloc,
	.spi_free = on_spi_free,
	.sa_install = on_sa_install,
	.sa_remove = on_sa_remove,
	.sa_move = on_sa_move,
	.inbound_packets = on_inbound_packets,
	.tunnel_state = on_tunnel_state,
	.event = on_event,
	.random = on_random,
};

/* odd: what is wrong with it, from the other side's view. */
static void tunnel_add(unsigned i, unsigned wish, unsigned odd)
{
	struct addr here = address(i), there = address(!i);
	struct conf_tunnel t = {
		.cloud_ip = here,
		.customer_ip = there,
		.psk = secret_from("secret", 6),
		.local_id = conf_id_address(&here),
		.remote_id = conf_id_address(&there),
		.ike_cipher = { 2, { CIPHER_AES128_CBC, CIPHER_AES128_GCM } },
		.ike_auth = { 1, { AUTH_SHA256 } },
		.ike_dh = { 1, { DH_X25519 } },
		.ike_lifetime = 300,
		.dpd = wish & 1 ? 10 : 0,
		.esp_cipher = { 2, { CIPHER_AES128_GCM, CIPHER_AES128_CBC } },
		.esp_auth = { 1, { AUTH_SHA256 } },
		.esp_lifetime = 120,
		.start = i == 0 || wish & 2 ? CONF_START_INITIATE : CONF_START_RESPOND,
		.enabled = true,
		.ike_fragment = wish & 64 ? 320 : 0, /* IKE_AUTH is three of them */
		.replay_window = 64,
		.esn = wish & 4,
		.force_udp = i == 0 && wish & 8,
	};

	PROMISE(t.psk);
#ifdef FUZZ_V1
	t.ike_version = CONF_IKE_V1;
	t.ike_mode = wish & 32 ? CONF_IKE_AGGRESSIVE : CONF_IKE_MAIN;
	t.ike_cipher = (struct algo_list){ 2, { CIPHER_AES128_CBC, CIPHER_3DES_CBC } };
	if (i == 0 && wish & 64) { /* several Quick Modes */
		prefix_parse(&t.ts_local[t.n_ts_local++], "10.4.0.0/16");
		prefix_parse(&t.ts_local[t.n_ts_local++], "10.5.0.0/16");
	}
	wish &= ~96u;
#endif
	if (wish & 16)
		t.esp_pfs = (struct algo_list){ 1, { DH_X25519 } };
	if (wish & 32)
		t.ike_cipher = (struct algo_list){ 1, { CIPHER_AES128_GCM } };
	if (wish & 64)
		prefix_parse(&t.ts_local[t.n_ts_local++], i == 0 ? "10.0.0.0/16" : "10.1.0.0/16");
	if (i == 1 && wish & 128) /* the two groups, and only the second is the peer's */
		t.ike_dh = (struct algo_list){ 2, { DH_ECP256, DH_X25519 } };
	if (odd & 1)
		t.psk->data[0] ^= 1;
	if (odd & 2)
		t.remote_id = t.local_id;
	if (odd & 4)
		prefix_parse(&t.ts_remote[t.n_ts_remote++], "10.2.0.0/16");
	if (odd & 8)
		t.ike_cipher = (struct algo_list){ 1, { CIPHER_AES256_CBC } };
	if (odd & 16)
		t.esp_cipher = (struct algo_list){ 1, { CIPHER_CHACHA20_POLY1305 } };
	PROMISE(ike_tunnel_add(side[i].engine, now, TUNNEL, &t) == 0);
	secret_free(t.psk);
}

/* ---- the script -------------------------------------------------------------------------- */

static void take(unsigned i, struct datagram *d)
{
	*d = queue[i];
	memmove(&queue[i], &queue[i + 1], (--n_queued - i) * sizeof(queue[0]));
}

static void deliver(const struct datagram *d)
{
	/* A copy of its own size, so that a sanitizer sees the first byte beyond it. */
	uint8_t *exact = malloc(d->n ? d->n : 1);

	PROMISE(exact);
	memcpy(exact, d->data, d->n);
	ike_input(side[d->to].engine, now, &d->path, exact, d->n);
	free(exact);
}

static void pass_time(ike_time length)
{
	now += length;
	for (unsigned i = 0; i < SIDES; i++)
		ike_tick(side[i].engine, now);
}

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

static void command(unsigned i, unsigned what, unsigned odd)
{
	struct ike_engine *e = side[i].engine;
	struct ike_tunnel_view view;

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
		PROMISE(ike_tunnel_view(e, TUNNEL, &view) == 0);
		break;
	case 7:
		/* As after a restart: the old engine says nothing, the new one knows nothing. */
		ike_engine_free(e);
		memset(&side[i], 0, sizeof(side[i]));
		side[i].engine = ike_engine_new(&ops, &side[i]);
		PROMISE(side[i].engine);
		tunnel_add(i, what >> 3, odd);
		break;
	}
}

static void step(const uint8_t **data, size_t *size)
{
	uint8_t op = fuzz_byte(data, size);
	struct datagram d = { 0 };
	size_t n, at;

	if (op % 16 < 8 && n_queued == 0) {
		pass_time(IKE_SECOND);
		return;
	}
	switch (op % 16) {
	case 0:
	case 1: /* one, or all until nothing is on its way */
		for (unsigned i = 0; i < (op % 16 ? 12 : 1) && n_queued; i++) {
			take(0, &d);
			deliver(&d);
		}
		break;
	case 2:
		take(0, &d);
		break;
	case 3:
		d = queue[n_queued - 1];
		deliver(&d);
		break;
	case 4: /* out of order */
		take(n_queued - 1, &d);
		deliver(&d);
		break;
	case 5: /* one byte changed */
	case 6: /* cut */
		take(0, &d);
		at = fuzz_byte(data, size) | (size_t)(fuzz_byte(data, size) & 7) << 8;
		if (op % 16 == 5)
			d.data[at % d.n] ^= fuzz_byte(data, size);
		else
			d.n = at % (d.n + 1);
		deliver(&d);
		break;
	case 7: /* other payloads */
		take(0, &d);
		op = fuzz_byte(data, size);
		n = fuzz_byte(data, size);
		n = n < *size ? n : *size;
		forge(&d, op, *data, n);
		*data += n;
		*size -= n;
		deliver(&d);
		break;
	case 8:
	case 9:
		pass_time((ike_time)1 << (fuzz_byte(data, size) % 28));
		break;
	case 10:
		at = fuzz_byte(data, size);
		command(op >> 7, (unsigned)at, at % 8 == 7 ? fuzz_byte(data, size) : 0);
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
		take(0, &d);
		d.path.remote.port = (uint16_t)(op & 0xf0 ? 40000 + op : 4500);
		deliver(&d);
		break;
	default: /* bytes of nobody's */
		d.to = op >> 7;
		d.path = (struct ike_path){ { address(d.to), op & 64 ? 4500 : 500 },
					    { address(!d.to), op & 64 ? 4500 : 500 } };
		n = fuzz_byte(data, size);
		d.n = n < *size ? n : *size;
		memcpy(d.data, *size ? *data : d.data, d.n);
		*data += d.n;
		*size -= d.n;
		deliver(&d);
	}
}

static void idle(void)
{
	for (unsigned i = 0; i < SIDES; i++)
		for (unsigned j = 0; j < SPIS_MAX; j++)
			PROMISE(side[i].spi[j] == SPI_FREE);
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
	unsigned wish = fuzz_byte(&data, &size);
	struct datagram d;

	memset(side, 0, sizeof(side));
	n_queued = 0;
	now = 1000 * IKE_SECOND;
	chance = wish;
	for (unsigned i = 0; i < SIDES; i++) {
		side[i].engine = ike_engine_new(&ops, &side[i]);
		PROMISE(side[i].engine);
		tunnel_add(i, wish, 0);
	}
	for (unsigned i = 0; i < STEPS_MAX && size > 0; i++)
		step(&data, &size);

	/* Whatever happened: stopped, both sides give back all they had. */
	for (unsigned i = 0; i < SIDES; i++)
		ike_stop(side[i].engine, now);
	for (unsigned i = 0; i < 40; i++) {
		while (n_queued) {
			take(0, &d);
			deliver(&d);
		}
		pass_time(IKE_SECOND / 4);
	}
	for (unsigned i = 0; i < SIDES; i++) {
		PROMISE(ike_stopped(side[i].engine));
		ike_engine_free(side[i].engine);
	}
	idle();
	PROMISE(secret_live() == live);
	return 0;
}
