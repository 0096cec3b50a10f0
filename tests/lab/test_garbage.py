"""Ten thousand random, truncated and mutilated packets change nothing but counters."""

import os

import pytest

from lab.capture import Capture
from lab.topology import Site

HERE = os.path.dirname(__file__)
COUNT = 10000


def throw(site, seed, pcap, count=COUNT):
    site.wan.ns.run(["env", f"PYTHONPATH={HERE}", "/usr/bin/python3", "-m", "lab.garbage", site.cloud.address,
                     site.idc.address, str(count), str(seed), pcap], timeout=120)


@pytest.mark.parametrize("build", ["build/test-san", "build/release"])
def test_garbage_changes_nothing(lab, build):
    site = Site(lab, build=build)
    seen = lab.own(Capture(site.wan.ns, site.cloud.wan_link, lab.path("wan.pcap")))
    site.start()
    site.await_up()
    site.check_both_ways()
    seen.stop()
    before = site.strongswan.sas()
    spis = {c["spi-in"] for c in site.strongswan.children()}

    throw(site, seed=1, pcap=seen.path, count=COUNT // 2)
    memory = site.gateway.process.resident_bytes()
    pings = lab.own(site.hosts[0].ping_in_background(site.hosts[1], 100, 0.05))
    throw(site, seed=2, pcap=seen.path, count=COUNT // 2)

    assert pings.result().lost == 0
    assert site.gateway.tunnel(site.TUNNEL)["state"] == "UP"
    assert spis <= {c["spi-in"] for c in site.strongswan.children()}
    assert before[0]["uniqueid"] == site.strongswan.sas()[0]["uniqueid"]
    site.check_both_ways()
    if build == "build/release":  # a sanitizer keeps freed memory for a while
        assert site.gateway.process.resident_bytes() - memory < 1 << 20
