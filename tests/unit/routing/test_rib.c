#include "routing/rib.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL	   RIB_VIA_LOCAL
#define ATTACHMENT RIB_VIA_ATTACHMENT
#define CONNECTION RIB_VIA_CONNECTION
#define GATEWAY	   RIB_VIA_GATEWAY

static const char *via_name(enum rib_via via)
{
	switch (via) {
	case LOCAL:
		return "local";
	case ATTACHMENT:
		return "attachment";
	case CONNECTION:
		return "connection";
	case GATEWAY:
		return "gateway";
	}
	return "?";
}

static char said[4096];

static void say(void *ctx, uint32_t table, const struct prefix *prefix,
		const struct rib_route *valid, unsigned n)
{
	char text[PREFIX_STR_MAX];
	size_t len = strlen(said);

	assert_int_equal(table, 7);
	len += (size_t)snprintf(said + len, sizeof(said) - len, "%s:", prefix_format(prefix, text));
	for (unsigned i = 0; i < n; i++)
		len += (size_t)snprintf(said + len, sizeof(said) - len, " %s %u",
					via_name(valid[i].via), valid[i].via_index);
	snprintf(said + len, sizeof(said) - len, "%s; ", n == 0 ? " gone" : "");
}

static struct rib_route route(const char *prefix, enum rib_via via, uint32_t via_index,
			      enum rib_origin origin, uint32_t metric, uint32_t source)
{
	struct rib_route r = { .via = via,
			       .via_index = via_index,
			       .origin = origin,
			       .metric = metric,
			       .source = source };

	assert_true(prefix_parse(&r.prefix, prefix));
	return r;
}

struct step {
	char op; /* + or - */
	const char *prefix;
	enum rib_via via;
	uint32_t via_index;
	enum rib_origin origin;
	uint32_t metric, source;
	const char *says; /* every change, in order */
};

static void run(const struct step *steps, size_t n)
{
	struct rib *r = rib_new(say, NULL);

	assert_int_equal(rib_table_add(r, 7), 0);
	for (size_t i = 0; i < n; i++) {
		const struct step *s = &steps[i];
		struct rib_route rt =
			route(s->prefix, s->via, s->via_index, s->origin, s->metric, s->source);

		said[0] = '\0';
		assert_int_equal(s->op == '+' ? rib_add(r, 7, &rt) : rib_remove(r, 7, &rt), 0);
		if (strcmp(said, s->says) != 0)
			print_error("step %zu\n", i + 1);
		assert_string_equal(said, s->says);
	}
	rib_free(r);
}

/* Each row of the preference: next-hop type, route type, metric. */
static const struct step preference[] = {
	{ '+', "10.0.0.0/8", CONNECTION, 1, RIB_IBGP, 1, 0, "10.0.0.0/8: connection 1; " },
	{ '+', "10.0.0.0/8", CONNECTION, 2, RIB_EBGP, 9, 0, "10.0.0.0/8: connection 2; " },
	{ '+', "10.0.0.0/8", CONNECTION, 3, RIB_EBGP, 3, 0, "10.0.0.0/8: connection 3; " },
	{ '+', "10.0.0.0/8", CONNECTION, 4, RIB_EBGP, 4, 0, "" },
	{ '+', "10.0.0.0/8", CONNECTION, 5, RIB_STATIC, 0, 0, "10.0.0.0/8: connection 5; " },
	{ '+', "10.0.0.0/8", ATTACHMENT, 6, RIB_PROPAGATED, 0, 0, "10.0.0.0/8: attachment 6; " },
	{ '+', "10.0.0.0/8", ATTACHMENT, 7, RIB_STATIC, 0, 0, "10.0.0.0/8: attachment 7; " },
	{ '+', "10.0.0.0/8", LOCAL, 8, RIB_STATIC, 0, 0, "10.0.0.0/8: local 8; " },
	/* a type of next hop counts before everything else */
	{ '+', "10.0.0.0/8", GATEWAY, 9, RIB_STATIC, 0, 0, "" },
	/* other prefixes are other matters */
	{ '+', "10.0.0.0/7", CONNECTION, 1, RIB_IBGP, 1, 0, "10.0.0.0/7: connection 1; " },
	/* and back again, the best first */
	{ '-', "10.0.0.0/8", LOCAL, 8, RIB_STATIC, 0, 0, "10.0.0.0/8: attachment 7; " },
	{ '-', "10.0.0.0/8", ATTACHMENT, 7, RIB_STATIC, 0, 0, "10.0.0.0/8: attachment 6; " },
	{ '-', "10.0.0.0/8", ATTACHMENT, 6, RIB_PROPAGATED, 0, 0, "10.0.0.0/8: connection 5; " },
	{ '-', "10.0.0.0/8", CONNECTION, 4, RIB_EBGP, 4, 0, "" },
	{ '-', "10.0.0.0/8", CONNECTION, 5, RIB_STATIC, 0, 0, "10.0.0.0/8: connection 3; " },
	{ '-', "10.0.0.0/8", CONNECTION, 3, RIB_EBGP, 3, 0, "10.0.0.0/8: connection 2; " },
	{ '-', "10.0.0.0/8", CONNECTION, 2, RIB_EBGP, 9, 0, "10.0.0.0/8: connection 1; " },
	{ '-', "10.0.0.0/8", CONNECTION, 1, RIB_IBGP, 1, 0, "10.0.0.0/8: gateway 9; " },
	{ '-', "10.0.0.0/8", GATEWAY, 9, RIB_STATIC, 0, 0, "10.0.0.0/8: gone; " },
};

