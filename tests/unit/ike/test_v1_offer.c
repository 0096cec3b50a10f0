#include "ike/v1/offer.h"

#include "ike/selector.h"
#include "ike/v1/proxy.h"
#include "tests/unit/ike/hex.h"

#include <errno.h>

static struct ike_settings conf(void)
{
	return (struct ike_settings){
		.ike_cipher = { 2, { CIPHER_AES128_CBC, CIPHER_3DES_CBC } },
		.ike_auth = { 2, { AUTH_SHA256, AUTH_SHA1 } },
		.ike_dh = { 2, { DH_MODP1024, DH_ECP256 } },
		.ike_lifetime = 14400,
		.esp_cipher = { 2, { CIPHER_AES256_GCM, CIPHER_AES128_CBC } },
		.esp_auth = { 2, { AUTH_SHA256, AUTH_SHA1 } },
		.esp_pfs = { 1, { DH_MODP1024 } },
		.esp_lifetime = 3600,
	};
}

static struct ike_v1_offer offer;

static void parse(enum ike_protocol protocol, bool udp, const struct writer *w, const char *text)
{
	char buf[400];

	assert_false(w->failed);
	assert_int_equal(ike_v1_offer_parse(&offer, protocol, udp, (struct view){ w->p, w->n }), 0);
	assert_string_equal(ike_offer_format(&offer.offer, buf, sizeof(buf)), text);
}

/* What we write reads as what is configured. */
static void own_offers(void **state)
{
	struct ike_settings t = conf();
	struct ike_v1_esp_offer esp = { .conf = &t,
					.group = DH_MODP1024,
					.mode = IKE_V1_TUNNEL,
					.seconds = 3600,
					.spi = 0x12345678 };
	uint8_t buf[2048];
	struct writer w;

	writer_init(&w, buf, sizeof(buf));
	ike_v1_offer_emit_ike(&w, &t, DH_NONE, 14400);
	parse(IKE_PROTOCOL_IKE, false, &w,
	      "aes128-sha256-modp1024, aes128-sha256-ecp256, aes128-sha1-modp1024, "
	      "aes128-sha1-ecp256, 3des-sha256-modp1024, 3des-sha256-ecp256, 3des-sha1-modp1024, "
	      "3des-sha1-ecp256");
	for (unsigned i = 0; i < offer.offer.n; i++)
		assert_int_equal(offer.of[i].seconds, 14400);
	writer_init(&w, buf, sizeof(buf));
	ike_v1_offer_emit_ike(&w, &t, DH_ECP256, 86400); /* a duration that needs four bytes */
	parse(IKE_PROTOCOL_IKE, false, &w,
	      "aes128-sha256-ecp256, aes128-sha1-ecp256, 3des-sha256-ecp256, 3des-sha1-ecp256");
	assert_int_equal(offer.of[3].seconds, 86400);

	writer_init(&w, buf, sizeof(buf));
	esp.kilobytes = 4608000;
	ike_v1_offer_emit_esp(&w, &esp);
	parse(IKE_PROTOCOL_ESP, false, &w,
	      "aes256gcm-modp1024, aes128-sha256-modp1024, aes128-sha1-modp1024");
	assert_int_equal(offer.offer.proposal[2].spi, 0x12345678);
	assert_int_equal(offer.of[2].seconds, 3600);
	assert_int_equal(offer.of[2].kilobytes, 4608000);
	assert_int_equal(offer.of[2].mode, IKE_V1_TUNNEL);
	t.esn = true;
	esp.suite = NULL;
	esp.kilobytes = 0;
	writer_init(&w, buf, sizeof(buf));
	ike_v1_offer_emit_esp(&w, &esp);
	parse(IKE_PROTOCOL_ESP, false, &w,
	      "aes256gcm-modp1024-esn, aes128-sha256-modp1024-esn, aes128-sha1-modp1024-esn, "
	      "aes256gcm-modp1024, aes128-sha256-modp1024, aes128-sha1-modp1024");
	assert_int_equal(offer.of[0].kilobytes, 0);
}

struct row {
	const char *name, *body;
	enum ike_protocol protocol;
	bool udp;
	int rc;
	bool chosen;
	uint32_t seconds, kilobytes;
};

