/* SPIs: what they encode, when a slot is used again, and what next hops look like. */
#include "tests/unit/unit.h"

#include "dataplane/dataplane.h"
#include "dataplane/sa_book.h"
#include "dataplane/spi.h"

static void spis_encode(void **state)
{
	static const struct {
		uint32_t generation, owner, slot, spi;
	} rows[] = {
		{ 1, 0, 0, 0x00080000 },	  /* the smallest one: far above 255 */
		{ 1, 31, 0x3fff, 0x000fffff },	  /* owner and slot full */
		{ 8191, 31, 0x3fff, 0xffffffff }, /* everything full */
		{ 4096, 3, 17, 0x8000c011 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t spi = spi_make(rows[i].generation, rows[i].owner, rows[i].slot);

		assert_int_equal(spi, rows[i].spi);
		assert_int_equal(spi_generation(spi), rows[i].generation);
		assert_int_equal(spi_owner(spi), rows[i].owner);
		assert_int_equal(spi_slot(spi), rows[i].slot);
	}
	assert_int_equal(spi_next_generation(0), 1);
	assert_int_equal(spi_next_generation(SPI_GENERATION_MAX), 1);
}

static void slots_are_given_and_return(void **state)
{
	struct sa_book *b = sa_book_new(2, 16);
	struct slot_entry *e;
	uint32_t first, spi;

	assert_non_null(b);
	first = sa_book_give(b, 1, 5);
	assert_int_equal(spi_owner(first), 1);
	e = sa_book_inbound(b, 5, first);
	assert_non_null(e);
	assert_int_equal(e->state, SLOT_GIVEN);
	assert_null(sa_book_inbound(b, 6, first));			     /* another tunnel */
	assert_null(sa_book_inbound(b, 5, first + (1u << 19)));		     /* another life */
	assert_null(sa_book_inbound(b, 5, spi_make(1, 2, spi_slot(first)))); /* no such worker */
	sa_book_recycle(b, first);
	assert_null(sa_book_inbound(b, 5, first));

	/* The slot comes back last, and as another SPI. */
	for (unsigned i = 1; i < SPI_SLOTS; i++) {
		spi = sa_book_give(b, 1, 5);
		assert_int_not_equal(spi, 0);
		assert_int_not_equal(spi_slot(spi), spi_slot(first));
	}
	spi = sa_book_give(b, 1, 5);
	assert_int_equal(spi_slot(spi), spi_slot(first));
	assert_int_equal(spi_generation(spi), spi_generation(first) + 1);
	assert_int_equal(sa_book_give(b, 1, 5), 0); /* none left */
	assert_int_not_equal(sa_book_give(b, 0, 5), 0);
	sa_book_free(b);
}

static void nexthops_pack(void **state)
{
	static const enum nexthop_kind kinds[] = { NEXTHOP_NONE,       NEXTHOP_DISCARD,
						   NEXTHOP_LOCAL,      NEXTHOP_TABLE,
						   NEXTHOP_LINK,       NEXTHOP_NEIGHBOUR,
						   NEXTHOP_CONNECTION, NEXTHOP_TUNNEL };
	static const uint32_t indexes[] = { 0, 1, 0xffff, (1u << 28) - 1,
					    7 | NEXTHOP_LOCAL_TUNNEL };

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
			uint32_t nh = nexthop(kinds[k], indexes[i]);

			assert_int_equal(nexthop_kind(nh), kinds[k]);
			assert_int_equal(nexthop_index(nh), indexes[i]);
		}
	}
	assert_int_equal(nexthop(NEXTHOP_NONE, 0), 0); /* what a FIB without a route says */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spis_encode),
		cmocka_unit_test(slots_are_given_and_return),
		cmocka_unit_test(nexthops_pack),
	};

	return cmocka_run_group_tests_name("sa_book", tests, NULL, NULL);
}
