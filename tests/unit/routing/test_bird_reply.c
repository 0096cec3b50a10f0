/* BIRD's lines, and the words in them. Streams are what BIRD 2.0.12 sent, unless they are nonsense.
 */
#include "tests/unit/unit.h"

#include "routing/bird_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "KIND CODE|text" of each line that the stream has, delivered in pieces of the given size. */
static const char *lines_of(const char *stream, size_t n, size_t piece)
{
	static const char kinds[] = "ML+<?";
	static char said[4096];
	static struct bird_reader reader;
	size_t len = 0;

	bird_reader_reset(&reader);
	said[0] = '\0';
	for (size_t at = 0; at < n; at += piece) {
		size_t size = n - at < piece ? n - at : piece;
		char *copy = malloc(size);
		struct bird_text input = { copy, size };
		struct bird_line line;

		assert_non_null(copy);
		memcpy(copy, stream + at, size);
		while (bird_reader_next(&reader, &input, &line)) {
			len += (size_t)snprintf(
				said + len, sizeof(said) - len, "%c%u|%.*s\n", kinds[line.kind],
				line.kind == BIRD_LINE_LOST ? (unsigned)line.lost : line.code,
				(int)line.text.n, line.text.p);
			assert_true(len < sizeof(said));
		}
		assert_int_equal(input.n, 0);
		free(copy);
	}
	return said;
}

