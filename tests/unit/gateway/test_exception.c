/* Packets for inner addresses reach the kernel in the right shard, and its answers the right
 * tunnel. */
#include "tests/unit/unit.h"

#include "conf/number.h"
#include "gateway/exception.h"
#include "tests/unit/gateway/fake_dataplane.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 30000
#define GATEWAYS    3

/* Border gateways with tunnels of these inner addresses. */
struct bed {
	struct event_base *base;
	struct exception *e;
	struct conf c;
	struct conf_border_gateway gateway[GATEWAYS];
	struct conf_vpn_connection connection[GATEWAYS];
	struct conf_tunnel tunnel[GATEWAYS][4];
};

static void add_tunnel(struct bed *b, unsigned gateway, const char *inner, const char *peer)
{
	struct conf_vpn_connection *v = &b->connection[gateway];
	struct conf_tunnel *t = &b->tunnel[gateway][v->n_tunnels++];

	assert_true(prefix_parse(&t->inner, inner) && addr_parse(&t->inner_peer, peer));
}

static void bed_prepare(struct bed *b)
{
	if (geteuid() != 0)
		skip();
	*b = (struct bed){ 0 };
	for (unsigned i = 0; i < GATEWAYS; i++) {
		snprintf(b->gateway[i].name, CONF_NAME_BYTES, "g%u", i);
		b->connection[i].gateway = &b->gateway[i];
		b->connection[i].tunnel = b->tunnel[i];
	}
	b->c.border_gateway = b->gateway;
	b->c.n_border_gateways = GATEWAYS;
	b->c.connection = b->connection;
	b->c.n_connections = GATEWAYS;
	fake_reset();
	fake_send_error = 0;
}

static void bed_open(struct bed *b)
{
	char error[256];

	assert_int_equal(conf_number(&b->c, NULL, NULL), 0);
	b->base = event_base_new();
	assert_non_null(b->base);
	if (exception_new(&b->e, b->base, NULL, &b->c, error, sizeof(error)) != 0)
		fail_msg("%s", error);
}

static void bed_close(struct bed *b)
{
	exception_free(b->e);
	conf_number_clear(&b->c);
	event_base_free(b->base);
	libevent_global_shutdown();
}

