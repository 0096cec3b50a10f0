"""A Linux kernel's own ESP, in User-Mode Linux: native ESP, a VTI, rekeys from both sides under ping."""

import os

import pytest

from lab.capture import Capture
from lab.kernel_peer import KernelPeer
from lab.topology import PSK, Site

CASES = [
    ("v2", {"esp_cipher": "aes128gcm", "esn": True}, "aes128gcm16-esn"),
    ("v2", {"esp_cipher": "aes128", "esp_auth": "sha256", "esn": True}, "aes128-sha256-esn"),
    ("v1", {"esp_cipher": "aes128gcm"}, "aes128gcm16"),
    ("v1", {"esp_cipher": "aes128", "esp_auth": "sha256"}, "aes128-sha256"),
]

# 400 are 40 s, in which IKE SAs are rekeyed for sure.
PINGS = int(os.environ.get("KERNEL_PINGS", 280))


@pytest.mark.parametrize("version,ours,theirs", CASES, ids=["v2-gcm-esn", "v2-cbc-esn", "v1-gcm", "v1-cbc"])
def test_rekeys_under_ping(lab, version, ours, theirs):
    """A ping each 100 ms, children of 10 s, IKE SAs of 25 s on both sides: none is lost."""
    site = Site(lab, ike_version=version, esp_lifetime=10, ike_lifetime=25, **ours)
    peer = lab.own(KernelPeer(site.idc, lab.path("uml"), site.cloud.address))
    peer.start(PSK, version=version[1], esp_proposals=theirs, ike_rekey=22, child_rekey=9)
    seen = lab.own(Capture(site.wan.ns, site.wan.links[0], lab.path("wan.pcap"), snap=64))
    site.gateway.start()
    site.gateway.await_tunnel(site.TUNNEL, "UP", timeout=20)
    cloud = site.hosts[1]
    cloud.await_ping(peer.inner_host)
    result = lab.own(cloud.ping_in_background(peer.inner_host, PINGS, 0.1)).result()
    seen.stop()
    assert result.sent == PINGS and result.lost == 0, f"{result.text}\n{site.gateway.show('tunnel', site.TUNNEL, 'log')}"
    assert seen.count("esp") >= 2 * PINGS, "native ESP"
    spis = {line.split("spi=")[1].split(",")[0] for line in seen.packets("esp")}
    assert len(spis) >= PINGS // 50, f"{len(spis)} SPIs"
    assert site.gateway.tunnel(site.TUNNEL)["sas"][0]["esn"] is ours.get("esn", False)
