#include "ike/v1/keys.h"

#include "tests/unit/ike/hex.h"

/* RFC 2409 has no test vectors: these were made with Python's hmac and hashlib. Inputs are bytes
 * that count up from a start of their own. */
struct vector {
	enum algo_auth prf;
	enum algo_cipher cipher;
	size_t group; /* bytes of a public value and of the secret */
	const char *skeyid, *d, *a, *key, *hash_i, *hash_r, *iv, *iv_exchange, *keymat, *keymat_pfs;
};

static const struct vector vectors[] = {
	{
		AUTH_SHA1,
		CIPHER_AES128_CBC,
		128,
		.skeyid = "02c160d57dd1d943887ca227e4545e2f8e049fc6",
		.d = "a2110bc8cb749a8f2933c2b2dfd843210a2219b9",
		.a = "325711dcd7d4980d66c3c52ed99fad98f6fe75ea",
		.key = "55360329a565e16cadb4a93dc90942f9",
		.hash_i = "be162804a731762b27ae81487bff28fbbb57a4c9",
		.hash_r = "baaaab44375cc23c1e65fafc66726fd4aa6aab7e",
		.iv = "7b73399e0c71ad594f33a7253037a9c9",
		.iv_exchange = "5c8132072efa9147169d2ad1dc8aacbf",
		.keymat = "99e98cc98304733f119bc1c6587e816714bf998eca67455090399d700770a78c"
			  "b40acb708c7363faf9e865ee6989c1845891f4c1",
		.keymat_pfs = "ca313ce1956e3d6be96875ad896a9cb31cb4f6a7896b538ae44388a23eeda3a5"
			      "5fd6140dc8e87c98fb50fe395aa3efb434b643fd",
	},
	{
		AUTH_SHA1,
		CIPHER_3DES_CBC,
		128,
		.skeyid = "02c160d57dd1d943887ca227e4545e2f8e049fc6",
		.d = "a2110bc8cb749a8f2933c2b2dfd843210a2219b9",
		.a = "325711dcd7d4980d66c3c52ed99fad98f6fe75ea",
		.key = "f218fabde99fb4d22a3869e57f058195823cab038b2bae25",
		.hash_i = "be162804a731762b27ae81487bff28fbbb57a4c9",
		.hash_r = "baaaab44375cc23c1e65fafc66726fd4aa6aab7e",
		.iv = "7b73399e0c71ad594f33a7253037a9c9",
		.iv_exchange = "a07f7e31fd841a60",
		.keymat = "99e98cc98304733f119bc1c6587e816714bf998eca67455090399d700770a78c"
			  "b40acb708c7363faf9e865ee6989c1845891f4c1",
		.keymat_pfs = "ca313ce1956e3d6be96875ad896a9cb31cb4f6a7896b538ae44388a23eeda3a5"
			      "5fd6140dc8e87c98fb50fe395aa3efb434b643fd",
	},
	{
		AUTH_SHA1,
		CIPHER_AES256_CBC,
		192,
		.skeyid = "02c160d57dd1d943887ca227e4545e2f8e049fc6",
		.d = "f48518d6fa1275452d49fceb08a9ef94cd4dfcac",
		.a = "88dade1bafe20e159b3e3023dc9ee338818333eb",
		.key = "6bbc3d671dd240f6ed65a81558133f3e8f139f15063b2196696c4587c2a904f0",
		.hash_i = "03578c8d429c8aecaed0e681ad7b369b6e6abd12",
		.hash_r = "7043be46550904491db7a6fc7f25c30770866e00",
		.iv = "7849a7e56cb00bcbc81f9c3fb6fba023",
		.iv_exchange = "dc64354e9e3e7e4ba94e0b514bdcafb6",
		.keymat = "f0577a284de59053ca9fd4377f967b3c292a1d69bede0a5cc8b37ece66e0cfe4"
			  "c300f9a95846e073a56bf522be0bf0d6a9837a44",
		.keymat_pfs = "f771f37fbc7e690c205b0c7bf05c31ccb42d011a6e1bcffa5771b6d0081c623b"
			      "52203a16e7740ca27ec066dace29c2d393905823",
	},
	{
		AUTH_SHA256,
		CIPHER_AES128_CBC,
		32,
		.skeyid = "b1394674c496848ba9003d8172b875618f49eb32eb1f3dd08168ca64fcb596b7",
		.d = "9f2c367059c44468bc3a966caf47a61c886108333afb11b870e337e80c59f85b",
		.a = "795aa9ed77fcc056a41d2a761a6dfb6b39648152133912ef8987cfc41f494a2e",
		.key = "98ed074bd95429c996608078c6065b8a",
		.hash_i = "6e42c0b3a741dc386fde77d1e99695b73edc6ed517c2d4fba22d3fbcb4255c69",
		.hash_r = "b1f425c5b6353307b81224e737ca56d870a57e2c8e0094b77aeeaf023a4b69bb",
		.iv = "dffc3ae62e4429f3d7b87f3c3825fa20",
		.iv_exchange = "053c86ba44e8fbf96349e9d4349bafab",
		.keymat = "2cb6e54511802f8fc61ec1d30e0d37657cf4ea90e3f823c2ede2b2946ac7742d"
			  "c667e1d10b7daf63bfa0a804a3e13fc8eadc36a5",
		.keymat_pfs = "8001c55b5465299358b0bb7bad582feee19a3384439dbf713c8dd531ddf439bb"
			      "a16f0bb580106a5b06eb4498b3c27d20289d3bc0",
	},
	{
		AUTH_SHA384,
		CIPHER_AES256_CBC,
		48,
		.skeyid = "e8d5e6709e7d47308a0805bd759faa34d1fcf32511cb92be93c343a9c3ee3954"
			  "4a317e56821eb8cf57b3931495c68135",
		.d = "6a698bd2a6def9ae87848a06fd583a761235455656a32dc67d0fffca4deb4c1b"
		     "3d54100e5ae837f46cc994308ec72c20",
		.a = "8b1e5c8888d57bfb89f974d828c8485f00436805097f5c1b283b8260b74a3f73"
		     "5b72733ec934fa0c4fc9e1fa287ab625",
		.key = "09a5051978dfc81a59226c4848c8ce6d5329a741c9c1f749f99abb4df4bfb1a4",
		.hash_i = "726f5ba7134f004a8bd2d527b13ff05182fadd8b638fdf867ad1f6cd3b35e08a"
			  "5f56d9ea369b9a5e792b10b3415d00c9",
		.hash_r = "4d9351848a73d72c7a637d4d2b16f90a3de50389a671e486a30b4928befbf4fc"
			  "e78e7b74206be37afbf9ffec8da87405",
		.iv = "91d3c4a644f593a3cd2236fdbbb73b69",
		.iv_exchange = "9eec5e8624ad63a5c4fb66f2761c333b",
		.keymat = "0d423d194a22fb73c3613735440a26f46d038842ddf14b944aaaea873cd70cab"
			  "428313dba08dac7721b923c2219b89b2c18eede5",
		.keymat_pfs = "55033ab510aaf44bbc5057fa1bc0a6b5ea25b8259cce17bedbd4e37512674391"
			      "7a4f2939e08a05c01a51884b390911f2ce061c21",
	},
	{
		AUTH_SHA512,
		CIPHER_AES192_CBC,
		256,
		.skeyid = "006e0f3111aaa30b8b175014ddbccdd148e06acaa025f1d743279dadd2237c59"
			  "533bb498f2a294154c3ccf63c76c18735c825b7685821b89f2ad20dea87780ae",
		.d = "eaacc88db6d8d66ed2a0e89786e71f4d9b8d3608259b5f90793bade21655d8bb"
		     "5e20325cb0033710c89f26549a0ea7de7ea4a35663a7c6ff1140ad4cf1bacf96",
		.a = "afa264d8834c4ecd3e294f365daba47dac1ac4b0520c9091cda88bd1026ab3d3"
		     "60b6982c8d589f06a24974fa1cb51b74793c113f068487ec2dc4ddc8d7648718",
		.key = "765db9d6f192aed234dd397b785431cab31888a91904ed43",
		.hash_i = "a2a79f4455cb486a8c1cdd3032fa25e7a019c8c1f8f8bf3f72d1705e5ef9e1d1"
			  "65b14a4e8582b3f0a24ebe29446a636f853f4510c46e66052f6f5a691f857c62",
		.hash_r = "db4a90af94ed44b88223c30a1238dae54725268043f09b83e0b2ac1b37f7f73f"
			  "c4475c8d09aee7731ad61a9dd5ec843f24e802a92ae9e2250a0c65507eeb70bf",
		.iv = "8ee646dfcc27d18ad3f4ceb18d17eb16",
		.iv_exchange = "278b24ec97c7aea409aa8e51d3eb4eea",
		.keymat = "377a9da009877fe391bdfd46358afc068617c0b5d76edb179a1cabbe1005455c"
			  "52147fb9e2313e69cafc7e7427b3060c552d394e",
		.keymat_pfs = "4456c8d881c30886d400fd2043568bac45f4874a35b94625244e6de74247481d"
			      "82dc0659ec54cd59fd5cafc8b8e36d79227b5f75",
	},
};

