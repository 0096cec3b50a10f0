"""The samples of clients that must work, as strongSwan configurations: same versions, algorithms, groups,
selectors and lifetimes as the vendors' own."""

import pytest

from lab.topology import Site

# name: our parameters; strongSwan's connection.
CLIENTS = {
    # VTI any to any, DPD every 10 s, PFS.
    "cisco-ios": (
        {"esp_pfs": "ecp256", "ike_lifetime": 86400, "esp_lifetime": 3600},
        {"proposals": "aes128-sha256-ecp256", "esp_proposals": "aes128-sha256-ecp256",
         "rekey_time": 86400, "child_rekey_time": 3600}),
    # Selectors from an ACL, another group for PFS.
    "huawei-usg": (
        {"esp_pfs": "modp2048", "ike_lifetime": 86400, "esp_lifetime": 3600},
        {"proposals": "aes128-sha256-ecp256", "esp_proposals": "aes128-sha256-modp2048",
         "local_ts": "192.168.1.0/24", "remote_ts": "10.1.0.0/16",
         "rekey_time": 86400, "child_rekey_time": 3600}),
    # Starts at once, as we do.
    "strongswan": (
        {"ike_auth": "sha1", "ike_dh": "modp1024", "esp_auth": "sha1", "esp_pfs": "modp1024"},
        {"proposals": "aes128-sha1-modp1024", "esp_proposals": "aes128-sha1-modp1024", "start": "start"}),
    # The limit of kilobytes is the vendor's default.
    "h3c-msr": (
        {"ike_version": "v1", "ike_auth": "sha1", "ike_dh": "modp1024", "esp_auth": "sha1", "esp_pfs": "modp1024",
         "replay_window": 128, "ike_lifetime": 86400, "esp_lifetime": 3600},
        {"version": 1, "proposals": "aes128-sha1-modp1024", "esp_proposals": "aes128-sha1-modp1024",
         "rekey_time": 86400, "child_rekey_time": 3600, "child_lines": "life_bytes = 1887436800"}),
    # Starts at once, as we do.
    "juniper-srx": (
        {"ike_version": "v1", "ike_auth": "sha1", "ike_dh": "modp1024", "esp_auth": "sha1", "esp_pfs": "modp1024",
         "ike_lifetime": 28800, "esp_lifetime": 3600},
        {"version": 1, "proposals": "aes128-sha1-modp1024", "esp_proposals": "aes128-sha1-modp1024",
         "rekey_time": 28800, "child_rekey_time": 3600, "start": "start"}),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_client(lab, name):
    """Comes up, carries traffic, and is rekeyed with PFS by both sides."""
    ours, theirs = CLIENTS[name]
    site = Site(lab, **ours).start(**theirs)
    site.await_up()
    site.check_both_ways()
    site.gateway.isthmus("tunnel", site.TUNNEL, "rekey", "child")
    site.gateway.await_sa(site.TUNNEL, lambda sa: sa["pfs"] == ours["esp_pfs"])
    site.check_both_ways()
    site.strongswan.rekey_child()
    site.strongswan.rekey_ike()
    site.check_both_ways()