static const struct step sharing[] = {
	{ '+', "0.0.0.0/0", CONNECTION, 5, RIB_EBGP, 2, 1, "0.0.0.0/0: connection 5; " },
	{ '+', "0.0.0.0/0", CONNECTION, 3, RIB_EBGP, 2, 2,
	  "0.0.0.0/0: connection 3 connection 5; " },
	{ '+', "0.0.0.0/0", CONNECTION, 4, RIB_EBGP, 2, 3,
	  "0.0.0.0/0: connection 3 connection 4 connection 5; " },
	{ '+', "0.0.0.0/0", CONNECTION, 2, RIB_EBGP, 3, 4, "" },
	/* the same again: nothing new */
	{ '+', "0.0.0.0/0", CONNECTION, 4, RIB_EBGP, 2, 3, "" },
	/* a metric leaves the group, comes back, and takes over */
	{ '+', "0.0.0.0/0", CONNECTION, 4, RIB_EBGP, 5, 3,
	  "0.0.0.0/0: connection 3 connection 5; " },
	{ '+', "0.0.0.0/0", CONNECTION, 4, RIB_EBGP, 2, 3,
	  "0.0.0.0/0: connection 3 connection 4 connection 5; " },
	{ '+', "0.0.0.0/0", CONNECTION, 4, RIB_EBGP, 1, 3, "0.0.0.0/0: connection 4; " },
	{ '+', "0.0.0.0/0", CONNECTION, 4, RIB_EBGP, 0, 3, "" },
	{ '-', "0.0.0.0/0", CONNECTION, 4, RIB_EBGP, 0, 3,
	  "0.0.0.0/0: connection 3 connection 5; " },
	/* two who say the same next hop are two */
	{ '+', "0.0.0.0/0", CONNECTION, 3, RIB_EBGP, 2, 9,
	  "0.0.0.0/0: connection 3 connection 3 connection 5; " },
	{ '-', "0.0.0.0/0", CONNECTION, 3, RIB_EBGP, 2, 2,
	  "0.0.0.0/0: connection 3 connection 5; " },
	{ '-', "0.0.0.0/0", CONNECTION, 5, RIB_EBGP, 2, 1, "0.0.0.0/0: connection 3; " },
	{ '-', "0.0.0.0/0", CONNECTION, 2, RIB_EBGP, 3, 4, "" },
	{ '-', "0.0.0.0/0", CONNECTION, 3, RIB_EBGP, 2, 9, "0.0.0.0/0: gone; " },
};

#define CLAIM(op, prefix, attachment, says)                                    \
	{                                                                      \
		op, prefix, ATTACHMENT, attachment, RIB_PROPAGATED, 0, 0, says \
	}

