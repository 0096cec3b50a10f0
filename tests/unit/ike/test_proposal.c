#include "ike/proposal.h"

#include "tests/unit/ike/offers.h"

#include <errno.h>

/* ---- what we offer ----------------------------------------------------------------------- */

static const struct {
	const char *ciphers, *auths, *dhs;
	bool esn;
	const char *ike, *esp, *esp_text;
} own[] = {
	{ "aes128", "sha256", "ecp256", false, "e12:128 p5 i12 k19", "e12:128 i12 k19 n0",
	  "aes128-sha256-ecp256" },
	{ "aes128 aes256", "sha256 sha1", "ecp256 modp2048", true,
	  "e12:128 e12:256 p5 p2 i12 i2 k19 k14", "e12:128 e12:256 i12 i2 k19 k14 n1 n0",
	  "aes128/aes256-sha256/sha1-ecp256/modp2048-esn/noesn" },
	{ "aes256gcm chacha20poly1305", "sha384", "x25519", false, "e20:256 e28 p6 k31",
	  "e20:256 e28 k31 n0", "aes256gcm/chacha20poly1305-x25519" },
	/* order survives: one proposal for each run of a kind */
	{ "aes256gcm aes128 3des aes128gcm", "sha256", "ecp384", false,
	  "e20:256 p5 k20 | e12:128 e3 p5 i12 k20 | e20:128 p5 k20",
	  "e20:256 k20 n0 | e12:128 e3 i12 k20 n0 | e20:128 k20 n0",
	  "aes256gcm-ecp384, aes128/3des-sha256-ecp384, aes128gcm-ecp384" },
};

static void assert_emits(const struct ike_offer *o, const char *text, enum ike_protocol protocol,
			 unsigned spi_bytes)
{
	struct body want = body_of(text, protocol, spi_bytes);
	uint8_t buf[2048];
	struct writer w;

	writer_init(&w, buf, sizeof(buf));
	ike_offer_emit(&w, o, spi_bytes == 8 ? SPI_IKE : SPI_ESP, spi_bytes);
	assert_false(w.failed);
	assert_int_equal(w.n, want.n);
	assert_memory_equal(buf, want.b, want.n);
	for (size_t cap = 0; cap < want.n; cap++) {
		writer_init(&w, buf, cap);
		ike_offer_emit(&w, o, 1, spi_bytes);
		assert_true(w.failed);
	}
}

static void own_offers_are_as_configured(void **state)
{
	static struct ike_offer o;
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		struct ike_settings t =
			tunnel(own[i].ciphers, own[i].auths, own[i].dhs, own[i].esn);

		ike_offer_ike(&o, &t);
		assert_emits(&o, own[i].ike, IKE_PROTOCOL_IKE, 0);
		assert_emits(&o, own[i].ike, IKE_PROTOCOL_IKE, 8);
		assert_int_equal(ike_offer_first_dh(&o), t.ike_dh.id[0]);
		ike_offer_esp(&o, &t, true);
		assert_emits(&o, own[i].esp, IKE_PROTOCOL_ESP, 4);
		assert_string_equal(ike_offer_format(&o, text, sizeof(text)), own[i].esp_text);
		ike_offer_esp(&o, &t, false);
		assert_int_equal(ike_offer_first_dh(&o), DH_NONE);
	}
}

static void groups_are_found(void **state)
{
	static struct ike_offer o;
	struct ike_settings t = tunnel("aes128 aes256gcm", "sha256", "ecp256 modp2048", false);

	ike_offer_ike(&o, &t);
	assert_true(ike_offer_has_dh(&o, DH_ECP256));
	assert_true(ike_offer_has_dh(&o, DH_MODP2048));
	assert_false(ike_offer_has_dh(&o, DH_X25519));
	assert_false(ike_offer_has_dh(&o, DH_NONE));
}

/* ---- choosing ---------------------------------------------------------------------------- */

