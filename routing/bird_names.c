#include "routing/bird_names.h"

#include <stdio.h>
#include <string.h>

const char *bird_protocol_name(char *buf, uint32_t session, bool own_ipv6)
{
	snprintf(buf, BIRD_NAME_BYTES, own_ipv6 ? BIRD_PROTOCOL6 : BIRD_PROTOCOL, session);
	return buf;
}

const char *bird_table_name(char *buf, uint32_t table, bool ipv6)
{
	snprintf(buf, BIRD_NAME_BYTES, ipv6 ? BIRD_TABLE6 : BIRD_TABLE, table);
	return buf;
}

bool bird_protocol_parse(const char *name, unsigned n, uint32_t *session, bool *own_ipv6)
{
	unsigned at = 3;
	uint64_t number = 0;

	if (n < 5 || memcmp(name, "tun", 3) != 0)
		return false;
	*own_ipv6 = name[at] == '6';
	at += *own_ipv6;
	if (name[at++] != '_' || at == n || n - at > 10 || (name[at] == '0' && n - at > 1))
		return false;
	for (; at < n; at++) {
		if (name[at] < '0' || name[at] > '9')
			return false;
		number = number * 10 + (uint64_t)(name[at] - '0');
	}
	*session = (uint32_t)number;
	return number <= UINT32_MAX;
}

bool bird_string_is_safe(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == '"' || *text == 0x7f)
			return false;
	return true;
}
