"""Messages in the name of others do not keep a real peer out, nor do they cost memory."""

import os

import pytest

from lab import Stopwatch, wait_for
from lab import flood
from lab.process import Process
from lab.topology import Site

RATE = int(os.environ.get("FLOOD_RATE", 50000))
FLOOR = 10000  # less is no flood; what a busy machine reaches is in the report
# In the peer's own name: each is answered with a demand for a cookie, which the peer has to bear as well.
RATE_KNOWN = 10000
SECONDS = float(os.environ.get("FLOOD_SECONDS", 8))
GROWTH = 8 << 20  # bytes; the allocator's own, and under a sanitizer what it keeps of freed memory
PATIENCE = 2

pytestmark = pytest.mark.alone


def set_up(site, timeout):
    """Seconds until the tunnel, which was down, is up."""
    watch = Stopwatch()
    site.strongswan.initiate(timeout=timeout)
    site.await_up(timeout)
    return watch.seconds


def under_attack(site, kind, stopped, wanted=RATE):
    """A set-up during a flood of that kind, which the counters `stopped` tell of; and what it cost."""
    def counters():
        return site.gateway.show("ike")["counters"]

    def down():
        site.strongswan.terminate()
        site.gateway.await_tunnel(site.TUNNEL, "DOWN")

    down()
    usual = set_up(site, 10)
    down()
    memory, before = site.gateway.process.resident_bytes(), counters()
    attack = site.lab.own(Process(
        site.wan.ns.inside(["/usr/bin/python3", os.path.abspath(flood.__file__), kind, site.cloud.address, wanted,
                            SECONDS, site.idc.address]), site.lab.path(f"flood-{kind}.log")))
    attack.await_output("flooding", timeout=20)
    wait_for(lambda: all(counters()[c] - before[c] > 500 for c in stopped), 10, lambda: f"{stopped}: {counters()}")
    delayed = set_up(site, 20) - usual
    attack.await_output("rate", timeout=SECONDS + 20)
    rate = int(attack.output().split("rate ")[1])
    grown = site.gateway.process.resident_bytes() - memory
    seen = {k: v - before[k] for k, v in counters().items() if v != before[k]}
    said = f"{kind}: {rate}/s, {delayed:.2f} s later than usual, {grown >> 10} KiB more, {seen}"
    print(said)
    assert delayed <= PATIENCE, said
    assert grown <= GROWTH, said
    assert rate >= min(FLOOR, wanted * 0.9), said
    assert site.gateway.tunnel(site.TUNNEL)["state"] == "UP"


def test_a_peer_comes_up_during_a_flood(lab):
    """Requests from anywhere, requests all in the peer's own name, and pieces that never become whole."""
    site = Site(lab, start="respond").start()
    set_up(site, 10)
    under_attack(site, "strangers", ["no-tunnel", "cookie-demanded"])
    under_attack(site, "known", ["cookie-demanded"], RATE_KNOWN)
    under_attack(site, "pieces", ["no-sa"])
