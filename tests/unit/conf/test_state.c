/* What runs is kept: over restarts, kills at every moment, torn files and edited ones. */
#include "conf/edit.h"
#include "conf/parse.h"
#include "conf/state.h"
#include "conf/write.h"

#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "given.h"

/* ---- the kernel, seen and cut short -------------------------------------------------------- */

static char calls[400]; /* what was called, one word each */
static long life = -1;	/* calls until the process is killed; -1: it is not */
static int failing;	/* errno of the calls of this name, but for the first few */
static const char *fails = "";
static int spared;

int __real_open64(const char *path, int flags, mode_t mode);
ssize_t __real_write(int fd, const void *data, size_t len);
int __real_close(int fd);
int __real_link(const char *from, const char *to);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_open64(const char *path, int flags, mode_t mode);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_fsync(int fd);
int __wrap_link(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);

static bool called(const char *name)
{
	if (strlen(calls) + strlen(name) + 2 < sizeof(calls))
		strcat(strcat(calls, name), " ");
	if (life > 0 && --life == 0)
		_exit(9); /* as after SIGKILL: nothing is flushed or freed */
	if (strcmp(fails, name) != 0 || spared-- > 0)
		return true;
	errno = failing;
	return false;
}

int __wrap_open64(const char *path, int flags, mode_t mode)
{
	bool draft = (flags & O_CREAT) != 0;

	if (!called(draft ? "create" : (flags & O_DIRECTORY) != 0 ? "folder" : "open"))
		return -1;
	return __real_open64(path, flags, mode);
}

/* Half of it first: a kill in between leaves a torn draft. */
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	if (!called("write"))
		return -1;
	return __real_write(fd, data, len > 4096 ? len / 2 : len);
}

/* Not to disk in truth: the machine does not fail here. */
int __wrap_fsync(int fd)
{
	return called("fsync") ? 0 : -1;
}

int __wrap_link(const char *from, const char *to)
{
	return called("link") ? __real_link(from, to) : -1;
}

int __wrap_rename(const char *from, const char *to)
{
	return called("rename") ? __real_rename(from, to) : -1;
}

int __wrap_unlink(const char *path)
{
	return called("unlink") ? __real_unlink(path) : -1;
}

/* ---- a gateway's life ---------------------------------------------------------------------- */

static char folder[] = "/tmp/isthmus-state-XXXXXX";
static char file[64], state[80];

static void put(const char *path, const char *text, size_t len)
{
	int fd = __real_open64(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(__real_write(fd, text, len), len);
	close(fd);
}

static void clear(void)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[400];

	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		__real_unlink(path);
	}
	closedir(d);
}

static char *slurp(const char *path, size_t *len)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	if (in == NULL)
		return NULL;
	*len = (size_t)getdelim(&text, &room, EOF, in);
	fclose(in);
	return text;
}

static void first_day(void)
{
	clear();
	put(file, given_text, strlen(given_text));
}

static struct conf *start(char **messages)
{
	struct problem_list problems = { 0 };
	struct conf *c = state_start(file, &problems);
	size_t n;
	FILE *out = open_memstream(messages, &n);

	problem_print(&problems, out);
	fclose(out);
	problem_clear(&problems);
	return c;
}

static struct conf *started(void)
{
	char *messages = NULL;
	struct conf *c = start(&messages);

	if (c == NULL)
		fail_msg("%s", messages);
	free(messages);
	return c;
}

static struct conf *create(struct conf *now, unsigned i)
{
	char name[20];
	const char *const field[] = { "addresses=198.51.100.9" };
	struct conf_change change = { .verb = CONF_CREATE,
				      .kind = "customer-gateway",
				      .name = name,
				      .n = 1,
				      .field = field };
	struct problem_list problems = { 0 };
	struct conf *then;

	snprintf(name, sizeof(name), "new-%u", i);
	then = conf_edit(now, &change, &problems);
	assert_non_null(then);
	problem_clear(&problems);
	conf_free(now);
	return then;
}

static bool has(const struct conf *c, unsigned i)
{
	char name[20];

	snprintf(name, sizeof(name), "new-%u", i);
	for (unsigned k = 0; k < c->n_customer_gateways; k++)
		if (strcmp(c->customer_gateway[k].name, name) == 0)
			return true;
	return false;
}

static char *text_of(const struct conf *c)
{
	struct conf_source source;
	char *text;

	assert_int_equal(conf_write(c, NULL, &source), 0);
	text = source.text;
	source.text = NULL;
	source_clear(&source);
	return text;
}

