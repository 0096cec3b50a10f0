/* Tunnels: service parameters, their defaults and ranges. */
#include "conf/parse.h"
#include "conf/psk.h"
#include "conf/writer.h"

#include <assert.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* What makes an algorithm list of each kind: its names, and which of them are weak. */
struct algorithms {
	unsigned n; /* names 1..n-1; 0 is "none" */
	const char *(*name)(unsigned id);
	bool (*weak)(unsigned id);
	bool none; /* "none" is allowed, alone */
};

static const char *cipher_name(unsigned id)
{
	return algo_ciphers[id].name;
}
static bool cipher_weak(unsigned id)
{
	return algo_ciphers[id].weak;
}
static const char *auth_name(unsigned id)
{
	return algo_auths[id].name;
}
static bool auth_weak(unsigned id)
{
	return algo_auths[id].weak;
}
static const char *dh_name(unsigned id)
{
	return algo_dhs[id].name;
}
static bool dh_weak(unsigned id)
{
	return algo_dhs[id].weak;
}

/* ESP is without 3DES, which is the last in the table. */
static_assert(CIPHER_3DES_CBC == CIPHER_COUNT - 1, "ESP's ciphers are all but the last");
static const struct algorithms ike_ciphers = { CIPHER_COUNT, cipher_name, cipher_weak, false };
static const struct algorithms esp_ciphers = { CIPHER_3DES_CBC, cipher_name, cipher_weak, false };
static const struct algorithms auths = { AUTH_COUNT, auth_name, auth_weak, false };
static const struct algorithms groups = { DH_COUNT, dh_name, dh_weak, false };
static const struct algorithms pfs_groups = { DH_COUNT, dh_name, dh_weak, true };

static const char *allowed_names(const struct algorithms *a, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned id = a->none ? 0 : 1; id < a->n; id++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n > 0 ? ", " : "", a->name(id));
	return buf;
}

static bool read_algorithm(struct reader *r, const config_setting_t *s, const struct field *f,
			   const struct algorithms *a, bool alone, struct algo_list *list)
{
	char allowed[200];
	const char *text;
	unsigned id = a->none ? 0 : 1;

	if (!field_string(r, s, f, &text))
		return false;
	while (id < a->n && strcmp(a->name(id), text) != 0)
		id++;
	if (id == a->n || (id == 0 && !alone)) {
		field_problem(r, PROBLEM_ERROR, s, f, "%s; allowed: %s",
			      id == a->n ? "unknown" : "must stand alone",
			      allowed_names(a, allowed, sizeof(allowed)));
		return false;
	}
	if (id == 0)
		return true;
	if (!algo_list_add(list, id)) {
		field_problem(r, PROBLEM_ERROR, s, f, "is listed twice");
		return false;
	}
	if (a->weak(id))
		field_problem(r, PROBLEM_WARNING, s, f, "is weak, use it only if the peer must");
	return true;
}

static bool read_algorithms(struct reader *r, const config_setting_t *s, const struct field *f,
			    void *object)
{
	bool list_given = config_setting_is_array(s) || config_setting_is_list(s);
	unsigned n = list_given ? (unsigned)config_setting_length(s) : 1;
	struct algo_list list = { 0 };
	bool ok = true;

	if (n < 1 || n > ALGO_LIST_MAX) {
		field_problem(r, PROBLEM_ERROR, s, f, "has %u elements; must have 1 to %d", n,
			      ALGO_LIST_MAX);
		return false;
	}
	for (unsigned i = 0; i < n; i++) {
		const config_setting_t *e = list_given ? config_setting_get_elem(s, i) : s;

		ok = read_algorithm(r, e, f, f->arg, n == 1, &list) && ok;
	}
	if (ok)
		*(struct algo_list *)((char *)object + f->offset) = list;
	return ok;
}

static void write_algorithms(struct writer *w, const struct field *f, const void *object)
{
	const struct algo_list *list = field_value(f, object);
	const struct algorithms *a = f->arg;

	if (list->n <= 1) {
		writer_string(w, a->name(list->n == 1 ? list->id[0] : 0));
		return;
	}
	for (unsigned i = 0; i < list->n; i++) {
		fputs(i == 0 ? "[ " : ", ", w->out);
		writer_string(w, a->name(list->id[i]));
	}
	fputs(" ]", w->out);
}

static const char *algorithm_at(const struct field *f, unsigned i)
{
	const struct algorithms *a = f->arg;
	unsigned id = a->none ? i : i + 1;

	return id < a->n ? a->name(id) : NULL;
}

