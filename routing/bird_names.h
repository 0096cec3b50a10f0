/* What things are called in the BIRD configuration that we generate, and found by in what BIRD
 * says.
 *
 * Numbers are the caller's indices: of a tunnel (its BGP session) and of a border gateway (its
 * tables). BIRD keeps a table for each family, and words such as "vpn4" for itself, hence the
 * underscore. Any thread. */
#ifndef ROUTING_BIRD_NAMES_H
#define ROUTING_BIRD_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define BIRD_NAME_BYTES 24

/* Protocols: the session between a tunnel's inner addresses, for both families; tun6 where IPv6
 * has a session of its own. Either is source session N (routing/source.h). */
#define BIRD_PROTOCOL  "tun_%u"
#define BIRD_PROTOCOL6 "tun6_%u"
/* Tables of what was learnt, and of what we announce: BGP sends from the table that it learns into.
 * The latter are routes of the static protocols ann_N and ann6_N, which are not looked at. */
#define BIRD_TABLE	"gw_%u"
#define BIRD_TABLE6	"gw6_%u"
#define BIRD_ANNOUNCER	"ann_%u"
#define BIRD_ANNOUNCER6 "ann6_%u"

/* Each writes a NUL-terminated name into buf (BIRD_NAME_BYTES) and returns buf. */
const char *bird_protocol_name(char *buf, uint32_t session, bool own_ipv6);
const char *bird_table_name(char *buf, uint32_t table, bool ipv6);

/* Reads a protocol's name of n bytes, not NUL-terminated. false: it is none of ours. */
bool bird_protocol_parse(const char *name, unsigned n, uint32_t *session, bool *own_ipv6);

/* Strings in BIRD's configuration have no escapes: true if text can stand between quotes. */
bool bird_string_is_safe(const char *text);

#endif