static const struct row rows[] = {
	/* AES-128, HMAC-SHA1, modp1024, tunnel, seconds and kilobytes */
	{ "TV lifetime",
	  "00000001 00000001 0000002c 01030401 c0ffee01 00000020 010c0000"
	  "80060080 80050002 80040001 80030002 80010001 80020e10",
	  IKE_PROTOCOL_ESP, false, 0, true, 3600, 0 },
	{ "TLV lifetime of four bytes",
	  "00000001 00000001 00000030 01030401 c0ffee01 00000024 010c0000"
	  "80060080 80050002 80040001 80030002 80010001 0002000400000e10",
	  IKE_PROTOCOL_ESP, false, 0, true, 3600, 0 },
	{ "as H3C: seconds and 1843200 KB",
	  "00000001 00000001 0000003c 01030401 c0ffee01 00000030 010c0000"
	  "80060080 80050002 80040001 80030002 80010001 0002000400000e10 80010002 00020004001c2000",
	  IKE_PROTOCOL_ESP, false, 0, true, 3600, 1843200 },
	{ "TLV lifetime of eight bytes saturates",
	  "00000001 00000001 00000034 01030401 c0ffee01 00000028 010c0000"
	  "80060080 80050002 80040001 80030002 80010001 00020008ffffffffffffffff",
	  IKE_PROTOCOL_ESP, false, 0, true, UINT32_MAX, 0 },
	{ "no lifetime",
	  "00000001 00000001 00000024 01030401 c0ffee01 00000018 010c0000"
	  "80060080 80050002 80040001 80030002",
	  IKE_PROTOCOL_ESP, false, 0, true, 0, 0 },
	{ "transport mode",
	  "00000001 00000001 00000024 01030401 c0ffee01 00000018 010c0000"
	  "80060080 80050002 80040002 80030002",
	  IKE_PROTOCOL_ESP, false, 0, false, 0, 0 },
	{ "UDP tunnel without NAT",
	  "00000001 00000001 00000024 01030401 c0ffee01 00000018 010c0000"
	  "80060080 80050002 80040003 80030002",
	  IKE_PROTOCOL_ESP, false, 0, false, 0, 0 },
	{ "UDP tunnel",
	  "00000001 00000001 00000024 01030401 c0ffee01 00000018 010c0000"
	  "80060080 80050002 80040003 80030002",
	  IKE_PROTOCOL_ESP, true, 0, true, 0, 0 },
	{ "UDP tunnel of the drafts",
	  "00000001 00000001 00000024 01030401 c0ffee01 00000018 010c0000"
	  "80060080 80050002 8004f003 80030002",
	  IKE_PROTOCOL_ESP, true, 0, true, 0, 0 },
	{ "tunnel behind NAT",
	  "00000001 00000001 00000024 01030401 c0ffee01 00000018 010c0000"
	  "80060080 80050002 80040001 80030002",
	  IKE_PROTOCOL_ESP, true, 0, false, 0, 0 },
	{ "an attribute that nobody knows",
	  "00000001 00000001 00000028 01030401 c0ffee01 0000001c 010c0000"
	  "80060080 80050002 80040001 80030002 80630001",
	  IKE_PROTOCOL_ESP, false, 0, false, 0, 0 },
	{ "SPI that names nothing",
	  "00000001 00000001 00000024 01030401 000000ff 00000018 010c0000"
	  "80060080 80050002 80040001 80030002",
	  IKE_PROTOCOL_ESP, false, 0, false, 0, 0 },
	{ "ESP and AH together",
	  "00000001 00000001 02000024 01030401 c0ffee01 00000018 010c0000"
	  "80060080 80050002 80040001 80030002"
	  "00000018 01020401 c0ffee02 0000000c 01030000 80050002",
	  IKE_PROTOCOL_ESP, false, 0, false, 0, 0 },
	{ "other DOI",
	  "00000002 00000001 00000024 01030401 c0ffee01 00000018 010c0000"
	  "80060080 80050002 80040001 80030002",
	  IKE_PROTOCOL_ESP, false, -EBADMSG, false, 0, 0 },
	{ "attribute cut",
	  "00000001 00000001 00000022 01030401 c0ffee01 00000016 010c0000"
	  "80060080 80050002 80040001 8003",
	  IKE_PROTOCOL_ESP, false, -EBADMSG, false, 0, 0 },
	{ "more transforms than there are",
	  "00000001 00000001 00000024 01030402 c0ffee01 00000018 010c0000"
	  "80060080 80050002 80040001 80030002",
	  IKE_PROTOCOL_ESP, false, -EBADMSG, false, 0, 0 },
	{ "nothing", "00000001 00000001", IKE_PROTOCOL_ESP, false, -EBADMSG, false, 0, 0 },
	/* 3DES, SHA-1, PSK, modp1024 */
	{ "phase 1",
	  "00000001 00000001 0000002c 01010001 00000024 01010000"
	  "80010005 80020002 80030001 80040002 800b0001 000c000400015180",
	  IKE_PROTOCOL_IKE, false, 0, true, 86400, 0 },
	{ "phase 1 with an SPI",
	  "00000001 00000001 00000034 01010801 0011223344556677 00000024 01010000"
	  "80010005 80020002 80030001 80040002 800b0001 000c000400015180",
	  IKE_PROTOCOL_IKE, false, 0, true, 86400, 0 },
	{ "signatures",
	  "00000001 00000001 00000020 01010001 00000018 01010000"
	  "80010005 80020002 80030003 80040002",
	  IKE_PROTOCOL_IKE, false, 0, false, 0, 0 },
	{ "MD5",
	  "00000001 00000001 00000020 01010001 00000018 01010000"
	  "80010005 80020001 80030001 80040002",
	  IKE_PROTOCOL_IKE, false, 0, false, 0, 0 },
};