static const struct step overlaps[] = {
	CLAIM('+', "10.0.0.0/16", 1, "10.0.0.0/16: attachment 1; "),
	/* inside, around and the same, of others: they wait */
	CLAIM('+', "10.0.1.0/24", 2, ""),
	CLAIM('+', "10.0.0.0/8", 3, ""),
	CLAIM('+', "10.0.0.0/16", 4, ""),
	/* beside it, and what only meets one that waits */
	CLAIM('+', "10.1.0.0/16", 2, "10.1.0.0/16: attachment 2; "),
	/* one's own prefixes may overlap */
	CLAIM('+', "10.0.2.0/24", 1, "10.0.2.0/24: attachment 1; "),
	/* the first goes: in the order of arrival, whoever meets no one valid */
	CLAIM('-', "10.0.0.0/16", 1, "10.0.0.0/16: gone; 10.0.1.0/24: attachment 2; "),
	/* 10.0.0.0/8 came before 10.1.0.0/16, which gives way when nothing else holds it back */
	CLAIM('-', "10.0.2.0/24", 1, "10.0.2.0/24: gone; "),
	CLAIM('-', "10.0.1.0/24", 2,
	      "10.0.1.0/24: gone; 10.0.0.0/8: attachment 3; "
	      "10.1.0.0/16: gone; "),
	CLAIM('-', "10.0.0.0/8", 3,
	      "10.0.0.0/8: gone; 10.0.0.0/16: attachment 4; "
	      "10.1.0.0/16: attachment 2; "),
};

/* The order of arrival decides alone: what is valid is a function of who is there. */
static const struct step queue[] = {
	CLAIM('+', "10.0.0.0/16", 1, "10.0.0.0/16: attachment 1; "),
	CLAIM('+', "10.0.0.0/16", 2, ""),
	CLAIM('+', "10.0.0.0/16", 3, ""),
	CLAIM('-', "10.0.0.0/16", 2, ""),
	CLAIM('+', "10.0.0.0/16", 2, ""),
	CLAIM('-', "10.0.0.0/16", 1, "10.0.0.0/16: attachment 3; "),
	CLAIM('-', "10.0.0.0/16", 3, "10.0.0.0/16: attachment 2; "),
	CLAIM('-', "10.0.0.0/16", 2, "10.0.0.0/16: gone; "),
};

/* Only what attachments propagate is bound by it: an operator's word and BGP are not. */
static const struct step not_claims[] = {
	CLAIM('+', "10.0.0.0/16", 1, "10.0.0.0/16: attachment 1; "),
	{ '+', "10.0.1.0/24", ATTACHMENT, 2, RIB_STATIC, 0, 0, "10.0.1.0/24: attachment 2; " },
	{ '+', "10.0.2.0/24", CONNECTION, 2, RIB_EBGP, 0, 0, "10.0.2.0/24: connection 2; " },
	/* while a claim waits, the next best route of its prefix is valid */
	{ '+', "10.0.3.0/24", CONNECTION, 2, RIB_EBGP, 0, 0, "10.0.3.0/24: connection 2; " },
	CLAIM('+', "10.0.3.0/24", 3, ""),
	CLAIM('-', "10.0.0.0/16", 1, "10.0.0.0/16: gone; 10.0.3.0/24: attachment 3; "),
	CLAIM('+', "2001:db8::/32", 1, "2001:db8::/32: attachment 1; "),
	CLAIM('+', "2001:db8:1::/48", 2, ""),
	CLAIM('+', "2001:db9::/32", 2, "2001:db9::/32: attachment 2; "),
};

/* A VPC's own subnets come before longer prefixes, too. */
static const struct step own_subnets[] = {
	{ '+', "10.0.4.0/24", GATEWAY, 1, RIB_PROPAGATED, 0, 0, "10.0.4.0/24: gateway 1; " },
	{ '+', "10.0.0.0/16", LOCAL, 1, RIB_STATIC, 0, 0,
	  "10.0.0.0/16: local 1; 10.0.4.0/24: gone; " },
	{ '+', "10.0.5.0/24", GATEWAY, 1, RIB_STATIC, 0, 0, "" },
	{ '+', "10.0.0.0/8", GATEWAY, 1, RIB_STATIC, 0, 0, "10.0.0.0/8: gateway 1; " },
	{ '+', "10.0.6.0/24", LOCAL, 2, RIB_STATIC, 0, 0, "10.0.6.0/24: local 2; " },
	{ '-', "10.0.4.0/24", GATEWAY, 1, RIB_PROPAGATED, 0, 0, "" },
	{ '-', "10.0.0.0/16", LOCAL, 1, RIB_STATIC, 0, 0,
	  "10.0.0.0/16: gone; 10.0.5.0/24: gateway 1; " },
};

static void preference_decides(void **state)
{
	run(preference, ARRAY_LEN(preference));
}

static void equals_share(void **state)
{
	run(sharing, ARRAY_LEN(sharing));
}

