/* A tunnel's BGP session: what is read in a way of its own, defaults, what must fit together. */
#include "conf/parse.h"
#include "conf/writer.h"

#include <libconfig.h>
#include <string.h>

#define HOLD_DEFAULT 30

void parse_bgp_default(struct conf_tunnel *t)
{
	t->bgp_hold = HOLD_DEFAULT;
	t->bgp_keepalive = HOLD_DEFAULT / 3;
	t->bfd_interval = 300;
	t->bfd_multiplier = 3;
	t->graceful_restart = true;
	t->graceful_restart_time = 120;
	t->import_limit = 10000;
	t->drain_wait = 5;
}

static bool by_inner(const struct conf_tunnel *t)
{
	return t->bgp_ipv6 == (t->inner.addr.family == ADDR_IPV6) && t->bgp_ipv4 != t->bgp_ipv6;
}

void parse_bgp_begin(struct conf_tunnel *t, const struct conf_tunnel *first)
{
	if (by_inner(first))
		t->bgp_ipv4 = t->bgp_ipv6 = false;
}

static bool read_families(struct reader *r, const config_setting_t *s, const struct field *f,
			  void *object)
{
	bool list = config_setting_is_array(s) || config_setting_is_list(s);
	unsigned n = list ? (unsigned)config_setting_length(s) : 1;
	struct conf_tunnel *t = object;
	bool has[2] = { false, false };

	for (unsigned i = 0; i < n; i++) {
		const char *text =
			config_setting_get_string(list ? config_setting_get_elem(s, i) : s);
		bool v6 = text != NULL && strcmp(text, "ipv6") == 0;

		if (text == NULL || (!v6 && strcmp(text, "ipv4") != 0) || has[v6])
			return field_wrong(r, s, f, "\"ipv4\", \"ipv6\" or [ \"ipv4\", \"ipv6\" ]");
		has[v6] = true;
	}
	if (n == 0)
		return field_wrong(r, s, f, "\"ipv4\", \"ipv6\" or [ \"ipv4\", \"ipv6\" ]");
	t->bgp_ipv4 = has[0];
	t->bgp_ipv6 = has[1];
	return true;
}

static bool same_families(const struct field *f, const void *va, const void *vb)
{
	const struct conf_tunnel *a = va, *b = vb;

	return a->bgp_ipv4 == b->bgp_ipv4 && a->bgp_ipv6 == b->bgp_ipv6;
}

static void write_families(struct writer *w, const struct field *f, const void *object)
{
	const struct conf_tunnel *t = object;

	fputs(t->bgp_ipv4 && t->bgp_ipv6 ? "[ \"ipv4\", \"ipv6\" ]"
	      : t->bgp_ipv6		 ? "\"ipv6\""
					 : "\"ipv4\"",
	      w->out);
}

static const char *family_at(const struct field *f, unsigned i)
{
	return i == 0 ? "ipv4" : i == 1 ? "ipv6" : NULL;
}

const struct field_kind parse_bgp_families = { .choice = family_at,
					       .read = read_families,
					       .same = same_families,
					       .write = write_families,
					       .list = true };

/* A number, or "none", which undoes what the first tunnel has. */
static bool read_med(struct reader *r, const config_setting_t *s, const struct field *f,
		     void *object)
{
	struct conf_tunnel *t = object;
	const char *text = config_setting_get_string(s);

	if (text != NULL && strcmp(text, "none") == 0) {
		t->med = 0;
		t->med_given = false;
		return true;
	}
	t->med_given = field_read_uint(r, s, f, object);
	return t->med_given;
}

static bool same_med(const struct field *f, const void *va, const void *vb)
{
	const struct conf_tunnel *a = va, *b = vb;

	return a->med_given == b->med_given && a->med == b->med;
}

static void write_med(struct writer *w, const struct field *f, const void *object)
{
	if (((const struct conf_tunnel *)object)->med_given)
		field_write_uint(w, f, object);
	else
		writer_string(w, "none");
}

const struct field_kind parse_bgp_med = {
	.read = read_med, .same = same_med, .write = write_med, .plain = true
};

#define PASSWORD_MAX 80 /* TCP_MD5SIG_MAXKEYLEN */

/* It goes into BIRD's configuration, whose strings have no escapes. */
static bool password_allowed(const struct secret *s)
{
	for (unsigned i = 0; i < s->len; i++)
		if (s->data[i] < 0x20 || s->data[i] > 0x7e || s->data[i] == '"')
			return false;
	return s->len >= 1 && s->len <= PASSWORD_MAX;
}

static bool read_password(struct reader *r, const config_setting_t *s, const struct field *f,
			  void *object)
{
	struct conf_tunnel *t = object;
	const struct secret *given;
	const char *mark;
	long i;

	if (!field_string(r, s, f, &mark))
		return false;
	i = source_mark(r->source, mark);
	given = i >= 0 ? r->source->secret[i] : NULL;
	if (given == NULL || !password_allowed(given)) {
		field_problem(r, PROBLEM_ERROR, s, f,
			      "must be 1 to %d printable ASCII characters, without \"",
			      PASSWORD_MAX);
		return false;
	}
	secret_free(t->bgp_password);
	t->bgp_password = secret_copy(given);
	if (t->bgp_password == NULL)
		field_problem(r, PROBLEM_ERROR, s, f, "no memory");
	return t->bgp_password != NULL;
}

const struct field_kind parse_bgp_password = { .read = read_password,
					       .same = field_same_secret,
					       .write = field_write_secret };

void parse_bgp_derive(struct conf_tunnel *base, const struct conf_tunnel *t, uint64_t given)
{
	if (field_given(&parse_tunnel, given, "bgp_hold"))
		base->bgp_keepalive = t->bgp_hold / 3;
	/* A later tunnel has the first one's families. */
	if (!base->bgp_ipv4 && !base->bgp_ipv6) {
		base->bgp_ipv6 = t->inner.addr.family == ADDR_IPV6;
		base->bgp_ipv4 = !base->bgp_ipv6;
	}
}

void parse_bgp_end(struct reader *r, const config_setting_t *s, struct conf_tunnel *t,
		   uint64_t given)
{
	const config_setting_t *member;

	if (!field_given(&parse_tunnel, given, "bgp_keepalive") &&
	    field_given(&parse_tunnel, given, "bgp_hold"))
		t->bgp_keepalive = t->bgp_hold / 3;
	if (t->bgp_keepalive < t->bgp_hold)
		return;
	member = config_setting_get_member(s, "bgp_keepalive");
	problem_add(r->problems, PROBLEM_ERROR, field_where(r, member != NULL ? member : s),
		    r->label.text, "bgp_keepalive = %u: must be less than bgp_hold, %u",
		    t->bgp_keepalive, t->bgp_hold);
	t->bgp_keepalive = t->bgp_hold / 3; /* once: later tunnels copy it */
}
