/* A worker's turns ask nobody for memory, take no lock and make no system call, whatever the
 * packets are, but for one: who sleeps and gets something is woken, once, in a turn without packets
 * or when a millisecond has passed (punt_ring_bells()). While a turn runs, all three are trapped:
 * allocation by the allocator's hooks (with the address sanitizer) or in its place, locks in their
 * place, system calls by the kernel's dispatch to this process (PR_SET_SYSCALL_USER_DISPATCH). */
#include "rig_tunnel.h"

#include "dataplane/capture.h"
#include "dataplane/packet.h"
#include "dataplane/reassemble.h"
#include "dataplane/trace.h"

#include <rte_cycles.h>

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF	     0
#define PR_SYS_DISPATCH_ON	     1
#endif

enum { ALLOW, BLOCK };
static volatile char selector = ALLOW; /* the kernel reads it at each system call */
static volatile bool watched;
static volatile unsigned allocations, locks, calls, bells;
static volatile long first_call;

/* ---- traps -------------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
/* As <sanitizer/allocator_interface.h> has it. */
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t),
					      void (*)(const volatile void *));

static void on_malloc(const volatile void *p, size_t size)
{
	allocations += watched;
}

static void on_free(const volatile void *p)
{
	allocations += watched;
}

static void trap_allocations(void)
{
	assert_true(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free));
}
#else
void *__libc_malloc(size_t size);
void __libc_free(void *p);
void *malloc(size_t size);
void free(void *p);

void *malloc(size_t size)
{
	allocations += watched;
	return __libc_malloc(size);
}

void free(void *p)
{
	allocations += watched;
	__libc_free(p);
}

static void trap_allocations(void)
{
}
#endif

static int (*real_lock)(pthread_mutex_t *);

int pthread_mutex_lock(pthread_mutex_t *m)
{
	locks += watched;
	if (!real_lock)
		*(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
	return real_lock(m);
}

/* Bells are rung by it, and nothing else: what is not one is made, and trapped. */
ssize_t write(int fd, const void *p, size_t n)
{
	if (watched && (fd == rig_dp->main_bell.fd || fd == rig_dp->negotiator_bell.fd)) {
		bells++;
		return (ssize_t)n;
	}
	return syscall(SYS_write, fd, p, n);
}

static void on_call(int signal, siginfo_t *info, void *context)
{
	selector = ALLOW;
	if (calls++ == 0)
		first_call = info->si_syscall;
}

/* In each test anew: cmocka takes the signal for itself. */
static void catch_calls(void)
{
	struct sigaction a = { .sa_sigaction = on_call, .sa_flags = SA_SIGINFO };

	sigemptyset(&a.sa_mask);
	assert_int_equal(sigaction(SIGSYS, &a, NULL), 0);
}

static bool trap_calls(void)
{
	return prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector) == 0;
}

/* The worker's turns until it has nothing left, with the traps set. */
static void turns(struct worker *w)
{
	unsigned n = 0, rung, early = 0;
	uint64_t refilled;

	catch_calls();
	watched = true;
	selector = BLOCK;
	do {
		rung = bells;
		refilled = w->punt.refilled;
		if (!worker_run_once(w))
			break;
		if (w->punt.refilled == refilled)
			early += bells - rung;
	} while (++n);
	selector = ALLOW;
	watched = false;
	assert_int_equal(early, 0);
	assert_true(n > 0);
	assert_in_range(bells, 0, 2);
	if (allocations || locks || calls)
		fail_msg("%u allocations, %u locks, %u system calls, the first one number %ld",
			 allocations, locks, calls, first_call);
}

static int begin(int (*rig)(void **), void **state)
{
	rig(state);
	assert_int_equal(dataplane_negotiator_register(rig_dp), 0);
	rig_tunnel_open();
	rig_tunnel_host_sends(10); /* both ways are known to work */
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 10);
	rig_tunnel_discard();
	allocations = locks = calls = bells = 0;
	return 0;
}

static int set_up(void **state)
{
	return begin(rig_set_up, state);
}

static int set_up_three(void **state)
{
	return begin(rig_set_up_three, state);
}

static int tear_down(void **state)
{
	dataplane_negotiator_unregister(rig_dp);
	return rig_tear_down(state);
}