/* Our lists, the peer's offer, what a responder takes: "" is nothing. */
static const struct {
	const char *ciphers, *auths, *dhs;
	bool esn;
	enum ike_protocol protocol;
	const char *peer;
	uint8_t number;
	const char *suite;
} choices[] = {
#define IKE(c, a, d, peer, n, suite)                             \
	{                                                        \
		c, a, d, false, IKE_PROTOCOL_IKE, peer, n, suite \
	}
#define ESP(c, a, d, peer, n, suite)                             \
	{                                                        \
		c, a, d, false, IKE_PROTOCOL_ESP, peer, n, suite \
	}
#define ESN(c, a, d, peer, n, suite)                            \
	{                                                       \
		c, a, d, true, IKE_PROTOCOL_ESP, peer, n, suite \
	}
	IKE("aes128", "sha256", "ecp256", "e12:128 p5 i12 k19", 1, "aes128-sha256-ecp256"),
	/* our order, not the peer's: within a proposal and over proposals */
	IKE("aes256 aes128", "sha256", "ecp256", "e12:128 e12:256 p5 i12 k19", 1,
	    "aes256-sha256-ecp256"),
	IKE("aes256 aes128", "sha256", "ecp256", "e12:128 p5 i12 k19 | e12:256 p5 i12 k19", 2,
	    "aes256-sha256-ecp256"),
	IKE("aes128 aes256gcm", "sha256", "ecp256", "e20:256 p5 k19 | e12:128 p5 i12 k19", 2,
	    "aes128-sha256-ecp256"),
	IKE("aes128", "sha384 sha256", "x25519 ecp256", "e12:128 p2 p5 p6 i2 i12 i13 k2 k19 k31", 1,
	    "aes128-sha384-x25519"),
	/* PRF and integrity are chosen apart */
	IKE("aes128", "sha256 sha1", "ecp256", "e12:128 p2 i12 k19", 1,
	    "aes128-sha256-prfsha1-ecp256"),
	IKE("aes256gcm", "sha384", "x25519", "e20:256 p6 k31", 1, "aes256gcm-sha384-x25519"),
	IKE("aes256gcm", "sha384", "x25519", "e20:256 p6 i0 k31", 1, "aes256gcm-sha384-x25519"),
	IKE("chacha20poly1305", "sha256", "x25519", "e28 p5 k31", 1,
	    "chacha20poly1305-sha256-x25519"),
	IKE("3des", "sha1", "modp1024", "e3 p2 i2 k2", 1, "3des-sha1-modp1024"),
	/* what we do not know beside what we do is skipped */
	IKE("aes128", "sha256", "ecp256", "e13:128 e12:128 p8 p5 i5 i12 k27 k19", 1,
	    "aes128-sha256-ecp256"),
	/* nothing in common, one kind at a time */
	IKE("aes128", "sha256", "ecp256", "e12:256 p5 i12 k19", 0, ""),
	IKE("aes128", "sha256", "ecp256", "e12 p5 i12 k19", 0, ""),
	IKE("aes128", "sha256", "ecp256", "e12:128 p2 i12 k19", 0, ""),
	IKE("aes128", "sha256", "ecp256", "e12:128 p5 i2 k19", 0, ""),
	IKE("aes128", "sha256", "ecp256", "e12:128 p5 i12 k14", 0, ""),
	/* a kind is missing */
	IKE("aes128", "sha256", "ecp256", "p5 i12 k19", 0, ""),
	IKE("aes128", "sha256", "ecp256", "e12:128 i12 k19", 0, ""),
	IKE("aes128", "sha256", "ecp256", "e12:128 p5 k19", 0, ""),
	IKE("aes128", "sha256", "ecp256", "e12:128 p5 i0 k19", 0, ""),
	IKE("aes128", "sha256", "ecp256", "e12:128 p5 i12", 0, ""),
	/* an AEAD that insists on integrity of its own (RFC 7296 §3.3) */
	IKE("aes128gcm", "sha256", "ecp256", "e20:128 p5 i12 k19", 0, ""),
	/* a type that nobody knows spoils its proposal, not the next (RFC 7296 §3.3.6) */
	IKE("aes128", "sha256", "ecp256", "e12:128 p5 i12 k19 x1", 0, ""),
	IKE("aes128", "sha256", "ecp256", "e12:128 p5 i12 k19 x1 | e12:128 p5 i12 k19", 2,
	    "aes128-sha256-ecp256"),
	IKE("aes128", "sha256", "ecp256", "e12:128 p5 i12 | p5 k19", 0, ""),

	ESP("aes128", "sha256", "", "e12:128 i12 n0", 1, "aes128-sha256"),
	ESP("aes128", "sha256", "", "e12:128 i12", 1, "aes128-sha256"),
	ESP("aes128", "sha256", "", "e12:128 i12 k0 n0", 1, "aes128-sha256"),
	ESP("aes128", "sha256", "", "e12:128 i12 k19 k0 n0", 1, "aes128-sha256"),
	ESP("aes128", "sha256", "", "e12:128 i12 k19 n0", 0, ""),
	ESP("aes128", "sha256", "ecp256", "e12:128 i12 k14 k19 n0", 1, "aes128-sha256-ecp256"),
	ESP("aes128", "sha256", "ecp256", "e12:128 i12 n0", 0, ""),
	ESP("aes128", "sha256", "", "e12:128 i12 n1", 0, ""),
	ESP("aes128", "sha256", "", "e12:128 i12 n1 n0", 1, "aes128-sha256"),
	ESN("aes128", "sha256", "", "e12:128 i12 n0 n1", 1, "aes128-sha256-esn"),
	ESN("aes128", "sha256", "", "e12:128 i12 n1", 1, "aes128-sha256-esn"),
	ESN("aes128", "sha256", "", "e12:128 i12 n0", 1, "aes128-sha256"),
	ESN("aes128", "sha256", "", "e12:128 i12", 1, "aes128-sha256"),
	ESP("aes128gcm", "sha256", "", "e20:128 i0 n0", 1, "aes128gcm"),
	ESP("aes192gcm chacha20poly1305", "sha256", "", "e28 n0 | e20:192 n0", 2, "aes192gcm"),
#undef IKE
#undef ESP
#undef ESN
};

