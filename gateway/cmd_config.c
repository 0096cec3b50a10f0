/* The configuration's commands: objects come, change and go, and the file is compared, read and
 * written. */
#include "gateway/show.h"

#include "conf/diff.h"
#include "conf/edit.h"
#include "conf/file.h"
#include "conf/kind.h"
#include "conf/state.h"
#include "conf/write.h"
#include "gateway/config.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- problems ----------------------------------------------------------------------------- */

/* A refusal's text: all errors, one a line. What would only have been a warning does not matter. */
static int refused(struct command_call *call, struct problem_list *problems)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	problem_drop_warnings(problems);
	if (out) {
		problem_print(problems, out);
		if (fclose(out) != 0)
			len = 0;
	}
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	command_fail(call, -EINVAL, "%s", len > 0 ? text : "out of memory");
	free(text);
	return -EINVAL;
}

static void warnings(struct page *p, const struct problem_list *problems)
{
	page_list(p, "warnings");
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *w = &problems->v[i];
		const char *text = w->text ? w->text : "";

		if (page_is_json(p))
			page_textf(p, NULL, NULL, "%s%s%s", w->object ? w->object : "",
				   w->object ? ": " : "", text);
		else
			page_line(p, "warning: %s%s%s", w->object ? w->object : "",
				  w->object ? ": " : "", text);
	}
	page_end(p);
}

/* ---- changes ------------------------------------------------------------------------------ */

static void report_change(struct page *p, const struct change_report *r)
{
	page_count(p, "added", NULL, r->added);
	page_count(p, "removed", NULL, r->removed);
	page_count(p, "rebuilt", NULL, r->rebuilt);
	page_count(p, "changed", NULL, r->changed);
	page_real(p, "seconds", NULL, (double)r->micros / 1e6, "s");
	if (r->added + r->removed + r->rebuilt + r->changed > 0)
		page_line(p, "tunnels: %u added, %u removed, %u rebuilt, %u changed, in %.1f ms",
			  r->added, r->removed, r->rebuilt, r->changed, (double)r->micros / 1e3);
}

/* then, which is NULL if there are errors, becomes what runs. */
static int run_change(struct command_call *call, struct conf *then, struct problem_list *problems)
{
	struct change_report report;
	char error[COMMAND_ERROR_MAX / 2];
	int rc = then ? config_change(call->gateway, then, &report, error, sizeof(error))
		      : refused(call, problems);

	if (then && rc < 0)
		command_fail(call, rc, "nothing changed: %s", error);
	if (rc == 0) {
		report_change(call->page, &report);
		warnings(call->page, problems);
	}
	problem_clear(problems);
	return rc;
}

static int edit(struct command_call *call, enum conf_verb verb, unsigned name, unsigned fields,
		const char *deed)
{
	struct problem_list problems = { 0 };
	const struct conf_change change = {
		.verb = verb,
		.kind = call->word[1],
		.name = name > 0 ? call->word[name] : NULL,
		.n = call->n > fields ? call->n - fields : 0,
		.field = (const char *const *)call->word + fields,
	};
	struct conf *then = conf_edit(call->gateway->conf, &change, &problems);

	page_text(call->page, "kind", NULL, change.kind);
	page_text(call->page, "name", NULL, change.name ? change.name : "");
	page_text(call->page, "done", NULL, deed);
	page_line(call->page, "%s%s%s%s: %s", change.kind, change.name ? " '" : "",
		  change.name ? change.name : "", change.name ? "'" : "", deed);
	return run_change(call, then, &problems);
}

int config_create(struct command_call *call)
{
	return edit(call, CONF_CREATE, 2, 3, "created");
}

int config_set(struct command_call *call)
{
	return edit(call, CONF_SET, 2, 3, "set");
}

int config_set_gateway(struct command_call *call)
{
	return edit(call, CONF_SET, 0, 2, "set");
}

int config_unset(struct command_call *call)
{
	return edit(call, CONF_UNSET, 2, 3, "unset");
}

int config_delete(struct command_call *call)
{
	return edit(call, CONF_DELETE, 2, 3, "deleted");
}

static int route(struct command_call *call, bool add)
{
	struct problem_list problems = { 0 };
	struct conf *then = conf_edit_route(call->gateway->conf, add, call->word[2], call->word[3],
					    call->word[4], &problems);

	page_text(call->page, "table", NULL, call->word[2]);
	page_text(call->page, "prefix", NULL, call->word[3]);
	page_text(call->page, "next_hop", NULL, call->word[4]);
	page_text(call->page, "done", NULL, add ? "added" : "deleted");
	page_line(call->page, "%s to %s: %s", call->word[3], call->word[4],
		  add ? "added" : "deleted");
	return run_change(call, then, &problems);
}

int static_route_add(struct command_call *call)
{
	return route(call, true);
}

int static_route_delete(struct command_call *call)
{
	return route(call, false);
}

