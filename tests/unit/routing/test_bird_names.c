/* Names that we give to BIRD's protocols and tables, and read back. */
#include "tests/unit/unit.h"

#include "routing/bird_names.h"

#include <string.h>

static void written(void **state)
{
	char name[BIRD_NAME_BYTES];

	assert_string_equal(bird_protocol_name(name, 0, false), "tun_0");
	assert_string_equal(bird_protocol_name(name, UINT32_MAX, true), "tun6_4294967295");
	assert_string_equal(bird_table_name(name, 17, false), "gw_17");
	assert_string_equal(bird_table_name(name, UINT32_MAX, true), "gw6_4294967295");
}

static void read_back(void **state)
{
	static const struct {
		const char *name;
		bool ours, ipv6;
		uint32_t session;
	} cases[] = {
		{ "tun_0", true, false, 0 },  { "tun_12", true, false, 12 },
		{ "tun6_7", true, true, 7 },  { "tun_4294967295", true, false, UINT32_MAX },
		{ .name = "tun_4294967296" }, { .name = "tun_99999999999" },
		{ .name = "tun_01" },	      { .name = "tun6_" },
		{ .name = "tun_" },	      { .name = "tun6" },
		{ .name = "tun_1x" },	      { .name = "tun_-1" },
		{ .name = "tunn_1" },	      { .name = "xun_1" },
		{ .name = "gw_1" },	      { .name = "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t session;
		bool ipv6;

		if (bird_protocol_parse(cases[i].name, (unsigned)strlen(cases[i].name), &session,
					&ipv6) != cases[i].ours)
			fail_msg("%s", cases[i].name);
		if (cases[i].ours) {
			assert_int_equal(session, cases[i].session);
			assert_int_equal(ipv6, cases[i].ipv6);
		}
	}
}

static void strings(void **state)
{
	assert_true(bird_string_is_safe(""));
	assert_true(bird_string_is_safe("a key, with #; and \\"));
	assert_false(bird_string_is_safe("a\"; protocol x"));
	assert_false(bird_string_is_safe("a\nb"));
	assert_false(bird_string_is_safe("\x7f"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),
		cmocka_unit_test(read_back),
		cmocka_unit_test(strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
