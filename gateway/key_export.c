#include "gateway/key_export.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct key_export {
	int ike, ike_v1, esp;
};

/* Wireshark's names; NULL: it does not know the algorithm. */
static const char *const ike_ciphers[CIPHER_COUNT] = {
	[CIPHER_3DES_CBC] = "3DES [RFC2451]",
	[CIPHER_AES128_CBC] = "AES-CBC-128 [RFC3602]",
	[CIPHER_AES192_CBC] = "AES-CBC-192 [RFC3602]",
	[CIPHER_AES256_CBC] = "AES-CBC-256 [RFC3602]",
	[CIPHER_AES128_GCM] = "AES-GCM-128 with 16 octet ICV [RFC5282]",
	[CIPHER_AES192_GCM] = "AES-GCM-192 with 16 octet ICV [RFC5282]",
	[CIPHER_AES256_GCM] = "AES-GCM-256 with 16 octet ICV [RFC5282]",
};
static const char *const ike_auths[AUTH_COUNT] = {
	[AUTH_NONE] = "NONE [RFC4306]",
	[AUTH_SHA1] = "HMAC_SHA1_96 [RFC2404]",
	[AUTH_SHA256] = "HMAC_SHA2_256_128 [RFC4868]",
	[AUTH_SHA384] = "HMAC_SHA2_384_192 [RFC4868]",
	[AUTH_SHA512] = "HMAC_SHA2_512_256 [RFC4868]",
};
static const char *const esp_ciphers[CIPHER_COUNT] = {
	[CIPHER_AES128_CBC] = "AES-CBC [RFC3602]",
	[CIPHER_AES192_CBC] = "AES-CBC [RFC3602]",
	[CIPHER_AES256_CBC] = "AES-CBC [RFC3602]",
	[CIPHER_AES128_GCM] = "AES-GCM with 16 octet ICV [RFC4106]",
	[CIPHER_AES192_GCM] = "AES-GCM with 16 octet ICV [RFC4106]",
	[CIPHER_AES256_GCM] = "AES-GCM with 16 octet ICV [RFC4106]",
};
static const char *const esp_auths[AUTH_COUNT] = {
	[AUTH_NONE] = "NULL",
	[AUTH_SHA1] = "HMAC-SHA-1-96 [RFC2404]",
	[AUTH_SHA256] = "HMAC-SHA-256-128 [RFC4868]",
	[AUTH_SHA384] = "HMAC-SHA-384-192 [RFC4868]",
	[AUTH_SHA512] = "HMAC-SHA-512-256 [RFC4868]",
};
#define SHA256_96 "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]"

static int create(const char *folder, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int key_export_open(struct key_export **out, const char *folder)
{
	struct key_export *x = malloc(sizeof(*x));
	int rc = 0;

	if (!x)
		return -ENOMEM;
	x->ike = x->ike_v1 = x->esp = -1;
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		rc = -errno;
	if (rc == 0)
		rc = x->ike = create(folder, "ikev2_decryption_table");
	if (rc >= 0)
		rc = x->ike_v1 = create(folder, "ikev1_decryption_table");
	if (rc >= 0)
		rc = x->esp = create(folder, "esp_sa");
	if (rc < 0) {
		key_export_close(x);
		return rc;
	}
	*out = x;
	return 0;
}

void key_export_close(struct key_export *x)
{
	if (!x)
		return;
	if (x->ike >= 0)
		close(x->ike);
	if (x->ike_v1 >= 0)
		close(x->ike_v1);
	if (x->esp >= 0)
		close(x->esp);
	free(x);
}

#define HEX_MAX (2 * 64 + 1)

static const char *hex(char buf[HEX_MAX], const uint8_t *key, size_t len)
{
	return len <= 64 ? sodium_bin2hex(buf, HEX_MAX, key, len) : "";
}

/* A line in one write, so that a reader never sees half of one. */
static void put(int fd, char *line, int n, size_t room)
{
	if (n > 0 && (size_t)n < room && write(fd, line, (size_t)n) != n)
		n = 0; /* for debugging only: a full disk must not end tunnels */
	sodium_memzero(line, room);
}

static void export_v1(struct key_export *x, const struct ike_keys *k)
{
	char key[HEX_MAX], line[256];
	int n = snprintf(line, sizeof(line), "%016llx,%s\n", (unsigned long long)k->spi_i,
			 hex(key, k->ei, k->e_len));

	put(x->ike_v1, line, n, sizeof(line));
	sodium_memzero(key, sizeof(key));
}

static void export_v2(struct key_export *x, const struct ike_keys *k)
{
	char ei[HEX_MAX], er[HEX_MAX], ai[HEX_MAX], ar[HEX_MAX], line[1024];
	const char *cipher = ike_ciphers[k->cipher];
	int n;

	if (cipher)
		n = snprintf(line, sizeof(line), "%016llx,%016llx,%s,%s,\"%s\",%s,%s,\"%s\"\n",
			     (unsigned long long)k->spi_i, (unsigned long long)k->spi_r,
			     hex(ei, k->ei, k->e_len), hex(er, k->er, k->e_len), cipher,
			     hex(ai, k->ai, k->a_len), hex(ar, k->ar, k->a_len),
			     ike_auths[k->auth]);
	else
		n = snprintf(line, sizeof(line), "# %016llx: Wireshark does not know %s\n",
			     (unsigned long long)k->spi_i, algo_ciphers[k->cipher].name);
	put(x->ike, line, n, sizeof(line));
	sodium_memzero(ei, sizeof(ei));
	sodium_memzero(er, sizeof(er));
	sodium_memzero(ai, sizeof(ai));
	sodium_memzero(ar, sizeof(ar));
}

void key_export_ike(struct key_export *x, const struct ike_keys *k)
{
	if (k->version == 1)
		export_v1(x, k);
	else
		export_v2(x, k);
}

void key_export_esp(struct key_export *x, const struct ike_child_sa *sa)
{
	const struct addr *local = &sa->path.local.addr, *remote = &sa->path.remote.addr;
	char from[ADDR_STR_MAX], to[ADDR_STR_MAX], key[HEX_MAX], auth_key[HEX_MAX], line[1024];
	const char *cipher = esp_ciphers[sa->cipher], *auth = esp_auths[sa->auth];
	int n;

	if (sa->auth == AUTH_SHA256 && sa->icv_bytes == 12)
		auth = SHA256_96;
	addr_format(sa->dir == IKE_IN ? remote : local, from);
	addr_format(sa->dir == IKE_IN ? local : remote, to);
	if (cipher)
		n = snprintf(line, sizeof(line),
			     "\"%s\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"0x%s\",\"%s\",\"%s%s\"\n",
			     local->family == ADDR_IPV4 ? "IPv4" : "IPv6", from, to, sa->spi,
			     cipher, hex(key, sa->cipher_key, sa->cipher_key_len), auth,
			     sa->auth_key_len ? "0x" : "",
			     hex(auth_key, sa->auth_key, sa->auth_key_len));
	else
		n = snprintf(line, sizeof(line), "# 0x%08x: Wireshark does not know %s\n", sa->spi,
			     algo_ciphers[sa->cipher].name);
	put(x->esp, line, n, sizeof(line));
	sodium_memzero(key, sizeof(key));
	sodium_memzero(auth_key, sizeof(auth_key));
}
