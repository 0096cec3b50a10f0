#include "conf/model.h"

#include "tests/unit/unit.h"

#include <string.h>

static const struct {
	const char *text;
	int type; /* -1: refused */
	unsigned len;
	const char *canonical;
} identities[] = {
	{ "203.0.113.1", CONF_ID_IPV4, 4, "203.0.113.1" },
	{ "2001:DB8::1", CONF_ID_IPV6, 16, "2001:db8::1" },
	{ "gw.example.com", CONF_ID_FQDN, 14, "fqdn:gw.example.com" },
	{ "fqdn:10.0.0.1", CONF_ID_FQDN, 8, "fqdn:10.0.0.1" },
	{ "ops@example.com", CONF_ID_USER_FQDN, 15, "user_fqdn:ops@example.com" },
	{ "user_fqdn:ops", CONF_ID_USER_FQDN, 3, "user_fqdn:ops" },
	{ "key_id:branch-7", CONF_ID_KEY_ID, 8, "key_id:branch-7" },
	{ "key_id:0x00ff10", CONF_ID_KEY_ID, 3, "key_id:0x00ff10" },
	{ "key_id:0x00f", -1, 0, NULL },
	{ "key_id:0x", -1, 0, NULL },
	{ "key_id:", -1, 0, NULL },
	{ "", -1, 0, NULL },
	{ "two words", -1, 0, NULL },
	{ "tab\there", -1, 0, NULL },
};

static void identities_are_read_and_written(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(identities); i++) {
		struct conf_id id, again;
		char buf[300];

		assert_int_equal(conf_id_parse(&id, identities[i].text) == 0,
				 identities[i].type >= 0);
		if (identities[i].type < 0)
			continue;
		assert_int_equal(id.type, identities[i].type);
		assert_int_equal(id.len, identities[i].len);
		assert_string_equal(conf_id_format(&id, buf, sizeof(buf)), identities[i].canonical);
		assert_int_equal(conf_id_parse(&again, buf), 0);
		assert_memory_equal(&id, &again, sizeof(id));
	}
}

static void lengths_have_an_end(void **state)
{
	char text[CONF_ID_BYTES + 2];
	struct conf_id id;

	memset(text, 'a', sizeof(text));
	text[CONF_ID_BYTES] = '\0';
	assert_int_equal(conf_id_parse(&id, text), 0);
	text[CONF_ID_BYTES] = 'a';
	text[CONF_ID_BYTES + 1] = '\0';
	assert_int_not_equal(conf_id_parse(&id, text), 0);
}

static void what_a_peer_sends_cannot_reach_a_terminal(void **state)
{
	struct conf_id id = { .type = CONF_ID_FQDN, .len = 3, .data = { 'a', 0x1b, '[' } };
	char buf[300];

	assert_string_equal(conf_id_format(&id, buf, sizeof(buf)), "fqdn:0x611b5b");
	id.type = CONF_ID_IPV4;
	assert_string_equal(conf_id_format(&id, buf, sizeof(buf)), "(bad address, 3 bytes)");
	id.type = 200;
	assert_string_equal(conf_id_format(&id, buf, sizeof(buf)), "(unknown type)0x611b5b");
}

static void a_tunnel_is_copied_whole(void **state)
{
	struct conf_tunnel a = { .name = "t", .dpd = 7 }, b;
	size_t before = secret_live();

	a.psk = secret_from("secret", 6);
	assert_int_equal(conf_tunnel_copy(&b, &a), 0);
	conf_tunnel_clear(&a);
	assert_null(a.psk);
	assert_int_equal(b.dpd, 7);
	assert_memory_equal(b.psk->data, "secret", 6);
	conf_tunnel_clear(&b);
	assert_int_equal(secret_live(), before);
}

static int init(void **state)
{
	return secret_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities_are_read_and_written),
		cmocka_unit_test(lengths_have_an_end),
		cmocka_unit_test(what_a_peer_sends_cannot_reach_a_terminal),
		cmocka_unit_test(a_tunnel_is_copied_whole),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
