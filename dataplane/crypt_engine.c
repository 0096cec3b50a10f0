/* Which code serves this CPU, and how it wants its keys. */
#include "dataplane/crypt_engine.h"

#include "dataplane/cbc_proof.h"
#include "dataplane/eal.h"
#include "dataplane/gcm_proof.h"
#include "dataplane/hmac_proof.h"
#include "dataplane/sa.h"

#include <rte_malloc.h>

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum crypt_kind crypt_kind(enum algo_cipher cipher, enum algo_auth auth)
{
	switch (cipher) {
	case CIPHER_AES128_GCM:
		return auth == AUTH_NONE ? CRYPT_GCM128 : CRYPT_KINDS;
	case CIPHER_AES192_GCM:
		return auth == AUTH_NONE ? CRYPT_GCM192 : CRYPT_KINDS;
	case CIPHER_AES256_GCM:
		return auth == AUTH_NONE ? CRYPT_GCM256 : CRYPT_KINDS;
	case CIPHER_CHACHA20_POLY1305:
		return auth == AUTH_NONE ? CRYPT_CHACHA : CRYPT_KINDS;
	default:
		return cbc_kind(cipher, auth);
	}
}

__attribute__((format(printf, 2, 3))) static void name_more(struct crypt *c, const char *format,
							    ...)
{
	size_t n = strlen(c->name);
	va_list args;

	va_start(args, format);
	vsnprintf(c->name + n, sizeof(c->name) - n, format, args);
	va_end(args);
}

/* Whose code for this algorithm: ours of this name (NULL: none), or IPsec-MB's. */
static void name_code(struct crypt *c, const char *what, const char *ours, const char *refused)
{
	name_more(c, ", %s %s%s%s", ours ? "own" : "its", what, ours ? " with " : "",
		  ours ? ours : "");
	if (refused)
		name_more(c, " (the one with %s failed its self-test)", refused);
}

static void name_engine(struct crypt *c, IMB_ARCH arch)
{
	static const char *const archs[] = {
		[IMB_ARCH_NONE] = "none", [IMB_ARCH_NOAESNI] = "no AES-NI",
		[IMB_ARCH_SSE] = "SSE",	  [IMB_ARCH_AVX] = "AVX",
		[IMB_ARCH_AVX2] = "AVX2", [IMB_ARCH_AVX512] = "AVX512",
	};
	static const struct {
		uint64_t bit;
		const char *name;
	} features[] = {
		{ IMB_FEATURE_VAES, "VAES" },
		{ IMB_FEATURE_VPCLMULQDQ, "VPCLMULQDQ" },
		{ IMB_FEATURE_GFNI, "GFNI" },
		{ IMB_FEATURE_SHANI, "SHA-NI" },
	};
	const char *before = " (";

	name_more(c, "IPsec-MB %s %s", imb_get_version_str(),
		  arch < IMB_ARCH_NUM ? archs[arch] : "unknown");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (c->mgr->features & features[i].bit) {
			name_more(c, "%s%s", before, features[i].name);
			before = ", ";
		}
	if (before[0] == ',')
		name_more(c, ")");
	if (c->shani)
		name_more(c, ", SHA-256 with SHA-NI");
	name_code(c, "AES-GCM", c->vectors ? c->vectors->name : NULL, c->refused);
	name_code(c, "AES-CBC", c->cbc.wide ? c->cbc.wide->name : NULL, c->refused_cbc);
	name_code(c, "SHA-1", c->cbc.sha1 ? "SHA-NI" : NULL, c->refused_sha1);
	c->fast = !c->refused && !c->refused_cbc && !c->refused_sha1 &&
		  arch >= (__builtin_cpu_supports("avx512f") ? IMB_ARCH_AVX512
			   : __builtin_cpu_supports("avx2")  ? IMB_ARCH_AVX2
							     : IMB_ARCH_SSE);
}

static IMB_MGR *new_manager(int socket)
{
	void *mem = eal_zalloc("crypt-mgr", imb_get_mb_mgr_size(), socket);
	IMB_MGR *m = mem ? imb_set_pointers_mb_mgr(mem, 0, 1) : NULL;

	if (!m)
		rte_free(mem);
	return m;
}

static void free_manager(IMB_MGR *m)
{
	if (!m)
		return;
	sodium_memzero(m, imb_get_mb_mgr_size());
	rte_free(m);
}

/* IPsec-MB 1.3 takes its code for AVX2 on every CPU that has it and no AVX-512; its code for SSE
 * knows SHA-NI, and takes half the cycles for SHA-256 (1424 bytes, Zen 3: 1300 and 2580; SHA-1:
 * 1350 and 1200). */
static bool wants_shani(const struct crypt *c, IMB_ARCH arch)
{
	return arch == IMB_ARCH_AVX2 && c->mgr->features & IMB_FEATURE_SHANI;
}

/* None that this CPU does not prove: wrong tags would stop every tunnel, and say nothing why. */
static void choose_gcm(struct crypt *c)
{
	for (c->vectors = gcm_choose(NULL); c->vectors && !gcm_proved(c->vectors, c->mgr);
	     c->vectors = gcm_choose(c->vectors))
		if (!c->refused)
			c->refused = c->vectors->name;
}