static void what_runs_comes_back(void **state_)
{
	struct conf *c, *again;
	char *before, *after, *messages;

	first_day();
	c = create(started(), 0);
	assert_true(c->unsaved);
	assert_int_equal(state_keep(c), 0);
	again = start(&messages);
	assert_string_equal(messages, "");
	assert_true(again->unsaved);
	assert_true(conf_same(c, again));
	assert_true(has(again, 0));
	before = text_of(c);
	after = text_of(again);
	assert_string_equal(before, after);
	assert_string_equal(again->path, file);
	conf_free(c);
	conf_free(again);
	free(messages);
	free(before);
	free(after);
}

static void chosen_keys_and_addresses_come_back(void **state_)
{
	char *text = given_edited(given_text, "      psk = \"hush, hush\"; } )", "      } )");
	struct conf *c, *again;

	clear();
	put(file, text, strlen(text));
	c = started();
	assert_int_equal(state_keep(c), 0);
	again = started();
	assert_memory_equal(c->connection[0].tunnel[1].psk->data,
			    again->connection[0].tunnel[1].psk->data, 32);
	assert_false(again->unsaved);
	conf_free(c);
	conf_free(again);
	free(text);
}

static void the_order_of_writing(void **state_)
{
	struct stat st;
	struct conf *c;

	first_day();
	c = started();
	calls[0] = '\0';
	assert_int_equal(state_keep(c), 0);
	assert_string_equal(
		calls, "folder unlink unlink create write fsync link rename fsync unlink unlink ");
	assert_int_equal(stat(state, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	conf_free(c);
}

/* In the order of writing; the second fsync is the folder's. */
static const struct {
	const char *call;
	int spared;
} steps[] = { { "folder", 0 }, { "unlink", 0 }, { "create", 0 }, { "write", 0 },
	      { "fsync", 0 },  { "link", 0 },	{ "rename", 0 }, { "fsync", 1 } };

static void fail_at(size_t step)
{
	fails = steps[step].call;
	spared = steps[step].spared;
	failing = ENOSPC;
}

static void a_failure_leaves_the_old_state(void **state_)
{
	struct conf *c, *again;

	first_day();
	c = create(started(), 0);
	assert_int_equal(state_keep(c), 0);
	c = create(c, 1);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		fail_at(i);
		assert_int_equal(state_keep(c), -ENOSPC);
		fails = "";
		again = started();
		if (!has(again, 0) || has(again, 1))
			fail_msg("%s %d failed: not the old state", steps[i].call, steps[i].spared);
		assert_true(again->unsaved);
		conf_free(again);
	}
	assert_int_equal(state_keep(c), 0);
	again = started();
	assert_true(has(again, 1));
	conf_free(again);
	conf_free(c);
}

/* The same where there was no state yet, and of the file that is saved to. */
static void a_failure_leaves_what_there_was(void **state_)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		char *before, *after;
		size_t len;
		struct conf *c;

		first_day();
		before = slurp(file, &len);
		c = create(started(), 0);
		if (strcmp(steps[i].call, "link") != 0) { /* of what is not there it may fail */
			fail_at(i);
			assert_int_equal(state_keep(c), -ENOSPC);
			fails = "";
			assert_int_equal(access(state, F_OK), -1);
		}
		assert_int_equal(state_keep(c), 0);
		fail_at(i);
		if (strcmp(steps[i].call, "unlink") == 0)
			spared++; /* of the old copy */
		if (strcmp(steps[i].call, "link") == 0)
			spared++;
		assert_int_equal(state_save(c, false), -ENOSPC);
		fails = "";
		assert_true(c->unsaved);
		after = slurp(file, &len);
		assert_string_equal(before, after);
		free(before);
		free(after);
		conf_free(c);
	}
}

/* Creates two objects, keeps each and tells that it is kept, and perhaps saves. */
static void live(int told, long calls_to_live, unsigned first, bool saves)
{
	struct conf *c = started();

	life = calls_to_live;
	for (unsigned i = first; i < first + 2; i++) {
		uint8_t ack = (uint8_t)i;

		c = create(c, i);
		if (state_keep(c) != 0)
			_exit(1);
		__real_write(told, &ack, 1);
	}
	_exit(saves && state_save(c, false) != 0 ? 1 : 0);
}

