#include "ike/crypto.h"

#include "tests/unit/ike/hex.h"

#include <errno.h>

/* RFC 4231 for SHA-2; the SHA-1 column is RFC 2202's where that has the same case, and Python's
 * hmac module where it has not. */
static const struct {
	const char *key, *data;
	const char *out[AUTH_COUNT];
} prfs[] = {
	{ /* RFC 4231 §4.2, RFC 2202 §3 */
	  "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "4869205468657265",
	  {
		  [AUTH_SHA1] = "b617318655057264e28bc0b6fb378c8ef146be00",
		  [AUTH_SHA256] =
			  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		  [AUTH_SHA384] = "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
				  "faea9ea9076ede7f4af152e8b2fa9cb6",
		  [AUTH_SHA512] =
			  "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
			  "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
	  } },
	{ /* §4.3: key shorter than the hash */
	  "4a656665",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  {
		  [AUTH_SHA1] = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		  [AUTH_SHA256] =
			  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		  [AUTH_SHA384] = "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
				  "8e2240ca5e69e2c78b3239ecfab21649",
		  [AUTH_SHA512] =
			  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
			  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
	  } },
	{ /* §4.4 */
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddddddddddd",
	  {
		  [AUTH_SHA1] = "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
		  [AUTH_SHA256] =
			  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
		  [AUTH_SHA384] = "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
				  "2a5ab39dc13814b94e3ab6e101a34f27",
		  [AUTH_SHA512] =
			  "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
			  "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
	  } },
	{ /* §4.5 */
	  "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  {
		  [AUTH_SHA1] = "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
		  [AUTH_SHA256] =
			  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
		  [AUTH_SHA384] = "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e"
				  "6801dd23c4a7d679ccf8a386c674cffb",
		  [AUTH_SHA512] =
			  "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
			  "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
	  } },
	{ /* §4.7: key longer than a block */
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a"
	  "65204b6579202d2048617368204b6579204669727374",
	  {
		  [AUTH_SHA1] = "90d0dace1c1bdc957339307803160335bde6df2b",
		  [AUTH_SHA256] =
			  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
		  [AUTH_SHA384] = "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
				  "0c2ef6ab4030fe8296248df163f44952",
		  [AUTH_SHA512] =
			  "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
			  "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
	  } },
	{ /* §4.8 */
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaa",
	  "5468697320697320612074657374207573696e672061206c6172676572207468"
	  "616e20626c6f636b2d73697a65206b657920616e642061206c61726765722074"
	  "68616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565"
	  "647320746f20626520686173686564206265666f7265206265696e6720757365"
	  "642062792074686520484d414320616c676f726974686d2e",
	  {
		  [AUTH_SHA1] = "217e44bb08b6e06a2d6c30f3cb9f537f97c63356",
		  [AUTH_SHA256] =
			  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
		  [AUTH_SHA384] = "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
				  "a678cc31e799176d3860e6110c46523e",
		  [AUTH_SHA512] =
			  "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
			  "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
	  } },
};

static void prfs_give_known_answers(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(prfs); i++) {
		struct hex key = hex(prfs[i].key), data = hex(prfs[i].data);

		for (unsigned prf = AUTH_SHA1; prf < AUTH_COUNT; prf++) {
			struct hex want = hex(prfs[i].out[prf]);
			uint8_t out[IKE_HASH_MAX];

			/* The same bytes in one, two and three pieces, an empty one among them. */
			for (size_t cut = 0; cut <= data.n; cut += 3) {
				const struct ike_chunk in[] = { { data.b, cut },
								{ NULL, 0 },
								{ data.b + cut, data.n - cut } };

				assert_int_equal(ike_prf(prf, key.b, key.n, in, 3, out), 0);
				assert_int_equal(want.n, algo_auths[prf].out_bytes);
				assert_memory_equal(out, want.b, want.n);
			}
		}
	}
}

/* From first principles with Python's hmac: T1 = HMAC(K, S | 01), Tn = HMAC(K, Tn-1 | S | n), with
 * K = 10 11 .. 2f and S = 80 81 .. bf; the first 150 bytes. */
