/* The file's grammar, object by object, as tables for field.h; and the way from a text to a model.
 *
 * Main thread. Private to this room: everyone else calls conf_load(). */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include "conf/field.h"
#include "conf/model.h"

#include <libconfig.h>
#include <stddef.h>
#include <stdint.h>

extern const struct field_object parse_top, parse_workers, parse_port, parse_underlay_route,
	parse_bird;					   /* parse.c */
extern const struct field_object parse_log, parse_metrics; /* parse_watch.c */
extern const struct field_object parse_border_gateway, parse_vpc, parse_attachment;
extern const struct field_object parse_customer_gateway, parse_connection, parse_tunnel;

/* Of a tunnel's BGP session (parse_bgp.c). end: after the tunnel's other fields are known. */
void parse_bgp_default(struct conf_tunnel *t);
/* A later tunnel takes over the families, unless they just follow from the inner address. */
void parse_bgp_begin(struct conf_tunnel *t, const struct conf_tunnel *first);
void parse_bgp_derive(struct conf_tunnel *base, const struct conf_tunnel *t, uint64_t given);
extern const struct field_kind parse_bgp_families, parse_bgp_password, parse_bgp_med;
void parse_bgp_end(struct reader *r, const struct config_setting_t *s, struct conf_tunnel *t,
		   uint64_t given);

/* Sets of kinds of objects that could not be read at all: what refers to one of them is not
 * checked, for it would only repeat the first mistake. */
enum conf_unread {
	UNREAD_PORTS = 1,
	UNREAD_CLOUD_ADDRESSES = 2,
	UNREAD_BORDER_GATEWAYS = 4,
	UNREAD_VPCS = 8,
	UNREAD_CUSTOMER_GATEWAYS = 16,
	UNREAD_CONNECTIONS = 32,
	UNREAD_ATTACHMENTS = 64,
	UNREAD_UNDERLAY_ROUTES = 128,
	UNREAD_PORT_PARTS = 1 << 16, /* some ports are not as they were meant */
};

/* Text to model: each object by itself, with its defaults; nothing is looked up. NULL only when
 * there is no memory or the text is not libconfig's language. *unread: enum conf_unread. */
struct conf *conf_parse(const char *path, const char *text, size_t len,
			struct problem_list *problems, struct places *places, unsigned *unread);

/* Text to tree, which is the caller's to destroy. 0 or -EINVAL with a problem. */
int parse_tree(config_t *tree, const char *file, const char *text, struct problem_list *problems);
/* Tree to model. path: of the file that the model belongs to; file: in whose lines problems are,
 * NULL: in none. */
struct conf *conf_parse_tree(const char *path, const char *file, const config_t *tree,
			     const struct conf_source *source, struct problem_list *problems,
			     struct places *places, unsigned *unread);
/* The same from a text that is prepared already, which conf_write() made. */
struct conf *conf_parse_source(const char *path, const struct conf_source *source,
			       struct problem_list *problems, struct places *places,
			       unsigned *unread);

/* A tunnel gets its connection's traffic selectors. */
void parse_connection_selectors(const struct conf_vpn_connection *v, struct conf_tunnel *t);
/* What an attachment has unless it says otherwise; its port is known. */
uint16_t conf_attachment_mtu(const struct conf_vpc_attachment *a);
void conf_attachment_mac(const struct conf_vpc_attachment *a, uint8_t mac[6]);

/* Parse and check in one; the model only if there was no error. For conf_load() and tests. */
struct conf *conf_read_after(const char *path, const char *text, size_t len,
			     const struct conf *before, struct problem_list *problems);
struct conf *conf_read(const char *path, const char *text, size_t len,
		       struct problem_list *problems);

#endif