static void the_best_by_our_order_is_taken(void **state)
{
	static struct ike_offer mine, peer;
	struct ike_choice choice;
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		struct ike_settings t = tunnel(choices[i].ciphers, choices[i].auths, choices[i].dhs,
					       choices[i].esn);
		enum ike_protocol protocol = choices[i].protocol;
		bool found = choices[i].number != 0;

		if (protocol == IKE_PROTOCOL_IKE)
			ike_offer_ike(&mine, &t);
		else
			ike_offer_esp(&mine, &t, true);
		parse(&peer, choices[i].peer, protocol, spi_bytes_of(protocol));
		if (ike_offer_select(&mine, &peer, false, &choice) != (found ? 0 : -ENOENT))
			fail_msg("%s: %sfound", choices[i].peer, found ? "not " : "");
		assert_int_equal(choice.number, choices[i].number);
		if (!found)
			continue;
		assert_string_equal(ike_suite_format(&choice.suite, text, sizeof(text)),
				    choices[i].suite);
		assert_true(choice.spi == (protocol == IKE_PROTOCOL_IKE ? SPI_IKE : SPI_ESP));
	}
}

/* IKE_AUTH: some peers list their PFS groups although the first child has no exchange of its own.
 */
static void groups_do_not_count_in_ike_auth(void **state)
{
	static struct ike_offer mine, peer;
	struct ike_settings t = tunnel("aes128", "sha256", "ecp256", false);
	struct ike_choice choice;

	ike_offer_esp(&mine, &t, false);
	parse(&peer, "e12:128 i12 k14 n0", IKE_PROTOCOL_ESP, 4);
	assert_int_equal(ike_offer_select(&mine, &peer, true, &choice), 0);
	assert_int_equal(choice.suite.dh, DH_NONE);
	assert_int_equal(ike_offer_select(&mine, &peer, false, &choice), -ENOENT);
}

