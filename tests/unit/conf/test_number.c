#include "conf/number.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Models of nothing but names: border gateways, connections "name gateway", tunnels "name". */
struct given {
	const char *gateway[6];
	struct {
		const char *name, *gateway, *tunnel[4];
	} connection[4];
};

static struct conf *model(const struct given *g)
{
	struct conf *c = calloc(1, sizeof(*c));

	c->border_gateway = calloc(8, sizeof(*c->border_gateway));
	c->connection = calloc(8, sizeof(*c->connection));
	for (; g->gateway[c->n_border_gateways]; c->n_border_gateways++)
		strcpy(c->border_gateway[c->n_border_gateways].name,
		       g->gateway[c->n_border_gateways]);
	for (unsigned i = 0; g->connection[i].name; i++) {
		struct conf_vpn_connection *v = &c->connection[c->n_connections++];

		strcpy(v->name, g->connection[i].name);
		strcpy(v->border_gateway_name, g->connection[i].gateway);
		v->tunnel = calloc(4, sizeof(*v->tunnel));
		for (; v->n_tunnels < 4 && g->connection[i].tunnel[v->n_tunnels]; v->n_tunnels++)
			strcpy(v->tunnel[v->n_tunnels].name, g->connection[i].tunnel[v->n_tunnels]);
	}
	return c;
}

static void expect_gateways(const struct conf *c, const char *const *name)
{
	for (uint32_t id = 0; id < conf_numbers(c, CONF_BORDER_GATEWAY); id++) {
		const struct conf_border_gateway *g = conf_gateway_at(c, id);

		assert_string_equal(g ? g->name : "-", name[id]);
		assert_true(!g || g->id == id);
	}
	assert_null(conf_gateway_at(c, conf_numbers(c, CONF_BORDER_GATEWAY)));
}

static bool four_is_reserved(void *ctx, enum conf_kind kind, uint32_t id)
{
	return kind == CONF_BORDER_GATEWAY && id == 4;
}

static void names_keep_numbers_and_new_ones_take_the_lowest_free(void **state)
{
	const struct conf_reserved reserved = { NULL, four_is_reserved };
	struct conf *a = model(&(struct given){ .gateway = { "a", "b", "c", "d" } });
	struct conf *b = model(&(struct given){ .gateway = { "d", "x", "b", "y", "z" } });

	assert_int_equal(conf_number(a, NULL, NULL), 0);
	expect_gateways(a, (const char *const[]){ "a", "b", "c", "d" });
	assert_int_equal(conf_number(b, a, NULL), 0);
	expect_gateways(b, (const char *const[]){ "-", "b", "-", "d", "x", "y", "z" });
	assert_int_equal(conf_number(b, a, &reserved), 0);
	expect_gateways(b, (const char *const[]){ "-", "b", "-", "d", "-", "x", "y", "z" });
	assert_int_equal(conf_number(b, NULL, NULL), 0);
	expect_gateways(b, (const char *const[]){ "d", "x", "b", "y", "z" });
	conf_free(a);
	conf_free(b);
}

static void a_tunnel_is_itself_in_its_connection_only(void **state)
{
	struct conf *a = model(&(struct given){
		.connection = { { "dc", "g", { "t0", "t1" } }, { "lab", "g", { "t2", "t3" } } } });
	struct conf *b = model(&(struct given){
		.connection = { { "lab", "g", { "t3", "t1" } }, { "dc", "h", { "t0" } } } });
	const struct conf_tunnel *t;

	assert_int_equal(conf_number(a, NULL, NULL), 0);
	assert_int_equal(conf_number(b, a, NULL), 0);
	assert_int_equal(b->connection[0].id, 1);
	assert_int_equal(b->connection[0].tunnel[0].id, 3);
	/* t1 came from another connection; dc is of another border gateway now. */
	assert_int_equal(b->connection[0].tunnel[1].id, 4);
	assert_int_equal(b->connection[1].id, 2);
	assert_int_equal(b->connection[1].tunnel[0].id, 5);
	t = conf_tunnel_at(b, 3);
	assert_ptr_equal(t, &b->connection[0].tunnel[0]);
	assert_ptr_equal(conf_tunnel_connection(b, 3), &b->connection[0]);
	assert_null(conf_tunnel_at(b, 2));
	conf_free(a);
	conf_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_keep_numbers_and_new_ones_take_the_lowest_free),
		cmocka_unit_test(a_tunnel_is_itself_in_its_connection_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
