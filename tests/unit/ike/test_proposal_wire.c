#include "ike/proposal.h"

#include "tests/unit/ike/offers.h"

#include <errno.h>

static const struct {
	const char *body;
	enum ike_protocol protocol;
	unsigned spi_bytes;
	int rc;
	bool acceptable; /* the first proposal */
} bodies[] = {
	/* IKE: e28 p5 k31 without SPI, with one where none belongs, with a short one, with none
	 * where one belongs, with a zero one */
	{ "00000020 01010003 03000008 0100001c 03000008 02000005 00000008 0400001f",
	  IKE_PROTOCOL_IKE, 0, 0, true },
	{ "00000028 01010803 0102030405060708 03000008 0100001c 03000008 02000005"
	  "00000008 0400001f",
	  IKE_PROTOCOL_IKE, 0, 0, true },
	{ "00000024 01010403 01020304 03000008 0100001c 03000008 02000005 00000008 0400001f",
	  IKE_PROTOCOL_IKE, 0, 0, false },
	{ "00000020 01010003 03000008 0100001c 03000008 02000005 00000008 0400001f",
	  IKE_PROTOCOL_IKE, 8, 0, false },
	{ "00000028 01010803 0000000000000000 03000008 0100001c 03000008 02000005"
	  "00000008 0400001f",
	  IKE_PROTOCOL_IKE, 8, 0, false },
	/* ESP: e28 n0, a reserved SPI, AH */
	{ "0000001c 01030402 c0ffee01 03000008 0100001c 00000008 05000000", IKE_PROTOCOL_ESP, 4, 0,
	  true },
	{ "0000001c 01030402 000000ff 03000008 0100001c 00000008 05000000", IKE_PROTOCOL_ESP, 4, 0,
	  false },
	{ "0000001c 01020402 c0ffee01 03000008 0300000c 00000008 05000000", IKE_PROTOCOL_ESP, 4, 0,
	  false },
	/* no transform at all */
	{ "0000000c 01030400 c0ffee01", IKE_PROTOCOL_ESP, 4, 0, true },
	/* nothing; cut in the head; too short for a head */
	{ "", IKE_PROTOCOL_ESP, 4, -EBADMSG, false },
	{ "00000014 01030401", IKE_PROTOCOL_ESP, 4, -EBADMSG, false },
	{ "00000007 01030400", IKE_PROTOCOL_ESP, 4, -EBADMSG, false },
	{ "00000000 01030400", IKE_PROTOCOL_ESP, 4, -EBADMSG, false },
	/* SPI longer than the proposal */
	{ "0000000c 0103ff00 c0ffee01", IKE_PROTOCOL_ESP, 4, -EBADMSG, false },
	/* more proposals promised, or more there than promised */
	{ "0200000c 01030400 c0ffee01", IKE_PROTOCOL_ESP, 4, -EBADMSG, false },
	{ "0000000c 01030400 c0ffee01 0000000c 02030400 c0ffee02", IKE_PROTOCOL_ESP, 4, -EBADMSG,
	  false },
	/* fewer and more transforms than counted */
	{ "00000014 01030402 c0ffee01 00000008 0100001c", IKE_PROTOCOL_ESP, 4, -EBADMSG, false },
	{ "0000001c 01030401 c0ffee01 03000008 0100001c 00000008 05000000", IKE_PROTOCOL_ESP, 4,
	  -EBADMSG, false },
	{ "00000014 01030400 c0ffee01 00000008 0100001c", IKE_PROTOCOL_ESP, 4, -EBADMSG, false },
	/* a transform shorter than its head, longer than its proposal */
	{ "00000014 01030401 c0ffee01 00000007 0100001c", IKE_PROTOCOL_ESP, 4, -EBADMSG, false },
	{ "00000014 01030401 c0ffee01 00000009 0100001c", IKE_PROTOCOL_ESP, 4, -EBADMSG, false },
	/* an attribute cut short: TV of three bytes, TLV beyond its transform */
	{ "00000017 01030401 c0ffee01 0000000b 0100000c 800e00", IKE_PROTOCOL_ESP, 4, -EBADMSG,
	  false },
	{ "00000018 01030401 c0ffee01 0000000c 0100000c 000e0002", IKE_PROTOCOL_ESP, 4, -EBADMSG,
	  false },
};

