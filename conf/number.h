/* Numbers of a model's objects, which they keep from one model to the next.
 *
 * What runs (tables, tunnels in the dataplane and in the IKE engine, sessions) is known by them,
 * not by places in a model's arrays. An object has the number of the object with the same name in
 * the running model; an attachment's name is its vpc and border gateway, a connection's also its
 * border gateway, a tunnel's also its connection and both
 * its outer addresses. New ones get the lowest numbers that nothing in
 * the running model has, so a first model's are its places. Static routes have none: they are what
 * they say. Main thread. */
#ifndef CONF_NUMBER_H
#define CONF_NUMBER_H

#include "conf/model.h"

#include <stdbool.h>
#include <stdint.h>

/* Numbers that no object has any more but that may not be given yet. */
struct conf_reserved {
	void *ctx;
	bool (*is)(void *ctx, enum conf_kind kind, uint32_t id);
};

/* Numbers every object of a checked model; again, if it was. running NULL: nothing runs. reserved
 * NULL: none is. 0 or -ENOMEM: some may have none, so the model is not to be used. */
int conf_number(struct conf *c, const struct conf *running, const struct conf_reserved *reserved);
/* Frees what conf_number() made beside the objects; conf_free() does as well. */
void conf_number_clear(struct conf *c);

/* How many numbers a kind has in use, holes among them: all are below. */
uint32_t conf_numbers(const struct conf *c, enum conf_kind kind);

/* The object of that number; NULL: there is none. */
const struct conf_border_gateway *conf_gateway_at(const struct conf *c, uint32_t id);
const struct conf_vpc *conf_vpc_at(const struct conf *c, uint32_t id);
const struct conf_vpc_attachment *conf_attachment_at(const struct conf *c, uint32_t id);
const struct conf_vpn_connection *conf_connection_at(const struct conf *c, uint32_t id);
const struct conf_tunnel *conf_tunnel_at(const struct conf *c, uint32_t id);
/* The connection that a tunnel (by its number) belongs to. */
const struct conf_vpn_connection *conf_tunnel_connection(const struct conf *c, uint32_t id);

#endif
