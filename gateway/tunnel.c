#include "gateway/tunnel.h"

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
	size_t n = 0;

	if (!t)
		return -ENOMEM;
	for (unsigned i = 0; i < c->n_connections; i++)
		n += c->connection[i].n_tunnels;
	t->v = calloc(n ? n : 1, sizeof(*t->v));
	t->first = calloc(c->n_connections ? c->n_connections : 1, sizeof(*t->first));
	if (!t->v || !t->first) {
		tunnels_free(t);
		return -ENOMEM;
	}
	t->dp = dp;
	t->conf = c;
	for (unsigned i = 0; i < c->n_connections; i++) {
		const struct conf_vpn_connection *connection = &c->connection[i];

		t->first[i] = t->n;
		for (unsigned k = 0; k < connection->n_tunnels; k++) {
			const struct conf_tunnel *conf = &connection->tunnel[k];

			t->v[t->n++] = (struct tunnel){
				.conf = conf,
				.connection = connection,
				.connection_index = i,
				.enabled = conf->enabled,
				.reason = conf->enabled ? IKE_REASON_NEGOTIATING
							: IKE_REASON_DISABLED,
				.since = now,
			};
		}
	}
	*out = t;
	return 0;
}

void tunnels_free(struct tunnels *t)
{
	if (!t)
		return;
	free(t->v);
	free(t->first);
	free(t);
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

	if (index >= t->n)
		return;
	tunnel = &t->v[index];
	changed = tunnel->up != up;
	news = changed || tunnel->reason != reason;
	lasted = now - tunnel->since;
	tunnel->up = up;
	tunnel->reason = reason;
	/* A text that only repeats the reason tells nothing. */
	snprintf(tunnel->text, sizeof(tunnel->text), "%s",
		 strcmp(text, tunnel_reason(reason)) == 0 ? "" : text);
	if (changed) {
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

int64_t tunnels_find(const struct tunnels *t, const char *name)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].conf->name, name) == 0)
			return i;
	return -1;
}

void tunnels_count(const struct tunnels *t, uint32_t connection, unsigned *all, unsigned *up)
{
	*all = t->conf->connection[connection].n_tunnels;
	*up = 0;
	for (uint32_t i = 0; i < *all; i++)
		*up += t->v[t->first[connection] + i].up;
}

const char *tunnels_name(const struct tunnels *t, uint32_t index)
{
	return index < t->n ? t->v[index].conf->name : NULL;
}
