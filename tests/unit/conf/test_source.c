#include "conf/source.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *raw, *text;
} rows[] = {
	{ "a = 1;\n", "a = 1;\n" },
	/* keys go, their lines stay */
	{ "psk = \"k\";\n", "psk = \"\x01"
			    "0\";\n" },
	{ "psk : \"a\\\"b\" ; x = \"y\";", "psk : \"\x01"
					   "0\";  x = \"y\";" },
	{ "psk = # a comment\n\"k\"\n\"l\"\n;", "psk = # a comment\n\"\x01"
						"0\"\n;\n" },
	{ "psk = \"k\nl\";", "psk = \"\x01"
			     "0\"\n;" },
	{ "psk = 5;", "psk = 5;" },
	{ "psk_x = \"k\";", "psk_x = \"k\";" },
	{ "x = \"psk = \\\"k\\\"\";", "x = \"psk = \\\"k\\\"\";" },
	{ "# psk = \"k\"\n// psk = \"k\"\n/* psk = \"k\" */",
	  "# psk = \"k\"\n// psk = \"k\"\n/* psk = \"k\" */" },
	/* what ends a string comes right behind it */
	{ "[ \"a\"\n]", "[ \"a\"]\n" },
	{ "[ \"a\" # c\n, \"b\" /* d\n */ ]", "[ \"a\", # c\n \"b\"] /* d\n */ " },
	{ "\"a\"\n\"b\"\n;", "\"a\"\n\"b\";\n" },
	/* numbers that might not fit */
	{ "a = 999999999;", "a = 999999999;" },
	{ "a = 1000000000;", "a = 1000000000L;" },
	{ "a = 4294967296L;", "a = 4294967296L;" },
	{ "a = 0xffffffff;", "a = 0xffffffffL;" },
	{ "a = 1234567890.5;", "a = 1234567890.5;" },
	{ "a = 12345678901e5;", "a = 12345678901e5;" },
	{ "a1234567890 = 1;", "a1234567890 = 1;" },
	/* broken text stays broken */
	{ "a = \"b", "a = \"b" },
	{ "a = \"b\\", "a = \"b\\" },
	{ "/* a", "/* a" },
	{ "psk = \"b", "psk = \"\x01"
		       "0\"" },
	{ "psk = \"b\\", "psk = \"\x01"
			 "0\"" },
	{ "psk", "psk" },
	{ "psk =", "psk =" },
	{ "", "" },
};

static void text_is_made_ready(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_source s;

		assert_int_equal(source_prepare(&s, rows[i].raw, strlen(rows[i].raw)), 0);
		/* Only blanks may differ in where they stand: lines are what counts. */
		assert_string_equal(s.text, rows[i].text);
		source_clear(&s);
	}
	assert_int_equal(secret_live(), 0);
}

static void marks_name_their_key(void **state)
{
	static const char raw[] = "psk = \"one\";\npsk = \"two\";";
	struct conf_source s;

	assert_int_equal(source_prepare(&s, raw, strlen(raw)), 0);
	assert_int_equal(s.n_secrets, 2);
	assert_int_equal(source_mark(&s, "\x01"
					 "1"),
			 1);
	assert_memory_equal(s.secret[1]->data, "two", 3);
	assert_int_equal(source_mark(&s, "\x01"
					 "2"),
			 -1);
	assert_int_equal(source_mark(&s, "\x01-1"), -1);
	assert_int_equal(source_mark(&s, "\x01"), -1);
	assert_int_equal(source_mark(&s, "1"), -1);
	assert_int_equal(source_mark(&s, ""), -1);
	source_clear(&s);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	static const struct {
		const char raw[16];
		size_t len;
		unsigned line;
	} bad[] = {
		{ "a\n\0b", 4, 2 },
		{ "\n\n\x01", 3, 3 },
		{ "\n@include \"x\"", 13, 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct conf_source s;

		assert_int_equal(source_prepare(&s, bad[i].raw, bad[i].len), -EINVAL);
		assert_int_equal(s.line, bad[i].line);
		assert_non_null(s.error);
		source_clear(&s);
	}
}

static int init(void **state)
{
	return secret_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_made_ready),
		cmocka_unit_test(marks_name_their_key),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
