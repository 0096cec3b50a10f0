#include "gateway/samples.h"

#include "gateway/clock.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY  (24 * 60)
#define T0   (20000u * DAY) /* a midnight */
#define MANY 10000

static char folder[64];
static struct samples *samples;

static int setup(void **state)
{
	strcpy(folder, "/tmp/isthmus-samples-XXXXXX");
	return mkdtemp(folder) ? samples_new(&samples, folder) : -1;
}

static unsigned files(glob_t *g)
{
	char pattern[96];

	snprintf(pattern, sizeof(pattern), "%s/*", folder);
	return glob(pattern, 0, NULL, g) == 0 ? (unsigned)g->gl_pathc : 0;
}

static int teardown(void **state)
{
	glob_t g = { 0 };

	samples_free(samples);
	samples = NULL;
	for (unsigned i = 0, n = files(&g); i < n; i++)
		unlink(g.gl_pathv[i]);
	globfree(&g);
	return rmdir(folder);
}

static void restart(void)
{
	samples_free(samples);
	assert_int_equal(samples_new(&samples, folder), 0);
}

static struct sample counters(uint64_t v)
{
	struct sample s;

	for (unsigned i = 0; i < SAMPLE_FIELD_COUNT; i++)
		s.v[i] = v * (i + 1);
	return s;
}

/* A row of the tunnels in names ("ab"), all with the same counters. */
static void row(uint32_t minute, const char *names, uint64_t v)
{
	struct sample s = counters(v);

	samples_begin(samples, minute);
	for (const char *n = names; *n; n++)
		assert_int_equal(samples_add(samples, (char[]){ *n, '\0' }, &s), 0);
	samples_end(samples);
	samples_flush(samples);
}

/* What is known of n minutes from first on: "5 - 7"; the first field, the others are checked. */
static const char *read_back(const char *tunnel, uint32_t first, unsigned n)
{
	static char text[512];
	struct sample *s = calloc(n, sizeof(*s));
	bool *known = calloc(n, sizeof(*known));
	struct samples_reader *r = samples_read(folder, tunnel, first, n, s, known);
	size_t at = 0;

	assert_non_null(r);
	while (samples_read_more(r))
		continue;
	samples_read_end(r);
	text[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		if (!known[i]) {
			at += (size_t)snprintf(text + at, sizeof(text) - at, "- ");
			continue;
		}
		for (unsigned f = 0; f < SAMPLE_FIELD_COUNT; f++)
			assert_int_equal(s[i].v[f], s[i].v[0] * (f + 1));
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%llu ",
				       (unsigned long long)s[i].v[0]);
	}
	free(s);
	free(known);
	return text;
}

static void numbers_keep_26_bits(void **state)
{
	static const uint64_t values[] = { 0, 1, 67108863, 67108864, 75000000000, UINT64_MAX / 2 };

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		uint64_t back = sample_unpack(sample_pack(values[i]));

		assert_true(back <= values[i] && values[i] - back <= values[i] >> 25);
		if (values[i] < 1 << 26)
			assert_int_equal(back, values[i]);
	}
}

static void a_row_has_what_the_minute_carried(void **state)
{
	row(T0 + 1, "ab", 100);
	row(T0 + 2, "ab", 105);
	row(T0 + 4, "ab", 112);
	row(T0 + 5, "ab", 3); /* counted anew */
	assert_string_equal(read_back("a", T0, 7), "- 100 5 - 7 3 - ");
	assert_string_equal(read_back("b", T0 + 2, 2), "5 - ");
	assert_string_equal(read_back("c", T0, 3), "- - - ");
}

static void tunnels_come_and_go(void **state)
{
	row(T0 + 1, "a", 10);
	row(T0 + 2, "cab", 20);
	row(T0 + 3, "c", 25);
	row(T0 + 4, "ba", 30);
	assert_string_equal(read_back("a", T0 + 1, 4), "10 10 - 10 ");
	assert_string_equal(read_back("b", T0 + 1, 4), "- 20 - 10 ");
	assert_string_equal(read_back("c", T0 + 1, 4), "- 20 5 - ");
}

static void they_survive_restarts_and_midnight(void **state)
{
	row(T0 + DAY - 2, "ab", 10);
	restart();
	row(T0 + DAY - 1, "ba", 7);
	row(T0 + DAY, "b", 9);
	row(T0 + DAY + 1, "xba", 11);
	assert_string_equal(read_back("a", T0 + DAY - 2, 4), "10 7 - 4 ");
	assert_string_equal(read_back("b", T0 + DAY - 2, 4), "10 7 2 2 ");
	assert_string_equal(read_back("x", T0 + DAY - 2, 4), "- - - 11 ");
}

static void what_is_too_old_is_deleted(void **state)
{
	glob_t g = { 0 };

	for (unsigned day = 0; day < 20; day++)
		row(T0 + day * DAY, "a", day + 1);
	/* The 14 days, the one that they begin in, and one that ends at their beginning. */
	assert_in_range(files(&g), 14, 16);
	globfree(&g);
	assert_string_equal(read_back("a", T0 + 19 * DAY, 1), "1 ");
	assert_string_equal(read_back("a", T0, 1), "- ");
	assert_string_equal(read_back("a", T0 + 6 * DAY, 1), "1 ");
}

