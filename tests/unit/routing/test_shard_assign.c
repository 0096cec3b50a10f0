/* Which border gateways share a shard. */
#include "tests/unit/unit.h"

#include "routing/shard.h"

#include <stdio.h>
#include <string.h>

#define N SHARD_NONE

struct given {
	const char *networks; /* "a b c" */
	uint32_t old, want;
};

static struct prefix pool[8192];

static unsigned parse(const char *text, struct prefix *out)
{
	char copy[512], *rest = copy;
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		assert_true(prefix_parse(&out[n++], word));
	return n;
}

static void expect(const char *what, const struct given *g, unsigned n, uint32_t shards)
{
	struct shard_tenant tenant[16];
	struct prefix *next = pool;
	uint32_t n_shards;

	for (unsigned i = 0; i < n; i++) {
		tenant[i].network = next;
		tenant[i].n_networks = parse(g[i].networks, next);
		tenant[i].shard = g[i].old;
		next += tenant[i].n_networks;
	}
	assert_int_equal(shard_assign(tenant, n, &n_shards), 0);
	for (unsigned i = 0; i < n; i++)
		if (tenant[i].shard != g[i].want)
			fail_msg("%s: tenant %u is in %d", what, i, (int)tenant[i].shard);
	if (n_shards != shards)
		fail_msg("%s: %u shards", what, n_shards);
}

#define EXPECT(what, shards, ...)                                \
	do {                                                     \
		static const struct given g[] = { __VA_ARGS__ }; \
                                                                 \
		expect(what, g, (unsigned)ARRAY_LEN(g), shards); \
	} while (0)

static void table(void **state)
{
	EXPECT("one", 1, { "169.254.0.0/30", N, 0 });
	EXPECT("no tunnels, no shard", 0, { "", N, N }, { "", 3, N });
	EXPECT("no overlap", 1, { "169.254.0.0/30", N, 0 }, { "169.254.0.4/30", N, 0 });
	EXPECT("the same", 2, { "169.254.0.0/30", N, 0 }, { "169.254.0.0/30", N, 1 });
	EXPECT("one around the other", 2, { "10.0.0.0/30", N, 0 }, { "10.0.0.0/24", N, 1 });
	EXPECT("one in the other", 2, { "10.0.0.0/24", N, 0 }, { "10.0.0.8/30", N, 1 });
	EXPECT("first with room", 2, { "10.0.0.0/30", N, 0 }, { "10.0.0.0/30", N, 1 },
	       { "10.0.0.4/30", N, 0 }, { "10.0.0.4/30", N, 1 });
	EXPECT("one of many overlaps", 2, { "10.0.0.0/30 10.0.0.4/30 10.0.0.8/30", N, 0 },
	       { "10.0.1.0/30 10.0.0.8/30", N, 1 });
	EXPECT("families", 1, { "10.0.0.0/30 fd00::/126", N, 0 },
	       { "10.0.0.4/30 fd00::4/126", N, 0 });
	EXPECT("IPv6", 2, { "fd00::/126", N, 0 }, { "fd00::/126", N, 1 });
	EXPECT("overlaps itself", 1, { "10.0.0.0/30 10.0.0.0/24 10.0.0.4/30", N, 0 },
	       { "10.0.1.0/30", N, 0 });
	/* Changes: who has a place keeps it. */
	EXPECT("stay apart", 2, { "10.0.0.0/30", 1, 1 }, { "10.0.0.4/30", 0, 0 });
	EXPECT("a new one moves nobody", 2, { "10.0.0.0/30", N, 1 }, { "10.0.0.0/30", 0, 0 });
	EXPECT("a tunnel more that overlaps", 2, { "10.0.0.0/30", 0, 0 },
	       { "10.0.0.4/30 10.0.0.0/30", 0, 1 });
	EXPECT("the others are gone", 3, { "10.0.0.0/30", 2, 2 });
}

static void a_thousand_each(void **state)
{
	static struct prefix network[4][600], many[1500];
	struct shard_tenant t[4];
	uint32_t n_shards;

	for (unsigned k = 0; k < 4; k++) {
		for (unsigned i = 0; i < 600; i++)
			network[k][i] =
				(struct prefix){ addr_ipv4(0x0a000000u | k << 16 | i * 4), 30 };
		t[k] = (struct shard_tenant){ 600, network[k], SHARD_NONE };
	}
	t[3].n_networks = 400;
	assert_int_equal(shard_assign(t, 4, &n_shards), 0);
	assert_int_equal(n_shards, 3);
	assert_int_equal(t[0].shard, 0);
	assert_int_equal(t[1].shard, 1);
	assert_int_equal(t[2].shard, 2);
	assert_int_equal(t[3].shard, 0);
	/* One alone may have more, and then is alone. */
	for (unsigned i = 0; i < 1500; i++)
		many[i] = (struct prefix){ addr_ipv4(0x0b000000u + i * 4), 30 };
	t[0] = (struct shard_tenant){ 1500, many, SHARD_NONE };
	t[1] = (struct shard_tenant){ 1, network[0], SHARD_NONE };
	assert_int_equal(shard_assign(t, 2, &n_shards), 0);
	assert_int_equal(n_shards, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(a_thousand_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
