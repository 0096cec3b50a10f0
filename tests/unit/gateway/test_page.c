#include "gateway/page.h"

#include "tests/unit/unit.h"

#include <string.h>

static void write_page(struct page *p)
{
	page_text(p, "name", "tunnel", "東京-1");
	page_text(p, "text", "detail", "ours:  a\npeer's: b");
	page_text(p, "reason", "reason", NULL);
	page_age(p, "since_seconds", "for", 192000000);
	page_count(p, "quiet", NULL, 7);
	page_object(p, "ike", "IKE SA");
	page_spi(p, "spi", "SPI", 0x1234abcd);
	page_flag(p, "nat", "NAT found", true);
	page_end(p);
	page_table(p, "sas", "SAs", "none");
	for (unsigned i = 0; i < 2; i++) {
		page_object(p, NULL, NULL);
		page_textf(p, "name", "NAME", i ? "a-longer-name" : "ü");
		page_count(p, "packets", "PACKETS", i ? 1234567 : 5);
		page_real(p, "busy", "BUSY", 12.34, "%");
		page_none(p, "rekey", "REKEY");
		page_end(p);
	}
	page_end(p);
	page_table(p, "drops", "Drops", "none");
	page_end(p);
	page_line(p, "that is all");
}

static void people_read_aligned_columns(void **state)
{
	struct page *p = page_new(false);
	size_t len;

	write_page(p);
	assert_string_equal(page_finish(p, &len), "tunnel  東京-1\n"
						  "detail  ours:  a\n"
						  "        peer's: b\n"
						  "reason  -\n"
						  "for     3m12s\n"
						  "\n"
						  "IKE SA\n"
						  "  SPI        0x1234abcd\n"
						  "  NAT found  yes\n"
						  "\n"
						  "SAs\n"
						  "  NAME             PACKETS   BUSY  REKEY\n"
						  "  ü                      5  12.3%  -\n"
						  "  a-longer-name  1,234,567  12.3%  -\n"
						  "\n"
						  "Drops\n"
						  "  none\n"
						  "that is all\n");
	page_free(p);
}

static void programs_read_json(void **state)
{
	struct page *p = page_new(true);
	size_t len;

	write_page(p);
	assert_string_equal(
		page_finish(p, &len),
		"{\"name\":\"東京-1\",\"text\":\"ours:  a\\npeer's: b\",\"reason\":null,"
		"\"since_seconds\":192.000,\"quiet\":7,"
		"\"ike\":{\"spi\":\"0x1234abcd\",\"nat\":true},"
		"\"sas\":[{\"name\":\"ü\",\"packets\":5,\"busy\":12.340,\"rekey\":null},"
		"{\"name\":\"a-longer-name\",\"packets\":1234567,\"busy\":12.340,\"rekey\":null}],"
		"\"drops\":[]}\n");
	page_free(p);
}

static void colours_take_no_room(void **state)
{
	struct page *p = page_new(false);
	size_t len;

	page_colour(p, true);
	page_state(p, "state", "state", "UP", PAGE_GOOD);
	page_table(p, "tunnels", NULL, NULL);
	for (unsigned i = 0; i < 2; i++) {
		page_object(p, NULL, NULL);
		page_state(p, "state", "STATE", i ? "DOWN" : "UP", i ? PAGE_BAD : PAGE_GOOD);
		page_text(p, "name", "NAME", "x");
		page_end(p);
	}
	page_end(p);
	assert_string_equal(page_finish(p, &len), "state  \033[32mUP\033[0m\n"
						  "STATE  NAME\n"
						  "\033[32mUP\033[0m     x\n"
						  "\033[31mDOWN\033[0m   x\n");
	page_free(p);
}

static void what_is_open_is_closed(void **state)
{
	struct page *p = page_new(true);
	size_t len;

	page_list(p, "tables");
	page_object(p, NULL, NULL);
	page_text(p, "kind", NULL, "vpc");
	assert_string_equal(page_finish(p, &len), "{\"tables\":[{\"kind\":\"vpc\"}]}\n");
	assert_int_equal(len, strlen("{\"tables\":[{\"kind\":\"vpc\"}]}\n"));
	page_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_read_aligned_columns),
		cmocka_unit_test(programs_read_json),
		cmocka_unit_test(colours_take_no_room),
		cmocka_unit_test(what_is_open_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
