/* Scrapes of a small gateway and of one with 10,000 tunnels, whose dataplane and negotiator are
 * played here. With an argument the program writes what a scrape gave to that file (for promtool,
 * and for what is drawn from it). */
#include "conf/number.h"
#include "gateway/metrics.h"

#include "gateway/clock.h"
#include "gateway/event.h"
#include "gateway/gateway.h"
#include "gateway/http.h"
#include "gateway/metrics_snapshot.h"
#include "tests/unit/gateway/fake_dataplane.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 10000

static struct conf_port port;
static struct conf_border_gateway border_gateway;
static struct conf_tunnel *tunnel;
static struct conf_vpn_connection connection;
static struct conf conf;
static struct gateway gateway;
static struct metrics *metrics;
static const char *keep_in;

int negotiator_ask(struct negotiator *n, struct negotiator_ask *ask)
{
	for (unsigned i = 0; i < IKE_COUNTER_COUNT; i++)
		ask->counter[i] = 1000 * i;
	ask->result = 0;
	ask->done(ask);
	return 0;
}

static int make(unsigned tunnels)
{
	const struct endpoint here = { .addr = addr_ipv4(INADDR_LOOPBACK) };
	char error[256];

	fake_reset();
	memset(&gateway, 0, sizeof(gateway));
	strcpy(port.name, "wan");
	strcpy(border_gateway.name, "bgw");
	strcpy(connection.name, "dc1");
	strcpy(connection.border_gateway_name, "bgw");
	connection.gateway = &border_gateway;
	connection.n_tunnels = tunnels;
	connection.tunnel = tunnel = calloc(tunnels, sizeof(*tunnel));
	for (unsigned i = 0; i < tunnels; i++) {
		snprintf(tunnel[i].name, sizeof(tunnel[i].name), "dc1-%u", i + 1);
		addr_parse(&tunnel[i].cloud_ip, "203.0.113.1");
		addr_parse(&tunnel[i].customer_ip, "198.51.100.2");
		tunnel[i].enabled = true;
	}
	conf = (struct conf){ .n_ports = 1,
			      .port = &port,
			      .n_border_gateways = 1,
			      .border_gateway = &border_gateway };
	gateway.conf = &conf;
	gateway.started = clock_now();
	gateway.base = event_base_new();
	if (conf_number(&conf, NULL, NULL) < 0 ||
	    apply_new(&gateway.applied, NULL, &conf, error, sizeof(error)) < 0)
		return -1;
	/* The tunnels are nobody's but the manager's. */
	conf.n_connections = 1;
	conf.connection = &connection;
	if (conf_number(&conf, NULL, NULL) < 0 ||
	    tunnels_new(&gateway.tunnels, NULL, &conf, clock_now()) < 0)
		return -1;
	for (unsigned i = 0; i < tunnels; i++) {
		gateway.tunnels->v[i].up = i % 2 == 0;
		gateway.tunnels->v[i].reason = i % 2 ? IKE_REASON_NO_ANSWER : IKE_REASON_NONE;
		gateway.tunnels->v[i].ups = 3;
		gateway.tunnels->v[i].child_rekeys = 5;
	}
	fake_tunnel_stats = (struct dataplane_tunnel_stats){ .in_packets = 1234,
							     .in_bytes = 5678901,
							     .in_wire_bytes = 6000000,
							     .out_packets = 7,
							     .out_bytes = 700,
							     .out_wire_bytes = 1000,
							     .drop[DROP_REPLAYED] = 9,
							     .mtu = 1400 };
	fake_worker_stats[1].phase_cycles[PHASE_ESP_IN] = 4711;
	fake_worker_stats[0].drop[DROP_NO_SA] = 20;
	fake_worker_stats[1].drop[DROP_NO_SA] = 3;
	fake_port_stats.link_up = true;
	return metrics_new(&metrics, &gateway, &here, error, sizeof(error));
}

static int setup(void **state)
{
	return make(2);
}

static int setup_many(void **state)
{
	return make(MANY);
}

static int teardown(void **state)
{
	metrics_free(metrics);
	tunnels_free(gateway.tunnels);
	apply_free(gateway.applied);
	event_base_free(gateway.base);
	free(tunnel);
	conf_number_clear(&conf);
	return 0;
}

/* ---- who asks ---------------------------------------------------------------------------- */

