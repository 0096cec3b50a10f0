#include "gateway/show.h"

#include "gateway/client.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct client_device *find_device(struct command_call *call, unsigned word)
{
	const struct client_device *d = client_device(call->word[word]);
	char names[256] = "";

	for (unsigned i = 0; i < client_devices_n && !d; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? ", " : "", client_devices[i].name);
	if (!d)
		command_fail(call, -ENOENT, "'%s' is no device that is known here; one of: %s",
			     call->word[word], names);
	return d;
}

/* A connection has all its tunnels, a tunnel is one of its connection's. */
static const struct conf_vpn_connection *find(struct command_call *call, const char *name,
					      const struct conf_tunnel **tunnel)
{
	const struct conf *c = call->gateway->conf;
	int64_t i = tunnels_find(call->gateway->tunnels, name);

	*tunnel = NULL;
	for (unsigned k = 0; k < c->n_connections; k++)
		if (strcmp(c->connection[k].name, name) == 0)
			return &c->connection[k];
	if (i >= 0) {
		*tunnel = call->gateway->tunnels->v[i].conf;
		return call->gateway->tunnels->v[i].connection;
	}
	command_fail(call, -ENOENT, "'%s' is neither a connection nor a tunnel", name);
	return NULL;
}

static void page_lines(struct page *p, char *text)
{
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		page_line(p, "%s", line);
	}
}

int client_config_show(struct command_call *call)
{
	bool with_psk = call->n > 4;
	const struct client_device *device = find_device(call, 3);
	const struct conf_vpn_connection *v;
	const struct conf_tunnel *tunnel;
	char *text = NULL, why[512] = "";
	size_t len = 0;
	FILE *out;
	int rc;

	if (!device)
		return -ENOENT;
	v = find(call, call->word[1], &tunnel);
	if (!v)
		return -ENOENT;
	out = open_memstream(&text, &len);
	if (!out)
		return command_fail(call, -ENOMEM, "out of memory");
	rc = client_config(call->gateway->conf, v, tunnel, device, with_psk, out, why, sizeof(why));
	if (fclose(out) != 0 && rc == 0)
		rc = -ENOMEM;
	if (rc < 0) {
		command_fail(call, rc, "%s for %s: %s", call->word[1], device->title,
			     rc == -ENOMEM ? "out of memory" : why);
	} else {
		page_text(call->page, "name", NULL, call->word[1]);
		page_text(call->page, "device", NULL, device->name);
		page_text(call->page, "configuration", NULL, text);
		page_lines(call->page, text);
	}
	if (text)
		explicit_bzero(text, len);
	free(text);
	return rc;
}
