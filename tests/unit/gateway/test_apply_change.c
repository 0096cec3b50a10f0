/* Any model over any other: what is left is what the last one alone builds. */
#include "gateway/apply.h"

#include "conf/number.h"
#include "conf/parse.h"
#include "conf/secret.h"
#include "tests/unit/gateway/fake_dataplane.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATEWAYS    3
#define VPCS	    3
#define CONNECTIONS 3 /* of one or two tunnels: a bundle of the fake's has room for 14 numbers */

static unsigned dice;

static unsigned roll(unsigned n)
{
	dice = dice * 1103515245 + 12345;
	return (dice >> 16) % n;
}

/* ---- models ------------------------------------------------------------------------------ */

struct draft {
	bool gateway[GATEWAYS], vpc[VPCS], attached[VPCS][GATEWAYS];
	unsigned of[CONNECTIONS], tunnels[CONNECTIONS]; /* the border gateway; 0: not there */
};

static void separate(FILE *f, bool *first)
{
	if (!*first)
		fputs(",\n", f);
	*first = false;
}

static void write_routes(FILE *f, const struct draft *d, unsigned gateway)
{
	bool first = true;

	fputs(" static_routes = ( ", f);
	for (unsigned c = 0; c < CONNECTIONS; c++)
		for (unsigned k = 0; d->tunnels[c] && d->of[c] == gateway && k < 4; k++)
			if (roll(2)) {
				separate(f, &first);
				fprintf(f, "{ prefix = \"192.168.%u.0/24\"; next_hop = \"c%u\"; }",
					k, c);
			}
	fputs(" ); ", f);
}

static void write_attachment(FILE *f, unsigned vpc, unsigned gateway)
{
	static const char *const spread[] = {
		"propagate = \"all\";",
		"propagate = \"none\";",
		"propagate = \"all\"; import = [ \"192.168.0.0/23\", \"10.0.0.0/8\" ];",
		"propagate = \"all\"; import = [ \"192.168.2.0/24\" ];",
	};
	unsigned shared = roll(2), net = shared ? 9 : gateway;

	fprintf(f,
		"{ vpc = \"v%u\"; border_gateway = \"g%u\"; port = \"vpc\"; %s\n  addresses = [ "
		"\"10.%u.%u.1/24\" ]; vxlan = { vni = %u; local_vtep = \"10.255.0.1\"; remote_vtep "
		"= \"10.255.0.2\"; }; }",
		vpc, gateway, spread[roll(4)], vpc, net, 1000 + 10 * vpc + net);
}

static void write_connection(FILE *f, const struct draft *d, unsigned c)
{
	fprintf(f,
		"{ name = \"c%u\"; border_gateway = \"g%u\"; customer_gateway = \"k%u\"; bgp = "
		"false; tunnels = ( ",
		c, d->of[c], c);
	for (unsigned t = 0; t < d->tunnels[c]; t++) {
		/* Sometimes one takes the other's addresses. */
		unsigned inner = roll(8) ? t : 1 - t;

		if (d->tunnels[c] == 2 && t == 1)
			inner = 2 + roll(2);
		fprintf(f,
			"%s{ name = \"c%u-%u\"; cloud_ip = \"203.0.113.1\"; customer_ip = "
			"\"198.51.100.%u\"; psk = \"hush\"; inner = \"169.254.%u.%u/30\"; mtu = %u; }",
			t ? ", " : "", c, t, 10 * c + t + 1, c, 4 * inner + 2, 1300 + roll(3));
	}
	fputs(" ); }", f);
}

static struct draft draft(void)
{
	struct draft d = { 0 };

	for (unsigned g = 0; g < GATEWAYS; g++)
		d.gateway[g] = roll(4) > 0;
	for (unsigned v = 0; v < VPCS; v++) {
		d.vpc[v] = roll(4) > 0;
		for (unsigned g = 0; g < GATEWAYS; g++)
			d.attached[v][g] = d.vpc[v] && d.gateway[g] && roll(2);
	}
	for (unsigned c = 0; c < CONNECTIONS; c++) {
		d.of[c] = roll(GATEWAYS);
		d.tunnels[c] = d.gateway[d.of[c]] ? roll(3) : 0;
	}
	return d;
}

