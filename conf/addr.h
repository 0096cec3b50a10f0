/* Addresses, prefixes and endpoints of both families.
 *
 * Plain values, no ownership, any thread. Bytes are in network order; an IPv4 address
 * uses the first four and keeps the rest zero, so that memcmp() of whole values compares. */
#ifndef CONF_ADDR_H
#define CONF_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDR_NONE = 0, ADDR_IPV4 = 4, ADDR_IPV6 = 6 };

struct addr {
	uint8_t family; /* ADDR_NONE, ADDR_IPV4 or ADDR_IPV6 */
	uint8_t b[16];
};

struct prefix {
	struct addr addr;
	uint8_t len; /* bits: 0..32 or 0..128 */
};

struct endpoint {
	struct addr addr;
	uint16_t port; /* host order */
};

#define ADDR_STR_MAX	 46 /* with the terminating NUL */
#define PREFIX_STR_MAX	 50
#define ENDPOINT_STR_MAX 54

bool addr_parse(struct addr *out, const char *text);
/* "10.0.0.0/16"; without a length a host prefix. Host bits may be set: see prefix_is_network(). */
bool prefix_parse(struct prefix *out, const char *text);

/* Both write a NUL-terminated text into buf (at least the size above) and return buf. */
const char *addr_format(const struct addr *a, char *buf);
const char *prefix_format(const struct prefix *p, char *buf);
const char *endpoint_format(const struct endpoint *e,
			    char *buf); /* 192.0.2.1:500, [2001:db8::1]:500 */

struct addr addr_ipv4(uint32_t host_order);
uint32_t addr_to_ipv4(const struct addr *a); /* host order; a must be IPv4 */

size_t addr_bytes(const struct addr *a); /* 0, 4 or 16 */
unsigned addr_bits(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
int addr_compare(const struct addr *a, const struct addr *b); /* family first, then as numbers */
bool addr_is_unspecified(const struct addr *a);
bool addr_is_multicast(const struct addr *a); /* IPv4 broadcast included */

bool prefix_equal(const struct prefix *a, const struct prefix *b);
bool prefix_is_network(const struct prefix *p);	      /* no host bits set */
struct prefix prefix_network(const struct prefix *p); /* host bits cleared */
struct prefix prefix_host(const struct addr *a);
bool prefix_contains(const struct prefix *p, const struct addr *a);
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
struct addr prefix_first(const struct prefix *p); /* lowest address */
struct addr prefix_last(const struct prefix *p);  /* highest address */

#endif
