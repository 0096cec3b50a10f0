"""Requests from forged sources do not keep a real peer out, nor do they cost memory."""

import os

import pytest

from lab import Stopwatch, wait_for
from lab import flood
from lab.process import Process
from lab.topology import Site

RATE = 50000
FLOOR = 10000  # less is no flood; what a busy machine reaches is in the report
SECONDS = 12
GROWTH = 8 << 20  # bytes; the allocator's own, and under a sanitizer what it keeps of freed memory
PATIENCE = 2

pytestmark = pytest.mark.alone


def test_a_peer_comes_up_during_a_flood(lab):
    site = Site(lab, start="respond")
    site.strongswan.start()
    site.gateway.start()
    site.load(start="start")
    watch = Stopwatch()
    site.strongswan.initiate()
    site.await_up()
    usual = watch.seconds
    site.strongswan.terminate()
    site.gateway.await_tunnel(site.TUNNEL, "DOWN")
    before = site.gateway.process.resident_bytes()

    attack = lab.own(Process(
        site.wan.ns.inside(["/usr/bin/python3", os.path.abspath(flood.__file__), site.cloud.address, RATE, SECONDS,
                            site.idc.address]), lab.path("flood.log")))
    attack.await_output("flooding")
    wait_for(lambda: site.gateway.show("ike")["counters"]["cookie-demanded"] > 1000, 10, "demands for cookies")
    watch = Stopwatch()
    site.strongswan.initiate(timeout=20)
    site.await_up(timeout=20)
    delayed = watch.seconds - usual
    attack.await_output("rate", timeout=SECONDS + 20)
    rate = int(attack.output().split("rate ")[1])
    counters = site.gateway.show("ike")["counters"]
    grown = site.gateway.process.resident_bytes() - before
    print(f"{rate}/s, {delayed:.2f} s later than usual, {grown >> 10} KiB more, {counters}")
    assert delayed <= PATIENCE, f"{delayed:.2f} s at {rate}/s, {counters}"
    assert grown <= GROWTH, f"{grown} bytes more"
    assert counters["no-tunnel"] > 10000 and counters["cookie-demanded"] > 1000, counters
    assert site.gateway.tunnel(site.TUNNEL)["state"] == "UP"
    assert rate >= FLOOR, f"only {rate} requests a second went out"