static struct conf *model(unsigned seed)
{
	struct problem_list problems = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct conf *c;
	struct draft d;
	bool first;

	dice = seed;
	d = draft();
	fputs("ports = ( { name = \"wan\"; device = \"a\"; addresses = [ \"203.0.113.1/24\" ]; "
	      "next_hop = \"203.0.113.254\"; },\n  { name = \"vpc\"; device = \"b\"; addresses = [ "
	      "\"10.255.0.1/24\" ]; } );\ncloud_addresses = [ \"203.0.113.1\" ];\n"
	      "customer_gateways = ( ",
	      f);
	for (unsigned k = 0; k < CONNECTIONS; k++)
		fprintf(f,
			"%s{ name = \"k%u\"; addresses = [ \"198.51.100.%u\", \"198.51.100.%u\" ]; }",
			k ? ", " : "", k, 10 * k + 1, 10 * k + 2);
	fputs(" );\nborder_gateways = ( ", f);
	first = true;
	for (unsigned g = 0; g < GATEWAYS; g++)
		if (d.gateway[g]) {
			separate(f, &first);
			fprintf(f, "{ name = \"g%u\"; dynamic_quota = %u;", g, 100 + roll(3));
			write_routes(f, &d, g);
			fputs("}", f);
		}
	fputs(" );\nvpcs = ( ", f);
	first = true;
	for (unsigned v = 0; v < VPCS; v++)
		if (d.vpc[v]) {
			separate(f, &first);
			fprintf(f, "{ name = \"v%u\"; prefixes = [ \"10.%u.0.0/16\" ]; }", v, v);
		}
	fputs(" );\nvpc_attachments = ( ", f);
	first = true;
	for (unsigned v = 0; v < VPCS; v++)
		for (unsigned g = 0; g < GATEWAYS; g++)
			if (d.attached[v][g]) {
				separate(f, &first);
				write_attachment(f, v, g);
			}
	fputs(" );\nvpn_connections = ( ", f);
	first = true;
	for (unsigned k = 0; k < CONNECTIONS; k++)
		if (d.tunnels[k]) {
			separate(f, &first);
			write_connection(f, &d, k);
		}
	fputs(" );\n", f);
	fclose(f);
	c = conf_read("t", text, len, &problems);
	if (!c) {
		problem_print(&problems, stderr);
		fputs(text, stderr);
	}
	problem_clear(&problems);
	free(text);
	assert_non_null(c);
	return c;
}

/* ---- what the dataplane holds, in the model's words ----------------------------------------- */

static const char *table_name(const struct applied *a, const struct conf *c, uint32_t table)
{
	for (unsigned i = 0; i < c->n_border_gateways; i++)
		if (apply_gateway_table(a, c->border_gateway[i].id) == table)
			return c->border_gateway[i].name;
	for (unsigned i = 0; i < c->n_vpcs; i++)
		if (apply_vpc_table(a, c->vpc[i].id) == table)
			return c->vpc[i].name;
	fail_msg("table %u is nobody's", table);
	return NULL;
}

static const char *tunnel_name(const struct conf *c, uint32_t id)
{
	const struct conf_tunnel *t = conf_tunnel_at(c, id);

	if (!t)
		fail_msg("tunnel %u is not in the model", id);
	return t->name;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void write_bundle(FILE *f, const struct conf *c, uint32_t sum)
{
	char *name[16];
	unsigned n = 0;

	for (unsigned i = 0; i < 15; i++)
		if (sum >> i & 1)
			name[n++] = (char *)tunnel_name(c, i);
	qsort(name, n, sizeof(*name), by_text);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, " %s", name[i]);
}

