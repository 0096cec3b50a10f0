/* Frames in, frames out: every case of the file "cases" (see generate.py) through the real
 * dataplane, compared byte for byte. */
#include "dataplane/worker.h"
#include "tests/golden/bed.h"
#include "tests/golden/pcap.h"
#include "tests/golden/reseal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES_MAX 100
#define DROPS_MAX 6

/* Where a frame of a case belongs: its microseconds. */
enum { WAN_IN, WAN_OUT, LAN_IN, LAN_OUT };

struct golden {
	char name[64];
	uint32_t tunnel;
	uint32_t spi_in;
	struct dataplane_sa sa;
	struct dataplane_tunnel like;
	uint64_t drop[DROP_REASON_COUNT];
};

static const char *folder;
static struct golden cases[CASES_MAX];
static struct CMUnitTest tests[CASES_MAX];
static size_t n_cases;
static struct bed bed;

/* ---- the list --------------------------------------------------------------------------- */

static enum drop_reason reason_by_name(const char *name)
{
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		if (strcmp(drop_reason_name(i), name) == 0)
			return i;
	errx(1, "no reason to drop is called %s", name);
}

static void read_drops(struct golden *g, char *list)
{
	char *save;

	for (char *one = strtok_r(list, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
		char *colon = strchr(one, ':');

		if (!colon)
			errx(1, "%s: drops without a count", g->name);
		*colon = '\0';
		g->drop[reason_by_name(one)] = strtoul(colon + 1, NULL, 10);
	}
}

static struct dataplane_selector read_selector(const char *text)
{
	struct prefix p;

	if (!prefix_parse(&p, text))
		errx(1, "%s is no prefix", text);
	return (struct dataplane_selector){ prefix_first(&p), prefix_last(&p), 0, UINT16_MAX, 0 };
}

static void read_word(struct golden *g, const char *key, char *value)
{
	unsigned outer = 4;

	if (strcmp(key, "cipher") == 0) {
		g->sa.cipher = algo_cipher_by_name(value);
	} else if (strcmp(key, "auth") == 0) {
		g->sa.auth = algo_auth_by_name(value);
	} else if (strcmp(key, "esn") == 0) {
		g->sa.esn = *value == '1';
	} else if (strcmp(key, "udp") == 0) {
		g->sa.udp = *value == '1';
	} else if (strcmp(key, "mtu") == 0) {
		g->like.mtu = (uint16_t)strtoul(value, NULL, 10);
	} else if (strcmp(key, "mss_clamp") == 0) {
		g->like.mss_clamp = *value == '1';
	} else if (strcmp(key, "df") == 0) {
		g->like.df = strcmp(value, "copy") == 0 ? DATAPLANE_DF_COPY : DATAPLANE_DF_CLEAR;
	} else if (strcmp(key, "window") == 0) {
		g->sa.replay_window = (uint32_t)strtoul(value, NULL, 10);
	} else if (strcmp(key, "local") == 0) {
		g->sa.sel_local[g->sa.n_local++] = read_selector(value);
	} else if (strcmp(key, "remote") == 0) {
		g->sa.sel_remote[g->sa.n_remote++] = read_selector(value);
	} else if (strcmp(key, "remote_port") == 0) { /* of the last one */
		struct dataplane_selector *s = &g->sa.sel_remote[g->sa.n_remote - 1];

		s->port_first = s->port_last = (uint16_t)strtoul(value, NULL, 10);
	} else if (strcmp(key, "drops") == 0) {
		read_drops(g, value);
	} else if (strcmp(key, "outer") == 0) {
		char remote[ADDR_STR_MAX];

		outer = (unsigned)strtoul(value, NULL, 10);
		snprintf(remote, sizeof(remote), outer == 4 ? "198.51.100.%u" : "2001:db8:2::%x",
			 g->tunnel);
		if (!addr_parse(&g->sa.remote.addr, remote) ||
		    !addr_parse(&g->sa.local.addr, outer == 4 ? "192.0.2.1" : "2001:db8:1::1"))
			errx(1, "%s: outer=%s", g->name, value);
		g->sa.local.port = g->sa.remote.port = 4500;
	} else {
		errx(1, "%s: what is %s?", g->name, key);
	}
}

static void read_cases(void)
{
	char path[4096], line[512];
	FILE *in;

	snprintf(path, sizeof(path), "%s/cases", folder);
	in = fopen(path, "r");
	if (!in)
		err(1, "%s", path);
	while (n_cases < CASES_MAX && fgets(line, sizeof(line), in)) {
		struct golden *g = &cases[n_cases];
		char *save, *word = strtok_r(line, " \n", &save);

		if (!word || *word == '#')
			continue;
		snprintf(g->name, sizeof(g->name), "%s", word);
		g->tunnel = (uint32_t)++n_cases;
		while ((word = strtok_r(NULL, " \n", &save))) {
			char *equals = strchr(word, '=');

			if (!equals)
				errx(1, "%s: %s has no value", g->name, word);
			*equals = '\0';
			read_word(g, word, equals + 1);
		}
		g->sa.tunnel = g->tunnel;
	}
	fclose(in);
}

/* ---- frames ----------------------------------------------------------------------------- */

static void load(struct pcap *p, const char *name)
{
	char path[4096];
	int rc;

	snprintf(path, sizeof(path), "%s/%s.pcap", folder, name);
	rc = pcap_read(p, path);
	if (rc)
		errx(1, "%s: %s", path, strerror(-rc));
}

/* VXLAN's source port carries a flow's hash: any of the dynamic range is right. */
static void settle_vxlan(uint8_t *frame, size_t len)
{
	if (len < 42 || memcmp(frame + 12, "\x08\x00", 2) != 0 || frame[23] != 17 ||
	    memcmp(frame + 36, "\x12\xb5", 2) != 0 || frame[34] < 0xc0)
		return;
	frame[34] = 0xc0;
	frame[35] = 0x00;
}

static void print_frame(const char *what, const uint8_t *p, size_t len)
{
	print_message("%s, %zu bytes:", what, len);
	for (size_t i = 0; i < len; i++)
		print_message("%s%02x", i % 32 ? "" : "\n  ", p[i]);
	print_message("\n");
}

static void compare(const struct golden *g, const struct pcap_frame *golden, struct rte_mbuf *m)
{
	struct pcap_frame want = *golden;
	uint8_t *got = rte_pktmbuf_mtod(m, uint8_t *);

	settle_vxlan(got, m->data_len);
	if (golden->usec == WAN_OUT && !algo_ciphers[g->sa.cipher].aead &&
	    m->data_len == golden->len)
		reseal(&g->sa, want.bytes, want.len, got);
	if (m->data_len == want.len && memcmp(got, want.bytes, want.len) == 0)
		return;
	print_frame("expected", want.bytes, want.len);
	print_frame("got", got, m->data_len);
	fail_msg("%s, step %u: another frame", g->name, golden->sec);
}

/* All that came out of a port in this step, against all that should. */
static void check_out(const struct golden *g, const struct pcap *p, unsigned step, unsigned port)
{
	unsigned where = port == BED_WAN ? WAN_OUT : LAN_OUT;
	struct rte_mbuf *m;

	for (size_t i = 0; i < p->n; i++) {
		if (p->frame[i].sec != step || p->frame[i].usec != where)
			continue;
		if (memory_port_take(&bed.port[port], 0, &m, 1) != 1)
			fail_msg("%s, step %u: a frame is missing", g->name, step);
		compare(g, &p->frame[i], m);
		rte_pktmbuf_free(m);
	}
	if (memory_port_take(&bed.port[port], 0, &m, 1) == 1) {
		print_frame("nobody expected", rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		fail_msg("%s, step %u: a frame too many", g->name, step);
	}
}

static void give_step(const struct pcap *p, unsigned step)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->frame[i].sec == step &&
		    (p->frame[i].usec == WAN_IN || p->frame[i].usec == LAN_IN))
			bed_give(&bed, p->frame[i].usec == WAN_IN ? BED_WAN : BED_LAN,
				 p->frame[i].bytes, p->frame[i].len);
	bed_run(&bed);
}

