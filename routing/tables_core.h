/* Inside of the tables: shared by tables.c (objects), propagate.c (attachments), quota.c
 * (batches, quota) and announce.c. Private to this room; one thread. */
#ifndef ROUTING_TABLES_CORE_H
#define ROUTING_TABLES_CORE_H

#include "routing/batch.h"
#include "routing/own.h"
#include "routing/tables.h"

#define SHARED_MAX 64 /* valid routes of one prefix that are looked at */

struct attachment {
	uint32_t id;
	struct gateway *gateway;
	uint32_t vpc; /* the caller's */
	uint32_t vpc_table;
	bool import_all;
	unsigned n_import;
	struct prefix *import;
};

/* A batch on its way into the table. */
struct job {
	struct job *next;
	struct batch batch;
	bool replay; /* it has everything that there is */
	bool begun;  /* what follows is decided */
	bool refuse;
	bool again; /* refusing before */
	bool other; /* what is withheld may be different now */
	int err;
	size_t at; /* the first change that is not taken */
};

struct gateway {
	uint32_t id, table;
	struct attachment **attachment;
	size_t n_attachments, cap_attachments;
	struct own own;
	struct batch batch;
	bool batch_open;
	struct job *job; /* batches that are complete, in their order */
	bool replay;	 /* the next batch has everything that there is */
	bool lost;	 /* some changes, once */
	struct tables_quota quota;
};

struct vpc {
	uint32_t id, table;
};

/* A prefix of a border gateway whose valid routes changed: propagated when the RIB is at rest. */
struct pending {
	struct gateway *gateway;
	struct prefix prefix;
	bool to_all;	/* some valid route does not lead to one VPC only */
	bool to_others; /* all valid routes lead to this VPC: */
	uint32_t vpc;
};

struct tables {
	const struct tables_ops *ops;
	void *ctx;
	struct rib *rib;
	struct gateway **gateway; /* in the order of their tables */
	size_t n_gateways, cap_gateways;
	struct vpc *vpc; /* in the order of adding */
	size_t n_vpcs, cap_vpcs;
	/* Index: id; holes are NULL. */
	struct gateway **gateway_by_id;
	struct attachment **attachment_by_id;
	size_t n_gateway_ids, n_attachment_ids;
	struct pending *pending;
	size_t n_pending, cap_pending;
	uint32_t told_table; /* the last table of which a change was told */
	bool told;
	int error; /* the first inside the RIB's callback */
};

struct gateway *tables_gateway(const struct tables *t, uint32_t id);	   /* NULL: none */
struct gateway *tables_gateway_of(const struct tables *t, uint32_t table); /* the same */
struct vpc *tables_vpc(const struct tables *t, uint32_t id);		   /* the same */
void tables_attachment_free(struct attachment *a);			   /* NULL is fine */
/* The RIB's callback; ctx: the tables. */
void tables_on_change(void *ctx, uint32_t table, const struct prefix *prefix,
		      const struct rib_route *valid, unsigned n);
/* Doubles an array until it holds need elements; makes one of pointers so long that id is a place
 * in it. 0 or -ENOMEM. */
int tables_reserve(void *v, size_t *cap, size_t need, size_t size);
int tables_reserve_id(void *v, size_t *n, uint32_t id);
/* A change to the RIB is done when what follows from it is: err, or what went wrong with that. */
int tables_settle(struct tables *t, int err);

#endif