static const struct field_kind kind_algorithms = {
	.choice = algorithm_at, .read = read_algorithms, .write = write_algorithms, .list = true
};

#define LIFETIME_MIN   60 /* what the service allows */
#define LIFETIME_TESTS 3  /* what tests of rekeying need */

static bool read_lifetime(struct reader *r, const config_setting_t *s, const struct field *f,
			  void *object)
{
	if (!field_read_uint(r, s, f, object))
		return false;
	if (*(uint32_t *)((char *)object + f->offset) < LIFETIME_MIN)
		field_problem(r, PROBLEM_WARNING, s, f, "is below %d s: for tests only",
			      LIFETIME_MIN);
	return true;
}

static const struct field_kind kind_lifetime = {
	.read = read_lifetime, .same = field_same_uint, .write = field_write_uint, .plain = true
};

static bool read_id(struct reader *r, const config_setting_t *s, const struct field *f,
		    void *object)
{
	const char *text;

	if (!field_string(r, s, f, &text))
		return false;
	if (conf_id_parse((struct conf_id *)((char *)object + f->offset), text) == 0)
		return true;
	field_problem(r, PROBLEM_ERROR, s, f,
		      "must be an address, a name, user@name, or key_id: and a text or 0x and hex, "
		      "of at most %d bytes",
		      CONF_ID_BYTES);
	return false;
}

static void write_id(struct writer *w, const struct field *f, const void *object)
{
	char text[CONF_ID_TEXT_BYTES];

	writer_string(w, conf_id_write(field_value(f, object), text));
}

static const struct field_kind kind_id = { .read = read_id, .write = write_id };

/* psk and ppk: a secret at f->offset. */
static bool read_psk(struct reader *r, const config_setting_t *s, const struct field *f,
		     void *object)
{
	struct secret **key = (struct secret **)((char *)object + f->offset);
	const char *mark, *fault;
	long i;

	if (!field_string(r, s, f, &mark))
		return false;
	i = source_mark(r->source, mark);
	secret_free(*key);
	*key = i >= 0 ? psk_parse(r->source->secret[i], &fault) : NULL;
	if (*key != NULL)
		return true;
	field_problem(r, PROBLEM_ERROR, s, f,
		      "the key %s; allowed are 1 to 128 bytes: printable text, 0x and hex, or 0s "
		      "and base64",
		      i >= 0 ? fault : "is no plain text");
	return false;
}

static void write_psk(struct writer *w, const struct field *f, const void *object)
{
	writer_secret(w, psk_format(*(struct secret *const *)field_value(f, object)));
}

static const struct field_kind kind_psk = { .read = read_psk,
					    .same = field_same_secret,
					    .write = write_psk };

/* Which of the four addresses of a /30 or /126 this is. */
static unsigned host_of(const struct prefix *p)
{
	return p->addr.b[addr_bytes(&p->addr) - 1] & 3u;
}

static bool inner_allowed(const struct prefix *p)
{
	static const char *const ranges[] = { "169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12",
					      "192.168.0.0/16", "2000::/3",   "fc00::/7" };
	struct prefix range;

	if (p->len != addr_bits(&p->addr) - 2)
		return false;
	for (unsigned i = 0; i < N(ranges); i++)
		if (prefix_parse(&range, ranges[i]) && prefix_covers(&range, p))
			return true;
	return false;
}

static bool read_inner(struct reader *r, const config_setting_t *s, const struct field *f,
		       void *object)
{
	struct conf_tunnel *t = object;
	struct prefix p;
	const char *text;
	unsigned host;

	if (!field_string(r, s, f, &text))
		return false;
	if (!prefix_parse(&p, text) || !inner_allowed(&p) || host_of(&p) == 3) {
		field_problem(r, PROBLEM_ERROR, s, f,
			      "must be our address in a /30 of 169.254.0.0/16, 10.0.0.0/8, "
			      "172.16.0.0/12 or 192.168.0.0/16, or in an IPv6 /126");
		return false;
	}
	/* A bare network leaves the choice to us: the customer gets the first host. */
	host = host_of(&p) == 0 ? 2 : host_of(&p);
	t->inner_peer = t->inner.addr = prefix_first(&p);
	t->inner.len = p.len;
	t->inner.addr.b[addr_bytes(&p.addr) - 1] |= (uint8_t)host;
	t->inner_peer.b[addr_bytes(&p.addr) - 1] |= (uint8_t)(3 - host);
	t->inner_given = true;
	return true;
}

