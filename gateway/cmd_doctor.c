#include "gateway/doctor.h"
#include "gateway/gateway.h"
#include "gateway/show.h"

#include <stdio.h>

/* What only the running dataplane knows. */
static void dataplane(struct doctor *d, struct gateway *g)
{
	unsigned workers = dataplane_workers(g->dp);
	const char *engine;
	bool fast;

	doctor_say(d, DOCTOR_OK, "dataplane", NULL, "%s", dataplane_summary(g->dp));
	engine = dataplane_engine(g->dp, &fast);
	if (!fast)
		doctor_say(d, DOCTOR_BAD, "engine", "tell us: this CPU, this version",
			   "this CPU could encrypt faster than with %s", engine);
	for (unsigned i = 0; i < dataplane_ports(g->dp) && i < g->conf->n_ports; i++) {
		const struct conf_port *p = &g->conf->port[i];
		struct dataplane_port_stats s = { 0 };
		char name[CONF_NAME_BYTES + 8];

		snprintf(name, sizeof(name), "port %s", p->name);
		if (dataplane_port_stats(g->dp, i, &s) < 0)
			continue;
		if (!s.link_up)
			doctor_say(d, DOCTOR_BAD, name, "cable, transceiver, the switch's port",
				   "its link is down");
		if (s.queues < workers)
			doctor_say(d, DOCTOR_NOTE, name, NULL,
				   "%u queues for %u workers: some get their packets from others",
				   s.queues, workers);
		if (s.rx_missed > 0)
			doctor_say(d, DOCTOR_NOTE, name, "more workers, or isolated CPUs",
				   "%llu packets came faster than the workers took them",
				   (unsigned long long)s.rx_missed);
	}
}

/* A tunnel that is UP, but whose session is not. */
static void sessions(struct doctor *d, struct gateway *g)
{
	char check[CONF_NAME_BYTES + 8];
	struct bgp_session s;

	for (uint32_t i = tunnels_next(g->tunnels, 0); i < g->tunnels->n;
	     i = tunnels_next(g->tunnels, i + 1)) {
		const struct tunnel *t = &g->tunnels->v[i];

		if (!t->up || !bgp_session(g->bgp, i, &s) || s.now.state == SOURCE_SESSION_UP)
			continue;
		snprintf(check, sizeof(check), "bgp %s", t->conf->name);
		doctor_say(d, DOCTOR_BAD, check,
			   "has the customer's router our inner address, both ASNs and the same "
			   "password? isthmus show bgp has the last error",
			   "the tunnel is UP, its BGP session %s%s%s",
			   s.now.word[0] ? s.now.word : "is not", s.now.error[0] ? ": " : "",
			   s.now.error);
	}
}

static const char *bird_version(const struct bgp *b)
{
	struct bird_stats s;

	for (unsigned i = 0; i < bgp_shards(b); i++) {
		if (bgp_host(b, i) == NULL)
			continue;
		bird_stats(bird_host_bird(bgp_host(b, i)), &s);
		if (s.version[0])
			return s.version;
	}
	return "";
}

/* "doctor": the box and every tunnel that is DOWN. */
int doctor_command(struct command_call *call)
{
	struct doctor d = { .page = call->page,
			    .conf = call->gateway->conf,
			    .root = "",
			    .running = true,
			    .bird = bird_version(call->gateway->bgp) };

	page_list(call->page, "checks");
	doctor_box(&d);
	dataplane(&d, call->gateway);
	doctor_tunnels(&d, call->gateway->tunnels);
	sessions(&d, call->gateway);
	page_end(call->page);
	page_number(call->page, "bad", NULL, d.bad);
	page_number(call->page, "notes", NULL, d.notes);
	doctor_verdict(&d);
	return 0;
}