static int dial(void)
{
	const struct endpoint at = metrics_address(metrics);
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(at.port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

struct reader {
	const char *request;
	int fd;
	char *text;
	size_t len;
};

/* A thread of its own, as Prometheus is somebody else. */
static void *read_all(void *arg)
{
	struct reader *r = arg;
	size_t room = 0;
	ssize_t n = 1;

	(void)send(r->fd, r->request, strlen(r->request), MSG_NOSIGNAL);
	while (n > 0) {
		if (room - r->len < 65536) {
			room = room * 2 + 131072;
			r->text = realloc(r->text, room);
		}
		n = read(r->fd, r->text + r->len, room - r->len - 1);
		r->len += n > 0 ? (size_t)n : 0;
	}
	r->text[r->len] = '\0';
	event_base_loopbreak(gateway.base);
	return NULL;
}

/* The most CPU time between two turns of a timer that wants to run each millisecond: how long
 * others of main had to wait for us. */
static uint64_t last_turn, longest_us;

static uint64_t cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_SECOND + (uint64_t)ts.tv_nsec / 1000;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	uint64_t now = cpu_now();

	if (last_turn && now - last_turn > longest_us)
		longest_us = now - last_turn;
	last_turn = now;
}

static char *ask(const char *request)
{
	struct reader r = { .request = request, .fd = dial() };
	const struct timeval each = { .tv_usec = 1000 }, end = { .tv_sec = 30 };
	struct event *tick = event_new(gateway.base, -1, EV_PERSIST, on_tick, NULL);
	pthread_t thread;

	last_turn = longest_us = 0;
	event_add(tick, &each);
	event_base_loopexit(gateway.base, &end);
	pthread_create(&thread, NULL, read_all, &r);
	event_base_dispatch(gateway.base);
	pthread_join(thread, NULL);
	event_free(tick);
	close(r.fd);
	return r.text;
}

#define SCRAPE "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

static const char *body_of(const char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n");

	assert_non_null(body);
	return body + 4;
}

/* ---- what is told ------------------------------------------------------------------------ */

static const char *const lines[] = {
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
	"# TYPE isthmus_tunnel_bytes_total counter\n"
	"isthmus_tunnel_bytes_total{tunnel=\"dc1-1\",direction=\"in\"} 5678901\n"
	"isthmus_tunnel_bytes_total{tunnel=\"dc1-1\",direction=\"out\"} 700\n"
	"isthmus_tunnel_bytes_total{tunnel=\"dc1-2\",direction=\"in\"} 5678901\n",
	"isthmus_tunnel_encrypted_bytes_total{tunnel=\"dc1-1\",direction=\"in\"} 6000000\n",
	"isthmus_tunnel_packets_total{tunnel=\"dc1-1\",direction=\"out\"} 7\n",
	"isthmus_tunnel_info{tunnel=\"dc1-1\",connection=\"dc1\",border_gateway=\"bgw\","
	"cloud_ip=\"203.0.113.1\",customer_ip=\"198.51.100.2\"} 1\n",
	"isthmus_tunnel_up{tunnel=\"dc1-1\"} 1\nisthmus_tunnel_up{tunnel=\"dc1-2\"} 0\n",
	"isthmus_tunnel_down_reason{tunnel=\"dc1-2\",reason=\"no-answer\"} 1\n",
	"isthmus_tunnel_state_changes_total{tunnel=\"dc1-1\",to=\"up\"} 3\n",
	"isthmus_tunnel_rekeys_total{tunnel=\"dc1-1\",sa=\"child\"} 5\n",
	"isthmus_tunnel_drops_total{tunnel=\"dc1-1\",reason=\"replayed\"} 9\n",
	"isthmus_tunnel_mtu_bytes{tunnel=\"dc1-1\"} 1400\n",
	"isthmus_worker_busy_cycles_total{worker=\"1\",phase=\"esp-in\"} 4711\n",
	"isthmus_drops_total{reason=\"no-sa\"} 23\n",
	"isthmus_drops_total{reason=\"shard-too-big\"} 0\n",
	"isthmus_ring_waiting{worker=\"1\",ring=\"handover\"} 18\n",
	"isthmus_packet_buffers{state=\"used\"} 24\n",
	"isthmus_port_up{port=\"wan\"} 1\n",
	"isthmus_tunnels{state=\"up\"} 1\nisthmus_tunnels{state=\"down\"} 1\n",
	"isthmus_ike_messages_total{what=\"tx\"} 1000\n",
	"isthmus_border_gateway_refusing{border_gateway=\"bgw\"} 0\n",
	"isthmus_build_info{version=\"" ISTHMUS_VERSION "\",dataplane=\"a fake one\"} 1\n",
};

static void a_scrape_tells_all(void **state)
{
	char *answer = ask(SCRAPE);

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (!strstr(answer, lines[i]))
			fail_msg("not told: %s", lines[i]);
	assert_null(strstr(answer, "down_reason{tunnel=\"dc1-1\""));
	for (unsigned i = 0; metrics_family(i) != NULL; i++) {
		const struct metrics_family *f = metrics_family(i);
		char type[256];

		snprintf(type, sizeof(type), "# TYPE %s %s\n", f->name, f->type);
		if (f->of != OF_SHARD && !strstr(answer, type))
			fail_msg("not told: %s", type);
	}
	if (keep_in) {
		FILE *out = fopen(keep_in, "w");

		assert_non_null(out);
		fputs(body_of(answer), out);
		fclose(out);
	}
	free(answer);
}

static const struct {
	const char *request, *answer;
} refusals[] = {
	{ "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n" },
	{ "GET /metrics/x HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n" },
	{ "POST /metrics HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
	  "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n" },
	{ "DELETE /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n" },
	{ "GET /metrics\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n" },
	{ "GET metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n" },
	{ "\x16\x03\x01 \r\n\r\n", "HTTP/1.1 400 Bad Request\r\n" },
	{ "GET /metrics?name=x HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n" },
};

static void all_but_get_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		char *answer = ask(refusals[i].request);

		if (strncmp(answer, refusals[i].answer, strlen(refusals[i].answer)) != 0)
			fail_msg("%s: %s", refusals[i].request, answer);
		free(answer);
	}
}

