#include "tests/unit/gateway/fake_dataplane.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char fake_told[16384];
struct dataplane_tunnel_stats fake_tunnel_stats;
struct dataplane_worker_stats fake_worker_stats[3];
struct dataplane_port_stats fake_port_stats;
int fake_attachment_error, fake_route_error, fake_tunnel_error;
uint32_t fake_tunnel_refused;
const struct dataplane_main_ops *fake_main_ops;
void *fake_main_ctx;
uint8_t fake_sent[2048];
size_t fake_sent_len;
uint32_t fake_sent_tunnel;
int fake_send_error;

static uint32_t tables, interfaces;
static int holds;

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *fmt, ...)
{
	size_t n = strlen(fake_told);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fake_told + n, sizeof(fake_told) - n, fmt, ap);
	va_end(ap);
}

#define ROUTES 4096
static struct {
	uint32_t table, nh;
	struct prefix prefix;
} routes[ROUTES];
static unsigned n_routes;

#define THINGS 256
static bool table_used[THINGS];
static struct {
	bool used;
	struct dataplane_attachment d;
} interface[THINGS];
static struct {
	bool used;
	struct dataplane_tunnel d;
} tunnel[THINGS];
static struct {
	unsigned n;
	uint32_t tunnel[DATAPLANE_SET_TUNNELS];
} connection[THINGS];

void fake_reset(void)
{
	fake_told[0] = '\0';
	fake_attachment_error = fake_route_error = fake_tunnel_error = 0;
	tables = 0;
	memset(routes, 0, sizeof(routes));
	n_routes = 0;
	interfaces = 10;
	memset(table_used, 0, sizeof(table_used));
	memset(interface, 0, sizeof(interface));
	memset(tunnel, 0, sizeof(tunnel));
	memset(connection, 0, sizeof(connection));
	holds = 0;
}

uint32_t dataplane_route_lookup(struct dataplane *dp, uint32_t table, const struct addr *a)
{
	return nexthop(NEXTHOP_NEIGHBOUR, 0);
}

void dataplane_main_answers(struct dataplane *dp,
			    bool (*fn)(void *ctx, uint32_t tunnel, const uint8_t *ip, size_t len),
			    void *ctx)
{
}

struct dataplane_path fake_path;

int dataplane_explain(struct dataplane *dp, uint32_t table, const uint8_t *ip, size_t len,
		      struct dataplane_path *out)
{
	*out = fake_path;
	return 0;
}

const char *dataplane_nexthop_format(struct dataplane *dp, uint32_t nh, char *buf, size_t size)
{
	static const char *const kind[] = {
		[NEXTHOP_NONE] = "none",
		[NEXTHOP_DISCARD] = "discard",
		[NEXTHOP_LOCAL] = "local",
		[NEXTHOP_TABLE] = "table",
		[NEXTHOP_LINK] = "link",
		[NEXTHOP_NEIGHBOUR] = "neighbour",
		[NEXTHOP_CONNECTION] = "connection",
		[NEXTHOP_TUNNEL] = "tunnel",
	};

	snprintf(buf, size, "%s %u", kind[nexthop_kind(nh)], nexthop_index(nh));
	return buf;
}

int dataplane_table_add(struct dataplane *dp, uint32_t *table)
{
	*table = ++tables;
	assert_true(tables < THINGS);
	table_used[tables] = true;
	return 0;
}

int dataplane_table_delete(struct dataplane *dp, uint32_t table)
{
	assert_true(table_used[table]);
	table_used[table] = false;
	for (unsigned i = 0; i < n_routes; i++) {
		/* Nobody's way ends in nowhere. */
		if (routes[i].nh == nexthop(NEXTHOP_TABLE, table))
			fail_msg("table %u is deleted, but a route of table %u leads there", table,
				 routes[i].table);
		if (routes[i].table == table)
			routes[i].nh = 0;
	}
	return 0;
}

static uint32_t *route_at(uint32_t table, const struct prefix *p)
{
	unsigned i = 0;

	while (i < n_routes && (routes[i].table != table || !prefix_equal(&routes[i].prefix, p)))
		i++;
	if (i == n_routes && n_routes < ROUTES) {
		routes[n_routes].table = table;
		routes[n_routes++].prefix = *p;
	}
	return &routes[i].nh;
}

