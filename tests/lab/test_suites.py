"""Each version and mode with each cipher, integrity algorithm and group that strongSwan has as well, in both roles.

Not the product: a row has one of each. The first child of IKEv2 has no key exchange of its own, so that who
called rekeys it.
"""

import pytest

from lab import Lab, wait_for
from lab.topology import Site

# IKE: cipher, integrity (of an AEAD: PRF), group. ESP: cipher, integrity, group of PFS.
ROWS = [
    ("3des sha1 modp1024", "aes128 sha1 modp1024"),
    ("aes128 sha256 modp1536", "aes192 sha256 modp1536"),
    ("aes192 sha384 modp2048", "aes256 sha384 modp2048"),
    ("aes256 sha512 modp3072", "aes128 sha512 modp3072"),
    ("aes128 sha1 modp4096", "aes128gcm - modp4096"),
    ("aes256 sha256 ecp256", "aes192gcm - ecp256"),
    ("aes128 sha384 ecp384", "aes256gcm - ecp384"),
    ("aes256 sha512 ecp521", "aes256 sha1 ecp521"),
    ("aes192 sha256 x25519", "aes128 sha256 x25519"),
    ("aes128 sha256 ecp256", "aes128 sha256 none"),
]
V2_ROWS = [
    ("aes128gcm sha256 ecp256", "chacha20poly1305 - x25519"),
    ("aes256gcm sha384 ecp384", "aes128gcm - none"),
    ("chacha20poly1305 sha512 x25519", "aes256 sha256 none"),
]
AEAD = {"aes128gcm": "aes128gcm16", "aes192gcm": "aes192gcm16", "aes256gcm": "aes256gcm16",
        "chacha20poly1305": "chacha20poly1305"}


def cases():
    """The tests of a mode go one after the other in one lab."""
    for mode in ("v2", "main", "aggressive"):
        for ike, esp in ROWS + (V2_ROWS if mode == "v2" else []):
            yield pytest.param(mode, ike, esp, id=f"{mode}-{ike}-{esp}".replace(" ", "-"),
                               marks=pytest.mark.xdist_group(f"suites-{mode}"))


@pytest.fixture(scope="module")
def site():
    with Lab() as lab:
        site = Site(lab)
        site.strongswan.start()
        site.gateway.start()
        yield site
        site.gateway.stop()


def proposal(cipher, auth, group, ike):
    """In strongSwan's words."""
    words = [AEAD[cipher], f"prf{auth}" if ike else "-"] if cipher in AEAD else [cipher, auth]
    return "-".join(w for w in (*words, group) if w not in ("-", "none"))


@pytest.mark.parametrize("mode,ike,esp", cases())
def test_suite(site, mode, ike, esp):
    version = 2 if mode == "v2" else 1
    cipher, auth, group = ike.split()
    esp_cipher, esp_auth, pfs = esp.split()
    ours = {"ike_version": f"v{version}", "ike_cipher": cipher, "ike_auth": auth, "ike_dh": group,
            "esp_cipher": esp_cipher, "esp_pfs": pfs, **({} if esp_auth == "-" else {"esp_auth": esp_auth}),
            **({"ike_mode": mode} if version == 1 else {})}
    theirs = {"version": version, "aggressive": mode == "aggressive", "proposals": proposal(cipher, auth, group, True),
              "esp_proposals": proposal(esp_cipher, esp_auth, pfs, False)}

    for we_start in (True, False):
        site.negotiate(we_start, ours, **theirs)
        seen = site.gateway.tunnel(site.TUNNEL)
        before = {sa["spi_in"] for sa in seen["sas"]}
        assert (seen["ike"]["cipher"], seen["ike"]["prf"], seen["ike"]["dh"]) == (cipher, auth, group)
        assert seen["ike"]["auth"] == (None if cipher in AEAD else auth)
        if we_start:
            site.gateway.isthmus("tunnel", site.TUNNEL, "rekey", "child")
        else:
            site.strongswan.rekey_child()
        [sa] = site.gateway.await_sa(site.TUNNEL, lambda sa: sa["spi_in"] not in before)
        assert (sa["cipher"], sa["auth"]) == (esp_cipher, None if esp_auth == "-" else esp_auth)
        assert sa["pfs"] == (None if pfs == "none" else pfs)
        # strongSwan's own ESP loses a packet now and then while it changes pairs.
        wait_for(lambda: len(site.strongswan.children()) == 1, 15, "the new pair alone")
        site.check_both_ways()
