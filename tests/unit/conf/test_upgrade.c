/* What an older version left on disk is read by this one: upgrade/ holds a configuration and a
 * state of each version of the state, as the first program that wrote it did. With UPGRADE_WRITE=1
 * those of the newest version are written, which is done once for each. */
#include "conf/edit.h"
#include "conf/secret.h"
#include "conf/state.h"
#include "conf/write.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEWEST 1

static char folder[64] = "/tmp/isthmus-upgrade-XXXXXX";

static void copy(const char *from, const char *to)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t n;
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");

	if (in == NULL || out == NULL)
		fail_msg("%s to %s: %s", from, to, strerror(errno));
	n = getdelim(&text, &room, EOF, in);
	assert_true(n > 0);
	assert_int_equal(fwrite(text, 1, (size_t)n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(to, 0600), 0);
	free(text);
}

static const char *at(const char *name, unsigned version)
{
	static char path[2][512];
	static unsigned turn;

	turn = 1 - turn;
	if (version == 0)
		snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	else
		snprintf(path[turn], sizeof(path[turn]), "%s/%u.%s", UPGRADE_FOLDER, version, name);
	return path[turn];
}

static bool holds(const char *path, const void *text, size_t len)
{
	char *all = NULL;
	size_t room = 0;
	ssize_t n;
	FILE *in = fopen(path, "r");
	bool found;

	assert_non_null(in);
	n = getdelim(&all, &room, EOF, in);
	fclose(in);
	found = n > 0 && memmem(all, (size_t)n, text, len) != NULL;
	free(all);
	return found;
}

static struct conf *start(void)
{
	struct problem_list problems = { 0 };
	struct conf *c = state_start(at("conf", 0), &problems);

	for (size_t i = 0; i < problems.n; i++)
		if (problems.v[i].level == PROBLEM_ERROR ||
		    strstr(problems.v[i].text, "state") != NULL)
			fail_msg("%s", problems.v[i].text);
	problem_clear(&problems);
	assert_non_null(c);
	return c;
}

/* An operator's change that was not saved, on top of what the file says. */
static void write_newest(void)
{
	static const char *const fields[] = { "addresses=198.51.100.77" };
	const struct conf_change change = { .verb = CONF_CREATE,
					    .kind = "customer-gateway",
					    .name = "unsaved",
					    .n = 1,
					    .field = fields };
	struct problem_list problems = { 0 };
	struct conf *c, *then;

	copy(at("conf", NEWEST), at("conf", 0));
	c = start();
	then = conf_edit(c, &change, &problems);
	assert_non_null(then);
	assert_int_equal(state_keep(then), 0);
	copy(at("conf.state", 0), at("state", NEWEST));
	problem_clear(&problems);
	conf_free(c);
	conf_free(then);
}

static void an_older_state_is_read(void **state)
{
	for (unsigned version = 1; version <= NEWEST; version++) {
		struct conf *c, *again;
		const struct conf_tunnel *t;

		copy(at("conf", version), at("conf", 0));
		copy(at("state", version), at("conf.state", 0));
		c = start();
		assert_true(c->unsaved);
		assert_string_equal(c->customer_gateway[c->n_customer_gateways - 1].name,
				    "unsaved");
		/* What was chosen for the operator then is what it is now. */
		t = &c->connection[c->n_connections - 1].tunnel[0];
		assert_string_equal(t->name, "auto-1");
		assert_int_equal(t->psk->len, 32);
		assert_true(holds(at("state", version), t->psk->data, 32));
		/* And this version's own state says the same. */
		assert_int_equal(state_keep(c), 0);
		again = start();
		assert_true(conf_same(c, again));
		conf_free(c);
		conf_free(again);
		unlink(at("conf.state", 0));
	}
}

static int init(void **state)
{
	if (secret_init() < 0 || mkdtemp(folder) == NULL)
		return -1;
	unsetenv("STATE_DIRECTORY");
	if (getenv("UPGRADE_WRITE") != NULL)
		write_newest();
	return 0;
}

static int end(void **state)
{
	unlink(at("conf", 0));
	unlink(at("conf.state", 0));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_state_is_read),
	};

	return cmocka_run_group_tests(tests, init, end);
}
