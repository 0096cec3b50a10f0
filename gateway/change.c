#include "gateway/change.h"

#include "conf/number.h"
#include "gateway/clock.h"
#include "gateway/event.h"
#include "gateway/gateway.h"
#include "gateway/log.h"
#include "gateway/prober.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_US (20 * 1000)

struct change {
	/* Removed tunnels that routes lead to still. */
	uint32_t *gone;
	size_t n_gone;
	struct event *timer;
};

static int refuse(char *error, size_t size, const char *object)
{
	snprintf(error, size, "%s: needs a restart", object);
	return -ENOTSUP;
}

/* ---- what only a restart changes --------------------------------------------------------- */

static bool same_port(const struct conf_port *a, const struct conf_port *b)
{
	if (strcmp(a->name, b->name) != 0 || strcmp(a->device, b->device) != 0 ||
	    a->n_addresses != b->n_addresses || !addr_equal(&a->next_hop, &b->next_hop) ||
	    !addr_equal(&a->next_hop6, &b->next_hop6) || a->mtu != b->mtu || a->queues != b->queues)
		return false;
	for (unsigned i = 0; i < a->n_addresses; i++)
		if (!prefix_equal(&a->address[i], &b->address[i]))
			return false;
	return true;
}

static bool same_workers(const struct conf_workers *a, const struct conf_workers *b)
{
	return a->n == b->n && memcmp(a->lcore, b->lcore, a->n * sizeof(*a->lcore)) == 0 &&
	       a->idle_nap == b->idle_nap && a->hugepages == b->hugepages &&
	       a->memory_mb == b->memory_mb;
}

static bool same_bird(const struct conf_bird *a, const struct conf_bird *b)
{
	return strcmp(a->program, b->program) == 0 && strcmp(a->user, b->user) == 0 &&
	       strcmp(a->group, b->group) == 0 && a->silence == b->silence &&
	       strcmp(a->attach, b->attach) == 0 && strcmp(a->netns, b->netns) == 0 &&
	       strcmp(a->run_dir, b->run_dir) == 0;
}

static int check_restart(const struct conf *a, const struct conf *b, char *error, size_t size)
{
	char object[CONF_NAME_BYTES + 16];

	if (!same_workers(&a->workers, &b->workers))
		return refuse(error, size, "workers");
	if (a->n_ports != b->n_ports)
		return refuse(error, size, "ports");
	for (unsigned i = 0; i < a->n_ports; i++) {
		snprintf(object, sizeof(object), "port '%s'", b->port[i].name);
		if (!same_port(&a->port[i], &b->port[i]))
			return refuse(error, size, object);
	}
	if (!same_bird(&a->bird, &b->bird))
		return refuse(error, size, "bird");
	if (strcmp(a->control_socket, b->control_socket) != 0)
		return refuse(error, size, "control_socket");
	if (strcmp(a->key_export, b->key_export) != 0)
		return refuse(error, size, "key_export");
	if (a->metrics.listen.port != b->metrics.listen.port ||
	    !addr_equal(&a->metrics.listen.addr, &b->metrics.listen.addr))
		return refuse(error, size, "metrics");
	return 0;
}

/* ---- what is negotiated ------------------------------------------------------------------ */