static void write_hop(FILE *f, const struct applied *a, const struct conf *c, uint32_t table,
		      const struct fake_route *r)
{
	uint32_t i = nexthop_index(r->nh);
	struct rib_route valid[8];

	switch (nexthop_kind(r->nh)) {
	case NEXTHOP_LINK:
		fprintf(f, "link %u", fake_interface(i)->vni);
		break;
	case NEXTHOP_LOCAL:
		if (i & NEXTHOP_LOCAL_TUNNEL)
			fprintf(f, "local %s", tunnel_name(c, i & ~NEXTHOP_LOCAL_TUNNEL));
		else
			fprintf(f, "local %u", fake_interface(i)->vni);
		break;
	case NEXTHOP_TABLE:
		/* Of several ways that are no tunnels it is one. */
		if (rib_valid(tables_rib(apply_tables(a)), table, &r->prefix, valid, 8) > 1)
			fprintf(f, "some table");
		else
			fprintf(f, "table %s", table_name(a, c, i));
		break;
	case NEXTHOP_CONNECTION:
		if (i & NEXTHOP_BUNDLE)
			write_bundle(f, c, i & ~NEXTHOP_BUNDLE);
		else
			fprintf(f, "connection %s", conf_connection_at(c, i)->name);
		break;
	case NEXTHOP_TUNNEL:
		fprintf(f, "tunnel %s", tunnel_name(c, i));
		break;
	default:
		fail_msg("next hop %x", r->nh);
	}
}

static void write_table(FILE *f, const struct applied *a, const struct conf *c, uint32_t table)
{
	struct fake_route r[512];
	unsigned n = fake_routes(table, r, 512);
	char *line[512], prefix[PREFIX_STR_MAX];

	for (unsigned i = 0; i < n; i++) {
		size_t len;
		FILE *l = open_memstream(&line[i], &len);

		fprintf(l, "  %s ", prefix_format(&r[i].prefix, prefix));
		write_hop(l, a, c, table, &r[i]);
		fclose(l);
	}
	qsort(line, n, sizeof(*line), by_text);
	fprintf(f, "%s\n", table_name(a, c, table));
	for (unsigned i = 0; i < n; i++) {
		fprintf(f, "%s\n", line[i]);
		free(line[i]);
	}
}

static char *picture(const struct applied *a, const struct conf *c)
{
	struct fake_count count;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (unsigned i = 0; i < c->n_border_gateways; i++)
		write_table(f, a, c, apply_gateway_table(a, c->border_gateway[i].id));
	for (unsigned i = 0; i < c->n_vpcs; i++)
		write_table(f, a, c, apply_vpc_table(a, c->vpc[i].id));
	for (unsigned i = 0; i < c->n_connections; i++) {
		const struct conf_vpn_connection *v = &c->connection[i];
		const uint32_t *tunnel;
		unsigned n = fake_connection(v->id, &tunnel);

		fprintf(f, "%s", v->name);
		for (unsigned k = 0; k < n; k++)
			fprintf(f, " %s", tunnel_name(c, tunnel[k]));
		for (unsigned k = 0; k < v->n_tunnels; k++)
			fprintf(f, ", %u", fake_tunnel(v->tunnel[k].id)->mtu);
		fputs("\n", f);
	}
	fake_count(&count);
	fprintf(f, "%u tables, %u interfaces, %u tunnels, %u connections, %u routes, %d holds\n",
		count.tables, count.interfaces, count.tunnels, count.connections, count.routes,
		count.holds);
	fclose(f);
	return text;
}

/* What static routes need to be valid. */
static void use(struct applied *a, const struct conf *c)
{
	for (unsigned i = 0; i < c->n_connections; i++)
		apply_usable(a, c->connection[i].id, true);
}

static char *alone(const struct conf *c)
{
	char error[256], *text;
	struct applied *a;

	fake_reset();
	assert_int_equal(apply_new(&a, NULL, c, error, sizeof(error)), 0);
	use(a, c);
	text = picture(a, c);
	apply_free(a);
	return text;
}

