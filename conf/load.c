/* The way from a file to a model that may run. */
#include "conf/check.h"
#include "conf/file.h"
#include "conf/number.h"
#include "conf/parse.h"
#include "conf/write.h"

#include <sodium.h>

/* c, which may be NULL, if it has no error. */
static struct conf *checked(struct conf *c, const struct conf *before, struct places *places,
			    unsigned unread, struct problem_list *problems)
{
	if (c != NULL) {
		places_sort(places);
		if (conf_check(c, before, c->path, places, unread, problems) != 0) {
			conf_free(c);
			c = NULL;
		}
	}
	if (c != NULL && conf_number(c, NULL, NULL) != 0) {
		problem_add(problems, PROBLEM_ERROR, (struct conf_where){ .file = c->path }, NULL,
			    "not enough memory for the model");
		conf_free(c);
		c = NULL;
	}
	places_clear(places);
	return c;
}

struct conf *conf_read_after(const char *path, const char *text, size_t len,
			     const struct conf *before, struct problem_list *problems)
{
	struct places places = { 0 };
	unsigned unread = 0;
	struct conf *c = conf_parse(path, text, len, problems, &places, &unread);

	return checked(c, before, &places, unread, problems);
}

struct conf *conf_read(const char *path, const char *text, size_t len,
		       struct problem_list *problems)
{
	return conf_read_after(path, text, len, NULL, problems);
}

struct conf *conf_read_source(const char *path, const struct conf_source *source,
			      struct problem_list *problems)
{
	struct places places = { 0 };
	unsigned unread = 0;
	struct conf *c = conf_parse_source(path, source, problems, &places, &unread);

	return checked(c, NULL, &places, unread, problems);
}

struct conf *conf_load(const char *path, struct problem_list *problems)
{
	return conf_load_after(path, NULL, problems);
}

struct conf *conf_load_after(const char *path, const struct conf *before,
			     struct problem_list *problems)
{
	size_t len;
	char *text = file_read(path, &len, problems);
	struct conf *c = NULL;

	if (text != NULL)
		c = conf_read_after(path, text, len, before, problems);
	if (c != NULL)
		file_digest("", 0, text, len, c->digest);
	sodium_free(text);
	return c;
}
