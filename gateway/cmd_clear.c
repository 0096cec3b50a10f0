/* `clear counters`: what operators see counts from here. */
#include "gateway/show.h"

#include "gateway/baseline.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <string.h>

static void done(struct command_call *call, const char *what)
{
	page_text(call->page, "cleared", NULL, what);
	page_line(call->page, "counters cleared: %s", what);
}

static void ike_answered(struct negotiator_ask *ask)
{
	struct command_call *call = ask->ctx;
	int rc = ask->result;

	if (rc < 0) {
		command_fail(call, rc, "the gateway is stopping");
	} else {
		baseline_clear_ike(ask->counter);
		done(call, call->n > 2 ? "ike" : "all");
	}
	command_finish(call, rc);
}

static bool names(const struct command_call *call, const char *what)
{
	return call->n == 2 || strcmp(call->word[2], what) == 0;
}

int clear_counters(struct command_call *call)
{
	const struct gateway *g = call->gateway;
	int rc = 0;

	if (names(call, "tunnels"))
		rc = baseline_clear_tunnels(g);
	if (rc < 0)
		return command_fail(call, rc, "out of memory");
	if (names(call, "workers"))
		baseline_clear_workers(g);
	if (names(call, "drops"))
		baseline_clear_drops(g);
	if (names(call, "ports"))
		baseline_clear_ports(g);
	if (names(call, "ike"))
		return command_ask(call, ASK_VIEW, 0, 0, ike_answered);
	done(call, call->word[2]);
	return 0;
}

int clear_tunnel_counters(struct command_call *call)
{
	int64_t i = command_tunnel(call, 3);
	int rc;

	if (i < 0)
		return (int)i;
	rc = baseline_clear_tunnel(call->gateway, (uint32_t)i);
	if (rc < 0)
		return command_fail(call, rc, "%s", strerror(-rc));
	done(call, call->word[3]);
	return 0;
}
