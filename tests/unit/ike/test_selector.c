#include "ike/selector.h"

#include "tests/unit/ike/hex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "10.0.0.0/16; 10.9.0.1-10.9.0.7 6 80 443": prefix or range, protocol, ports. */
static struct ike_selectors selectors(const char *text)
{
	struct ike_selectors s = { 0 };
	char copy[512], *rest = copy, *one;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((one = strsep(&rest, ";")) != NULL) {
		struct ike_selector *x = &s.v[s.n];
		unsigned protocol = 0, first = 0, last = 65535;
		char range[128], *dash;
		struct prefix p;

		if (sscanf(one, " %127s %u %u %u", range, &protocol, &first, &last) < 1)
			continue;
		assert_true(s.n++ < IKE_TS_MAX);
		dash = strchr(range, '-');
		if (dash) {
			*dash = '\0';
			assert_true(addr_parse(&x->first, range));
			assert_true(addr_parse(&x->last, dash + 1));
		} else {
			assert_true(prefix_parse(&p, range));
			x->first = prefix_first(&p);
			x->last = prefix_last(&p);
		}
		x->protocol = (uint8_t)protocol;
		x->port_first = (uint16_t)first;
		x->port_last = (uint16_t)last;
	}
	return s;
}

/* Exactly these, in this order. */
static void assert_selectors(const struct ike_selectors *got, const char *want)
{
	struct ike_selectors w = selectors(want);
	char a[512], b[512];

	assert_string_equal(ike_selectors_format(got, a, sizeof(a)),
			    ike_selectors_format(&w, b, sizeof(b)));
}

/* Bodies of TS payloads. */
static const struct {
	const char *body;
	int rc;
	const char *want;
} bodies[] = {
	{ "01000000 07000010 0000ffff 00000000 ffffffff", 0, "0.0.0.0/0" },
	{ "01000000 07060010 005001bb 0a000001 0a000007", 0, "10.0.0.1-10.0.0.7 6 80 443" },
	{ "01000000 08000028 0000ffff 00000000000000000000000000000000"
	  "ffffffffffffffffffffffffffffffff",
	  0, "::/0" },
	{ "02000000 07000010 0000ffff 0a000000 0a00ffff 07000010 0000ffff 0a010000 0a01ffff", 0,
	  "10.0.0.0/16; 10.1.0.0/16" },
	/* the packet that triggered the exchange, then the subnet it lies in */
	{ "02000000 07060010 01bb01bb 0a000009 0a000009 07000010 0000ffff 0a000000 0a00ffff", 0,
	  "10.0.0.0/16" },
	{ "01000000 07000010 ffff0000 00000000 ffffffff", 0, "" }, /* OPAQUE */
	{ "01000000 07000010 0000ffff 0a000001 0a000000", 0, "" }, /* empty range */
	{ "01000000 09000008 00000000", 0, "" },		   /* FC addresses (RFC 4595) */
	{ "02000000 09000008 00000000 07000010 0000ffff 0a000000 0a00ffff", 0, "10.0.0.0/16" },
	{ "", -EBADMSG, "" },
	{ "010000", -EBADMSG, "" },
	{ "00000000", -EBADMSG, "" },
	{ "01000000", -EBADMSG, "" },
	{ "02000000 07000010 0000ffff 00000000 ffffffff", -EBADMSG, "" },
	{ "01000000 07000010 0000ffff 00000000 ffffffff 00", -EBADMSG, "" },
	{ "01000000 07000010 0000ffff 00000000 ffffff", -EBADMSG, "" },
	{ "01000000 0700000f 0000ffff 00000000 ffffffff", -EBADMSG, "" },
	{ "01000000 07000014 0000ffff 00000000 ffffffff 00000000", -EBADMSG, "" },
	{ "01000000 08000010 0000ffff 00000000 ffffffff", -EBADMSG, "" },
	{ "01000000 07000000 0000ffff 00000000 ffffffff", -EBADMSG, "" },
	{ "01000000 07000003 0000ffff 00000000 ffffffff", -EBADMSG, "" },
	{ "01000000 09000003", -EBADMSG, "" },
	{ "ff000000 07000010 0000ffff 00000000 ffffffff", -EBADMSG, "" },
};

static void bodies_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct hex h = hex(bodies[i].body);
		struct ike_selectors s = { .n = 3 };

		assert_int_equal(ike_selectors_parse(&s, (struct view){ h.b, h.n }), bodies[i].rc);
		assert_selectors(&s, bodies[i].want);
	}
}

