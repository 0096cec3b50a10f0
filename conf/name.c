#include "conf/name.h"

#include <locale.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <wctype.h>

static locale_t any_script;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load_locale(void)
{
	any_script = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static bool is_letter_or_digit(uint32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	pthread_once(&once, load_locale);
	/* A system without that locale has no tables: then take everything beyond Latin-1's signs.
	 */
	return any_script != (locale_t)0 ? iswalnum_l((wint_t)c, any_script) != 0 : c > 0xbf;
}

/* One character of UTF-8 (RFC 3629): shortest form only, no surrogates. 0: none here. */
static uint32_t utf8_next(const uint8_t **p)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const uint8_t *s = *p;
	unsigned more = s[0] < 0x80		? 0
			: (s[0] & 0xe0) == 0xc0 ? 1
			: (s[0] & 0xf0) == 0xe0 ? 2
			: (s[0] & 0xf8) == 0xf0 ? 3
						: 4;
	uint32_t c;

	if (more == 4)
		return 0;
	c = more == 0 ? s[0] : s[0] & (0x3fu >> more);
	for (unsigned i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*p = s + more + 1;
	return c;
}

long name_chars(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	long n = 0;

	for (; *p != '\0'; n++)
		if (utf8_next(&p) == 0)
			return -1;
	return n;
}

const char *name_fault(const char *name)
{
	const uint8_t *p = (const uint8_t *)name;
	long chars = name_chars(name);

	if (chars < 0)
		return "is not UTF-8";
	if (chars == 0)
		return "is empty";
	if (chars > NAME_CHARS_MAX)
		return "is longer than 32 characters";
	while (*p != '\0') {
		uint32_t c = utf8_next(&p);

		if (c != '_' && c != '-' && !is_letter_or_digit(c))
			return "holds a character that is not allowed";
	}
	return NULL;
}

#define DISTANCE_MAX_LEN 40

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits from a to b: a character put in, left out or replaced, or two neighbours swapped. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][DISTANCE_MAX_LEN + 1]; /* of the last two characters of a, and this one */
	size_t na = strlen(a), nb = strlen(b);

	if (na > DISTANCE_MAX_LEN || nb > DISTANCE_MAX_LEN)
		return DISTANCE_MAX_LEN;
	for (unsigned j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= na; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			row[j] = least(row[j - 1], above[j]) + 1;
			row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + 1);
		}
	}
	return rows[na % 3][nb];
}

int name_nearest(const char *typed, const char *const *names, unsigned n)
{
	size_t len = strlen(typed);
	unsigned best = len < 4 ? 2 : len < 8 ? 3 : 4; /* anything further is no typing mistake */
	int found = -1;

	for (unsigned i = 0; i < n; i++) {
		unsigned d = distance(typed, names[i]);

		if (d < best) {
			best = d;
			found = (int)i;
		}
	}
	return found;
}
