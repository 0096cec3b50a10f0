"""Messages in the name of others do not keep a real peer out, nor do they cost memory."""

import os

import pytest

from lab import Stopwatch, wait_for
from lab import flood
from lab.process import Process
from lab.topology import Site

RATE = int(os.environ.get("FLOOD_RATE", 50000))
FLOOR = 10000  # less is no flood; what a busy machine reaches is in the report
SECONDS = float(os.environ.get("FLOOD_SECONDS", 8))
GROWTH = 8 << 20  # bytes; the allocator's own, and under a sanitizer what it keeps of freed memory
PATIENCE = 2

pytestmark = pytest.mark.alone


def strongswan_calls(site, timeout):
    """Seconds until the tunnel, which was down, is up."""
    watch = Stopwatch()
    site.strongswan.initiate(timeout=timeout)
    site.await_up(timeout)
    return watch.seconds


def we_call(site, timeout):
    watch = Stopwatch()
    site.gateway.isthmus("tunnel", site.TUNNEL, "enable")
    site.await_up(timeout)
    return watch.seconds


def under_attack(site, kind, stopped, call):
    """A set-up during a flood of that kind, which the counters `stopped` tell of; and what it cost."""
    def counters():
        return site.gateway.show("ike")["counters"]

    def down():
        if call is we_call:
            site.gateway.isthmus("tunnel", site.TUNNEL, "disable")
        else:
            site.strongswan.terminate()
        site.gateway.await_tunnel(site.TUNNEL, "DOWN")

    down()
    usual = call(site, 10)
    down()
    memory, before = site.gateway.process.resident_bytes(), counters()
    attack = site.lab.own(Process(
        site.wan.ns.inside(["/usr/bin/python3", os.path.abspath(flood.__file__), kind, site.cloud.address, RATE,
                            SECONDS, site.idc.address]), site.lab.path(f"flood-{kind}.log")))
    attack.await_output("flooding", timeout=20)
    wait_for(lambda: all(counters()[c] - before[c] > 500 for c in stopped), 10, lambda: f"{stopped}: {counters()}")
    delayed = call(site, 20) - usual
    attack.await_output("rate", timeout=SECONDS + 20)
    rate = int(attack.output().split("rate ")[1])
    grown = site.gateway.process.resident_bytes() - memory
    seen = {k: v - before[k] for k, v in counters().items() if v != before[k]}
    said = f"{kind}: {rate}/s, {delayed:.2f} s later than usual, {grown >> 10} KiB more, {seen}"
    print(said)
    assert delayed <= PATIENCE, said
    assert grown <= GROWTH, said
    assert rate >= FLOOR, said
    assert site.gateway.tunnel(site.TUNNEL)["state"] == "UP"


def test_a_peer_comes_up_during_a_flood(lab):
    """Requests from anywhere, requests all in the peer's own name, and pieces that never become whole."""
    site = Site(lab, start="respond").start()
    strongswan_calls(site, 10)
    under_attack(site, "strangers", ["no-tunnel", "cookie-demanded"], strongswan_calls)
    under_attack(site, "known", ["cookie-demanded"], strongswan_calls)
    under_attack(site, "pieces", ["no-sa"], strongswan_calls)


def test_we_come_up_in_ikev1_during_a_flood(lab):
    """It has no cookies, so that who calls in the peer's name may keep the peer from calling; not us."""
    site = Site(lab, ike_version="v1").start(version=1)
    site.await_up()
    under_attack(site, "v1", ["no-tunnel", "rate-limited"], we_call)
