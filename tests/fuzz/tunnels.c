#include "tests/fuzz/tunnels.h"

#include "dataplane/core.h"
#include "dataplane/packet.h"

#include <err.h>

static const struct {
	enum algo_cipher cipher;
	enum algo_auth auth;
	bool udp, esn, v6;
	struct dataplane_tunnel like;
} kinds[TUNNELS] = {
	{ CIPHER_AES128_GCM, AUTH_NONE, false, false, false, { .mss_clamp = true } },
	{ CIPHER_AES256_GCM,
	  AUTH_NONE,
	  true,
	  false,
	  false,
	  { .df = DATAPLANE_DF_COPY, .mtu = 600 } },
	{ CIPHER_AES128_CBC,
	  AUTH_SHA256,
	  false,
	  true,
	  true,
	  { .mss_clamp = true, .df = DATAPLANE_DF_CLEAR } },
	{ CIPHER_CHACHA20_POLY1305, AUTH_NONE, true, false, true, { .bandwidth = 100 } },
};

struct bed bed;
uint64_t peer_sequence[TUNNELS];
struct sa *peer_seals[TUNNELS], *peer_opens[TUNNELS], *ours_in[TUNNELS];

struct endpoint end(const char *text)
{
	struct endpoint e = { .port = UDP_IKE_NATT };

	if (!addr_parse(&e.addr, text))
		errx(1, "%s is no address", text);
	return e;
}

static void add_tunnel(unsigned i)
{
	static const char *const remote[][2] = { { "192.168.1.0/24", "fd00:50:1::/64" },
						 { "192.168.2.0/24", "fd00:50:2::/64" },
						 { "192.168.3.0/24", "fd00:50:3::/64" },
						 { "192.168.4.0/24", "fd00:50:4::/64" } };
	struct dataplane_sa sa = { .tunnel = i,
				   .cipher = kinds[i].cipher,
				   .auth = kinds[i].auth,
				   .esn = kinds[i].esn,
				   .udp = kinds[i].udp,
				   .replay_window = 64,
				   .local = end(kinds[i].v6 ? "2001:db8:1::1" : "192.0.2.1"),
				   .remote = end(kinds[i].v6 ? "2001:db8:2::9" : "198.51.100.9") };
	struct dataplane_tunnel like = kinds[i].like;
	struct dataplane_sa theirs;
	struct prefix p[2];

	prefix_parse(&p[0], remote[i][0]);
	prefix_parse(&p[1], remote[i][1]);
	like.cloud_ip = sa.local.addr;
	like.customer_ip = sa.remote.addr;
	bed_add_tunnel(&bed, i, &like, p, 2);
	if (i == 0)
		(void)dataplane_spi_alloc(bed.dp, i); /* the first slot stays empty */
	if (i == 1) {				      /* its own customer, and everything here */
		sa.n_remote = 1;
		sa.sel_remote[0] =
			(struct dataplane_selector){ prefix_first(&p[0]), prefix_last(&p[0]), 0,
						     UINT16_MAX, 0 };
	}
	theirs = sa;
	bed_keys(&theirs);
	ours_in[i] = bed.worker->slot[spi_slot(bed_add_sas(&bed, &sa, 0x1000 + i))].sa;
	/* The peer's pair: the same keys the other way round, without selectors. */
	theirs.n_remote = 0;
	theirs.local = sa.remote;
	theirs.remote = sa.local;
	theirs.spi = rte_be_to_cpu_32(ours_in[i]->spi);
	if (sa_new(&peer_seals[i], bed.dp->keys, &theirs, 0, 0))
		errx(1, "the peer's outbound SA");
	theirs.inbound = true;
	theirs.spi = 0x1000 + i;
	if (sa_new(&peer_opens[i], bed.dp->keys, &theirs, 0, 0))
		errx(1, "the peer's inbound SA");
}

void tunnels_open(void)
{
	bed_open(&bed, 64, false, &(unsigned){ 0 }, 1);
	for (unsigned i = 0; i < TUNNELS; i++)
		add_tunnel(i);
}

void tunnels_close(void)
{
	for (unsigned i = 0; i < TUNNELS; i++) {
		sa_free(peer_seals[i]);
		sa_free(peer_opens[i]);
	}
	bed_close(&bed);
}
