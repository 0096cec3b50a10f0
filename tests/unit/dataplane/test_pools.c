/* Packet buffers, and what else workers take: how much of it, and on which NUMA node.
 *
 * The nodes are made up: DPDK is asked through this file, which tells it of two, writes down what
 * is wanted from which, and can refuse a node's memory. Of three workers the first is on node 0. */
#include "rig_tunnel.h"

#include "dataplane/eal.h"

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool two_nodes;
static unsigned nothing_left; /* by bit: nodes without memory */

static int node_of(unsigned worker)
{
	return two_nodes && worker ? 1 : 0;
}

unsigned __real_rte_lcore_to_socket_id(unsigned lcore);
unsigned __wrap_rte_lcore_to_socket_id(unsigned lcore);
unsigned __wrap_rte_lcore_to_socket_id(unsigned lcore)
{
	return lcore ? (unsigned)node_of(lcore - 1) : __real_rte_lcore_to_socket_id(0);
}

static struct wish {
	char what[32];
	int node;
} wishes[512];
static unsigned n_wishes;

static void wish(const char *what, int node)
{
	assert_in_range(n_wishes, 0, ARRAY_LEN(wishes) - 1);
	snprintf(wishes[n_wishes].what, sizeof(wishes[0].what), "%s", what);
	wishes[n_wishes++].node = node;
}

static bool refused(int node)
{
	return node >= 0 && (nothing_left >> node & 1);
}

/* Of things of this name, those wanted from that node. */
static unsigned wanted(const char *what, int node)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_wishes; i++)
		n += wishes[i].node == node && strcmp(wishes[i].what, what) == 0;
	return n;
}

void *__real_rte_zmalloc_socket(const char *what, size_t size, unsigned align, int node);
void *__wrap_rte_zmalloc_socket(const char *what, size_t size, unsigned align, int node);
void *__wrap_rte_zmalloc_socket(const char *what, size_t size, unsigned align, int node)
{
	wish(what, node);
	return refused(node) ? NULL : __real_rte_zmalloc_socket(what, size, align, 0);
}

void *__real_rte_malloc_socket(const char *what, size_t size, unsigned align, int node);
void *__wrap_rte_malloc_socket(const char *what, size_t size, unsigned align, int node);
void *__wrap_rte_malloc_socket(const char *what, size_t size, unsigned align, int node)
{
	wish(what, node);
	return refused(node) ? NULL : __real_rte_malloc_socket(what, size, align, 0);
}

struct rte_ring *__real_rte_ring_create_elem(const char *name, unsigned bytes, unsigned n, int node,
					     unsigned flags);
struct rte_ring *__wrap_rte_ring_create_elem(const char *name, unsigned bytes, unsigned n, int node,
					     unsigned flags);
struct rte_ring *__wrap_rte_ring_create_elem(const char *name, unsigned bytes, unsigned n, int node,
					     unsigned flags)
{
	wish(name, node);
	return refused(node) ? NULL : __real_rte_ring_create_elem(name, bytes, n, 0, flags);
}

struct rte_mempool *__real_rte_mempool_create(const char *name, unsigned n, unsigned bytes,
					      unsigned cache, unsigned private,
					      rte_mempool_ctor_t *begin, void *begin_arg,
					      rte_mempool_obj_cb_t *each, void *each_arg, int node,
					      unsigned flags);
struct rte_mempool *__wrap_rte_mempool_create(const char *name, unsigned n, unsigned bytes,
					      unsigned cache, unsigned private,
					      rte_mempool_ctor_t *begin, void *begin_arg,
					      rte_mempool_obj_cb_t *each, void *each_arg, int node,
					      unsigned flags);
struct rte_mempool *__wrap_rte_mempool_create(const char *name, unsigned n, unsigned bytes,
					      unsigned cache, unsigned private,
					      rte_mempool_ctor_t *begin, void *begin_arg,
					      rte_mempool_obj_cb_t *each, void *each_arg, int node,
					      unsigned flags)
{
	bool nowhere = refused(node) || (node == SOCKET_ID_ANY && refused(0));

	wish(name, node);
	return nowhere ? NULL
		       : __real_rte_mempool_create(name, n, bytes, cache, private, begin, begin_arg,
						   each, each_arg, 0, flags);
}

