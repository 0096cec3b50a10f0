/* Arbitrary packets through a worker, with valid keys: whatever a customer who holds them encrypts,
 * or a VPC's host sends, ends as a packet that is one or as a drop with its reason. Seeded, so that
 * what fails fails again. */
#include "rig_tunnel.h"

#include "dataplane/packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 4000
#define BATCH  8

static uint32_t seed = 20261123;

static uint32_t dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static void scramble(uint8_t *p, unsigned n)
{
	while (n--)
		*p++ = (uint8_t)dice();
}

static const char *const addresses[] = { RIG_TUNNEL_HOST, RIG_TUNNEL_FAR, "10.1.0.1",
					 "169.254.1.2",	  "169.254.1.1",  "255.255.255.255",
					 "0.0.0.0",	  "224.0.0.5",	  "198.51.100.1" };

/* Something like a packet: one of these headers with anything behind, lengths that are right or
 * not, and then some bytes changed. */
static unsigned make(uint8_t *p)
{
	static const uint8_t protocols[] = { 0,	 1,  2,	 4,  6,	 17, 41,  43, 44,
					     50, 51, 58, 59, 60, 89, 132, 255 };
	unsigned len = dice() % 1500, most = RIG_FRAME - 200, n;
	const char *src = addresses[dice() % ARRAY_LEN(addresses)];
	const char *dst = addresses[dice() % ARRAY_LEN(addresses)];

	if (len > most)
		len = most;
	scramble(p, len + 60);
	switch (dice() % 8) {
	case 0: /* anything */
		return len + 1;
	case 1: /* IPv6 with extension headers that say what they like */
		p[0] = 0x60;
		put_be16(p + 4, (uint16_t)(dice() % 4 ? len : dice()));
		p[6] = protocols[dice() % ARRAY_LEN(protocols)];
		p[7] = (uint8_t)dice();
		len += IP6_BYTES;
		break;
	case 2: /* IPv4 with options */
		n = 4 * (1 + dice() % 10);
		rig_ip4(p, src, dst, protocols[dice() % ARRAY_LEN(protocols)], len);
		p[0] = (uint8_t)(0x45 + n / 4);
		put_be16(p + 2, (uint16_t)(20 + n + len));
		put16(p + 10, 0);
		put16(p + 10, ip4_sum(p, 20 + n));
		len += 20 + n;
		break;
	case 3: /* a fragment */
		rig_ip4(p, src, dst, PROTO_UDP, len);
		put_be16(p + 6, (uint16_t)dice());
		put16(p + 10, 0);
		put16(p + 10, ip4_sum(p, 20));
		len += 20;
		break;
	case 4: /* a SYN */
		if (len < 20)
			len = 20;
		rig_ip4(p, src, dst, PROTO_TCP, len);
		p[20 + 12] = (uint8_t)(dice() & 0xf0);
		p[20 + 13] = TCP_SYN;
		len += 20;
		break;
	default:
		rig_ip4(p, src, dst, protocols[dice() % ARRAY_LEN(protocols)], len);
		p[8] = (uint8_t)(dice() % 3 ? 64 : dice() % 3);
		put16(p + 10, 0);
		put16(p + 10, ip4_sum(p, 20));
		len += 20;
	}
	for (n = dice() % 4 ? 0 : dice() % 5; n; n--)
		p[dice() % len] = (uint8_t)dice();
	if (dice() % 8 == 0)
		len = 1 + dice() % len;
	return len;
}

static void ignore_packet(void *ctx, const struct endpoint *l, const struct endpoint *r,
			  const uint8_t *data, size_t len)
{
}

static void ignore_sa(void *ctx, uint32_t tunnel, uint32_t spi)
{
}

static void ignore_limit(void *ctx, uint32_t tunnel, uint32_t spi, bool inbound)
{
}

/* Every frame that leaves is one: what its headers say is there. How many carry what was sent
 * through. */
static unsigned leave(void)
{
	uint8_t f[RIG_FRAME], inner[RIG_FRAME];
	unsigned n, total, left = 0;

	while ((n = rig_take(0, f))) {
		if (get_be16(f + 12) == ETHERTYPE_ARP || f[23] != PROTO_ESP)
			continue;
		assert_true(ip_whole(f + 14, n - 14, &total));
		n = rig_open(inner, f, n, RIG_TUNNEL_SPI);
		assert_true(n > 0);
		left++;
		assert_true(ip_whole(inner, n, &total) && total == n);
	}
	while ((n = rig_take(1, f))) {
		assert_int_equal(get_be16(f + 12), ETHERTYPE_VLAN);
		if (get_be16(f + 16) == ETHERTYPE_ARP)
			continue;
		left++;
		assert_true(ip_whole(f + 18, n - 18, &total) && total == n - 18);
	}
	return left;
}

static void run_rounds(bool keys, bool host)
{
	static const struct dataplane_negotiator_ops ops = { .packet = ignore_packet,
							     .sa_used = ignore_sa,
							     .sa_soft_limit = ignore_limit,
							     .sa_hard_limit = ignore_limit };
	unsigned left = 0, dropped = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned k = 0; k < BATCH; k++) {
			uint8_t p[RIG_FRAME], f[RIG_FRAME];
			unsigned n = make(p), len;

			if (host) {
				rig_tunnel_from_host(p, n);
			} else if (keys) {
				rig_tunnel_from_peer(rig_tunnel_spi_in, p, n);
			} else {
				/* Right but for some bytes. */
				len = rig_esp(f, RIG_TUNNEL_PEER, rig_tunnel_spi_in,
					      1 + dice() % 1000, p, n % 200 + 1);
				for (unsigned c = 1 + dice() % 3; c; c--)
					f[12 + dice() % (len - 12)] ^= (uint8_t)(1 + dice() % 255);
				rig_give(0, f, dice() % 8 ? len : 1 + dice() % len);
			}
		}
		rig_now += 1000;
		rig_run();
		while (dataplane_negotiator_poll(rig_dp, &ops, NULL))
			;
		left += leave();
	}
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		dropped += rig_dropped(r) > 0;
	print_message("%u frames left; %u reasons to drop\n", left, dropped);
	assert_true(dropped >= 3);
	if (keys)
		assert_true(left > ROUNDS / 4);
	else
		assert_int_equal(left, 0);
}

static int set_up(void **state)
{
	rig_set_up(state);
	rig_tunnel_open();
	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	return 0;
}

static int tear_down(void **state)
{
	int rc;

	dataplane_negotiator_unregister(rig_dp);
	rc = rig_tear_down(state);
	assert_int_equal(rte_mempool_in_use_count(rig_frames), 0);
	return rc;
}

static void with_the_peers_keys(void **state)
{
	run_rounds(true, false);
}

static void without_keys(void **state)
{
	run_rounds(false, false);
}

static void from_a_host(void **state)
{
	run_rounds(true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(with_the_peers_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(from_a_host, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
