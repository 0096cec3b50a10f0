/* Pieces of messages in any order, beside a model that keeps them all: what is put together is what
 * was cut, and nothing outlives its time. Each step is a byte for the message and the number, one
 * for the total, one for the length; a total of 0 lets time pass. */
#include "tests/fuzz/fuzz.h"

#include "ike/core.h"
#include "ike/fragment.h"

#include <errno.h>
#include <string.h>

static struct ike_engine *engine;

static struct model {
	uint32_t id;
	uint16_t total;
	unsigned have;
	bool there[IKE_FRAGMENTS_MAX + 1];
	size_t n[IKE_FRAGMENTS_MAX + 1], bytes;
	ike_time since;
} model;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct ike_ops ops = { 0 };

	engine = ike_engine_new(&ops, NULL);
	return engine ? 0 : 1;
}

/* Bytes of a piece tell which one it is. */
static uint8_t mark(uint32_t id, unsigned number, size_t at)
{
	return (uint8_t)(id * 31 + number * 7 + at);
}

static bool model_wants(const struct ike_piece *p)
{
	if (!p->number || p->number > p->total || p->total > IKE_FRAGMENTS_MAX)
		return false;
	if (!model.total || model.id != p->id)
		return true;
	return p->total == model.total ? !model.there[p->number] : p->total > model.total;
}

static void model_add(const struct ike_piece *p, size_t n)
{
	if (!model.total || model.id != p->id || model.total != p->total)
		model = (struct model){ .id = p->id, .total = p->total, .since = engine->now };
	model.there[p->number] = true;
	model.n[p->number] = n;
	model.bytes += n;
	model.have++;
}

static void compare(struct ike_fragments **f)
{
	static uint8_t out[IKE_FRAGMENTS_BYTES];
	uint8_t first = 0;
	size_t n = ike_fragments_join(engine, f, out, &first), at = 0;

	PROMISE(n == model.bytes && !*f && first == (uint8_t)(model.id + 1));
	for (unsigned i = 1; i <= model.total; i++)
		for (size_t k = 0; k < model.n[i]; k++)
			PROMISE(out[at++] == mark(model.id, i, k));
	model = (struct model){ 0 };
}

static void arrive(struct ike_fragments **f, const struct ike_piece *p, size_t n)
{
	static uint8_t plain[4096];
	int rc;

	PROMISE(ike_fragments_want(*f, p) == model_wants(p));
	if (!model_wants(p))
		return;
	for (size_t k = 0; k < n; k++)
		plain[k] = mark(p->id, p->number, k);
	model_add(p, n);
	rc = ike_fragments_add(engine, f, p, (struct view){ plain, n });
	if (model.bytes > IKE_FRAGMENTS_BYTES) {
		PROMISE(rc == -EMSGSIZE && !*f);
		model = (struct model){ 0 };
	} else if (model.have == model.total) {
		PROMISE(rc == 0);
		compare(f);
	} else {
		PROMISE(rc == -EAGAIN && *f);
	}
}

static void pass_time(struct ike_fragments **f, unsigned seconds)
{
	ike_tick(engine, engine->now + seconds * IKE_SECOND);
	if (model.total && engine->now - model.since >= IKE_FRAGMENTS_PATIENCE)
		model = (struct model){ 0 };
	PROMISE(!*f == !model.total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ike_fragments *f = NULL;

	model = (struct model){ 0 };
	while (size > 0) {
		uint8_t what = fuzz_byte(&data, &size), total = fuzz_byte(&data, &size);
		uint8_t length = fuzz_byte(&data, &size);
		struct ike_piece p = { .id = what & 3,
				       .number = what >> 2,
				       .total = total % (IKE_FRAGMENTS_MAX + 2),
				       .first = (uint8_t)((what & 3) + 1) };

		if (total)
			arrive(&f, &p, (size_t)length * 16);
		else
			pass_time(&f, length % 16);
	}
	ike_fragments_drop(engine, &f);
	PROMISE(!f && ike_next_deadline(engine) == IKE_NEVER);
	return 0;
}