static void foreign_offers(void **state)
{
	struct ike_settings t = conf();
	const struct ike_v1_terms *terms;
	struct ike_choice choice;
	struct ike_offer own;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct hex h = hex(r->body);
		int rc = ike_v1_offer_parse(&offer, r->protocol, r->udp, (struct view){ h.b, h.n });
		bool chosen;

		if (r->protocol == IKE_PROTOCOL_IKE)
			ike_offer_ike(&own, &t);
		else
			ike_offer_esp(&own, &t, true);
		chosen = rc == 0 && ike_v1_offer_select(&own, &offer, &choice, &terms) == 0;
		if (rc != r->rc || chosen != r->chosen)
			print_error("%s: %d, chosen %d\n", r->name, rc, chosen);
		assert_int_equal(rc, r->rc);
		assert_int_equal(chosen, r->chosen);
		if (!chosen)
			continue;
		assert_int_equal(terms->seconds, r->seconds);
		assert_int_equal(terms->kilobytes, r->kilobytes);
	}
}

/* An answer repeats the chosen transform as it came. */
static void answers(void **state)
{
	struct hex h = hex(rows[2].body);
	const struct ike_v1_terms *terms;
	struct ike_settings t = conf();
	struct ike_choice choice;
	struct ike_offer own;
	uint8_t buf[256];
	struct writer w;

	assert_int_equal(
		ike_v1_offer_parse(&offer, IKE_PROTOCOL_ESP, false, (struct view){ h.b, h.n }), 0);
	ike_offer_esp(&own, &t, true);
	assert_int_equal(ike_v1_offer_select(&own, &offer, &choice, &terms), 0);
	assert_int_equal(choice.spi, 0xc0ffee01);
	writer_init(&w, buf, sizeof(buf));
	ike_v1_offer_emit_choice(&w, IKE_PROTOCOL_ESP, terms, 0xc0ffee01);
	assert_int_equal(w.n, h.n);
	assert_memory_equal(buf, h.b, h.n);
}

static void lifetime_notify(void **state)
{
	uint8_t buf[16];
	struct writer w;
	uint32_t seconds;

	writer_init(&w, buf, sizeof(buf));
	ike_v1_offer_emit_lifetime(&w, IKE_PROTOCOL_ESP, 300);
	assert_int_equal(
		ike_v1_offer_lifetime(IKE_PROTOCOL_ESP, (struct view){ buf, w.n }, &seconds), 0);
	assert_int_equal(seconds, 300);
	assert_int_equal(
		ike_v1_offer_lifetime(IKE_PROTOCOL_IKE, (struct view){ buf, w.n }, &seconds),
		-EBADMSG);
	assert_int_equal(ike_v1_offer_lifetime(IKE_PROTOCOL_ESP, (struct view){ buf, 3 }, &seconds),
			 -EBADMSG);
}