static void lists_come_back(void **state)
{
	static const char *const lists[] = {
		"0.0.0.0/0; ::/0",
		"10.0.0.1-10.0.0.7 6 80 443; 2001:db8::/32 17",
		"10.0.0.0/24; 10.0.2.0/24; 10.0.4.0/24; 10.0.6.0/24; 10.1.0.0/16; 10.3.0.0/16; 11.0.0.0/8; ::/0",
	};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct ike_selectors s = selectors(lists[i]), back;
		uint8_t buf[512];
		struct writer w;

		writer_init(&w, buf, sizeof(buf));
		ike_selectors_emit(&w, &s);
		assert_false(w.failed);
		assert_int_equal(ike_selectors_parse(&back, (struct view){ buf, w.n }), 0);
		assert_selectors(&back, lists[i]);
		assert_true(ike_selectors_equal(&s, &back));
		for (size_t cut = 0; cut < w.n; cut++)
			assert_int_equal(ike_selectors_parse(&back, (struct view){ buf, cut }),
					 -EBADMSG);
	}
}

static void more_than_fits_is_left_out(void **state)
{
	struct ike_selectors s;
	uint8_t buf[4096];
	struct writer w;

	writer_init(&w, buf, sizeof(buf));
	writer_u32(&w, 200u << 24);
	for (unsigned i = 0; i < 200; i++) {
		writer_u32(&w, 0x07000010);
		writer_u32(&w, 0x0000ffff);
		writer_u32(&w, 0x0a000000 + (i << 9));
		writer_u32(&w, 0x0a0000ff + (i << 9));
	}
	assert_int_equal(ike_selectors_parse(&s, (struct view){ buf, w.n }), 0);
	assert_int_equal(s.n, IKE_TS_MAX);
	assert_int_equal(s.v[IKE_TS_MAX - 1].first.b[2], 2 * (IKE_TS_MAX - 1));
}

/* Peer's offer, our policy, what a responder answers. */
static const struct {
	const char *offer, *policy, *answer;
} narrowings[] = {
	{ "0.0.0.0/0", "0.0.0.0/0; ::/0", "0.0.0.0/0" },
	{ "0.0.0.0/0; ::/0", "0.0.0.0/0; ::/0", "0.0.0.0/0; ::/0" },
	{ "0.0.0.0/0; ::/0", "10.0.0.0/16", "10.0.0.0/16" },
	{ "10.0.0.0/16", "0.0.0.0/0; ::/0", "10.0.0.0/16" },
	{ "10.0.0.0/16", "10.0.0.0/24; 10.0.1.0/24", "10.0.0.0/24; 10.0.1.0/24" },
	{ "10.0.0.0/24; 10.1.0.0/24", "10.0.0.0/8", "10.0.0.0/24; 10.1.0.0/24" },
	{ "10.0.0.0-10.0.0.99", "10.0.0.50-10.0.0.200", "10.0.0.50-10.0.0.99" },
	{ "10.0.0.9/32 6 443 443; 10.0.0.0/16", "10.0.0.0/24", "10.0.0.0/24" },
	{ "10.0.0.9/32 6 443 443; 172.16.0.0/16", "10.0.0.0/24; 172.16.0.0/24",
	  "10.0.0.9/32 6 443 443; 172.16.0.0/24" },
	{ "10.0.0.0/24 6", "10.0.0.0/24", "10.0.0.0/24 6" },
	{ "10.0.0.0/24", "10.0.0.0/24 17 53 53", "10.0.0.0/24 17 53 53" },
	{ "10.0.0.0/24 6 80 443", "10.0.0.0/24 6 100 1000", "10.0.0.0/24 6 100 443" },
	{ "10.0.0.0/24 6 80 90", "10.0.0.0/24 6 91 99", "" },
	{ "10.0.0.0/24 6", "10.0.0.0/24 17", "" },
	{ "10.0.0.0/24", "10.0.1.0/24", "" },
	{ "0.0.0.0/0", "::/0", "" },
	{ "", "0.0.0.0/0", "" },
	{ "2001:db8:0:1::/64", "2001:db8::/32", "2001:db8:0:1::/64" },
	/* 8 x 8 overlaps are more than a list holds: the first eight stay */
	{ "10.0.0.0-10.0.0.1; 10.0.0.10-10.0.0.11; 10.0.0.20-10.0.0.21; 10.0.0.30-10.0.0.31",
	  "10.0.0.0/32; 10.0.0.1/32; 10.0.0.10/32; 10.0.0.11/32; 10.0.0.20/32; 10.0.0.21/32;"
	  "10.0.0.30/32; 10.0.0.31/32",
	  "10.0.0.0/32; 10.0.0.1/32; 10.0.0.10/32; 10.0.0.11/32; 10.0.0.20/32; 10.0.0.21/32;"
	  "10.0.0.30/32; 10.0.0.31/32" },
};

static void offers_are_narrowed(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(narrowings); i++) {
		struct ike_selectors offer = selectors(narrowings[i].offer);
		struct ike_selectors policy = selectors(narrowings[i].policy), answer;

		assert_int_equal(ike_selectors_narrow(&answer, &offer, &policy),
				 narrowings[i].answer[0] != '\0');
		assert_selectors(&answer, narrowings[i].answer);
		if (answer.n > 0) {
			assert_true(ike_selectors_within(&answer, &offer));
			assert_true(ike_selectors_within(&answer, &policy));
		}
	}
}

