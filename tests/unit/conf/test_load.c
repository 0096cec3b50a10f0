/* Whole files: the example, many mistakes at once, files that are not to be trusted, and mutations.
 */
#include "conf/parse.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *example_path, *reference_path;

static char *slurp(const char *path, size_t *len)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t cap = 0;
	ssize_t n;

	assert_non_null(in);
	n = getdelim(&text, &cap, EOF, in);
	assert_true(n > 0);
	fclose(in);
	*len = (size_t)n;
	return text;
}

static void replace(char **text, const char *find, const char *put)
{
	char *at = strstr(*text, find), *out;

	if (at == NULL)
		fail_msg("the example has no \"%s\"", find ? find : "?");
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - *text), *text, put, at + strlen(find)) >
		    0);
	free(*text);
	*text = out;
}

static unsigned line_of(const char *text, const char *word)
{
	const char *at = strstr(text, word);
	unsigned line = 1;

	assert_non_null(at);
	for (const char *p = text; p < at; p++)
		line += *p == '\n';
	return line;
}

static void the_example_is_right(void **state)
{
	struct problem_list problems = { 0 };
	size_t len;
	char *text = slurp(example_path, &len);
	struct conf *c = conf_read("example.conf", text, len, &problems);

	assert_non_null(c);
	assert_int_equal(problems.n, 0); /* not even a warning */
	assert_int_equal(c->n_connections, 1);
	assert_int_equal(c->connection[0].tunnel[0].ike_cipher.id[0], CIPHER_AES256_GCM);
	conf_free(c);
	problem_clear(&problems);
	free(text);
}

static void assert_mentioned(const char *text, const struct field_object *kind)
{
	for (unsigned i = 0; i < kind->n_fields; i++) {
		const struct field *f = &kind->fields[i];
		char assigned[80], first[80];

		snprintf(assigned, sizeof(assigned), " %s = ", f->name);
		snprintf(first, sizeof(first), "\n%s = ", f->name);
		if (strstr(text, assigned) == NULL && strstr(text, first) == NULL)
			fail_msg("the reference says nothing of %s", f->name);
	}
}

static void the_reference_is_right_and_complete(void **state)
{
	const struct field_object *const kinds[] = { &parse_top,
						     &parse_workers,
						     &parse_port,
						     &parse_border_gateway,
						     &parse_vpc,
						     &parse_attachment,
						     &parse_customer_gateway,
						     &parse_connection,
						     &parse_tunnel,
						     &parse_underlay_route,
						     &parse_bird,
						     &parse_log,
						     &parse_metrics };
	size_t len;
	char *text = slurp(reference_path, &len), *messages = NULL;
	struct problem_list problems = { 0 };
	struct conf *c = conf_read("reference.conf", text, len, &problems);
	FILE *out = open_memstream(&messages, &len);

	problem_print(&problems, out);
	fclose(out);
	assert_string_equal(messages, ""); /* not even a warning */
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		assert_mentioned(text, kinds[i]);
	assert_int_equal(c->connection[0].tunnel[1].ike_dh.id[0], DH_X25519);
	conf_free(c);
	problem_clear(&problems);
	free(messages);
	free(text);
}

/* Each of another sort: kind, range, reference, name, missing, address. */
static const struct {
	const char *find, *put, *mark, *says;
} mistakes[] = {
	{ "next_hop = \"203.0.113.254\"", "next_hop = \"203.0.113.256\"", "203.0.113.256",
	  "port 'wan': next_hop = '203.0.113.256': must be an IPv4 address" },
	{ "lcores = [ 1 ]", "lcores = [ 1 ]; memory_mb = 1", "memory_mb",
	  "workers: memory_mb = 1: must be a number from 64 to 1048576 MiB" },
	{ "next_hop = \"dc1\"", "next_hop = \"dc7\"", "\"dc7\"",
	  "border_gateway 'bgw', static_route '192.168.0.0/16': next_hop = 'dc7': there is no "
	  "vpn_connection of this name; did you mean 'dc1'?" },
	{ "vni = 1001", "vni = \"1001\"", "vni = ",
	  "vpc_attachment 'prod', vxlan: vni = '1001': must be a whole number from 1 to 16777215" },
	{ "customer_ip = \"198.51.100.1\";", "", "name = \"dc1-a\"",
	  "vpn_connection 'dc1', tunnel 'dc1-a': customer_ip is missing: an address of the customer "
	  "gateway" },
	{ "esp_cipher = [", "esp_ciphre = [", "esp_ciphre",
	  "vpn_connection 'dc1', tunnel 'dc1-a': 'esp_ciphre': unknown name; did you mean "
	  "'esp_cipher'?" },
};

