#include "gateway/show.h"

#include "gateway/clock.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <string.h>

/* ---- show ike ---------------------------------------------------------------------------- */

static const char *const counter_text[] = {
#define COUNTER_TEXT(name, key, text) text,
	IKE_COUNTERS(COUNTER_TEXT)
#undef COUNTER_TEXT
};

static void ike_answered(struct negotiator_ask *ask)
{
	struct command_call *call = ask->ctx;
	struct page *p = call->page;
	int rc = ask->result;

	if (rc < 0) {
		command_finish(call, command_fail(call, rc, "the gateway is stopping"));
		return;
	}
	page_object(p, "counters", "IKE messages");
	for (unsigned i = 0; i < IKE_COUNTER_COUNT; i++)
		page_count(p, ike_counter_name(i), counter_text[i], ask->counter[i]);
	page_end(p);
	page_count(p, "send_failed", "messages the workers did not take", ask->send_failed);
	page_count(p, "sa_changes_delayed", "SA changes that waited for a full ring",
		   ask->sa_delayed);
	page_count(p, "events_lost", "log lines left out", ask->events_lost);
	command_finish(call, 0);
}

int show_ike(struct command_call *call)
{
	return command_ask(call, ASK_VIEW, 0, 0, ike_answered);
}

/* ---- tunnel NAME ... --------------------------------------------------------------------- */

static void tunnel_changed(struct negotiator_ask *ask)
{
	static const char *const deed[] = { [ASK_ENABLE] = "enabled",
					    [ASK_DISABLE] = "disabled",
					    [ASK_REKEY_CHILD] = "rekey of the child SA started",
					    [ASK_REKEY_IKE] = "rekey of the IKE SA started" };
	struct command_call *call = ask->ctx;
	struct tunnel *t = &call->gateway->tunnels->v[ask->first];
	int rc = ask->result;

	if (rc == -EAGAIN)
		command_fail(call, rc, "tunnel '%s' is not UP, or busy with another exchange",
			     t->conf->name);
	else if (rc == -ECANCELED)
		command_fail(call, rc, "the gateway is stopping");
	else if (rc < 0)
		command_fail(call, rc, "tunnel '%s': %s", t->conf->name, strerror(-rc));
	if (rc == 0) {
		if (ask->kind == ASK_ENABLE || ask->kind == ASK_DISABLE)
			t->enabled = ask->kind == ASK_ENABLE;
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

int tunnel_enable(struct command_call *call)
{
	return change(call, ASK_ENABLE);
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