static bool same_secret(const struct secret *a, const struct secret *b)
{
	if (!a || !b)
		return a == b;
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool same_id(const struct conf_id *a, const struct conf_id *b)
{
	return a->type == b->type && a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool same_list(const struct algo_list *a, const struct algo_list *b)
{
	return a->n == b->n && memcmp(a->id, b->id, a->n * sizeof(a->id[0])) == 0;
}

static bool same_prefixes(const struct prefix *a, unsigned n, const struct prefix *b, unsigned m)
{
	return n == m && memcmp(a, b, n * sizeof(*a)) == 0;
}

/* To the IKE engine. What it is not asked about is BGP's or the dataplane's alone. */
static bool same_negotiated(const struct conf_tunnel *a, const struct conf_tunnel *b)
{
	return same_secret(a->psk, b->psk) && same_id(&a->local_id, &b->local_id) &&
	       same_id(&a->remote_id, &b->remote_id) && a->ike_version == b->ike_version &&
	       a->ike_mode == b->ike_mode && same_list(&a->ike_cipher, &b->ike_cipher) &&
	       same_list(&a->ike_auth, &b->ike_auth) && same_list(&a->ike_dh, &b->ike_dh) &&
	       a->ike_lifetime == b->ike_lifetime && a->dpd == b->dpd &&
	       a->ike_fragment == b->ike_fragment && same_list(&a->esp_cipher, &b->esp_cipher) &&
	       same_list(&a->esp_auth, &b->esp_auth) && same_list(&a->esp_pfs, &b->esp_pfs) &&
	       a->esp_lifetime == b->esp_lifetime &&
	       a->esp_lifetime_packets == b->esp_lifetime_packets &&
	       a->esp_lifetime_bytes == b->esp_lifetime_bytes &&
	       a->esp_sha256_96 == b->esp_sha256_96 && a->verify_pfs == b->verify_pfs &&
	       a->child_per_pair == b->child_per_pair && same_secret(a->ppk, b->ppk) &&
	       strcmp(a->ppk_id, b->ppk_id) == 0 && a->ppk_required == b->ppk_required &&
	       a->start == b->start && a->replay_window == b->replay_window && a->esn == b->esn &&
	       a->force_udp == b->force_udp &&
	       same_prefixes(a->ts_local, a->n_ts_local, b->ts_local, b->n_ts_local) &&
	       same_prefixes(a->ts_remote, a->n_ts_remote, b->ts_remote, b->n_ts_remote);
}

/* ---- BGP and its places ------------------------------------------------------------------ */

static bool any_bgp(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_connections; i++)
		if (c->connection[i].bgp)
			return true;
	return false;
}

/* Whatever there was before is updated to the model; the first BGP makes what it needs. */
static int change_routing(struct gateway *g, const struct conf *c, char *error, size_t size)
{
	struct bgp_setup setup = { .base = g->base,
				   .conf = c,
				   .dp = g->dp,
				   .applied = g->applied,
				   .tunnels = g->tunnels,
				   .user = &g->bird_user };
	char why[512];
	int rc = 0;

	if (g->exception)
		rc = exception_update(g->exception, c, why, sizeof(why));
	else if (any_bgp(c))
		rc = exception_new(&g->exception, g->base, g->dp, c, why, sizeof(why));
	setup.exception = g->exception;
	if (rc == 0 && g->bgp)
		rc = bgp_update(g->bgp, c, why, sizeof(why));
	else if (rc == 0 && any_bgp(c))
		rc = bgp_new(&g->bgp, &setup, why, sizeof(why));
	if (rc < 0)
		snprintf(error, size, "%s", why);
	return rc;
}

/* ---- all of it --------------------------------------------------------------------------- */

static void leave_at_once(void *ctx, uint32_t tunnel)
{
	struct gateway *g = ctx;

	change_removed(g, tunnel); /* it never had an SA */
}

/* What runs needs nothing new to be itself again. Each part is told, whatever becomes of the
 * others: the refused model is freed next. */
static void roll_back(struct gateway *g)
{
	char error[512];

	if (g->exception && exception_update(g->exception, g->conf, error, sizeof(error)) < 0)
		log_error("config", NULL, "after a refused change: %s", error);
	if (g->bgp && bgp_update(g->bgp, g->conf, error, sizeof(error)) < 0)
		log_error("config", NULL, "after a refused change: %s", error);
	if (apply_change(g->applied, g->conf, error, sizeof(error)) < 0)
		log_error("config", NULL, "after a refused change: %s", error);
	apply_clean(g->applied, g->conf, leave_at_once, g);
	for (uint32_t i = 0; i < conf_numbers(g->conf, CONF_TUNNEL); i++)
		apply_tunnel_changed(g->applied, i);
}

static bool is_reserved(void *ctx, enum conf_kind kind, uint32_t id)
{
	const struct gateway *g = ctx;

	return apply_is_reserved(g->applied, kind, id);
}

static int prepare(struct gateway *g, struct conf *c, char *error, size_t size)
{
	const struct conf_reserved reserved = { g, is_reserved };
	int rc;

	if (g->stopping) {
		snprintf(error, size, "the gateway is stopping");
		return -ECANCELED;
	}
	rc = check_restart(g->conf, c, error, size);
	if (rc < 0)
		return rc;
	rc = conf_number(c, g->conf, &reserved);
	if (rc == 0)
		rc = tunnels_reserve(g->tunnels, c);
	if (rc < 0)
		snprintf(error, size, "out of memory");
	return rc;
}

struct leaving {
	struct gateway *gateway;
	struct change_report *report;
};

static void leave(void *ctx, uint32_t tunnel)
{
	struct leaving *l = ctx;

	l->report->removed++;
	if (negotiator_remove(l->gateway->negotiator, tunnel) < 0)
		log_error("config", NULL, "out of memory: a deleted tunnel's SAs stay");
}

/* The engine hears of one tunnel: nothing, if nothing of its own is different. */
static int tell_engine(struct gateway *g, uint32_t id, const struct conf_tunnel *old,
		       const struct conf_tunnel *now, struct change_report *report)
{
	struct tunnel *t = tunnels_get(g->tunnels, id);
	bool settings = apply_tunnel_changed(g->applied, id), switched;
	int rc = 0;

	if (!old) {
		report->added++;
		return negotiator_add(g->negotiator, id, now);
	}
	switched = old->enabled != now->enabled && t->enabled != now->enabled;
	if (switched)
		t->enabled = now->enabled;
	if (!same_negotiated(old, now)) {
		struct conf_tunnel copy = *now; /* borrowed secrets; an operator's word holds */

		copy.enabled = t->enabled;
		report->rebuilt++;
		rc = negotiator_change(g->negotiator, id, &copy);
	} else if (switched) {
		report->changed++;
		rc = negotiator_enable(g->negotiator, id, now->enabled);
	}
	if (rc == 0 && settings) {
		report->changed++;
		rc = negotiator_refresh(g->negotiator, id);
	}
	return rc;
}

/* Nothing fails from here on but for want of memory. Those that go come first: what is new may have
 * their addresses. */
static void commit(struct gateway *g, struct conf *c, struct change_report *report)
{
	struct leaving l = { g, report };
	struct conf *old = g->conf;

	tunnels_update(g->tunnels, c, clock_now());
	apply_clean(g->applied, c, leave, &l);
	for (uint32_t i = tunnels_next(g->tunnels, 0); i < g->tunnels->n;
	     i = tunnels_next(g->tunnels, i + 1))
		if (tell_engine(g, i, conf_tunnel_at(old, i), conf_tunnel_at(c, i), report) < 0)
			log_error("config", tunnels_name(g->tunnels, i),
				  "out of memory: the IKE engine was not told");
	for (unsigned i = 0; i < c->n_connections; i++)
		gateway_usable(g, c->connection[i].id);
	if (g->prober)
		prober_update(g->prober);
	if (c->log.format != old->log.format || c->log.target != old->log.target ||
	    c->log.level != old->log.level)
		log_configure(&c->log);
	g->conf = c;
	conf_free(old);
	gateway_flush(g);
}

int change_apply(struct gateway *g, struct conf *c, struct change_report *report, char *error,
		 size_t error_size)
{
	uint64_t begin = clock_now();
	int rc;

	*report = (struct change_report){ 0 };
	snprintf(error, error_size, "failed");
	rc = prepare(g, c, error, error_size);
	if (rc < 0)
		return rc;
	rc = apply_change(g->applied, c, error, error_size);
	if (rc == 0)
		rc = change_routing(g, c, error, error_size);
	if (rc < 0) {
		roll_back(g);
		return rc;
	}
	commit(g, c, report);
	report->micros = clock_now() - begin;
	event_publish(EVENT_CONFIG_CHANGED, NULL, NULL,
		      "tunnels: %u added, %u removed, %u rebuilt, %u changed, in %.1f ms",
		      report->added, report->removed, report->rebuilt, report->changed,
		      (double)report->micros / 1e3);
	return 0;
}

/* ---- what goes later --------------------------------------------------------------------- */

static void arm(struct change *x)
{
	struct timeval tv = { .tv_usec = RETRY_US };

	evtimer_add(x->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct gateway *g = ctx;
	struct change *x = g->change;
	size_t n = 0;

	for (size_t i = 0; i < x->n_gone; i++)
		if (apply_tunnel_gone(g->applied, x->gone[i]) == -EBUSY)
			x->gone[n++] = x->gone[i];
	x->n_gone = n;
	if (n > 0)
		arm(x);
}

void change_removed(struct gateway *g, uint32_t tunnel)
{
	struct change *x = g->change;
	uint32_t *v;

	if (apply_tunnel_gone(g->applied, tunnel) != -EBUSY)
		return;
	v = reallocarray(x->gone, x->n_gone + 1, sizeof(*v));
	if (!v)
		return; /* its number is never free again */
	x->gone = v;
	x->gone[x->n_gone++] = tunnel;
	arm(x);
}

int change_new(struct gateway *g)
{
	struct change *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	g->change = x;
	x->timer = evtimer_new(g->base, on_timer, g);
	return x->timer ? 0 : -ENOMEM;
}

void change_free(struct gateway *g)
{
	if (!g->change)
		return;
	if (g->change->timer)
		event_free(g->change->timer);
	free(g->change->gone);
	free(g->change);
	g->change = NULL;
}
