#include "gateway/negotiator_thread.h"

#include "conf/secret.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Workers that take IKE messages and count them; nobody answers. */
static int bell;
static _Atomic unsigned sent, registered;

int dataplane_negotiator_register(struct dataplane *dp)
{
	registered++;
	return 0;
}

void dataplane_negotiator_unregister(struct dataplane *dp)
{
	registered--;
}

int dataplane_negotiator_fd(struct dataplane *dp)
{
	return bell;
}

/* The tunnel that a worker refuses an SA of next, after a while of waiting; NOBODY: none. */
#define NOBODY UINT32_MAX
static _Atomic uint32_t refused = NOBODY;

bool dataplane_negotiator_poll(struct dataplane *dp, const struct dataplane_negotiator_ops *ops,
			       void *ctx)
{
	uint32_t tunnel = atomic_exchange(&refused, NOBODY);

	if (tunnel != NOBODY)
		negotiator_install_failed(ctx, tunnel, -EINVAL);
	return false;
}

int dataplane_send_udp(struct dataplane *dp, const struct endpoint *local,
		       const struct endpoint *remote, const void *data, size_t len)
{
	sent++;
	return 0;
}

uint32_t dataplane_spi_alloc(struct dataplane *dp, uint32_t tunnel)
{
	return 0x100 + tunnel;
}

void dataplane_spi_free(struct dataplane *dp, uint32_t tunnel, uint32_t spi)
{
}

int dataplane_sa_install(struct dataplane *dp, const struct dataplane_sa *sa)
{
	return 0;
}

int dataplane_sa_remove(struct dataplane *dp, uint32_t tunnel, bool inbound, uint32_t spi)
{
	return 0;
}

int dataplane_sa_move(struct dataplane *dp, uint32_t tunnel, uint32_t spi_out,
		      const struct endpoint *local, const struct endpoint *remote)
{
	return 0;
}

int dataplane_sa_refresh(struct dataplane *dp, uint32_t tunnel)
{
	return 0;
}

/* The worker is as slow as the test wants. */
static _Atomic uint64_t obeyed;

uint64_t dataplane_order_mark(struct dataplane *dp, uint32_t tunnel)
{
	return 7;
}

bool dataplane_order_reached(struct dataplane *dp, uint32_t tunnel, uint64_t mark)
{
	return obeyed >= mark;
}

uint64_t dataplane_inbound_packets(struct dataplane *dp, uint32_t tunnel)
{
	return 0;
}

int dataplane_sa_stats(struct dataplane *dp, uint32_t tunnel, bool inbound, uint32_t spi,
		       struct dataplane_sa_stats *out)
{
	return -ENOENT;
}

/* ---- main's side ------------------------------------------------------------------------- */

#define TUNNELS 2000 /* more than the rings have slots */

static unsigned states, stops, answers;
static enum ike_reason reason[TUNNELS];
static int answer_result;

static void on_state(void *ctx, uint32_t tunnel, bool up, enum ike_reason why, const char *text)
{
	assert_false(up);
	assert_true(tunnel < TUNNELS);
	reason[tunnel] = why;
	states++;
}

static void on_event(void *ctx, uint32_t tunnel, const char *text)
{
}

static void on_rekeyed(void *ctx, uint32_t tunnel, bool ike)
{
}

static void on_stopped(void *ctx)
{
	stops++;
}

static unsigned removed;

static void on_removed(void *ctx, uint32_t tunnel)
{
	removed++;
}

static const struct negotiator_ops ops = { .removed = on_removed,
					   .rekeyed = on_rekeyed,
					   .tunnel_state = on_state,
					   .event = on_event,
					   .stopped = on_stopped };

static void on_answer(struct negotiator_ask *ask)
{
	answer_result = ask->result;
	answers++;
}

static struct conf_tunnel conf;

static int setup(void **state)
{
	struct negotiator *n;

	if (secret_init() < 0)
		return -1;
	states = stops = answers = 0;
	sent = 0;
	memset(reason, 0xff, sizeof(reason));
	bell = eventfd(0, EFD_NONBLOCK);
	addr_parse(&conf.cloud_ip, "192.0.2.1");
	addr_parse(&conf.customer_ip, "192.0.2.2");
	conf.psk = secret_from("secret", 6);
	conf.local_id = conf_id_address(&conf.cloud_ip);
	conf.remote_id = conf_id_address(&conf.customer_ip);
	conf.ike_cipher.n = conf.ike_auth.n = conf.ike_dh.n = 0;
	algo_list_add(&conf.ike_cipher, CIPHER_AES128_CBC);
	algo_list_add(&conf.ike_auth, AUTH_SHA256);
	algo_list_add(&conf.ike_dh, DH_X25519);
	conf.esp_cipher.n = 0;
	algo_list_add(&conf.esp_cipher, CIPHER_AES128_GCM);
	conf.ike_lifetime = 14400;
	conf.esp_lifetime = 3600;
	conf.replay_window = 1024;
	conf.enabled = true;
	conf.start = CONF_START_INITIATE;
	if (negotiator_start(&n, NULL, &ops, NULL, NULL, NULL) < 0)
		return -1;
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	negotiator_free(*state);
	secret_free(conf.psk);
	close(bell);
	return registered == 0 && secret_live() == 0 ? 0 : -1;
}

