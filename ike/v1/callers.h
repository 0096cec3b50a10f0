/* Who calls in Main Mode while too many do (RFC 2408 §2.5.3, anti-clogging).
 *
 * His first message is answered, but makes no SA: what is needed of it waits in a ring of fixed
 * size, the oldest makes room, and a forged call costs nobody his place for longer than the ring
 * takes to come around. Long offers have a ring of their own: a flood of them keeps no short one
 * out, nor the other way round. Who sends the second message shows that our cookie has reached him,
 * so that he owns his address; half a minute later that proves nothing any more. Belongs to an
 * engine; one thread. */
#ifndef IKE_V1_CALLERS_H
#define IKE_V1_CALLERS_H

#include "ike/engine.h"
#include "ike/wire.h"

#include <stdint.h>

#define IKE_V1_CALLERS	    4096 /* 2 MiB: at 10,000 calls a second they wait for 0.4 s */
#define IKE_V1_CALLERS_LONG 256	 /* 0.6 MiB */
#define IKE_V1_CALLER_FOR   (30 * IKE_SECOND)
/* Bytes of an SA payload: a dozen transforms, and as many as we look at. */
#define IKE_V1_CALLER_BODY	480
#define IKE_V1_CALLER_BODY_LONG 2600

struct ike_v1_caller {
	uint64_t cky_i, cky_r; /* cky_r 0: nobody */
	ike_time called;
	uint32_t tunnel;
	uint16_t n;
	uint8_t vendors; /* enum ike_v1_vendor, all that he names */
	const uint8_t *body;
};

struct ike_v1_callers {
	unsigned next, next_long;
	struct ike_v1_caller of[IKE_V1_CALLERS + IKE_V1_CALLERS_LONG];
	uint8_t body[IKE_V1_CALLERS][IKE_V1_CALLER_BODY];
	uint8_t body_long[IKE_V1_CALLERS_LONG][IKE_V1_CALLER_BODY_LONG];
};

/* Keeps a call for this tunnel: the cookie to answer with. 0: no memory, or its offer is too long:
 * its caller gets in when fewer call. */
uint64_t ike_v1_caller_keep(struct ike_engine *e, uint32_t tunnel, uint64_t cky_i, unsigned vendors,
			    struct view body);
/* Whom both cookies name, if he has not waited too long; he is no longer waiting afterwards, though
 * what is returned holds until the next one is kept. NULL: nobody. */
const struct ike_v1_caller *ike_v1_caller_take(struct ike_engine *e, uint32_t tunnel,
					       uint64_t cky_i, uint64_t cky_r);

#endif
