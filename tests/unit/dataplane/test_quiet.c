/* A worker's turns ask nobody for memory, take no lock and make no system call, whatever the
 * packets are. While a turn runs, all three are trapped: allocation by the allocator's hooks (with
 * the address sanitizer) or in its place, locks in their place, system calls by the kernel's
 * dispatch to this process (PR_SET_SYSCALL_USER_DISPATCH). */
#include "rig_tunnel.h"

#include "dataplane/capture.h"
#include "dataplane/packet.h"
#include "dataplane/trace.h"

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
static volatile unsigned allocations, locks, calls;
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
	unsigned n = 0;

	catch_calls();
	watched = true;
	selector = BLOCK;
	while (worker_run_once(w))
		n++;
	selector = ALLOW;
	watched = false;
	assert_true(n > 0);
	if (allocations || locks || calls)
		fail_msg("%u allocations, %u locks, %u system calls, the first one number %ld",
			 allocations, locks, calls, first_call);
}

static int set_up(void **state)
{
	rig_set_up(state);
	rig_tunnel_open();
	rig_tunnel_host_sends(10); /* both ways are known to work */
	rig_tunnel_peer_sends(rig_tunnel_spi_in, 10);
	rig_tunnel_discard();
	allocations = locks = calls = 0;
	return 0;
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
		cmocka_unit_test_setup_teardown(the_traps_work, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(packets_both_ways, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(fragments, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(what_is_dropped, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(while_somebody_looks, set_up, rig_tear_down),
	};

	trap_allocations();
	if (!trap_calls()) {
		print_message("this kernel does not dispatch system calls to the process\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
