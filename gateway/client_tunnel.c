#include "gateway/client_facts.h"

#include <ctype.h>
#include <sodium.h>
#include <string.h>

void facts_set_flag(struct facts *f, const char *name, bool value)
{
	facts_set(f, name, "%s", value ? "yes" : "");
}

void facts_set_number(struct facts *f, const char *name, uint64_t value)
{
	facts_set(f, name, value ? "%llu" : "", (unsigned long long)value);
}

void facts_set_label(struct facts *f, const char *name, const char *value)
{
	char label[CONF_NAME_BYTES];
	size_t n = 0;

	for (; value[n]; n++)
		label[n] = isalnum((uint8_t)value[n]) || value[n] == '-' ? value[n] : '_';
	label[n] = '\0';
	facts_set(f, name, "%s", label);
}

void facts_set_addr(struct facts *f, const char *name, const struct addr *a)
{
	char text[ADDR_STR_MAX] = "";

	facts_set(f, name, "%s", a->family == ADDR_NONE ? "" : addr_format(a, text));
}

static void mask_of(unsigned len, bool wildcard, char *text)
{
	uint32_t mask = len ? ~0u << (32 - len) : 0;
	struct addr a = addr_ipv4(wildcard ? ~mask : mask);

	addr_format(&a, text);
}

/* prefix, net, len, v4 or v6; mask and wildcard of IPv4 */
static void set_prefix(struct facts *f, const struct prefix *p)
{
	struct prefix network = prefix_network(p);
	char text[PREFIX_STR_MAX];

	facts_set(f, "prefix", "%s", prefix_format(&network, text));
	facts_set_addr(f, "net", &network.addr);
	facts_set(f, "len", "%u", p->len);
	facts_set_flag(f, "v4", p->addr.family == ADDR_IPV4);
	facts_set_flag(f, "v6", p->addr.family == ADDR_IPV6);
	if (p->addr.family != ADDR_IPV4)
		return;
	mask_of(p->len, false, text);
	facts_set(f, "mask", "%s", text);
	mask_of(p->len, true, text);
	facts_set(f, "wildcard", "%s", text);
}

void facts_add_prefix(struct facts *f, const char *list, const struct prefix *p)
{
	struct facts *item = facts_item(f, list);

	if (item)
		set_prefix(item, p);
}

static const char *cipher_name(unsigned id)
{
	return algo_ciphers[id].name;
}

static const char *auth_name(unsigned id)
{
	return algo_auths[id].name;
}

static const char *dh_name(unsigned id)
{
	return algo_dhs[id].name;
}

/* NAME: "aes256 aes128"; NAME_list: as our own configuration writes it. */
static void set_algos(struct facts *f, const char *name, const struct algo_list *l,
		      const char *(*name_of)(unsigned id))
{
	char text[256] = "", list[256] = "", key[32];
	size_t used = 0, used_list = 0;

	for (unsigned i = 0; i < l->n; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? " " : "",
					 name_of(l->id[i]));
		used_list += (size_t)snprintf(list + used_list, sizeof(list) - used_list,
					      "%s\"%s\"", i ? ", " : "", name_of(l->id[i]));
	}
	facts_set(f, name, "%s", text);
	snprintf(key, sizeof(key), "%s_list", name);
	facts_set(f, key, "%s", list);
}

/* Could a device's command line or file take it for something else? */
static bool odd_id(const char *text)
{
	for (; *text; text++)
		if (!isalnum((uint8_t)*text) && !strchr("._-@+:/=,%*", *text))
			return true;
	return false;
}