static void streams(void **state)
{
	static const struct {
		const char *stream, *lines;
	} cases[] = {
		{ "0001 BIRD 2.0.12 ready.\n", "L1|BIRD 2.0.12 ready.\n" },
		{ "1007-Table gw_1:\n 10.1.0.0/24 unicast\n \tvia x\n1008-\tType\n0000 \n",
		  "M1007|Table gw_1:\nM1007|10.1.0.0/24 unicast\nM1007|\tvia x\nM1008|\tType\nL0|\n" },
		{ "0003-Daemon is up and running\n0000 \n", "M3|Daemon is up and running\nL0|\n" },
		{ "1011-a\n+tun_1: up\n b\n<862 messages lost>\n c\n0013 d\n",
		  "M1011|a\n+0|tun_1: up\nM1011|b\n<862|<862 messages lost>\nM1011|c\nL13|d\n" },
		{ "8001 Network not found\n9001 syntax error\n",
		  "L8001|Network not found\nL9001|syntax error\n" },
		/* no line before it that has a code */
		{ " alone\n0000 \n again\n", "?0| alone\nL0|\n?0| again\n" },
		{ "\n000 \n00x0 a\n0000\n1007*x\n+\n",
		  "?0|\n?0|000 \n?0|00x0 a\n?0|0000\n?0|1007*x\n+0|\n" },
		{ "< messages lost>\n<1x messages lost>\n<1 messages lost\n",
		  "?0|< messages lost>\n?0|<1x messages lost>\n?0|<1 messages lost\n" },
		{ "<99999999999999999999 messages lost>\n",
		  "?0|<99999999999999999999 messages lost>\n" },
		{ "0000 no end", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece <= strlen(cases[i].stream); piece++)
			assert_string_equal(
				lines_of(cases[i].stream, strlen(cases[i].stream), piece),
				cases[i].lines);
}

static void long_lines(void **state)
{
	static struct bird_reader reader;
	size_t n = 3 * BIRD_LINE_BYTES;
	char *stream = malloc(n + 6);

	assert_non_null(stream);
	memset(stream, 'x', n);
	memcpy(stream, "1007-", 5);
	memcpy(stream + n - 1, "\n0000 \n", 7);
	for (size_t piece = 1; piece < n; piece += 997) {
		unsigned lines = 0;

		bird_reader_reset(&reader);
		for (size_t at = 0; at < n + 6; at += piece) {
			struct bird_text input = { stream + at,
						   n + 6 - at < piece ? n + 6 - at : piece };
			struct bird_line line;

			while (bird_reader_next(&reader, &input, &line)) {
				if (lines++ == 0)
					assert_int_equal(line.text.n, BIRD_LINE_BYTES - 5);
				else
					assert_int_equal(line.kind, BIRD_LINE_LAST);
			}
		}
		assert_int_equal(lines, 2);
	}
	free(stream);
}

static void events(void **state)
{
	static const struct {
		const char *text;
		enum bird_event_kind kind;
		uint32_t session;
		const char *prefix;
	} cases[] = {
#define ROUTE	BIRD_EVENT_ROUTE
#define SESSION BIRD_EVENT_SESSION
#define OTHER	BIRD_EVENT_OTHER
		{ "tun_1.ipv4 > added [best] 10.2.0.0/24 0L 3G unicast", ROUTE, 1, "10.2.0.0/24" },
		{ "tun_1.ipv4 > added 10.99.0.0/16 0L 3G unicast", ROUTE, 1, "10.99.0.0/16" },
		{ "tun_7.ipv4 > removed [sole] 0.0.0.0/0 0L 3G unicast", ROUTE, 7, "0.0.0.0/0" },
		{ "tun_7.ipv4 > removed [replaced] 10.1.0.0/24", ROUTE, 7, "10.1.0.0/24" },
		{ "tun_7.ipv6 > updated [best] 2001:db8::/32 x", ROUTE, 7, "2001:db8::/32" },
		{ "tun6_7.ipv6 > added [best] ::/0 0L 3G unicast", ROUTE, 7, "::/0" },
		/* to the peer; other protocols; host bits; no prefix */
		{ "tun_1.ipv4 < added 10.2.0.0/24 0L 3G unicast", OTHER, 0, NULL },
		{ "ann_1.ipv4 > added [best] 10.2.0.0/24 0L 3G unicast", OTHER, 0, NULL },
		{ "tun_1.ipv4 > added [best] 10.2.0.1/24 0L 3G unicast", OTHER, 0, NULL },
		{ "tun_1.ipv4 > added [best] 10.2.0.0 0L", OTHER, 0, NULL },
		{ "tun_1.ipv4 >", OTHER, 0, NULL },
		{ "tun_1.ipv4", OTHER, 0, NULL },
		{ "tun_1: State changed to up", SESSION, 1, NULL },
		{ "tun6_3: BGP session established", SESSION, 3, NULL },
		{ "tun_1: Reconfigured", SESSION, 1, NULL },
		{ "device1: Reconfigured", OTHER, 0, NULL },
		{ "Reconfigured", BIRD_EVENT_RECONFIGURED, 0, NULL },
		{ "Reconfiguring", OTHER, 0, NULL },
		{ "tun_: x", OTHER, 0, NULL },
		{ "", OTHER, 0, NULL },
		{ ".", OTHER, 0, NULL },
		{ ":", OTHER, 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bird_event event = bird_event_parse(
			(struct bird_text){ cases[i].text, strlen(cases[i].text) });
		char prefix[PREFIX_STR_MAX];

		if (event.kind != cases[i].kind)
			fail_msg("%s: %d", cases[i].text, event.kind);
		if (event.kind == ROUTE || event.kind == SESSION)
			assert_int_equal(event.session, cases[i].session);
		if (event.kind == ROUTE)
			assert_string_equal(prefix_format(&event.prefix, prefix), cases[i].prefix);
	}
}

static void copies(void **state)
{
	char buf[8];

	assert_string_equal(bird_text_copy(buf, 8,
					   (struct bird_text){ "  a\x1b\xc3"
							       "b  ",
							       8 }),
			    "a??b");
	assert_string_equal(bird_text_copy(buf, 4, (struct bird_text){ "abcdef", 6 }), "abc");
	assert_string_equal(bird_text_copy(buf, 8, (struct bird_text){ "   ", 3 }), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(events),
		cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
