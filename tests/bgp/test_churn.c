/* Everything at once: two peers that change their mind all the time, half of BIRD's lines lost,
 * BIRD killed twice, the client stalled for three seconds. What the client tells must follow, must
 * end equal to BIRD's tables, and what never changes must never be forgotten.
 *
 *     test_bgp_churn [SECONDS]
 */
#include "tests/unit/unit.h"

#include "tests/bgp/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PEERS	 2
#define PREFIXES 600 /* of which those of the first part never change */
#define STABLE	 100
#define STALL	 3000000
#define LATE	 2000000 /* a withdrawn route must not be used longer than that */

static struct rig rig;
static unsigned seconds = 8;

/* What each peer announces: 0 nothing, else the length of its path; and since when nothing. */
static unsigned offered[PEERS][PREFIXES];
static uint64_t withdrawn_at[PEERS][PREFIXES];

/* ---- half of the lines are lost ----------------------------------------------------------- */

ssize_t __real_recv(int fd, void *buf, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t n, int flags);

#define FDS    256
#define MARKER "<1 messages lost>\n" /* shorter than any line that it stands for */

static struct {
	bool inside;   /* a line has begun */
	bool dropping; /* and it is to be lost */
} reading[FDS];
static uint64_t lines_lost, lines_passed;

/* Only echoed lines begin with '+', so other sessions are not concerned. */
ssize_t __wrap_recv(int fd, void *buf, size_t n, int flags)
{
	char piece[4096], *out = buf;
	ssize_t got;

	if (fd >= FDS || n < 2 * sizeof(piece))
		return __real_recv(fd, buf, n, flags);
	got = __real_recv(fd, piece, sizeof(piece), flags);
	for (ssize_t i = 0; i < got; i++) {
		if (!reading[fd].inside) {
			reading[fd].dropping = piece[i] == '+' && rand() % 2;
			lines_lost += reading[fd].dropping;
			lines_passed += piece[i] == '+' && !reading[fd].dropping;
			if (reading[fd].dropping)
				out = (char *)memcpy(out, MARKER, strlen(MARKER)) + strlen(MARKER);
		}
		reading[fd].inside = piece[i] != '\n';
		if (!reading[fd].dropping)
			*out++ = piece[i];
	}
	if (got <= 0) {
		reading[fd].inside = false;
		return got;
	}
	if (out == buf) /* nothing of it is left: as if it came a moment later */
		return __wrap_recv(fd, buf, n, flags);
	return out - (char *)buf;
}

/* ---- peers -------------------------------------------------------------------------------- */

static struct prefix prefix_of(unsigned i)
{
	return i % 5 == 4 ? rig_prefix6(i) : rig_prefix(i);
}

static bool is_stable(const struct source_route *route)
{
	for (unsigned i = 0; i < STABLE; i++) {
		struct prefix p = prefix_of(i);

		if (prefix_equal(&p, &route->prefix))
			return true;
	}
	return false;
}

static void change(unsigned peer, unsigned i, unsigned length)
{
	struct prefix p = prefix_of(i);

	if (length > 0)
		speaker_announce(&rig.peer[peer], &p, 1, length);
	else if (offered[peer][i] > 0)
		speaker_withdraw(&rig.peer[peer], &p, 1);
	withdrawn_at[peer][i] = rig_now();
	offered[peer][i] = length;
}

/* A session that comes up is told all. */
static void announce_all(struct rig *r, unsigned peer)
{
	for (unsigned i = 0; i < PREFIXES; i++) {
		struct prefix p = prefix_of(i);

		if (offered[peer][i] > 0)
			speaker_announce(&r->peer[peer], &p, 1, offered[peer][i]);
	}
	speaker_end_of_rib(&r->peer[peer]);
}

static uint64_t changes;

/* Some hundred changes a second, and now and then many at once. */
static void churn(void)
{
	unsigned n = rand() % 100 == 0 ? 300 : (unsigned)rand() % 4;

	for (; n > 0; n--) {
		unsigned i = STABLE + (unsigned)rand() % (PREFIXES - STABLE);

		change((unsigned)rand() % PEERS, i, rand() % 3 ? (unsigned)rand() % 4 + 1 : 0);
		changes++;
	}
}

/* ---- what must hold ----------------------------------------------------------------------- */

