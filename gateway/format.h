/* Values as operators read them. Each writes into buf, which must be as large as it says, and
 * returns it. Any thread. */
#ifndef GATEWAY_FORMAT_H
#define GATEWAY_FORMAT_H

#include "conf/algo.h"
#include "ike/engine.h"

#include <stddef.h>
#include <stdint.h>

#define FORMAT_NUMBER_MAX 32
const char *format_age(uint64_t us, char buf[FORMAT_NUMBER_MAX]); /* 0s 12s 3m12s 4h05m 9d03h */
const char *format_count(uint64_t value, char buf[FORMAT_NUMBER_MAX]); /* 1,234,567 */
const char *format_bytes(uint64_t value, char buf[FORMAT_NUMBER_MAX]); /* 999 B, 1.5 KiB */

/* "aes128gcm", "aes128-sha256" */
#define FORMAT_SUITE_MAX 48
const char *format_suite(enum algo_cipher cipher, enum algo_auth auth, char *buf);
/* "10.0.0.0/16", "10.0.0.5-10.0.0.9", with " tcp", " udp/53", " 47" as far as it says so */
#define FORMAT_SELECTOR_MAX 128
const char *format_selector(const struct ike_selector *s, char *buf);

#endif
