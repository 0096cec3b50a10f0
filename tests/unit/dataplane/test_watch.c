/* Traces and captures of a tunnel in both directions, with one worker and with several; and the
 * workers' pulse. */
#include "rig_tunnel.h"

#include "dataplane/capture.h"
#include "dataplane/packet.h"
#include "dataplane/trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- trace -------------------------------------------------------------------------------- */

/* "rx received, classify esp, ..." */
static const char *way(const struct trace_packet *p)
{
	static char text[512];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < p->n_steps; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s", i ? ", " : "",
				      worker_phase_name(p->step[i].phase),
				      trace_event_name(p->step[i].event));
	return text;
}

static const struct trace_step *step_of(const struct trace_packet *p, enum trace_event e)
{
	for (unsigned i = 0; i < p->n_steps; i++) {
		if (p->step[i].event == e)
			return &p->step[i];
	}
	fail_msg("no step %s", trace_event_name(e));
	return NULL;
}

#define OUT                                                                                    \
	"rx received, classify packet, forward route, forward route, esp-out tunnel, esp-out " \
	"encrypted, tx link, tx sent"
#define IN                                                                                       \
	"rx received, classify esp, esp-in sa, esp-in decrypted, forward route, forward route, " \
	"tx link, tx sent"

static void each_phase_says(void **state)
{
	const struct trace_filter by_tunnel = { .by = TRACE_BY_TUNNEL, .tunnel = RIG_TUNNEL };
	const struct trace_packet *p;
	struct trace *t, *other;

	rig_tunnel_open();
	rig_tunnel_host_sends(10); /* before it is armed */
	assert_int_equal(dataplane_trace_start(rig_dp, &by_tunnel, 0, &t), -EINVAL);
	assert_int_equal(dataplane_trace_start(rig_dp, &by_tunnel, 3, &t), 0);
	assert_int_equal(dataplane_trace_start(rig_dp, &by_tunnel, 3, &other), -EBUSY);
	assert_int_equal(dataplane_trace_count(t), 0);
	rig_tunnel_host_sends(10);
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 20);
	rig_tunnel_peer_sends(rig_tunnel_spi_in ^ 1 << 20, 20); /* nobody's */
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 30);
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 40); /* one too many */
	assert_int_equal(dataplane_trace_count(t), 3);
	p = dataplane_trace_packet(t, 0);
	assert_string_equal(way(p), OUT);
	assert_true(p->frame);
	assert_int_equal(p->first_len, 18 + 38);
	assert_int_equal(p->inner_len, 38);
	assert_int_equal(step_of(p, TRACE_RECEIVED)->a, rig_dp->port[1].id);
	assert_int_equal(step_of(p, TRACE_TUNNEL)->a, RIG_TUNNEL);
	assert_int_equal(step_of(p, TRACE_ENCRYPTED)->a, RIG_TUNNEL_SPI);
	assert_int_equal(step_of(p, TRACE_ENCRYPTED)->b, 2);
	assert_int_equal(step_of(p, TRACE_SENT)->a, rig_dp->port[0].id);
	p = dataplane_trace_packet(t, 1);
	assert_string_equal(way(p), IN);
	assert_int_equal(p->inner_len, 48);
	assert_int_equal(p->inner[0], 0x45);
	assert_memory_equal(p->inner + 12, rig_addr(RIG_TUNNEL_FAR).b, 4);
	assert_int_equal(step_of(p, TRACE_ESP)->a, rig_tunnel_spi_in);
	assert_int_equal(step_of(p, TRACE_ESP)->b, 1);
	assert_int_equal(step_of(p, TRACE_SA)->a, RIG_TUNNEL);
	assert_int_equal(dataplane_trace_packet(t, 2)->inner_len, 58);
	assert_null(dataplane_trace_packet(t, 3));
	dataplane_trace_stop(rig_dp, t);
	rig_run();
	assert_int_equal(dataplane_trace_start(rig_dp, &by_tunnel, 1, &t), 0);
	dataplane_trace_stop(rig_dp, t);
}

