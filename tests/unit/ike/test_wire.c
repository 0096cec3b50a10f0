#include "ike/wire.h"

#include "tests/unit/unit.h"

#include <string.h>

static const uint8_t bytes[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x10 };

static void views_read_big_endian(void **state)
{
	struct view v = { bytes, sizeof(bytes) };
	uint8_t a;
	uint16_t b;
	uint32_t c;
	uint64_t d;

	assert_true(view_u8(&v, &a));
	assert_int_equal(a, 0x01);
	assert_true(view_u16(&v, &b));
	assert_int_equal(b, 0x2345);
	assert_true(view_u32(&v, &c));
	assert_int_equal(c, 0x6789abcd);
	assert_int_equal(v.n, 2);
	v = (struct view){ bytes, sizeof(bytes) };
	assert_true(view_u64(&v, &d));
	assert_int_equal(d, 0x0123456789abcdef);
	assert_ptr_equal(v.p, bytes + 8);
	assert_int_equal(v.n, 1);
}

/* What is there, what is asked for, whether it is given. */
static const struct {
	size_t there, asked;
	bool given;
} reads[] = {
	{ 0, 1, false }, { 1, 1, true }, { 1, 2, false }, { 2, 2, true },
	{ 3, 4, false }, { 4, 4, true }, { 7, 8, false }, { 8, 8, true },
	{ 9, 8, true },	 { 0, 0, true }, { 1, 0, true },  { 9, SIZE_MAX, false },
};

static bool read_number(struct view *v, size_t n)
{
	uint8_t a = 0;
	uint16_t b = 0;
	uint32_t c = 0;
	uint64_t d = 0;

	switch (n) {
	case 1:
		return view_u8(v, &a);
	case 2:
		return view_u16(v, &b);
	case 4:
		return view_u32(v, &c);
	default:
		return view_u64(v, &d);
	}
}

static void views_end_where_they_end(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
		const struct view all = { bytes, reads[i].there };
		size_t left = reads[i].given ? reads[i].there - reads[i].asked : reads[i].there;
		struct view v = all, out = { NULL, 77 };

		assert_int_equal(view_take(&v, reads[i].asked, &out), reads[i].given);
		assert_int_equal(v.n, left);
		assert_ptr_equal(v.p, bytes + reads[i].there - left);
		assert_int_equal(out.n, reads[i].given ? reads[i].asked : 77);
		assert_ptr_equal(out.p, reads[i].given ? bytes : NULL);
		v = all;
		assert_int_equal(view_skip(&v, reads[i].asked), reads[i].given);
		assert_int_equal(v.n, left);
		if (reads[i].asked == 0 || reads[i].asked > 8)
			continue;
		v = all;
		assert_int_equal(read_number(&v, reads[i].asked), reads[i].given);
		assert_int_equal(v.n, left);
		assert_ptr_equal(v.p, bytes + reads[i].there - left);
	}
}

static void an_empty_view_may_point_nowhere(void **state)
{
	struct view v = { NULL, 0 }, out = { bytes, 1 };

	assert_true(view_take(&v, 0, &out));
	assert_null(out.p);
	assert_int_equal(out.n, 0);
	assert_false(view_skip(&v, 1));
}

static void writers_write_big_endian(void **state)
{
	static const uint8_t want[] = { 1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 1, 2, 3,
					4, 5,	 6,    7,    8,	   0xfe, 0xff, 0, 0 };
	uint8_t buf[sizeof(want)];
	struct writer w;

	memset(buf, 0xee, sizeof(buf));
	writer_init(&w, buf, sizeof(buf));
	writer_u8(&w, 1);
	writer_u16(&w, 0x2345);
	writer_u32(&w, 0x6789abcd);
	writer_u64(&w, 0x0102030405060708);
	writer_bytes(&w, "\xfe\xff", 2);
	assert_ptr_equal(writer_room(&w, 2), buf + 17);
	assert_false(w.failed);
	assert_int_equal(w.n, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static void write_some(struct writer *w, unsigned how)
{
	static const uint8_t data[5];

	switch (how) {
	case 0:
		writer_u8(w, 0);
		break;
	case 1:
		writer_u16(w, 0);
		break;
	case 2:
		writer_u32(w, 0);
		break;
	case 3:
		writer_u64(w, 0);
		break;
	case 4:
		writer_bytes(w, data, sizeof(data));
		break;
	case 5:
		writer_room(w, 7);
		break;
	}
}

static void writers_stop_at_the_end(void **state)
{
	static const size_t size[] = { 1, 2, 4, 8, 5, 7 };

	for (unsigned how = 0; how < ARRAY_LEN(size); how++) {
		for (size_t cap = 0; cap < 10; cap++) {
			uint8_t buf[16];
			struct writer w;

			memset(buf, 0xee, sizeof(buf));
			writer_init(&w, buf, cap);
			write_some(&w, how);
			assert_int_equal(w.failed, cap < size[how]);
			assert_int_equal(w.n, w.failed ? 0 : size[how]);
			for (size_t i = w.n; i < sizeof(buf); i++)
				assert_int_equal(buf[i], 0xee);
		}
	}
}

static void failure_is_kept(void **state)
{
	uint8_t buf[4] = { 0 };
	struct writer w;

	writer_init(&w, buf, sizeof(buf));
	writer_u8(&w, 1);
	writer_u32(&w, 0xffffffff);
	assert_true(w.failed);
	writer_u8(&w, 2);
	assert_null(writer_room(&w, 1));
	assert_true(w.failed);
	assert_int_equal(w.n, 1);
	assert_int_equal(buf[1], 0);
	writer_init(&w, buf, sizeof(buf));
	assert_null(writer_room(&w, SIZE_MAX));
	assert_true(w.failed);
}

static void patches_stay_inside_what_was_written(void **state)
{
	static const uint8_t want[] = { 0xaa, 0xbb, 0, 0x11, 0x22, 0x33, 0x44, 0xee };
	uint8_t buf[8];
	struct writer w;

	memset(buf, 0xee, sizeof(buf));
	writer_init(&w, buf, sizeof(buf));
	writer_patch_u16(&w, 0, 0x5555);
	writer_room(&w, 7);
	writer_patch_u16(&w, 0, 0xaabb);
	writer_patch_u32(&w, 3, 0x11223344);
	writer_patch_u16(&w, 6, 0x5555);
	writer_patch_u32(&w, 4, 0x55555555);
	writer_patch_u16(&w, SIZE_MAX, 0x5555);
	writer_patch_u32(&w, SIZE_MAX - 3, 0x55555555);
	assert_memory_equal(buf, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views_read_big_endian),
		cmocka_unit_test(views_end_where_they_end),
		cmocka_unit_test(an_empty_view_may_point_nowhere),
		cmocka_unit_test(writers_write_big_endian),
		cmocka_unit_test(writers_stop_at_the_end),
		cmocka_unit_test(failure_is_kept),
		cmocka_unit_test(patches_stay_inside_what_was_written),
	};

	return cmocka_run_group_tests_name("ike/wire", tests, NULL, NULL);
}