/* One life, on top of what earlier ones left. True: it was cut short. */
static bool killed_after(long n, unsigned first, bool saves)
{
	int told[2], status;
	unsigned acknowledged = first;
	struct conf *c;
	char *messages;
	uint8_t ack;
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		live(told[1], n, first, saves);
	close(told[1]);
	while (read(told[0], &ack, 1) == 1)
		acknowledged = ack + 1u;
	close(told[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	c = start(&messages);
	if (c == NULL || messages[0] != '\0')
		fail_msg("killed after %ld calls: %s", n, messages);
	for (unsigned i = 0; i < acknowledged; i++)
		if (!has(c, i))
			fail_msg("killed after %ld calls: object %u is lost", n, i);
	assert_false(has(c, acknowledged + 1)); /* one may be more than was told, not two */
	conf_free(c);
	free(messages);
	assert_true(WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0);
	return WEXITSTATUS(status) == 9;
}

/* As it was before the life that was cut short. */
static void restore(char *const text[2], const size_t len[2])
{
	clear();
	put(file, text[0], len[0]);
	if (text[1] != NULL)
		put(state, text[1], len[1]);
}

static void a_kill_loses_nothing_that_was_acknowledged(void **state_)
{
	unsigned points = 0;

	first_day();
	for (unsigned life_ = 0; points < 200; life_++) {
		char *text[2];
		size_t len[2] = { 0 };
		long n = 1;

		text[0] = slurp(file, &len[0]);
		text[1] = slurp(state, &len[1]);
		while (killed_after(n, 2 * life_, life_ % 2 == 0)) {
			restore(text, len);
			points++;
			n++;
		}
		free(text[0]);
		free(text[1]);
	}
}

/* ---- states that are no good --------------------------------------------------------------- */

static void spoil(const char *how, char *text, size_t *len)
{
	if (strcmp(how, "cut") == 0)
		*len /= 2;
	else if (strcmp(how, "empty") == 0)
		*len = 0;
	else if (strcmp(how, "bit") == 0)
		text[*len / 2] ^= 1;
	else if (strcmp(how, "version") == 0)
		strstr(text, "state 1")[6] = '2';
	else if (strcmp(how, "foreign") == 0)
		memcpy(text,
		       "\x7f"
		       "ELF",
		       4);
	else if (strcmp(how, "changed") == 0)
		memcpy(strstr(text, " changed "), " saved   ", 9);
}

static const struct {
	const char *how, *says;
} bad[] = {
	{ "cut", "the state is torn" },
	{ "empty", "the state is empty" },
	{ "bit", "the state is torn, or was changed by hand" },
	{ "changed", "the state is torn" },
	{ "version", "the state was written by another version of isthmus" },
	{ "foreign", "the state is no state of isthmus" },
};

static void a_bad_state_is_refused_and_kept(void **state_)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[65536], *messages, *copy;
		struct conf *c;
		size_t len;
		FILE *in;

		first_day();
		c = create(started(), 0);
		assert_int_equal(state_keep(c), 0);
		conf_free(c);
		in = fopen(state, "r");
		len = fread(text, 1, sizeof(text) - 1, in);
		text[len] = '\0';
		fclose(in);
		spoil(bad[i].how, text, &len);
		put(state, text, len);
		c = start(&messages);
		assert_non_null(c);
		assert_false(has(c, 0));
		if (strstr(messages, bad[i].says) == NULL)
			fail_msg("%s: %s", bad[i].how, messages);
		copy = strstr(messages, "it is kept as ");
		assert_non_null(copy);
		copy += strlen("it is kept as ");
		copy[strcspn(copy, ",")] = '\0';
		assert_int_equal(access(copy, R_OK), 0);
		assert_null(strstr(messages, "hush"));
		conf_free(c);
		free(messages);
	}
}

static void an_edited_file_counts(void **state_)
{
	char *text = given_edited(given_text, "dpd = 20", "dpd = 30"), *messages, *name;
	struct conf *c;

	first_day();
	c = create(started(), 0);
	assert_int_equal(state_keep(c), 0);
	assert_true(state_is_current(c));
	put(file, text, strlen(text));
	assert_false(state_is_current(c));
	assert_int_equal(state_save(c, false), -ESTALE);
	conf_free(c);
	c = start(&messages);
	assert_int_equal(c->connection[0].tunnel[0].dpd, 30);
	assert_false(has(c, 0));
	assert_false(c->unsaved);
	name = strstr(messages, "the changes are kept in ");
	assert_non_null(name);
	name += strlen("the changes are kept in ");
	name[strcspn(name, "\n")] = '\0';
	assert_int_equal(access(name, R_OK), 0);
	conf_free(c);
	free(messages);
	free(text);
}

