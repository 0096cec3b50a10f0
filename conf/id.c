/* Identities of IKE peers (RFC 7296 §3.5), as text and as on the wire. */
#include "conf/model.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static int id_set(struct conf_id *out, enum conf_id_type type, const void *data, size_t len)
{
	if (len == 0 || len > CONF_ID_BYTES)
		return -EINVAL;
	*out = (struct conf_id){ .type = (uint8_t)type, .len = (uint8_t)len };
	memcpy(out->data, data, len);
	return 0;
}

static const char *after(const char *text, const char *start)
{
	size_t n = strlen(start);

	return strncmp(text, start, n) == 0 ? text + n : NULL;
}

static int key_id_parse(struct conf_id *out, const char *text)
{
	const char *hex = after(text, "0x");
	uint8_t bytes[CONF_ID_BYTES];
	size_t n;

	if (hex == NULL)
		return id_set(out, CONF_ID_KEY_ID, text, strlen(text));
	if (sodium_hex2bin(bytes, sizeof(bytes), hex, strlen(hex), NULL, &n, NULL) != 0 ||
	    n * 2 != strlen(hex))
		return -EINVAL;
	return id_set(out, CONF_ID_KEY_ID, bytes, n);
}

int conf_id_parse(struct conf_id *out, const char *text)
{
	const char *rest;
	struct addr a;

	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return -EINVAL;
	if ((rest = after(text, "key_id:")) != NULL)
		return key_id_parse(out, rest);
	if ((rest = after(text, "fqdn:")) != NULL)
		return id_set(out, CONF_ID_FQDN, rest, strlen(rest));
	if ((rest = after(text, "user_fqdn:")) != NULL)
		return id_set(out, CONF_ID_USER_FQDN, rest, strlen(rest));
	if (addr_parse(&a, text)) {
		*out = conf_id_address(&a);
		return 0;
	}
	return id_set(out, strchr(text, '@') != NULL ? CONF_ID_USER_FQDN : CONF_ID_FQDN, text,
		      strlen(text));
}

struct conf_id conf_id_address(const struct addr *a)
{
	struct conf_id id = { .type = a->family == ADDR_IPV6 ? CONF_ID_IPV6 : CONF_ID_IPV4,
			      .len = (uint8_t)addr_bytes(a) };

	memcpy(id.data, a->b, id.len);
	return id;
}

static bool printable(const struct conf_id *id)
{
	for (unsigned i = 0; i < id->len; i++)
		if (id->data[i] <= ' ' || id->data[i] >= 0x7f)
			return false;
	return id->len > 0;
}

static const char *address_format(const struct conf_id *id, uint8_t family, char *buf, size_t size)
{
	struct addr a = { .family = family };
	char text[ADDR_STR_MAX];

	if (id->len != addr_bytes(&a)) {
		snprintf(buf, size, "(bad address, %u bytes)", id->len);
		return buf;
	}
	memcpy(a.b, id->data, id->len);
	snprintf(buf, size, "%s", addr_format(&a, text));
	return buf;
}

const char *conf_id_format(const struct conf_id *id, char *buf, size_t size)
{
	static const char *const kind[] = { [CONF_ID_FQDN] = "fqdn:",
					    [CONF_ID_USER_FQDN] = "user_fqdn:",
					    [CONF_ID_KEY_ID] = "key_id:" };
	char hex[2 * CONF_ID_BYTES + 1];
	const char *start;

	if (id->type == CONF_ID_IPV4)
		return address_format(id, ADDR_IPV4, buf, size);
	if (id->type == CONF_ID_IPV6)
		return address_format(id, ADDR_IPV6, buf, size);
	start = id->type <= CONF_ID_KEY_ID ? kind[id->type] : "(unknown type)";
	/* What a peer sent may hold anything: only plain characters reach a terminal as they are.
	 */
	if (printable(id)) {
		snprintf(buf, size, "%s%.*s", start, id->len, (const char *)id->data);
	} else {
		sodium_bin2hex(hex, sizeof(hex), id->data, id->len);
		snprintf(buf, size, "%s0x%s", start, hex);
	}
	return buf;
}

static bool is_written(const struct conf_id *id, const char *text)
{
	struct conf_id back;

	return conf_id_parse(&back, text) == 0 && memcmp(&back, id, sizeof(back)) == 0;
}

const char *conf_id_write(const struct conf_id *id, char buf[CONF_ID_TEXT_BYTES])
{
	static const char *const start[] = { "", "fqdn:", "user_fqdn:", "key_id:" };
	char hex[2 * CONF_ID_BYTES + 1];

	if (id->type == CONF_ID_IPV4 || id->type == CONF_ID_IPV6)
		return conf_id_format(id, buf, CONF_ID_TEXT_BYTES);
	for (unsigned i = 0; i < sizeof(start) / sizeof(start[0]); i++) {
		snprintf(buf, CONF_ID_TEXT_BYTES, "%s%.*s", start[i], id->len,
			 (const char *)id->data);
		if (is_written(id, buf))
			return buf;
	}
	sodium_bin2hex(hex, sizeof(hex), id->data, id->len);
	snprintf(buf, CONF_ID_TEXT_BYTES, "key_id:0x%s", hex);
	return buf;
}