/* ---- proofs ------------------------------------------------------------------------------- */

static void the_traps_work(void **state)
{
	static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	void *volatile p;

	catch_calls();
	watched = true;
	p = malloc(10);
	free(p);
	pthread_mutex_lock(&m);
	watched = false;
	pthread_mutex_unlock(&m);
	assert_true(allocations >= 2);
	assert_int_equal(locks, 1);
	selector = BLOCK;
	syscall(SYS_getppid);
	selector = ALLOW;
	assert_int_equal(calls, 1);
	assert_int_equal(first_call, SYS_getppid);
}

static void packets_both_ways(void **state)
{
	uint8_t ip[RIG_FRAME];
	unsigned n;

	for (unsigned i = 0; i < 40; i++) {
		n = rig_tunnel_udp(ip, RIG_TUNNEL_HOST, RIG_TUNNEL_FAR, 30 * i);
		rig_tunnel_from_host(ip, n);
		n = rig_tunnel_udp(ip, RIG_TUNNEL_FAR, RIG_TUNNEL_HOST, 30 * i);
		rig_tunnel_from_peer(rig_tunnel_spi_in, ip, n);
	}
	turns(rig_dp->worker[0]);
	assert_int_equal(rig_dp->worker[0]->stats.esp_out_packets, 41);
	assert_int_equal(rig_dp->worker[0]->stats.esp_in_packets, 41);
}

static void fragments(void **state)
{
	uint8_t ip[RIG_FRAME];

	rig_tunnel_from_host(ip, rig_tunnel_udp(ip, RIG_TUNNEL_HOST, RIG_TUNNEL_FAR, 1470));
	turns(rig_dp->worker[0]);
	assert_int_equal(rig_dp->worker[0]->stats.esp_out_packets, 3);
}

static void what_is_dropped(void **state)
{
	uint8_t ip[RIG_FRAME], f[RIG_FRAME];
	unsigned n = rig_tunnel_udp(ip, RIG_TUNNEL_FAR, RIG_TUNNEL_HOST, 30), len;

	rig_tunnel_from_peer(rig_tunnel_spi_in ^ 1 << 20, ip, n);
	len = rig_esp(f, RIG_TUNNEL_PEER, rig_tunnel_spi_in, 100, ip, n);
	f[len - 1] ^= 1;
	rig_give(0, f, len);
	f[len - 1] ^= 1;
	rig_give(0, f, len);
	rig_give(0, f, len); /* replayed */
	rig_give(0, f, 20);
	f[0] ^= 1;
	rig_give(0, f, len);
	n = rig_tunnel_udp(ip, RIG_TUNNEL_HOST, "203.0.113.200", 30);
	rig_tunnel_from_host(ip, n);
	turns(rig_dp->worker[0]);
	assert_int_equal(rig_dropped(DROP_NO_SA), 1);
	assert_int_equal(rig_dropped(DROP_BAD_ICV), 1);
	assert_int_equal(rig_dropped(DROP_REPLAYED), 1);
	assert_int_equal(rig_dropped(DROP_NO_ROUTE), 1);
}

/* To us: neighbours, pings, IKE, BGP, and what has no resolved next hop. Main and the negotiator
 * sleep, and are woken once each. */
static void what_others_take(void **state)
{
	uint8_t ip[RIG_FRAME], f[RIG_FRAME];
	struct worker *w = rig_dp->worker[0];
	unsigned n;

	rig_give(0, f, rig_arp(f, 1, rig_peer_mac, "198.51.100.7", "198.51.100.1"));
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	n = rig_tunnel_udp(f + 14, "203.0.113.9", "198.51.100.1", 60);
	put_be16(f + 14 + 22, UDP_IKE);
	rig_give(0, f, 14 + n);
	f[14 + 9] = PROTO_ICMP;
	put16(f + 14 + 10, 0);
	put16(f + 14 + 10, ip4_sum(f + 14, 20));
	rig_give(0, f, 14 + n);
	n = rig_ip4(ip, "169.254.1.1", "169.254.1.2", PROTO_TCP, 20) + 20;
	put_be16(ip + 22, TCP_BGP);
	rig_tunnel_from_peer(rig_tunnel_spi_in, ip, n);
	n = rig_tunnel_udp(ip, RIG_TUNNEL_FAR, "10.1.0.77", 30);
	rig_tunnel_from_peer(rig_tunnel_spi_in, ip, n);
	doorbell_sleep(&rig_dp->main_bell);
	doorbell_sleep(&rig_dp->negotiator_bell);
	turns(w);
	assert_int_equal(bells, 2);
	assert_int_equal(rte_ring_count(rig_dp->to_main[0]), 4);
	assert_int_equal(rte_ring_count(rig_dp->to_negotiator[0]), 1);
	/* They are awake now. */
	rig_give(0, f, rig_arp(f, 1, rig_peer_mac, "198.51.100.8", "198.51.100.1"));
	turns(w);
	assert_int_equal(bells, 2);
}