static void six_mistakes_are_six_messages(void **state)
{
	struct problem_list problems = { 0 };
	char *want = NULL, *messages = NULL;
	size_t len, n;
	char *text = slurp(example_path, &len);
	FILE *out = open_memstream(&want, &n);

	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++)
		replace(&text, mistakes[i].find, mistakes[i].put);
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		unsigned line = line_of(text, mistakes[i].mark);

		if (strstr(mistakes[i].says, "is missing") != NULL)
			line--; /* where the object begins */
		fprintf(out, "isthmus.conf:%u: error: %s\n", line, mistakes[i].says);
	}
	fclose(out);
	assert_null(conf_read("isthmus.conf", text, strlen(text), &problems));
	assert_int_equal(problems.errors, 6);
	out = open_memstream(&messages, &n);
	problem_print(&problems, out);
	fclose(out);
	assert_string_equal(messages, want);
	problem_clear(&problems);
	free(messages);
	free(want);
	free(text);
}

static void assert_refused(const char *path, const char *why)
{
	struct problem_list problems = { 0 };

	assert_null(conf_load(path, &problems));
	assert_int_equal(problems.errors, 1);
	if (strstr(problems.v[0].text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", problems.v[0].text, why);
	assert_string_equal(problems.v[0].where.file, path);
	problem_clear(&problems);
}

static void a_file_of_others_is_refused(void **state)
{
	static const mode_t loose[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0666, 0777 };
	char path[] = "/tmp/isthmus-conf-XXXXXX", fifo[sizeof(path) + 5];
	struct problem_list problems = { 0 };
	struct conf *c;
	size_t len;
	char *text = slurp(example_path, &len);
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	c = conf_load(path, &problems);
	assert_non_null(c);
	assert_string_equal(c->path, path);
	conf_free(c);
	for (size_t i = 0; i < ARRAY_LEN(loose); i++) {
		assert_int_equal(fchmod(fd, loose[i]), 0);
		assert_refused(path, "chmod 600");
	}
	if (geteuid() == 0) {
		assert_int_equal(fchmod(fd, 0600), 0);
		assert_int_equal(fchown(fd, 12345, (gid_t)-1), 0);
		assert_refused(path, "belongs to another user");
	}
	close(fd);
	unlink(path);
	assert_refused(path, "No such file");
	assert_refused("/", "not a regular file");
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_refused(fifo, "not a regular file");
	unlink(fifo);
	free(text);
}

static void an_empty_file_lacks_everything(void **state)
{
	struct problem_list problems = { 0 };

	assert_null(conf_read("t", "", 0, &problems));
	assert_int_equal(problems.errors, 2); /* ports, cloud_addresses */
	problem_clear(&problems);
}

/* ---- mutations ---- */

static uint64_t seed;

static uint32_t roll(uint32_t n) /* xorshift64*, below n */
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * UINT64_C(2685821657736338717)) >> 33) % n;
}

struct span {
	size_t start, len;
};

/* A token: a string, a word or number, or one sign. Comments are passed over. */
static struct span next_token(const char *text, size_t from)
{
	struct span s = { from, 0 };

	for (;;) {
		s.start += strspn(text + s.start, " \t\n");
		if (text[s.start] != '#')
			break;
		s.start += strcspn(text + s.start, "\n");
	}
	if (text[s.start] == '"')
		s.len = strnlen(text + s.start, strcspn(text + s.start + 1, "\"") + 2);
	else
		s.len = strcspn(text + s.start, " \t\n\"=;,(){}[]#");
	if (s.len == 0 && text[s.start] != '\0')
		s.len = 1;
	return s;
}

static unsigned tokens_of(const char *text, struct span *v, unsigned max)
{
	unsigned n = 0;

	for (size_t at = 0; n < max; n++) {
		v[n] = next_token(text, at);
		if (v[n].len == 0)
			break;
		at = v[n].start + v[n].len;
	}
	return n;
}

