/* What is different between two models. */
#include "conf/diff.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "given.h"

static struct conf *built(const char *find, const char *put)
{
	char *text = find != NULL ? given_edited(given_text, find, put) : strdup(given_text);
	char *messages = NULL;
	struct conf *c = given_read(text, strlen(text), &messages);

	if (c == NULL)
		fail_msg("%s", messages);
	free(messages);
	free(text);
	return c;
}

static void note(void *ctx, const struct conf_difference *d)
{
	static const char sign[] = "+-~";

	fprintf(ctx, "%c %s '%s'", sign[d->deed], d->kind->word, d->name);
	if (d->field != NULL)
		fprintf(ctx, " %s: %s -> %s", d->field, d->was != NULL ? d->was : "",
			d->is != NULL ? d->is : "");
	fputc('\n', ctx);
}

static const struct {
	const char *find, *put, *says;
} rows[] = {
	{ NULL, NULL, "" },
	{ "dpd = 20", "dpd = 30", /* the second tunnel has the first one's */
	  "~ tunnel 'a' dpd: 20 -> 30\n~ tunnel 'b' dpd: 20 -> 30\n" },
	{ "psk = \"hush, hush\"", "psk = \"hush, you\"",
	  "~ tunnel 'a' psk: <secret> -> <secret>\n" },
	{ "dpd = 20", "dpd = 20; bgp_password = \"hush\"",
	  "~ tunnel 'a' bgp_password: none -> <secret>\n" },
	{ "vni = 1001", "vni = 7",
	  "~ attachment 'prod@bgw' vxlan.vni: 1001 -> 7\n"
	  "~ attachment 'prod@bgw' mac: \"02:41:be:66:77:85\" -> \"02:ae:b0:65:e1:dd\"\n" },
	{ "{ prefix = \"192.168.0.0/16\"; next_hop = \"dc1\"; }",
	  "{ prefix = \"192.168.0.0/17\"; next_hop = \"dc1\"; }",
	  "~ border-gateway 'bgw' static_routes: { prefix = \"192.168.0.0/16\"; next_hop = \"dc1\"; } "
	  "-> \n~ border-gateway 'bgw' static_routes:  -> { prefix = \"192.168.0.0/17\"; next_hop = "
	  "\"dc1\"; }\n" },
	{ "vpcs = ( {", "vpcs = ( { name = \"test\"; prefixes = \"10.7.0.0/16\"; }, {",
	  "+ vpc 'test'\n" },
	{ "cloud_addresses = [", "workers = { memory_mb = 99; }; cloud_addresses = [",
	  "~ gateway '' workers.memory_mb: 512 -> 99\n" },
};

static void differences_are_told(void **state)
{
	struct conf *was = built(NULL, NULL);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf *is = built(rows[i].find, rows[i].put);
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);
		int n = conf_diff(was, is, note, out);

		fclose(out);
		assert_string_equal(text, rows[i].says);
		for (const char *p = text; *p != '\0'; p = strchr(p, '\n') + 1)
			n--;
		assert_int_equal(n, 0);
		assert_int_equal(conf_diff(was, is, NULL, NULL) == 0, i == 0);
		free(text);
		conf_free(is);
	}
	conf_free(was);
}

static void what_was_added_was_removed_the_other_way(void **state)
{
	struct conf *was = built(NULL, NULL), *is;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	is = built("vpcs = ( {", "vpcs = ( { name = \"test\"; prefixes = \"10.7.0.0/16\"; }, {");
	assert_int_equal(conf_diff(is, was, note, out), 1);
	fclose(out);
	assert_string_equal(text, "- vpc 'test'\n");
	free(text);
	conf_free(is);
	conf_free(was);
}

static int init(void **state)
{
	return secret_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_are_told),
		cmocka_unit_test(what_was_added_was_removed_the_other_way),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
