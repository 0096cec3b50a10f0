#include "gateway/doctor.h"

#include "gateway/client_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void doctor_say(struct doctor *d, enum doctor_state state, const char *check, const char *next,
		const char *fmt, ...)
{
	static const char *const name[] = { "ok", "note", "bad" };
	static const char *const mark[] = { "  ok  ", " NOTE ", " BAD  " };
	char found[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(found, sizeof(found), fmt, ap);
	va_end(ap);
	d->notes += state == DOCTOR_NOTE;
	d->bad += state == DOCTOR_BAD;
	page_object(d->page, NULL, NULL);
	page_text(d->page, "check", NULL, check);
	page_text(d->page, "state", NULL, name[state]);
	page_text(d->page, "found", NULL, found);
	page_text(d->page, "next", NULL, next);
	page_line(d->page, "%s %-14s %s", mark[state], check, found);
	if (next)
		page_line(d->page, "%21s -> %s", "", next);
	page_end(d->page);
}

static void path_of(const struct doctor *d, char *to, size_t size, const char *fmt, va_list ap)
{
	int n = snprintf(to, size, "%s", d->root);

	vsnprintf(to + n, size - (size_t)n, fmt, ap);
}

bool doctor_read(const struct doctor *d, char *to, size_t size, const char *path_fmt, ...)
{
	char path[512];
	size_t n = 0;
	va_list ap;
	FILE *f;

	va_start(ap, path_fmt);
	path_of(d, path, sizeof(path), path_fmt, ap);
	va_end(ap);
	f = fopen(path, "re");
	if (f) {
		n = fread(to, 1, size - 1, f);
		fclose(f);
	}
	while (n > 0 && to[n - 1] == '\n')
		n--;
	to[n] = '\0';
	return f != NULL;
}

bool doctor_exists(const struct doctor *d, const char *path_fmt, ...)
{
	char path[512];
	va_list ap;

	va_start(ap, path_fmt);
	path_of(d, path, sizeof(path), path_fmt, ap);
	va_end(ap);
	return access(path, F_OK) == 0;
}

bool doctor_in_list(const char *list, unsigned n)
{
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			return false;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (n >= first && n <= last)
			return true;
		list = end + (*end == ',');
	}
	return false;
}

void doctor_box(struct doctor *d)
{
	doctor_cpus(d);
	doctor_memory(d);
	doctor_ports(d);
	doctor_system(d);
}

/* ---- tunnels ----------------------------------------------------------------------------- */

static const char *const advice[IKE_REASON_COUNT] = {
	[IKE_REASON_NONE] = "look again in some seconds",
	[IKE_REASON_NEGOTIATING] = "look again in some seconds",
	[IKE_REASON_DISABLED] = "isthmus tunnel {tunnel} enable",
	[IKE_REASON_WAITING] =
		"the customer's side must start it: isthmus client-config {tunnel} for ... "
		"writes its configuration; or set start = \"initiate\"",
	[IKE_REASON_NO_ANSWER] =
		"is {customer} switched on and reachable, does it expect us as {cloud}, and do firewalls let UDP "
		"500 and 4500 through? isthmus show ports and show drops tell whether packets leave",
	[IKE_REASON_NO_PROPOSAL] =
		"make both sides' algorithms meet: isthmus show tunnel {tunnel} log has both lists, and "
		"isthmus client-config {tunnel} for ... writes the customer's side",
	[IKE_REASON_AUTH_FAILED] =
		"compare the pre-shared key and both identities with the customer's: isthmus show "
		"tunnel {tunnel} has local_id and remote_id",
	[IKE_REASON_TS_UNACCEPTABLE] =
		"make local_subnet and remote_subnets the customer's, the other way round; policy-based "
		"devices want child_per_pair = true",
	[IKE_REASON_DPD_TIMEOUT] =
		"the customer's gateway {customer} went silent: its power, its link, the way between; it is "
		"called again until it answers",
	[IKE_REASON_PEER_DELETED] = "the customer's side ended it: its log says why",
	[IKE_REASON_PEER_ERROR] =
		"the customer's log says why; isthmus show tunnel {tunnel} log has all "
		"that was said",
	[IKE_REASON_VERSION] =
		"give both sides the same version of IKE: ike_version here, or the customer's",
	[IKE_REASON_LIFETIME] =
		"a rekey never succeeded: isthmus show tunnel {tunnel} log; often the customer's side has "
		"other groups for PFS",
	[IKE_REASON_NO_RESOURCES] =
		"give workers more memory_mb, or end tunnels that are not needed",
};

/* The advice with the tunnel's own names in it; to be freed. NULL: there is none. */
static char *next_step(const struct tunnel *t)
{
	enum ike_reason reason = t->enabled ? t->reason : IKE_REASON_DISABLED;
	char customer[ADDR_STR_MAX], cloud[ADDR_STR_MAX], error[64], *text = NULL;
	struct facts *f = facts_new(NULL);
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (f && out && reason < IKE_REASON_COUNT) {
		facts_set(f, "tunnel", "%s", t->conf->name);
		facts_set(f, "customer", "%s", addr_format(&t->conf->customer_ip, customer));
		facts_set(f, "cloud", "%s", addr_format(&t->conf->cloud_ip, cloud));
		client_text(advice[reason], f, out, error, sizeof(error));
	}
	if (out)
		fclose(out);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	facts_free(f);
	return text;
}

static void down(struct doctor *d, const struct tunnel *t)
{
	char check[CONF_NAME_BYTES + 16], *next = next_step(t);

	snprintf(check, sizeof(check), "tunnel %s", t->conf->name);
	doctor_say(d, t->enabled ? DOCTOR_BAD : DOCTOR_NOTE, check, next && *next ? next : NULL,
		   "DOWN, %s%s%s", tunnel_reason(t->enabled ? t->reason : IKE_REASON_DISABLED),
		   t->text[0] ? ": " : "", t->text);
	free(next);
}

void doctor_tunnels(struct doctor *d, const struct tunnels *t)
{
	uint32_t up = 0;

	for (uint32_t i = tunnels_next(t, 0); i < t->n; i = tunnels_next(t, i + 1))
		up += t->v[i].up;
	if (up > 0 || t->count == 0)
		doctor_say(d, DOCTOR_OK, "tunnels", NULL, "%u of %u UP", up, t->count);
	for (uint32_t i = tunnels_next(t, 0); i < t->n; i = tunnels_next(t, i + 1))
		if (!t->v[i].up)
			down(d, &t->v[i]);
}

void doctor_verdict(struct doctor *d)
{
	if (d->bad)
		page_line(d->page, "%u that must be put right, %u to think about", d->bad,
			  d->notes);
	else if (d->notes)
		page_line(d->page, "Nothing is wrong; %u to think about", d->notes);
	else
		page_line(d->page, "Nothing is wrong");
}
