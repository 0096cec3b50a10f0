/* Is a hash of ours right on this very CPU? Known answers are those of IPsec-MB.
 *
 * Thread: the caller's; a few milliseconds, and so at the start only. */
#ifndef DATAPLANE_HMAC_PROOF_H
#define DATAPLANE_HMAC_PROOF_H

#include "dataplane/hmac_sha1.h"

#include <intel-ipsec-mb.h>

#define HMAC_PROOF_BYTES 400 /* beyond each way in which a text may end */

/* Texts of 1 .. HMAC_PROOF_BYTES bytes, alone and in company of any number and of other lengths.
 * False: something differs. */
bool hmac_sha1_proved(hmac_fn hmac, IMB_MGR *yardstick);

#endif