static void write_inner(struct writer *w, const struct field *f, const void *object)
{
	char text[PREFIX_STR_MAX];

	writer_string(w, prefix_format(field_value(f, object), text));
}

static const struct field_kind kind_inner = { .read = read_inner, .write = write_inner };

static const struct field_choice versions[] = {
	{ "v1", CONF_IKE_V1 },
	{ "v2", CONF_IKE_V2 },
	{ NULL, 0 },
};

static const struct field_choice modes[] = {
	{ "main", CONF_IKE_MAIN },
	{ "aggressive", CONF_IKE_AGGRESSIVE },
	{ NULL, 0 },
};

static const struct field_choice starts[] = {
	{ "initiate", CONF_START_INITIATE },
	{ "respond", CONF_START_RESPOND },
	{ "on_demand", CONF_START_ON_DEMAND },
	{ NULL, 0 },
};

static const struct field_choice df_policies[] = {
	{ "set", CONF_DF_SET },
	{ "copy", CONF_DF_COPY },
	{ "clear", CONF_DF_CLEAR },
	{ NULL, 0 },
};

#define LIFETIME .kind = &kind_lifetime, .min = LIFETIME_TESTS, .max = 86400, .unit = "seconds"
#define ALGO(member, algorithms) \
	.kind = &kind_algorithms, .arg = &(algorithms), FIELD_AT(struct conf_tunnel, member)

