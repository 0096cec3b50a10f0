#include "gateway/format.h"

#include "tests/unit/unit.h"

static const struct {
	uint64_t us;
	const char *text;
} ages[] = {
	{ 0, "0s" },
	{ 999999, "0s" },
	{ 59999999, "59s" },
	{ 60000000, "1m00s" },
	{ 192000000, "3m12s" },
	{ 3599000000, "59m59s" },
	{ 3600000000, "1h00m" },
	{ 14700000000, "4h05m" },
	{ 86400000000, "1d00h" },
	{ 31636800000000, "366d04h" },
};

static const struct {
	uint64_t value;
	const char *count, *bytes;
} numbers[] = {
	{ 0, "0", "0 B" },
	{ 999, "999", "999 B" },
	{ 1000, "1,000", "1000 B" },
	{ 1023, "1,023", "1023 B" },
	{ 1024, "1,024", "1.0 KiB" },
	{ 1536, "1,536", "1.5 KiB" },
	{ 1048575, "1,048,575", "1.0 MiB" },
	{ 123456789, "123,456,789", "117.7 MiB" },
	{ UINT64_MAX, "18,446,744,073,709,551,615", "16.0 EiB" },
};

static void numbers_are_readable(void **state)
{
	char buf[FORMAT_NUMBER_MAX];

	for (size_t i = 0; i < ARRAY_LEN(ages); i++)
		assert_string_equal(format_age(ages[i].us, buf), ages[i].text);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		assert_string_equal(format_count(numbers[i].value, buf), numbers[i].count);
		assert_string_equal(format_bytes(numbers[i].value, buf), numbers[i].bytes);
	}
}

static void suites_have_one_name_or_two(void **state)
{
	char buf[FORMAT_SUITE_MAX];

	assert_string_equal(format_suite(CIPHER_AES128_GCM, AUTH_NONE, buf), "aes128gcm");
	assert_string_equal(format_suite(CIPHER_AES256_CBC, AUTH_SHA384, buf), "aes256-sha384");
}

static const struct {
	const char *first, *last;
	uint16_t port_first, port_last;
	uint8_t protocol;
	const char *text;
} selectors[] = {
	{ "0.0.0.0", "255.255.255.255", 0, 65535, 0, "0.0.0.0/0" },
	{ "10.0.0.0", "10.0.255.255", 0, 65535, 0, "10.0.0.0/16" },
	{ "10.0.0.7", "10.0.0.7", 0, 65535, 0, "10.0.0.7/32" },
	{ "10.0.0.5", "10.0.0.9", 0, 65535, 0, "10.0.0.5-10.0.0.9" },
	{ "10.0.0.1", "10.0.0.2", 0, 65535, 6, "10.0.0.1-10.0.0.2 tcp" },
	{ "10.0.0.0", "10.0.0.255", 53, 53, 17, "10.0.0.0/24 udp/53" },
	{ "10.0.0.0", "10.0.0.255", 1000, 2000, 6, "10.0.0.0/24 tcp/1000-2000" },
	{ "10.0.0.0", "10.0.0.255", 80, 80, 0, "10.0.0.0/24 any/80" },
	{ "10.0.0.0", "10.0.0.255", 65535, 0, 17, "10.0.0.0/24 udp/opaque" },
	{ "10.0.0.0", "10.0.0.255", 0, 65535, 47, "10.0.0.0/24 47" },
	{ "2001:db8::", "2001:db8::ffff", 0, 65535, 58, "2001:db8::/112 icmpv6" },
};

static void selectors_are_prefixes_where_they_can(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(selectors); i++) {
		struct ike_selector s = { .port_first = selectors[i].port_first,
					  .port_last = selectors[i].port_last,
					  .protocol = selectors[i].protocol };
		char buf[FORMAT_SELECTOR_MAX];

		assert_true(addr_parse(&s.first, selectors[i].first));
		assert_true(addr_parse(&s.last, selectors[i].last));
		assert_string_equal(format_selector(&s, buf), selectors[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_readable),
		cmocka_unit_test(suites_have_one_name_or_two),
		cmocka_unit_test(selectors_are_prefixes_where_they_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
