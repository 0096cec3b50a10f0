#include "conf/model.h"

#include "conf/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool conf_device_is(const char *device, const char *driver)
{
	if (strncmp(device, "net_", 4) != 0 && strncmp(device, "eth_", 4) != 0)
		return false;
	return strncmp(device + 4, driver, strlen(driver)) == 0;
}

int conf_tunnel_copy(struct conf_tunnel *to, const struct conf_tunnel *from)
{
	struct secret *psk = secret_copy(from->psk);
	struct secret *password = secret_copy(from->bgp_password);
	struct secret *ppk = secret_copy(from->ppk);

	if ((from->psk != NULL && psk == NULL) || (from->ppk != NULL && ppk == NULL) ||
	    (from->bgp_password != NULL && password == NULL)) {
		secret_free(psk);
		secret_free(ppk);
		secret_free(password);
		return -ENOMEM;
	}
	*to = *from;
	to->psk = psk;
	to->ppk = ppk;
	to->bgp_password = password;
	/* The place is borrowed from a model that the copy may outlive. */
	to->where = (struct conf_where){ 0 };
	return 0;
}

void conf_tunnel_clear(struct conf_tunnel *t)
{
	secret_free(t->psk);
	secret_free(t->ppk);
	secret_free(t->bgp_password);
	memset(t, 0, sizeof(*t));
}

static void connection_clear(struct conf_vpn_connection *v)
{
	for (unsigned i = 0; i < v->n_tunnels; i++)
		conf_tunnel_clear(&v->tunnel[i]);
	free(v->tunnel);
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < c->n_connections; i++)
		connection_clear(&c->connection[i]);
	for (unsigned i = 0; i < c->n_border_gateways; i++)
		free(c->border_gateway[i].route);
	for (unsigned i = 0; i < c->n_vpcs; i++) {
		free(c->vpc[i].prefix);
		free(c->vpc[i].route);
	}
	for (unsigned i = 0; i < c->n_attachments; i++) {
		free(c->attachment[i].propagated);
		free(c->attachment[i].import);
		free(c->attachment[i].host);
	}
	conf_number_clear(c);
	free(c->connection);
	free(c->customer_gateway);
	free(c->attachment);
	free(c->vpc);
	free(c->border_gateway);
	free(c->underlay_route);
	free(c->port);
	free(c->cloud_address);
	free(c->path);
	free(c);
}