/* ---- answers ----------------------------------------------------------------------------- */

static const struct {
	const char *ciphers;
	enum ike_protocol protocol;
	const char *answer;
	uint8_t number;	   /* of the answer */
	const char *suite; /* NULL: not an answer to what we offered */
} answers[] = {
	{ "aes128 aes256", IKE_PROTOCOL_IKE, "e12:256 p5 i12 k19", 1, "aes256-sha256-ecp256" },
	{ "aes128 aes256", IKE_PROTOCOL_IKE, "e12:128 p5 i12 k19", 1, "aes128-sha256-ecp256" },
	{ "aes128 aes256gcm", IKE_PROTOCOL_IKE, "e20:256 p5 k19", 2, "aes256gcm-sha256-ecp256" },
	{ "aes128 aes256gcm", IKE_PROTOCOL_IKE, "e20:256 p5 i0 k19", 2, "aes256gcm-sha256-ecp256" },
	{ "aes128", IKE_PROTOCOL_ESP, "e12:128 i12 k19 n0", 1, "aes128-sha256-ecp256" },
	{ "aes128", IKE_PROTOCOL_ESP, "e12:128 i12 k19", 1, "aes128-sha256-ecp256" },
	/* the number of another proposal, or of none */
	{ "aes128 aes256gcm", IKE_PROTOCOL_IKE, "e20:256 p5 k19", 1, NULL },
	{ "aes128", IKE_PROTOCOL_IKE, "e12:128 p5 i12 k19", 2, NULL },
	{ "aes128", IKE_PROTOCOL_IKE, "e12:128 p5 i12 k19", 0, NULL },
	/* not offered */
	{ "aes128", IKE_PROTOCOL_IKE, "e12:256 p5 i12 k19", 1, NULL },
	{ "aes128", IKE_PROTOCOL_IKE, "e12 p5 i12 k19", 1, NULL },
	{ "aes128", IKE_PROTOCOL_IKE, "e12:128 p2 i12 k19", 1, NULL },
	{ "aes128", IKE_PROTOCOL_IKE, "e12:128 p5 i12 k14", 1, NULL },
	{ "aes128", IKE_PROTOCOL_ESP, "e12:128 i12 k19 n1", 1, NULL },
	{ "aes128", IKE_PROTOCOL_ESP, "e12:128 p5 i12 k19 n0", 1, NULL },
	/* left out */
	{ "aes128", IKE_PROTOCOL_IKE, "p5 i12 k19", 1, NULL },
	{ "aes128", IKE_PROTOCOL_IKE, "e12:128 p5 i12", 1, NULL },
	{ "aes128", IKE_PROTOCOL_IKE, "e12:128 p5 k19", 1, NULL },
	{ "aes128", IKE_PROTOCOL_ESP, "e12:128 i12 n0", 1, NULL },
	/* two of a kind, two proposals, a type that nobody knows */
	{ "aes128 aes256", IKE_PROTOCOL_IKE, "e12:128 e12:256 p5 i12 k19", 1, NULL },
	{ "aes128", IKE_PROTOCOL_IKE, "e12:128 p5 i12 k19 k19", 1, NULL },
	{ "aes128", IKE_PROTOCOL_IKE, "e12:128 p5 i12 k19 | e12:128 p5 i12 k19", 1, NULL },
	{ "aes128", IKE_PROTOCOL_IKE, "e12:128 p5 i12 k19 x7", 1, NULL },
};

