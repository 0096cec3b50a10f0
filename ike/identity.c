#include "ike/identity.h"

#include "conf/addr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RESERVED_BYTES 3

static uint8_t family_of(uint8_t type)
{
	return type == IKE_ID_IPV4_ADDR	  ? ADDR_IPV4
	       : type == IKE_ID_IPV6_ADDR ? ADDR_IPV6
					  : ADDR_NONE;
}

int ike_identity_parse(struct ike_identity *out, struct view body)
{
	struct addr a = { 0 };

	*out = (struct ike_identity){ 0 };
	if (!view_u8(&body, &out->type) || !view_skip(&body, RESERVED_BYTES) || body.n == 0)
		return -EBADMSG;
	out->data = body;
	a.family = family_of(out->type);
	if (a.family != ADDR_NONE && body.n != addr_bytes(&a))
		return -EBADMSG;
	return 0;
}

static uint8_t wire_type(const struct conf_id *id)
{
	switch (id->type) {
	case CONF_ID_IPV4:
		return IKE_ID_IPV4_ADDR;
	case CONF_ID_IPV6:
		return IKE_ID_IPV6_ADDR;
	case CONF_ID_FQDN:
		return IKE_ID_FQDN;
	case CONF_ID_USER_FQDN:
		return IKE_ID_RFC822_ADDR;
	default:
		return IKE_ID_KEY_ID;
	}
}

void ike_identity_emit(struct writer *w, const struct conf_id *id)
{
	writer_u8(w, wire_type(id));
	writer_room(w, RESERVED_BYTES);
	writer_bytes(w, id->data, id->len);
}

/* The address that an identity stands for, be it in binary or in text. */
static bool as_addr(const struct ike_identity *id, struct addr *a)
{
	char text[ADDR_STR_MAX];

	*a = (struct addr){ .family = family_of(id->type) };
	if (a->family != ADDR_NONE) {
		memcpy(a->b, id->data.p, id->data.n);
		return true;
	}
	if (id->type == IKE_ID_DER_ASN1_DN || id->data.n >= sizeof(text) ||
	    memchr(id->data.p, '\0', id->data.n))
		return false;
	memcpy(text, id->data.p, id->data.n);
	text[id->data.n] = '\0';
	return addr_parse(a, text);
}

bool ike_identity_matches(const struct ike_identity *received, const struct conf_id *configured)
{
	const struct ike_identity own = { wire_type(configured),
					  { configured->data, configured->len } };
	struct addr a, b;
	bool a_is_addr = as_addr(received, &a), b_is_addr = as_addr(&own, &b);

	if (a_is_addr && b_is_addr)
		return addr_equal(&a, &b);
	if (a_is_addr != b_is_addr || received->data.n != own.data.n)
		return false;
	/* A DN is binary; everything else that can be configured is a name or an opaque key id. */
	if (received->type == IKE_ID_DER_ASN1_DN || own.type == IKE_ID_KEY_ID)
		return memcmp(received->data.p, own.data.p, own.data.n) == 0;
	return strncasecmp((const char *)received->data.p, (const char *)own.data.p, own.data.n) ==
		       0 &&
	       !memchr(received->data.p, '\0', received->data.n);
}

const char *ike_identity_format(const struct ike_identity *id, char *buf, size_t size)
{
	struct addr a = { .family = family_of(id->type) };
	char text[ADDR_STR_MAX];
	size_t n = 0;

	if (size == 0)
		return buf;
	buf[0] = '\0';
	if (a.family != ADDR_NONE && id->data.n == addr_bytes(&a)) {
		memcpy(a.b, id->data.p, id->data.n);
		snprintf(buf, size, "%s", addr_format(&a, text));
		return buf;
	}
	for (size_t i = 0; i < id->data.n; i++) {
		uint8_t c = id->data.p[i];
		bool plain = c >= 0x20 && c < 0x7f && c != '\\';
		size_t need = plain ? 1 : 4;

		if (n + need >= size)
			break;
		n += (size_t)snprintf(buf + n, size - n, plain ? "%c" : "\\x%02x", c);
	}
	return buf;
}
