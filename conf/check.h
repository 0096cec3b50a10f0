/* The rules between objects: references, uniqueness, overlaps, reachability; and what the operator
 * left to us: defaults that depend on other objects, inner addresses, MAC addresses.
 *
 * Main thread. Private to this room. A check never repeats what another one already reported: what
 * could not be read or found is passed over in silence. */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf/index.h"
#include "conf/label.h"
#include "conf/model.h"
#include "conf/places.h"
#include "conf/problem.h"

#include <stdbool.h>

enum check_kind {
	CHECK_PORT,
	CHECK_GATEWAY,
	CHECK_VPC,
	CHECK_CUSTOMER,
	CHECK_CONNECTION,
	CHECK_TUNNEL,
	CHECK_KINDS
};

struct check {
	struct conf *c;
	const char *file; /* in whose lines the objects are; NULL: in none */
	struct problem_list *problems;
	const struct places *places;
	unsigned unread;	   /* enum conf_unread */
	const struct conf *before; /* what ran until now, or NULL */
	struct index connections_before, tunnels_before;
	struct index names[CHECK_KINDS];
	bool nameless[CHECK_KINDS]; /* some object's name could not be read */
	struct index own;	    /* addresses of all ports, of struct conf_port */
	bool own_unknown;	    /* not all of them could be read */
	struct index attached;	    /* struct check_pair, of struct conf_vpc_attachment */
	struct check_pair *pairs;
	bool attached_unknown; /* some attachment's ends were not found */
	unsigned guesses;      /* of what was meant; each looks at all names */
	bool no_memory;
};

struct check_pair {
	const struct conf_vpc *vpc;
	const struct conf_border_gateway *gateway;
};

/* Everything. file: in whose lines problems are, NULL: in none. before: what was
 * chosen in it is chosen again; NULL: there is none. Returns 0 when there is no error in
 * problems, or -EINVAL. */
int conf_check(struct conf *c, const struct conf *before, const char *file,
	       const struct places *places, unsigned unread, struct problem_list *problems);

/* The parts, in this order. */
void check_network(struct check *k);  /* ports, cloud addresses, attachments */
void check_underlay(struct check *k); /* part of the one before: check_underlay.c */
void check_vpn(struct check *k);      /* customers, connections, tunnels */
void check_layout(struct check *k);   /* part of it: layout.c */
void check_inner(struct check *k);    /* part of it: allocate.c */
void check_routes(struct check *k);   /* VPC prefixes, static routes */
void check_quotas(struct check *k);   /* how many of each; memory */

/* What was chosen before (inherit.c): begin, look, complete a tunnel. */
void check_before(struct check *k);
const struct conf_vpn_connection *check_connection_before(const struct check *k, const char *name);
void check_choices(struct check *k, const struct conf_vpn_connection *v, struct conf_tunnel *t);
/* Writes down a problem of object at the line that gave part (object itself, if none did). */
void check_problem(struct check *k, enum problem_level level, const struct label *label,
		   struct conf_where object, const void *part, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* The object that a name refers to. NULL: there is none, reported if that is a mistake of its own.
 */
const void *check_find(struct check *k, enum check_kind kind, const struct label *label,
		       struct conf_where object, const char *field, const char *name);
/* " on line 12", or nothing. */
struct check_line {
	char text[24];
} check_line(const struct check *k, unsigned line);
struct label check_label(const char *kind, const char *name);
struct label check_label_tunnel(const struct conf_vpn_connection *v, const struct conf_tunnel *t);
/* The attachment of a VPC to a border gateway; NULL: there is none. *certain: it was not just
 * unreadable. */
const struct conf_vpc_attachment *check_attached(const struct check *k, const struct conf_vpc *vpc,
						 const struct conf_border_gateway *g,
						 bool *certain);
/* Some port can send to it, on-link or through a next hop; or that is not known. */
bool check_reachable(const struct check *k, const struct addr *a);
/* Of an attachment whose port is known: check_vxlan.c. */
void check_vxlan(struct check *k, const struct conf_vpc_attachment *a, const struct label *label);
bool check_same_hosts(const struct conf_vpc_attachment *a, const struct conf_vpc_attachment *b);
void check_index(struct check *k, struct index *x, const void *key, size_t len, const void *object);

#endif