uint32_t dataplane_route_get(struct dataplane *dp, uint32_t table, const struct prefix *p)
{
	return *route_at(table, p);
}

int dataplane_bundle_hold(struct dataplane *dp, const uint32_t *tunnels, unsigned n, uint32_t *nh)
{
	uint32_t sum = 0;

	holds++;
	tell("hold");
	for (unsigned i = 0; i < n; i++) {
		tell(" %u", tunnels[i]);
		sum += 1u << tunnels[i];
	}
	tell("\n");
	*nh = nexthop(NEXTHOP_CONNECTION, NEXTHOP_BUNDLE | sum);
	return 0;
}

void dataplane_bundle_release(struct dataplane *dp, uint32_t nh)
{
	holds--;
	tell("release %u\n", nexthop_index(nh) & ~NEXTHOP_BUNDLE);
}

int dataplane_route_set(struct dataplane *dp, uint32_t table, const struct prefix *p, uint32_t nh)
{
	char prefix[PREFIX_STR_MAX], hop[32];

	if (fake_route_error)
		return fake_route_error;
	*route_at(table, p) = nh;
	tell("route %u %s %s\n", table, prefix_format(p, prefix),
	     dataplane_nexthop_format(dp, nh, hop, sizeof(hop)));
	return 0;
}

int dataplane_route_delete(struct dataplane *dp, uint32_t table, const struct prefix *p)
{
	char prefix[PREFIX_STR_MAX];

	*route_at(table, p) = nexthop(NEXTHOP_NONE, 0);
	tell("gone %u %s\n", table, prefix_format(p, prefix));
	return 0;
}

int dataplane_route_walk(struct dataplane *dp, uint32_t table,
			 void (*fn)(void *ctx, const struct prefix *p, uint32_t nh), void *ctx)
{
	struct prefix p;

	prefix_parse(&p, "203.0.113.0/24");
	fn(ctx, &p, nexthop(NEXTHOP_LINK, 0));
	return 0;
}

int dataplane_attachment_add(struct dataplane *dp, const struct dataplane_attachment *a,
			     uint32_t *index)
{
	for (unsigned i = 0; i < THINGS; i++)
		if (interface[i].used && interface[i].d.port == a->port &&
		    interface[i].d.encap == a->encap && interface[i].d.vni == a->vni &&
		    interface[i].d.vlan_id == a->vlan_id)
			return -EEXIST;
	*index = interfaces++;
	tell("attachment %u port %u vni %u table %u\n", *index, a->port, a->vni, a->table);
	if (fake_attachment_error)
		return fake_attachment_error;
	assert_true(*index < THINGS);
	interface[*index].used = true;
	interface[*index].d = *a;
	for (unsigned i = 0; i < a->n_addresses; i++) {
		struct prefix net = prefix_network(&a->address[i]);

		*route_at(a->table, &net) = nexthop(NEXTHOP_LINK, *index);
	}
	for (unsigned i = 0; i < a->n_addresses; i++) {
		struct prefix own = prefix_host(&a->address[i].addr);

		*route_at(a->table, &own) = nexthop(NEXTHOP_LOCAL, *index);
	}
	return 0;
}

static void delete_if(uint32_t table, const struct prefix *p, uint32_t nh)
{
	if (*route_at(table, p) == nh)
		*route_at(table, p) = 0;
}

int dataplane_attachment_delete(struct dataplane *dp, uint32_t index)
{
	const struct dataplane_attachment *a = &interface[index].d;

	assert_true(interface[index].used);
	interface[index].used = false;
	for (unsigned i = 0; i < a->n_addresses; i++) {
		struct prefix net = prefix_network(&a->address[i]);
		struct prefix own = prefix_host(&a->address[i].addr);

		delete_if(a->table, &net, nexthop(NEXTHOP_LINK, index));
		delete_if(a->table, &own, nexthop(NEXTHOP_LOCAL, index));
	}
	for (unsigned i = 0; i < n_routes; i++)
		if (routes[i].nh == nexthop(NEXTHOP_LINK, index))
			fail_msg("a route leads to interface %u, which is deleted", index);
	tell("no attachment %u\n", index);
	return 0;
}

