/* TS payloads: the first byte cuts the input into an offer and a policy. */
#include "tests/fuzz/fuzz.h"

#include "ike/selector.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

static void comes_back(const struct ike_selectors *s)
{
	struct ike_selectors back;
	char text[200], tiny[5];
	uint8_t buf[1024];
	struct writer w;

	PROMISE(s->n <= IKE_TS_MAX);
	PROMISE(strlen(ike_selectors_format(s, text, sizeof(text))) < sizeof(text));
	PROMISE(strlen(ike_selectors_format(s, tiny, sizeof(tiny))) < sizeof(tiny));
	if (s->n == 0)
		return;
	writer_init(&w, buf, sizeof(buf));
	ike_selectors_emit(&w, s);
	PROMISE(!w.failed);
	PROMISE(ike_selectors_parse(&back, (struct view){ buf, w.n }) == 0);
	PROMISE(back.n == s->n && ike_selectors_equal(&back, s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = fuzz_byte(&data, &size);
	struct ike_selectors offer, policy, answer;
	struct view a, b = { data, size };

	if (!view_take(&b, cut, &a) || ike_selectors_parse(&offer, a) != 0)
		return 0;
	comes_back(&offer);
	if (ike_selectors_parse(&policy, b) != 0)
		ike_selectors_from_prefixes(&policy, NULL, 0);
	comes_back(&policy);
	if (ike_selectors_narrow(&answer, &offer, &policy)) {
		PROMISE(ike_selectors_within(&answer, &offer));
		PROMISE(ike_selectors_within(&answer, &policy));
		comes_back(&answer);
	} else {
		PROMISE(answer.n == 0);
	}
	return 0;
}
