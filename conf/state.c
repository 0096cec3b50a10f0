#include "conf/state.h"

#include "conf/file.h"
#include "conf/parse.h"
#include "conf/write.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STATE_VERSION 1
#define HEX_BYTES     (2 * CONF_DIGEST_BYTES + 1)
#define HEAD_BYTES    256 /* of the first line, at most */

/* "# isthmus state 1 changed FILE-DIGEST DIGEST"; the last is of all that is not itself. */
#define HEAD_FORMAT "# isthmus state %u %s %s "

char *state_path(const struct conf *c)
{
	const char *name = strrchr(c->path, '/'), *folder = c->state_directory;
	char *path = NULL;
	int rc;

	name = name != NULL ? name + 1 : c->path;
	if (folder[0] == '\0')
		return NULL;
	if (strcmp(folder, STATE_DIRECTORY_AUTO) == 0)
		folder = getenv("STATE_DIRECTORY");
	if (folder != NULL && folder[0] != '\0')
		rc = asprintf(&path, "%.*s/%s.state", (int)strcspn(folder, ":"), folder, name);
	else
		rc = asprintf(&path, "%s.state", c->path);
	return rc < 0 ? NULL : path;
}

/* ---- keeping ------------------------------------------------------------------------------ */

static void digest(const char *head, size_t head_len, const char *text, size_t len,
		   char hex[HEX_BYTES])
{
	uint8_t bytes[CONF_DIGEST_BYTES];

	file_digest(head, head_len, text, len, bytes);
	sodium_bin2hex(hex, HEX_BYTES, bytes, sizeof(bytes));
}

/* The text of c with its keys, in guarded memory. */
static char *reveal(const struct conf *c, size_t *len)
{
	struct conf_source source;
	char *text = NULL;

	if (conf_write(c, NULL, &source) == 0)
		text = source_reveal(&source, len);
	source_clear(&source);
	return text;
}

int state_keep(const struct conf *c)
{
	char head[HEAD_BYTES], file[HEX_BYTES], hex[HEX_BYTES];
	char *path = state_path(c), *text, *all = NULL;
	size_t len, n;
	int rc = -ENOMEM;

	if (path == NULL)
		return c->state_directory[0] == '\0' ? 0 : -ENOMEM;
	text = reveal(c, &len);
	if (text == NULL)
		goto out;
	sodium_bin2hex(file, sizeof(file), c->digest, sizeof(c->digest));
	n = (size_t)snprintf(head, sizeof(head), HEAD_FORMAT, STATE_VERSION,
			     c->unsaved ? "changed" : "saved", file);
	digest(head, n, text, len, hex);
	all = sodium_malloc(n + HEX_BYTES + len);
	if (all == NULL)
		goto out;
	memcpy(all, head, n);
	memcpy(all + n, hex, HEX_BYTES - 1);
	all[n + HEX_BYTES - 1] = '\n';
	memcpy(all + n + HEX_BYTES, text, len);
	rc = file_replace(path, all, n + HEX_BYTES + len);
out:
	sodium_free(all);
	sodium_free(text);
	free(path);
	return rc;
}

/* ---- aside -------------------------------------------------------------------------------- */