static void bodies_are_read(void **state)
{
	static struct ike_offer o;

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct hex h = hex(bodies[i].body);
		int rc = ike_offer_parse(&o, bodies[i].protocol, bodies[i].spi_bytes,
					 (struct view){ h.b, h.n });

		if (rc != bodies[i].rc)
			fail_msg("row %zu: %d", i, rc);
		if (rc)
			continue;
		assert_int_equal(o.n, 1);
		if (o.proposal[0].acceptable != bodies[i].acceptable)
			fail_msg("row %zu: acceptable %d", i, o.proposal[0].acceptable);
	}
}

/* ESP, AES-CBC with attributes after its head, HMAC-SHA-256-128. */
static const struct {
	const char *attributes;
	bool taken;
} attributes[] = {
	{ "800e0080", true },
	{ "800e0081", false },
	{ "", false },
	{ "800e0080 800e0080", false },	       /* twice */
	{ "800e0080 80ff0001", false },	       /* unknown, TV */
	{ "00ff0003 010203 800e0080", false }, /* unknown, TLV */
	{ "000e0002 0080", false },	       /* Key Length is TV only (RFC 7296 §3.3.5) */
};

static void unknown_attributes_spoil_their_transform(void **state)
{
	static struct ike_offer mine, peer;
	struct ike_settings t = tunnel("aes128", "sha256", "", false);
	struct ike_choice choice;

	ike_offer_esp(&mine, &t, false);
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		struct hex a = hex(attributes[i].attributes);
		struct body b = { 0 };

		put(&b, 4, 12 + 8 + a.n + 8);
		put(&b, 4, 0x01030402);
		put(&b, 4, SPI_ESP);
		put(&b, 4, 0x03000000 + 8 + a.n);
		put(&b, 4, 0x0100000c);
		memcpy(b.b + b.n, a.b, a.n);
		b.n += a.n;
		put(&b, 8, 0x000000080300000c);
		assert_int_equal(
			ike_offer_parse(&peer, IKE_PROTOCOL_ESP, 4, (struct view){ b.b, b.n }), 0);
		assert_true(peer.proposal[0].acceptable);
		if ((ike_offer_select(&mine, &peer, false, &choice) == 0) != attributes[i].taken)
			fail_msg("%s", attributes[i].attributes);
	}
}

static void put_esp(struct body *b, unsigned transforms, bool last)
{
	put(b, 4, (last ? 0 : 0x02000000) + 12 + 8 * transforms);
	put(b, 4, 0x01030400 + transforms);
	put(b, 4, SPI_ESP);
	for (unsigned i = 0; i < transforms; i++)
		put(b, 8, (i + 1 == transforms ? 0 : 0x0300000000000000) + 0x000000080100001c);
}

/* Proposals before the excess stay usable; the excess is counted as cut, never half taken. */
static void excess_is_left_out_whole(void **state)
{
	static const struct {
		unsigned proposals, transforms, kept;
		bool cut;
	} cases[] = {
		{ 64, 1, 64, false }, { 65, 1, 64, true },  { 2, 255, 2, false },
		{ 3, 255, 2, true },  { 3, 170, 3, false }, { 3, 171, 2, true },
		{ 64, 8, 64, false },
	};
	static struct ike_offer mine, peer;
	struct ike_settings t = tunnel("chacha20poly1305", "sha256", "", false);
	struct ike_choice choice;

	ike_offer_esp(&mine, &t, false);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct body b = { 0 };
		char text[64];

		for (unsigned j = 1; j <= cases[i].proposals; j++)
			put_esp(&b, cases[i].transforms, j == cases[i].proposals);
		assert_int_equal(
			ike_offer_parse(&peer, IKE_PROTOCOL_ESP, 4, (struct view){ b.b, b.n }), 0);
		assert_int_equal(peer.n, cases[i].kept);
		assert_int_equal(peer.n_transforms, cases[i].kept * cases[i].transforms);
		assert_int_equal(peer.cut, cases[i].cut);
		assert_int_equal(ike_offer_select(&mine, &peer, false, &choice), 0);
		assert_int_equal(ike_offer_verify(&mine, &peer, &choice), -EINVAL);
		assert_true(strlen(ike_offer_format(&peer, text, sizeof(text))) < sizeof(text));
	}
}