/* NAME and NAME_type: "ipv4", "ipv6", "fqdn", "user_fqdn" or "key_id"; NAME_ours. Is it odd? */
static bool set_id(struct facts *f, const char *name, const struct conf_id *id)
{
	static const char *const type[] = { [CONF_ID_IPV4] = "ipv4",
					    [CONF_ID_IPV6] = "ipv6",
					    [CONF_ID_FQDN] = "fqdn",
					    [CONF_ID_USER_FQDN] = "user_fqdn",
					    [CONF_ID_KEY_ID] = "key_id" };
	char text[2 * CONF_ID_BYTES + 16], key[32];
	const char *value = conf_id_format(id, text, sizeof(text));

	facts_set(f, name, "%s",
		  id->type >= CONF_ID_FQDN && strchr(value, ':') ? strchr(value, ':') + 1 : value);
	snprintf(key, sizeof(key), "%s_type", name);
	facts_set(f, key, "%s", type[id->type]);
	/* As our own configuration writes it. */
	snprintf(key, sizeof(key), "%s_ours", name);
	facts_set(f, key, "%s", value);
	return odd_id(value);
}

/* Letters that no device's command line takes for anything else. */
static bool plain(const struct secret *s)
{
	for (unsigned i = 0; i < s->len; i++)
		if (!isalnum(s->data[i]) && (!s->data[i] || !strchr("+-./=@_,^~*%:", s->data[i])))
			return false;
	/* "0x" and "0s" announce hex and base64 to some. */
	return s->len < 2 || s->data[0] != '0' || !strchr("xXsS", s->data[1]);
}

/* AWS's own rule. */
static bool plain_for_aws(const struct secret *s)
{
	for (unsigned i = 0; i < s->len; i++)
		if (!isalnum(s->data[i]) && s->data[i] != '.' && s->data[i] != '_')
			return false;
	return s->len >= 8 && s->len <= 64 && s->data[0] != '0';
}

/* The text of the key, or with psk_hex its bytes in hex. psk_odd: some devices could not have it.
 */
static void set_psk(struct facts *f, const struct secret *psk, bool with_psk)
{
	char hex[2 * SECRET_MAX + 1];

	facts_set_flag(f, "psk_odd", psk && !plain(psk));
	facts_set_flag(f, "psk_odd_for_aws", psk && !plain_for_aws(psk));
	facts_set_flag(f, "psk_hex", psk && with_psk && !plain(psk));
	if (!with_psk || !psk) {
		facts_set(f, "psk", "PUT-THE-PRE-SHARED-KEY-HERE");
	} else if (plain(psk)) {
		facts_set(f, "psk", "%.*s", psk->len, (const char *)psk->data);
	} else {
		facts_set(f, "psk", "%s", sodium_bin2hex(hex, sizeof(hex), psk->data, psk->len));
		sodium_memzero(hex, sizeof(hex));
	}
}

/* ---- a tunnel ---------------------------------------------------------------------------- */

static uint16_t outer_mtu(const struct conf *c, const struct addr *own)
{
	for (unsigned i = 0; i < c->n_ports; i++)
		for (unsigned n = 0; n < c->port[i].n_addresses; n++)
			if (addr_equal(&c->port[i].address[n].addr, own) &&
			    c->port[i].mtu < CLIENT_OUTER_MTU)
				return c->port[i].mtu;
	return CLIENT_OUTER_MTU;
}

/* What fits in the worst case: the longest trailer of those that may be chosen, and a NAT between.
 */
unsigned client_mtu(const struct conf *c, const struct conf_tunnel *t)
{
	unsigned room = outer_mtu(c, &t->cloud_ip), least = room;

	room -= (t->cloud_ip.family == ADDR_IPV6 ? 40 : 20) + 8 /* UDP */ + 8 /* ESP */;
	for (unsigned i = 0; i < t->esp_cipher.n; i++)
		for (unsigned k = 0; k < t->esp_auth.n; k++) {
			const struct algo_cipher_info *e = &algo_ciphers[t->esp_cipher.id[i]];
			unsigned icv =
				e->aead ? e->icv_bytes : algo_auths[t->esp_auth.id[k]].icv_bytes;
			unsigned align = e->block_bytes > 4 ? e->block_bytes : 4;
			unsigned mtu = ((room - e->iv_bytes - icv) & ~(align - 1)) - 2;

			least = mtu < least ? mtu : least;
		}
	return t->mtu && t->mtu < least ? t->mtu : least;
}

