/* Proxy identities of Quick Mode: one range of addresses, one protocol, one port on each side
 * (RFC 2407 §4.6.2). Stateless, any thread. */
#ifndef IKE_V1_PROXY_H
#define IKE_V1_PROXY_H

#include "ike/settings.h"
#include "ike/engine.h"
#include "ike/wire.h"

/* Body of an identification payload. 0, or -EBADMSG: not an address, subnet or range. */
int ike_v1_proxy_parse(struct ike_selectors *out, struct view body);
void ike_v1_proxy_emit(struct writer *w, const struct ike_selectors *s); /* of the first one */
/* All of a host. */
void ike_v1_proxy_host(struct ike_selectors *out, const struct addr *a);

/* The k-th pair of networks that a tunnel is to carry; false: there are fewer. Without configured
 * ones it is all of IPv4. */
bool ike_v1_proxy_wanted(const struct ike_settings *t, unsigned k, struct ike_selectors *local,
			 struct ike_selectors *remote);

#endif
