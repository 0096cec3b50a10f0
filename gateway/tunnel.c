#include "gateway/tunnel.h"

#include "conf/number.h"
#include "gateway/event.h"
#include "gateway/format.h"
#include "gateway/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tunnels_new(struct tunnels **out, struct dataplane *dp, const struct conf *c, uint64_t now)
{
	struct tunnels *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->dp = dp;
	if (tunnels_reserve(t, c) < 0) {
		tunnels_free(t);
		return -ENOMEM;
	}
	tunnels_update(t, c, now);
	*out = t;
	return 0;
}

void tunnels_free(struct tunnels *t)
{
	if (!t)
		return;
	free(t->v);
	free(t);
}

int tunnels_reserve(struct tunnels *t, const struct conf *c)
{
	uint32_t n = conf_numbers(c, CONF_TUNNEL);
	struct tunnel *v;

	if (t->v && n <= t->room)
		return 0;
	v = reallocarray(t->v, n + 1u, sizeof(*v));
	if (!v)
		return -ENOMEM;
	memset(v + t->room, 0, (n + 1u - t->room) * sizeof(*v));
	t->v = v;
	t->room = n + 1u;
	return 0;
}

void tunnels_update(struct tunnels *t, const struct conf *c, uint64_t now)
{
	uint32_t n = conf_numbers(c, CONF_TUNNEL);

	t->conf = c;
	t->count = 0;
	for (uint32_t i = 0; i < n || i < t->n; i++) {
		const struct conf_tunnel *conf = conf_tunnel_at(c, i);
		struct tunnel *tunnel = &t->v[i];

		if (!conf) {
			*tunnel = (struct tunnel){ 0 };
			continue;
		}
		if (!tunnel->conf)
			*tunnel = (struct tunnel){
				.enabled = conf->enabled,
				.reason = conf->enabled ? IKE_REASON_NEGOTIATING
							: IKE_REASON_DISABLED,
				.since = now,
			};
		tunnel->conf = conf;
		tunnel->connection = conf_tunnel_connection(c, i);
		tunnel->connection_index = tunnel->connection->id;
		t->count++;
	}
	t->n = n;
}

uint32_t tunnels_next(const struct tunnels *t, uint32_t from)
{
	while (from < t->n && !t->v[from].conf)
		from++;
	return from;
}

struct tunnel *tunnels_get(const struct tunnels *t, uint32_t index)
{
	return index < t->n && t->v[index].conf ? &t->v[index] : NULL;
}

const char *tunnel_reason(enum ike_reason reason)
{
	static const char *const words[IKE_REASON_COUNT] = {
		[IKE_REASON_NONE] = "none",
		[IKE_REASON_NEGOTIATING] = "negotiating",
		[IKE_REASON_DISABLED] = "disabled",
		[IKE_REASON_WAITING] = "waiting for the peer",
		[IKE_REASON_NO_ANSWER] = "no answer",
		[IKE_REASON_NO_PROPOSAL] = "no proposal chosen",
		[IKE_REASON_AUTH_FAILED] = "authentication failed",
		[IKE_REASON_TS_UNACCEPTABLE] = "traffic selectors unacceptable",
		[IKE_REASON_DPD_TIMEOUT] = "dead peer (DPD timeout)",
		[IKE_REASON_PEER_DELETED] = "deleted by the peer",
		[IKE_REASON_PEER_ERROR] = "the peer reports an error",
		[IKE_REASON_VERSION] = "the peer speaks another version of IKE",
		[IKE_REASON_LIFETIME] = "lifetime ended",
		[IKE_REASON_NO_RESOURCES] = "no resources left here",
	};

	return reason < IKE_REASON_COUNT ? words[reason] : "unknown";
}

static void publish(struct tunnels *t, uint32_t index)
{
	int rc = dataplane_tunnel_state(t->dp, index, t->v[index].up);

	if (rc < 0)
		log_error("tunnel", t->v[index].conf->name,
			  "the dataplane refused the tunnel's state: %s", strerror(-rc));
}

static void tell_change(const struct tunnel *t, bool changed, uint64_t lasted)
{
	const char *words = tunnel_reason(t->reason), *code = ike_reason_name(t->reason);
	const char *colon = t->text[0] ? ": " : "";
	char buf[FORMAT_NUMBER_MAX];

	if (t->up && changed)
		event_publish(EVENT_TUNNEL_UP, t->conf->name, NULL, "UP%s%s", colon, t->text);
	else if (changed)
		event_publish(EVENT_TUNNEL_DOWN, t->conf->name, code, "DOWN after %s: %s%s%s",
			      format_age(lasted, buf), words, colon, t->text);
	else if (t->up)
		log_debug("tunnel", t->conf->name, "still UP%s%s", colon, t->text);
	else
		event_publish(EVENT_TUNNEL_REASON, t->conf->name, code, "still DOWN: %s%s%s", words,
			      colon, t->text);
}

void tunnels_state(struct tunnels *t, uint64_t now, uint32_t index, bool up, enum ike_reason reason,
		   const char *text)
{
	struct tunnel *tunnel;
	bool changed, news;
	uint64_t lasted;

	tunnel = tunnels_get(t, index);
	if (!tunnel)
		return;
	changed = tunnel->up != up;
	news = changed || tunnel->reason != reason;
	lasted = now - tunnel->since;
	tunnel->up = up;
	tunnel->reason = reason;
	/* A text that only repeats the reason tells nothing. */
	snprintf(tunnel->text, sizeof(tunnel->text), "%s",
		 strcmp(text, tunnel_reason(reason)) == 0 ? "" : text);
	if (changed) {
		tunnel->draining = false;
		tunnel->since = now;
		if (up)
			tunnel->ups++;
		else
			tunnel->downs++;
		publish(t, index);
	}
	if (news && !t->quiet)
		tell_change(tunnel, changed, lasted);
}

void tunnels_rekeyed(struct tunnels *t, uint32_t index, bool ike)
{
	if (!tunnels_get(t, index))
		return;
	if (ike)
		t->v[index].ike_rekeys++;
	else
		t->v[index].child_rekeys++;
	event_publish(ike ? EVENT_IKE_REKEYED : EVENT_CHILD_REKEYED, t->v[index].conf->name, NULL,
		      "%s", "");
}

int64_t tunnels_find(const struct tunnels *t, const char *name)
{
	for (uint32_t i = tunnels_next(t, 0); i < t->n; i = tunnels_next(t, i + 1))
		if (strcmp(t->v[i].conf->name, name) == 0)
			return i;
	return -1;
}

void tunnels_count(const struct tunnels *t, uint32_t connection, unsigned *all, unsigned *up)
{
	const struct conf_vpn_connection *c = conf_connection_at(t->conf, connection);

	*all = c ? c->n_tunnels : 0;
	*up = 0;
	for (uint32_t i = 0; i < *all; i++)
		*up += t->v[c->tunnel[i].id].up;
}

bool tunnels_usable(const struct tunnels *t, uint32_t connection)
{
	const struct conf_vpn_connection *c = conf_connection_at(t->conf, connection);

	for (unsigned i = 0; c && i < c->n_tunnels; i++) {
		const struct tunnel *m = &t->v[c->tunnel[i].id];
		bool demand = m->enabled && m->conf->start == CONF_START_ON_DEMAND;

		if (!m->draining && (m->up || demand))
			return true;
	}
	return false;
}

const char *tunnels_name(const struct tunnels *t, uint32_t index)
{
	const struct tunnel *tunnel = tunnels_get(t, index);

	return tunnel ? tunnel->conf->name : NULL;
}
