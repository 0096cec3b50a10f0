/* Customers' configurations, word by word: those of client/cases.conf as the files beside it say.
 * With CLIENT_WRITE=1 the files are written instead. */
#include "gateway/client.h"

#include "conf/parse.h"
#include "gateway/client_text.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct conf *conf;

static char *read_file(const char *name, size_t *len)
{
	char path[512], *text = NULL;
	size_t room = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", CLIENT_FOLDER, name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	n = getdelim(&text, &room, '\0', f);
	fclose(f);
	*len = n > 0 ? (size_t)n : 0;
	return text;
}

static int setup(void **state)
{
	struct problem_list problems = { 0 };
	size_t len;
	char *text = read_file("cases.conf", &len);

	conf = conf_read("cases.conf", text, len, &problems);
	problem_print(&problems, stderr);
	problem_clear(&problems);
	free(text);
	return conf ? 0 : -1;
}

static int teardown(void **state)
{
	conf_free(conf);
	assert_int_equal(secret_live(), 0);
	return 0;
}

static const struct conf_vpn_connection *connection(const char *name)
{
	for (unsigned i = 0; i < conf->n_connections; i++)
		if (strcmp(conf->connection[i].name, name) == 0)
			return &conf->connection[i];
	fail_msg("no connection %s", name);
	return NULL;
}

static char *write_one(const char *name, const char *device, bool with_psk, int *rc, char why[512])
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	why[0] = '\0';
	*rc = client_config(conf, connection(name), NULL, client_device(device), with_psk, out, why,
			    512);
	fclose(out);
	return text;
}

/* Every group of lines begins with a comment that explains it. */
static void check_explained(const char *file, const char *text)
{
	bool first = true;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		bool blank = *line == '\n';

		if (first && !blank && !strchr("#!", line[strspn(line, " \t")]))
			fail_msg("%s: nothing explains '%.*s'", file, (int)strcspn(line, "\n"),
				 line);
		first = blank;
	}
}

static void test_every_line(void **state)
{
	static const char *const cases[] = { "plain", "shared", "old", "pairs", "cloud" };
	bool write = getenv("CLIENT_WRITE") != NULL;
	unsigned compared = 0;

	for (unsigned c = 0; c < ARRAY_LEN(cases); c++)
		for (unsigned d = 0; d < client_devices_n; d++) {
			char file[128], path[512], why[512], *text, *want;
			size_t len;
			int rc;

			text = write_one(cases[c], client_devices[d].name, false, &rc, why);
			assert_true(rc == 0 || rc == -ENOTSUP);
			if (rc < 0) {
				free(text);
				continue; /* see test_cannot */
			}
			snprintf(file, sizeof(file), "%s-%s.txt", cases[c], client_devices[d].name);
			check_explained(file, text);
			assert_null(strstr(text, "secret-"));
			assert_null(strstr(text, "-secret"));
			assert_null(strstr(text, ".secret"));
			snprintf(path, sizeof(path), "%s/%s", CLIENT_FOLDER, file);
			if (write) {
				FILE *f = fopen(path, "w");

				fputs(text, f);
				fclose(f);
			}
			want = read_file(file, &len);
			if (strcmp(text, want) != 0)
				print_error("%s is not what it was\n", file);
			assert_string_equal(text, want);
			compared++;
			free(want);
			free(text);
		}
	assert_int_equal(compared, 5 * client_devices_n - 7);
}

static void test_cannot(void **state)
{
	static const struct {
		const char *name, *device, *says;
	} rows[] = {
		{ "new", "cisco-ios",
		  "tunnel 'new-1': it has no ike_cipher 'chacha20poly1305'; add one that it has to the "
		  "tunnel: aes128 aes192 aes256 3des aes128gcm aes256gcm" },
		{ "odd", "strongswan",
		  "tunnel 'odd-1': this template is for identities and a ppk_id of plain letters, digits "
		  "and ._-@+:/=,%* only: set local_id, remote_id or ppk_id of the tunnel" },
		{ "plain", "aws",
		  "tunnel 'plain-1': it always has perfect forward secrecy: set esp_pfs of the tunnel, for "
		  "example to \"modp2048\"" },
		{ "new", "h3c-msr",
		  "tunnel 'new-1': it has no ike_cipher 'chacha20poly1305'; add one that it has to the "
		  "tunnel: aes128 aes192 aes256 3des" },
		{ "new", "isthmus",
		  "an Isthmus takes ASNs of 65001 to 65499 from its customers: give the connection "
		  "local_asn = 65400" },
		{ "new", "mikrotik",
		  "its IPsec is policy-based, so that routes learnt by BGP cannot choose a tunnel: write "
		  "bgp = false for the connection, with static routes to the customer, or let a router "
		  "behind it (or another device) speak BGP" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		char why[512];
		int rc;

		free(write_one(rows[i].name, rows[i].device, false, &rc, why));
		assert_int_equal(rc, -ENOTSUP);
		assert_string_equal(why, rows[i].says);
	}
}

/* Keys are there only if they are asked for, in a form that the device understands. */
static void test_keys(void **state)
{
	static const struct {
		const char *name, *device, *shown;
	} rows[] = {
		{ "plain", "cisco-ios", "  pre-shared-key plain-secret\n" },
		{ "plain", "strongswan", "    secret = \"plain-secret\"\n" },
		{ "shared", "fortigate", "            set password \"bgp-secret\"\n" },
		{ "new", "strongswan", "    secret = 0x6e657720736563726574\n" },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		for (int with = 0; with < 2; with++) {
			char why[512], *text;
			int rc;

			text = write_one(rows[i].name, rows[i].device, with, &rc, why);
			assert_int_equal(rc, 0);
			assert_int_equal(strstr(text, rows[i].shown) != NULL, with);
			free(text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_line),
		cmocka_unit_test(test_cannot),
		cmocka_unit_test(test_keys),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
