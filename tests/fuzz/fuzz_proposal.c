/* SA payloads: read, chosen from, answered and printed. The first byte says what they are for and
 * what we want. */
#include "tests/fuzz/fuzz.h"

#include "ike/proposal.h"

#include <string.h>

static struct ike_offer own, peer, answer;

static struct ike_settings tunnel(unsigned wish)
{
	static const struct algo_list ciphers[] = {
		{ 1, { CIPHER_AES128_CBC } },
		{ 3, { CIPHER_AES256_GCM, CIPHER_AES128_CBC, CIPHER_CHACHA20_POLY1305 } },
		{ 2, { CIPHER_3DES_CBC, CIPHER_AES192_CBC } },
		{ 8,
		  { CIPHER_CHACHA20_POLY1305, CIPHER_AES128_GCM, CIPHER_AES192_GCM,
		    CIPHER_AES256_GCM, CIPHER_AES128_CBC, CIPHER_AES192_CBC, CIPHER_AES256_CBC,
		    CIPHER_3DES_CBC } },
	};
	struct ike_settings t = { .ike_cipher = ciphers[wish & 3],
				  .ike_auth = { 2, { AUTH_SHA256, AUTH_SHA1 } },
				  .ike_dh = { 2, { DH_ECP256, DH_MODP2048 } },
				  .esn = wish & 4 };

	t.esp_cipher = t.ike_cipher;
	t.esp_auth = t.ike_auth;
	t.esp_pfs = t.ike_dh;
	return t;
}

static void print(const struct ike_offer *o)
{
	char text[300], tiny[7];

	PROMISE(strlen(ike_offer_format(o, text, sizeof(text))) < sizeof(text));
	PROMISE(strlen(ike_offer_format(o, tiny, sizeof(tiny))) < sizeof(tiny));
	for (const char *c = text; *c; c++)
		PROMISE(*c >= ' ' && *c < 0x7f);
}

/* What we take, the peer's own check must take too, unless it listed groups for IKE_AUTH. */
static void answer_it(const struct ike_choice *choice, enum ike_protocol protocol)
{
	unsigned spi_bytes = protocol == IKE_PROTOCOL_ESP ? 4 : 8;
	struct ike_choice back;
	uint8_t buf[256];
	struct writer w;

	ike_offer_suite(&answer, protocol, choice->number, &choice->suite);
	writer_init(&w, buf, sizeof(buf));
	ike_offer_emit(&w, &answer, 0x1000, spi_bytes);
	PROMISE(!w.failed);
	PROMISE(ike_offer_parse(&answer, protocol, spi_bytes, (struct view){ buf, w.n }) == 0);
	PROMISE(answer.n == 1 && answer.proposal[0].spi == 0x1000);
	PROMISE(ike_offer_verify(&answer, &answer, &back) == 0);
	PROMISE(memcmp(&back.suite, &choice->suite, sizeof(back.suite)) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned wish = fuzz_byte(&data, &size);
	enum ike_protocol protocol = wish & 8 ? IKE_PROTOCOL_ESP : IKE_PROTOCOL_IKE;
	unsigned spi_bytes = protocol == IKE_PROTOCOL_ESP ? 4 : wish & 16 ? 8 : 0;
	struct ike_settings t = tunnel(wish);
	struct ike_choice choice;

	if (ike_offer_parse(&peer, protocol, spi_bytes, (struct view){ data, size }) != 0)
		return 0;
	PROMISE(peer.n <= IKE_PROPOSALS_MAX && peer.n_transforms <= IKE_TRANSFORMS_MAX);
	print(&peer);
	if (protocol == IKE_PROTOCOL_IKE)
		ike_offer_ike(&own, &t);
	else
		ike_offer_esp(&own, &t, wish & 32);
	if (ike_offer_select(&own, &peer, !(wish & 32), &choice) == 0)
		answer_it(&choice, protocol);
	if (ike_offer_verify(&own, &peer, &choice) == 0)
		answer_it(&choice, protocol);
	return 0;
}
