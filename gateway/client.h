/* Configurations of the customer's side: what a device there needs to know of a connection, written
 * down in the device's own words.
 *
 * The facts come from the model, the words from the templates in gateway/client/, one a device.
 * Main thread. */
#ifndef GATEWAY_CLIENT_H
#define GATEWAY_CLIENT_H

#include "conf/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct client_device {
	const char *name;  /* "cisco-ios" */
	const char *title; /* "Cisco IOS and IOS XE" */
	const char *text;  /* its template: client_text.h */
};
extern const struct client_device client_devices[];
extern const unsigned client_devices_n;

const struct client_device *client_device(const char *name); /* NULL: not known */

/* Writes what the customer's device needs for all tunnels of v, or for tunnel only. Keys are
 * placeholders unless with_psk. 0; -ENOTSUP: the device cannot do it, and error says what it could
 * do; -ENOMEM, -EINVAL. */
int client_config(const struct conf *c, const struct conf_vpn_connection *v,
		  const struct conf_tunnel *tunnel, const struct client_device *device,
		  bool with_psk, FILE *out, char *error, size_t error_size);

#endif
