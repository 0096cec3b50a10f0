/* The neighbours' state machine in virtual time: what it asks for, learns, refreshes, forgets. */
#include "tests/unit/unit.h"

#include "dataplane/neighbour.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S NEIGHBOUR_SECOND

struct seen {
	unsigned asked, asked_host, resolved, lost, sent, given_up;
	uint8_t mac;
};

static struct seen seen;
static struct neighbours *n;

static void ask(void *ctx, const struct host *h, bool unicast)
{
	if (unicast)
		seen.asked_host++;
	else
		seen.asked++;
}

static void resolved(void *ctx, struct host *h)
{
	seen.resolved++;
	seen.mac = h->mac[5];
}

static void lost(void *ctx, struct host *h)
{
	seen.lost++;
}

static void release(void *ctx, void *packet, bool send)
{
	if (send)
		seen.sent++;
	else
		seen.given_up++;
	free(packet);
}

static const struct neighbour_ops ops = { ask, resolved, lost, release };

static int set_up(void **state)
{
	memset(&seen, 0, sizeof(seen));
	n = neighbours_new(&ops, NULL, 2000, 3);
	return n ? 0 : -1;
}

static int tear_down(void **state)
{
	neighbours_free(n);
	return 0;
}

static struct addr host(uint32_t i)
{
	return addr_ipv4(0x0a000000 + i);
}

static void want(uint64_t now, uint32_t i)
{
	struct addr a = host(i);

	neighbours_want(n, now, 1, &a, malloc(1));
}

static void heard(uint64_t now, uint32_t i, uint8_t mac, bool to_us)
{
	struct addr a = host(i);

	neighbours_heard(n, now, 1, &a, (const uint8_t[6]){ 2, 0, 0, 0, 0, mac }, to_us);
}

static enum host_state state_of(uint32_t i)
{
	struct addr a = host(i);
	struct host *h = neighbours_find(n, 1, &a);

	return h ? (enum host_state)h->state : HOST_STATES;
}

/* One life, step by step. What happens at `at`, and what has been seen by then. */
enum step_kind { WANT, HEARD, OVERHEARD, TICK, PIN, WATCH, UNWATCH };
struct step {
	uint64_t at; /* milliseconds */
	enum step_kind kind;
	uint8_t mac;
	struct seen then;
	enum host_state state;
};

