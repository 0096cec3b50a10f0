/* What the engine keeps of a tunnel's configuration: what is negotiated, and with whom.
 *
 * Members are those of struct conf_tunnel, which tells what they mean. There are tens of thousands
 * of them: what only others need stays where it is. */
#ifndef IKE_SETTINGS_H
#define IKE_SETTINGS_H

#include "conf/model.h"

struct ike_settings {
	struct addr cloud_ip, customer_ip;
	struct secret *psk, *ppk; /* its own */
	struct conf_id local_id, remote_id;
	char ppk_id[CONF_ID_BYTES + 1];
	bool ppk_required;
	bool enabled, esn, force_udp, esp_sha256_96, verify_pfs, child_per_pair;
	enum conf_ike_version ike_version;
	enum conf_ike_mode ike_mode;
	enum conf_start start;
	struct algo_list ike_cipher, ike_auth, ike_dh, esp_cipher, esp_auth, esp_pfs;
	uint32_t ike_lifetime, esp_lifetime, dpd, ike_fragment, replay_window;
	uint64_t esp_lifetime_packets, esp_lifetime_bytes;
	unsigned n_ts_local, n_ts_remote;
	struct prefix ts_local[CONF_TS_MAX], ts_remote[CONF_TS_MAX];
};

int ike_settings_copy(struct ike_settings *to, const struct conf_tunnel *from); /* 0 or -ENOMEM */
void ike_settings_clear(struct ike_settings *s);				/* wipes the keys */

#endif