static void an_endless_request_is_refused(void **state)
{
	char *big = calloc(1, HTTP_REQUEST_MAX * 2), *answer;

	memset(big, 'x', HTTP_REQUEST_MAX + 100);
	answer = ask(big);
	assert_int_equal(strncmp(answer, "HTTP/1.1 431", 12), 0);
	free(answer);
	free(big);
}

/* ---- many tunnels ------------------------------------------------------------------------ */

static unsigned count_lines(const char *text, const char *begins)
{
	const char *end = text + strlen(text), *next;
	size_t len = strlen(begins);
	unsigned n = 0;

	for (; (next = memchr(text, '\n', (size_t)(end - text))); text = next + 1)
		n += (size_t)(next - text) > len && memcmp(text, begins, len) == 0;
	return n;
}

static void ten_thousand_tunnels_are_told_in_pieces(void **state)
{
	uint64_t before = clock_now(), took;
	char *answer = ask(SCRAPE);

	took = clock_now() - before;
	print_message("%zu bytes in %llu ms, others waited for %llu us of ours at most\n",
		      strlen(answer), (unsigned long long)took / 1000,
		      (unsigned long long)longest_us);
	assert_int_equal(count_lines(answer, "isthmus_tunnel_up{"), MANY);
	assert_int_equal(count_lines(answer, "isthmus_tunnel_packets_total{"), 2 * MANY);
	assert_int_equal(count_lines(answer, "isthmus_tunnel_info{"), MANY);
	assert_int_equal(count_lines(answer, "# TYPE isthmus_tunnel_up "), 1);
	assert_int_equal(answer[strlen(answer) - 1], '\n');
	free(answer);
}

static void readers_that_hang_are_in_nobodys_way(void **state)
{
	int fd[HTTP_CONNECTIONS + 2];
	char *answer;

	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		const char *request = i % 2 ? SCRAPE : "GET /met";

		fd[i] = dial();
		assert_true(send(fd[i], request, strlen(request), MSG_NOSIGNAL) > 0);
		event_base_loop(gateway.base, EVLOOP_NONBLOCK);
	}
	answer = ask(SCRAPE);
	assert_int_equal(count_lines(answer, "isthmus_tunnel_up{"), MANY);
	free(answer);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		close(fd[i]);
}

/* Half of the metrics must not be taken for all of them. */
static void a_reader_that_is_cut_off_knows_it(void **state)
{
	int fd[HTTP_CONNECTIONS + 1];
	char some[65536];
	ssize_t n, all = 0;

	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = dial();
		if (i == 0)
			assert_true(send(fd[i], SCRAPE, strlen(SCRAPE), MSG_NOSIGNAL) > 0);
		/* The first one's answer fills all buffers on its way. */
		for (unsigned turns = 0; turns < (i ? 10 : 2000); turns++)
			event_base_loop(gateway.base, EVLOOP_NONBLOCK);
	}
	while ((n = read(fd[0], some, sizeof(some))) > 0)
		all += n;
	assert_int_equal(n, -1);
	assert_int_equal(errno, ECONNRESET);
	assert_true(all < 11000000);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		close(fd[i]);
}

static void a_reader_may_go_at_any_time(void **state)
{
	for (unsigned i = 0; i < 40; i++) {
		int fd = dial();

		assert_true(send(fd, SCRAPE, strlen(SCRAPE), MSG_NOSIGNAL) > 0);
		for (unsigned k = 0; k < i; k++)
			event_base_loop(gateway.base, EVLOOP_NONBLOCK);
		close(fd);
	}
	event_base_loop(gateway.base, EVLOOP_NONBLOCK);
}

#define WITH(t)	     cmocka_unit_test_setup_teardown(t, setup, teardown)
#define WITH_MANY(t) cmocka_unit_test_setup_teardown(t, setup_many, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH(a_scrape_tells_all),
		WITH(all_but_get_is_refused),
		WITH(an_endless_request_is_refused),
		WITH_MANY(ten_thousand_tunnels_are_told_in_pieces),
		WITH_MANY(readers_that_hang_are_in_nobodys_way),
		WITH_MANY(a_reader_that_is_cut_off_knows_it),
		WITH_MANY(a_reader_may_go_at_any_time),
	};

	keep_in = argc > 1 ? argv[1] : NULL;
	signal(SIGPIPE, SIG_IGN); /* as main() does */
	evthread_use_pthreads();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
