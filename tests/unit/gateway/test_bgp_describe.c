/* What BIRD is told of the sessions, and what is kept from it. */
#include "tests/unit/unit.h"

#include "conf/secret.h"
#include "gateway/bgp_describe.h"

#include <string.h>

uint32_t exception_shard_of(const struct exception *e, uint32_t border_gateway)
{
	return 0;
}

struct seen {
	unsigned n;
	const char *name[4];
};

static int see(void *ctx, const struct bird_config *c)
{
	struct seen *s = ctx;

	assert_int_equal(c->n_gateways, 1);
	for (unsigned i = 0; i < c->gateway[0].n_sessions; i++)
		s->name[s->n++] = c->gateway[0].session[i].description;
	return 7;
}

static void ignore_change(void *ctx, uint32_t table, const struct prefix *prefix,
			  const struct rib_route *set, unsigned n)
{
}

static void ignore(void *ctx, uint32_t gateway)
{
}

static void ignore_taken(void *ctx, uint32_t gateway, int rc)
{
}

/* One whose text BIRD would choke on does not take the others with it. */
static void a_bad_one_is_left_out(void **state)
{
	static const struct tables_ops ops = { ignore_change, ignore, ignore_taken };
	struct conf_tunnel tunnel[3] = { { .id = 0, .name = "t0" },
					 { .id = 1, .name = "t1" },
					 { .id = 2, .name = "t2" } };
	struct conf_border_gateway gateway = { .name = "bgw" };
	struct conf_customer_gateway customer = { .asn = 65001 };
	struct conf_vpn_connection connection = { .gateway = &gateway,
						  .customer = &customer,
						  .bgp = true,
						  .local_asn = 65000,
						  .n_tunnels = 3,
						  .tunnel = tunnel };
	struct conf conf = { .border_gateway = &gateway,
			     .n_border_gateways = 1,
			     .connection = &connection,
			     .n_connections = 1 };
	bool no[3] = { false };
	const char *wrong[3] = { NULL };
	struct bgp_describe d = {
		.conf = &conf, .router_id = 1, .draining = no, .off = no, .wrong = wrong
	};
	struct secret *password = secret_from("say \"no\"", 8);
	struct tables *tables;
	struct seen seen = { 0 };

	assert_int_equal(tables_new(&tables, &ops, NULL), 0);
	assert_int_equal(tables_gateway_add(tables, 0, 0, 10), 0);
	d.tables = tables;
	for (unsigned i = 0; i < 3; i++) {
		assert_true(prefix_parse(&tunnel[i].inner, "169.254.1.2/30"));
		assert_true(addr_parse(&tunnel[i].inner_peer, "169.254.1.1"));
		tunnel[i].bgp_hold = 30;
		tunnel[i].bgp_keepalive = 10;
		tunnel[i].bgp_ipv4 = true;
	}
	tunnel[1].bgp_password = password;
	assert_int_equal(bgp_describe(&d, 0, see, &seen), 7);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.name[0], "t0");
	assert_string_equal(seen.name[1], "t2");
	assert_null(wrong[0]);
	assert_non_null(strstr(wrong[1], "quotation mark"));
	assert_null(wrong[2]);

	tunnel[1].bgp_password = NULL;
	wrong[1] = NULL;
	seen.n = 0;
	assert_int_equal(bgp_describe(&d, 0, see, &seen), 7);
	assert_int_equal(seen.n, 3);
	assert_null(wrong[1]);
	secret_free(password);
	tables_free(tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_one_is_left_out),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
