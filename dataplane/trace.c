#include "dataplane/trace.h"

#include "dataplane/core.h"
#include "dataplane/trace_log.h"
#include "dataplane/watch.h"

#include <errno.h>
#include <stdlib.h>

struct trace {
	unsigned max, n_workers;
	struct trace_log *log[CONF_WORKERS_MAX];
};

static const char *const event_names[TRACE_EVENT_COUNT] = {
#define TRACE_EVENT_NAME(id, name) [TRACE_##id] = name,
	TRACE_EVENTS(TRACE_EVENT_NAME)
#undef TRACE_EVENT_NAME
};

const char *trace_event_name(enum trace_event e)
{
	return (unsigned)e < TRACE_EVENT_COUNT ? event_names[e] : "unknown";
}

const char *trace_punt_name(uint32_t class)
{
	static const char *const names[PUNT_CLASSES] = {
		[PUNT_IKE] = "IKE",
		[PUNT_STRANGER] = "IKE of a stranger",
		[PUNT_ROUTING] = "BGP or BFD",
		[PUNT_NEIGH] = "ARP or neighbour discovery",
		[PUNT_VPC] = "ARP or neighbour discovery of a VPC",
		[PUNT_PATH_MTU] = "path MTU",
		[PUNT_ICMP] = "ICMP to us",
		[PUNT_RESOLVE] = "next hop to be resolved",
		[PUNT_ERROR] = "sender to be told",
		[PUNT_OTHER] = "to us",
	};

	return class < PUNT_CLASSES ? names[class] : "unknown";
}

const char *trace_tag_name(uint32_t kind)
{
	switch (kind) {
	case TAG_ESP_IN:
		return "ESP from another worker";
	case TAG_ESP_OUT:
		return "to be encrypted, from another thread or cut";
	case TAG_ROUTE:
		return "to be routed, from a control thread";
	case TAG_FRAGMENT:
		return "fragment from another worker";
	case TAG_LINK:
		return "for a link, cut";
	case TAG_FRAME:
		return "finished frame from another thread";
	default:
		return "unknown";
	}
}

static void free_trace(struct trace *t)
{
	for (unsigned i = 0; i < t->n_workers; i++)
		free(t->log[i]);
	free(t);
}

int dataplane_trace_start(struct dataplane *dp, const struct trace_filter *filter, unsigned packets,
			  struct trace **out)
{
	struct trace *t;

	if (dp->trace)
		return -EBUSY;
	if (packets == 0 || packets > TRACE_PACKETS_MAX)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->max = packets;
	t->n_workers = dp->n_workers;
	for (unsigned i = 0; i < dp->n_workers; i++) {
		struct trace_log *log = calloc(1, sizeof(*log) + packets * sizeof(log->packet[0]));

		if (!log) {
			free_trace(t);
			return -ENOMEM;
		}
		log->filter = *filter;
		log->max = packets;
		log->worker = i;
		t->log[i] = log;
	}
	dp->trace = *out = t;
	for (unsigned i = 0; i < dp->n_workers; i++)
		watch_trace(dp->worker[i], t->log[i]);
	return 0;
}

unsigned dataplane_trace_count(const struct trace *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->n_workers; i++)
		n += atomic_load_explicit(&t->log[i]->n, memory_order_acquire);
	return RTE_MIN(n, t->max);
}

/* Each worker's are in order. */
const struct trace_packet *dataplane_trace_packet(const struct trace *t, unsigned i)
{
	unsigned at[CONF_WORKERS_MAX] = { 0 };
	const struct trace_packet *next = NULL;

	do {
		unsigned best = t->n_workers;

		for (unsigned k = 0; k < t->n_workers; k++) {
			const struct trace_log *log = t->log[k];

			if (at[k] < atomic_load_explicit(&log->n, memory_order_acquire) &&
			    (best == t->n_workers ||
			     log->packet[at[k]].tsc < t->log[best]->packet[at[best]].tsc))
				best = k;
		}
		if (best == t->n_workers)
			return NULL;
		next = &t->log[best]->packet[at[best]++];
	} while (i--);
	return next;
}

static void retired(void *owner, void *thing, uint32_t index)
{
	free_trace(thing);
}

void dataplane_trace_stop(struct dataplane *dp, struct trace *t)
{
	if (!t)
		return;
	dp->trace = NULL;
	for (unsigned i = 0; i < dp->n_workers; i++)
		watch_trace(dp->worker[i], NULL);
	retire(&dp->retired, dp->tables.qsbr, retired, dp, t, 0);
}
