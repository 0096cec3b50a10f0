#include "gateway/sa_queue.h"

#include "conf/secret.h"

#include <errno.h>
#include <stdlib.h>

enum change_kind { CHANGE_INSTALL, CHANGE_REMOVE, CHANGE_MOVE, CHANGE_REFRESH };

struct change {
	struct change *next;
	enum change_kind kind;
	struct dataplane_sa sa; /* remove: tunnel, inbound, spi; move: tunnel, spi, local, remote */
	struct secret *cipher_key, *auth_key;
};

struct sa_queue {
	struct dataplane *dp;
	void (*failed)(void *ctx, uint32_t tunnel, int error);
	void *ctx;
	struct change *first, **last;
	uint64_t delayed;
};

struct sa_queue *sa_queue_new(struct dataplane *dp,
			      void (*failed)(void *ctx, uint32_t tunnel, int error), void *ctx)
{
	struct sa_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->dp = dp;
	q->failed = failed;
	q->ctx = ctx;
	q->last = &q->first;
	return q;
}

static void forget(struct change *c)
{
	secret_free(c->cipher_key);
	secret_free(c->auth_key);
	free(c);
}

void sa_queue_free(struct sa_queue *q)
{
	if (!q)
		return;
	while (q->first) {
		struct change *c = q->first;

		q->first = c->next;
		forget(c);
	}
	free(q);
}

static int try(struct sa_queue *q, enum change_kind kind, const struct dataplane_sa *sa)
{
	switch (kind) {
	case CHANGE_INSTALL:
		return dataplane_sa_install(q->dp, sa);
	case CHANGE_REMOVE:
		return dataplane_sa_remove(q->dp, sa->tunnel, sa->inbound, sa->spi);
	case CHANGE_MOVE:
		return dataplane_sa_move(q->dp, sa->tunnel, sa->spi, &sa->local, &sa->remote);
	case CHANGE_REFRESH:
		return dataplane_sa_refresh(q->dp, sa->tunnel);
	}
	return -EINVAL;
}

static int keep(struct sa_queue *q, enum change_kind kind, const struct dataplane_sa *sa)
{
	struct change *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->kind = kind;
	c->sa = *sa;
	if (kind == CHANGE_INSTALL) {
		c->cipher_key = secret_from(sa->cipher_key, sa->cipher_key_len);
		if (sa->auth_key_len > 0) /* an AEAD has none */
			c->auth_key = secret_from(sa->auth_key, sa->auth_key_len);
		if (!c->cipher_key || (sa->auth_key_len > 0 && !c->auth_key)) {
			forget(c);
			return -ENOMEM;
		}
		c->sa.cipher_key = c->cipher_key->data;
		c->sa.auth_key = c->auth_key ? c->auth_key->data : NULL;
	}
	*q->last = c;
	q->last = &c->next;
	q->delayed++;
	return 0;
}

static int submit(struct sa_queue *q, enum change_kind kind, const struct dataplane_sa *sa)
{
	int rc = -EAGAIN;

	if (!q->first)
		rc = try(q, kind, sa);
	return rc == -EAGAIN ? keep(q, kind, sa) : rc;
}

int sa_queue_install(struct sa_queue *q, const struct dataplane_sa *sa)
{
	return submit(q, CHANGE_INSTALL, sa);
}

int sa_queue_remove(struct sa_queue *q, uint32_t tunnel, bool inbound, uint32_t spi)
{
	struct dataplane_sa sa = { .tunnel = tunnel, .inbound = inbound, .spi = spi };

	return submit(q, CHANGE_REMOVE, &sa);
}

int sa_queue_move(struct sa_queue *q, uint32_t tunnel, uint32_t spi_out,
		  const struct endpoint *local, const struct endpoint *remote)
{
	struct dataplane_sa sa = {
		.tunnel = tunnel, .spi = spi_out, .local = *local, .remote = *remote
	};

	return submit(q, CHANGE_MOVE, &sa);
}

int sa_queue_refresh(struct sa_queue *q, uint32_t tunnel)
{
	struct dataplane_sa sa = { .tunnel = tunnel };

	return submit(q, CHANGE_REFRESH, &sa);
}

void sa_queue_flush(struct sa_queue *q)
{
	while (q->first) {
		struct change *c = q->first;
		int rc = try(q, c->kind, &c->sa);

		if (rc == -EAGAIN)
			return;
		q->first = c->next;
		if (!q->first)
			q->last = &q->first;
		if (rc < 0 && c->kind == CHANGE_INSTALL)
			q->failed(q->ctx, c->sa.tunnel, rc);
		forget(c);
	}
}

bool sa_queue_waiting(const struct sa_queue *q)
{
	return q->first != NULL;
}

uint64_t sa_queue_delayed(const struct sa_queue *q)
{
	return q->delayed;
}
