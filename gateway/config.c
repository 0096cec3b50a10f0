#include "gateway/config.h"

#include "conf/edit.h"
#include "conf/kind.h"
#include "conf/state.h"
#include "gateway/event.h"
#include "gateway/gateway.h"
#include "gateway/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* The first error is the reason; all of them are in the log. */
static void log_problems(const struct problem_list *problems, char *error, size_t size)
{
	bool told = false;

	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->v[i];
		bool wrong = p->level == PROBLEM_ERROR;
		const char *colon = p->object ? ": " : "";

		log_write(wrong ? LOG_ERROR : LOG_WARNING, "config", NULL, "%s:%u: %s%s%s",
			  p->where.file, p->where.line, p->object ? p->object : "", colon, p->text);
		if (wrong && !told)
			snprintf(error, size, "%s:%u: %s%s%s", p->where.file, p->where.line,
				 p->object ? p->object : "", colon, p->text);
		told = told || wrong;
	}
}

int config_from_file(struct gateway *g, struct problem_list *problems, struct change_report *report,
		     char *error, size_t error_size)
{
	struct conf *c = conf_load_after(g->conf->path, g->conf, problems);
	int rc = -EINVAL;

	if (c && conf_rules(g->conf, c, false, problems) < 0) {
		conf_free(c);
		c = NULL;
	}
	snprintf(error, error_size, "%s cannot be read", g->conf->path);
	log_problems(problems, error, error_size);
	if (c)
		rc = config_change(g, c, report, error, error_size);
	if (rc < 0)
		event_publish(EVENT_CONFIG_REFUSED, NULL, NULL, "%s", error);
	return rc;
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