static void by_spi_and_by_prefix(void **state)
{
	struct trace_filter f = { .by = TRACE_BY_SPI, .spi = RIG_TUNNEL_SPI };
	uint8_t frame[RIG_FRAME], *icmp;
	struct trace *t;

	rig_tunnel_open();
	assert_int_equal(dataplane_trace_start(rig_dp, &f, 5, &t), 0);
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 1);
	rig_tunnel_host_sends(1);
	assert_int_equal(dataplane_trace_count(t), 1);
	assert_string_equal(way(dataplane_trace_packet(t, 0)), OUT);
	dataplane_trace_stop(rig_dp, t);
	rig_run();

	/* An SPI that nobody has is traced to where it ends. */
	f.spi = rig_tunnel_spi_in ^ 1 << 20;
	assert_int_equal(dataplane_trace_start(rig_dp, &f, 5, &t), 0);
	rig_tunnel_peer_sends(f.spi, 1);
	assert_int_equal(dataplane_trace_count(t), 1);
	assert_string_equal(way(dataplane_trace_packet(t, 0)),
			    "rx received, classify esp, esp-in dropped");
	assert_int_equal(step_of(dataplane_trace_packet(t, 0), TRACE_DROPPED)->a, DROP_NO_SA);
	dataplane_trace_stop(rig_dp, t);
	rig_run();

	/* Inner addresses, and outer ones of what is no ESP. */
	f = (struct trace_filter){ .by = TRACE_BY_PREFIX, .prefix = rig_prefix("172.16.3.0/24") };
	assert_int_equal(dataplane_trace_start(rig_dp, &f, 5, &t), 0);
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 1);
	rig_tunnel_host_sends(1);
	assert_int_equal(dataplane_trace_count(t), 2);
	dataplane_trace_stop(rig_dp, t);
	rig_run();
	f.prefix = rig_prefix("203.0.113.77");
	assert_int_equal(dataplane_trace_start(rig_dp, &f, 5, &t), 0);
	rig_ether(frame, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	icmp = frame + 14 + rig_ip4(frame + 14, "203.0.113.77", "198.51.100.1", PROTO_ICMP, 8);
	memset(icmp, 0, 8);
	icmp[0] = 8;
	put16(icmp + 2, (uint16_t)~sum_fold(sum_bytes(icmp, 8)));
	rig_give(0, frame, 42);
	rig_run();
	assert_int_equal(dataplane_trace_count(t), 2);
	assert_string_equal(way(dataplane_trace_packet(t, 0)), "rx received, classify punted");
	assert_string_equal(way(dataplane_trace_packet(t, 1)),
			    "rx taken, rx packet, forward route, tx link, tx sent");
	dataplane_trace_stop(rig_dp, t);
}

/* What is too long is cut, or its sender told. */
static void what_does_not_fit(void **state)
{
	const struct trace_filter f = { .by = TRACE_BY_TUNNEL, .tunnel = RIG_TUNNEL };
	struct trace *t;

	rig_tunnel_open();
	assert_int_equal(dataplane_trace_start(rig_dp, &f, 5, &t), 0);
	rig_tunnel_host_sends(1450);
	assert_int_equal(dataplane_trace_count(t), 3);
	assert_string_equal(
		way(dataplane_trace_packet(t, 0)),
		"rx received, classify packet, forward route, forward route, esp-out tunnel, "
		"esp-out again");
	for (unsigned i = 1; i < 3; i++)
		assert_string_equal(
			way(dataplane_trace_packet(t, i)),
			"rx taken, esp-out tunnel, esp-out encrypted, tx link, tx sent");
	dataplane_trace_stop(rig_dp, t);
}

/* Frames of the second port come to the second worker, the tunnel is the first one's. */
static void over_several_workers(void **state)
{
	const struct trace_filter f = { .by = TRACE_BY_PREFIX,
					.prefix = rig_prefix(RIG_TUNNEL_FAR) };
	struct trace *t;

	rig_tunnel_open();
	assert_int_equal(dataplane_trace_start(rig_dp, &f, 5, &t), 0);
	rig_tunnel_host_sends(10);
	assert_int_equal(dataplane_trace_count(t), 2);
	assert_string_equal(
		way(dataplane_trace_packet(t, 0)),
		"rx received, classify packet, forward route, forward route, esp-out tunnel, "
		"esp-out handed-over");
	assert_int_equal(dataplane_trace_packet(t, 0)->worker, 1);
	assert_string_equal(way(dataplane_trace_packet(t, 1)),
			    "rx taken, esp-out tunnel, esp-out encrypted, tx link, tx sent");
	assert_int_equal(dataplane_trace_packet(t, 1)->worker, 0);
	dataplane_trace_stop(rig_dp, t);
}

