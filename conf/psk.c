#include "conf/psk.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define PSK_GENERATED 32

static bool is_printable(const struct secret *s)
{
	for (unsigned i = 0; i < s->len; i++)
		if (s->data[i] < 0x20 || s->data[i] > 0x7e)
			return false;
	return true;
}

static bool starts(const struct secret *s, const char *two)
{
	return s->len >= 2 && memcmp(s->data, two, 2) == 0;
}

static bool decode(const struct secret *text, uint8_t *out, size_t *n)
{
	static const int base64[] = { sodium_base64_VARIANT_ORIGINAL,
				      sodium_base64_VARIANT_ORIGINAL_NO_PADDING };
	const char *p = (const char *)text->data + 2;
	size_t len = text->len - 2u;

	if (starts(text, "0x"))
		return sodium_hex2bin(out, SECRET_MAX, p, len, NULL, n, NULL) == 0 && *n * 2 == len;
	for (unsigned i = 0; i < 2; i++)
		if (sodium_base642bin(out, SECRET_MAX, p, len, NULL, n, NULL, base64[i]) == 0)
			return true;
	return false;
}

struct secret *psk_parse(const struct secret *text, const char **fault)
{
	struct secret *out = NULL, *raw;
	size_t n;

	*fault = "is longer than 128 bytes";
	if (text == NULL)
		return NULL;
	raw = secret_new(SECRET_MAX);
	if (raw == NULL) {
		*fault = "finds no memory";
		return NULL;
	}
	if (starts(text, "0x") || starts(text, "0s")) {
		*fault = starts(text, "0x")
				 ? "starts with 0x, but pairs of hex digits do not follow"
				 : "starts with 0s, but base64 does not follow";
		if (!decode(text, raw->data, &n))
			goto out;
	} else {
		*fault = "holds a character that is not printable ASCII (write it as 0x and hex)";
		if (!is_printable(text))
			goto out;
		n = text->len;
		memcpy(raw->data, text->data, n);
	}
	*fault = n == 0 ? "is empty" : "is longer than 128 bytes";
	if (n == 0 || n > PSK_BYTES_MAX)
		goto out;
	out = secret_from(raw->data, n);
	*fault = "finds no memory";
out:
	secret_free(raw);
	return out;
}

struct secret *psk_format(const struct secret *key)
{
	struct secret *s;

	if (key->len > 0 && is_printable(key) && !starts(key, "0x") && !starts(key, "0s"))
		return secret_copy(key);
	s = secret_new(2u + 2u * key->len + 1u);
	if (s == NULL)
		return NULL;
	memcpy(s->data, "0x", 2);
	sodium_bin2hex((char *)s->data + 2, 2u * key->len + 1u, key->data, key->len);
	s->len--; /* the NUL */
	return s;
}

struct secret *psk_generate(void)
{
	static const char alphabet[] = "0123456789"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz";
	struct secret *s = secret_new(PSK_GENERATED);

	for (unsigned i = 0; s != NULL && i < PSK_GENERATED; i++)
		s->data[i] = (uint8_t)alphabet[randombytes_uniform(sizeof(alphabet) - 1)];
	return s;
}
