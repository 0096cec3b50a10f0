#include "gateway/loop_memory.h"

#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void give_back(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* realloc() would leave the old place as it was. */
static void *resize(void *p, size_t size)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *v = malloc(size);

	if (!v)
		return NULL;
	if (p)
		memcpy(v, p, had < size ? had : size);
	give_back(p);
	return v;
}

void loop_memory_start(void)
{
	event_set_mem_functions(malloc, resize, give_back);
}
