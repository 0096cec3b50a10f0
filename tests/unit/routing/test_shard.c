/* The kernel in a shard's namespace answers for inner addresses, and ours stays as it is. */
#include "tests/unit/unit.h"

#include "routing/shard.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 30000

static struct addr address(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static uint16_t checksum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put_checksum(uint8_t *at, uint16_t sum)
{
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

/* An echo request between these; its length. */
static size_t echo(uint8_t *p, const struct addr *from, const struct addr *to)
{
	bool v6 = from->family == ADDR_IPV6;
	size_t head = v6 ? 40 : 20, len = head + 16, n = addr_bytes(from);
	uint8_t *icmp = p + head;
	uint32_t pseudo = 0;

	memset(p, 0, len);
	memcpy(p + (v6 ? 8 : 12), from->b, n);
	memcpy(p + (v6 ? 24 : 16), to->b, n);
	if (v6) {
		p[0] = 0x60;
		p[5] = 16;
		p[6] = 58;
		p[7] = 64;
		icmp[0] = 128;
		pseudo = 16 + 58;
		for (unsigned i = 8; i < 40; i++)
			pseudo += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	} else {
		p[0] = 0x45;
		p[3] = (uint8_t)len;
		p[8] = 64;
		p[9] = 1;
		put_checksum(p + 10, checksum(p, 20, 0));
		icmp[0] = 8;
	}
	put_checksum(icmp + 2, checksum(icmp, 16, pseudo));
	return len;
}

/* Asks again and again (an IPv6 address needs a moment) until one of our addresses answers: whose,
 * and what. */
static uint32_t ask(const struct shard *s, const struct addr *from, const struct addr *to,
		    uint8_t *p, size_t size)
{
	for (unsigned tries = 0; tries < PATIENCE_MS / 10; tries++) {
		size_t n = echo(p, from, to);
		struct pollfd out = { .fd = shard_fd(s), .events = POLLIN };
		uint32_t id;

		assert_int_equal(write(shard_fd(s), p, n), n);
		while (poll(&out, 1, 10) == 1) {
			ssize_t len = read(shard_fd(s), p, size);

			/* IPv6 says hello to routers and groups: not from our address. */
			if (len > 0 && shard_find(s, p, (size_t)len, &id))
				return id;
		}
	}
	fail_msg("no answer");
	return 0;
}

static ino_t netns_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static ino_t own_netns(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

static struct shard *open_shard(void)
{
	struct shard *s;
	char error[256];

	if (geteuid() != 0)
		skip();
	if (shard_open(&s, NULL, 1380, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	return s;
}

static void private_namespace(void **state)
{
	ino_t before = geteuid() == 0 ? own_netns() : 0;
	struct shard *s = open_shard();

	assert_int_equal(own_netns(), before);
	assert_int_not_equal(netns_of(shard_netns(s)), before);
	assert_int_equal(if_nametoindex(SHARD_INTERFACE), 0);
	shard_close(s);
}

static void pings(void **state)
{
	static const struct {
		const char *local, *peer, *from;
	} cases[] = {
		{ "169.254.10.2", "169.254.10.1", "169.254.10.1" },
		{ "169.254.10.2", "169.254.10.1", "192.168.5.7" }, /* a host behind the peer */
		{ "10.9.0.1", "10.9.0.2", "10.9.0.2" },
		{ "fd00::2", "fd00::1", "fd00::1" },
		{ "fd00::2", "fd00::1", "2001:db8::7" },
	};
	struct shard *s = open_shard();

	for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr local = address(cases[i].local), peer = address(cases[i].peer);
		struct addr from = address(cases[i].from);
		bool v6 = local.family == ADDR_IPV6;
		uint8_t p[2048];

		assert_int_equal(shard_pair_add(s, &local, &peer, 100 + i), 0);
		assert_int_equal(ask(s, &from, &local, p, sizeof(p)), 100 + i);
		assert_memory_equal(p + (v6 ? 8 : 12), local.b, addr_bytes(&local));
		assert_memory_equal(p + (v6 ? 24 : 16), from.b, addr_bytes(&from));
		assert_int_equal(p[v6 ? 40 : 20], v6 ? 129 : 0);
		assert_int_equal(shard_pair_delete(s, &local, &peer), 0);
	}
	assert_int_equal(shard_pairs(s), 0);
	shard_close(s);
}

/* Two tenants with the same addresses, each in a shard. */
static void same_addresses_twice(void **state)
{
	struct addr local = address("169.254.10.2"), peer = address("169.254.10.1");
	struct shard *s[2] = { open_shard(), open_shard() };

	for (uint32_t i = 0; i < 2; i++) {
		uint8_t p[2048];

		assert_int_equal(shard_pair_add(s[i], &local, &peer, i), 0);
		assert_int_equal(ask(s[i], &peer, &local, p, sizeof(p)), i);
	}
	shard_close(s[0]);
	shard_close(s[1]);
}

static void pairs(void **state)
{
	struct addr l1 = address("10.0.0.1"), p1 = address("10.0.0.2"), p2 = address("10.0.0.6");
	struct addr v6 = address("fd00::1");
	struct shard *s = open_shard();

	assert_int_equal(shard_pair_delete(s, &l1, &p1), -ENOENT);
	assert_int_equal(shard_pair_add(s, &l1, &v6, 1), -EINVAL);
	assert_int_equal(shard_pair_add(s, &l1, &p1, 1), 0);
	assert_int_equal(shard_pair_add(s, &l1, &p2, 2), -EEXIST);
	assert_int_equal(shard_pair_add(s, &p2, &p1, 2), -EEXIST);
	assert_int_equal(shard_pair_delete(s, &l1, &p2), -ENOENT);
	assert_int_equal(shard_pair_add(s, &l1, &p1, 7), 0); /* renumbered */
	assert_int_equal(shard_pairs(s), 1);
	assert_int_equal(shard_pair_delete(s, &l1, &p1), 0);
	assert_int_equal(shard_pair_add(s, &l1, &p2, 2), 0);
	shard_close(s);
}

static void a_thousand_pairs(void **state)
{
	struct shard *s = open_shard();
	struct addr local, peer;
	uint8_t p[64];
	uint32_t id;

	for (uint32_t i = 0; i < 1000; i++) {
		local = addr_ipv4(0x0a000001 + 4 * (i * 7919 % 1000));
		peer = addr_ipv4(addr_to_ipv4(&local) + 1);
		assert_int_equal(shard_pair_add(s, &local, &peer, i), 0);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		struct addr elsewhere = address("192.0.2.1");
		size_t n;

		local = addr_ipv4(0x0a000001 + 4 * (i * 7919 % 1000));
		peer = addr_ipv4(addr_to_ipv4(&local) + 1);
		n = echo(p, &local, &elsewhere);
		assert_true(shard_find(s, p, n, &id) && id == i);
		n = echo(p, &elsewhere, &peer);
		assert_true(shard_find(s, p, n, &id) && id == i);
		n = echo(p, &elsewhere, &elsewhere);
		assert_false(shard_find(s, p, n, &id));
		assert_int_equal(shard_pair_delete(s, &local, &peer), 0);
	}
	shard_close(s);
}

static void garbage(void **state)
{
	struct shard *s = open_shard();
	uint8_t p[64] = { 0 };
	uint32_t id;

	for (unsigned version = 0; version < 16; version++) {
		p[0] = (uint8_t)(version << 4);
		for (size_t n = 0; n < sizeof(p); n++)
			assert_false(shard_find(s, p, n, &id));
	}
	shard_close(s);
}

static void wrong_namespace(void **state)
{
	char error[256];
	struct shard *s;

	if (geteuid() != 0)
		skip();
	assert_int_equal(shard_open(&s, "/nonexistent", 1380, error, sizeof(error)), -ENOENT);
	assert_string_equal(error, "network namespace: No such file or directory");
	assert_int_equal(shard_open(&s, "/dev/null", 1380, error, sizeof(error)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_namespace),	cmocka_unit_test(pings),
		cmocka_unit_test(same_addresses_twice), cmocka_unit_test(pairs),
		cmocka_unit_test(a_thousand_pairs),	cmocka_unit_test(garbage),
		cmocka_unit_test(wrong_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
