/* ID payloads: read, printed, and compared with one identity of each type. */
#include "tests/fuzz/fuzz.h"

#include "ike/identity.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conf_id configured[] = {
		{ CONF_ID_IPV4, 4, { 192, 0, 2, 1 } },
		{ CONF_ID_IPV6, 16, { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } },
		{ CONF_ID_FQDN, 10, "gw.example" },
		{ CONF_ID_USER_FQDN, 9, "a@example" },
		{ CONF_ID_KEY_ID, 3, { 0, 0xff, 0x1b } },
	};
	struct ike_identity id;
	char text[64], tiny[3];
	unsigned same = 0;

	if (ike_identity_parse(&id, (struct view){ data, size }) != 0)
		return 0;
	PROMISE(strlen(ike_identity_format(&id, text, sizeof(text))) < sizeof(text));
	PROMISE(strlen(ike_identity_format(&id, tiny, sizeof(tiny))) < sizeof(tiny));
	for (const char *c = text; *c; c++)
		PROMISE(*c >= ' ' && *c < 0x7f);
	for (size_t i = 0; i < sizeof(configured) / sizeof(configured[0]); i++)
		same += ike_identity_matches(&id, &configured[i]);
	PROMISE(same <= 1);
	return 0;
}