int dataplane_underlay_set(struct dataplane *dp, const struct prefix *p,
			   const struct dataplane_way *way, unsigned n)
{
	char prefix[PREFIX_STR_MAX];

	tell("underlay %s %u\n", prefix_format(p, prefix), n);
	return 0;
}

int dataplane_underlay_delete(struct dataplane *dp, const struct prefix *p)
{
	char prefix[PREFIX_STR_MAX];

	tell("no underlay %s\n", prefix_format(p, prefix));
	return 0;
}

static void tunnel_routes(uint32_t index, bool set)
{
	const struct dataplane_tunnel *t = &tunnel[index].d;
	struct prefix local = prefix_host(&t->inner.addr), peer = prefix_host(&t->inner_peer);
	uint32_t to_local = nexthop(NEXTHOP_LOCAL, index | NEXTHOP_LOCAL_TUNNEL);
	uint32_t to_peer = nexthop(NEXTHOP_TUNNEL, index);

	if (set) {
		*route_at(t->table, &local) = to_local;
		*route_at(t->table, &peer) = to_peer;
	} else {
		delete_if(t->table, &local, to_local);
		delete_if(t->table, &peer, to_peer);
	}
}

int dataplane_vxlan_host_set(struct dataplane *dp, uint32_t index,
			     const struct dataplane_vxlan_host *host)
{
	char to[PREFIX_STR_MAX], vtep[ADDR_STR_MAX];

	tell("host %s of %u behind %s\n", prefix_format(&host->to, to), index,
	     addr_format(&host->vtep, vtep));
	return 0;
}

int dataplane_vxlan_host_delete(struct dataplane *dp, uint32_t index, const struct prefix *to)
{
	char text[PREFIX_STR_MAX];

	tell("no host %s of %u\n", prefix_format(to, text), index);
	return 0;
}

void dataplane_neighbour_walk(struct dataplane *dp,
			      void (*fn)(void *ctx, const struct dataplane_neighbour *n), void *ctx)
{
}

int dataplane_tunnel_add(struct dataplane *dp, uint32_t index, const struct dataplane_tunnel *t)
{
	char inner[PREFIX_STR_MAX], peer[ADDR_STR_MAX];

	if (fake_tunnel_error && index == fake_tunnel_refused)
		return fake_tunnel_error;
	assert_true(index < THINGS && !tunnel[index].used);
	tunnel[index].used = true;
	tunnel[index].d = *t;
	tunnel_routes(index, true);
	tell("tunnel %u table %u %s %s\n", index, t->table, prefix_format(&t->inner, inner),
	     addr_format(&t->inner_peer, peer));
	return 0;
}

int dataplane_tunnel_change(struct dataplane *dp, uint32_t index, const struct dataplane_tunnel *t)
{
	assert_true(tunnel[index].used && tunnel[index].d.table == t->table);
	tunnel_routes(index, false);
	tunnel[index].d = *t;
	tunnel_routes(index, true);
	tell("tunnel %u changed\n", index);
	return 0;
}

int dataplane_tunnel_delete(struct dataplane *dp, uint32_t index)
{
	assert_true(tunnel[index].used);
	for (unsigned i = 0; i < THINGS; i++)
		for (unsigned k = 0; k < connection[i].n; k++)
			assert_int_not_equal(connection[i].tunnel[k], index);
	tunnel_routes(index, false);
	tunnel[index].used = false;
	for (unsigned i = 0; i < n_routes; i++)
		if (routes[i].nh == nexthop(NEXTHOP_TUNNEL, index))
			fail_msg("a route leads to tunnel %u, which is deleted", index);
	tell("no tunnel %u\n", index);
	return 0;
}

bool dataplane_tunnel_gone(struct dataplane *dp, uint32_t index)
{
	return index >= THINGS || !tunnel[index].used;
}

int dataplane_tunnel_state(struct dataplane *dp, uint32_t index, bool up)
{
	tell("tunnel %u %s\n", index, up ? "up" : "down");
	return 0;
}

