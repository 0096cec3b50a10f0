/* What happens, told once: each event is a line of the log, a count, and a call to whoever
 * subscribed (operators who monitor, the metrics).
 *
 * One bus for the process; main thread only. What other threads notice reaches main by their own
 * channels. Publishing never waits and never fails. A subscriber is called in the order in which
 * it subscribed, must not publish, and may only take itself away, not others; one that writes to
 * somebody slow keeps a bounded queue of its own: `sequence` has no gaps, so that whoever misses
 * some can tell. Texts are free of secrets. */
#ifndef GATEWAY_EVENT_H
#define GATEWAY_EVENT_H

#include "gateway/log.h"

#include <stdint.h>
#include <stdio.h>

/* _(NAME, "name", level in the log, "part of the program", "what it means, for an operator")
 * The object is the tunnel unless it says otherwise. */
#define EVENT_KINDS(_)                                                                          \
	_(TUNNEL_UP, "tunnel-up", LOG_INFO, "tunnel", "an ESP SA pair is installed")            \
	_(TUNNEL_DOWN, "tunnel-down", LOG_WARNING, "tunnel", "no ESP SA pair is left")          \
	_(TUNNEL_REASON, "tunnel-reason", LOG_INFO, "tunnel", "still DOWN, for another reason") \
	_(TUNNEL_ENABLED, "tunnel-enabled", LOG_INFO, "tunnel", "an operator enabled it")       \
	_(TUNNEL_DISABLED, "tunnel-disabled", LOG_INFO, "tunnel", "an operator disabled it")    \
	_(TUNNEL_DRAIN, "tunnel-drain", LOG_INFO, "tunnel", "an operator drains it")            \
	_(TUNNEL_UNDRAIN, "tunnel-undrain", LOG_INFO, "tunnel", "an operator called that off")  \
	_(CHILD_REKEYED, "child-rekeyed", LOG_DEBUG, "ike", "a new ESP SA pair took over")      \
	_(IKE_REKEYED, "ike-rekeyed", LOG_DEBUG, "ike", "a new IKE SA took over")               \
	_(LIMITED, "limited", LOG_INFO, "tunnel", "packets beyond its bandwidth are dropped")   \
	_(UNLIMITED, "unlimited", LOG_INFO, "tunnel", "traffic is within its bandwidth again")  \
	_(PROBE_LOST, "probe-lost", LOG_WARNING, "probe", "the inner peer answers no probe")    \
	_(PROBE_BACK, "probe-back", LOG_INFO, "probe", "the inner peer answers probes again")   \
	_(BGP_UP, "bgp-up", LOG_INFO, "bgp", "its BGP session is established")                  \
	_(BGP_DOWN, "bgp-down", LOG_WARNING, "bgp", "its BGP session is down")                  \
	_(BGP_ERROR, "bgp-error", LOG_INFO, "bgp", "its BGP session does not come up")          \
	_(QUOTA, "quota", LOG_WARNING, "bgp", "a border gateway refuses routes: quota is full") \
	_(QUOTA_OVER, "quota-over", LOG_INFO, "bgp", "a border gateway's routes fit again")     \
	_(STALE, "stale", LOG_WARNING, "bgp",                                                   \
	  "a border gateway's routes are as old as BIRD's loss")                                \
	_(CURRENT, "current", LOG_INFO, "bgp", "a border gateway's routes are current again")   \
	_(LINK_UP, "link-up", LOG_INFO, "port", "a port has link")                              \
	_(LINK_DOWN, "link-down", LOG_WARNING, "port", "a port lost its link")                  \
	_(WORKER_STUCK, "worker-stuck", LOG_ERROR, "dataplane",                                 \
	  "a worker has not turned for two seconds: its packets and tunnels stand still")       \
	_(WORKER_BACK, "worker-back", LOG_WARNING, "dataplane", "a stuck worker turns again")   \
	_(CONFIG_CHANGED, "config-changed", LOG_INFO, "config",                                 \
	  "an object was created, changed or deleted")                                          \
	_(CONFIG_REFUSED, "config-refused", LOG_WARNING, "config",                              \
	  "a change was refused, nothing changed")                                              \
	_(CONFIG_SAVED, "config-saved", LOG_INFO, "config", "the running configuration was written")

enum event_kind {
#define EVENT_KIND_ENUM(name, ...) EVENT_##name,
	EVENT_KINDS(EVENT_KIND_ENUM)
#undef EVENT_KIND_ENUM
		EVENT_KIND_COUNT
};

const char *event_kind_name(enum event_kind k); /* "tunnel-up" */
const char *event_kind_text(enum event_kind k);

struct event_notice { /* valid during the call */
	enum event_kind kind;
	uint64_t sequence; /* 1, 2, ... since the start */
	uint64_t time;	   /* Unix time in microseconds */
	const char *object;
	const char *reason; /* a code ("no-answer") or NULL */
	const char *text;   /* for a person, may have several lines; "" if all is said */
};

/* object: its name; NULL: the gateway itself. */
void event_publish(enum event_kind kind, const char *object, const char *reason, const char *fmt,
		   ...) __attribute__((format(printf, 4, 5)));

/* Owned by the subscriber; must be zeroed but for fn and ctx before the first time. */
struct event_subscriber {
	void (*fn)(void *ctx, const struct event_notice *e);
	void *ctx;
	struct event_subscriber *next;
};
void event_subscribe(struct event_subscriber *s);
void event_unsubscribe(struct event_subscriber *s); /* one that is not subscribed is fine */

uint64_t event_count(enum event_kind k); /* since the start */

/* One line, newline included. JSON: {"sequence":1,"time":"2026-11-22T11:28:19.123Z",
 * "event":"tunnel-down","level":"warning","part":"tunnel","object":"dc1-1","reason":"no-answer",
 * "text":"..."}; object and reason may be null. Text: as in the log. */
void event_write_json(const struct event_notice *e, FILE *out);
void event_write_text(const struct event_notice *e, FILE *out);

#endif
