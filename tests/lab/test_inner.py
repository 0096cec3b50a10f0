"""Inner addresses live in the kernel of a routing shard: ping, traceroute and TCP, from and to them."""

import json

import pytest

from lab import wait_for
from lab.host import Host
from lab.shard import shard_with, shards_of
from lab.topology import Cloud, Customer, DataCentre, Pair, Site, Wan

EAST, WEST = "169.254.9.1", "169.254.9.2"
EAST6, WEST6 = "fd00:9::1", "fd00:9::2"


def traceroute(ns, to, source=None):
    """The hops to there by UDP; "*": did not answer."""
    argv = ["traceroute", "-n", "-q", "1", "-w", "2", "-m", "5", *(["-s", source] if source else []), to]
    lines = ns.run(argv, timeout=60).stdout.splitlines()[1:]
    return [line.split()[1] for line in lines]


def end(lab, gateway, address):
    """What speaks at this inner address."""
    return Host(shard_with(gateway.process.pid, address), address, lab.folder)


@pytest.mark.parametrize("east, west", [(EAST, WEST), (EAST6, WEST6)], ids=["IPv4", "IPv6"])
def test_gateway_to_gateway(lab, east, west):
    pair = Pair(lab)
    length = 126 if ":" in east else 30
    for gateway, inner in zip(pair.gateways, (east, west)):
        gateway.config["vpn_connections"][0]["tunnels"][0]["inner"] = f"{inner}/{length}"
        gateway.write()
    pair.start().await_up()
    ends = [end(lab, g, a) for g, a in zip(pair.gateways, (east, west))]
    ends[0].await_ping(ends[1])
    for a, b in (ends, reversed(ends)):
        for size in (56, 1300):
            ping = a.ping(b, count=20, interval=0.01, size=size)
            assert ping.lost == 0, ping.text
        assert traceroute(a.ns, b.address) == [b.address]
    server = lab.own(ends[1])
    server.serve_tcp()
    assert ends[0].tcp(server, seconds=1).stalls == 0
    drops = {d["reason"]: d["packets"] for d in pair.gateways[0].show("drops")["drops"]}
    assert not any(packets for reason, packets in drops.items() if reason.startswith("shard-")), drops


def test_packets_that_every_link_takes(lab):
    """IPv6 of 1280 bytes passes a tunnel of less, and larger ones hear of 1280."""
    pair = Pair(lab, {"mtu": 600})
    for gateway, inner in zip(pair.gateways, (EAST6, WEST6)):
        gateway.config["vpn_connections"][0]["tunnels"][0]["inner"] = f"{inner}/126"
        gateway.write()
    pair.start().await_up()
    a, b = [end(lab, g, i) for g, i in zip(pair.gateways, (EAST6, WEST6))]
    a.await_ping(b)
    for here, there in ((a, b), (b, a)):  # each learns it for what it sends
        assert "Packet too big: mtu=1280" in here.ping(there, count=1, size=1400).text
    for size in (500, 600, 1232, 1400):
        ping = a.ping(b, count=20, interval=0.01, size=size)
        assert ping.lost == 0, (size, ping.text)
    server = lab.own(b)
    server.serve_tcp()
    assert a.tcp(server, seconds=1).stalls == 0


def test_strongswan(lab):
    """Its inner address, and a host behind it that asks for ours."""
    site = Site(lab, inner="169.254.1.2/30").start()
    site.await_up()
    ours = end(lab, site.gateway, "169.254.1.2")
    theirs = Host(site.idc.ns, "169.254.1.1", lab.folder)
    ours.await_ping(theirs)
    assert theirs.ping(ours, count=20, interval=0.01, extra=["-I", theirs.address]).lost == 0
    assert traceroute(theirs.ns, ours.address, theirs.address) == [ours.address]
    assert traceroute(ours.ns, theirs.address) == [theirs.address]
    told = site.gateway.isthmus("ping", "dc1-1", "count", "2", json=True)
    assert json.loads(told.stdout)["received"] == 2
    told = json.loads(site.gateway.isthmus("traceroute", "dc1-1", site.idc.host.address, json=True).stdout)
    assert [hop["from"] for hop in told["hops"]] == [theirs.address, site.idc.host.address] and told["arrived"]
    lost = site.gateway.isthmus("ping", "dc1-1", "169.254.1.77", "count", "1", check=False)
    assert lost.returncode == 1 and "1 lost" in lost.stdout and "no answer from 169.254.1.77" in lost.stderr
    assert site.idc.host.ping(ours, count=20, interval=0.01).lost == 0
    assert ours.ping(site.idc.host, count=20, interval=0.01).lost == 0
    assert traceroute(ours.ns, site.idc.host.address) == [theirs.address, site.idc.host.address]


def test_two_tenants_with_the_same_addresses(lab):
    """Two border gateways, each with a customer; all inner addresses are the same."""
    wan, inner = Wan(lab), "169.254.5.{}"
    cloud = Cloud(lab, wan)
    centres = [DataCentre(lab, wan, n, inner=inner.format("1/30")) for n in (1, 2)]
    customers = [Customer(f"dc{n}", c.address, [c.prefix], inner=inner.format("2/30"))
                 for n, c in enumerate(centres, 1)]
    config = cloud.config(customers)
    config["border_gateways"] = [
        {"name": c.name, "asn": 65000, "static_routes": [{"prefix": p, "next_hop": c.name} for p in c.prefixes]}
        for c in customers]
    for connection in config["vpn_connections"]:
        connection["border_gateway"] = connection["name"]
    config["vpc_attachments"][0]["border_gateway"] = customers[0].name
    gateway = cloud.isthmusd(config)
    for c in centres:
        c.strongswan.start()
        c.strongswan.load(c.address, cloud.address, customers[0].parameters["psk"])
    gateway.start()
    for c in customers:
        gateway.await_tunnel(c.tunnel, "UP")
    assert len(shards_of(gateway.process.pid)) == 2
    ends = [Host(c.ns, inner.format(1), lab.folder) for c in centres]
    for e in ends:
        wait_for(lambda: e.ping(inner.format(2), count=1, timeout=0.5).received, 10, "a reply")
    before = [gateway.tunnel(c.tunnel)["traffic"]["out_packets"] for c in customers]
    both = [e.ping_in_background(inner.format(2), count=50, interval=0.02) for e in ends]
    for ping in both:
        done = ping.result()
        assert (done.received, done.duplicates) == (50, 0), done.text
    after = [gateway.tunnel(c.tunnel)["traffic"]["out_packets"] for c in customers]
    assert [b - a for a, b in zip(before, after)] == [50, 50]