/* Pairs of traffic selectors, of which each is a child SA: mine and cloud. */
static void add_pair(struct facts *f, unsigned number, const struct prefix *mine,
		     const struct prefix *cloud)
{
	static const struct prefix any = { .addr.family = ADDR_IPV4 };
	struct facts *pair = facts_item(f, "pair");
	char text[PREFIX_STR_MAX];

	if (!pair)
		return;
	facts_set(pair, "k", "%u", number);
	set_prefix(pair, mine ? mine : &any);
	for (const char *const *w =
		     (const char *const[]){ "prefix", "net", "len", "mask", "wildcard", NULL };
	     *w; w++) {
		snprintf(text, sizeof(text), "mine_%s", *w);
		facts_set(pair, text, "%s", facts_get(pair, *w) ? facts_get(pair, *w) : "");
	}
	set_prefix(pair, cloud ? cloud : &any);
}

static void set_pairs(struct facts *f, const struct conf_tunnel *t)
{
	unsigned number = 0;

	facts_set_flag(f, "selectors", t->n_ts_local || t->n_ts_remote);
	for (unsigned l = 0; l < t->n_ts_local || l == 0; l++)
		for (unsigned r = 0; r < t->n_ts_remote || r == 0; r++)
			add_pair(f, ++number, t->n_ts_remote ? &t->ts_remote[r] : NULL,
				 t->n_ts_local ? &t->ts_local[l] : NULL);
}

