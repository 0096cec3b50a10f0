/* Packet buffers: how many there are, and where. */
#include "rig.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(half_of_the_memory_is_theirs, rig_set_up,
						rig_tear_down),
	};

	return cmocka_run_group_tests_name("pools", tests, NULL, NULL);
}
