"""A Linux kernel's own ESP, in User-Mode Linux: native ESP, a VTI, rekeys from both sides under ping."""

import pytest

from lab.capture import Capture
from lab.kernel_peer import KernelPeer
from lab.topology import PSK, Site

CASES = [
    ({"esp_cipher": "aes128gcm", "esn": True}, "aes128gcm16-esn"),
    ({"esp_cipher": "aes128", "esp_auth": "sha256"}, "aes128-sha256"),
]


@pytest.mark.parametrize("ours,theirs", CASES, ids=["gcm-esn", "cbc"])
def test_rekeys_under_ping(lab, ours, theirs):
    """400 pings in 40 s, children of 10 s, IKE SAs of 25 s on both sides: none is lost."""
    site = Site(lab, esp_lifetime=10, ike_lifetime=25, **ours)
    peer = lab.own(KernelPeer(site.idc, lab.path("uml"), site.cloud.address))
    peer.start(PSK, esp_proposals=theirs, ike_rekey=22, child_rekey=9)
    seen = lab.own(Capture(site.wan.ns, site.wan.links[0], lab.path("wan.pcap"), snap=64))
    site.gateway.start()
    site.gateway.await_tunnel(site.TUNNEL, "UP", timeout=20)
    cloud = site.hosts[1]
    cloud.await_ping(peer.inner_host)
    result = lab.own(cloud.ping_in_background(peer.inner_host, 400, 0.1)).result()
    seen.stop()
    assert result.sent == 400 and result.lost == 0, f"{result.text}\n{site.gateway.show('tunnel', site.TUNNEL, 'log')}"
    assert seen.count("esp") >= 800, "native ESP"
    spis = {line.split("spi=")[1].split(",")[0] for line in seen.packets("esp")}
    assert len(spis) >= 8, f"{len(spis)} SPIs"
    assert site.gateway.tunnel(site.TUNNEL)["sas"][0]["esn"] is ours.get("esn", False)
