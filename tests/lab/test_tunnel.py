"""The first tunnel, against strongSwan: who starts, what crosses the WAN, how it ends."""

import pytest

from lab import Stopwatch, wait_for
from lab.capture import Capture
from lab.topology import Site

ONLY_THE_TUNNEL = "udp port 500 or udp port 4500 or esp or arp"
MARK = "feedbeefcafe"


def test_we_start(lab):
    site = Site(lab).start()
    site.await_up()
    assert site.strongswan.sas()[0].get("initiator") != "yes"
    site.check_both_ways()


def test_strongswan_starts(lab):
    site = Site(lab, start="respond")
    site.gateway.start()
    site.gateway.await_tunnel(site.TUNNEL, "DOWN", reason="wait")
    site.strongswan.start()
    site.load(start="start")
    site.await_up()
    assert site.strongswan.sas()[0]["initiator"] == "yes"
    site.check_both_ways()


def test_only_ike_and_esp_cross_the_wan(lab):
    site = Site(lab)
    seen = lab.own(Capture(site.wan.ns, site.cloud.wan_link, lab.path("wan.pcap")))
    inside = lab.own(Capture(site.cloud.host.ns, "vxlan0", lab.path("vpc.pcap")))
    site.start()
    site.await_up()
    site.check_both_ways()
    idc, cloud = site.hosts
    assert idc.ping(cloud, count=20, interval=0.01, pattern=MARK).lost == 0
    assert cloud.ping(idc, count=20, interval=0.01, pattern=MARK).lost == 0
    cloud.serve_tcp()
    idc.tcp(cloud, seconds=1)
    for capture in (seen, inside):
        capture.stop()
    assert seen.count(f"not ({ONLY_THE_TUNNEL})") == 0, seen.packets(f"not ({ONLY_THE_TUNNEL})", limit=5)
    assert seen.count("udp port 4500") > 100
    assert not seen.contains(bytes.fromhex(MARK * 2)), "plain text on the WAN"
    assert inside.contains(bytes.fromhex(MARK * 2)), "the mark is not even where it must be"


def test_behind_nat(lab):
    """The data centre is behind an address that is not its own, on ports that are not 500 and 4500."""
    site = Site(lab, start="respond", remote_id="dc1.example.net")
    site.wan.ns.masquerade(site.cloud.wan_link)
    outside = f"{site.cloud.net}.254"
    site.gateway.config["customer_gateways"][0]["addresses"] = [outside]
    site.gateway.config["vpn_connections"][0]["tunnels"][0]["customer_ip"] = outside
    site.gateway.write()
    site.gateway.start()
    site.strongswan.start()
    site.load(start="start", local_id="dc1.example.net")
    site.await_up()
    site.check_both_ways()


def test_disable_and_enable(lab):
    site = Site(lab).start()
    site.await_up()
    site.gateway.isthmus("tunnel", site.TUNNEL, "disable")
    site.gateway.await_tunnel(site.TUNNEL, "DOWN", timeout=3, reason="disabled")
    wait_for(lambda: not site.strongswan.sas(), 3, "strongSwan to lose its SAs")
    assert site.hosts[0].ping(site.hosts[1], count=2, timeout=0.3).received == 0
    site.gateway.isthmus("tunnel", site.TUNNEL, "enable")
    site.await_up()
    site.check_both_ways()


def test_stop_tells_the_peer(lab):
    site = Site(lab).start()
    site.await_up()
    watch = Stopwatch()
    site.gateway.stop()
    wait_for(lambda: not site.strongswan.sas(), 2, "strongSwan to lose its SAs")
    assert watch.seconds < 5


def test_the_peer_deletes(lab):
    """A terminated tunnel comes back by itself, because we start."""
    site = Site(lab).start()
    site.await_up()
    before = site.strongswan.sas()[0]["uniqueid"]
    site.strongswan.terminate()
    wait_for(lambda: [sa for sa in site.strongswan.sas() if sa["uniqueid"] != before and sa.get("child-sas")], 10,
             "a new IKE SA")
    site.await_up()
    site.check_both_ways()


@pytest.mark.alone
def test_tcp_for_half_a_minute(lab):
    """1400-byte packets, both ways, without one second in which nothing moves."""
    site = Site(lab).start()
    site.await_up()
    idc, cloud = site.hosts
    idc.await_ping(cloud)
    cloud.serve_tcp()
    for reverse in (False, True):
        tcp = idc.tcp(cloud, seconds=30, reverse=reverse)
        assert len(tcp.intervals) >= 30 and tcp.stalls == 0, tcp.intervals
        assert tcp.megabits > 1
