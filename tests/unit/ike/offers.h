/* Offers in tests, in a notation short enough for tables. */
#ifndef TESTS_UNIT_IKE_OFFERS_H
#define TESTS_UNIT_IKE_OFFERS_H

#include "ike/proposal.h"

#include "tests/unit/ike/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPI_ESP 0xc0ffee01u
#define SPI_IKE 0x0102030405060708u

/* A peer's SA payload, as "e12:128 p5 i12 k19 | e20:256 p6 k31": a letter for the transform's type
 * (n: ESN, x: a type that nobody knows), its number, a key length. Written by this test's own hand,
 * not by ike_offer_emit(). */
struct body {
	size_t n;
	uint8_t b[8192];
};

static inline void put(struct body *b, unsigned bytes, uint64_t v)
{
	while (bytes-- > 0)
		b->b[b->n++] = (uint8_t)(v >> 8 * bytes);
}

static inline void put_transform(struct body *b, const char *text, bool last)
{
	static const char letters[] = "_epikn";
	const char *letter = strchr(letters, text[0]), *colon = strchr(text, ':');

	put(b, 1, last ? 0 : 3);
	put(b, 1, 0);
	put(b, 2, colon ? 12 : 8);
	put(b, 1, letter ? (unsigned)(letter - letters) : 99);
	put(b, 1, 0);
	put(b, 2, (unsigned)atoi(text + 1));
	if (colon) {
		put(b, 2, 0x800e);
		put(b, 2, (unsigned)atoi(colon + 1));
	}
}

static inline struct body body_of(const char *text, enum ike_protocol protocol, unsigned spi_bytes)
{
	struct body b = { 0 };
	char copy[512], *rest = copy, *one;
	uint8_t number = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((one = strsep(&rest, "|")) != NULL) {
		size_t start = b.n;
		uint8_t count = 0;
		char *t, *save = NULL, *next;

		put(&b, 1, rest ? 2 : 0);
		put(&b, 3, 0);
		put(&b, 1, ++number);
		put(&b, 1, protocol);
		put(&b, 1, spi_bytes);
		put(&b, 1, 0);
		put(&b, spi_bytes, spi_bytes == 8 ? SPI_IKE : SPI_ESP);
		for (t = strtok_r(one, " ", &save); t; t = next) {
			next = strtok_r(NULL, " ", &save);
			put_transform(&b, t, next == NULL);
			count++;
		}
		b.b[start + 2] = (uint8_t)((b.n - start) >> 8);
		b.b[start + 3] = (uint8_t)(b.n - start);
		b.b[start + 7] = count;
	}
	return b;
}

static inline void parse(struct ike_offer *o, const char *text, enum ike_protocol protocol,
			 unsigned spi_bytes)
{
	struct body b = body_of(text, protocol, spi_bytes);

	assert_int_equal(ike_offer_parse(o, protocol, spi_bytes, (struct view){ b.b, b.n }), 0);
}

static inline struct algo_list list(const char *names, unsigned (*by_name)(const char *))
{
	struct algo_list l = { 0 };
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", names);
	for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
		assert_int_not_equal(by_name(t), 0);
		assert_true(algo_list_add(&l, by_name(t)));
	}
	return l;
}

static inline unsigned cipher_by_name(const char *name)
{
	return algo_cipher_by_name(name);
}
static inline unsigned auth_by_name(const char *name)
{
	return algo_auth_by_name(name);
}
static inline unsigned dh_by_name(const char *name)
{
	return algo_dh_by_name(name);
}

/* The same lists for IKE and ESP, so that one notation serves both. */
static inline struct ike_settings tunnel(const char *ciphers, const char *auths, const char *dhs,
					 bool esn)
{
	struct ike_settings t = { .esn = esn };

	t.ike_cipher = t.esp_cipher = list(ciphers, cipher_by_name);
	t.ike_auth = t.esp_auth = list(auths, auth_by_name);
	t.ike_dh = t.esp_pfs = list(dhs, dh_by_name);
	return t;
}

static inline unsigned spi_bytes_of(enum ike_protocol protocol)
{
	return protocol == IKE_PROTOCOL_ESP ? 4 : 8;
}

#endif
