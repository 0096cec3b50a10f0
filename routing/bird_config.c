#include "routing/bird_config.h"

#include "routing/bird_names.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HOLD_DEFAULT	       30
#define BFD_INTERVAL_DEFAULT   300
#define BFD_MULTIPLIER_DEFAULT 3
#define RESTART_TIME_DEFAULT   120
#define DESCRIPTION_MAX	       200

/* ---- writing ------------------------------------------------------------------------------ */

struct out {
	bird_config_put_fn put;
	void *ctx;
	int rc;
};

static void emit_bytes(struct out *o, const char *text, size_t len)
{
	if (o->rc == 0 && len > 0)
		o->rc = o->put(o->ctx, text, len);
	if (o->rc > 0)
		o->rc = 0;
}

static void emit(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Every call's text is short: names, numbers, addresses. */
static void emit(struct out *o, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		o->rc = o->rc < 0 ? o->rc : -EOVERFLOW;
	else
		emit_bytes(o, text, (size_t)n);
}

/* Between quotes, where BIRD knows no escapes. */
static void emit_description(struct out *o, const char *text)
{
	emit(o, "\tdescription \"");
	for (unsigned i = 0; text[i] && i < DESCRIPTION_MAX; i++) {
		char one[2] = { text[i], '\0' };

		emit_bytes(o, bird_string_is_safe(one) ? one : "?", 1);
	}
	emit(o, "\";\n");
}

static void emit_prefix_set(struct out *o, const struct prefix *p, bool first)
{
	char text[PREFIX_STR_MAX];

	emit(o, "%s%s", first ? "" : ", ", prefix_format(p, text));
}

/* ---- checking ----------------------------------------------------------------------------- */

static bool password_fits(const struct secret *s)
{
	char one[2] = { 0 };
	bool fits = s->len > 0 && s->len <= BIRD_PASSWORD_MAX;

	for (unsigned i = 0; fits && i < s->len; i++) {
		one[0] = (char)s->data[i];
		fits = one[0] != '\0' && bird_string_is_safe(one);
	}
	return fits;
}

static uint32_t hold_of(const struct bird_session *s)
{
	return s->hold ? s->hold : HOLD_DEFAULT;
}

static uint32_t keepalive_of(const struct bird_session *s)
{
	return s->keepalive ? s->keepalive : hold_of(s) / 3;
}

int bird_config_check(const struct bird_session *s, const char **why)
{
	*why = NULL;
	if (addr_bytes(&s->local) == 0 || s->local.family != s->remote.family)
		*why = "the inner addresses are none or of two families";
	else if (s->local_asn == 0 || s->remote_asn == 0)
		*why = "an ASN is missing";
	else if (s->router_id == 0)
		*why = "there is no router ID";
	else if (!s->ipv4 && !s->ipv6)
		*why = "neither IPv4 nor IPv6 routes are asked for";
	else if (hold_of(s) < 3 || keepalive_of(s) >= hold_of(s))
		*why = "the hold time is less than 3 s or not more than the keepalive time";
	else if (s->password && !password_fits(s->password))
		*why = "the password has more than 80 characters, or a quotation mark or control "
		       "character";
	return *why ? -EINVAL : 0;
}

/* ---- the main text ------------------------------------------------------------------------ */

const char *bird_config_gateway_file(uint32_t table, char name[BIRD_CONFIG_NAME_MAX])
{
	snprintf(name, BIRD_CONFIG_NAME_MAX, BIRD_TABLE ".conf", table);
	return name;
}

const char *bird_config_tunnel_file(uint32_t tunnel, char name[BIRD_CONFIG_NAME_MAX])
{
	snprintf(name, BIRD_CONFIG_NAME_MAX, BIRD_PROTOCOL ".conf", tunnel);
	return name;
}

static bool any_bfd(const struct bird_config *c)
{
	for (unsigned i = 0; i < c->n_gateways; i++)
		for (unsigned k = 0; k < c->gateway[i].n_sessions; k++)
			if (c->gateway[i].session[k].bfd)
				return true;
	return false;
}

int bird_config_main(const struct bird_config *c, bird_config_put_fn put, void *ctx)
{
	struct out o = { put, ctx, 0 };
	char name[BIRD_CONFIG_NAME_MAX];

	/* What `log` leaves out still reaches who asked for it on the control socket. */
	emit(&o, "# Written by isthmusd, again and again.\n"
		 "log stderr { info, remote, warning, error, auth, fatal, bug };\n"
		 "debug protocols { states, routes };\n"
		 "timeformat base iso long ms;\n"
		 "timeformat protocol iso long ms;\n"
		 "router id 0.0.0.1; # every session has its own\n"
		 "graceful restart wait 20;\n");
	/* What a route leads to: 0 a VPC, else a connection. Seen by our filters only. */
	emit(&o, "attribute int isthmus_from;\n"
		 "protocol device { scan time 60; }\n");
	if (any_bfd(c))
		emit(&o, "protocol bfd { strict bind; interface \"%s\"; }\n", c->interface);
	for (unsigned i = 0; i < c->n_gateways; i++) {
		const struct bird_gateway *g = &c->gateway[i];

		emit(&o, "include \"%s\";\n", bird_config_gateway_file(g->table, name));
		for (unsigned k = 0; k < g->n_sessions; k++)
			emit(&o, "include \"%s\";\n",
			     bird_config_tunnel_file(g->session[k].tunnel, name));
	}
	return o.rc;
}

/* ---- a border gateway --------------------------------------------------------------------- */

/* As an attribute: 0 is a VPC. */
static uint32_t from_value(uint32_t connection)
{
	return connection == BIRD_VPC ? 0 : connection + 1;
}

static void emit_family(struct out *o, const struct bird_gateway *g, bool ipv6)
{
	uint8_t family = ipv6 ? ADDR_IPV6 : ADDR_IPV4;
	char table[BIRD_NAME_BYTES], text[PREFIX_STR_MAX];

	bird_table_name(table, g->table, ipv6);
	emit(o, "%s table %s;\n", ipv6 ? "ipv6" : "ipv4", table);
	emit(o,
	     ipv6 ? "protocol static " BIRD_ANNOUNCER6 " {\n"
		  : "protocol static " BIRD_ANNOUNCER " {\n",
	     g->table);
	emit(o, "\t%s { table %s; };\n", ipv6 ? "ipv6" : "ipv4", table);
	for (unsigned i = 0; i < g->n_announced; i++) {
		const struct bird_announcement *a = &g->announced[i];

		if (a->prefix.addr.family == family)
			emit(o, "\troute %s blackhole { isthmus_from = %u; };\n",
			     prefix_format(&a->prefix, text), from_value(a->connection));
	}
	emit(o, "}\n");
}

int bird_config_gateway(const struct bird_gateway *g, bird_config_put_fn put, void *ctx)
{
	struct out o = { put, ctx, 0 };

	emit_family(&o, g, false);
	emit_family(&o, g, true);
	return o.rc;
}

/* ---- a session ---------------------------------------------------------------------------- */

static void emit_withheld(struct out *o, const struct bird_session *s, uint8_t family)
{
	bool any = false;

	for (unsigned i = 0; i < s->n_withheld; i++) {
		if (s->withheld[i].addr.family != family)
			continue;
		if (!any)
			emit(o, "\t\t\tif isthmus_from = 0 && net ~ [ ");
		emit_prefix_set(o, &s->withheld[i], !any);
		any = true;
	}
	if (any)
		emit(o, " ] then reject;\n");
}

static void emit_export(struct out *o, const struct bird_gateway *g, const struct bird_session *s,
			uint8_t family)
{
	if (s->drain) {
		emit(o, "\t\texport none;\n");
		return;
	}
	emit(o, "\t\texport filter {\n");
	if (g->transit)
		emit(o, "\t\t\tif isthmus_from = %u then reject;\n", from_value(s->connection));
	else
		emit(o, "\t\t\tif isthmus_from != 0 then reject;\n");
	emit_withheld(o, s, family);
	if (s->has_med)
		emit(o, "\t\t\tbgp_med = %u;\n", s->med);
	for (unsigned i = 0; i < s->prepend; i++)
		emit(o, "\t\t\tbgp_path.prepend(%u);\n", s->local_asn);
	emit(o, "\t\t\taccept;\n\t\t};\n");
}

/* Our IPv4 address in a network of our own (RFC 4193), "isthmus" in ASCII. */
static void emit_next_hop6(struct out *o, const struct addr *local)
{
	struct addr hop = { ADDR_IPV6, { 0xfd, 'i', 's', 't', 'h', 'm', 'u', 's' } };
	char text[ADDR_STR_MAX];

	memcpy(hop.b + 12, local->b, 4);
	emit(o, "\t\tnext hop address %s;\n", addr_format(&hop, text));
}

static void emit_channel(struct out *o, const struct bird_gateway *g, const struct bird_session *s,
			 bool ipv6)
{
	uint8_t family = ipv6 ? ADDR_IPV6 : ADDR_IPV4;
	char table[BIRD_NAME_BYTES];

	emit(o, "\t%s {\n\t\ttable %s;\n", ipv6 ? "ipv6" : "ipv4",
	     bird_table_name(table, g->table, ipv6));
	/* All peers are on one interface: without this one would be sent another as next hop. */
	emit(o, "\t\tnext hop self;\n");
	if (s->local.family != family) {
		/* A peer's next hop of the other family is not on the interface, and need not be.
		 */
		emit(o, "\t\tgateway recursive;\n");
		if (ipv6)
			emit_next_hop6(o, &s->local);
		else
			emit(o, "\t\textended next hop;\n");
	}
	emit(o, "\t\timport filter { isthmus_from = %u; accept; };\n", from_value(s->connection));
	if (s->import_limit)
		emit(o, "\t\timport limit %u action block;\n", s->import_limit);
	emit_export(o, g, s, family);
	emit(o, "\t};\n");
}

static void emit_password(struct out *o, const struct secret *password)
{
	emit(o, "\tpassword \"");
	emit_bytes(o, (const char *)password->data, password->len);
	emit(o, "\";\n");
}

static void emit_timers(struct out *o, const struct bird_session *s)
{
	emit(o, "\thold time %u;\n\tkeepalive time %u;\n", hold_of(s), keepalive_of(s));
	emit(o, "\tconnect delay time 1;\n\tconnect retry time 5;\n\terror wait time 1, 30;\n");
	if (s->bfd) {
		unsigned interval = s->bfd_interval ? s->bfd_interval : BFD_INTERVAL_DEFAULT;

		emit(o, "\tbfd { min rx interval %u ms; min tx interval %u ms; multiplier %u; };\n",
		     interval, interval,
		     s->bfd_multiplier ? s->bfd_multiplier : BFD_MULTIPLIER_DEFAULT);
	}
	if (s->graceful_restart)
		emit(o, "\tgraceful restart;\n\tgraceful restart time %u;\n",
		     s->restart_time ? s->restart_time : RESTART_TIME_DEFAULT);
}

int bird_config_tunnel(const struct bird_config *c, const struct bird_gateway *g,
		       const struct bird_session *s, bird_config_put_fn put, void *ctx)
{
	struct out o = { put, ctx, 0 };
	struct addr id = addr_ipv4(s->router_id);
	char local[ADDR_STR_MAX], remote[ADDR_STR_MAX], router[ADDR_STR_MAX];

	emit(&o, "protocol bgp " BIRD_PROTOCOL " {\n", s->tunnel);
	if (s->description)
		emit_description(&o, s->description);
	if (s->disabled)
		emit(&o, "\tdisabled;\n");
	emit(&o, "\trouter id %s;\n", addr_format(&id, router));
	emit(&o, "\tlocal %s as %u;\n\tneighbor %s as %u;\n", addr_format(&s->local, local),
	     s->local_asn, addr_format(&s->remote, remote), s->remote_asn);
	emit(&o, "\tinterface \"%s\";\n\tdirect;\n\tstrict bind;\n", c->interface);
	emit_timers(&o, s);
	if (s->password)
		emit_password(&o, s->password);
	if (s->ipv4)
		emit_channel(&o, g, s, false);
	if (s->ipv6)
		emit_channel(&o, g, s, true);
	emit(&o, "}\n");
	return o.rc;
}