#define CKY_I UINT64_C(0x0011223344556677)
#define CKY_R UINT64_C(0x8899aabbccddeeff)

static struct ike_chunk count_up(uint8_t *buf, uint8_t start, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(start + i);
	return (struct ike_chunk){ buf, n };
}

static void is(const void *p, size_t n, const char *wanted)
{
	struct hex h = hex(wanted);

	assert_int_equal(n, h.n);
	assert_memory_equal(p, h.b, n);
}

static void one(const struct vector *v)
{
	uint8_t ni[16], nr[20], gxy[256], gxi[256], gxr[256], sa[40], id_i[12], id_r[9];
	struct secret *psk = secret_from("correct horse", 13), *skeyid, *shared, *qm;
	size_t size = algo_auths[v->prf].out_bytes, block = algo_ciphers[v->cipher].block_bytes;
	struct ike_chunk nonce_i = count_up(ni, 1, sizeof(ni)),
			 nonce_r = count_up(nr, 100, sizeof(nr)),
			 ke_i = count_up(gxi, 50, v->group), ke_r = count_up(gxr, 150, v->group);
	struct ike_v1_auth auth = { ke_i,
				    ke_r,
				    CKY_I,
				    CKY_R,
				    count_up(sa, 3, sizeof(sa)),
				    count_up(id_i, 30, sizeof(id_i)) };
	struct ike_v1_keymat keymat = { NULL, 3, 0xc0ffee01, nonce_i, nonce_r };
	uint8_t out[64], iv[IKE_V1_IV_BYTES], next[IKE_V1_IV_BYTES];
	struct ike_v1_keys keys;

	count_up(gxy, 7, v->group);
	shared = secret_from(gxy, v->group);
	count_up(gxy, 9, 32);
	qm = secret_from(gxy, 32);
	skeyid = ike_v1_skeyid(v->prf, psk, nonce_i, nonce_r);
	assert_non_null(skeyid);
	is(skeyid->data, skeyid->len, v->skeyid);
	assert_int_equal(ike_v1_derive(&keys, v->prf, v->cipher, skeyid, shared, CKY_I, CKY_R), 0);
	is(keys.d->data, keys.d->len, v->d);
	is(keys.a->data, keys.a->len, v->a);
	is(keys.cipher->data, keys.cipher->len, v->key);

	assert_int_equal(ike_v1_auth_hash(v->prf, skeyid, &auth, out), 0);
	is(out, size, v->hash_i);
	auth = (struct ike_v1_auth){ ke_r,  ke_i,	  CKY_R,
				     CKY_I, auth.sa_body, count_up(id_r, 60, sizeof(id_r)) };
	assert_int_equal(ike_v1_auth_hash(v->prf, skeyid, &auth, out), 0);
	is(out, size, v->hash_r);

	assert_int_equal(ike_v1_iv_phase1(v->prf, ke_i, ke_r, iv), 0);
	is(iv, sizeof(iv), v->iv);
	assert_int_equal(ike_v1_iv_exchange(v->prf, v->cipher, iv, 0xcafe0001, next), 0);
	is(next, block, v->iv_exchange);

	assert_int_equal(ike_v1_keymat(v->prf, keys.d, &keymat, out, 52), 0);
	is(out, 52, v->keymat);
	keymat.shared = qm;
	assert_int_equal(ike_v1_keymat(v->prf, keys.d, &keymat, out, 52), 0);
	is(out, 52, v->keymat_pfs);

	secret_free(psk);
	secret_free(skeyid);
	secret_free(shared);
	secret_free(qm);
	secret_free(keys.d);
	secret_free(keys.a);
	secret_free(keys.cipher);
}

static void keys_hashes_and_ivs(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
		one(&vectors[i]);
	assert_int_equal(secret_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(keys_hashes_and_ivs) };

	assert_int_equal(secret_init(), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
