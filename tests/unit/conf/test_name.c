#include "conf/label.h"
#include "conf/name.h"

#include "tests/unit/unit.h"

#include <string.h>

static const struct {
	const char *name, *fault; /* NULL: a good name */
} rows[] = {
	{ "a", NULL },
	{ "dc1_Router-B", NULL },
	{ "gr\xc3\xb6\xc3\x9f"
	  "e",
	  NULL },
	{ "\xd0\x96\xd0\xb5\xd0\xbd\xd0\xb0", NULL },
	{ "\xe5\x8c\x97\xe4\xba\xac-1", NULL },
	{ "abcdefghijklmnopqrstuvwxyz012345", NULL },
	{ "abcdefghijklmnopqrstuvwxyz0123456", "is longer than 32 characters" },
	{ "", "is empty" },
	{ "a b", "holds a character that is not allowed" },
	{ "a.b", "holds a character that is not allowed" },
	{ "a/b", "holds a character that is not allowed" },
	{ "a\nb", "holds a character that is not allowed" },
	{ "\xe2\x82\xac", "holds a character that is not allowed" }, /* euro sign */
	{ "\xc2\xa0", "holds a character that is not allowed" },     /* no-break space */
	{ "\xe2\x80\xae", "holds a character that is not allowed" }, /* right-to-left override */
	{ "\xff", "is not UTF-8" },
	{ "\xc3", "is not UTF-8" },
	{ "\xc0\xaf", "is not UTF-8" },		/* longer than needed */
	{ "\xed\xa0\x80", "is not UTF-8" },	/* a surrogate */
	{ "\xf4\x90\x80\x80", "is not UTF-8" }, /* beyond Unicode */
};

static void names_follow_the_rule(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *fault = name_fault(rows[i].name);

		if (rows[i].fault == NULL)
			assert_null(fault);
		else
			assert_string_equal(fault, rows[i].fault);
	}
}

static void thirty_two_characters_of_any_script(void **state)
{
	char name[33 * 3 + 1] = "";

	for (int i = 0; i < 32; i++)
		strcat(name, "\xe5\x8c\x97");
	assert_null(name_fault(name));
	assert_int_equal(name_chars(name), 32);
	strcat(name, "\xe5\x8c\x97");
	assert_string_equal(name_fault(name), "is longer than 32 characters");
}

static void the_nearest_name_is_the_meant_one(void **state)
{
	static const char *const names[] = { "ike_cipher", "ike_auth",	 "ike_dh", "psk",
					     "dpd",	   "esp_cipher", "mtu" };
	static const struct {
		const char *typed;
		int nearest;
	} typed[] = {
		{ "ike_chipher", 0 }, { "ikecipher", 0 }, { "ike_atuh", 1 }, { "pks", 3 },
		{ "pdp", -1 },	      { "esp_ciper", 5 }, { "MTU", -1 },     { "bandwidth", -1 },
		{ "", -1 },	      { "ike_dhh", 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(typed); i++)
		assert_int_equal(name_nearest(typed[i].typed, names, ARRAY_LEN(names)),
				 typed[i].nearest);
}

static void labels_nest_and_are_cut_back(void **state)
{
	struct label l = { "" };
	size_t before;

	assert_int_equal(label_add(&l, "vpn_connection", "dc1", 1), 0);
	before = label_add(&l, "tunnel", NULL, 2);
	assert_string_equal(l.text, "vpn_connection 'dc1', tunnel #2");
	label_cut(&l, before);
	label_add(&l, "tunnel", "x", 0);
	assert_string_equal(l.text, "vpn_connection 'dc1', tunnel 'x'");
	for (int i = 0; i < 100; i++)
		label_add(&l, "tunnel", "a-rather-long-name-of-a-tunnel", 0);
	assert_int_equal(strlen(l.text), sizeof(l.text) - 1);
}

static void quoted_text_is_safe_for_a_terminal(void **state)
{
	char buf[160], longer[200];

	assert_string_equal(label_quote("a\x1b[2Jb\n", buf, sizeof(buf)), "'a\\x1b[2Jb\\x0a'");
	memset(longer, 'x', sizeof(longer));
	longer[199] = '\0';
	assert_int_equal(strlen(label_quote(longer, buf, sizeof(buf))), 64 + 5);
	memset(longer, 1, 199);
	assert_true(strlen(label_quote(longer, buf, sizeof(buf))) < sizeof(buf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_follow_the_rule),
		cmocka_unit_test(thirty_two_characters_of_any_script),
		cmocka_unit_test(the_nearest_name_is_the_meant_one),
		cmocka_unit_test(labels_nest_and_are_cut_back),
		cmocka_unit_test(quoted_text_is_safe_for_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