static void gone(void *ctx, uint32_t tunnel)
{
	assert_int_equal(apply_tunnel_gone(ctx, tunnel), 0);
}

static bool is_reserved(void *ctx, enum conf_kind kind, uint32_t id)
{
	return apply_is_reserved(ctx, kind, id);
}

static void number(struct applied *a, struct conf *c, const struct conf *running)
{
	const struct conf_reserved reserved = { a, is_reserved };

	assert_int_equal(conf_number(c, running, &reserved), 0);
}

static void expect(const struct applied *a, const struct conf *c, const char *wanted, unsigned seed)
{
	char *text = picture(a, c);

	if (strcmp(text, wanted) != 0)
		fail_msg("seed %u: there is\n%s\nand there should be\n%s", seed, text, wanted);
	free(text);
}

#define PAIRS 400

static void what_is_left_is_the_last_model(void **state)
{
	char error[256];

	for (unsigned seed = 1; seed <= PAIRS; seed++) {
		struct conf *c[2] = { model(seed), model(seed + 77777) };
		char *wanted[2] = { alone(c[0]), alone(c[1]) };
		struct applied *a;

		fake_reset();
		assert_int_equal(apply_new(&a, NULL, c[0], error, sizeof(error)), 0);
		use(a, c[0]);
		for (unsigned i = 1; i < 5; i++) {
			struct conf *to = c[i % 2];

			number(a, to, c[(i + 1) % 2]);
			if (apply_change(a, to, error, sizeof(error)) != 0)
				fail_msg("seed %u: %s", seed, error);
			apply_clean(a, to, gone, a);
			use(a, to);
			expect(a, to, wanted[i % 2], seed);
		}
		apply_free(a);
		for (unsigned i = 0; i < 2; i++) {
			conf_free(c[i]);
			free(wanted[i]);
		}
	}
}

static void a_refused_model_leaves_the_one_before(void **state)
{
	unsigned refused = 0;
	char error[256];

	for (unsigned seed = 1; seed <= PAIRS; seed++) {
		struct conf *was = model(seed), *to = model(seed + 77777);
		char *wanted = alone(was);
		struct applied *a;

		fake_reset();
		assert_int_equal(apply_new(&a, NULL, was, error, sizeof(error)), 0);
		use(a, was);
		number(a, to, was);
		fake_tunnel_error = -ENOSPC;
		fake_tunnel_refused = conf_numbers(to, CONF_TUNNEL) - 1;
		if (apply_change(a, to, error, sizeof(error)) != 0) {
			refused++;
			assert_non_null(strstr(error, "No space left on device"));
			assert_int_equal(apply_change(a, was, error, sizeof(error)), 0);
			apply_clean(a, was, gone, a);
			use(a, was);
			expect(a, was, wanted, seed);
		}
		apply_free(a);
		conf_free(was);
		conf_free(to);
		free(wanted);
	}
	assert_true(refused > PAIRS / 4);
}

static void the_same_again_touches_nothing(void **state)
{
	char error[256];

	for (unsigned seed = 1; seed <= 50; seed++) {
		struct conf *c = model(seed), *again = model(seed);
		struct applied *a;

		fake_reset();
		assert_int_equal(apply_new(&a, NULL, c, error, sizeof(error)), 0);
		use(a, c);
		number(a, again, c);
		fake_told[0] = '\0';
		assert_int_equal(apply_change(a, again, error, sizeof(error)), 0);
		apply_clean(a, again, gone, a);
		use(a, again);
		assert_string_equal(fake_told, "");
		apply_free(a);
		conf_free(c);
		conf_free(again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_is_the_last_model),
		cmocka_unit_test(a_refused_model_leaves_the_one_before),
		cmocka_unit_test(the_same_again_touches_nothing),
	};

	return secret_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
