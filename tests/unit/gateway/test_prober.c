/* Requests leave while a tunnel is UP, and what comes back is measured. */
#include "gateway/prober.h"

#include "conf/number.h"
#include "gateway/clock.h"
#include "gateway/echo.h"
#include "gateway/event.h"
#include "gateway/tunnel.h"

#include "tests/unit/unit.h"

#include <event2/event.h>
#include <string.h>

/* ---- the dataplane, played ---------------------------------------------------------------- */

static bool (*take)(void *ctx, uint32_t tunnel, const uint8_t *ip, size_t len);
static uint8_t request[2000];
static size_t request_len;
static uint32_t request_tunnel;
static unsigned requests;

void dataplane_main_answers(struct dataplane *dp,
			    bool (*fn)(void *ctx, uint32_t tunnel, const uint8_t *ip, size_t len),
			    void *ctx)
{
	take = fn;
}

int dataplane_send_inner(struct dataplane *dp, uint32_t tunnel, const uint8_t *ip, size_t len)
{
	memcpy(request, ip, len);
	request_len = len;
	request_tunnel = tunnel;
	requests++;
	return 0;
}

int dataplane_tunnel_state(struct dataplane *dp, uint32_t tunnel, bool up)
{
	return 0;
}

const char *ike_reason_name(enum ike_reason r)
{
	return "";
}

/* What a host makes of the last request. */
static bool answer(uint8_t type)
{
	uint8_t ip[2000];

	memcpy(ip, request, request_len);
	memcpy(ip + 12, request + 16, 4);
	memcpy(ip + 16, request + 12, 4);
	ip[20] = type;
	return take(NULL, request_tunnel, ip, request_len);
}

/* ---- two tunnels, the second without a probe ---------------------------------------------- */

static struct conf_border_gateway border_gateway = { .name = "bgw" };
static struct conf_tunnel tunnel[2];
static struct conf_vpn_connection connection = {
	.name = "dc1", .gateway = &border_gateway, .n_tunnels = 2, .tunnel = tunnel
};
static struct conf conf;
static struct tunnels *tunnels;
static struct prober *prober;
static struct event_base *base;
static uint64_t start;
static char events[500];

static void on_event(void *ctx, const struct event_notice *e)
{
	strcat(strcat(events, event_kind_name(e->kind)), " ");
}

static struct event_subscriber subscriber = { .fn = on_event };

static int setup(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		tunnel[i] = (struct conf_tunnel){ .enabled = true };
		snprintf(tunnel[i].name, sizeof(tunnel[i].name), "dc1-%u", i + 1);
		prefix_parse(&tunnel[i].inner, i ? "169.254.0.6/30" : "169.254.0.2/30");
		addr_parse(&tunnel[i].inner_peer, i ? "169.254.0.5" : "169.254.0.1");
	}
	tunnel[0].probe = 10;
	conf = (struct conf){ .n_border_gateways = 1,
			      .border_gateway = &border_gateway,
			      .n_connections = 1,
			      .connection = &connection };
	if (conf_number(&conf, NULL, NULL) < 0)
		return -1;
	start = clock_now();
	requests = 0;
	events[0] = '\0';
	base = event_base_new();
	echo_start(NULL);
	event_subscribe(&subscriber);
	return tunnels_new(&tunnels, NULL, &conf, start) < 0 ||
			       prober_new(&prober, base, NULL, tunnels) < 0
		       ? -1
		       : 0;
}

static int teardown(void **state)
{
	prober_free(prober);
	tunnels_free(tunnels);
	event_unsubscribe(&subscriber);
	conf_number_clear(&conf);
	event_base_free(base);
	return 0;
}

static const struct tunnel_probe *probe(void)
{
	return &tunnels->v[0].probe;
}

static void up(bool up)
{
	for (unsigned i = 0; i < 2; i++)
		tunnels->v[i].up = up;
}

static uint64_t at(double seconds)
{
	return start + (uint64_t)(seconds * 1e6);
}

static void requests_leave_while_it_is_up(void **state)
{
	assert_int_equal(prober_tick(prober, at(0)), 0);
	up(true);
	assert_int_equal(prober_tick(prober, at(1)), 1);
	assert_int_equal(request_tunnel, 0);
	assert_memory_equal(request + 12, "\xa9\xfe\x00\x02\xa9\xfe\x00\x01", 8);
	assert_int_equal(prober_tick(prober, at(10.8)), 0);
	assert_int_equal(prober_tick(prober, at(11.1)), 1);
	up(false);
	assert_int_equal(prober_tick(prober, at(22)), 0);
	assert_false(answer(0)); /* nobody waits for it */
	assert_int_equal(probe()->sent, 2);
}

static void answers_are_measured(void **state)
{
	up(true);
	for (unsigned i = 0; i < 9; i++) {
		assert_int_equal(prober_tick(prober, at(1 + 10.1 * i)), 1);
		assert_true(answer(0));
		assert_true(probe()->answers);
	}
	assert_int_equal(probe()->sent, 9);
	assert_true(probe()->last > 0 && probe()->least <= probe()->mean &&
		    probe()->mean <= probe()->most && probe()->least <= probe()->last);
	assert_true(probe()->most < 60 * CLOCK_SECOND);
	assert_string_equal(events, "");
}

/* Not the request's, from somebody else, or an error: none is an answer. */
static void what_is_no_answer(void **state)
{
	up(true);
	prober_tick(prober, at(1));
	assert_false(answer(8));
	answer(11);
	request[27]++;
	answer(0);
	request[27]--;
	request[19]++;
	answer(0);
	request[19]--;
	assert_int_equal(probe()->last, 0);
	answer(0);
	assert_true(probe()->last > 0);
	answer(0); /* twice */
	assert_int_equal(probe()->lost, 0);
}

static void a_silent_peer_is_told_once(void **state)
{
	up(true);
	for (unsigned i = 0; i < 6; i++) {
		prober_tick(prober, at(1 + 10.1 * i));
		prober_tick(prober, clock_now() + 3 * CLOCK_SECOND);
	}
	assert_int_equal(probe()->lost, 6);
	assert_true(tunnels->v[0].up);
	assert_false(probe()->answers);
	assert_string_equal(events, "probe-lost ");
	prober_tick(prober, at(100));
	answer(0);
	assert_true(probe()->answers);
	assert_string_equal(events, "probe-lost probe-back ");
}

static void it_follows_the_model(void **state)
{
	up(true);
	prober_tick(prober, at(1));
	tunnel[0].probe = 0;
	tunnel[1].probe = 1;
	prober_update(prober);
	assert_int_equal(probe()->sent, 0);
	assert_int_equal(prober_tick(prober, at(3)), 0); /* its turn comes a moment later */
	assert_int_equal(prober_tick(prober, at(5)), 1);
	assert_int_equal(request_tunnel, 1);
	tunnel[1].inner_peer.b[3] = 99;
	prober_update(prober);
	prober_tick(prober, at(7));
	assert_int_equal(prober_tick(prober, at(9)), 1);
	assert_int_equal(request[19], 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests_leave_while_it_is_up, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_are_measured, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(a_silent_peer_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(it_follows_the_model, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