static void discard_out(void)
{
	struct rte_mbuf *m;

	for (unsigned port = 0; port < BED_PORTS; port++)
		while (memory_port_take(&bed.port[port], 0, &m, 1) == 1)
			rte_pktmbuf_free(m);
}

static void check_drops(const struct golden *g, const struct dataplane_worker_stats *before)
{
	struct dataplane_worker_stats now;

	assert_int_equal(dataplane_worker_stats(bed.dp, 0, &now), 0);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++) {
		uint64_t n = now.drop[i] - before->drop[i];

		if (n != g->drop[i])
			fail_msg("%s: %llu dropped as %s instead of %llu", g->name,
				 (unsigned long long)n, drop_reason_name(i),
				 (unsigned long long)g->drop[i]);
	}
}

/* What is only found out about a packet whose tunnel is known is counted there as well. */
static void check_tunnel_drops(const struct golden *g)
{
	static const enum drop_reason known[] = {
		DROP_BAD_ICV, DROP_REPLAYED, DROP_TOO_OLD,	  DROP_BAD_PADDING,
		DROP_DUMMY,   DROP_SELECTOR, DROP_FRAGMENT_PORTS, DROP_BAD_NEXT_HEADER,
	};
	struct dataplane_tunnel_stats s;

	assert_int_equal(dataplane_tunnel_stats(bed.dp, g->tunnel, &s), 0);
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (s.drop[known[i]] != g->drop[known[i]])
			fail_msg("%s: %llu dropped as %s are counted for the tunnel, not %llu",
				 g->name, (unsigned long long)s.drop[known[i]],
				 drop_reason_name(known[i]), (unsigned long long)g->drop[known[i]]);
}

