#include "conf/problem.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static void problems_come_out_in_file_order(void **state)
{
	struct problem_list l = { 0 };
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	char file[] = "a.conf";

	problem_add(&l, PROBLEM_ERROR, (struct conf_where){ file, 12 },
		    "vpn_connection 'dc1', tunnel 'dc1-a'", "dpd: %d is out of range", -1);
	problem_add(&l, PROBLEM_WARNING, (struct conf_where){ file, 3 }, NULL, "third line");
	problem_add(&l, PROBLEM_ERROR, (struct conf_where){ "b.conf", 1 }, "", "included");
	problem_add(&l, PROBLEM_ERROR, (struct conf_where){ file, 12 }, "ports",
		    "same line, later");
	problem_add(&l, PROBLEM_ERROR, (struct conf_where){ file, 0 }, NULL, "whole file");
	problem_add(&l, PROBLEM_ERROR, (struct conf_where){ NULL, 0 }, NULL, "from nowhere");
	memset(file, 'x', sizeof(file) - 1); /* the list kept its own copy */

	assert_int_equal(l.errors, 5);
	problem_print(&l, out);
	fclose(out);
	assert_string_equal(text, "a.conf: error: whole file\n"
				  "a.conf:3: warning: third line\n"
				  "a.conf:12: error: vpn_connection 'dc1', tunnel 'dc1-a': "
				  "dpd: -1 is out of range\n"
				  "a.conf:12: error: ports: same line, later\n"
				  "b.conf:1: error: included\n"
				  "error: from nowhere\n");
	free(text);
	problem_clear(&l);
	assert_int_equal(l.n + l.errors, 0);
	problem_clear(&l);
}

static void many_problems_fit(void **state)
{
	struct problem_list l = { 0 };

	for (unsigned i = 0; i < 1000; i++)
		problem_add(&l, PROBLEM_ERROR, (struct conf_where){ "f", i }, NULL, "number %u", i);
	assert_int_equal(l.n, 1000);
	assert_string_equal(l.v[999].text, "number 999");
	problem_clear(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(problems_come_out_in_file_order),
		cmocka_unit_test(many_problems_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
