/* The route tables of border gateways and VPCs, and what passes between them: the rules of the
 * service above the RIB.
 *
 * A border gateway's valid routes are propagated into the tables of the VPCs attached to it, those
 * inside an attachment's import filter, and never a VPC's own networks back to it. What BGP learns
 * comes in batches, which the border gateway's quota of dynamic routes (learnt, and propagated by
 * VPCs) takes or refuses as a whole. And it is known what each border gateway announces, and what
 * it keeps from a connection because the customer announces an overlapping network himself.
 *
 * Plain C like the RIB below: no sockets, no clock, deterministic. Border gateways, VPCs and
 * attachments are known by the caller's indices, tables by his numbers. Main thread. */
#ifndef ROUTING_TABLES_H
#define ROUTING_TABLES_H

#include "routing/rib.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tables;

/* None of these may change the tables. */
struct tables_ops {
	/* As rib_change_fn. A route of a VPC that several border gateways share is told again when
	 * one of their routes changes. */
	rib_change_fn change;
	/* tables_announced() or tables_withheld() say something else now. */
	void (*announce)(void *ctx, uint32_t gateway);
	/* A batch is in the table. rc: 0; -ENOSPC: its new routes were refused, and none before;
	 * -ENOMEM: changes were lost. */
	void (*taken)(void *ctx, uint32_t gateway, int rc);
};

int tables_new(struct tables **out, const struct tables_ops *ops, void *ctx); /* 0, -ENOMEM */
void tables_free(struct tables *t); /* without a word; NULL is fine */
const struct rib *tables_rib(const struct tables *t);

/* ---- objects ----------------------------------------------------------------------------- */

/* 0, -EEXIST or -ENOMEM. */
int tables_gateway_add(struct tables *t, uint32_t gateway, uint32_t table, uint32_t quota);
int tables_vpc_add(struct tables *t, uint32_t vpc, uint32_t table);
/* Between them; what is valid is propagated at once. import NULL: everything. 0, -EEXIST, -ENOENT
 * or -ENOMEM; on failure they are not attached. */
int tables_attach(struct tables *t, uint32_t attachment, uint32_t vpc, uint32_t gateway,
		  const struct prefix *import, unsigned n);
/* Another import filter: only routes that one of the two lets through and the other does not come
 * or go. 0, -ENOENT or -ENOMEM. */
int tables_import(struct tables *t, uint32_t attachment, const struct prefix *import, unsigned n);
/* Its propagated routes in the VPC's table go; those in the gateway's are the caller's. 0, -ENOENT.
 */
int tables_detach(struct tables *t, uint32_t attachment);
/* All their routes go, and what waited to be learnt. -EBUSY: there is an attachment still. */
int tables_gateway_delete(struct tables *t, uint32_t gateway);
int tables_vpc_delete(struct tables *t, uint32_t vpc);
/* A lower one than what is there refuses what comes from now on; a higher one: see
 * tables_wants_replay(). 0, -ENOENT. */
int tables_quota_set(struct tables *t, uint32_t gateway, uint32_t quota);

/* All routes but those learnt by BGP: an operator's, a VPC's subnets (in its own table, and
 * propagated by its attachments). One that is there gets the properties of this one. 0, -ENOENT,
 * -EINVAL or -ENOMEM. */
int tables_add(struct tables *t, uint32_t table, const struct rib_route *route);
int tables_remove(struct tables *t, uint32_t table, const struct rib_route *route);

/* ---- what BGP learns --------------------------------------------------------------------- */

/* The changes of a border gateway between begin and end are taken together, or the new routes among
 * them are refused together. From a refusal on all new routes are refused, until tables_replay()
 * finds room for all. What goes, goes in any case, and what is there may be replaced: its metric,
 * and in one batch also the tunnel of a connection's route. */
void tables_batch_begin(struct tables *t, uint32_t gateway);
void tables_learn(struct tables *t, uint32_t gateway, const struct prefix *p, uint32_t connection,
		  uint32_t tunnel, uint32_t metric);
void tables_forget(struct tables *t, uint32_t gateway, const struct prefix *p, uint32_t connection,
		   uint32_t tunnel);
/* Takes it at once if it is small and no other waits. True: there is more to do, by tables_work().
 */
#define TABLES_AT_ONCE 1024
bool tables_batch_end(struct tables *t, uint32_t gateway);
/* Goes on with about that many changes of the batches that wait, in their order. True: there is
 * more to do. */
bool tables_work(struct tables *t, uint32_t gateway, size_t changes);

/* Is a batch open, or does one wait? What it forgets is in the table until it is taken. */
bool tables_busy(const struct tables *t, uint32_t gateway);

/* Is it time to hear all routes again? offered: how many the source has. */
bool tables_wants_replay(const struct tables *t, uint32_t gateway, size_t offered);
/* The next batch has every route that there is: what it does not name is forgotten. Or it has not:
 * taken back. */
void tables_replay(struct tables *t, uint32_t gateway, bool all);

struct tables_quota {
	uint32_t limit;
	size_t learnt, propagated; /* in the table */
	bool refusing;
	uint64_t batches_refused, routes_refused; /* ever */
};
bool tables_quota(const struct tables *t, uint32_t gateway, struct tables_quota *out);

/* ---- what is announced ------------------------------------------------------------------- */

#define TABLES_VPC UINT32_MAX

struct tables_announcement {
	struct prefix prefix;
	uint32_t connection; /* that it leads to, or TABLES_VPC */
};

/* What is valid in the border gateway's table and was not learnt, in prefix order; a prefix that
 * leads to several connections as often. *out is freed by the caller. 0, -ENOENT or -ENOMEM. */
int tables_announced(const struct tables *t, uint32_t gateway, struct tables_announcement **out,
		     size_t *n);
/* Of these, the VPC's networks which overlap what the connection's peers announce, the default
 * route apart. */
int tables_withheld(const struct tables *t, uint32_t gateway, uint32_t connection,
		    struct prefix **out, size_t *n);

#endif