static const struct field tunnel_fields[] = {
	{ "name", &field_name, .required = true, FIELD_AT(struct conf_tunnel, name),
	  .means = "how the shell calls the tunnel" },
	{ "description", &field_text, FIELD_AT(struct conf_tunnel, description), .max = 256,
	  .means = "for people" },
	{ "cloud_ip", &field_addr, .required = true, FIELD_AT(struct conf_tunnel, cloud_ip),
	  .means = "one of cloud_addresses" },
	{ "customer_ip", &field_addr, .required = true, FIELD_AT(struct conf_tunnel, customer_ip),
	  .means = "an address of the customer gateway" },
	{ "psk", &kind_psk, .secret = true, FIELD_AT(struct conf_tunnel, psk),
	  .means =
		  "the pre-shared key: text, 0x and hex, or 0s and base64; by itself a random one" },
	{ "local_id", &kind_id, FIELD_AT(struct conf_tunnel, local_id),
	  .means = "who we are: an address, a domain name, user@domain or key_id:TEXT" },
	{ "remote_id", &kind_id, FIELD_AT(struct conf_tunnel, remote_id),
	  .means = "who the peer is, in the same forms" },
	{ "inner", &kind_inner, FIELD_AT(struct conf_tunnel, inner),
	  .means = "our address inside the tunnel, in a /30 or an IPv6 /126" },
	{ "ike_version", &field_choice, FIELD_AT(struct conf_tunnel, ike_version), .arg = versions,
	  .means = "the version of IKE" },
	{ "ike_mode", &field_choice, FIELD_AT(struct conf_tunnel, ike_mode), .arg = modes,
	  .means = "how IKEv1 calls" },
	{ "ike_cipher", ALGO(ike_cipher, ike_ciphers),
	  .means = "ciphers of IKE in the order of preference" },
	{ "ike_auth", ALGO(ike_auth, auths), .means = "integrity and PRF of IKE" },
	{ "ike_dh", ALGO(ike_dh, groups), .means = "Diffie-Hellman groups of IKE" },
	{ "ike_lifetime", LIFETIME, FIELD_AT(struct conf_tunnel, ike_lifetime),
	  .means = "of an IKE SA" },
	{ "dpd", &field_uint, FIELD_AT(struct conf_tunnel, dpd), .max = 3600,
	  .unit = "seconds, 0 is off", .means = "a peer that is silent for so long is probed" },
	{ "probe", &field_uint, FIELD_AT(struct conf_tunnel, probe), .max = 3600,
	  .unit = "seconds, 0 is off",
	  .means = "the peer's inner address is pinged so often, for the latency" },
	{ "ike_fragment", &field_uint, FIELD_AT(struct conf_tunnel, ike_fragment), .zero = true,
	  .min = 576, .max = 9216, .unit = "bytes",
	  .means = "longer IKE messages are cut into datagrams of this size" },
	{ "esp_cipher", ALGO(esp_cipher, esp_ciphers),
	  .means = "ciphers of packets in the order of preference" },
	{ "esp_auth", ALGO(esp_auth, auths),
	  .means = "integrity of packets, unused with GCM and ChaCha20-Poly1305" },
	{ "esp_pfs", ALGO(esp_pfs, pfs_groups), .means = "groups of perfect forward secrecy" },
	{ "esp_lifetime", LIFETIME, FIELD_AT(struct conf_tunnel, esp_lifetime),
	  .means = "of a child SA" },
	{ "esp_lifetime_packets", &field_uint, FIELD_AT(struct conf_tunnel, esp_lifetime_packets),
	  .max = 100000000, .unit = "packets, 0 is no limit",
	  .means = "of a child SA, in either direction" },
	{ "esp_lifetime_bytes", &field_uint, FIELD_AT(struct conf_tunnel, esp_lifetime_bytes),
	  .max = 107374182400, .unit = "bytes, 0 is no limit",
	  .means = "of a child SA, in either direction" },
	{ "esp_sha256_96", &field_bool, FIELD_AT(struct conf_tunnel, esp_sha256_96),
	  .means = "the check value of sha256 has 96 bits, for old peers" },
	{ "verify_pfs", &field_bool, FIELD_AT(struct conf_tunnel, verify_pfs),
	  .means = "the first child SA is rekeyed at once, to try esp_pfs" },
	{ "child_per_pair", &field_bool, FIELD_AT(struct conf_tunnel, child_per_pair),
	  .means = "a child SA for each pair of subnets, for policy-based peers" },
	{ "bandwidth", &field_uint, FIELD_AT(struct conf_tunnel, bandwidth), .max = 400000,
	  .unit = "Mbit/s, 0 is no limit", .means = "limit of inner packets, each way" },
	{ "start", &field_choice, FIELD_AT(struct conf_tunnel, start), .arg = starts,
	  .means = "who calls" },
	{ "enabled", &field_bool, FIELD_AT(struct conf_tunnel, enabled),
	  .means = "as \"tunnel NAME enable\" and \"disable\" do" },
	{ "replay_window", &field_uint, FIELD_AT(struct conf_tunnel, replay_window), .min = 64,
	  .max = 16384, .unit = "packets", .means = "packets that may overtake one another" },
	{ "esn", &field_bool, FIELD_AT(struct conf_tunnel, esn),
	  .means = "extended sequence numbers, if the peer has them" },
	{ "force_udp", &field_bool, FIELD_AT(struct conf_tunnel, force_udp),
	  .means = "ESP in UDP without a NAT, too" },
	{ "mtu", &field_uint, FIELD_AT(struct conf_tunnel, mtu), .zero = true, .min = 576,
	  .max = 9216, .unit = "bytes", .means = "the largest inner packet; by itself what fits" },
	{ "mss_clamp", &field_bool, FIELD_AT(struct conf_tunnel, mss_clamp),
	  .means = "TCP connections are kept within the tunnel's MTU" },
	{ "df", &field_choice, FIELD_AT(struct conf_tunnel, df), .arg = df_policies,
	  .means = "don't-fragment of outer packets" },
	{ "ppk", &kind_psk, .secret = true, FIELD_AT(struct conf_tunnel, ppk),
	  .means = "a post-quantum key beside psk (RFC 8784)" },
	{ "ppk_id", &field_text, FIELD_AT(struct conf_tunnel, ppk_id), .max = CONF_ID_BYTES,
	  .means = "the name by which the peer knows the ppk" },
	{ "ppk_required", &field_bool, FIELD_AT(struct conf_tunnel, ppk_required),
	  .means = "no tunnel with a peer that does not use the ppk" },
	{ "bgp_families", .kind = &parse_bgp_families,
	  .means = "of the routes that BGP exchanges" },
	{ "bgp_hold", &field_uint, FIELD_AT(struct conf_tunnel, bgp_hold), .min = 3, .max = 65535,
	  .unit = "seconds", .means = "without a word end the session" },
	{ "bgp_keepalive", &field_uint, FIELD_AT(struct conf_tunnel, bgp_keepalive), .min = 1,
	  .max = 21845, .unit = "seconds", .means = "between BGP's words" },
	{ "bgp_password", &parse_bgp_password, .secret = true,
	  FIELD_AT(struct conf_tunnel, bgp_password), .means = "TCP MD5 of the session" },
	{ "bfd", &field_bool, FIELD_AT(struct conf_tunnel, bfd),
	  .means = "BFD ends a session whose path died" },
	{ "bfd_interval", &field_uint, FIELD_AT(struct conf_tunnel, bfd_interval), .min = 10,
	  .max = 60000, .unit = "ms", .means = "between BFD's packets" },
	{ "bfd_multiplier", &field_uint, FIELD_AT(struct conf_tunnel, bfd_multiplier), .min = 2,
	  .max = 50, .means = "BFD's packets missed that are a failure" },
	{ "graceful_restart", &field_bool, FIELD_AT(struct conf_tunnel, graceful_restart),
	  .means = "routes stay while BGP restarts on one side" },
	{ "graceful_restart_time", &field_uint, FIELD_AT(struct conf_tunnel, graceful_restart_time),
	  .min = 1, .max = 4095, .unit = "seconds", .means = "they stay" },
	{ "import_limit", &field_uint, FIELD_AT(struct conf_tunnel, import_limit), .max = 10000000,
	  .unit = "prefixes, 0 is none", .means = "from the peer" },
	{ "med", &parse_bgp_med, FIELD_AT(struct conf_tunnel, med), .max = 4294967295,
	  .means = "in what we announce, or \"none\"" },
	{ "prepend", &field_uint, FIELD_AT(struct conf_tunnel, prepend), .max = 10, .unit = "times",
	  .means = "more our ASN in the paths that we announce" },
	{ "drain_wait", &field_uint, FIELD_AT(struct conf_tunnel, drain_wait), .max = 600,
	  .unit = "seconds", .means = "from withdrawing a drained tunnel to disabling it" },
};

