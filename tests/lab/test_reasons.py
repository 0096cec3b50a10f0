"""A tunnel that cannot come up says why, with both sides' values where they are known, and comes up by itself
within 10 s once the peer is right."""

import pytest

from lab import Lab, Stopwatch, wait_for
from lab.topology import PSK, Site

# What is wrong: our parameters and connection, strongSwan's. What the tunnel says when we called, and when
# strongSwan did; "": strongSwan tells us only that it failed.
OTHER = "192.168.77.0/24"
ROWS = {
    "psk": ({}, {"psk": "not-the-one-we-have"},
            ["authentication failed"], ["authentication failed", "pre-shared key"]),
    "id": ({}, {"local_id": "other.dc1.example"},
           ["authentication failed", "192.0.2.7"], ["other.dc1.example", "remote_id is 192.0.2.7"]),
    "ike-proposal": ({"ike_cipher": "aes256", "ike_dh": "ecp384"}, {"proposals": "aes128-sha1-modp2048"},
                     ["aes256-sha256-ecp384", "not told"], ["aes256-sha256-ecp384", "aes128-sha1-modp2048"]),
    "esp-proposal": ({"esp_cipher": "aes256", "esp_auth": "sha384"}, {"esp_proposals": "aes128-sha1"},
                     ["aes256-sha384", "not told"], ["aes256-sha384", "aes128-sha1"]),
    "selectors": ({}, {"local_ts": OTHER},
                  ["10.1.0.0/16 === 192.168.1.0/24", "not told"], [OTHER, "192.168.1.0/24"]),
    "version": ({}, {}, ["lack a connection"], ["another version of IKE", "speaks IKEv", "ike_version is v"]),
    "pfs": ({"esp_pfs": "ecp384"}, {"esp_proposals": "aes128-sha256-ecp256"},
            ["aes128-sha256-ecp384", "not told"], ["aes128-sha256-ecp384", "aes128-sha256-ecp256"]),
}


def cases():
    for version in ("v2", "v1"):
        for name in ROWS:
            if (version, name) == ("v2", "pfs"):
                continue  # the first child has no exchange of its own: test_pfs_mismatch_shows_at_once
            for we_start in (True, False):
                yield pytest.param(version, name, we_start, marks=pytest.mark.xdist_group(f"reasons-{version}"),
                                   id=f"{version}-{name}-{'we' if we_start else 'strongswan'}-start")


@pytest.fixture(scope="module")
def site():
    with Lab() as lab:
        site = Site(lab)
        site.strongswan.start()
        site.gateway.start()
        yield site
        site.gateway.stop()


def set_tunnel(site, **parameters):
    tunnel = site.gateway.config["vpn_connections"][0]["tunnels"][0]
    kept = {k: tunnel[k] for k in ("name", "cloud_ip", "customer_ip", "psk")}
    site.gateway.config["vpn_connections"][0]["tunnels"] = [{**kept, **parameters}]
    site.gateway.reload()


@pytest.mark.parametrize("version,name,we_start", cases())
def test_reason(site, version, name, we_start):
    ours, theirs, called, calling = ROWS[name]
    right = {"version": int(version[1]), "local_id": "192.0.2.7"}
    parameters = {"ike_version": version, "remote_id": "192.0.2.7", "start": "initiate" if we_start else "respond"}
    connection = site.gateway.config["vpn_connections"][0]
    connection.pop("local_subnet", None)
    connection.pop("remote_subnets", None)
    if name == "selectors":
        connection.update(local_subnet="10.1.0.0/16", remote_subnets=["192.168.1.0/24"])
        right.update(local_ts="192.168.1.0/24", remote_ts="10.1.0.0/16")
    if name == "version":
        theirs = {"version": 3 - right["version"]}
    set_tunnel(site, **parameters, enabled=False)
    site.strongswan.forget()
    site.load(**{**right, **theirs})
    set_tunnel(site, **parameters, **ours)
    if not we_start:
        site.strongswan.swanctl("--initiate", "--child", "net", "--timeout", 3, check=False)

    def said():
        seen = site.gateway.tunnel(site.TUNNEL)
        text = f"{seen['reason']} {seen['text']}"
        return text if all(word in text for word in (called if we_start else calling)) else None
    text = wait_for(said, 10, lambda: f"{called if we_start else calling}: {site.gateway.tunnel(site.TUNNEL)}\n"
                                      f"{site.log()}\n{site.strongswan.log()[-3000:]}")
    print(text)
    print(site.log())
    assert PSK not in site.log() and "not-the-one-we-have" not in site.log()

    # The peer is mended, or, where it was ours that was odd, we are.
    site.load(**right)
    if ours:
        set_tunnel(site, **parameters)
    if not we_start:
        site.strongswan.forget()  # its call with the wrong key may still be under way
        site.strongswan.initiate()
    watch = Stopwatch()
    site.await_up(timeout=10)
    assert watch.seconds <= 10


def test_absent_peer(lab):
    site = Site(lab)
    site.gateway.start()
    first = site.gateway.await_tunnel(site.TUNNEL, "DOWN", timeout=20, reason="no answer")
    wait_for(lambda: site.gateway.tunnel(site.TUNNEL)["tries"] > first["tries"], 30, "another try")
    site.strongswan.start()
    site.load()
    site.await_up(timeout=10)
    site.check_both_ways()
