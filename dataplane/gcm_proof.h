/* Is an engine of ours right on this very CPU? Known answers are those of IPsec-MB.
 *
 * Thread: the caller's; some milliseconds, and so at the start only. */
#ifndef DATAPLANE_GCM_PROOF_H
#define DATAPLANE_GCM_PROOF_H

#include "dataplane/gcm.h"

#include <intel-ipsec-mb.h>

#define GCM_PROOF_BYTES 1200 /* beyond each loop that an engine has, whatever its width */

/* Texts of 0 .. GCM_PROOF_BYTES bytes, each key size, with and without ESN: sealed alone and in
 * pairs, opened, and refused where a bit is wrong. False: something differs, or a byte beside the
 * text changed. */
bool gcm_proved(const struct gcm_engine *e, IMB_MGR *yardstick);

#endif
