"""Many border gateways and tunnels with BGP, gateway to gateway.

LAB_GATEWAYS=100 scripts/test lab -k scale: as many border gateways as that, two tunnels each.
"""

import os

import pytest

from lab import Stopwatch, wait_for
from lab.topology import PSK, Cloud, Wan

pytestmark = pytest.mark.alone
GATEWAYS = int(os.environ.get("LAB_GATEWAYS", 10))
ADDRESSES = 15  # public ones of each side; a tunnel is a pair of them
PAIRS = ADDRESSES // 2
UP_WITHIN = 60  # seconds from the start of both programs


def inner(tunnel, end, shared):
    """Every fifth border gateway uses the same inner addresses as all such ones."""
    number = tunnel % 2 if shared else 2 + tunnel
    return f"169.254.{number // 64}.{number % 64 * 4 + end}/30"


def public(side, tunnel):
    """Of that side's addresses the one where this tunnel ends: a connection has two of side 1 and one of side 2,
    and no other connection joins them."""
    gateway = tunnel // 2
    number = gateway % PAIRS * 2 + tunnel % 2 if side == 1 else gateway // PAIRS
    return f"203.0.{side}.{1 + number}"


def configure(cloud, side):
    """All border gateways of one side, each with one connection of two tunnels to its like."""
    config, other = cloud.config([]), 3 - side
    addresses = [f"203.0.{side}.{1 + n}" for n in range(ADDRESSES)]
    config["ports"][0]["addresses"] = [f"{a}/24" for a in addresses]
    config["cloud_addresses"] = addresses
    config["workers"] = {**config["workers"], "memory_mb": 128}
    config["vpc_attachments"][0]["border_gateway"] = "bgw0"
    config["border_gateways"], config["customer_gateways"], config["vpn_connections"] = [], [], []
    for g in range(GATEWAYS):
        pair = 2 * g, 2 * g + 1
        theirs = sorted({public(other, t) for t in pair})
        config["border_gateways"].append({"name": f"bgw{g}", "asn": 65000 + side})
        config["customer_gateways"].append({"name": f"c{g}", "asn": 65000 + other, "addresses": theirs})
        config["vpn_connections"].append({
            "name": f"c{g}", "border_gateway": f"bgw{g}", "customer_gateway": f"c{g}",
            "tunnels": [{
                "name": f"t{t}", "cloud_ip": public(side, t), "customer_ip": public(other, t), "psk": PSK,
                "inner": inner(t, side, g % 5 == 4), "start": "initiate" if side == 1 else "respond",
            } for t in pair],
        })
    return config


def test_scale(lab):
    """All sessions are established soon; one that comes later leaves the others alone."""
    wan = Wan(lab)
    clouds = [Cloud(lab, wan, side) for side in (1, 2)]
    configs = [configure(cloud, side) for side, cloud in enumerate(clouds, 1)]
    late = configs[0]["vpn_connections"][-1]["tunnels"][-1]
    late["enabled"] = False
    east, west = [cloud.isthmusd(config) for cloud, config in zip(clouds, configs)]
    watch = Stopwatch()
    west.start()
    east.start()

    def established(gateway):
        return {s["tunnel"]: s["since_seconds"] for s in gateway.show("bgp")["sessions"] if s["established"]}
    wait_for(lambda: all(len(established(g)) == 2 * GATEWAYS - 1 for g in (east, west)), UP_WITHIN,
             lambda: f"all sessions; {[len(established(g)) for g in (east, west)]} of {2 * GATEWAYS - 1} are up\n"
                     f"{east.isthmus('show', 'routing').stdout}{east.output()[-4000:]}", every=0.25)
    print(f"\n{2 * GATEWAYS - 1} sessions of {GATEWAYS} border gateways in {watch.seconds:.1f} s")
    assert len(east.show("routing")["shards"]) == max(1, GATEWAYS // 5)

    before, watch = established(east), Stopwatch()
    east.isthmus("tunnel", late["name"], "enable")
    wait_for(lambda: len(established(east)) == 2 * GATEWAYS, 30, "the last session")
    east.isthmus("route", "add", "bgw0", "10.77.0.0/16", "vpc")
    wait_for(lambda: any(r["prefix"] == "10.77.0.0/16" for t in west.show("route", "table", "bgw0")["tables"]
                         for r in t["routes"]), 20,
             lambda: f"a route that was added\n{east.isthmus('show', 'route', 'table', 'bgw0').stdout}"
                     f"{east.isthmus('show', 'bgp', 't0').stdout}{east.isthmus('show', 'routing').stdout}"
                     f"{east.output()[-3000:]}")
    after, passed = established(east), int(watch.seconds)
    moved = {t: (before[t], after.get(t)) for t in before if t not in after or after[t] < before[t] + passed - 1}
    assert not moved