/* For the CPUs for which IPsec-MB takes its code for AVX2. */
static const struct cbc_engine *choose_cbc(struct crypt *c, IMB_ARCH arch)
{
	if (arch != IMB_ARCH_AVX2 || !cbc_wide_runs())
		return NULL;
	if (cbc_proved(&cbc_wide, c->mgr))
		return &cbc_wide;
	c->refused_cbc = cbc_wide.name;
	return NULL;
}

static hmac_fn choose_sha1(struct crypt *c, IMB_ARCH arch)
{
	if (arch != IMB_ARCH_AVX2 || !hmac_sha1_runs())
		return NULL;
	if (hmac_sha1_proved(hmac_sha1, c->mgr))
		return hmac_sha1;
	c->refused_sha1 = "SHA-NI";
	return NULL;
}

struct crypt *crypt_new(int socket, const char **error)
{
	struct crypt *c = eal_zalloc("crypt", sizeof(*c), socket);
	IMB_ARCH arch;

	if (!c) {
		*error = "no memory for IPsec-MB's manager";
		goto out;
	}
	c->mgr = new_manager(socket);
	if (!c->mgr) {
		*error = "no memory for IPsec-MB's manager, or it does not know this CPU";
		goto out;
	}
	init_mb_mgr_auto(c->mgr, &arch);
	if (arch == IMB_ARCH_NONE || imb_get_errno(c->mgr)) {
		*error = "IPsec-MB does not support this CPU";
		goto out;
	}
	if (c->mgr->features & IMB_FEATURE_SELF_TEST &&
	    !(c->mgr->features & IMB_FEATURE_SELF_TEST_PASS)) {
		*error = "IPsec-MB failed its self-test";
		goto out;
	}
	if (wants_shani(c, arch)) {
		c->shani = new_manager(socket);
		if (!c->shani) {
			*error = "no memory for IPsec-MB's manager";
			goto out;
		}
		init_mb_mgr_sse(c->shani);
	}
	choose_gcm(c);

	c->seal[CRYPT_GCM128] = c->mgr->gcm128_enc;
	c->seal[CRYPT_GCM192] = c->mgr->gcm192_enc;
	c->seal[CRYPT_GCM256] = c->mgr->gcm256_enc;
	c->open[CRYPT_GCM128] = c->mgr->gcm128_dec;
	c->open[CRYPT_GCM192] = c->mgr->gcm192_dec;
	c->open[CRYPT_GCM256] = c->mgr->gcm256_dec;

	cbc_init(&c->cbc, c->mgr, c->shani, choose_cbc(c, arch), choose_sha1(c, arch));
	name_engine(c, arch);
	return c;
out:
	crypt_free(c);
	return NULL;
}

void crypt_free(struct crypt *c)
{
	if (!c)
		return;
	free_manager(c->mgr);
	free_manager(c->shani);
	sodium_memzero(c, sizeof(*c));
	rte_free(c);
}

const char *crypt_engine_name(const struct crypt *c)
{
	return c->name;
}

bool crypt_engine_fast(const struct crypt *c)
{
	return c->fast;
}

/* ---- keys ------------------------------------------------------------------------------- */

size_t crypt_key_bytes(const struct crypt *c, enum crypt_kind kind)
{
	const union sa_keys *k = NULL;

	if (kind <= CRYPT_GCM256)
		return c->vectors ? sizeof(k->vector) : sizeof(k->gcm);
	return kind == CRYPT_CHACHA ? sizeof(k->chacha) : sizeof(k->cbc);
}

uint8_t crypt_key_powers(const struct crypt *c, enum crypt_kind kind)
{
	return kind <= CRYPT_GCM256 && c->vectors ? c->vectors->most_powers : 0;
}

static void expand_gcm(const struct crypt *c, struct gcm_key_data *to, enum crypt_kind kind,
		       const uint8_t *key)
{
	if (kind == CRYPT_GCM128)
		IMB_AES128_GCM_PRE(c->mgr, key, to);
	else if (kind == CRYPT_GCM192)
		IMB_AES192_GCM_PRE(c->mgr, key, to);
	else
		IMB_AES256_GCM_PRE(c->mgr, key, to);
}

static void expand_vector(const struct crypt *c, struct gcm_key *to, enum crypt_kind kind,
			  const uint8_t *key)
{
	struct gcm_key_data all;

	expand_gcm(c, &all, kind, key);
	gcm_expand(to, kind - CRYPT_GCM128, all.expanded_keys);
	sodium_memzero(&all, sizeof(all));
}

void crypt_expand(const struct crypt *c, union sa_keys *to, enum crypt_kind kind, bool inbound,
		  const uint8_t *cipher_key, const uint8_t *auth_key)
{
	switch (kind) {
	case CRYPT_GCM128:
	case CRYPT_GCM192:
	case CRYPT_GCM256:
		if (c->vectors)
			expand_vector(c, &to->vector, kind, cipher_key);
		else
			expand_gcm(c, &to->gcm, kind, cipher_key);
		break;
	case CRYPT_CHACHA:
		memcpy(to->chacha, cipher_key, sizeof(to->chacha));
		break;
	default:
		cbc_expand(c->mgr, &to->cbc, kind, inbound, cipher_key, auth_key);
		break;
	}
}