static uint64_t calm_from, looked_at, calm_us, worst_late;

/* No route is told that was withdrawn long ago, unless the client could not know. */
static void check_withdrawn(void)
{
	uint64_t now = rig_now();

	/* Who was not let run for so long could not hear of it either. */
	if (rig.mirror.standing[1] != SOURCE_CURRENT || now - looked_at > LATE / 4)
		calm_from = now;
	else
		calm_us += now - looked_at;
	looked_at = now;
	for (unsigned peer = 0; peer < PEERS; peer++) {
		for (unsigned i = STABLE; i < PREFIXES; i++) {
			uint64_t since = withdrawn_at[peer][i], late;
			struct prefix p = prefix_of(i);
			char prefix[PREFIX_STR_MAX], line[96];
			bool told = false;

			if (offered[peer][i] > 0)
				continue;
			if (since < calm_from)
				since = calm_from;
			late = now - since;
			for (unsigned length = 1; length <= 4 && !told; length++) {
				snprintf(line, sizeof(line), "1 %s %u %u",
					 prefix_format(&p, prefix), peer, length);
				told = mirror_has(&rig.mirror, line);
			}
			if (told && late > worst_late)
				worst_late = late;
		}
	}
	assert_true(worst_late < LATE);
	assert_string_equal(rig.mirror.complaint, "");
}

static void run(uint64_t us)
{
	uint64_t end = rig_now() + us, look = 0;

	while (rig_now() < end) {
		churn();
		rig_for(&rig, 2000);
		if (rig_now() < look)
			continue;
		check_withdrawn();
		look = rig_now() + 50000;
	}
}

static bool is_current_and_equal(struct rig *r)
{
	return r->mirror.standing[1] == SOURCE_CURRENT && rig_is_equal(r);
}

static void await_equal(void)
{
	if (!rig_until(&rig, is_current_and_equal, 60))
		fail_msg("not equal after 60 s: %zu routes, log:\n%s", rig.mirror.n,
			 rig.mirror.log);
	assert_string_equal(rig.mirror.complaint, "");
}

static void all_at_once(void **state)
{
	uint64_t part = seconds * UINT64_C(1000000) / 4, end;
	struct bird_stats stats;

	srand(7);
	for (unsigned peer = 0; peer < PEERS; peer++)
		for (unsigned i = 0; i < PREFIXES; i++)
			offered[peer][i] = i < STABLE ? 2 : (unsigned)rand() % 4;
	rig.again = announce_all;
	rig_start(&rig, PEERS, 0);
	rig.peer[0].graceful = rig.peer[1].graceful = true;
	await_equal();
	rig.mirror.stays = is_stable;
	calm_from = looked_at = rig_now();

	run(part);
	for (unsigned i = 0; i < 2; i++) {
		cage_kill(&rig.cage);
		run(300000);
		cage_start(&rig.cage);
		run(part);
	}
	/* The client does nothing for a while, the others go on. */
	for (end = rig_now() + STALL; rig_now() < end;) {
		struct timespec ms = { .tv_nsec = 2000000 };

		churn();
		for (unsigned peer = 0; peer < PEERS; peer++)
			speaker_run(&rig.peer[peer]);
		nanosleep(&ms, NULL);
	}
	calm_from = rig_now();
	run(part);
	end = rig_now();
	await_equal();
	bird_stats(rig.bird, &stats);
	printf("%lu changes, %lu of %lu lines lost, %lu dumps (%lu spared), %lu lookups; withdrawn and "
	       "still told for %lu ms at most; equal %lu ms after the last change, %zu routes\n",
	       (unsigned long)changes, (unsigned long)lines_lost,
	       (unsigned long)(lines_lost + lines_passed), (unsigned long)stats.dumps,
	       (unsigned long)stats.dumps_spared, (unsigned long)stats.lookups,
	       (unsigned long)worst_late / 1000, (unsigned long)(rig_now() - end) / 1000,
	       rig.mirror.n);
	assert_true(lines_lost > 100);
	assert_int_equal(stats.connects, 3);
	rig_stop(&rig);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_at_once) };
	int rc;

	if (argc > 1)
		seconds = (unsigned)atoi(argv[1]);
	if (!cage_enter(&rig.cage))
		return 77;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	cage_leave(&rig.cage);
	return rc;
}
