/* Bytes of test vectors, written as hex; blanks and colons between them do not count. */
#ifndef TESTS_UNIT_IKE_HEX_H
#define TESTS_UNIT_IKE_HEX_H

#include "tests/unit/unit.h"

#include <sodium.h>
#include <string.h>

#define HEX_MAX 1024

struct hex {
	size_t n;
	uint8_t b[HEX_MAX];
};

static inline struct hex hex(const char *text)
{
	struct hex h = { 0 };
	const char *end = NULL;

	assert_int_equal(sodium_hex2bin(h.b, sizeof(h.b), text, strlen(text), " :", &h.n, &end), 0);
	assert_int_equal(*end, '\0');
	return h;
}

#endif