static void overlapping_vpcs_wait(void **state)
{
	run(overlaps, ARRAY_LEN(overlaps));
	run(queue, ARRAY_LEN(queue));
	run(not_claims, ARRAY_LEN(not_claims));
}

static void own_subnets_come_first(void **state)
{
	run(own_subnets, ARRAY_LEN(own_subnets));
}

static void list(void *ctx, const struct rib_route *r, enum rib_verdict verdict, const char *why)
{
	static const char *const names[] = { "valid", "worse", "overlaps" };
	char text[PREFIX_STR_MAX];
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, "%s %s %u: %s%s%s\n",
		 prefix_format(&r->prefix, text), via_name(r->via), r->via_index, names[verdict],
		 why != NULL ? ", " : "", why != NULL ? why : "");
}

static void everything_is_listed_with_its_reason(void **state)
{
	const struct rib_route routes[] = {
		route("2001:db8::/32", CONNECTION, 1, RIB_STATIC, 0, 0),
		route("10.1.0.0/16", CONNECTION, 1, RIB_EBGP, 2, 0),
		route("10.1.0.0/16", CONNECTION, 2, RIB_EBGP, 1, 0),
		route("10.1.0.0/16", CONNECTION, 3, RIB_IBGP, 1, 0),
		route("10.2.0.0/16", CONNECTION, 1, RIB_EBGP, 1, 0),
		route("10.2.0.0/16", CONNECTION, 2, RIB_STATIC, 0, 0),
		route("10.2.0.0/16", ATTACHMENT, 1, RIB_PROPAGATED, 0, 0),
		route("10.2.3.0/24", ATTACHMENT, 2, RIB_PROPAGATED, 0, 0),
		route("0.0.0.0/0", CONNECTION, 1, RIB_STATIC, 0, 0),
		route("10.9.0.0/16", LOCAL, 0, RIB_STATIC, 0, 0),
		route("10.9.9.0/24", CONNECTION, 1, RIB_STATIC, 0, 0),
	};
	struct rib *r = rib_new(say, NULL);
	struct rib_route one;

	assert_int_equal(rib_table_add(r, 7), 0);
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		assert_int_equal(rib_add(r, 7, &routes[i]), 0);
	said[0] = '\0';
	assert_int_equal(rib_walk(r, 7, NULL, list, NULL), 0);
	assert_string_equal(
		said,
		"0.0.0.0/0 connection 1: valid\n"
		"10.1.0.0/16 connection 2: valid\n"
		"10.1.0.0/16 connection 1: worse, a shorter AS path is preferred\n"
		"10.1.0.0/16 connection 3: worse, an EBGP route is preferred\n"
		"10.2.0.0/16 attachment 1: valid\n"
		"10.2.0.0/16 connection 2: worse, a VPC attachment is preferred\n"
		"10.2.0.0/16 connection 1: worse, a VPC attachment is preferred\n"
		"10.2.3.0/24 attachment 2: overlaps, another VPC propagated an overlapping prefix "
		"first\n"
		"10.9.0.0/16 local 0: valid\n"
		"10.9.9.0/24 connection 1: worse, it lies in one of the table's own subnets\n"
		"2001:db8::/32 connection 1: valid\n");
	/* A part of it; and what leads somewhere. */
	said[0] = '\0';
	assert_int_equal(rib_walk(r, 7, &routes[7].prefix, list, NULL), 0);
	assert_string_equal(
		said,
		"0.0.0.0/0 connection 1: valid\n"
		"10.2.0.0/16 attachment 1: valid\n"
		"10.2.0.0/16 connection 2: worse, a VPC attachment is preferred\n"
		"10.2.0.0/16 connection 1: worse, a VPC attachment is preferred\n"
		"10.2.3.0/24 attachment 2: overlaps, another VPC propagated an overlapping prefix "
		"first\n");
	assert_int_equal(rib_walk(r, 8, NULL, list, NULL), -ENOENT);
	assert_int_equal(rib_routes(r, 7), ARRAY_LEN(routes));
	assert_true(rib_has(r, 7, &routes[7]));
	assert_int_equal(rib_valid(r, 7, &routes[4].prefix, &one, 1), 1);
	assert_int_equal(one.via, ATTACHMENT);
	assert_int_equal(rib_valid(r, 7, &routes[7].prefix, &one, 1), 0);
	/* Deleting the table withdraws what was valid, and nothing else. */
	said[0] = '\0';
	assert_int_equal(rib_table_delete(r, 7), 0);
	assert_string_equal(said, "0.0.0.0/0: gone; 10.1.0.0/16: gone; 10.2.0.0/16: gone; "
				  "10.9.0.0/16: gone; 2001:db8::/32: gone; ");
	rib_free(r);
}

