"""A tunnel that cannot come up says why, and comes up by itself within 10 s once the peer is right."""

from lab import Stopwatch, wait_for
from lab.topology import Site


def comes_up(site):
    watch = Stopwatch()
    site.await_up(timeout=10)
    assert watch.seconds <= 10
    site.check_both_ways()


def test_wrong_psk_we_start(lab):
    site = Site(lab).start(psk="not-the-one-we-have")
    site.gateway.await_tunnel(site.TUNNEL, "DOWN", reason="authentication failed")
    site.load()
    comes_up(site)


def test_wrong_psk_strongswan_starts(lab):
    site = Site(lab, start="respond").start(psk="not-the-one-we-have", start="start")
    site.gateway.await_tunnel(site.TUNNEL, "DOWN", reason="authentication failed")
    site.load(start="start")
    site.strongswan.initiate()
    comes_up(site)


def test_no_common_ike_proposal(lab):
    site = Site(lab, ike_cipher=["aes256"], ike_dh=["ecp384"]).start(proposals="aes128-sha1-modp2048")
    seen = site.gateway.await_tunnel(site.TUNNEL, "DOWN", reason="proposal")
    assert "aes256" in str(seen).lower() and "ecp384" in str(seen).lower(), seen
    site.load(proposals="aes256-sha256-ecp384")
    comes_up(site)


def test_no_common_ike_proposal_strongswan_starts(lab):
    """As responder we know both sides' proposals, and show both."""
    site = Site(lab, start="respond", ike_cipher=["aes256"], ike_dh=["ecp384"])
    site.start(proposals="aes128-sha1-modp2048", start="start")
    seen = str(site.gateway.await_tunnel(site.TUNNEL, "DOWN", reason="proposal")).lower()
    for word in ("aes256", "ecp384", "aes128", "sha1", "modp2048"):
        assert word in seen, f"{word} is not in {seen}"
    site.load(proposals="aes256-sha256-ecp384", start="start")
    site.strongswan.initiate()
    comes_up(site)


def test_no_common_esp_proposal(lab):
    site = Site(lab, esp_cipher=["aes256gcm"]).start(esp_proposals="aes128-sha1")
    seen = site.gateway.await_tunnel(site.TUNNEL, "DOWN", reason="proposal")
    assert "aes256gcm" in str(seen).lower(), seen
    site.load(esp_proposals="aes256gcm16")
    comes_up(site)


def test_absent_peer(lab):
    site = Site(lab)
    site.gateway.start()
    first = site.gateway.await_tunnel(site.TUNNEL, "DOWN", timeout=20, reason="no answer")
    wait_for(lambda: site.gateway.tunnel(site.TUNNEL)["tries"] > first["tries"], 30, "another try")
    site.strongswan.start()
    site.load()
    comes_up(site)
