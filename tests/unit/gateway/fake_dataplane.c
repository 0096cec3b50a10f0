#include "tests/unit/gateway/fake_dataplane.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char fake_told[16384];
struct dataplane_tunnel_stats fake_tunnel_stats;
struct dataplane_worker_stats fake_worker_stats[3];
struct dataplane_port_stats fake_port_stats;
int fake_attachment_error;
const struct dataplane_main_ops *fake_main_ops;
void *fake_main_ctx;
uint8_t fake_sent[2048];
size_t fake_sent_len;
uint32_t fake_sent_tunnel;
int fake_send_error;

static uint32_t tables, interfaces;

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *fmt, ...)
{
	size_t n = strlen(fake_told);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fake_told + n, sizeof(fake_told) - n, fmt, ap);
	va_end(ap);
}

#define ROUTES 256
static struct {
	uint32_t table, nh;
	struct prefix prefix;
} routes[ROUTES];
static unsigned n_routes;

void fake_reset(void)
{
	fake_told[0] = '\0';
	fake_attachment_error = 0;
	tables = 0;
	memset(routes, 0, sizeof(routes));
	n_routes = 0;
	interfaces = 10;
}

uint32_t dataplane_route_lookup(struct dataplane *dp, uint32_t table, const struct addr *a)
{
	return nexthop(NEXTHOP_NEIGHBOUR, 0);
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
	tell("release %u\n", nexthop_index(nh) & ~NEXTHOP_BUNDLE);
}

int dataplane_route_set(struct dataplane *dp, uint32_t table, const struct prefix *p, uint32_t nh)
{
	char prefix[PREFIX_STR_MAX], hop[32];

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
			     uint32_t *interface)
{
	*interface = interfaces++;
	tell("attachment %u port %u vni %u table %u\n", *interface, a->port, a->vni, a->table);
	return fake_attachment_error;
}

int dataplane_tunnel_add(struct dataplane *dp, uint32_t tunnel, const struct dataplane_tunnel *t)
{
	char inner[PREFIX_STR_MAX], peer[ADDR_STR_MAX];

	tell("tunnel %u table %u %s %s\n", tunnel, t->table, prefix_format(&t->inner, inner),
	     addr_format(&t->inner_peer, peer));
	return 0;
}

int dataplane_tunnel_state(struct dataplane *dp, uint32_t tunnel, bool up)
{
	tell("tunnel %u %s\n", tunnel, up ? "up" : "down");
	return 0;
}

int dataplane_connection_set(struct dataplane *dp, uint32_t connection, const uint32_t *tunnels,
			     unsigned n)
{
	tell("connection %u:", connection);
	for (unsigned i = 0; i < n; i++)
		tell(" %u", tunnels[i]);
	tell("\n");
	return 0;
}

int dataplane_tunnel_stats(struct dataplane *dp, uint32_t tunnel,
			   struct dataplane_tunnel_stats *out)
{
	*out = fake_tunnel_stats;
	return 0;
}

void dataplane_main_register(struct dataplane *dp, const struct dataplane_main_ops *ops, void *ctx)
{
	fake_main_ops = ops;
	fake_main_ctx = ctx;
}

int dataplane_send_inner(struct dataplane *dp, uint32_t tunnel, const uint8_t *ip, size_t len)
{
	fake_sent_tunnel = tunnel;
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

#define NAME(name, key, ...) key,
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
