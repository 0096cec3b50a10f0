#include "tests/fuzz/sides.h"

#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

struct side side[SIDES];
struct datagram queue[QUEUE_MAX];
unsigned n_queued;
ike_time now;
static uint64_t chance;

struct addr sides_address(unsigned i)
{
	return addr_ipv4(0xc0000201 + i);
}

size_t sides_marker(const struct datagram *d)
{
	return d->path.local.port == 4500 ? 4 : 0;
}

/* If it is an encrypted request, or any encrypted message of IKEv1. */
static void keep_header(const struct datagram *d, uint8_t header[LETTER_HEADER_BYTES])
{
	const uint8_t *msg = d->data + sides_marker(d);

	if (d->n >= LETTER_HEADER_BYTES + sides_marker(d) && letter_sealed(msg) &&
	    !(msg[17] >> 4 != 1 && msg[19] & 0x20))
		memcpy(header, msg, LETTER_HEADER_BYTES);
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
	keep_header(d, ((struct side *)ctx)->asking);
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

void sides_reset(unsigned seed)
{
	memset(side, 0, sizeof(side));
	n_queued = 0;
	now = 1000 * IKE_SECOND;
	chance = seed;
}

struct ike_engine *sides_engine(unsigned i)
{
	struct ike_engine *e = ike_engine_new(&ops, &side[i]);

	PROMISE(e);
	return e;
}

void sides_take(unsigned i, struct datagram *d)
{
	*d = queue[i];
	memmove(&queue[i], &queue[i + 1], (--n_queued - i) * sizeof(queue[0]));
}

static void keep(const struct datagram *d)
{
	size_t marker = sides_marker(d);
	struct side *s = &side[d->to];

	keep_header(d, s->asked);
	if (d->n > marker &&
	    letter_open(&s->kept[s->n_kept % KEPT], d->data + marker, d->n - marker))
		s->n_kept++;
}

void sides_deliver(const struct datagram *d)
{
	/* A copy of its own size, so that a sanitizer sees the first byte beyond it. */
	uint8_t *exact = malloc(d->n ? d->n : 1);

	PROMISE(exact);
	keep(d);
	memcpy(exact, d->data, d->n);
	ike_input(side[d->to].engine, now, &d->path, exact, d->n);
	free(exact);
}

void sides_pass_time(ike_time length)
{
	now += length;
	for (unsigned i = 0; i < SIDES; i++)
		ike_tick(side[i].engine, now);
}

uint32_t sides_spi(uint8_t which)
{
	const struct side *s = &side[which >> 7];
	unsigned used[SPIS_MAX], n = 0;

	for (unsigned i = 0; i < SPIS_MAX; i++) {
		if (s->spi[i] != SPI_FREE)
			used[n++] = i;
	}
	return SPI_BASE + (n ? used[which % 128 % n] : which);
}

bool sides_idle(void)
{
	for (unsigned i = 0; i < SIDES; i++)
		for (unsigned j = 0; j < SPIS_MAX; j++)
			if (side[i].spi[j] != SPI_FREE)
				return false;
	return true;
}
