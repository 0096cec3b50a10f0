"""Rekeys every few seconds, by one side, by the other, by both, under a thousand pings."""

import collections
import os

import pytest

from lab import Lab, wait_for
from lab.capture import Capture
from lab.topology import Pair, Site

PINGS = 1000
INTERVAL = 0.02

SHORT = {"esp_lifetime": 4, "ike_lifetime": 10}

# Two minutes of them, 120000, are for a quiet machine.
EVERY_MS = int(os.environ.get("REKEY_PINGS", 6000))


def spi(site):
    return {c["spi-in"] for c in site.strongswan.children()}


def ping_through(site, allowed, count=PINGS):
    """The SPIs that strongSwan had during as many pings."""
    idc, cloud = site.hosts
    idc.await_ping(cloud)
    pings = site.lab.own(idc.ping_in_background(cloud, count, INTERVAL))
    spis = set()

    def done():
        spis.update(spi(site))
        return not pings.running
    wait_for(done, 60, "the end of the pings", every=0.5)
    result = pings.result()
    assert result.sent == count and result.lost <= allowed, f"{result.text}\n{len(spis)} child SAs"
    return spis


def test_we_rekey(lab):
    site = Site(lab, **SHORT).start()
    site.await_up()
    assert len(ping_through(site, allowed=2)) >= 4


def test_strongswan_rekeys(lab):
    site = Site(lab).start(child_rekey_time=4, rekey_time=9)
    site.await_up()
    assert len(ping_through(site, allowed=2)) >= 4


def test_both_rekey(lab):
    site = Site(lab, esp_lifetime=7, ike_lifetime=13).start(child_rekey_time=4, rekey_time=9)
    site.await_up()
    assert len(ping_through(site, allowed=2)) >= 4


def test_both_rekey_in_ikev1(lab):
    """Less often: with shorter lifetimes strongSwan loses its own."""
    site = Site(lab, ike_version="v1", esp_lifetime=11, ike_lifetime=24)
    site.start(version=1, child_rekey_time=10, rekey_time=22)
    site.await_up()
    assert len(ping_through(site, allowed=2, count=1300)) >= 3


VOLUME = {"esp_lifetime_packets": 180, "esp_lifetime_bytes": 30000}


@pytest.mark.parametrize("ours,version", [({}, 2), (VOLUME, 2), (VOLUME, 1)], ids=["its", "both", "both-v1"])
def test_strongswan_rekeys_by_volume(lab, ours, version):
    """strongSwan's limits of 200 packets and of 40000 bytes, and ours at about the same time."""
    site = Site(lab, ike_version=f"v{version}", **ours)
    site.start(version=version, child_lines="rekey_packets = 150\n life_packets = 400\n rand_packets = 20\n"
                                            "rekey_bytes = 20000\n life_bytes = 60000\n rand_bytes = 2000")
    site.await_up()
    assert len(ping_through(site, allowed=2, count=450)) >= 3


def test_rekey_by_hand(lab):
    """The operator asks for a new child SA, then for a new IKE SA."""
    site = Site(lab).start()
    site.await_up()
    site.check_both_ways()
    child, ike = spi(site), site.strongswan.sas()[0]["uniqueid"]
    site.gateway.isthmus("tunnel", site.TUNNEL, "rekey", "child")
    wait_for(lambda: spi(site) - child, 5, "a new child SA")
    site.check_both_ways()
    site.gateway.isthmus("tunnel", site.TUNNEL, "rekey", "ike")
    wait_for(lambda: [sa for sa in site.strongswan.sas() if sa["uniqueid"] != ike], 5, "a new IKE SA")
    site.check_both_ways()


@pytest.mark.parametrize("cipher", ["aes128gcm", "aes128"])
def test_gateway_to_gateway_loses_nothing(lab, cipher):
    """Two isthmusd, native ESP: not one packet of a thousand may go."""
    pair = Pair(lab, tunnel={"esp_cipher": [cipher], **SHORT})
    seen = lab.own(Capture(pair.wan.ns, pair.clouds[0].wan_link, lab.path("wan.pcap"), snap=64))
    pair.start()
    pair.await_up()
    pings = lab.own(pair.hosts[0].ping_in_background(pair.hosts[1], PINGS, INTERVAL))
    result = pings.result()
    seen.stop()
    assert result.sent == PINGS and result.lost == 0, result.text
    assert seen.count("esp") >= 2 * PINGS
    assert seen.count("not (udp port 500 or udp port 4500 or esp or arp)") == 0
    spis = {line.split("spi=")[1].split(",")[0] for line in seen.packets("esp")}
    assert len(spis) >= 8, f"only {len(spis)} SPIs in {PINGS * INTERVAL:g} s"


@pytest.mark.parametrize("version", ["v2", "v1"])
def test_every_millisecond(lab, version):
    """A ping each millisecond from gateway to gateway, rekeys of both kinds meanwhile: all come back."""
    pair = Pair(lab, tunnel={"ike_version": version, "esp_lifetime": 5, "ike_lifetime": 13}).start()
    pair.await_up()
    result = lab.own(pair.hosts[0].ping_in_background(pair.hosts[1], EVERY_MS, 0.001)).result()
    dropped = [g.show("drops") for g in pair.gateways]
    assert result.sent == EVERY_MS and result.lost == 0, f"{result.text}\n{dropped}"


def test_every_millisecond_with_strongswan(lab):
    """Whatever of strongSwan's crosses the WAN is answered there: what is lost beside, its own ESP has lost."""
    site = Site(lab, esp_lifetime=5, ike_lifetime=13)
    seen = lab.own(Capture(site.wan.ns, site.cloud.wan_link, lab.path("wan.pcap"), snap=64))
    site.start(child_rekey_time=4, rekey_time=11)
    site.await_up()
    idc, cloud = site.hosts
    idc.await_ping(cloud)
    result = lab.own(idc.ping_in_background(cloud, EVERY_MS, 0.001)).result()
    seen.stop()
    lengths = collections.Counter()
    for line in seen.packets("udp port 4500 and udp[8:4] != 0"):
        lengths["> 203." in line, line.rsplit("length ", 1)[1]] += 1
    asked, answered = (max(n for (to_us, _), n in lengths.items() if to_us is way) for way in (True, False))
    print(f"{result.text}: {asked} requests and {answered} answers crossed the WAN; {dict(lengths)}")
    assert asked > EVERY_MS * 0.99 and asked == answered, f"{dict(lengths)}\n{site.gateway.show('drops')}"
    assert result.lost <= EVERY_MS // 200, result.text