static void answers_are_verified(void **state)
{
	static struct ike_offer mine, peer;
	struct ike_choice choice;
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct ike_settings t = tunnel(answers[i].ciphers, "sha256", "ecp256", false);
		enum ike_protocol protocol = answers[i].protocol;
		struct body b = body_of(answers[i].answer, protocol, spi_bytes_of(protocol));

		if (protocol == IKE_PROTOCOL_IKE)
			ike_offer_ike(&mine, &t);
		else
			ike_offer_esp(&mine, &t, true);
		b.b[4] = answers[i].number;
		assert_int_equal(ike_offer_parse(&peer, protocol, spi_bytes_of(protocol),
						 (struct view){ b.b, b.n }),
				 0);
		if (ike_offer_verify(&mine, &peer, &choice) != (answers[i].suite ? 0 : -EINVAL))
			fail_msg("row %zu: %s", i, answers[i].answer);
		if (!answers[i].suite)
			continue;
		assert_string_equal(ike_suite_format(&choice.suite, text, sizeof(text)),
				    answers[i].suite);
		assert_true(choice.spi == (protocol == IKE_PROTOCOL_IKE ? SPI_IKE : SPI_ESP));
	}
}

/* What a responder chose, emitted and read again, is what the initiator verifies. */
static void both_ends_agree(void **state)
{
	static struct ike_offer mine, peer, answer;
	struct ike_settings a =
		tunnel("aes128 aes256gcm chacha20poly1305", "sha1 sha512", "modp2048 x25519", true);
	struct ike_settings b = tunnel("chacha20poly1305 aes128", "sha512", "x25519", true);

	for (unsigned esp = 0; esp < 2; esp++) {
		enum ike_protocol protocol = esp ? IKE_PROTOCOL_ESP : IKE_PROTOCOL_IKE;
		unsigned spi_bytes = spi_bytes_of(protocol);
		struct ike_choice at_b, at_a;
		uint8_t buf[1024];
		struct writer w;

		if (esp)
			ike_offer_esp(&mine, &a, true);
		else
			ike_offer_ike(&mine, &a);
		writer_init(&w, buf, sizeof(buf));
		ike_offer_emit(&w, &mine, SPI_ESP, spi_bytes);
		assert_int_equal(
			ike_offer_parse(&peer, protocol, spi_bytes, (struct view){ buf, w.n }), 0);
		if (esp)
			ike_offer_esp(&answer, &b, true);
		else
			ike_offer_ike(&answer, &b);
		assert_int_equal(ike_offer_select(&answer, &peer, false, &at_b), 0);
		assert_true(at_b.spi == SPI_ESP);
		assert_int_equal(at_b.suite.cipher, CIPHER_CHACHA20_POLY1305);
		assert_int_equal(at_b.suite.dh, DH_X25519);
		assert_int_equal(at_b.suite.esn, esp);

		ike_offer_suite(&answer, protocol, at_b.number, &at_b.suite);
		writer_init(&w, buf, sizeof(buf));
		ike_offer_emit(&w, &answer, 0xdddddddd, spi_bytes);
		assert_int_equal(
			ike_offer_parse(&peer, protocol, spi_bytes, (struct view){ buf, w.n }), 0);
		assert_int_equal(ike_offer_verify(&mine, &peer, &at_a), 0);
		assert_true(at_a.spi == 0xdddddddd);
		assert_memory_equal(&at_a.suite, &at_b.suite, sizeof(at_a.suite));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_offers_are_as_configured),
		cmocka_unit_test(groups_are_found),
		cmocka_unit_test(the_best_by_our_order_is_taken),
		cmocka_unit_test(groups_do_not_count_in_ike_auth),
		cmocka_unit_test(answers_are_verified),
		cmocka_unit_test(both_ends_agree),
	};

	return cmocka_run_group_tests_name("ike/proposal: agreeing", tests, NULL, NULL);
}