static uint32_t within(uint32_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

/* A power of two, at most 1024, as most devices want it. */
static uint32_t window(uint32_t packets)
{
	uint32_t n = 64;

	while (n < packets && n < 1024)
		n *= 2;
	return n;
}

static void set_ike(struct facts *f, const struct conf_tunnel *t)
{
	bool v1 = t->ike_version == CONF_IKE_V1, auth = false;

	facts_set_flag(f, "v1", v1);
	facts_set_flag(f, "v2", !v1);
	facts_set_flag(f, "aggressive", v1 && t->ike_mode == CONF_IKE_AGGRESSIVE);
	set_algos(f, "ike_cipher", &t->ike_cipher, cipher_name);
	set_algos(f, "ike_auth", &t->ike_auth, auth_name);
	set_algos(f, "ike_dh", &t->ike_dh, dh_name);
	set_algos(f, "esp_cipher", &t->esp_cipher, cipher_name);
	set_algos(f, "esp_auth", &t->esp_auth, auth_name);
	set_algos(f, "esp_pfs", &t->esp_pfs, dh_name);
	for (unsigned i = 0; i < t->esp_cipher.n; i++)
		auth = auth || !algo_ciphers[t->esp_cipher.id[i]].aead;
	facts_set_flag(f, "esp_auth_used", auth);
	facts_set_flag(f, "esp_sha256_96", t->esp_sha256_96);
	facts_set_number(f, "ike_lifetime", t->ike_lifetime);
	facts_set_number(f, "esp_lifetime", t->esp_lifetime);
	facts_set_number(f, "ike_rekey", t->ike_lifetime - t->ike_lifetime / 10);
	facts_set_number(f, "ike_margin", t->ike_lifetime / 10);
	facts_set_number(f, "esp_rekey", t->esp_lifetime - t->esp_lifetime / 10);
	facts_set_number(f, "esp_lifetime_bytes", t->esp_lifetime_bytes);
	facts_set_number(f, "esp_kilobytes", t->esp_lifetime_bytes / 1024);
	facts_set_number(f, "esp_lifetime_packets", t->esp_lifetime_packets);
	facts_set_flag(f, "esp_lifetime_short", t->esp_lifetime < 180);
	facts_set_number(f, "aws_ike_lifetime", within(t->ike_lifetime, 900, 28800));
	facts_set_number(f, "aws_esp_lifetime", within(t->esp_lifetime, 900, 3600));
	facts_set_number(f, "dpd", t->dpd);
	facts_set_number(f, "dpd10",
			 t->dpd && t->dpd < 10 ? 10 : t->dpd); /* where 10 s is the least */
	facts_set_number(f, "replay_window", t->replay_window);
	facts_set_number(f, "replay_1024", window(t->replay_window));
	facts_set_flag(f, "esn", t->esn);
	facts_set_flag(f, "force_udp", t->force_udp);
	facts_set_flag(f, "child_per_pair", t->child_per_pair);
	facts_set_flag(f, "cloud_starts", t->start == CONF_START_INITIATE);
	facts_set(f, "ppk_id", "%s", t->ppk ? t->ppk_id : "");
	facts_set_flag(f, "ppk_required", t->ppk_required);
}

static void set_bgp(struct facts *f, const struct conf_tunnel *t, bool with_psk)
{
	const struct secret *password = t->bgp_password;

	if (password && with_psk)
		facts_set(f, "bgp_secret", "%.*s", password->len, (const char *)password->data);
	else
		facts_set(f, "bgp_secret", "PUT-THE-BGP-PASSWORD-HERE");
	facts_set_number(f, "hold", t->bgp_hold);
	facts_set_number(f, "keepalive", t->bgp_keepalive);
	facts_set_flag(f, "bgp_password", t->bgp_password != NULL);
	facts_set_flag(f, "bgp4", t->bgp_ipv4);
	facts_set_flag(f, "bgp6", t->bgp_ipv6);
	facts_set_flag(f, "bfd", t->bfd);
	facts_set_number(f, "bfd_interval", t->bfd_interval);
	facts_set_number(f, "bfd_multiplier", t->bfd_multiplier);
	facts_set_flag(f, "graceful_restart", t->graceful_restart);
	facts_set_number(f, "graceful_restart_time", t->graceful_restart_time);
}

const char *client_number(const struct conf_tunnel *t, char text[8])
{
	struct prefix inner = prefix_network(&t->inner);
	const uint8_t *last = inner.addr.b + addr_bytes(&inner.addr) - (inner.addr.family ? 2 : 0);

	snprintf(text, 8, "%u", (((unsigned)last[0] << 8 | last[1]) >> 2) + 1);
	return text;
}

void client_tunnel(struct facts *all, const struct conf *c, const struct conf_tunnel *t, unsigned n,
		   bool with_psk)
{
	struct facts *f = facts_item(all, "tunnel");
	struct prefix inner = prefix_network(&t->inner);
	unsigned mtu = client_mtu(c, t);
	bool odd;
	char text[PREFIX_STR_MAX], number[8];

	if (!f)
		return;
	facts_set(f, "tunnel", "%s", t->name);
	facts_set_label(f, "label", t->name);
	facts_set(f, "n", "%u", n);
	facts_set(f, "number", "%s", client_number(t, number));
	facts_set_addr(f, "cloud_ip", &t->cloud_ip);
	facts_set_addr(f, "customer_ip", &t->customer_ip);
	facts_set_flag(f, "outer6", t->cloud_ip.family == ADDR_IPV6);
	odd = set_id(f, "cloud_id", &t->local_id);
	odd = set_id(f, "my_id", &t->remote_id) || odd;
	facts_set_flag(f, "id_odd", odd || (t->ppk && odd_id(t->ppk_id)));
	set_psk(f, t->psk, with_psk);
	facts_set_addr(f, "inner_cloud", &t->inner.addr);
	facts_set_addr(f, "inner_mine", &t->inner_peer);
	facts_set(f, "inner_len", "%u", inner.len);
	facts_set(f, "inner_net", "%s", prefix_format(&inner, text));
	facts_set_flag(f, "inner6", inner.addr.family == ADDR_IPV6);
	mask_of(inner.addr.family == ADDR_IPV4 ? inner.len : 30, false, text);
	facts_set(f, "inner_mask", "%s", text);
	facts_set(f, "mtu", "%u", mtu);
	facts_set(f, "mss", "%u", mtu - 40);
	facts_set_flag(f, "mtu_given", t->mtu != 0);
	facts_set_flag(f, "inner_cloud_first", addr_compare(&t->inner.addr, &t->inner_peer) < 0);
	set_ike(f, t);
	set_bgp(f, t, with_psk);
	set_pairs(f, t);
}
