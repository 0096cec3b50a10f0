#include "ike/settings.h"

#include "conf/secret.h"

#include <errno.h>
#include <string.h>

int ike_settings_copy(struct ike_settings *to, const struct conf_tunnel *from)
{
	*to = (struct ike_settings){
		.cloud_ip = from->cloud_ip,
		.customer_ip = from->customer_ip,
		.psk = secret_copy(from->psk),
		.ppk = secret_copy(from->ppk),
		.local_id = from->local_id,
		.remote_id = from->remote_id,
		.ppk_required = from->ppk_required,
		.enabled = from->enabled,
		.esn = from->esn,
		.force_udp = from->force_udp,
		.esp_sha256_96 = from->esp_sha256_96,
		.verify_pfs = from->verify_pfs,
		.child_per_pair = from->child_per_pair,
		.ike_version = from->ike_version,
		.ike_mode = from->ike_mode,
		.start = from->start,
		.ike_cipher = from->ike_cipher,
		.ike_auth = from->ike_auth,
		.ike_dh = from->ike_dh,
		.esp_cipher = from->esp_cipher,
		.esp_auth = from->esp_auth,
		.esp_pfs = from->esp_pfs,
		.ike_lifetime = from->ike_lifetime,
		.esp_lifetime = from->esp_lifetime,
		.dpd = from->dpd,
		.ike_fragment = from->ike_fragment,
		.replay_window = from->replay_window,
		.esp_lifetime_packets = from->esp_lifetime_packets,
		.esp_lifetime_bytes = from->esp_lifetime_bytes,
		.n_ts_local = from->n_ts_local,
		.n_ts_remote = from->n_ts_remote,
	};
	memcpy(to->ppk_id, from->ppk_id, sizeof(to->ppk_id));
	memcpy(to->ts_local, from->ts_local, sizeof(to->ts_local));
	memcpy(to->ts_remote, from->ts_remote, sizeof(to->ts_remote));
	if ((to->psk || !from->psk) && (to->ppk || !from->ppk))
		return 0;
	ike_settings_clear(to);
	return -ENOMEM;
}

void ike_settings_clear(struct ike_settings *s)
{
	secret_free(s->psk);
	secret_free(s->ppk);
	memset(s, 0, sizeof(*s));
}
