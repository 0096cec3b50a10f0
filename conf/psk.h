/* Pre-shared keys: what an operator writes, and what IKE uses. Any thread. */
#ifndef CONF_PSK_H
#define CONF_PSK_H

#include "conf/secret.h"

#define PSK_BYTES_MAX 128

/* Text of printable characters as it is, "0x" and hex, "0s" and base64. NULL, and *fault says why
 * without showing it. text NULL: longer than a secret may be. */
struct secret *psk_parse(const struct secret *text, const char **fault);
/* The text that psk_parse() makes key from, plain if it can be. NULL: no memory. */
struct secret *psk_format(const struct secret *key);
struct secret *psk_generate(void); /* 32 random letters and digits; NULL: no memory */

#endif
