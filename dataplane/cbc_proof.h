/* Is a CBC engine of ours right on this very CPU? Known answers are those of IPsec-MB.
 *
 * Thread: the caller's; a few milliseconds, and so at the start only. */
#ifndef DATAPLANE_CBC_PROOF_H
#define DATAPLANE_CBC_PROOF_H

#include "dataplane/cbc_wide.h"

#include <intel-ipsec-mb.h>

#define CBC_PROOF_BLOCKS 50 /* beyond each loop that an engine has */

/* Texts of 0 .. CBC_PROOF_BLOCKS blocks, each key size: opened, and sealed in company of any number
 * and of other lengths. False: something differs, or a byte beside a text changed. */
bool cbc_proved(const struct cbc_engine *e, IMB_MGR *yardstick);

#endif