/* A crash may leave any part of a file, and a disk any bytes: each minute is right or not known. */
static void what_is_torn_is_not_known(void **state)
{
	static const char whole[] = "10 10 10 10 ";
	static uint8_t bytes[4096], other[4096];
	glob_t g = { 0 };
	ssize_t size;
	int fd;

	for (unsigned i = 0; i < 4; i++)
		row(T0 + i, i < 2 ? "a" : "ba", 10 * (i + 1));
	assert_string_equal(read_back("a", T0, 4), whole);
	assert_int_equal(files(&g), 1);
	fd = open(g.gl_pathv[0], O_RDWR);
	size = read(fd, bytes, sizeof(bytes));
	assert_in_range(size, 200, sizeof(bytes) - 1);
	for (ssize_t cut = 0; cut < size; cut++) {
		const char *now;

		assert_int_equal(ftruncate(fd, cut), 0);
		now = read_back("a", T0, 4);
		/* "10 10 - - ": what is known is a beginning of the whole */
		assert_memory_equal(now, whole, strcspn(now, "-"));
		assert_int_equal(pwrite(fd, bytes, (size_t)size, 0), size);
	}
	for (ssize_t at = 0; at < size; at++) {
		memcpy(other, bytes, (size_t)size);
		other[at] ^= 0x5a;
		assert_int_equal(pwrite(fd, other, (size_t)size, 0), size);
		for (const char *w = read_back("a", T0, 4); *w; w += strcspn(w, " ") + 1)
			assert_true(strncmp(w, "10 ", 3) == 0 || strncmp(w, "- ", 2) == 0);
	}
	close(fd);
	globfree(&g);
}

static void ten_thousand_tunnels_fit_into_a_minute(void **state)
{
	uint64_t before = clock_now(), composed;
	struct stat st;
	glob_t g = { 0 };
	char name[32];

	for (unsigned k = 0; k < 3; k++) {
		struct sample s = counters(1000 * (k + 1));

		samples_begin(samples, T0 + k);
		for (unsigned i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "tunnel-%u", i);
			assert_int_equal(samples_add(samples, name, &s), 0);
		}
		samples_end(samples);
	}
	composed = clock_now() - before;
	samples_flush(samples);
	assert_int_equal(samples_lost(samples), 0);
	assert_string_equal(read_back("tunnel-9999", T0, 3), "1000 1000 1000 ");
	assert_int_equal(files(&g), 1);
	stat(g.gl_pathv[0], &st);
	print_message("%u tunnels: %.1f ms of main's a minute, %.1f bytes a tunnel and minute\n",
		      MANY, (double)composed / 3000, (double)st.st_size / 3 / MANY);
	assert_in_range(st.st_size / 3 / MANY, 28, 40);
	globfree(&g);
}

/* The disk takes no more, in the midst of a row and then at all: what is lost is counted, what was
 * there stays, and what comes after is known again. */
static void what_cannot_be_written_is_counted(void **state)
{
	struct rlimit most, full;
	struct stat st;
	glob_t g = { 0 };

	row(T0, "a", 10);
	assert_int_equal(files(&g), 1);
	assert_int_equal(stat(g.gl_pathv[0], &st), 0);
	globfree(&g);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &most), 0);
	full = (struct rlimit){ (rlim_t)st.st_size + 9, most.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	row(T0 + 1, "a", 20); /* nine bytes of it */
	assert_int_equal(samples_lost(samples), 1);
	full.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	row(T0 + 2, "a", 30);
	assert_int_equal(samples_lost(samples), 2);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
	row(T0 + 3, "a", 40);
	row(T0 + 4, "a", 50);
	assert_int_equal(samples_lost(samples), 2);
	assert_string_equal(read_back("a", T0, 5), "10 - - 10 10 ");
}

/* A name that was deleted is forgotten with the days, and may come back. */
static void deleted_ones_are_forgotten(void **state)
{
	row(T0, "ab", 10);
	row(T0 + DAY, "a", 20);
	row(T0 + 2 * DAY, "a", 30);
	row(T0 + 2 * DAY + 1, "ab", 40);
	assert_string_equal(read_back("a", T0 + 2 * DAY, 2), "10 10 ");
	assert_string_equal(read_back("b", T0 + 2 * DAY, 2),
			    "- 40 "); /* not 30 more than on day 0 */
}

#define WITH(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_keep_26_bits),
		WITH(a_row_has_what_the_minute_carried),
		WITH(tunnels_come_and_go),
		WITH(they_survive_restarts_and_midnight),
		WITH(what_is_too_old_is_deleted),
		WITH(what_is_torn_is_not_known),
		WITH(what_cannot_be_written_is_counted),
		WITH(deleted_ones_are_forgotten),
		WITH(ten_thousand_tunnels_fit_into_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
