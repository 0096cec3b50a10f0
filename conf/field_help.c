/* What a field is and may be, for people who are about to write it. */
#include "conf/field.h"

#include <stdio.h>
#include <string.h>

const char *field_choice_at(const struct field *f, unsigned i)
{
	if (f->kind->choice != NULL)
		return f->kind->choice(f, i);
	if (f->kind == &field_list || f->kind == &field_heap_list)
		return field_choice_at(f->arg, i);
	return NULL;
}

/* A number says its range, a text how long it may be; true or false needs no words. */
const char *field_help(const struct field *f, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%s", f->means != NULL ? f->means : "");
	const char *one;

	if (f->kind == &field_bool || n >= size)
		return buf;
	if (f->kind->plain && f->max > 0) {
		snprintf(buf + n, size - n, ": %lld to %lld%s%s%s", (long long)f->min,
			 (long long)f->max, f->unit != NULL ? " " : "",
			 f->unit != NULL ? f->unit : "", f->zero ? ", or 0" : "");
		return buf;
	}
	for (unsigned i = 0; n < size && (one = field_choice_at(f, i)) != NULL; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i > 0 ? ", " : ": ", one);
	return buf;
}
