#include "conf/addr.h"

#include "tests/unit/unit.h"

#include <string.h>

static const struct {
	const char *text, *canonical; /* NULL: refused */
} addresses[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "2001:DB8:0:0::1", "2001:db8::1" },
	{ "::", "::" },
	{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
	{ "", NULL },
	{ "192.0.2", NULL },
	{ "192.0.2.256", NULL },
	{ "192.0.2.1 ", NULL },
	{ "192.0.2.1/24", NULL },
	{ "2001:db8::1::2", NULL },
	{ "fe80::1%eth0", NULL },
	{ "localhost", NULL },
};

static void addresses_are_read_and_written(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct addr a = { .family = 99 };
		char buf[ADDR_STR_MAX];

		assert_int_equal(addr_parse(&a, addresses[i].text), addresses[i].canonical != NULL);
		if (addresses[i].canonical != NULL)
			assert_string_equal(addr_format(&a, buf), addresses[i].canonical);
		else
			assert_int_equal(a.family, 99);
	}
}

static const struct {
	const char *text, *canonical, *network, *first, *last;
} prefixes[] = {
	{ "10.0.0.0/16", "10.0.0.0/16", "10.0.0.0/16", "10.0.0.0", "10.0.255.255" },
	{ "10.1.2.3/12", "10.1.2.3/12", "10.0.0.0/12", "10.0.0.0", "10.15.255.255" },
	{ "10.1.2.3", "10.1.2.3/32", "10.1.2.3/32", "10.1.2.3", "10.1.2.3" },
	{ "10.1.2.3/31", "10.1.2.3/31", "10.1.2.2/31", "10.1.2.2", "10.1.2.3" },
	{ "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255" },
	{ "::/0", "::/0", "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "2001:db8::1/126", "2001:db8::1/126", "2001:db8::/126", "2001:db8::", "2001:db8::3" },
	{ "2001:db8::1", "2001:db8::1/128", "2001:db8::1/128", "2001:db8::1", "2001:db8::1" },
	{ "10.0.0.0/33", NULL, NULL, NULL, NULL },
	{ "10.0.0.0/", NULL, NULL, NULL, NULL },
	{ "10.0.0.0/08", NULL, NULL, NULL, NULL },
	{ "10.0.0.0/+8", NULL, NULL, NULL, NULL },
	{ "10.0.0.0/8x", NULL, NULL, NULL, NULL },
	{ "10.0.0.0/4294967304", NULL, NULL, NULL, NULL },
	{ "2001:db8::/129", NULL, NULL, NULL, NULL },
	{ "/8", NULL, NULL, NULL, NULL },
	{ "10.0.0.0/255.0.0.0", NULL, NULL, NULL, NULL },
};

static void prefixes_are_read_and_written(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		char buf[PREFIX_STR_MAX];
		struct prefix p, net;
		struct addr a;

		assert_int_equal(prefix_parse(&p, prefixes[i].text), prefixes[i].canonical != NULL);
		if (prefixes[i].canonical == NULL)
			continue;
		assert_string_equal(prefix_format(&p, buf), prefixes[i].canonical);
		net = prefix_network(&p);
		assert_string_equal(prefix_format(&net, buf), prefixes[i].network);
		assert_int_equal(prefix_is_network(&p), prefix_equal(&p, &net));
		a = prefix_first(&p);
		assert_string_equal(addr_format(&a, buf), prefixes[i].first);
		a = prefix_last(&p);
		assert_string_equal(addr_format(&a, buf), prefixes[i].last);
		assert_true(prefix_contains(&p, &a));
	}
}

static const struct {
	const char *a, *b;
	bool a_covers_b, b_covers_a;
} pairs[] = {
	{ "10.0.0.0/8", "10.1.0.0/16", true, false },
	{ "10.0.0.0/8", "10.0.0.0/8", true, true },
	{ "10.0.0.0/9", "10.128.0.0/9", false, false },
	{ "0.0.0.0/0", "10.0.0.0/8", true, false },
	{ "0.0.0.0/0", "::/0", false, false },
	{ "2001:db8::/32", "2001:db8:1::/48", true, false },
	{ "10.0.0.0/15", "10.1.0.0/16", true, false },
	{ "10.0.0.0/15", "10.2.0.0/16", false, false },
};

static void cover_and_overlap(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct prefix a, b;

		assert_true(prefix_parse(&a, pairs[i].a) && prefix_parse(&b, pairs[i].b));
		assert_int_equal(prefix_covers(&a, &b), pairs[i].a_covers_b);
		assert_int_equal(prefix_covers(&b, &a), pairs[i].b_covers_a);
		assert_int_equal(prefix_overlaps(&a, &b),
				 pairs[i].a_covers_b || pairs[i].b_covers_a);
	}
}

static void numbers_and_order(void **state)
{
	static const char *const ascending[] = { "0.0.0.1", "10.0.0.0", "127.0.0.1", "200.0.0.0",
						 "::",	    "::1",	"2001:db8::" };
	struct addr a = addr_ipv4(0x0a000102), b;
	char buf[ENDPOINT_STR_MAX];

	assert_string_equal(addr_format(&a, buf), "10.0.1.2");
	assert_int_equal(addr_to_ipv4(&a), 0x0a000102);
	for (size_t i = 0; i + 1 < ARRAY_LEN(ascending); i++) {
		assert_true(addr_parse(&a, ascending[i]) && addr_parse(&b, ascending[i + 1]));
		assert_true(addr_compare(&a, &b) < 0);
		assert_true(addr_compare(&b, &a) > 0);
		assert_int_equal(addr_compare(&a, &a), 0);
	}
	assert_string_equal(endpoint_format(&(struct endpoint){ b, 4500 }, buf),
			    "[2001:db8::]:4500");
	assert_string_equal(endpoint_format(&(struct endpoint){ addr_ipv4(0xc0000201), 500 }, buf),
			    "192.0.2.1:500");
}

static void kinds_of_address(void **state)
{
	static const struct {
		const char *text;
		bool unspecified, multicast;
	} rows[] = {
		{ "0.0.0.0", true, false },	     { "::", true, false },
		{ "224.0.0.1", false, true },	     { "239.255.255.255", false, true },
		{ "255.255.255.255", false, true },  { "240.0.0.1", false, false },
		{ "223.255.255.255", false, false }, { "ff02::1", false, true },
		{ "fe80::1", false, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;

		assert_true(addr_parse(&a, rows[i].text));
		assert_int_equal(addr_is_unspecified(&a), rows[i].unspecified);
		assert_int_equal(addr_is_multicast(&a), rows[i].multicast);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(prefixes_are_read_and_written),
		cmocka_unit_test(cover_and_overlap),
		cmocka_unit_test(numbers_and_order),
		cmocka_unit_test(kinds_of_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
