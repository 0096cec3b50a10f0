#include "dataplane/drop.h"

static const struct {
	const char *name, *text;
} reasons[DROP_REASON_COUNT] = {
#define DROP_REASON_TEXT(id, name, text) [DROP_##id] = { name, text },
	DROP_REASONS(DROP_REASON_TEXT)
#undef DROP_REASON_TEXT
};

const char *drop_reason_name(enum drop_reason r)
{
	return (unsigned)r < DROP_REASON_COUNT ? reasons[r].name : "unknown";
}

const char *drop_reason_text(enum drop_reason r)
{
	return (unsigned)r < DROP_REASON_COUNT ? reasons[r].text : "unknown";
}
