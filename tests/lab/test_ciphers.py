"""Each cipher, integrity algorithm and group with strongSwan: one lab, a tunnel after the other."""

import pytest

from lab import Lab, wait_for
from lab.topology import Site

# One lab for all: they go one after the other.
pytestmark = pytest.mark.xdist_group("ciphers")

# Ours: ike_cipher, ike_auth, ike_dh, esp_cipher, esp_auth, esp_pfs; strongSwan's: IKE and ESP proposals.
IKE = [
    ("aes128 sha1 modp1024", "aes128-sha1-modp1024"),
    ("aes128 sha256 modp1536", "aes128-sha256-modp1536"),
    ("aes192 sha256 modp2048", "aes192-sha256-modp2048"),
    ("aes256 sha256 modp3072", "aes256-sha256-modp3072"),
    ("aes256 sha384 modp4096", "aes256-sha384-modp4096"),
    ("aes128 sha256 ecp256", "aes128-sha256-ecp256"),
    ("aes256 sha384 ecp384", "aes256-sha384-ecp384"),
    ("aes256 sha512 ecp521", "aes256-sha512-ecp521"),
    ("aes128 sha512 x25519", "aes128-sha512-x25519"),
    ("aes128gcm sha256 ecp256", "aes128gcm16-prfsha256-ecp256"),
    ("aes256gcm sha384 ecp384", "aes256gcm16-prfsha384-ecp384"),
    ("chacha20poly1305 sha256 x25519", "chacha20poly1305-prfsha256-x25519"),
]
ESP = [
    ("aes128 sha1 none", "aes128-sha1"),
    ("aes128 sha256 none", "aes128-sha256"),
    ("aes192 sha256 none", "aes192-sha256"),
    ("aes256 sha256 none", "aes256-sha256"),
    ("aes256 sha384 none", "aes256-sha384"),
    ("aes256 sha512 none", "aes256-sha512"),
    ("aes128gcm - none", "aes128gcm16"),
    ("aes192gcm - none", "aes192gcm16"),
    ("aes256gcm - none", "aes256gcm16"),
    ("chacha20poly1305 - none", "chacha20poly1305"),
    # With a group: the first child has no exchange of its own, its rekey does.
    ("aes128 sha256 ecp256", "aes128-sha256-ecp256"),
    ("aes128gcm - x25519", "aes128gcm16-x25519"),
    ("aes256 sha1 modp2048", "aes256-sha1-modp2048"),
]


@pytest.fixture(scope="module")
def site():
    with Lab() as lab:
        site = Site(lab)
        site.strongswan.start()
        yield site
        site.gateway.stop()


def negotiate(site, parameters, **connection):
    """The tunnel anew with these algorithms: isthmusd starts over, strongSwan loads another connection."""
    site.gateway.stop()
    tunnel = site.gateway.config["vpn_connections"][0]["tunnels"][0]
    site.gateway.config["vpn_connections"][0]["tunnels"][0] = {
        **{k: v for k, v in tunnel.items() if not k.startswith(("ike_", "esp_"))}, **parameters}
    site.gateway.write()
    site.load(**connection)
    site.gateway.start()
    site.await_up()
    site.check_both_ways()


@pytest.mark.parametrize("ours,theirs", IKE, ids=[i[0] for i in IKE])
def test_ike(site, ours, theirs):
    cipher, auth, group = ours.split()
    negotiate(site, {"ike_cipher": cipher, "ike_auth": auth, "ike_dh": group}, proposals=theirs)


@pytest.mark.parametrize("ours,theirs", ESP, ids=[e[0] for e in ESP])
def test_esp(site, ours, theirs):
    cipher, auth, group = ours.split()
    parameters = {"esp_cipher": cipher, "esp_pfs": group}
    if auth != "-":
        parameters["esp_auth"] = auth
    negotiate(site, parameters, esp_proposals=theirs)
    before = {c["spi-in"] for c in site.strongswan.children()}
    site.gateway.isthmus("tunnel", site.TUNNEL, "rekey", "child")
    wait_for(lambda: {c["spi-in"] for c in site.strongswan.children()} - before, 5, "the rekeyed child")
    site.check_both_ways()
