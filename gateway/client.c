#include "gateway/client.h"

#include "gateway/client_facts.h"
#include "gateway/client_templates.h"

#include <errno.h>
#include <string.h>

const struct client_device client_devices[] = {
	{ "cisco-ios", "Cisco IOS and IOS XE", client_text_cisco_ios },
	{ "huawei-usg", "Huawei USG", client_text_huawei_usg },
	{ "h3c-msr", "H3C MSR, Comware 7", client_text_h3c_msr },
	{ "juniper-srx", "Juniper SRX, Junos", client_text_juniper_srx },
	{ "strongswan", "strongSwan with BIRD or FRR, Linux", client_text_strongswan },
	{ "fortigate", "Fortinet FortiGate, FortiOS 7", client_text_fortigate },
	{ "mikrotik", "MikroTik RouterOS 7", client_text_mikrotik },
	{ "aws", "AWS Site-to-Site VPN", client_text_aws },
	{ "isthmus", "Isthmus", client_text_isthmus },
};
const unsigned client_devices_n = sizeof(client_devices) / sizeof(client_devices[0]);

const struct client_device *client_device(const char *name)
{
	for (unsigned i = 0; i < client_devices_n; i++)
		if (strcmp(client_devices[i].name, name) == 0)
			return &client_devices[i];
	return NULL;
}

/* ---- a connection ------------------------------------------------------------------------ */

/* What lies behind us: each network that the border gateway gets from its VPCs. */
static void add_cloud_nets(struct facts *f, const struct conf *c,
			   const struct conf_vpn_connection *v)
{
	for (unsigned i = 0; i < c->n_attachments; i++) {
		const struct conf_vpc_attachment *a = &c->attachment[i];
		bool all = a->propagate == CONF_PROPAGATE_ALL;
		unsigned n = a->propagate == CONF_PROPAGATE_PARTIAL ? a->n_propagated : 0;

		if (a->gateway != v->gateway || a->vpc == NULL)
			continue;
		for (unsigned p = 0; p < (all ? a->vpc->n_prefixes : n); p++)
			facts_add_prefix(f, "cloud_net",
					 all ? &a->vpc->prefix[p] : &a->propagated[p]);
	}
	for (unsigned i = 0; i < v->gateway->n_routes; i++)
		if (v->gateway->route[i].attachment)
			facts_add_prefix(f, "cloud_net", &v->gateway->route[i].prefix);
}

static void add_my_net(struct facts *f, const struct prefix *p, char *all, size_t room)
{
	char text[PREFIX_STR_MAX];
	size_t used = strlen(all);

	facts_add_prefix(f, "my_net", p);
	snprintf(all + used, room - used, "%s%s", used ? " " : "", prefix_format(p, text));
}

/* What we know to lie behind the customer: our static routes to it, or else its traffic selectors.
 */
static void add_my_nets(struct facts *f, const struct conf_vpn_connection *v)
{
	const struct prefix *first = v->n_remote_subnets ? &v->remote_subnet[0] : NULL;
	char text[PREFIX_STR_MAX], all[1024] = "";
	struct prefix host;

	for (unsigned i = v->gateway->n_routes; i-- > 0;)
		if (v->gateway->route[i].connection == v)
			first = &v->gateway->route[i].prefix;
	for (unsigned i = 0; i < v->gateway->n_routes; i++)
		if (v->gateway->route[i].connection == v)
			add_my_net(f, &v->gateway->route[i].prefix, all, sizeof(all));
	if (!all[0])
		for (unsigned i = 0; i < v->n_remote_subnets; i++)
			add_my_net(f, &v->remote_subnet[i], all, sizeof(all));
	facts_set(f, "my_nets", "%s", all);
	if (first)
		host = prefix_network(first);
	else
		prefix_parse(&host, "192.168.0.0/16");
	host.addr.b[addr_bytes(&host.addr) - 1] |= host.len < addr_bits(&host.addr);
	facts_set(f, "my_first_host", "%s", prefix_format(&host, text));
}

/* The tunnels' addresses, each once. */
static void add_address(struct facts *f, const char *list, const struct conf_tunnel *first,
			const struct conf_tunnel *t, bool cloud)
{
	const struct addr *a = cloud ? &t->cloud_ip : &t->customer_ip;
	struct facts *item;

	for (const struct conf_tunnel *b = first; b < t; b++)
		if (addr_equal(a, cloud ? &b->cloud_ip : &b->customer_ip))
			return;
	item = facts_item(f, list);
	if (item)
		facts_set_addr(item, "address", a);
}

static void add_tunnels(struct facts *f, const struct conf *c, const struct conf_vpn_connection *v,
			const struct conf_tunnel *only, bool with_psk)
{
	const struct conf_tunnel *first = only ? only : v->tunnel;
	struct addr router = first->customer_ip;
	char peers[256] = "", number[8];
	unsigned least = CLIENT_OUTER_MTU;
	bool any6 = false;

	for (unsigned i = 0; i < v->n_tunnels; i++) {
		const struct conf_tunnel *t = &v->tunnel[i];
		unsigned mtu = client_mtu(c, t);

		if (only && t != only)
			continue;
		client_tunnel(f, c, t, i + 1, with_psk);
		any6 = any6 || t->bgp_ipv6;
		least = mtu < least ? mtu : least;
		snprintf(peers + strlen(peers), sizeof(peers) - strlen(peers), "%sisthmus%s",
			 peers[0] ? "," : "", client_number(t, number));
		add_address(f, "my_ip", first, t, false);
		add_address(f, "cloud_addr", first, t, true);
	}
	facts_set(f, "peers", "%s", peers);
	facts_set(f, "least_mtu", "%u", least);
	facts_set(f, "least_mss", "%u", least - 40);
	facts_set(f, "least_mss_above", "%u", least - 39);
	facts_set(f, "first_number", "%s", client_number(first, number));
	facts_set_addr(f, "first_customer_ip", &first->customer_ip);
	router.b[addr_bytes(&router) - 1] = 254;
	facts_set_addr(f, "first_customer_router", &router);
	facts_set_flag(f, "any_bgp6", any6);
	facts_set_flag(f, "several", !only && v->n_tunnels > 1);
}

int client_config(const struct conf *c, const struct conf_vpn_connection *v,
		  const struct conf_tunnel *tunnel, const struct client_device *device,
		  bool with_psk, FILE *out, char *error, size_t error_size)
{
	struct facts *f = facts_new(NULL);
	int rc;

	if (!f) {
		snprintf(error, error_size, "out of memory");
		return -ENOMEM;
	}
	facts_set(f, "title", "%s", device->title);
	facts_set(f, "connection", "%s", v->name);
	facts_set_label(f, "connection_label", v->name);
	facts_set(f, "asked", tunnel ? "tunnel '%s'" : "all its tunnels",
		  tunnel ? tunnel->name : "");
	facts_set_label(f, "file", tunnel ? tunnel->name : v->name);
	facts_set_flag(f, "bgp", v->bgp);
	facts_set(f, "cloud_asn", "%u", v->local_asn);
	facts_set_flag(f, "cloud_asn_takes", v->local_asn >= 65001 && v->local_asn <= 65499);
	facts_set(f, "my_asn", "%u", v->customer->asn);
	facts_set_flag(f, "selectors", v->local_subnet.addr.family || v->n_remote_subnets);
	add_cloud_nets(f, c, v);
	add_my_nets(f, v);
	add_tunnels(f, c, v, tunnel, with_psk);
	rc = client_text(device->text, f, out, error, error_size);
	facts_free(f);
	return rc;
}