/* Responder's answer, our offer as initiator. */
static const struct {
	const char *answer, *offer;
	bool within;
} answers[] = {
	{ "0.0.0.0/0", "0.0.0.0/0; ::/0", true },
	{ "10.0.0.0/16", "0.0.0.0/0", true },
	{ "10.0.0.0/16; 10.1.0.0/16", "10.0.0.0/8", true },
	{ "10.0.0.0/16", "10.0.0.0/16", true },
	{ "10.0.0.0/15", "10.0.0.0/16", false },
	{ "10.0.0.0/16; 11.0.0.0/16", "10.0.0.0/8", false },
	{ "10.0.0.0/16 6", "10.0.0.0/16", true },
	{ "10.0.0.0/16", "10.0.0.0/16 6", false },
	{ "10.0.0.0/16 6 80 80", "10.0.0.0/16 6", true },
	{ "10.0.0.0/16 6", "10.0.0.0/16 6 80 80", false },
	{ "::/0", "0.0.0.0/0", false },
	{ "", "0.0.0.0/0", false },
};

static void answers_are_verified(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct ike_selectors answer = selectors(answers[i].answer);
		struct ike_selectors offer = selectors(answers[i].offer);

		if (ike_selectors_within(&answer, &offer) != answers[i].within)
			fail_msg("%s in %s", answers[i].answer, answers[i].offer);
	}
}

static void equality_ignores_order(void **state)
{
	struct ike_selectors a = selectors("10.0.0.0/16; 10.2.0.0/16");
	struct ike_selectors b = selectors("10.2.0.0/16; 10.0.0.0/16");
	struct ike_selectors c = selectors("10.2.0.0/16; 10.0.0.0/17");
	struct ike_selectors none = { 0 };

	assert_true(ike_selectors_equal(&a, &b));
	assert_false(ike_selectors_equal(&a, &c));
	assert_false(ike_selectors_equal(&c, &a));
	assert_false(ike_selectors_equal(&a, &none));
	assert_true(ike_selectors_equal(&none, &none));
}

static void prefixes_become_selectors(void **state)
{
	struct prefix p[3];
	struct ike_selectors s;

	ike_selectors_from_prefixes(&s, NULL, 0);
	assert_selectors(&s, "0.0.0.0/0; ::/0");
	assert_true(prefix_parse(&p[0], "10.0.0.0/16"));
	assert_true(prefix_parse(&p[1], "10.0.7.0/24"));
	assert_true(prefix_parse(&p[2], "2001:db8::1"));
	ike_selectors_from_prefixes(&s, p, 3);
	assert_selectors(&s, "10.0.0.0/16; 2001:db8::1");
}

static const struct {
	const char *selectors, *text;
} texts[] = {
	{ "0.0.0.0/0; ::/0", "0.0.0.0/0, ::/0" },
	{ "10.0.0.0/16", "10.0.0.0/16" },
	{ "10.0.0.1-10.0.0.7", "10.0.0.1-10.0.0.7" },
	{ "10.0.0.1/32 6", "10.0.0.1/32 tcp" },
	{ "10.0.0.1/32 17 500 500", "10.0.0.1/32 udp 500" },
	{ "10.0.0.1/32 1", "10.0.0.1/32 icmp" },
	{ "10.0.0.1/32 132 1 7", "10.0.0.1/32 protocol 132 1-7" },
	{ "2001:db8::-2001:db8::5", "2001:db8::-2001:db8::5" },
	{ "", "nothing" },
};

static void lists_are_readable(void **state)
{
	struct ike_selectors s = selectors("10.0.0.0/16; 10.1.0.0/16");
	char buf[128];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct ike_selectors x = selectors(texts[i].selectors);

		assert_string_equal(ike_selectors_format(&x, buf, sizeof(buf)), texts[i].text);
	}
	assert_string_equal(ike_selectors_format(&s, buf, 16), "10.0.0.0/16,...");
	for (size_t size = 0; size < sizeof(buf); size++) {
		memset(buf, '~', sizeof(buf));
		ike_selectors_format(&s, buf, size);
		if (size > 0)
			assert_true(strnlen(buf, sizeof(buf)) < size);
		assert_int_equal(buf[size], '~');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_read),
		cmocka_unit_test(lists_come_back),
		cmocka_unit_test(more_than_fits_is_left_out),
		cmocka_unit_test(offers_are_narrowed),
		cmocka_unit_test(answers_are_verified),
		cmocka_unit_test(equality_ignores_order),
		cmocka_unit_test(prefixes_become_selectors),
		cmocka_unit_test(lists_are_readable),
	};

	return cmocka_run_group_tests_name("ike/selector", tests, NULL, NULL);
}
