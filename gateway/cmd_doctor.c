#include "gateway/doctor.h"
#include "gateway/gateway.h"
#include "gateway/show.h"

/* "doctor": the box and every tunnel that is DOWN. */
int doctor_command(struct command_call *call)
{
	struct doctor d = {
		.page = call->page, .conf = call->gateway->conf, .root = "", .running = true
	};

	page_list(call->page, "checks");
	doctor_box(&d);
	doctor_tunnels(&d, call->gateway->tunnels);
	page_end(call->page);
	page_number(call->page, "bad", NULL, d.bad);
	page_number(call->page, "notes", NULL, d.notes);
	doctor_verdict(&d);
	return 0;
}
