/* A manager of IPsec-MB for tests of what is compared with it: setup and teardown of a cmocka
 * group. */
#ifndef TESTS_UNIT_DATAPLANE_IPSEC_MB_H
#define TESTS_UNIT_DATAPLANE_IPSEC_MB_H

#include <intel-ipsec-mb.h>
#include <sodium.h>

static IMB_MGR *mgr;

static int setup(void **state)
{
	mgr = alloc_mb_mgr(0);
	if (!mgr || sodium_init() < 0)
		return -1;
	init_mb_mgr_auto(mgr, NULL);
	return 0;
}

static int teardown(void **state)
{
	free_mb_mgr(mgr);
	return 0;
}

#endif