/* Main's loop, until the counter has come that far. */
static void await(struct negotiator *n, const unsigned *counter, unsigned value)
{
	struct pollfd p = { .fd = negotiator_fd(n), .events = POLLIN };

	while (*counter < value) {
		assert_true(poll(&p, 1, negotiator_busy(n) ? 1 : 30000) >= 0);
		negotiator_receive(n);
		negotiator_flush(n);
	}
	assert_int_equal(*counter, value);
}

static void ask(struct negotiator *n, struct negotiator_ask *a, enum ask_kind kind, uint32_t tunnel)
{
	a->kind = kind;
	a->first = tunnel;
	a->done = on_answer;
	assert_int_equal(negotiator_ask(n, a), 0);
}

static void a_tunnel_negotiates_until_it_is_disabled(void **state)
{
	struct negotiator *n = *state;
	struct tunnel_snapshot snapshot[2];
	struct negotiator_ask a = { .count = 2, .tunnel = snapshot };
	struct ike_happening happening;
	size_t at = 0;

	assert_int_equal(negotiator_add(n, 7, &conf), 0);
	await(n, &states, 1);
	assert_int_equal(reason[7], IKE_REASON_NEGOTIATING);
	do { /* the engine starts when its timer says so */
		ask(n, &a, ASK_VIEW, 7);
		await(n, &answers, answers + 1);
	} while (a.counter[IKE_COUNT_TX] == 0);
	answers = 1;
	assert_true(snapshot[0].known);
	assert_false(snapshot[0].ike.up);
	assert_false(snapshot[1].known);
	assert_int_equal(a.counter[IKE_COUNT_TX], sent);
	ask(n, &a, ASK_REKEY_IKE, 7);
	await(n, &answers, 2);
	assert_int_equal(answer_result, -EAGAIN);
	ask(n, &a, ASK_HISTORY, 7);
	await(n, &answers, 3);
	assert_int_equal(answer_result, 0);
	assert_true(ike_history_next(&a.history, &at, &happening));
	assert_string_equal(happening.text, "disabled");
	ike_history_clear(&a.history);
	answers = 2;
	ask(n, &a, ASK_DISABLE, 7);
	await(n, &answers, 3);
	assert_int_equal(answer_result, 0);
	assert_int_equal(reason[7], IKE_REASON_DISABLED);
	ask(n, &a, ASK_ENABLE, 8);
	await(n, &answers, 4);
	assert_int_equal(answer_result, -ENOENT);
}

static void what_is_disabled_is_not_negotiated_anew(void **state)
{
	struct negotiator *n = *state;
	struct negotiator_ask a = { 0 };

	assert_int_equal(negotiator_add(n, 7, &conf), 0);
	await(n, &states, 1);
	/* In use it is. */
	refused = 7;
	ask(n, &a, ASK_VIEW, 7);
	await(n, &states, 3);
	assert_int_equal(reason[7], IKE_REASON_NEGOTIATING);
	await(n, &answers, 1);
	ask(n, &a, ASK_DISABLE, 7);
	await(n, &answers, 2);
	assert_int_equal(reason[7], IKE_REASON_DISABLED);
	refused = 7;
	/* The one turn sees the refusal and draws its conclusions, a later one answers. */
	for (bool seen = false, later = false; !later;) {
		later = seen;
		ask(n, &a, ASK_VIEW, 7);
		await(n, &answers, answers + 1);
		seen = refused == NOBODY;
	}
	assert_int_equal(reason[7], IKE_REASON_DISABLED);
	assert_int_equal(states, 4);
}

static void no_state_is_lost_in_full_rings(void **state)
{
	struct negotiator *n = *state;

	conf.enabled = false;
	for (uint32_t i = 0; i < TUNNELS; i++) {
		conf.customer_ip = addr_ipv4(0x0a000000 + i);
		assert_int_equal(negotiator_add(n, i, &conf), 0);
	}
	await(n, &states, TUNNELS);
	for (uint32_t i = 0; i < TUNNELS; i++)
		assert_int_equal(reason[i], IKE_REASON_DISABLED);
}

static void stopping_is_told(void **state)
{
	struct negotiator *n = *state;

	assert_int_equal(negotiator_add(n, 0, &conf), 0);
	negotiator_stop(n);
	await(n, &stops, 1);
}

static void questions_under_way_are_cancelled(void **state)
{
	static struct negotiator_ask a[50];
	struct negotiator *n = *state;

	for (unsigned i = 0; i < ARRAY_LEN(a); i++)
		ask(n, &a[i], ASK_VIEW, 0);
	negotiator_free(n);
	*state = NULL;
	assert_int_equal(answers, ARRAY_LEN(a));
	assert_int_equal(answer_result, -ECANCELED);
}

#define WITH_NEGOTIATOR(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_NEGOTIATOR(a_tunnel_negotiates_until_it_is_disabled),
		WITH_NEGOTIATOR(what_is_disabled_is_not_negotiated_anew),
		WITH_NEGOTIATOR(no_state_is_lost_in_full_rings),
		WITH_NEGOTIATOR(stopping_is_told),
		WITH_NEGOTIATOR(questions_under_way_are_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
