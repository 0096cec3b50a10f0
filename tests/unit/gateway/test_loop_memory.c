/* A key that went through libevent's buffers is nowhere in this process's memory afterwards. */
#include "gateway/loop_memory.h"

#include "tests/unit/unit.h"

#include <event2/buffer.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_BYTES 48

/* Never whole in memory but where a test puts it. */
static char letter(unsigned i)
{
	return (char)('!' + (i * 37 + 11) % 90);
}

static void put_key(char *to)
{
	for (unsigned i = 0; i < KEY_BYTES; i++)
		to[i] = letter(i);
}

static size_t count_in(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t at = 0; at + KEY_BYTES <= len; at++) {
		unsigned i = 0;

		while (i < KEY_BYTES && text[at + i] == letter(i))
			i++;
		n += i == KEY_BYTES;
	}
	return n;
}

/* In all that can be written, freed memory included; what is read to is not looked at. */
static size_t count_keys(void)
{
	static char window[1 << 16];
	int mem = open("/proc/self/mem", O_RDONLY);
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], rights[8];
	unsigned long first, last;
	size_t n = 0;

	assert_true(mem >= 0);
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &first, &last, rights) != 3 ||
		    strncmp(rights, "rw", 2) != 0 || last - first > 1ul << 30)
			continue;
		for (unsigned long at = first; at < last; at += sizeof(window) - KEY_BYTES) {
			ssize_t got = pread(mem, window, sizeof(window), (off_t)at);

			if (at + sizeof(window) > (unsigned long)window &&
			    at < (unsigned long)window + sizeof(window))
				continue;
			n += got > 0 ? count_in(window, (size_t)got) : 0;
		}
		explicit_bzero(window, sizeof(window));
	}
	fclose(maps);
	close(mem);
	return n;
}

static void what_is_freed_is_found(void **state)
{
	char *p = malloc(1000);

	put_key(p + 100);
	assert_true(count_keys() > 0);
	explicit_bzero(p, 1000);
	free(p);
	assert_int_equal(count_keys(), 0);
}

static void nothing_stays_in_buffers(void **state)
{
	struct evbuffer *from = evbuffer_new(), *to = evbuffer_new();
	char key[KEY_BYTES + 1] = "", *line;
	size_t len;

	for (unsigned i = 0; i < 200; i++) {
		put_key(key);
		key[KEY_BYTES] = '\n';
		evbuffer_add(from, key, sizeof(key));
		explicit_bzero(key, sizeof(key));
		evbuffer_expand(from, 100 << i % 12);
	}
	assert_true(count_keys() > 0);
	evbuffer_pullup(from, 4000);
	evbuffer_remove_buffer(from, to, 3000);
	while ((line = evbuffer_readln(from, &len, EVBUFFER_EOL_LF)) != NULL) {
		explicit_bzero(line, len);
		free(line);
	}
	evbuffer_drain(to, evbuffer_get_length(to));
	evbuffer_free(from);
	evbuffer_free(to);
	assert_int_equal(count_keys(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_freed_is_found),
		cmocka_unit_test(nothing_stays_in_buffers),
	};

	loop_memory_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