static void run_case(void **state)
{
	const struct golden *g = *state;
	struct dataplane_worker_stats before;
	unsigned steps = 0;
	struct pcap p;

	load(&p, g->name);
	assert_int_equal(dataplane_worker_stats(bed.dp, 0, &before), 0);
	discard_out();
	for (size_t i = 0; i < p.n; i++)
		steps = p.frame[i].sec > steps ? p.frame[i].sec : steps;
	for (unsigned step = 1; step <= steps; step++) {
		give_step(&p, step);
		for (unsigned port = 0; port < BED_PORTS; port++)
			check_out(g, &p, step, port);
	}
	check_drops(g, &before);
	check_tunnel_drops(g);
	pcap_clear(&p);
}

/* ---- the bed ---------------------------------------------------------------------------- */

static void add_case(struct golden *g)
{
	char text[PREFIX_STR_MAX];
	struct prefix remote[2];

	snprintf(text, sizeof(text), "192.168.%u.0/24", g->tunnel);
	prefix_parse(&remote[0], text);
	snprintf(text, sizeof(text), "fd00:50:%x::/64", g->tunnel);
	prefix_parse(&remote[1], text);
	g->like.cloud_ip = g->sa.local.addr;
	g->like.customer_ip = g->sa.remote.addr;
	bed_add_tunnel(&bed, g->tunnel, &g->like, remote, 2);
	g->spi_in = bed_add_sas(&bed, &g->sa, 0xc0de0000 + g->tunnel);
	if (g->spi_in != (1u << 19 | (g->tunnel - 1)))
		errx(1, "%s: SPI 0x%x is not what generate.py took it to be", g->name, g->spi_in);
}

int main(int argc, char **argv)
{
	int failed;

	if (argc < 2 || argc > 4)
		errx(2, "usage: %s FOLDER [MTU [SEGMENT]]", argv[0]);
	folder = argv[1];
	if (argc > 2)
		bed_port_mtu = (uint16_t)strtoul(argv[2], NULL, 10);
	if (argc > 3)
		bed_segment = (uint16_t)strtoul(argv[3], NULL, 10);
	read_cases();
	bed_open(&bed, 256, false, &(unsigned){ 0 }, 1);
	print_message("%s\n", dataplane_summary(bed.dp));
	for (size_t i = 0; i < n_cases; i++) {
		add_case(&cases[i]);
		tests[i] = (struct CMUnitTest){ cases[i].name, run_case, NULL, NULL, &cases[i] };
	}
	bed_meet(&bed, folder);
	failed = _cmocka_run_group_tests("golden", tests, n_cases, NULL, NULL);
	discard_out();
	bed_close(&bed);
	return failed;
}