static const char *const prf_plus[AUTH_COUNT] = {
	[AUTH_SHA1] = "d8b26ec49b4b16e01985713f79a88fc9d2bb48a8908afc461d2f0f126c21b599"
		      "01f5cb76dab3129baf7b6a4f98705e4c267e1c7ea3560526337d5c748a4674fe"
		      "c362343123c5d1b357f38667fd3cf174bb51113b49228438afa7a79e1e6892d5"
		      "5e641c5c4376601d64e6007b23bc74ed15d76232bbe3df1fed15925df352cbd0"
		      "7c76655904f923b6252742b27bfab3548dcca39f9e46",
	[AUTH_SHA256] = "61861acc6b4cd1f3431e882a5b24f52cf760cf96e5b4bf902eff05bc2d5d8fc8"
			"d0ce308ff5cd41458a40c46462e1f39900fd11dd439d29df683a907d9ce24175"
			"3b0aaba9d1365b4576d283b6e9b0440e14aa437e178d32c12268cb6b23f01e07"
			"b4ef65f165a629b82187de71bac943076a726a4e34bba191f905e898e00a3ddb"
			"b78b265d919a94c74c2036a08979459de7eef7ef3590",
	[AUTH_SHA384] = "5570004b8416a806f217ae788ba6c9f2ee1434644235f553101d50d9a4b40863"
			"a0b0df3c9e1c2d7ae142a5b6e8d45cf4c830fcd27aae0e81a75c950a62aa8c19"
			"2ca4f017cc32e9aa8367a642828aae6f69452fa4a48e4e49733113afe4589213"
			"517d734eac8e3bdf9c00dfdd8632b6e6df2360fba89c35e57f5626107e3e61e4"
			"285c122ef19ebf13c83d722cebd457e5553d864c73ea",
	[AUTH_SHA512] = "ad9e592491e4e9a0c53a6b6a724c47754e7f3ee6d381e180b0f8f3def3c9f932"
			"cdfaa8ef58c06892cb3c0a66e57948bafd3086a99b54f59100d15d16d5a9ed51"
			"2cb6348e586ea4ffdd39fa767411bffa8229b3b64e6c7efd278971dcea4ef379"
			"0d5919deb7b5e70a2dbf6f7693ea004c733b45b290a9e62afdc68dae24725b97"
			"5374338ec77c7de5dc69fb7c90a43ed933199be5643b",
};

static void prf_plus_gives_known_answers(void **state)
{
	struct hex key = hex("101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f");
	uint8_t seed[64], out[151];

	for (unsigned i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)(0x80 + i);
	for (unsigned prf = AUTH_SHA1; prf < AUTH_COUNT; prf++) {
		const struct ike_chunk in[] = { { seed, 20 }, { seed + 20, 44 } };
		struct hex want = hex(prf_plus[prf]);

		for (size_t n = 0; n <= want.n; n++) {
			memset(out, 0xee, sizeof(out));
			assert_int_equal(ike_prf_plus(prf, key.b, key.n, in, 2, out, n), 0);
			assert_memory_equal(out, want.b, n);
			assert_int_equal(out[n], 0xee);
		}
	}
}

/* The counter is one byte, so 255 blocks are all there is; the last 16 bytes of them by Python. */
static void prf_plus_ends_at_255_blocks(void **state)
{
	static const char *const last[AUTH_COUNT] = {
		[AUTH_SHA1] = "9f8d103e632f0bfa53e700beda199964",
		[AUTH_SHA256] = "37be94fbca21412c232ffbcc37b34431",
		[AUTH_SHA384] = "84f87f162a7e10ef36f64e997a6d561d",
		[AUTH_SHA512] = "9d2b820d2d53dd87eaa196cec076e2c2",
	};
	static uint8_t out[255 * IKE_HASH_MAX + 1];
	struct hex key = hex("101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f");
	uint8_t seed[64];
	const struct ike_chunk in = { seed, sizeof(seed) };

	for (unsigned i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)(0x80 + i);
	for (unsigned prf = AUTH_SHA1; prf < AUTH_COUNT; prf++) {
		size_t max = 255u * algo_auths[prf].out_bytes;
		struct hex want = hex(last[prf]);

		assert_int_equal(ike_prf_plus(prf, key.b, key.n, &in, 1, out, max), 0);
		assert_memory_equal(out + max - want.n, want.b, want.n);
		assert_int_equal(ike_prf_plus(prf, key.b, key.n, &in, 1, out, max + 1), -EINVAL);
	}
}

static void unknown_prfs_are_refused(void **state)
{
	const struct ike_chunk in[IKE_PRF_PLUS_SEEDS + 1] = { { "x", 1 } };
	uint8_t out[IKE_HASH_MAX];

	assert_int_equal(ike_prf(AUTH_NONE, "k", 1, in, 1, out), -EINVAL);
	assert_int_equal(ike_prf(AUTH_COUNT, "k", 1, in, 1, out), -EINVAL);
	assert_int_equal(ike_prf_plus(AUTH_NONE, "k", 1, in, 1, out, 1), -EINVAL);
	assert_int_equal(ike_prf_plus(AUTH_COUNT, "k", 1, in, 1, out, 1), -EINVAL);
	assert_int_equal(ike_prf_plus(AUTH_SHA1, "k", 1, in, IKE_PRF_PLUS_SEEDS + 1, out, 1),
			 -EINVAL);
}

/* FIPS 180-4's "abc", in pieces. */
static void sha1_gives_known_answer(void **state)
{
	const struct ike_chunk in[] = { { "a", 1 }, { "", 0 }, { "bc", 2 } };
	struct hex want = hex("a9993e364706816aba3e25717850c26c9cd0d89d");
	uint8_t out[IKE_SHA1_BYTES];

	assert_int_equal(ike_sha1(in, 3, out), 0);
	assert_memory_equal(out, want.b, want.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prfs_give_known_answers),
		cmocka_unit_test(prf_plus_gives_known_answers),
		cmocka_unit_test(prf_plus_ends_at_255_blocks),
		cmocka_unit_test(unknown_prfs_are_refused),
		cmocka_unit_test(sha1_gives_known_answer),
	};

	return cmocka_run_group_tests_name("ike/crypto: prf", tests, NULL, NULL);
}