/* seen: asked, asked_host, resolved, lost, sent, given_up, mac */
static const struct step answers[] = {
	{ 0, WANT, 0, { 1, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 5, WANT, 0, { 1, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 6, WANT, 0, { 1, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 7, WANT, 0, { 1, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 10, WANT, 0, { 1, 0, 0, 0, 0, 1, 0 }, HOST_INCOMPLETE }, /* the oldest makes room */
	{ 20, HEARD, 7, { 1, 0, 1, 0, 4, 1, 7 }, HOST_REACHABLE },
	{ 30, WANT, 0, { 1, 0, 1, 0, 5, 1, 7 }, HOST_REACHABLE },
	{ 40, OVERHEARD, 7, { 1, 0, 1, 0, 5, 1, 7 }, HOST_REACHABLE },
	{ 1019, OVERHEARD, 8, { 1, 0, 1, 0, 5, 1, 7 }, HOST_REACHABLE },
	{ 1020, OVERHEARD, 8, { 1, 0, 2, 0, 5, 1, 8 }, HOST_REACHABLE }, /* it moved */
	{ 1500, HEARD, 7, { 1, 0, 2, 0, 5, 1, 8 }, HOST_REACHABLE },	 /* not again so soon */
	{ 31019, TICK, 0, { 1, 0, 2, 0, 5, 1, 8 }, HOST_REACHABLE },
	{ 31020, TICK, 0, { 1, 1, 2, 0, 5, 1, 8 }, HOST_PROBE },
	{ 31060, HEARD, 8, { 1, 1, 2, 0, 5, 1, 8 }, HOST_REACHABLE },
	{ 61060, TICK, 0, { 1, 2, 2, 0, 5, 1, 8 }, HOST_PROBE },
	{ 62060, TICK, 0, { 1, 3, 2, 0, 5, 1, 8 }, HOST_PROBE },
	{ 63060, TICK, 0, { 1, 4, 2, 0, 5, 1, 8 }, HOST_PROBE },
	{ 64059, TICK, 0, { 1, 4, 2, 0, 5, 1, 8 }, HOST_PROBE },
	{ 64060, TICK, 0, { 1, 4, 2, 1, 5, 1, 8 }, HOST_STATES }, /* gone */
};

static const struct step silent[] = {
	{ 0, WANT, 0, { 1, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 1000, TICK, 0, { 2, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 2000, TICK, 0, { 3, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 3000, TICK, 0, { 3, 0, 0, 0, 0, 1, 0 }, HOST_FAILED },
	{ 3500, WANT, 0, { 3, 0, 0, 0, 0, 2, 0 }, HOST_FAILED }, /* not asked again so soon */
	{ 3600, OVERHEARD, 9, { 3, 0, 0, 0, 0, 2, 0 }, HOST_FAILED },
	{ 6000, TICK, 0, { 3, 0, 0, 0, 0, 2, 0 }, HOST_STATES },
	{ 6001, WANT, 0, { 4, 0, 0, 0, 0, 2, 0 }, HOST_INCOMPLETE },
	{ 6002, HEARD, 3, { 4, 0, 1, 0, 1, 2, 3 }, HOST_REACHABLE },
};

static const struct step pinned[] = {
	{ 0, PIN, 0, { 1, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 1000, TICK, 0, { 2, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 2000, TICK, 0, { 3, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 3000, TICK, 0, { 4, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE }, /* without end */
	{ 4000, TICK, 0, { 5, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 4100, HEARD, 5, { 5, 0, 1, 0, 0, 0, 5 }, HOST_REACHABLE },
	{ 34100, TICK, 0, { 5, 1, 1, 0, 0, 0, 5 }, HOST_PROBE },
	{ 35100, TICK, 0, { 5, 2, 1, 0, 0, 0, 5 }, HOST_PROBE },
	{ 36100, TICK, 0, { 5, 3, 1, 0, 0, 0, 5 }, HOST_PROBE },
	{ 37100, TICK, 0, { 6, 3, 1, 1, 0, 0, 5 }, HOST_INCOMPLETE },
	{ 38100, TICK, 0, { 7, 3, 1, 1, 0, 0, 5 }, HOST_INCOMPLETE },
	{ 38200, HEARD, 5, { 7, 3, 2, 1, 0, 0, 5 }, HOST_REACHABLE },
};

static const struct step watched[] = {
	{ 0, WATCH, 0, { 1, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 1000, TICK, 0, { 2, 0, 0, 0, 0, 0, 0 }, HOST_INCOMPLETE },
	{ 1100, HEARD, 5, { 2, 0, 1, 0, 0, 0, 5 }, HOST_WATCHED },
	{ 2099, TICK, 0, { 2, 0, 1, 0, 0, 0, 5 }, HOST_WATCHED },
	{ 2100, TICK, 0, { 2, 1, 1, 0, 0, 0, 5 }, HOST_PROBE },
	{ 2101, HEARD, 5, { 2, 1, 1, 0, 0, 0, 5 }, HOST_WATCHED },
	{ 3101, TICK, 0, { 2, 2, 1, 0, 0, 0, 5 }, HOST_PROBE },
	{ 4101, TICK, 0, { 2, 3, 1, 0, 0, 0, 5 }, HOST_PROBE },
	{ 5101, TICK, 0, { 2, 4, 1, 0, 0, 0, 5 }, HOST_PROBE },
	{ 6101, TICK, 0, { 3, 4, 1, 1, 0, 0, 5 }, HOST_INCOMPLETE }, /* dead, and asked for */
	{ 6200, HEARD, 5, { 3, 4, 2, 1, 0, 0, 5 }, HOST_WATCHED },
	{ 6300, UNWATCH, 0, { 3, 4, 2, 1, 0, 0, 5 }, HOST_WATCHED },
	{ 7200, TICK, 0, { 3, 5, 2, 1, 0, 0, 5 }, HOST_PROBE },
	{ 7300, HEARD, 5, { 3, 5, 2, 1, 0, 0, 5 }, HOST_REACHABLE },
	{ 7400, WATCH, 0, { 3, 5, 2, 1, 0, 0, 5 }, HOST_WATCHED },
};

static const struct step unasked[] = {
	{ 0, OVERHEARD, 4, { 0, 0, 0, 0, 0, 0, 0 }, HOST_STATES }, /* none of our business */
	{ 1, HEARD, 4, { 0, 0, 1, 0, 0, 0, 4 }, HOST_REACHABLE },  /* it asked for us */
};

static void live(const struct step *s, size_t count)
{
	struct addr a = host(1);

	for (size_t i = 0; i < count; i++) {
		uint64_t now = s[i].at * 1000;

		switch (s[i].kind) {
		case WANT:
			want(now, 1);
			break;
		case HEARD:
		case OVERHEARD:
			heard(now, 1, s[i].mac, s[i].kind == HEARD);
			break;
		case PIN:
			neighbours_pin(n, now, 1, &a);
			break;
		case WATCH:
			neighbours_watch(n, now, 1, &a);
			break;
		case UNWATCH:
			neighbours_unwatch(n, 1, &a);
			break;
		case TICK:
			assert_true(neighbours_tick(n, now) > now);
			break;
		}
		if (memcmp(&seen, &s[i].then, sizeof(seen)) != 0 || state_of(1) != s[i].state)
			fail_msg("step %zu at %lu ms: asked %u/%u resolved %u lost %u sent %u "
				 "given up %u mac %u state %d",
				 i, (unsigned long)s[i].at, seen.asked, seen.asked_host,
				 seen.resolved, seen.lost, seen.sent, seen.given_up, seen.mac,
				 state_of(1));
	}
}

static void lives(void **state)
{
	static const struct {
		const struct step *s;
		size_t n;
	} all[] = { { answers, ARRAY_LEN(answers) },
		    { silent, ARRAY_LEN(silent) },
		    { pinned, ARRAY_LEN(pinned) },
		    { watched, ARRAY_LEN(watched) },
		    { unasked, ARRAY_LEN(unasked) } };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		live(all[i].s, all[i].n);
		tear_down(NULL);
		set_up(NULL);
	}
}

static unsigned known(uint32_t interface, uint32_t from, uint32_t to)
{
	unsigned k = 0;

	for (; from < to; from++) {
		struct addr a = host(from);

		k += neighbours_find(n, interface, &a) != NULL;
	}
	return k;
}

/* A scan of the network fills neither memory nor the wire. */
static void scans_are_bounded(void **state)
{
	struct addr far = host(70000);

	for (uint32_t i = 0; i < 5000; i++)
		want(i, i);
	assert_int_equal(neighbours_count(n), NEIGHBOUR_INCOMPLETE / 2);
	assert_int_equal(seen.asked, NEIGHBOUR_INCOMPLETE / 2);
	assert_int_equal(seen.given_up, 5000 - NEIGHBOUR_INCOMPLETE / 2);
	/* Hosts of another network are asked for all the same, and so are pinned ones. */
	neighbours_want(n, 5000, 2, &far, malloc(1));
	assert_int_equal(neighbours_count(n), NEIGHBOUR_INCOMPLETE / 2 + 1);
	neighbours_pin(n, 5000, 1, &far);
	assert_int_equal(neighbours_count(n), NEIGHBOUR_INCOMPLETE / 2 + 2);
	/* The scan's hosts go by themselves. */
	neighbours_forget(n, neighbours_find(n, 2, &far));
	for (uint64_t t = 0; t < 10; t++)
		neighbours_tick(n, t * S);
	assert_int_equal(neighbours_count(n), 1);
	/* What was unpinned or pinned meanwhile is counted once. */
	neighbours_unpin(n, 1, &far);
	for (uint32_t i = 0; i < 2000; i++)
		want(20 * S, i);
	assert_int_equal(neighbours_count(n), NEIGHBOUR_INCOMPLETE / 2);
}

/* Who asks for us is known, up to the limit; a network that says it has more hosts than we have
 * room for leaves room for others, and so does the next one. */
static void no_network_takes_all(void **state)
{
	static const uint8_t mac[6] = { 2 };
	struct addr a;

	for (uint32_t i = 0; i < 3000; i++)
		heard(0, i, 1, true);
	assert_int_equal(known(1, 0, 3000), 1000);
	for (uint32_t i = 0; i < 3000; i++) {
		a = host(i);
		neighbours_heard(n, 0, 2, &a, mac, true);
	}
	assert_int_equal(known(2, 0, 3000), 500);
	a = host(5);
	neighbours_heard(n, 0, 0, &a, mac, true);
	assert_int_equal(known(0, 5, 6), 1);
	/* Those that are left when the first one is gone have more room. */
	neighbours_drop_interface(n, 1);
	for (uint32_t i = 0; i < 3000; i++) {
		a = host(i);
		neighbours_heard(n, 0, 2, &a, mac, true);
	}
	assert_int_equal(known(2, 0, 3000), 1000);
}

static void an_interface_goes(void **state)
{
	struct addr a = host(3);

	want(0, 1);
	want(0, 2);
	neighbours_want(n, 0, 2, &a, NULL);
	neighbours_drop_interface(n, 1);
	assert_int_equal(neighbours_count(n), 1);
	assert_int_equal(seen.given_up, 2);
	assert_int_equal(seen.lost, 0);
	assert_int_equal(neighbours_tick(n, 0), NEIGHBOUR_RETRY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(scans_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_network_takes_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_interface_goes, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("neighbour", tests, NULL, NULL);
}