/* Whatever becomes of the state, it stays, and is a configuration by itself. */
static void what_is_discarded_stays_aside(void **state_)
{
	struct problem_list problems = { 0 };
	struct conf *c, *file_, *aside;
	char name[200], twin[200];

	first_day();
	c = create(started(), 0);
	assert_int_equal(state_keep(c), 0);
	assert_int_equal(state_keep_aside(c, name, sizeof(name)), 0);
	assert_int_equal(state_keep_aside(c, twin, sizeof(twin)), 0);
	assert_string_not_equal(name, twin);
	file_ = conf_load(file, &problems);
	assert_int_equal(state_keep(file_), 0);
	aside = conf_load(name, &problems);
	assert_int_equal(problems.n, 0);
	assert_true(conf_same(c, aside));
	conf_free(aside);
	aside = started();
	assert_false(has(aside, 0));
	conf_free(aside);
	strcpy(c->state_directory, "");
	assert_int_equal(state_keep_aside(c, name, sizeof(name)), 0);
	assert_string_equal(name, "");
	conf_free(file_);
	conf_free(c);
}

static void a_saved_file_says_what_runs(void **state_)
{
	struct conf *c, *again;
	struct problem_list problems = { 0 };
	char path[100];
	struct stat st;

	first_day();
	c = create(started(), 0);
	assert_int_equal(state_save(c, false), 0);
	assert_false(c->unsaved);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s.old", file);
	assert_int_equal(access(path, R_OK), 0);
	__real_unlink(state); /* the file alone */
	again = conf_load(file, &problems);
	assert_int_equal(problems.n, 0);
	assert_true(conf_same(c, again));
	conf_free(again);
	conf_free(c);
}

/* A link, as of a configuration that lies in a repository, stays one. */
static void a_link_is_saved_through(void **state_)
{
	char target[100], path[120];
	struct stat st;
	struct conf *c;
	size_t len;
	char *text;

	first_day();
	snprintf(target, sizeof(target), "%s/target.conf", folder);
	assert_int_equal(__real_rename(file, target), 0);
	assert_int_equal(symlink("target.conf", file), 0);
	c = create(started(), 0);
	assert_int_equal(state_save(c, false), 0);
	assert_int_equal(lstat(file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat(target, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	text = slurp(target, &len);
	assert_non_null(strstr(text, c->customer_gateway[c->n_customer_gateways - 1].name));
	free(text);
	snprintf(path, sizeof(path), "%s.old", target);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));

	/* One that leads nowhere is not replaced by a file either. */
	assert_int_equal(__real_unlink(target), 0);
	assert_int_equal(state_save(c, true), -ENOENT);
	assert_int_equal(lstat(file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	conf_free(c);
}

static void where_the_state_lies(void **state_)
{
	struct conf c = { .path = file };
	char *path;

	strcpy(c.state_directory, "auto");
	path = state_path(&c);
	assert_string_equal(path, state);
	free(path);
	setenv("STATE_DIRECTORY", "/var/lib/isthmus:/other", 1);
	path = state_path(&c);
	assert_string_equal(path, "/var/lib/isthmus/isthmus.conf.state");
	free(path);
	unsetenv("STATE_DIRECTORY");
	strcpy(c.state_directory, "/srv");
	path = state_path(&c);
	assert_string_equal(path, "/srv/isthmus.conf.state");
	free(path);
	strcpy(c.state_directory, "");
	assert_null(state_path(&c));
	assert_int_equal(state_keep(&c), 0);
}

static int init(void **state_)
{
	unsetenv("STATE_DIRECTORY");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/isthmus.conf", folder);
	snprintf(state, sizeof(state), "%s.state", file);
	return secret_init();
}

static int leave(void **state_)
{
	clear();
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_runs_comes_back),
		cmocka_unit_test(chosen_keys_and_addresses_come_back),
		cmocka_unit_test(the_order_of_writing),
		cmocka_unit_test(a_failure_leaves_the_old_state),
		cmocka_unit_test(a_failure_leaves_what_there_was),
		cmocka_unit_test(a_kill_loses_nothing_that_was_acknowledged),
		cmocka_unit_test(a_bad_state_is_refused_and_kept),
		cmocka_unit_test(an_edited_file_counts),
		cmocka_unit_test(what_is_discarded_stays_aside),
		cmocka_unit_test(a_saved_file_says_what_runs),
		cmocka_unit_test(a_link_is_saved_through),
		cmocka_unit_test(where_the_state_lies),
	};

	return cmocka_run_group_tests(tests, init, leave);
}
