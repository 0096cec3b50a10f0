#include "ike/identity.h"

#include "tests/unit/ike/hex.h"

#include <errno.h>
#include <string.h>

/* Body of an ID payload: what it says, and how it looks in a log. */
static const struct {
	const char *body;
	int rc;
	uint8_t type;
	const char *text;
} bodies[] = {
	{ "01000000 c0000201", 0, IKE_ID_IPV4_ADDR, "192.0.2.1" },
	{ "01ffffff c0000201", 0, IKE_ID_IPV4_ADDR, "192.0.2.1" }, /* reserved: ignored */
	{ "05000000 20010db8000000000000000000000001", 0, IKE_ID_IPV6_ADDR, "2001:db8::1" },
	{ "02000000 67772e6578616d706c652e636f6d", 0, IKE_ID_FQDN, "gw.example.com" },
	{ "03000000 61406578616d706c65", 0, IKE_ID_RFC822_ADDR, "a@example" },
	{ "0b000000 00ff1b5b41", 0, IKE_ID_KEY_ID, "\\x00\\xff\\x1b[A" },
	{ "0b000000 5c6e", 0, IKE_ID_KEY_ID, "\\x5cn" },
	{ "09000000 3003", 0, IKE_ID_DER_ASN1_DN, "0\\x03" },
	{ "c8000000 61", 0, 200, "a" },
	{ "", -EBADMSG, 0, NULL },
	{ "02", -EBADMSG, 0, NULL },
	{ "02000000", -EBADMSG, 0, NULL }, /* a name without a character */
	{ "01000000 c00002", -EBADMSG, 0, NULL },
	{ "01000000 c000020101", -EBADMSG, 0, NULL },
	{ "05000000 c0000201", -EBADMSG, 0, NULL },
};

static void bodies_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct hex h = hex(bodies[i].body);
		struct ike_identity id;
		char text[128];

		memset(&id, 0xff, sizeof(id));
		assert_int_equal(ike_identity_parse(&id, (struct view){ h.b, h.n }), bodies[i].rc);
		/* What was refused may still be printed. */
		assert_true(strlen(ike_identity_format(&id, text, sizeof(text))) < sizeof(text));
		if (bodies[i].rc)
			continue;
		assert_int_equal(id.type, bodies[i].type);
		assert_ptr_equal(id.data.p, h.b + 4);
		assert_int_equal(id.data.n, h.n - 4);
		assert_string_equal(ike_identity_format(&id, text, sizeof(text)), bodies[i].text);
	}
}

static struct conf_id conf_of(enum conf_id_type type, const char *text)
{
	struct conf_id id = { .type = (uint8_t)type };
	struct addr a;

	if (type == CONF_ID_IPV4 || type == CONF_ID_IPV6) {
		assert_true(addr_parse(&a, text));
		return conf_id_address(&a);
	}
	id.len = (uint8_t)strlen(text);
	memcpy(id.data, text, id.len);
	return id;
}

static const struct {
	enum conf_id_type type;
	const char *text, *body;
} emitted[] = {
	{ CONF_ID_IPV4, "192.0.2.1", "01000000 c0000201" },
	{ CONF_ID_IPV6, "2001:db8::1", "05000000 20010db8000000000000000000000001" },
	{ CONF_ID_FQDN, "gw", "02000000 6777" },
	{ CONF_ID_USER_FQDN, "a@b", "03000000 614062" },
	{ CONF_ID_KEY_ID, "k", "0b000000 6b" },
};

static void own_identities_are_emitted(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(emitted); i++) {
		struct conf_id id = conf_of(emitted[i].type, emitted[i].text);
		struct hex want = hex(emitted[i].body);
		struct ike_identity back;
		uint8_t buf[64];
		struct writer w;

		writer_init(&w, buf, sizeof(buf));
		ike_identity_emit(&w, &id);
		assert_false(w.failed);
		assert_int_equal(w.n, want.n);
		assert_memory_equal(buf, want.b, want.n);
		assert_int_equal(ike_identity_parse(&back, (struct view){ buf, w.n }), 0);
		assert_true(ike_identity_matches(&back, &id));
	}
}

