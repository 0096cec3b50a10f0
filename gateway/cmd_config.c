/* The configuration's commands. */
#include "gateway/show.h"

#include "gateway/change.h"
#include "gateway/gateway.h"

int config_reload(struct command_call *call)
{
	struct change_report r;
	char error[COMMAND_ERROR_MAX];
	int rc = change_reload(call->gateway, &r, error, sizeof(error));

	if (rc < 0)
		return command_fail(call, rc, "nothing changed: %s", error);
	page_count(call->page, "added", NULL, r.added);
	page_count(call->page, "removed", NULL, r.removed);
	page_count(call->page, "rebuilt", NULL, r.rebuilt);
	page_count(call->page, "changed", NULL, r.changed);
	page_real(call->page, "seconds", NULL, (double)r.micros / 1e6, "s");
	page_line(call->page, "tunnels: %u added, %u removed, %u rebuilt, %u changed, in %.1f ms",
		  r.added, r.removed, r.rebuilt, r.changed, (double)r.micros / 1e3);
	return 0;
}
