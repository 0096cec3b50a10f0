/* What the templates of customers' configurations may ask for: the facts of the model, each under
 * the name that it has in a template. Main thread. */
#ifndef GATEWAY_CLIENT_FACTS_H
#define GATEWAY_CLIENT_FACTS_H

#include "conf/model.h"
#include "gateway/client_text.h"

#include <stdbool.h>
#include <stdint.h>

#define CLIENT_OUTER_MTU 1500 /* of the way between the two, unless our port's is less */

void facts_set_flag(struct facts *f, const char *name, bool value);
void facts_set_number(struct facts *f, const char *name, uint64_t value); /* 0 is empty: off */
/* Plain letters only, as every device takes them for a name. */
void facts_set_label(struct facts *f, const char *name, const char *value);
void facts_set_addr(struct facts *f, const char *name, const struct addr *a);
/* One more item of a list: prefix, net, len, v4 or v6; mask and wildcard of IPv4. */
void facts_add_prefix(struct facts *f, const char *list, const struct prefix *p);

/* Bytes of inner packets that fit in the worst case: the longest trailer of those that may be
 * chosen, and a NAT between. */
unsigned client_mtu(const struct conf *c, const struct conf_tunnel *t);
/* A number that each inner network has for itself, so that configurations of several connections
 * fit into one device. Returns text. */
const char *client_number(const struct conf_tunnel *t, char text[8]);
/* One more item of the list "tunnel": number n of its connection. */
void client_tunnel(struct facts *all, const struct conf *c, const struct conf_tunnel *t, unsigned n,
		   bool with_psk);

#endif