int dataplane_connection_set(struct dataplane *dp, uint32_t index, const uint32_t *tunnels,
			     unsigned n)
{
	tell("connection %u:", index);
	connection[index].n = n;
	for (unsigned i = 0; i < n; i++) {
		tell(" %u", tunnels[i]);
		assert_true(tunnel[tunnels[i]].used);
		connection[index].tunnel[i] = tunnels[i];
	}
	tell("\n");
	return 0;
}

unsigned fake_routes(uint32_t table, struct fake_route *out, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_routes; i++)
		if (routes[i].table == table && routes[i].nh != 0) {
			assert_true(n < max);
			out[n++] = (struct fake_route){ routes[i].prefix, routes[i].nh };
		}
	return n;
}

const struct dataplane_attachment *fake_interface(uint32_t index)
{
	return index < THINGS && interface[index].used ? &interface[index].d : NULL;
}

const struct dataplane_tunnel *fake_tunnel(uint32_t index)
{
	return index < THINGS && tunnel[index].used ? &tunnel[index].d : NULL;
}

unsigned fake_connection(uint32_t index, const uint32_t **tunnels)
{
	*tunnels = connection[index].tunnel;
	return connection[index].n;
}

void fake_count(struct fake_count *out)
{
	*out = (struct fake_count){ .holds = holds };
	for (unsigned i = 0; i < THINGS; i++) {
		out->tables += table_used[i];
		out->interfaces += interface[i].used;
		out->tunnels += tunnel[i].used;
		out->connections += connection[i].n > 0;
	}
	for (unsigned i = 0; i < n_routes; i++)
		out->routes += routes[i].nh != 0;
}

int dataplane_tunnel_stats(struct dataplane *dp, uint32_t index, struct dataplane_tunnel_stats *out)
{
	*out = fake_tunnel_stats;
	return 0;
}

void dataplane_main_register(struct dataplane *dp, const struct dataplane_main_ops *ops, void *ctx)
{
	fake_main_ops = ops;
	fake_main_ctx = ctx;
}

int dataplane_send_inner(struct dataplane *dp, uint32_t index, const uint8_t *ip, size_t len)
{
	fake_sent_tunnel = index;
	fake_sent_len = len;
	memcpy(fake_sent, ip, len < sizeof(fake_sent) ? len : sizeof(fake_sent));
	return fake_send_error;
}

unsigned dataplane_workers(struct dataplane *dp)
{
	return 2;
}

int dataplane_worker_stats(struct dataplane *dp, unsigned worker,
			   struct dataplane_worker_stats *out)
{
	*out = fake_worker_stats[worker];
	return 0;
}

unsigned dataplane_ring_stats(struct dataplane *dp, unsigned worker,
			      struct dataplane_ring_stats out[DATAPLANE_RINGS])
{
	out[0] = (struct dataplane_ring_stats){ "handover", 17 + worker, 1024 };
	return 1;
}

void dataplane_buffers(struct dataplane *dp, uint32_t *available, uint32_t *all)
{
	*available = 1000;
	*all = 1024;
}

unsigned dataplane_ports(struct dataplane *dp)
{
	return 1;
}

int dataplane_port_stats(struct dataplane *dp, unsigned port, struct dataplane_port_stats *out)
{
	*out = fake_port_stats;
	return 0;
}

const char *dataplane_summary(struct dataplane *dp)
{
	return "a fake one";
}

const char *dataplane_engine(struct dataplane *dp, bool *fast)
{
	if (fast)
		*fast = true;
	return "IPsec-MB 0.0 AVX2, own AES-GCM with VAES on 256 bits";
}

#define NAME(name, key, ...) key,
const char *worker_ring_name(enum worker_ring r)
{
	static const char *const names[] = { WORKER_RINGS(NAME) };

	return names[r];
}

const char *worker_phase_name(enum worker_phase p)
{
	static const char *const names[] = { WORKER_PHASES(NAME) };

	return names[p];
}

const char *drop_reason_name(enum drop_reason r)
{
	static const char *const names[] = { DROP_REASONS(NAME) };

	return names[r];
}
#undef NAME

#define TEXT(name, key, text) text,
const char *drop_reason_text(enum drop_reason r)
{
	static const char *const texts[] = { DROP_REASONS(TEXT) };

	return texts[r];
}
#undef TEXT