/* Whose sender is told, and who is told about outer packets that were too big. */
static void what_is_complained_about(void **state)
{
	uint8_t ip[RIG_FRAME], f[RIG_FRAME];
	unsigned n = rig_tunnel_udp(ip, RIG_TUNNEL_HOST, RIG_TUNNEL_FAR, 1470);

	ip[6] = 0x40;
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, 20));
	rig_tunnel_from_host(ip, n);
	n = rig_tunnel_udp(ip, RIG_TUNNEL_FAR, RIG_TUNNEL_HOST, 30);
	ip[8] = 1;
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, 20));
	rig_tunnel_from_peer(rig_tunnel_spi_in, ip, n);
	rig_ether(f, rig_port_mac, rig_peer_mac, ETHERTYPE_IPV4);
	memset(f + 34, 0, 60);
	f[34] = 3;
	f[35] = 4;
	rig_ip4(f + 14, "203.0.113.7", "198.51.100.1", PROTO_ICMP, 60);
	rig_give(0, f, 34 + 60);
	turns(rig_dp->worker[0]);
	assert_int_equal(rig_dropped(DROP_TOO_BIG), 1);
	assert_int_equal(rig_dropped(DROP_TTL_EXPIRED), 1);
	assert_int_equal(rte_ring_count(rig_dp->to_main[0]), 2);
	assert_int_equal(rte_ring_count(rig_dp->to_negotiator[0]), 1);
}

/* An outer packet in two pieces, one that waits until its time is over, and one in two segments. */
static void pieces(void **state)
{
	uint8_t ip[RIG_FRAME], f[RIG_FRAME], piece[RIG_FRAME];
	unsigned n = rig_tunnel_udp(ip, RIG_TUNNEL_FAR, RIG_TUNNEL_HOST, 200), len;
	struct worker *w = rig_dp->worker[0];
	struct rte_mbuf *m;

	len = rig_esp(f, RIG_TUNNEL_PEER, rig_tunnel_spi_in, 50, ip, n);
	for (unsigned k = 0; k < 3; k++) {
		unsigned at = k == 1 ? 80 : 0, bytes = k == 1 ? len - 34 - 80 : 80;

		memcpy(piece, f, 34);
		memcpy(piece + 34, f + 34 + at, bytes);
		put_be16(piece + 16, (uint16_t)(20 + bytes));
		put_be16(piece + 18, k == 2 ? 9 : 8);
		put_be16(piece + 20, (uint16_t)(k == 1 ? at / 8 : 0x2000));
		put16(piece + 24, 0);
		put16(piece + 24, ip4_sum(piece + 14, 20));
		rig_give(0, piece, 34 + bytes);
	}
	len = rig_esp(f, RIG_TUNNEL_PEER, rig_tunnel_spi_in, 51, ip, n);
	m = rte_pktmbuf_alloc(rig_frames);
	memcpy(rte_pktmbuf_append(m, 60), f, 60);
	m->next = rte_pktmbuf_alloc(rig_frames);
	m->nb_segs = 2;
	memcpy(rte_pktmbuf_append(m, (uint16_t)(len - 60)), f + 60, len - 60);
	rig_give_mbuf(0, m);
	turns(w);
	assert_int_equal(w->stats.esp_in_packets, 3);
	assert_int_equal(reassemble_waiting(w), 1);
	w->tsc += (REASSEMBLE_SECONDS + 1) * rte_get_tsc_hz();
	reassemble_expire(w);
	assert_int_equal(reassemble_waiting(w), 0);
}