static void tunnel_default(struct conf_tunnel *t)
{
	algo_list_add(&t->ike_cipher, CIPHER_AES128_CBC);
	algo_list_add(&t->ike_auth, AUTH_SHA256);
	algo_list_add(&t->ike_dh, DH_ECP256);
	t->ike_lifetime = 14400;
	t->dpd = 10;
	t->ike_fragment = 1280;
	algo_list_add(&t->esp_cipher, CIPHER_AES128_CBC);
	algo_list_add(&t->esp_auth, AUTH_SHA256);
	t->esp_lifetime = 3600;
	t->start = CONF_START_INITIATE;
	t->replay_window = 1024;
	t->mss_clamp = true;
	parse_bgp_default(t);
}

/* What later tunnels of a connection take over from its first: all that is negotiated. Not who the
 * two ends are, nor their secrets, and each is switched on and off by itself. */
static void tunnel_begin(void *object, const void *first)
{
	struct conf_tunnel *t = object;
	struct conf_where where = t->where;

	if (first != NULL) {
		*t = *(const struct conf_tunnel *)first;
		t->where = where;
		memset(t->name, 0, sizeof(t->name));
		memset(t->description, 0, sizeof(t->description));
		t->cloud_ip = t->customer_ip = t->inner_peer = (struct addr){ 0 };
		t->psk = t->ppk = t->bgp_password = NULL;
		t->psk_given = false;
		memset(t->ppk_id, 0, sizeof(t->ppk_id));
		t->ppk_required = false;
		t->local_id = t->remote_id = (struct conf_id){ 0 };
		t->inner = (struct prefix){ 0 };
		t->inner_given = false;
		parse_bgp_begin(t, first);
	} else {
		tunnel_default(t);
	}
	t->enabled = true;
}

static void tunnel_derive(void *base, const void *object, uint64_t given)
{
	const struct conf_tunnel *t = object;
	struct conf_tunnel *b = base;

	b->local_id = conf_id_address(&t->cloud_ip);
	b->remote_id = conf_id_address(&t->customer_ip);
	parse_bgp_derive(b, t, given);
}

static bool all_aead(const struct algo_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (!algo_ciphers[l->id[i]].aead)
			return false;
	return l->n > 0;
}

/* What an offer of ours has no room for; of IKEv2, whose offers are lists, nothing. */
static void check_v1_offer(struct reader *r, const config_setting_t *s, const struct conf_tunnel *t)
{
	unsigned n_groups = t->ike_mode == CONF_IKE_AGGRESSIVE ? 1 : t->ike_dh.n;
	unsigned all = t->ike_cipher.n * t->ike_auth.n * n_groups;

	if (all > CONF_V1_TRANSFORMS)
		problem_add(r->problems, PROBLEM_WARNING, field_where(r, s), r->label.text,
			    "ike_cipher, ike_auth and ike_dh make %u combinations: an IKEv1 offer "
			    "has room for %u, the last %u are left out",
			    all, CONF_V1_TRANSFORMS, all - CONF_V1_TRANSFORMS);
}