static void wrong_calls_are_refused(void **state)
{
	struct rib_route good = route("10.0.0.0/8", CONNECTION, 1, RIB_STATIC, 0, 0);
	struct rib_route host_bits = route("10.0.0.1/8", CONNECTION, 1, RIB_STATIC, 0, 0);
	struct rib_route nothing = { .via = CONNECTION }, too_long = good;
	struct rib *r = rib_new(say, NULL);

	too_long.prefix.len = 33;
	assert_int_equal(rib_add(r, 7, &good), -ENOENT);
	assert_int_equal(rib_remove(r, 7, &good), -ENOENT);
	assert_int_equal(rib_table_delete(r, 7), -ENOENT);
	for (uint32_t id = 20; id-- > 0;)
		assert_int_equal(rib_table_add(r, id), 0);
	assert_int_equal(rib_table_add(r, 7), -EEXIST);
	assert_int_equal(rib_add(r, 7, &host_bits), -EINVAL);
	assert_int_equal(rib_add(r, 7, &nothing), -EINVAL);
	assert_int_equal(rib_add(r, 7, &too_long), -EINVAL);
	said[0] = '\0';
	assert_int_equal(rib_add(r, 7, &good), 0);
	assert_int_equal(rib_remove(r, 8, &good), -ENOENT);
	good.source = 1;
	assert_int_equal(rib_remove(r, 7, &good), -ENOENT);
	assert_string_equal(said, "10.0.0.0/8: connection 1; ");
	rib_free(r);
	rib_free(NULL);
}

static void on_listed(void *ctx, const struct rib_route *r, enum rib_verdict verdict,
		      const char *why)
{
	char *to = ctx;

	sprintf(to + strlen(to), "%u %s%s; ", r->via_index,
		verdict == RIB_VALID	  ? "valid"
		: verdict == RIB_UNUSABLE ? "unusable: "
					  : "?",
		why ? why : "");
}

/* A route whose next hop takes nothing: others take its place, and it comes back to it. */
static void an_unusable_route_is_not_valid(void **state)
{
	struct rib_route fixed = route("10.0.0.0/8", CONNECTION, 1, RIB_STATIC, 0, 0);
	struct rib_route learnt = route("10.0.0.0/8", CONNECTION, 2, RIB_EBGP, 3, 5), out[4];
	struct rib *r = rib_new(say, NULL);
	char list[300] = "";

	assert_int_equal(rib_table_add(r, 7), 0);
	fixed.unusable = true;
	said[0] = '\0';
	assert_int_equal(rib_add(r, 7, &fixed), 0);
	assert_string_equal(said, ""); /* nobody heard of it */
	assert_int_equal(rib_add(r, 7, &learnt), 0);
	assert_string_equal(said, "10.0.0.0/8: connection 2; ");
	assert_true(rib_has(r, 7, &fixed));
	rib_walk(r, 7, NULL, on_listed, list);
	assert_string_equal(list, "1 unusable: no tunnel up; 2 valid; ");
	said[0] = '\0';
	fixed.unusable = false;
	assert_int_equal(rib_add(r, 7, &fixed), 0);
	assert_int_equal(rib_add(r, 7, &fixed), 0);
	assert_string_equal(said, "10.0.0.0/8: connection 1; ");
	said[0] = '\0';
	fixed.unusable = true;
	assert_int_equal(rib_add(r, 7, &fixed), 0);
	assert_int_equal(rib_remove(r, 7, &learnt), 0);
	assert_string_equal(said, "10.0.0.0/8: connection 2; 10.0.0.0/8: gone; ");
	assert_int_equal(rib_valid(r, 7, &fixed.prefix, out, 4), 0);
	said[0] = '\0';
	assert_int_equal(rib_remove(r, 7, &fixed), 0);
	assert_string_equal(said, "");
	rib_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unusable_route_is_not_valid),
		cmocka_unit_test(preference_decides),
		cmocka_unit_test(equals_share),
		cmocka_unit_test(overlapping_vpcs_wait),
		cmocka_unit_test(own_subnets_come_first),
		cmocka_unit_test(everything_is_listed_with_its_reason),
		cmocka_unit_test(wrong_calls_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
