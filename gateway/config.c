#include "gateway/config.h"

#include "conf/diff.h"
#include "conf/edit.h"
#include "conf/kind.h"
#include "conf/state.h"
#include "conf/write.h"
#include "gateway/event.h"
#include "gateway/gateway.h"
#include "gateway/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is acknowledged must be on disk, so main waits for it here. IKE and packets have threads of
 * their own and do not notice; what does is all that passes main: BGP's and BFD's packets on their
 * way to BIRD and pings of inner addresses. So a disk that takes longer than BFD's detection time
 * (0.9 s by default) for one change costs sessions with BFD; README tells operators. */
int config_change(struct gateway *g, struct conf *then, struct change_report *report, char *error,
		  size_t error_size)
{
	int kept = state_keep(then), rc = kept;

	if (kept < 0)
		snprintf(error, error_size, "it cannot be kept on disk: %s", strerror(-kept));
	else
		rc = change_apply(g, then, report, error, error_size);
	if (rc == 0)
		return 0;
	if (kept == 0 || kept == -EUCLEAN) {
		kept = state_keep(g->conf);
		if (kept < 0)
			log_error("config", NULL, "what runs cannot be kept on disk: %s",
				  strerror(-kept));
	}
	conf_free(then);
	return rc;
}

/* The first error is the reason, which the refusal's event tells; the others are in the log, too.
 */
static void log_problems(const struct problem_list *problems, char *error, size_t size)
{
	bool told = false;

	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->v[i];
		bool wrong = p->level == PROBLEM_ERROR;
		const char *colon = p->object && p->object[0] ? ": " : "";
		char line[LOG_LINE_MAX];

		snprintf(line, sizeof(line), "%s:%u: %s%s%s", p->where.file, p->where.line,
			 p->object ? p->object : "", colon, p->text);
		if (wrong && !told)
			snprintf(error, size, "%s", line);
		else
			log_write(wrong ? LOG_ERROR : LOG_WARNING, "config", NULL, "%s", line);
		told = told || wrong;
	}
}

/* What reload would do to what was not saved, for the refusal: the first lines of it. */
struct loss {
	FILE *out;
	unsigned n;
};
#define LOSSES 5

static void on_loss(void *ctx, const struct conf_difference *d)
{
	struct loss *l = ctx;
	char line[120];

	if (l->n++ < LOSSES)
		fprintf(l->out, "\n%s", conf_difference_format(d, line, sizeof(line)));
}

static int refuse_loss(struct gateway *g, const struct conf *file, char *error, size_t size)
{
	struct loss l = { .out = fmemopen(error, size, "w") };

	if (!l.out)
		return -ENOMEM;
	fputs("commands changed what runs and it was not saved; reload would do this to it:",
	      l.out);
	conf_diff(g->conf, file, on_loss, &l);
	if (l.n > LOSSES)
		fprintf(l.out, "\nand %u more (\"diff\" shows all)", l.n - LOSSES);
	fprintf(l.out,
		"\n\"save%s\" writes what runs to the file, \"reload discard\" takes the file",
		state_is_current(g->conf) ? "" : " force");
	fclose(l.out);
	return -EEXIST;
}

static struct conf *read_file(struct gateway *g, struct problem_list *problems, char *error,
			      size_t error_size)
{
	struct conf *c = conf_load_after(g->conf->path, g->conf, problems);

	if (c && conf_rules(g->conf, c, false, problems) < 0) {
		conf_free(c);
		c = NULL;
	}
	snprintf(error, error_size, "%s cannot be read", g->conf->path);
	log_problems(problems, error, error_size);
	return c;
}

/* aside NULL: nothing unsaved may be lost. */
static int take_file(struct gateway *g, char *aside, struct problem_list *problems,
		     struct change_report *report, char *error, size_t error_size)
{
	struct conf *c = read_file(g, problems, error, error_size);
	bool loses = c && g->conf->unsaved && !conf_same(g->conf, c);
	int rc = c ? 0 : -EINVAL;

	if (aside)
		aside[0] = '\0';
	if (loses && !aside) {
		rc = refuse_loss(g, c, error, error_size);
	} else if (loses) {
		rc = state_keep_aside(g->conf, aside, PATH_MAX);
		if (rc < 0)
			snprintf(error, error_size, "what was not saved cannot be kept aside: %s",
				 strerror(-rc));
	}
	if (rc == 0) {
		rc = config_change(g, c, report, error, error_size);
		if (rc < 0 && aside && aside[0])
			unlink(aside);
	} else {
		conf_free(c);
	}
	if (rc < 0)
		event_publish(EVENT_CONFIG_REFUSED, NULL, NULL, "%s", error);
	return rc;
}

int config_from_file(struct gateway *g, struct problem_list *problems, struct change_report *report,
		     char *error, size_t error_size)
{
	return take_file(g, NULL, problems, report, error, error_size);
}

int config_discard(struct gateway *g, char *aside, struct problem_list *problems,
		   struct change_report *report, char *error, size_t error_size)
{
	return take_file(g, aside, problems, report, error, error_size);
}

int config_switched(struct gateway *g, const char *tunnel, bool enabled)
{
	/* The model is ours; nobody else looks at the flag while we do. */
	struct conf_tunnel *t =
		(struct conf_tunnel *)kind_object(g->conf, kind_find("tunnel"), tunnel);

	if (!t || t->enabled == enabled)
		return 0;
	t->enabled = enabled;
	g->conf->unsaved = true;
	return state_keep(g->conf);
}