/* IKEv1 knows neither AEADs of its own (RFC 5282 is IKEv2's) nor ChaCha20 in ESP (RFC 7634). What a
 * tunnel takes over from the first one is told there. */
static void check_v1(struct reader *r, const config_setting_t *s, const struct conf_tunnel *t,
		     uint64_t given)
{
	const struct conf_where where = field_where(r, s);
	bool version = field_given(&parse_tunnel, given, "ike_version");
	bool mode = field_given(&parse_tunnel, given, "ike_mode");

	if (t->ike_version != CONF_IKE_V1) {
		if (mode)
			problem_add(r->problems, PROBLEM_WARNING,
				    field_where(r, config_setting_get_member(s, "ike_mode")),
				    r->label.text,
				    "ike_mode is unused: it belongs to ike_version = \"v1\"");
		return;
	}
	for (unsigned i = 0; i < t->ike_cipher.n; i++) {
		const struct algo_cipher_info *c = &algo_ciphers[t->ike_cipher.id[i]];

		if (c->aead && (version || field_given(&parse_tunnel, given, "ike_cipher")))
			problem_add(r->problems, PROBLEM_ERROR, where, r->label.text,
				    "ike_cipher '%s' needs ike_version = \"v2\"", c->name);
	}
	if (algo_list_has(&t->esp_cipher, CIPHER_CHACHA20_POLY1305) &&
	    (version || field_given(&parse_tunnel, given, "esp_cipher")))
		problem_add(r->problems, PROBLEM_ERROR, where, r->label.text,
			    "esp_cipher 'chacha20poly1305' needs ike_version = \"v2\"");
	if (field_given(&parse_tunnel, given, "ppk"))
		problem_add(r->problems, PROBLEM_ERROR, where, r->label.text,
			    "ppk needs ike_version = \"v2\"");
	if (version || mode || field_given(&parse_tunnel, given, "ike_cipher") ||
	    field_given(&parse_tunnel, given, "ike_auth") ||
	    field_given(&parse_tunnel, given, "ike_dh"))
		check_v1_offer(r, s, t);
	if (t->ike_mode == CONF_IKE_AGGRESSIVE && mode)
		problem_add(r->problems, PROBLEM_WARNING,
			    field_where(r, config_setting_get_member(s, "ike_mode")), r->label.text,
			    "aggressive mode shows a hash of the psk to anybody who calls: use a "
			    "long random psk, or main mode");
}

static void tunnel_end(struct reader *r, const config_setting_t *s, void *object, uint64_t given)
{
	struct conf_tunnel *t = object;

	parse_bgp_end(r, s, t, given);
	if (field_given(&parse_tunnel, given, "esp_auth") && all_aead(&t->esp_cipher))
		problem_add(r->problems, PROBLEM_WARNING,
			    field_where(r, config_setting_get_member(s, "esp_auth")), r->label.text,
			    "esp_auth is unused: every esp_cipher authenticates by itself");
	if (field_given(&parse_tunnel, given, "ppk") != field_given(&parse_tunnel, given, "ppk_id"))
		problem_add(r->problems, PROBLEM_ERROR, field_where(r, s), r->label.text,
			    "ppk and ppk_id need each other");
	if (strchr(t->ppk_id, '"') != NULL)
		problem_add(r->problems, PROBLEM_ERROR,
			    field_where(r, config_setting_get_member(s, "ppk_id")), r->label.text,
			    "ppk_id must have no quotation marks");
	if (t->ppk_required && !field_given(&parse_tunnel, given, "ppk"))
		problem_add(r->problems, PROBLEM_ERROR,
			    field_where(r, config_setting_get_member(s, "ppk_required")),
			    r->label.text, "ppk_required = true: there is no ppk");
	if (t->verify_pfs && field_given(&parse_tunnel, given, "verify_pfs") && t->esp_pfs.n == 0)
		problem_add(r->problems, PROBLEM_WARNING,
			    field_where(r, config_setting_get_member(s, "verify_pfs")),
			    r->label.text, "verify_pfs has no effect: esp_pfs is none");
	check_v1(r, s, t, given);
	t->psk_given = field_given(&parse_tunnel, given, "psk");
}

const struct field_object parse_tunnel = {
	.kind = "tunnel",
	.key = "name",
	.fields = tunnel_fields,
	.n_fields = N(tunnel_fields),
	.size = sizeof(struct conf_tunnel),
	.begin = tunnel_begin,
	.end = tunnel_end,
	.derive = tunnel_derive,
};
static_assert(N(tunnel_fields) <= 64, "one bit each says which fields were given");
