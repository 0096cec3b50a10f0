#include "gateway/negotiator.h"

#include "gateway/negotiator_thread.h"

#include <errno.h>
#include <stdlib.h>

#define TO_SLOTS   1024
#define FROM_SLOTS 256

static void destroy(struct negotiator *n)
{
	ike_engine_free(n->engine);
	sa_queue_free(n->sas);
	key_export_close(n->keys);
	channel_free(n->to);
	channel_free(n->from);
	free(n->rebuild);
	free(n->leaving);
	free(n);
}

int negotiator_start(struct negotiator **out, struct dataplane *dp,
		     const struct negotiator_ops *ops, void *ctx, const cpu_set_t *cpus,
		     struct key_export *keys)
{
	struct negotiator *n = calloc(1, sizeof(*n));
	pthread_attr_t attr;
	int rc = -ENOMEM;

	if (!n) {
		key_export_close(keys);
		return -ENOMEM;
	}
	n->keys = keys;
	pthread_attr_init(&attr);
	n->dp = dp;
	n->ops = ops;
	n->ctx = ctx;
	n->to = channel_new(sizeof(struct to_negotiator), TO_SLOTS);
	n->from = channel_new(sizeof(struct from_negotiator), FROM_SLOTS);
	n->engine = ike_engine_new(&negotiator_engine_ops, n);
	n->sas = sa_queue_new(dp, negotiator_install_failed, n);
	if (!n->to || !n->from || !n->engine || !n->sas)
		goto out;
	if (cpus)
		pthread_attr_setaffinity_np(&attr, sizeof(*cpus), cpus);
	rc = -pthread_create(&n->thread, &attr, negotiator_thread, n);
	if (rc == 0)
		pthread_setname_np(n->thread, "negotiator");
out:
	pthread_attr_destroy(&attr);
	if (rc < 0)
		destroy(n);
	else
		*out = n;
	return rc;
}

static void hand_out(struct negotiator *n, const struct from_negotiator *m)
{
	switch (m->kind) {
	case FROM_STATE:
		n->ops->tunnel_state(n->ctx, m->tunnel, m->up, m->reason, m->text);
		break;
	case FROM_EVENT:
		n->ops->event(n->ctx, m->tunnel, m->text);
		break;
	case FROM_REKEYED:
		n->ops->rekeyed(n->ctx, m->tunnel, m->ike);
		break;
	case FROM_ANSWER:
		m->ask->messages_delayed += channel_full(n->to);
		m->ask->done(m->ask);
		break;
	case FROM_REMOVED:
		n->ops->removed(n->ctx, m->tunnel);
		break;
	case FROM_STOPPED:
		n->ops->stopped(n->ctx);
		break;
	}
}

static void cancel(struct negotiator_ask *ask)
{
	ask->result = -ECANCELED;
	ask->done(ask);
}

void negotiator_free(struct negotiator *n)
{
	struct from_negotiator from;
	struct to_negotiator to;

	if (!n)
		return;
	atomic_store_explicit(&n->quit, true, memory_order_release);
	channel_wake(n->to);
	pthread_join(n->thread, NULL);
	/* One thread is left: it may play both ends. */
	for (channel_flush(n->from); channel_receive(n->from, &from); channel_flush(n->from))
		if (from.kind == FROM_ANSWER)
			cancel(from.ask);
	for (channel_flush(n->to); channel_receive(n->to, &to); channel_flush(n->to)) {
		if (to.kind == TO_ADD || to.kind == TO_CHANGE)
			negotiator_forget_conf(to.conf);
		else if (to.kind == TO_ASK)
			cancel(to.ask);
	}
	destroy(n);
}

static int send_conf(struct negotiator *n, enum to_kind kind, uint32_t tunnel,
		     const struct conf_tunnel *t)
{
	struct to_negotiator m = { .kind = kind, .tunnel = tunnel };
	int rc;

	m.conf = calloc(1, sizeof(*m.conf));
	if (!m.conf)
		return -ENOMEM;
	rc = conf_tunnel_copy(m.conf, t);
	if (rc == 0)
		rc = channel_send(n->to, &m);
	if (rc < 0)
		negotiator_forget_conf(m.conf);
	return rc;
}

int negotiator_add(struct negotiator *n, uint32_t tunnel, const struct conf_tunnel *t)
{
	return send_conf(n, TO_ADD, tunnel, t);
}

int negotiator_change(struct negotiator *n, uint32_t tunnel, const struct conf_tunnel *t)
{
	return send_conf(n, TO_CHANGE, tunnel, t);
}

static int send_word(struct negotiator *n, enum to_kind kind, uint32_t tunnel)
{
	struct to_negotiator m = { .kind = kind, .tunnel = tunnel };

	return channel_send(n->to, &m);
}

int negotiator_enable(struct negotiator *n, uint32_t tunnel, bool enabled)
{
	return send_word(n, enabled ? TO_ENABLE : TO_DISABLE, tunnel);
}

int negotiator_refresh(struct negotiator *n, uint32_t tunnel)
{
	return send_word(n, TO_REFRESH, tunnel);
}

int negotiator_remove(struct negotiator *n, uint32_t tunnel)
{
	return send_word(n, TO_REMOVE, tunnel);
}

void negotiator_stop(struct negotiator *n)
{
	struct to_negotiator m = { .kind = TO_STOP };

	if (channel_send(n->to, &m) < 0)
		n->ops->stopped(n->ctx); /* no memory to say good-bye with */
}

int negotiator_ask(struct negotiator *n, struct negotiator_ask *ask)
{
	struct to_negotiator m = { .kind = TO_ASK, .ask = ask };

	return channel_send(n->to, &m);
}

int negotiator_fd(const struct negotiator *n)
{
	return channel_fd(n->from);
}

void negotiator_receive(struct negotiator *n)
{
	struct from_negotiator m;

	channel_clear(n->from);
	while (channel_receive(n->from, &m))
		hand_out(n, &m);
}

bool negotiator_busy(const struct negotiator *n)
{
	return channel_waiting(n->to);
}

void negotiator_flush(struct negotiator *n)
{
	channel_flush(n->to);
}