static const struct {
	const char *body;
	const char *text; /* NULL: refused */
} proxies[] = {
	{ "04000000 00000000 00000000", "0.0.0.0/0" },
	{ "04000000 0a010000 ffff0000", "10.1.0.0/16" },
	{ "04000000 0a010203 ffff0000", "10.1.0.0/16" }, /* host bits are no matter */
	{ "01000000 c0a80107", "192.168.1.7/32" },
	{ "01060050 c0a80107", "192.168.1.7/32 tcp 80" },
	{ "07000000 0a000001 0a000009", "10.0.0.1-10.0.0.9" },
	{ "05000000 20010db8000000000000000000000001", "2001:db8::1/128" },
	{ "06000000 20010db8000000000000000000000000 ffffffff000000000000000000000000",
	  "2001:db8::/32" },
	{ "08000000 20010db8000000000000000000000001 20010db8000000000000000000000003",
	  "2001:db8::1-2001:db8::3" },
	{ "04000000 0a010000 ff00ff00", NULL }, /* no mask */
	{ "07000000 0a000009 0a000001", NULL },
	{ "04000000 0a010000", NULL },
	{ "01000000 0a010000 00", NULL },
	{ "02000000 6578616d706c65", NULL }, /* FQDN */
	{ "0400", NULL },
};

static void proxy_identities(void **state)
{
	struct ike_selectors s, back;
	char text[128];
	uint8_t buf[64];
	struct writer w;

	for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
		struct hex h = hex(proxies[i].body);
		int rc = ike_v1_proxy_parse(&s, (struct view){ h.b, h.n });

		assert_int_equal(rc, proxies[i].text ? 0 : -EBADMSG);
		if (rc)
			continue;
		assert_string_equal(ike_selectors_format(&s, text, sizeof(text)), proxies[i].text);
		writer_init(&w, buf, sizeof(buf));
		ike_v1_proxy_emit(&w, &s);
		assert_int_equal(ike_v1_proxy_parse(&back, (struct view){ buf, w.n }), 0);
		assert_true(ike_selectors_equal(&s, &back));
	}
}

static void wanted_pairs(void **state)
{
	struct ike_settings t = conf();
	struct ike_selectors l, r;
	char text[64];

	assert_true(ike_v1_proxy_wanted(&t, 0, &l, &r));
	assert_string_equal(ike_selectors_format(&l, text, sizeof(text)), "0.0.0.0/0");
	assert_string_equal(ike_selectors_format(&r, text, sizeof(text)), "0.0.0.0/0");
	assert_false(ike_v1_proxy_wanted(&t, 1, &l, &r));
	t.n_ts_local = 1;
	prefix_parse(&t.ts_local[0], "10.0.0.0/16");
	t.n_ts_remote = 3;
	prefix_parse(&t.ts_remote[0], "192.168.1.0/24");
	prefix_parse(&t.ts_remote[1], "2001:db8::/32"); /* of no pair: the families differ */
	prefix_parse(&t.ts_remote[2], "192.168.2.0/24");
	assert_true(ike_v1_proxy_wanted(&t, 1, &l, &r));
	assert_string_equal(ike_selectors_format(&l, text, sizeof(text)), "10.0.0.0/16");
	assert_string_equal(ike_selectors_format(&r, text, sizeof(text)), "192.168.2.0/24");
	assert_false(ike_v1_proxy_wanted(&t, 2, &l, &r));
	t.n_ts_local = 0;
	assert_true(ike_v1_proxy_wanted(&t, 1, &l, &r));
	assert_string_equal(ike_selectors_format(&l, text, sizeof(text)), "::/0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_offers),	    cmocka_unit_test(foreign_offers),
		cmocka_unit_test(answers),	    cmocka_unit_test(lifetime_notify),
		cmocka_unit_test(proxy_identities), cmocka_unit_test(wanted_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