/* ---- the file ----------------------------------------------------------------------------- */

int config_reload(struct command_call *call)
{
	struct gateway *g = call->gateway;
	struct problem_list problems = { 0 };
	struct change_report r;
	char error[COMMAND_ERROR_MAX - 64], aside[PATH_MAX] = "";
	int rc = call->n > 1 ? config_discard(g, aside, &problems, &r, error, sizeof(error))
			     : config_from_file(g, &problems, &r, error, sizeof(error));

	if (rc < 0 && problems.errors > 0) {
		rc = refused(call, &problems);
	} else if (rc < 0) {
		command_fail(call, rc, "nothing changed: %s", error);
	} else {
		page_line(call->page, "what runs is what %s says", g->conf->path);
		report_change(call->page, &r);
		warnings(call->page, &problems);
		page_text(call->page, "kept_aside", NULL, aside);
		if (aside[0])
			page_line(call->page, "what ran before is kept in %s", aside);
	}
	problem_clear(&problems);
	return rc;
}

int config_save(struct command_call *call)
{
	struct gateway *g = call->gateway;
	int rc = state_save(g->conf, call->n > 1);
	char *file;

	if (rc == -ESTALE)
		return command_fail(call, rc,
				    "%s was changed since it was read: \"diff\" shows how, "
				    "\"reload\" takes it, \"save force\" overwrites it",
				    g->conf->path);
	if (rc < 0)
		return command_fail(call, rc, "%s: %s", g->conf->path, strerror(-rc));
	file = file_target(g->conf->path);
	page_text(call->page, "file", NULL, g->conf->path);
	page_text(call->page, "done", NULL, "saved");
	page_line(call->page, "saved to %s; what it said before is %s.old", g->conf->path,
		  file ? file : g->conf->path);
	free(file);
	return 0;
}

static void tell_difference(void *ctx, const struct conf_difference *d)
{
	static const char *const deed[] = { "added", "removed", "changed" };
	struct page *p = ctx;
	char text[1024];

	if (!page_is_json(p)) {
		page_line(p, "%s", conf_difference_format(d, text, sizeof(text)));
		return;
	}
	page_object(p, NULL, NULL);
	page_text(p, "deed", NULL, deed[d->deed]);
	page_text(p, "kind", NULL, d->kind->word);
	page_text(p, "name", NULL, d->name);
	page_text(p, "field", NULL, d->field);
	page_text(p, "was", NULL, d->was);
	page_text(p, "is", NULL, d->is);
	page_end(p);
}

/* What "reload" would do. */
int config_diff(struct command_call *call)
{
	struct gateway *g = call->gateway;
	struct problem_list problems = { 0 };
	struct conf *file = conf_load_after(g->conf->path, g->conf, &problems);
	int n;

	if (!file) {
		int rc = refused(call, &problems);

		problem_clear(&problems);
		return rc;
	}
	problem_clear(&problems);
	page_list(call->page, "differences");
	n = conf_diff(g->conf, file, tell_difference, call->page);
	page_end(call->page);
	conf_free(file);
	if (n < 0)
		return command_fail(call, n, "out of memory");
	page_flag(call->page, "unsaved", NULL, g->conf->unsaved);
	if (n > 0 && g->conf->unsaved)
		page_line(call->page,
			  "commands changed what runs since it was saved: \"reload\" refuses");
	if (n == 0)
		page_line(call->page, "what runs is what %s says", g->conf->path);
	return 0;
}

/* ---- show --------------------------------------------------------------------------------- */

static int print(struct command_call *call, const struct kind *kind, const void *object, FILE *out)
{
	int rc = 0;

	if (object)
		return conf_print_object(kind, object, out);
	if (!kind)
		return conf_print(call->gateway->conf, out);
	for (unsigned i = 0; rc == 0; i++) {
		object = kind_object_at(call->gateway->conf, kind, i);
		if (!object)
			break;
		rc = conf_print_object(kind, object, out);
	}
	return rc;
}

int config_show(struct command_call *call)
{
	const struct kind *kind = call->n > 2 ? kind_find(call->word[2]) : NULL;
	const void *object = NULL;
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int rc;

	if (call->n > 2 && !kind)
		return command_fail(call, -ENOENT, "'%s' is no kind of object", call->word[2]);
	if (call->n > 3)
		object = kind_object(call->gateway->conf, kind, call->word[3]);
	if (call->n > 3 && !object)
		return command_fail(call, -ENOENT, "there is no %s '%s'", kind->word,
				    call->word[3]);
	out = open_memstream(&text, &len);
	if (!out)
		return command_fail(call, -ENOMEM, "out of memory");
	rc = print(call, kind, object, out);
	if (fclose(out) != 0 || rc < 0) {
		free(text);
		return command_fail(call, -ENOMEM, "out of memory");
	}
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	page_text(call->page, "configuration", NULL, text);
	page_line(call->page, "%s", text);
	free(text);
	return 0;
}
