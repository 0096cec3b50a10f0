#include "gateway/show.h"

#include "gateway/baseline.h"

#include "gateway/gateway.h"

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
	baseline_ike(ask->counter);
	page_count(p, "send_failed", "messages the workers did not take", ask->send_failed);
	page_count(p, "sa_changes_delayed", "SA changes that waited for a full ring",
		   ask->sa_delayed);
	page_count(p, "messages_delayed", "other messages that waited for one",
		   ask->messages_delayed);
	page_count(p, "events_lost", "log lines left out", ask->events_lost);
	page_object(p, "counters", "IKE messages");
	for (unsigned i = 0; i < IKE_COUNTER_COUNT; i++)
		page_count(p, ike_counter_name(i), counter_text[i], ask->counter[i]);
	page_end(p);
	command_finish(call, 0);
}

int show_ike(struct command_call *call)
{
	return command_ask(call, ASK_VIEW, 0, 0, ike_answered);
}