/* Every cut of a real offer, and every byte of it set to its extremes, is survived. */
static void damage_is_survived(void **state)
{
	static const uint8_t extremes[] = { 0, 1, 3, 7, 8, 0x7f, 0x80, 0xff };
	static struct ike_offer mine, peer;
	struct ike_settings t = tunnel("aes128 aes256gcm", "sha256 sha1", "ecp256 x25519", true);
	struct ike_choice choice;
	struct body good, bad;
	char text[200];

	ike_offer_esp(&mine, &t, true);
	good = body_of("e12:128 e12:256 i12 i2 k19 k31 n1 n0 | e20:256 k19 n0", IKE_PROTOCOL_ESP,
		       4);
	for (size_t cut = 0; cut < good.n; cut++)
		assert_int_equal(
			ike_offer_parse(&peer, IKE_PROTOCOL_ESP, 4, (struct view){ good.b, cut }),
			-EBADMSG);
	for (size_t i = 0; i < good.n * sizeof(extremes); i++) {
		bad = good;
		bad.b[i / sizeof(extremes)] = extremes[i % sizeof(extremes)];
		if (ike_offer_parse(&peer, IKE_PROTOCOL_ESP, 4, (struct view){ bad.b, bad.n }) != 0)
			continue;
		ike_offer_select(&mine, &peer, false, &choice);
		ike_offer_verify(&mine, &peer, &choice);
		ike_offer_format(&peer, text, sizeof(text));
	}
}

/* ---- text -------------------------------------------------------------------------------- */

static const struct {
	enum ike_protocol protocol;
	const char *offer, *text;
} texts[] = {
	{ IKE_PROTOCOL_IKE, "e12:128 p5 i12 k19 | e20:256 p6 k31",
	  "aes128-sha256-ecp256, aes256gcm-sha384-x25519" },
	{ IKE_PROTOCOL_IKE, "e12:128 e12:256 p5 p2 i12 i2 k19 k14",
	  "aes128/aes256-sha256/sha1-ecp256/modp2048" },
	{ IKE_PROTOCOL_IKE, "e12:128 p2 i12 k19", "aes128-sha256-prfsha1-ecp256" },
	{ IKE_PROTOCOL_IKE, "e13:256 e12 e3 p4 p2 i5 i2 k24 k2",
	  "encr#13:256/encr#12/3des-integ#5/sha1-prf#4/prfsha1-dh#24/modp1024" },
	{ IKE_PROTOCOL_ESP, "e12:128 i12 n0", "aes128-sha256" },
	{ IKE_PROTOCOL_ESP, "e12:128 i12 n1", "aes128-sha256-esn" },
	{ IKE_PROTOCOL_ESP, "e12:128 i12 k0 k19 n1 n0", "aes128-sha256-none/ecp256-esn/noesn" },
	{ IKE_PROTOCOL_ESP, "e20:128 i0 k0 n0", "aes128gcm" },
	{ IKE_PROTOCOL_ESP, "e28 n0 x7", "chacha20poly1305-type99#7" },
	{ IKE_PROTOCOL_ESP, "i12 n2", "sha256-esn#2" },
};

static void offers_are_readable(void **state)
{
	static struct ike_offer o;
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		parse(&o, texts[i].offer, texts[i].protocol, spi_bytes_of(texts[i].protocol));
		assert_string_equal(ike_offer_format(&o, text, sizeof(text)), texts[i].text);
	}
	o.n = 0;
	assert_string_equal(ike_offer_format(&o, text, sizeof(text)), "nothing");
}

static void texts_are_cut_to_fit(void **state)
{
	static struct ike_offer o;
	char text[64];

	parse(&o, "e12:128 p5 i12 k19 | e20:256 p6 k31", IKE_PROTOCOL_IKE, 8);
	assert_string_equal(ike_offer_format(&o, text, 16), "aes128-sha25...");
	for (size_t size = 0; size < sizeof(text); size++) {
		memset(text, '~', sizeof(text));
		assert_ptr_equal(ike_offer_format(&o, text, size), text);
		if (size > 0)
			assert_true(strnlen(text, sizeof(text)) < size);
		assert_int_equal(text[size], '~');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_read),
		cmocka_unit_test(unknown_attributes_spoil_their_transform),
		cmocka_unit_test(excess_is_left_out_whole),
		cmocka_unit_test(damage_is_survived),
		cmocka_unit_test(offers_are_readable),
		cmocka_unit_test(texts_are_cut_to_fit),
	};

	return cmocka_run_group_tests_name("ike/proposal: wire and text", tests, NULL, NULL);
}
