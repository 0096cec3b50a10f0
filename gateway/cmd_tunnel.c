#include "gateway/show.h"

#include "gateway/config.h"
#include "gateway/drain.h"
#include "gateway/event.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <string.h>

static void tunnel_changed(struct negotiator_ask *ask)
{
	static const char *const deed[] = { [ASK_ENABLE] = "enabled",
					    [ASK_DISABLE] = "disabled",
					    [ASK_REKEY_CHILD] = "rekey of the child SA started",
					    [ASK_REKEY_IKE] = "rekey of the IKE SA started" };
	struct command_call *call = ask->ctx;
	struct tunnel *t = tunnels_get(call->gateway->tunnels, ask->first);
	int rc = ask->result;

	if (!t) {
		command_finish(call, command_fail(call, -ENOENT, "the tunnel was deleted"));
		return;
	}
	if (rc == -EAGAIN)
		command_fail(call, rc, "tunnel '%s' is not UP, or busy with another exchange",
			     t->conf->name);
	else if (rc == -ECANCELED)
		command_fail(call, rc, "the gateway is stopping");
	else if (rc < 0)
		command_fail(call, rc, "tunnel '%s': %s", t->conf->name, strerror(-rc));
	if (rc == 0 && (ask->kind == ASK_ENABLE || ask->kind == ASK_DISABLE)) {
		t->enabled = ask->kind == ASK_ENABLE;
		gateway_usable(call->gateway, t->connection_index);
		event_publish(t->enabled ? EVENT_TUNNEL_ENABLED : EVENT_TUNNEL_DISABLED,
			      t->conf->name, NULL, "%s", "");
		rc = config_switched(call->gateway, t->conf->name, t->enabled);
		if (rc < 0)
			command_fail(call, rc, "tunnel '%s' is %s, but that cannot be kept: %s",
				     t->conf->name, deed[ask->kind], strerror(-rc));
	}
	if (rc == 0) {
		page_text(call->page, "tunnel", NULL, t->conf->name);
		page_text(call->page, "done", NULL, deed[ask->kind]);
		page_line(call->page, "tunnel '%s': %s", t->conf->name, deed[ask->kind]);
	}
	command_finish(call, rc);
}

static int change(struct command_call *call, enum ask_kind kind)
{
	int64_t i = command_tunnel(call, 1);

	if (i < 0)
		return (int)i;
	return command_ask(call, kind, (uint32_t)i, 0, tunnel_changed);
}

/* ---- draining ---------------------------------------------------------------------------- */

static void drained(struct command_call *call)
{
	int64_t i = command_tunnel(call, 1); /* it may be gone, and its number another's */
	int rc = i < 0 ? (int)i : command_ask(call, ASK_DISABLE, (uint32_t)i, 0, tunnel_changed);

	if (rc != COMMAND_LATER)
		command_finish(call, rc);
}

int tunnel_drain(struct command_call *call)
{
	int64_t i = command_tunnel(call, 1);
	int rc = i < 0 ? (int)i : drain_start(call->gateway, (uint32_t)i, call, drained);

	return rc < 0 ? rc : COMMAND_LATER;
}

int tunnel_enable(struct command_call *call)
{
	int64_t i = command_tunnel(call, 1);
	const struct tunnel *t;

	if (i < 0)
		return (int)i;
	t = &call->gateway->tunnels->v[i];
	if (!drain_cancel(call->gateway, (uint32_t)i) || !t->enabled)
		return command_ask(call, ASK_ENABLE, (uint32_t)i, 0, tunnel_changed);
	page_text(call->page, "tunnel", NULL, t->conf->name);
	page_text(call->page, "done", NULL, "draining called off");
	page_line(call->page, "tunnel '%s': draining called off, it is in service", t->conf->name);
	return 0;
}

int tunnel_disable(struct command_call *call)
{
	return change(call, ASK_DISABLE);
}

int tunnel_rekey_child(struct command_call *call)
{
	return change(call, ASK_REKEY_CHILD);
}

int tunnel_rekey_ike(struct command_call *call)
{
	return change(call, ASK_REKEY_IKE);
}