static struct rte_mempool *pool_of_port[2];

int __real_rte_eth_rx_queue_setup(uint16_t port, uint16_t queue, uint16_t n, unsigned node,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int __wrap_rte_eth_rx_queue_setup(uint16_t port, uint16_t queue, uint16_t n, unsigned node,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int __wrap_rte_eth_rx_queue_setup(uint16_t port, uint16_t queue, uint16_t n, unsigned node,
				  const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	assert_true(port < 2 && queue == 0);
	pool_of_port[port] = pool;
	return __real_rte_eth_rx_queue_setup(port, queue, n, node, conf, pool);
}

static int set_up(void **state, bool two)
{
	two_nodes = two;
	nothing_left = 0;
	n_wishes = 0;
	rig_set_up_three(state);
	return dataplane_negotiator_register(rig_dp);
}

static int set_up_one(void **state)
{
	return set_up(state, false);
}

static int set_up_two(void **state)
{
	return set_up(state, true);
}

static int tear_down(void **state)
{
	dataplane_negotiator_unregister(rig_dp);
	return rig_tear_down(state);
}

static unsigned packet_buffers(void)
{
	uint32_t available, all;

	dataplane_buffers(rig_dp, &available, &all);
	return all;
}

static void add_length(struct rte_mempool *pool, void *sum, struct rte_mempool_memhdr *chunk,
		       unsigned i)
{
	*(size_t *)sum += chunk->len;
}

/* Half of the memory is packets', with what a pool needs around them; also where pages are small.
 */
static void half_of_the_memory_is_theirs(void **state)
{
	size_t bytes = 0;

	rte_mempool_mem_iter(rig_dp->pool, add_length, &bytes);
	assert_in_range(bytes, 63 << 20, 65 << 20);
	assert_in_range(bytes / rig_dp->pool->size, 2048, 2600);
}

static unsigned buffers_on_one;

/* As if nobody had ever heard of nodes. */
static void one_node_has_one_of_each(void **state)
{
	assert_int_equal(rig_dp->n_pools, 1);
	assert_int_equal(wanted("packets-0", 0), 1);
	assert_int_equal(wanted("datagrams-0", 0), 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(rig_dp->worker[i]->pool, rig_dp->pool);
		assert_ptr_equal(rig_dp->worker[i]->large, rig_dp->large);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_ptr_equal(pool_of_port[i], rig_dp->pool);
	buffers_on_one = packet_buffers();
}

static void two_nodes_have_their_own(void **state)
{
	struct worker **w = rig_dp->worker;

	assert_int_equal(rig_dp->n_pools, 2);
	for (int node = 0; node < 2; node++) {
		char packets[16], datagrams[16];

		snprintf(packets, sizeof(packets), "packets-%d", node);
		snprintf(datagrams, sizeof(datagrams), "datagrams-%d", node);
		assert_int_equal(wanted(packets, node), 1);
		assert_int_equal(wanted(datagrams, node), 1);
		assert_int_equal(wanted(packets, SOCKET_ID_ANY), 0);
	}
	assert_ptr_not_equal(w[0]->pool, w[1]->pool);
	assert_ptr_equal(w[1]->pool, w[2]->pool);
	assert_ptr_not_equal(w[0]->large, w[1]->large);
	assert_ptr_equal(w[1]->large, w[2]->large);
	/* Main is on node 0. */
	assert_ptr_equal(rig_dp->pool, w[0]->pool);
	assert_ptr_equal(rig_dp->large, w[0]->large);
	/* The first worker polls the first port, the second one the other. */
	assert_ptr_equal(pool_of_port[0], w[0]->pool);
	assert_ptr_equal(pool_of_port[1], w[1]->pool);
	/* By workers, and in all no more than on one. */
	assert_in_range(w[1]->pool->size, 2 * w[0]->pool->size - 1, 2 * w[0]->pool->size + 1);
	assert_in_range(packet_buffers(), buffers_on_one - 2, buffers_on_one);
}

static void workers_have_theirs_near(void **state)
{
	static const char *const own[] = { "worker", "memo", "reassembly", "queues" };
	static const char *const ring[] = { "main", "negotiator", "again", "orders", "reports" };

	for (unsigned i = 0; i < ARRAY_LEN(own); i++) {
		assert_int_equal(wanted(own[i], 0), 1);
		assert_int_equal(wanted(own[i], 1), 2);
	}
	for (unsigned w = 0; w < 3; w++) {
		char name[32];

		assert_int_equal(rig_dp->worker[w]->node, node_of(w));
		for (unsigned i = 0; i < ARRAY_LEN(ring); i++) {
			snprintf(name, sizeof(name), "%s-%u-0", ring[i], w);
			assert_int_equal(wanted(name, node_of(w)), 1);
		}
		for (unsigned to = 0; to < 3; to++) { /* at its reader's */
			snprintf(name, sizeof(name), "handover-%u-%u", w, to);
			assert_int_equal(wanted(name, node_of(to)), to != w);
		}
	}
}

/* An SA lies where its owner is, and what another node's worker polled comes through it and leaves
 * nothing behind. */
static void sas_are_near_their_owner(void **state)
{
	uint32_t available, all;
	unsigned owner;

	n_wishes = 0;
	rig_tunnel_open();
	owner = rig_dp->tables.owner[RIG_TUNNEL];
	assert_int_equal(wanted("sa", node_of(owner)), 2);
	assert_int_equal(wanted("sa", !node_of(owner)), 0);
	for (unsigned i = 0; i < 100; i++) {
		rig_tunnel_host_sends(100 + i);
		rig_tunnel_peer_sends(rig_tunnel_spi_in, 100 + i);
	}
	assert_in_range(rig_handed_over(), 100, 1000);
	rig_tunnel_discard();
	assert_int_equal(rte_mempool_in_use_count(rig_frames), 0);
	dataplane_buffers(rig_dp, &available, &all);
	assert_int_equal(available, all);
}

/* Better far away than nowhere. */
static void an_empty_node_borrows(void **state)
{
	nothing_left = 1 << 1;
	n_wishes = 0;
	two_nodes = true;
	rig_set_up_three(state);
	assert_int_equal(rig_dp->n_pools, 2);
	assert_int_equal(wanted("packets-1", 1), 1);
	assert_int_equal(wanted("packets-1", SOCKET_ID_ANY), 1);
	assert_ptr_not_equal(rig_dp->worker[0]->pool, rig_dp->worker[1]->pool);
	rig_resolve_next_hop();
	rig_tear_down(state);
}

/* Neither there nor elsewhere. */
static void no_memory_is_said(void **state)
{
	const char *error = "";

	two_nodes = true;
	nothing_left = 3;
	assert_int_equal(rig_begin(3, &error), -ENOMEM);
	assert_null(rig_dp);
	assert_non_null(strstr(error, "memory_mb"));
	nothing_left = 0;
	assert_int_equal(rig_begin(3, &error), 0);
	rig_tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(half_of_the_memory_is_theirs, set_up_one,
						tear_down),
		cmocka_unit_test_setup_teardown(one_node_has_one_of_each, set_up_one, tear_down),
		cmocka_unit_test_setup_teardown(two_nodes_have_their_own, set_up_two, tear_down),
		cmocka_unit_test_setup_teardown(workers_have_theirs_near, set_up_two, tear_down),
		cmocka_unit_test_setup_teardown(sas_are_near_their_owner, set_up_two, tear_down),
		cmocka_unit_test(an_empty_node_borrows),
		cmocka_unit_test(no_memory_is_said),
	};

	return cmocka_run_group_tests_name("pools", tests, NULL, NULL);
}
