#include "gateway/json.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

struct text {
	FILE *f;
	char *s;
	size_t n;
	struct json j;
};

static void open_text(struct text *t)
{
	t->f = open_memstream(&t->s, &t->n);
	assert_non_null(t->f);
	json_init(&t->j, t->f);
}

static void expect_text(struct text *t, const char *want)
{
	fclose(t->f);
	assert_string_equal(t->s, want);
	free(t->s);
}

static void commas_and_keys_stand_where_they_must(void **state)
{
	struct text t;

	open_text(&t);
	json_object(&t.j, NULL);
	json_uint(&t.j, "a", UINT64_MAX);
	json_array(&t.j, "b");
	json_uint(&t.j, NULL, 1);
	json_object(&t.j, NULL);
	json_close(&t.j);
	json_object(&t.j, NULL);
	json_bool(&t.j, "c", true);
	json_bool(&t.j, "d", false);
	json_close(&t.j);
	json_close(&t.j);
	json_null(&t.j, "e");
	json_string(&t.j, "f", NULL);
	json_real(&t.j, "g", 1.5);
	json_real(&t.j, "h", 1.0 / 0.0);
	json_close(&t.j);
	expect_text(&t, "{\"a\":18446744073709551615,\"b\":[1,{},{\"c\":true,\"d\":false}],"
			"\"e\":null,\"f\":null,\"g\":1.500,\"h\":null}");
}

static const struct {
	const char *value, *written;
} strings[] = {
	{ "", "\"\"" },
	{ "dc1-a", "\"dc1-a\"" },
	{ "say \"no\" \\ yes", "\"say \\\"no\\\" \\\\ yes\"" },
	{ "one\ntwo\tthree\r", "\"one\\ntwo\\tthree\\u000d\"" },
	{ "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
	{ "Zürich 東京 🌉", "\"Zürich 東京 🌉\"" },
	{ "\xff", "\"\\ufffd\"" },				    /* never in UTF-8 */
	{ "a\xc3", "\"a\\ufffd\"" },				    /* cut short */
	{ "\xc0\xaf", "\"\\ufffd\\ufffd\"" },			    /* overlong '/' */
	{ "\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"" },	    /* overlong, three bytes */
	{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },	    /* a surrogate */
	{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" }, /* above U+10FFFF */
	{ "\xe6\x9d", "\"\\ufffd\\ufffd\"" },
};

static void strings_are_escaped(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		struct text t;

		open_text(&t);
		json_string(&t.j, NULL, strings[i].value);
		expect_text(&t, strings[i].written);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_and_keys_stand_where_they_must),
		cmocka_unit_test(strings_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