/* What a peer sends, what is configured for it. */
static const struct {
	uint8_t type;
	const char *data; /* hex */
	enum conf_id_type conf_type;
	const char *conf;
	bool same;
} pairs[] = {
	{ IKE_ID_IPV4_ADDR, "c0000201", CONF_ID_IPV4, "192.0.2.1", true },
	{ IKE_ID_IPV4_ADDR, "c0000202", CONF_ID_IPV4, "192.0.2.1", false },
	{ IKE_ID_IPV4_ADDR, "c0000201", CONF_ID_IPV6, "2001:db8::1", false },
	{ IKE_ID_IPV6_ADDR, "20010db8000000000000000000000001", CONF_ID_IPV6, "2001:db8::1", true },
	/* "192.0.2.1" and "2001:DB8::1" as names */
	{ IKE_ID_FQDN, "3139322e302e322e31", CONF_ID_IPV4, "192.0.2.1", true },
	{ IKE_ID_KEY_ID, "3139322e302e322e31", CONF_ID_IPV4, "192.0.2.1", true },
	{ IKE_ID_FQDN, "3139322e302e322e32", CONF_ID_IPV4, "192.0.2.1", false },
	{ IKE_ID_FQDN, "323030313a4442383a3a31", CONF_ID_IPV6, "2001:db8::1", true },
	{ IKE_ID_IPV4_ADDR, "c0000201", CONF_ID_FQDN, "192.0.2.1", true },
	{ IKE_ID_IPV4_ADDR, "c0000201", CONF_ID_KEY_ID, "192.0.2.2", false },
	/* "gw.example", "GW.Example" */
	{ IKE_ID_FQDN, "67772e6578616d706c65", CONF_ID_FQDN, "gw.example", true },
	{ IKE_ID_FQDN, "47572e4578616d706c65", CONF_ID_FQDN, "gw.example", true },
	{ IKE_ID_KEY_ID, "67772e6578616d706c65", CONF_ID_FQDN, "gw.example", true },
	{ IKE_ID_FQDN, "67772e6578616d706c65", CONF_ID_KEY_ID, "gw.example", true },
	{ IKE_ID_FQDN, "47572e4578616d706c65", CONF_ID_KEY_ID, "gw.example", false },
	{ IKE_ID_FQDN, "67772e6578616d706c", CONF_ID_FQDN, "gw.example", false },
	{ IKE_ID_FQDN, "67772e6578616d706c6500", CONF_ID_FQDN, "gw.example", false },
	{ IKE_ID_FQDN, "67770061616161616161", CONF_ID_FQDN, "gw.example", false },
	{ IKE_ID_RFC822_ADDR, "614062", CONF_ID_USER_FQDN, "A@b", true },
	{ IKE_ID_DER_ASN1_DN, "614062", CONF_ID_USER_FQDN, "a@B", false },
	/* four bytes are an address only where the type says so */
	{ IKE_ID_KEY_ID, "c0000201", CONF_ID_IPV4, "192.0.2.1", false },
	{ IKE_ID_IPV4_ADDR, "61626364", CONF_ID_FQDN, "abcd", false },
};

static void identities_compare_leniently(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct hex data = hex(pairs[i].data);
		struct ike_identity id = { pairs[i].type, { data.b, data.n } };
		struct conf_id conf = conf_of(pairs[i].conf_type, pairs[i].conf);

		if (ike_identity_matches(&id, &conf) != pairs[i].same)
			fail_msg("row %zu: %s", i, pairs[i].conf);
	}
}

static void texts_are_cut_to_fit(void **state)
{
	struct ike_identity id = { IKE_ID_FQDN, { (const uint8_t *)"ab\x01z", 4 } };
	static const char *const want[] = { "", "", "a", "ab", "ab", "ab", "ab", "ab\\x01" };

	for (size_t size = 0; size < ARRAY_LEN(want); size++) {
		char buf[16] = "~~~~~~~~~~~~~~";

		assert_ptr_equal(ike_identity_format(&id, buf, size), buf);
		if (size > 0)
			assert_string_equal(buf, want[size]);
		assert_int_equal(buf[size], '~');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_read),
		cmocka_unit_test(own_identities_are_emitted),
		cmocka_unit_test(identities_compare_leniently),
		cmocka_unit_test(texts_are_cut_to_fit),
	};

	return cmocka_run_group_tests_name("ike/identity", tests, NULL, NULL);
}
