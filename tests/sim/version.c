#include "tests/sim/version.h"

enum conf_ike_version version_now;
static enum conf_ike_mode mode_now;

int version_2(void **state)
{
	version_now = CONF_IKE_V2;
	return 0;
}

int version_1(void **state)
{
	version_now = CONF_IKE_V1;
	mode_now = CONF_IKE_MAIN;
	return 0;
}

int version_1_aggressive(void **state)
{
	version_now = CONF_IKE_V1;
	mode_now = CONF_IKE_AGGRESSIVE;
	return 0;
}

void version_both_call(unsigned node, struct conf_tunnel *t)
{
	t->ike_version = version_now;
	t->ike_mode = mode_now;
}

void version_first_calls(unsigned node, struct conf_tunnel *t)
{
	version_both_call(node, t);
	t->start = node ? CONF_START_RESPOND : CONF_START_INITIATE;
}

void version_second_calls(unsigned node, struct conf_tunnel *t)
{
	version_both_call(node, t);
	t->start = node ? CONF_START_INITIATE : CONF_START_RESPOND;
}