static uint16_t sum(const uint8_t *p, size_t n)
{
	uint32_t s = 0;

	for (size_t i = 0; i < n; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* An echo request (RFC 792) of 28 bytes. */
static void echo(uint8_t *p, const char *from, const char *to)
{
	struct addr a, b;
	uint16_t s;

	assert_true(addr_parse(&a, from) && addr_parse(&b, to));
	memset(p, 0, 28);
	p[0] = 0x45;
	p[3] = 28;
	p[8] = 64;
	p[9] = 1;
	memcpy(p + 12, a.b, 4);
	memcpy(p + 16, b.b, 4);
	s = sum(p, 20);
	p[10] = (uint8_t)(s >> 8);
	p[11] = (uint8_t)s;
	p[20] = 8;
	p[22] = 0xf7;
	p[23] = 0xff;
}

/* What comes out of the shards after a request through a tunnel. */
static void ping(struct bed *b, uint32_t tunnel, const char *from, const char *to)
{
	uint8_t p[28];

	fake_sent_len = 0;
	for (unsigned tries = 0; fake_sent_len == 0; tries++) {
		struct timeval moment = { .tv_usec = 10000 };

		assert_true(tries < PATIENCE_MS / 10);
		echo(p, from, to);
		assert_true(fake_main_ops->inner(fake_main_ctx, tunnel, p, sizeof(p)));
		event_base_loopexit(b->base, &moment);
		event_base_dispatch(b->base);
	}
	assert_int_equal(fake_sent_len, 28);
	assert_int_equal(fake_sent[20], 0);
	assert_memory_equal(fake_sent + 12, p + 16, 4);
	assert_memory_equal(fake_sent + 16, p + 12, 4);
	assert_int_equal(fake_sent_tunnel, tunnel);
}

static void to_the_kernel_and_back(void **state)
{
	struct exception_stats stats;
	struct bed b;

	bed_prepare(&b);
	add_tunnel(&b, 0, "169.254.0.2/30", "169.254.0.1");
	add_tunnel(&b, 0, "169.254.0.6/30", "169.254.0.5");
	add_tunnel(&b, 1, "169.254.0.2/30", "169.254.0.1"); /* another tenant, the same addresses */
	add_tunnel(&b, 2, "169.254.0.10/30", "169.254.0.9");
	bed_open(&b);
	assert_int_equal(exception_shard_of(b.e, 0), 0);
	assert_int_equal(exception_shard_of(b.e, 1), 1);
	assert_int_equal(exception_shard_of(b.e, 2), 0);
	assert_int_equal(exception_shards(b.e), 2);
	ping(&b, 0, "169.254.0.1", "169.254.0.2");
	ping(&b, 1, "169.254.0.5", "169.254.0.6");
	ping(&b, 2, "169.254.0.1", "169.254.0.2");
	ping(&b, 3, "169.254.0.9", "169.254.0.10");
	ping(&b, 3, "192.168.7.7", "169.254.0.10"); /* a host behind the peer */
	exception_shard_stats(b.e, 1, &stats);
	assert_true(stats.in_packets >= 1 && stats.out_packets >= 1);
	exception_stats(b.e, &stats);
	assert_true(stats.in_packets >= 5 && stats.in_bytes == 28 * stats.in_packets);
	assert_true(stats.out_packets >= 5);
	/* A tunnel that is in no shard. */
	assert_false(fake_main_ops->inner(fake_main_ctx, 4, fake_sent, 28));
	bed_close(&b);
	assert_null(fake_main_ops);
}

static void drops_have_reasons(void **state)
{
	static const struct {
		int error;
		enum exception_drop drop;
	} cases[] = {
		{ -EAGAIN, EXCEPTION_DROP_RING_FULL },
		{ -EMSGSIZE, EXCEPTION_DROP_TOO_BIG },
		{ -EINVAL, EXCEPTION_DROP_NO_TUNNEL },
	};
	struct exception_stats stats;
	struct bed b;

	bed_prepare(&b);
	add_tunnel(&b, 0, "169.254.0.2/30", "169.254.0.1");
	bed_open(&b);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		fake_send_error = cases[i].error;
		ping(&b, 0, "169.254.0.1", "169.254.0.2");
		exception_stats(b.e, &stats);
		assert_true(stats.drop[cases[i].drop] >= 1);
	}
	assert_int_equal(stats.out_packets, 0);
	assert_true(fake_main_ops->inner(fake_main_ctx, 0, (const uint8_t *)"\xff", 1));
	exception_stats(b.e, &stats);
	assert_int_equal(stats.drop[EXCEPTION_DROP_REFUSED], 1);
	bed_close(&b);
}

static ino_t netns(struct bed *b, unsigned shard)
{
	struct stat st;

	assert_int_equal(fstat(shard_netns(exception_shard(b->e, shard)), &st), 0);
	return st.st_ino;
}

/* Tunnels come, go and get other numbers; who stays is not moved. */
static void another_model(void **state)
{
	char error[256];
	ino_t before;
	struct bed b;

	bed_prepare(&b);
	add_tunnel(&b, 0, "169.254.0.2/30", "169.254.0.1");
	add_tunnel(&b, 1, "169.254.0.2/30", "169.254.0.1");
	bed_open(&b);
	before = netns(&b, 1);
	/* The first gateway goes; the second one's tunnel is now the first of two. */
	b.connection[0].n_tunnels = 0;
	add_tunnel(&b, 1, "169.254.0.6/30", "169.254.0.5");
	assert_int_equal(conf_number(&b.c, NULL, NULL), 0);
	assert_int_equal(exception_update(b.e, &b.c, error, sizeof(error)), 0);
	assert_int_equal(exception_shard_of(b.e, 0), SHARD_NONE);
	assert_int_equal(exception_shard_of(b.e, 1), 1);
	assert_null(exception_shard(b.e, 0));
	assert_int_equal(netns(&b, 1), before);
	ping(&b, 0, "169.254.0.1", "169.254.0.2");
	ping(&b, 1, "169.254.0.5", "169.254.0.6");
	/* And comes back. */
	add_tunnel(&b, 0, "169.254.0.2/30", "169.254.0.1");
	assert_int_equal(conf_number(&b.c, NULL, NULL), 0);
	assert_int_equal(exception_update(b.e, &b.c, error, sizeof(error)), 0);
	assert_int_equal(exception_shard_of(b.e, 0), 0);
	ping(&b, 0, "169.254.0.1", "169.254.0.2");
	ping(&b, 1, "169.254.0.1", "169.254.0.2");
	ping(&b, 2, "169.254.0.5", "169.254.0.6");
	bed_close(&b);
}

/* Who leaves a model that is refused finds his namespace, with BIRD in it, as it was. */
static void a_refused_model_moves_nobody(void **state)
{
	struct conf_tunnel kept;
	char error[256] = "";
	ino_t before;
	struct bed b;

	bed_prepare(&b);
	add_tunnel(&b, 0, "169.254.0.2/30", "169.254.0.1");
	add_tunnel(&b, 1, "169.254.0.2/30", "169.254.0.1");
	bed_open(&b);
	before = netns(&b, 1);
	/* The second gateway loses its tunnel, the first gets one that cannot be: half of an
	 * address pair is another's. */
	b.connection[1].n_tunnels = 0;
	kept = b.tunnel[1][0];
	add_tunnel(&b, 0, "169.254.0.2/30", "169.254.0.3");
	assert_int_equal(conf_number(&b.c, NULL, NULL), 0);
	assert_int_equal(exception_update(b.e, &b.c, error, sizeof(error)), -EEXIST);
	assert_non_null(strstr(error, "169.254.0.2"));
	/* Taken back. */
	b.connection[0].n_tunnels = b.connection[1].n_tunnels = 1;
	b.tunnel[1][0] = kept;
	assert_int_equal(conf_number(&b.c, NULL, NULL), 0);
	assert_int_equal(exception_update(b.e, &b.c, error, sizeof(error)), 0);
	assert_int_equal(netns(&b, 1), before);
	ping(&b, 0, "169.254.0.1", "169.254.0.2");
	ping(&b, 1, "169.254.0.1", "169.254.0.2");
	bed_close(&b);
}

static void a_lost_device_does_not_spin(void **state)
{
	char command[128];
	struct bed b;

	bed_prepare(&b);
	add_tunnel(&b, 0, "169.254.0.2/30", "169.254.0.1");
	bed_open(&b);
	assert_int_equal(event_base_get_num_events(b.base, EVENT_BASE_COUNT_ADDED), 1);
	snprintf(command, sizeof(command),
		 "nsenter --net=/proc/%d/fd/%d ip link delete " SHARD_INTERFACE, (int)getpid(),
		 shard_netns(exception_shard(b.e, 0)));
	assert_int_equal(system(command), 0);
	event_base_loop(b.base, EVLOOP_ONCE);
	assert_int_equal(event_base_get_num_events(b.base, EVENT_BASE_COUNT_ADDED), 0);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_the_kernel_and_back),
		cmocka_unit_test(drops_have_reasons),
		cmocka_unit_test(another_model),
		cmocka_unit_test(a_refused_model_moves_nobody),
		cmocka_unit_test(a_lost_device_does_not_spin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