/* ---- capture ------------------------------------------------------------------------------ */

static void at_rest(void *ctx, struct capture *c)
{
	*(bool *)ctx = true;
}

static void stop(struct capture *c)
{
	bool rested = false;

	dataplane_capture_stop(rig_dp, c, at_rest, &rested);
	rig_run();
	assert_true(rested);
}

static struct capture *start(unsigned what, const char *prefix, uint32_t snaplen)
{
	struct capture_filter f = {
		.what = what, .tunnel = CAPTURE_ANY, .port = CAPTURE_ANY, .snaplen = snaplen
	};
	struct capture *c, *other;

	if (prefix)
		f.prefix = rig_prefix(prefix);
	assert_int_equal(dataplane_capture_start(rig_dp, &f, &c), 0);
	assert_int_equal(dataplane_capture_start(rig_dp, &f, &other), -EBUSY);
	return c;
}

static void inner_and_outer(void **state)
{
	struct capture *c;
	struct capture_packet p;
	uint64_t matched, lost;

	rig_tunnel_open();
	c = start(CAPTURE_INNER | CAPTURE_OUTER, NULL, 40);
	rig_tunnel_host_sends(10);
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 20);
	rig_tunnel_peer_sends(rig_tunnel_spi_in ^ 1 << 20, 20);
	assert_true(dataplane_capture_next(c, &p));
	assert_int_equal(p.what, CAPTURE_INNER);
	assert_true(p.out);
	assert_int_equal(p.tunnel, RIG_TUNNEL);
	assert_int_equal(p.len, 38);
	assert_int_equal(p.caplen, 38);
	assert_memory_equal(p.data + 16, rig_addr(RIG_TUNNEL_FAR).b, 4);
	assert_true(dataplane_capture_next(c, &p));
	assert_int_equal(p.what, CAPTURE_OUTER);
	assert_true(p.out);
	assert_int_equal(p.len, 20 + 8 + 8 + 40 + 16);
	assert_int_equal(p.caplen, 40);
	assert_int_equal(get_be32(p.data + 20), RIG_TUNNEL_SPI);
	assert_true(dataplane_capture_next(c, &p));
	assert_int_equal(p.what, CAPTURE_OUTER);
	assert_false(p.out);
	assert_int_equal(p.tunnel, RIG_TUNNEL);
	assert_true(dataplane_capture_next(c, &p));
	assert_int_equal(p.what, CAPTURE_INNER);
	assert_int_equal(p.len, 48);
	assert_true(dataplane_capture_next(c, &p));
	assert_int_equal(p.tunnel, CAPTURE_ANY); /* of no SA */
	assert_false(dataplane_capture_next(c, &p));
	stop(c);
	rig_tunnel_host_sends(10);
	assert_false(dataplane_capture_next(c, &p));
	dataplane_capture_counts(c, &matched, &lost);
	assert_int_equal(matched, 5);
	assert_int_equal(lost, 0);
	dataplane_capture_free(c);
}

static void frames_and_filters(void **state)
{
	struct capture_packet p;
	struct capture *c;

	rig_tunnel_open();
	c = start(CAPTURE_FRAMES, RIG_TUNNEL_HOST, 0);
	rig_tunnel_host_sends(10);
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 20);
	assert_true(dataplane_capture_next(c, &p));
	assert_int_equal(p.port, 1);
	assert_false(p.out);
	assert_int_equal(p.len, 18 + 38);
	assert_true(dataplane_capture_next(c, &p));
	assert_int_equal(p.port, 1);
	assert_true(p.out);
	assert_int_equal(p.len, 18 + 48);
	assert_false(dataplane_capture_next(c, &p)); /* the outer ones are from and to others */
	stop(c);
	dataplane_capture_free(c);
	c = start(CAPTURE_FRAMES, "203.0.113.0/24", 0);
	rig_tunnel_host_sends(10);
	assert_true(dataplane_capture_next(c, &p));
	assert_int_equal(p.port, 0);
	assert_false(dataplane_capture_next(c, &p));
	stop(c);
	dataplane_capture_free(c);
}

