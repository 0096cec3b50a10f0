/* What an engine consists of; made and freed by crypt_engine.c, used by crypt.c, nobody else's. */
#ifndef DATAPLANE_CRYPT_ENGINE_H
#define DATAPLANE_CRYPT_ENGINE_H

#include "dataplane/crypt.h"
#include "dataplane/crypt_cbc.h"
#include "dataplane/gcm.h"

#include <intel-ipsec-mb.h>

#define AEAD_ICV 16

struct crypt {
	IMB_MGR *mgr, *shani;		    /* shani: see wants_shani() */
	const struct gcm_engine *vectors;   /* AES-GCM. NULL: none runs here, but IPsec-MB's does */
	aes_gcm_enc_dec_t seal[3], open[3]; /* by enum crypt_kind: IPsec-MB's */
	struct gcm_context_data gcm;
	uint8_t icv[AEAD_ICV]; /* computed */
	struct cbc cbc;
	const char *refused, *refused_cbc, *refused_sha1; /* ours that failed their self-test;
							     NULL: none */
	char name[320];
	bool fast;
} __attribute__((aligned(64)));

#endif