static const char *const junk[] = {
	"-1",
	"0",
	"1",
	"4294967296",
	"99999999999999999999999",
	"0x",
	"1e99",
	"true",
	"false",
	"\"\"",
	"\"x\"",
	"\"\xff\xfe\"",
	"\"10.0.0.0/33\"",
	"\"::1\"",
	"\"0.0.0.0/0\"",
	"\"dc1\"",
	"\"bgw\"",
	"\"a\\x00b\"",
	"{ }",
	"( )",
	"[ ]",
	"( { } )",
	"[ [ ] ]",
	"\"",
	"{",
	")",
	"=",
	";",
	"@include \"x\"",
	"/*",
	"//",
	"\x01",
	"psk",
	"psk = \"a\";",
	"\"aes128\" \"gcm\"",
	"name",
	"next_hop",
	"( ( ( ( ( 1 ) ) ) ) )",
	"2147483648L",
	"\"2001:db8::1/64\"",
	"mtu = 1;",
};

static char *mutate(const char *text)
{
	static struct span v[1000];
	unsigned n = tokens_of(text, v, ARRAY_LEN(v));
	struct span a, b;
	const char *put = "";
	char *out = NULL, copy[400];

	if (n == 0)
		return strdup(junk[roll(ARRAY_LEN(junk))]);
	a = v[roll(n)];
	b = v[roll(n)];
	snprintf(copy, sizeof(copy), "%.*s", (int)b.len, text + b.start);
	switch (roll(6)) {
	case 0: /* left out */
		break;
	case 1: /* another token of the file in its place */
		put = copy;
		break;
	case 2: /* cut off here */
		assert_true(asprintf(&out, "%.*s", (int)a.start, text) >= 0);
		return out;
	case 3: /* something put in before it */
		put = junk[roll(ARRAY_LEN(junk))];
		a.len = 0;
		break;
	case 4: /* one byte changed */
		snprintf(copy, sizeof(copy), "%.*s", (int)a.len, text + a.start);
		copy[roll((uint32_t)strlen(copy))] = (char)(1 + roll(255));
		put = copy;
		break;
	default: /* junk in its place */
		put = junk[roll(ARRAY_LEN(junk))];
		break;
	}
	assert_true(asprintf(&out, "%.*s %s %s", (int)a.start, text, put, text + a.start + a.len) >
		    0);
	return out;
}

static bool try_mutation(const char *text)
{
	struct problem_list problems = { 0 };
	struct conf *c = conf_read("mutated.conf", text, strlen(text), &problems);
	bool accepted = c != NULL;
	unsigned lines = 1;

	for (const char *p = text; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(accepted, problems.errors == 0);
	for (size_t i = 0; i < problems.n; i++) {
		assert_string_equal(problems.v[i].where.file, "mutated.conf");
		assert_in_range(problems.v[i].where.line, 1, lines);
		assert_true(strlen(problems.v[i].text) > 0);
		assert_null(strstr(problems.v[i].text, "replace-this"));
	}
	conf_free(c);
	problem_clear(&problems);
	return accepted;
}

#define ROUNDS 1500

static void mutations_never_crash(void **state)
{
	size_t len, live = secret_live();
	char *text = slurp(example_path, &len);
	unsigned accepted = 0;

	seed = 20;
	for (unsigned i = 0; i < ROUNDS; i++) {
		char *m = mutate(text);

		/* Two and three at once: mistakes that hide behind mistakes. */
		for (unsigned more = i % 3; more > 0; more--) {
			char *again = *m != '\0' ? mutate(m) : strdup("");

			free(m);
			m = again;
		}
		accepted += try_mutation(m);
		free(m);
		assert_int_equal(secret_live(), live);
	}
	/* Most mutations are mistakes, some are not; neither side may be empty. */
	assert_in_range(accepted, 1, ROUNDS / 2);
	free(text);
}

static void every_truncation_is_survived(void **state)
{
	size_t len;
	char *text = slurp(example_path, &len);

	for (size_t n = 0; n < len; n += 7) {
		char *cut = strndup(text, n);

		try_mutation(cut);
		free(cut);
	}
	free(text);
}

static int init(void **state)
{
	return secret_init();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_is_right),
		cmocka_unit_test(the_reference_is_right_and_complete),
		cmocka_unit_test(six_mistakes_are_six_messages),
		cmocka_unit_test(a_file_of_others_is_refused),
		cmocka_unit_test(an_empty_file_lacks_everything),
		cmocka_unit_test(mutations_never_crash),
		cmocka_unit_test(every_truncation_is_survived),
	};

	if (argc != 3)
		return 99;
	example_path = argv[1];
	reference_path = argv[2];
	return cmocka_run_group_tests(tests, init, NULL);
}