/* A reader that does not come costs copies, nothing else. */
static void a_full_ring_is_counted(void **state)
{
	uint64_t matched, lost, before, n = 0;
	struct capture_packet p;
	struct capture *c;

	rig_tunnel_open();
	before = rig_dp->worker[0]->stats.esp_out_packets;
	c = start(CAPTURE_INNER, NULL, 0);
	for (unsigned i = 0; i < 5000; i++) {
		rig_tunnel_host_sends(10);
		rig_tunnel_discard();
	}
	assert_int_equal(rig_dp->worker[0]->stats.esp_out_packets - before, 5000);
	stop(c);
	while (dataplane_capture_next(c, &p))
		n++;
	dataplane_capture_counts(c, &matched, &lost);
	assert_int_equal(matched, 5000);
	assert_int_equal(n + lost, 5000);
	assert_true(lost > 0 && n > 0);
	dataplane_capture_free(c);
}

/* ---- pulse -------------------------------------------------------------------------------- */

static unsigned owner_of_new(uint32_t tunnel)
{
	struct dataplane_tunnel t = { .cloud_ip = rig_addr("198.51.100.1"),
				      .customer_ip = rig_addr(RIG_TUNNEL_PEER),
				      .inner = { addr_ipv4(0xa9fe0002 + (tunnel << 8)), 30 },
				      .inner_peer = addr_ipv4(0xa9fe0001 + (tunnel << 8)) };
	unsigned owner;

	assert_int_equal(dataplane_tunnel_add(rig_dp, tunnel, &t), 0);
	owner = rig_dp->tables.owner[tunnel];
	return owner;
}

static void who_stands_still_is_noticed(void **state)
{
	struct dataplane_worker_stats s;

	rig_run();
	rig_now += 1000000;
	rig_run();
	assert_false(dataplane_worker_stuck(rig_dp, 1));
	for (unsigned i = 0; i < 3; i++) {
		rig_now += 1000000;
		worker_run_once(rig_dp->worker[0]);
		worker_run_once(rig_dp->worker[2]);
		assert_true(dataplane_main_poll(rig_dp, rig_now) <= rig_now + 1000000);
	}
	assert_true(dataplane_worker_stuck(rig_dp, 1));
	assert_false(dataplane_worker_stuck(rig_dp, 0));
	assert_int_equal(dataplane_worker_stats(rig_dp, 1, &s), 0);
	assert_true(s.stuck);
	assert_true(s.silent >= 2000000);
	/* It gets no tunnels; the others, equally idle, in turn. */
	for (unsigned i = 0; i < 3; i++)
		rig_dp->pulse[i].load = 0;
	assert_int_equal(owner_of_new(5), 0);
	assert_int_equal(owner_of_new(6), 2);
	assert_int_equal(owner_of_new(7), 0);
	rig_now += 1000000;
	rig_run();
	assert_false(dataplane_worker_stuck(rig_dp, 1));
	for (unsigned i = 0; i < 3; i++)
		rig_dp->pulse[i].load = 0;
	assert_int_equal(owner_of_new(8), 1);
}

static void load_decides_who_owns(void **state)
{
	struct dataplane_worker_stats *w[] = { &rig_dp->worker[0]->stats, &rig_dp->worker[1]->stats,
					       &rig_dp->worker[2]->stats };

	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(owner_of_new(i), i % 3);
	rig_run();
	rig_now += 1000000;
	rig_run();
	/* In the next second: two thirds, nothing, a third. */
	for (unsigned i = 0; i < 3; i++) {
		w[i]->phase_cycles[PHASE_ESP_IN] += (2 - i) % 3 * UINT64_C(1) << 40;
		w[i]->idle_cycles += (1 + i) % 3 * UINT64_C(1) << 40;
	}
	rig_now += 1000000;
	(void)dataplane_main_poll(rig_dp, rig_now);
	/* 667, 333 and 0 thousandths: each tunnel is taken to bring a sixth of the sum. */
	assert_int_equal(owner_of_new(10), 2);
	assert_int_equal(owner_of_new(11), 2);
	assert_int_equal(owner_of_new(12), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_phase_says, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(by_spi_and_by_prefix, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(what_does_not_fit, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(over_several_workers, rig_set_up_three,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(inner_and_outer, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(frames_and_filters, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(a_full_ring_is_counted, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(who_stands_still_is_noticed, rig_set_up_three,
						rig_tear_down),
		cmocka_unit_test_setup_teardown(load_decides_who_owns, rig_set_up_three,
						rig_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
