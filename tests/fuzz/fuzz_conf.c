/* The text of a configuration file: read and checked, and its problems printed. */
#include "tests/fuzz/fuzz.h"

#include "conf/parse.h"
#include "conf/problem.h"
#include "conf/secret.h"

static FILE *nowhere;

/* libconfig's scanner loses the buffer of a string in which a syntax error ends its work. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	nowhere = fopen("/dev/null", "w");
	if (secret_init() != 0 || !nowhere)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t live = secret_live();
	struct problem_list problems = { 0 };
	struct conf *c = conf_read("isthmus.conf", size ? (const char *)data : "", size, &problems);

	/* A model or an error, never both, never neither. */
	PROMISE((c != NULL) == (problems.errors == 0));
	problem_print(&problems, nowhere);
	problem_clear(&problems);
	conf_free(c);
	PROMISE(secret_live() == live);
	return 0;
}