static void name_aside(const char *path, const char *why, char *name, size_t size)
{
	char when[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	snprintf(name, size, "%s.%s-%s", path, why, when);
	for (unsigned i = 2; access(name, F_OK) == 0 && i < 1000; i++)
		snprintf(name, size, "%s.%s-%s-%u", path, why, when, i);
}

int state_keep_aside(const struct conf *c, char *name, size_t size)
{
	char *path = state_path(c);
	int rc = 0;

	name[0] = '\0';
	if (path == NULL)
		return c->state_directory[0] == '\0' ? 0 : -ENOMEM;
	name_aside(path, "unsaved", name, size);
	if (link(path, name) != 0)
		rc = -errno;
	free(path);
	return rc;
}

/* ---- saving ------------------------------------------------------------------------------- */

static void digest_of(const char *text, size_t len, uint8_t out[CONF_DIGEST_BYTES])
{
	file_digest("", 0, text, len, out);
}

bool state_is_current(const struct conf *c)
{
	uint8_t now[CONF_DIGEST_BYTES];
	size_t len;
	char *text = file_read(c->path, &len, NULL);

	if (text == NULL)
		return false;
	digest_of(text, len, now);
	sodium_free(text);
	return memcmp(now, c->digest, sizeof(now)) == 0;
}

/* The operator's own text, with his comments, is not thrown away. */
static void keep_old(const char *path)
{
	char *old;

	if (asprintf(&old, "%s.old", path) < 0)
		return;
	unlink(old);
	if (link(path, old) != 0) {
		/* There is none, or its place cannot have two names. */
	}
	free(old);
}

int state_save(struct conf *c, bool force)
{
	char *text, *path;
	size_t len;
	int rc;

	if (!force && !state_is_current(c))
		return -ESTALE;
	path = file_target(c->path);
	if (path == NULL)
		return -errno;
	text = reveal(c, &len);
	rc = text != NULL ? 0 : -ENOMEM;
	if (rc == 0) {
		keep_old(path);
		rc = file_replace(path, text, len);
	}
	if (rc == 0) {
		digest_of(text, len, c->digest);
		c->unsaved = false;
		/* Killed before this, the file wins over a state that says the same. */
		rc = state_keep(c);
	}
	sodium_free(text);
	free(path);
	return rc;
}

/* ---- starting ----------------------------------------------------------------------------- */

struct state {
	char *path;
	struct conf *model;
	bool changed;
	char file[HEX_BYTES]; /* digest of the configuration file */
};

static void warn(struct problem_list *problems, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void warn(struct problem_list *problems, const char *path, const char *fmt, ...)
{
	char text[600];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	problem_add(problems, PROBLEM_WARNING, (struct conf_where){ .file = path }, NULL, "%s",
		    text);
}

/* Why the text is no state of ours; NULL: it is one, and the rest is its model's text. */
static const char *head_fault(struct state *s, const char *text, size_t len, const char **rest)
{
	char head[HEAD_BYTES], word[16], hex[HEX_BYTES], want[HEX_BYTES];
	const char *end = memchr(text, '\n', len < HEAD_BYTES ? len : HEAD_BYTES - 1);
	unsigned version;
	int n = 0;

	if (len == 0)
		return "is empty";
	if (end == NULL)
		return "is no state of isthmus";
	snprintf(head, sizeof(head), "%.*s", (int)(end - text), text);
	if (sscanf(head, "# isthmus state %u", &version) != 1)
		return "is no state of isthmus";
	if (version > STATE_VERSION || version == 0)
		return "was written by another version of isthmus";
	if (sscanf(head, "# isthmus state %*u %15s %64s %n", word, s->file, &n) != 2 || n == 0 ||
	    strlen(head + n) != HEX_BYTES - 1)
		return "is torn";
	snprintf(hex, sizeof(hex), "%s", head + n);
	*rest = end + 1;
	digest(head, (size_t)n, *rest, len - (size_t)(*rest - text), want);
	if (strcmp(hex, want) != 0)
		return "is torn, or was changed by hand";
	s->changed = strcmp(word, "changed") == 0;
	return NULL;
}

/* Moved out of the way, with a name that tells why. */
static void put_aside(const char *path, const char *why, char *name, size_t size)
{
	name_aside(path, why, name, size);
	if (rename(path, name) != 0)
		snprintf(name, size, "%s", path);
}

/* s->model stays NULL if there is no state that can be used. */
static void read_state(struct state *s, const char *file, struct problem_list *problems)
{
	struct problem_list found = { 0 };
	const char *fault, *rest = NULL;
	char aside[512];
	size_t len;
	char *text = file_read(s->path, &len, NULL);

	if (text == NULL && errno == ENOENT)
		return;
	fault = text == NULL ? strerror(errno) : head_fault(s, text, len, &rest);
	if (fault == NULL) {
		s->model = conf_read(file, rest, len - (size_t)(rest - text), &found);
		fault = s->model == NULL ? "does not fit this version or this machine any more"
					 : NULL;
	}
	if (fault != NULL) {
		put_aside(s->path, "bad", aside, sizeof(aside));
		warn(problems, s->path,
		     "the state %s: it is kept as %s, and the gateway starts with the "
		     "configuration file alone",
		     fault, aside);
		for (size_t i = 0; i < found.n; i++)
			if (found.v[i].level == PROBLEM_ERROR)
				warn(problems, s->path, "the state's line %u: %s",
				     found.v[i].where.line, found.v[i].text);
	}
	problem_clear(&found);
	sodium_free(text);
}

struct conf *state_start(const char *path, struct problem_list *problems)
{
	struct problem_list found = { 0 };
	struct state s = { 0 };
	struct conf *c = conf_load(path, &found), *again;
	char file[HEX_BYTES], aside[512];

	if (c != NULL)
		s.path = state_path(c);
	if (s.path != NULL)
		read_state(&s, path, problems);
	if (s.model != NULL) {
		sodium_bin2hex(file, sizeof(file), c->digest, sizeof(c->digest));
		if (strcmp(file, s.file) == 0) {
			problem_clear(&found);
			memcpy(s.model->digest, c->digest, sizeof(c->digest));
			s.model->unsaved = s.changed;
			conf_free(c);
			c = s.model;
			s.model = NULL;
			goto out;
		}
		/* The same file once more, with what was chosen for it before. */
		problem_clear(&found);
		again = conf_load_after(path, s.model, &found);
		conf_free(c);
		c = again;
	}
	if (c != NULL && s.model != NULL && s.changed && !conf_same(c, s.model)) {
		put_aside(s.path, "unsaved", aside, sizeof(aside));
		warn(problems, path,
		     "the file was edited while changes of operators were not saved: the file "
		     "counts, the changes are kept in %s",
		     aside);
	}
out:
	for (size_t i = 0; i < found.n; i++)
		problem_add(problems, found.v[i].level, found.v[i].where, found.v[i].object, "%s",
			    found.v[i].text != NULL ? found.v[i].text : "wrong");
	problem_clear(&found);
	conf_free(s.model);
	free(s.path);
	return c;
}