/* SAs come, move, change and go within the turns. */
static void orders(void **state)
{
	struct endpoint l = { rig_addr("198.51.100.1"), 0 }, r = { rig_addr("203.0.113.10"), 0 };
	struct dataplane_sa sa = { .tunnel = RIG_TUNNEL,
				   .spi = 0x5005,
				   .cipher = CIPHER_AES128_GCM,
				   .cipher_key = rig_key,
				   .cipher_key_len = sizeof(rig_key),
				   .replay_window = 64,
				   .local = l,
				   .remote = r };

	assert_int_equal(dataplane_sa_install(rig_dp, &sa), 0);
	sa.inbound = true;
	sa.spi = dataplane_spi_alloc(rig_dp, RIG_TUNNEL);
	assert_int_equal(dataplane_sa_install(rig_dp, &sa), 0);
	assert_int_equal(dataplane_sa_move(rig_dp, RIG_TUNNEL, 0x5005, &l, &r), 0);
	assert_int_equal(dataplane_sa_refresh(rig_dp, RIG_TUNNEL), 0);
	assert_int_equal(dataplane_sa_remove(rig_dp, RIG_TUNNEL, true, rig_tunnel_spi_in), 0);
	assert_int_equal(dataplane_sa_remove(rig_dp, RIG_TUNNEL, false, 0x5005), 0);
	turns(rig_dp->worker[0]);
	assert_true(rte_ring_empty(rig_dp->worker[0]->orders));
	assert_true(rte_ring_count(rig_dp->worker[0]->reports) >= 7);
}

/* What another worker owns, there and back. */
static void between_workers(void **state)
{
	uint8_t ip[RIG_FRAME];

	rig_tunnel_from_host(ip, rig_tunnel_udp(ip, RIG_TUNNEL_HOST, RIG_TUNNEL_FAR, 30));
	rig_tunnel_from_peer(rig_tunnel_spi_in, ip,
			     rig_tunnel_udp(ip, RIG_TUNNEL_FAR, RIG_TUNNEL_HOST, 30));
	turns(rig_dp->worker[1]);
	turns(rig_dp->worker[0]);
	assert_true(rig_handed_over() >= 1);
	assert_int_equal(rig_dp->worker[0]->stats.esp_out_packets, 2);
	assert_int_equal(rig_dp->worker[0]->stats.esp_in_packets, 2);
}

static void at_rest(void *ctx, struct capture *c)
{
}

/* A trace and a capture look on: nothing changes about it. */
static void while_somebody_looks(void **state)
{
	const struct trace_filter by = { .by = TRACE_BY_TUNNEL, .tunnel = RIG_TUNNEL };
	const struct capture_filter all = { .what = CAPTURE_FRAMES | CAPTURE_INNER | CAPTURE_OUTER,
					    .tunnel = CAPTURE_ANY,
					    .port = CAPTURE_ANY };
	struct capture *c;
	struct trace *t;
	uint8_t ip[RIG_FRAME];

	assert_int_equal(dataplane_trace_start(rig_dp, &by, 10, &t), 0);
	assert_int_equal(dataplane_capture_start(rig_dp, &all, &c), 0);
	allocations = 0;
	rig_tunnel_from_host(ip, rig_tunnel_udp(ip, RIG_TUNNEL_HOST, RIG_TUNNEL_FAR, 30));
	rig_tunnel_from_peer(rig_tunnel_spi_in, ip,
			     rig_tunnel_udp(ip, RIG_TUNNEL_FAR, RIG_TUNNEL_HOST, 30));
	allocations = 0;
	turns(rig_dp->worker[0]);
	assert_int_equal(dataplane_trace_count(t), 2);
	dataplane_trace_stop(rig_dp, t);
	dataplane_capture_stop(rig_dp, c, at_rest, NULL);
	rig_run();
	dataplane_capture_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_traps_work, set_up, tear_down),
		cmocka_unit_test_setup_teardown(packets_both_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(fragments, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(while_somebody_looks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_others_take, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_complained_about, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(orders, set_up, tear_down),
		cmocka_unit_test_setup_teardown(between_workers, set_up_three, tear_down),
	};

	trap_allocations();
	if (!trap_calls()) {
		print_message("this kernel does not dispatch system calls to the process\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
