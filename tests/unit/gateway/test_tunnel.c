#include "gateway/tunnel.h"

#include "conf/number.h"
#include "gateway/log.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The dataplane's side: each tunnel's last state, and how often it was told one. */
static bool is_up[5];
static unsigned told;

int dataplane_tunnel_state(struct dataplane *dp, uint32_t tunnel, bool up)
{
	is_up[tunnel] = up;
	told++;
	return 0;
}

const char *ike_reason_name(enum ike_reason r)
{
	return "a-reason";
}

/* Three connections of 2, 0 and 3 tunnels: indices 0 1, none, 2 3 4. */
static struct conf_tunnel first[2], third[3];
static struct conf_vpn_connection connection[3];
static struct conf conf = { .n_connections = 3, .connection = connection };
static int pipe_fd[2];

static int setup(void **state)
{
	struct tunnels *t;

	memset(is_up, 0, sizeof(is_up));
	told = 0;
	for (unsigned i = 0; i < 2; i++)
		snprintf(first[i].name, sizeof(first[i].name), "a%u", i);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(third[i].name, sizeof(third[i].name), "c%u", i);
		snprintf(connection[i].name, sizeof(connection[i].name), "net%u", i);
		third[i].enabled = i > 0;
	}
	first[0].enabled = first[1].enabled = true;
	connection[0].n_tunnels = 2;
	connection[0].tunnel = first;
	connection[2].n_tunnels = 3;
	connection[2].tunnel = third;
	if (conf_number(&conf, NULL, NULL) < 0 || pipe2(pipe_fd, O_NONBLOCK) < 0 ||
	    tunnels_new(&t, NULL, &conf, 1000) < 0)
		return -1;
	log_open(pipe_fd[1], LOG_INFO);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	tunnels_free(*state);
	conf_number_clear(&conf);
	log_open(STDERR_FILENO, LOG_INFO);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	return 0;
}

static const char *logged(void)
{
	static char buf[4096];
	ssize_t n = read(pipe_fd[0], buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void tunnels_are_counted_in_the_files_order(void **state)
{
	struct tunnels *t = *state;

	assert_int_equal(t->n, 5);
	assert_int_equal(tunnels_find(t, "a1"), 1);
	assert_int_equal(tunnels_find(t, "c0"), 2);
	assert_int_equal(tunnels_find(t, "c2"), 4);
	assert_int_equal(tunnels_find(t, "c3"), -1);
	assert_string_equal(tunnels_name(t, 3), "c1");
	assert_null(tunnels_name(t, 5));
	assert_null(tunnels_name(t, UINT32_MAX));
	assert_int_equal(t->v[2].reason, IKE_REASON_DISABLED);
	assert_int_equal(t->v[3].reason, IKE_REASON_NEGOTIATING);
}

static const struct {
	uint32_t tunnel;
	bool up;
	const char *states; /* of all, afterwards */
	unsigned told;
} steps[] = {
	{ 0, false, "-----", 0 }, { 1, true, "-U---", 1 },  { 0, true, "UU---", 2 },
	{ 0, true, "UU---", 2 },  { 4, true, "UU--U", 3 },  { 2, true, "UUU-U", 4 },
	{ 1, false, "U-U-U", 5 }, { 1, false, "U-U-U", 5 }, { 0, false, "--U-U", 6 },
	{ 7, true, "--U-U", 6 },
};

static void the_dataplane_is_told_each_change(void **state)
{
	struct tunnels *t = *state;
	unsigned all, up;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		tunnels_state(t, 2000 + i, steps[i].tunnel, steps[i].up,
			      steps[i].up ? IKE_REASON_NONE : IKE_REASON_PEER_DELETED, "");
		for (unsigned k = 0; k < 5; k++)
			assert_int_equal(is_up[k], steps[i].states[k] == 'U');
		assert_int_equal(told, steps[i].told);
	}
	assert_int_equal(t->v[0].ups, 1);
	assert_int_equal(t->v[0].downs, 1);
	assert_int_equal(t->v[0].since, 2008);
	assert_int_equal(t->v[4].since, 2004);
	tunnels_count(t, 2, &all, &up);
	assert_int_equal(all, 3);
	assert_int_equal(up, 2);
	tunnels_count(t, 1, &all, &up);
	assert_int_equal(all, 0);
	assert_int_equal(up, 0);
}

static void each_change_is_logged_once_with_its_reason(void **state)
{
	struct tunnels *t = *state;

	tunnels_state(t, 1000000, 0, true, IKE_REASON_NONE, "");
	assert_non_null(strstr(logged(), " info tunnel/a0: UP\n"));
	tunnels_state(t, 2000000, 0, true, IKE_REASON_NONE, "");
	assert_string_equal(logged(), "");
	tunnels_state(t, 193000000, 0, false, IKE_REASON_DPD_TIMEOUT, "peer silent\nfor 45 s");
	assert_non_null(strstr(logged(),
			       " warning tunnel/a0: DOWN after 3m12s: dead peer (DPD timeout): "
			       "peer silent | for 45 s\n"));
	/* More tries of the same kind change the text, not the story. */
	tunnels_state(t, 194000000, 0, false, IKE_REASON_DPD_TIMEOUT, "peer silent for 46 s");
	assert_string_equal(logged(), "");
	assert_string_equal(t->v[0].text, "peer silent for 46 s");
	tunnels_state(t, 195000000, 0, false, IKE_REASON_NO_ANSWER, "");
	assert_non_null(strstr(logged(), " info tunnel/a0: still DOWN: no answer\n"));
	assert_int_equal(t->v[0].since, 193000000);
	t->quiet = true;
	tunnels_state(t, 196000000, 0, true, IKE_REASON_NONE, "");
	assert_string_equal(logged(), "");
}

static void rekeys_are_counted(void **state)
{
	struct tunnels *t = *state;

	tunnels_rekeyed(t, 1, false);
	tunnels_rekeyed(t, 1, false);
	tunnels_rekeyed(t, 1, true);
	tunnels_rekeyed(t, 9, true);
	assert_int_equal(t->v[1].child_rekeys, 2);
	assert_int_equal(t->v[1].ike_rekeys, 1);
	assert_int_equal(t->v[0].child_rekeys, 0);
}

#define WITH_TUNNELS(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TUNNELS(tunnels_are_counted_in_the_files_order),
		WITH_TUNNELS(the_dataplane_is_told_each_change),
		WITH_TUNNELS(rekeys_are_counted),
		WITH_TUNNELS(each_change_is_logged_once_with_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
