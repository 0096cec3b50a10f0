"""Routes learnt and announced by BGP through tunnels, gateway to gateway."""

import os

from lab import wait_for
from lab.network import command
from lab.process import Process
from lab.topology import PSK, Pair


def valid(gateway, table, prefix):
    """Next hops of the valid routes to exactly this prefix."""
    tables = gateway.show("route", "table", table, prefix)["tables"]
    return [r["next_hop"] for t in tables for r in t["routes"] if r["prefix"] == prefix and r["valid"]]


def await_valid(gateway, table, prefix, wanted, timeout=20):
    wait_for(lambda: valid(gateway, table, prefix) == wanted, timeout,
             lambda: f"{prefix} to lead to {wanted}; it leads to {valid(gateway, table, prefix)}\n"
                     f"{gateway.isthmus('show', 'bgp').stdout}{gateway.output()[-3000:]}")


def test_gateways_learn_each_others_vpcs(lab):
    """Up, down with the tunnel, up again; without BGP; drained."""
    pair = Pair(lab, bgp=True).start()
    east, west = pair.gateways
    learnt = ["tunnel east-1 of vpn connection east"]
    pair.await_up(timeout=30)
    await_valid(east, "bgw", "10.2.0.0/16", learnt)
    await_valid(east, "vpc", "10.2.0.0/16", ["border gateway bgw"])
    session = east.show("bgp", "east-1")
    assert session["established"] and session["peer_asn"] == 65002
    assert [r["prefix"] for r in session["received"]] == ["10.2.0.0/16"]
    assert [(r["prefix"], r["announced"]) for r in session["announced"]] == [("10.1.0.0/16", True)]

    # A tunnel that goes DOWN takes its routes with it, long before any hold time.
    west.isthmus("tunnel", "west-1", "disable")
    await_valid(east, "bgw", "10.2.0.0/16", [], timeout=5)
    await_valid(east, "vpc", "10.2.0.0/16", [], timeout=5)
    west.isthmus("tunnel", "west-1", "enable")
    await_valid(east, "bgw", "10.2.0.0/16", learnt, timeout=30)

    # Without BGP the tunnel is UP and static routes lead into it.
    east.isthmus("bgp", "east", "disable")
    # Also in what BIRD reads next, so that no reconfiguration enables the session for a moment.
    files = os.path.dirname(east.show("routing")["shards"][0]["configuration_file"])
    files = files.replace("/self/", f"/{east.process.popen.pid}/")
    wait_for(lambda: command(["grep", "-R", "disabled;", files], check=False).returncode == 0, 5, "BIRD's file")
    await_valid(east, "bgw", "10.2.0.0/16", [], timeout=5)
    await_valid(west, "bgw", "10.1.0.0/16", [], timeout=5)
    for gateway, prefix, connection in ((east, "10.2.0.0/16", "east"), (west, "10.1.0.0/16", "west")):
        gateway.isthmus("route", "add", "bgw", prefix, connection)
    pair.hosts[0].await_ping(pair.hosts[1], timeout=5)
    for gateway, prefix, connection in ((east, "10.2.0.0/16", "east"), (west, "10.1.0.0/16", "west")):
        gateway.isthmus("route", "delete", "bgw", prefix, connection)
    east.isthmus("bgp", "east-1", "enable")
    await_valid(east, "bgw", "10.2.0.0/16", learnt)

    # BIRD dies: its routes stay, nothing is lost, and it is back.
    before = east.show("routing")["shards"][0]
    ping = pair.hosts[0].ping_in_background(pair.hosts[1], count=60, interval=0.05)
    pair.clouds[0].ns.run(["kill", "-9", before["pid"]])
    wait_for(lambda: east.show("routing")["shards"][0]["starts"] == before["starts"] + 1, 10, "another BIRD")
    assert ping.result().lost == 0
    await_valid(east, "bgw", "10.2.0.0/16", learnt)
    wait_for(lambda: east.show("bgp", "east-1")["established"], 20, "the session to be established again")

    east.isthmus("tunnel", "east-1", "drain")
    await_valid(west, "bgw", "10.1.0.0/16", [], timeout=5)
    assert east.show("tunnel", "east-1")["state"] == "DOWN"


def test_a_static_route_without_a_tunnel_gives_way(lab):
    """A static route by a connection that is DOWN is not valid: what BGP learns to the same prefix carries."""
    pair = Pair(lab, bgp=True)
    east, west = pair.gateways
    east.config["customer_gateways"].append({"name": "ghost", "addresses": ["198.51.77.1"], "asn": 65099})
    east.config["vpn_connections"].append(
        {"name": "ghost", "border_gateway": "bgw", "customer_gateway": "ghost", "bgp": False,
         "tunnels": [{"name": "ghost-1", "cloud_ip": pair.clouds[0].address, "customer_ip": "198.51.77.1", "psk": PSK}]})
    east.config["border_gateways"][0]["static_routes"] = [{"prefix": p, "next_hop": c} for p, c in (
        ("10.2.0.0/16", "ghost"), ("172.20.0.0/16", "ghost"), ("10.2.9.0/24", "east"))]
    east.write()
    pair.start()
    pair.await_up(timeout=30)
    learnt = ["tunnel east-1 of vpn connection east"]
    await_valid(east, "bgw", "10.2.0.0/16", learnt)
    routes = east.show("route", "table", "bgw", "10.2.0.0/16")["tables"][0]["routes"]
    assert [(r["valid"], r["why"]) for r in routes if r["type"] == "static" and r["prefix"] == "10.2.0.0/16"] \
        == [(False, "no tunnel up")]
    pair.hosts[0].await_ping(pair.hosts[1], timeout=5)
    said = east.isthmus("explain", "10.1.1.2", "172.20.0.1", "in", "vpc").stdout
    assert "172.20.0.0/16 by vpn_connection 'ghost' is not valid: no tunnel up" in said, said

    # One that is UP is valid, and leaves with its tunnel.
    await_valid(east, "bgw", "10.2.9.0/24", ["vpn connection east, 1 of 1 tunnels UP"])
    west.isthmus("tunnel", "west-1", "disable")
    await_valid(east, "bgw", "10.2.9.0/24", [], timeout=5)
    await_valid(east, "vpc", "10.2.9.0/24", [], timeout=5)
    west.isthmus("tunnel", "west-1", "enable")
    await_valid(east, "bgw", "10.2.9.0/24", ["vpn connection east, 1 of 1 tunnels UP"], timeout=30)
    await_valid(east, "vpc", "10.2.9.0/24", ["border gateway bgw"], timeout=5)


def test_a_bird_of_the_operator(lab):
    """In a namespace of his own, with our configuration; it comes and goes as he likes."""
    pair = Pair(lab, bgp=True)
    east, west = pair.gateways
    ns, folder = lab.namespace("bird"), lab.path("operator")
    os.mkdir(folder)
    control = os.path.join(folder, "bird.ctl")
    east.config["bird"] = {"attach": control, "netns": f"/run/netns/{ns.name}", "run_dir": folder}
    east.write()
    pair.start()

    def bird():
        return Process(ns.inside(["bird", "-f", "-c", f"{folder}/current/bird.conf", "-s", control]),
                       lab.path("bird.log"))
    for _ in range(2):
        process = lab.own(bird())
        await_valid(east, "bgw", "10.2.0.0/16", ["tunnel east-1 of vpn connection east"])
        await_valid(west, "bgw", "10.1.0.0/16", ["tunnel west-1 of vpn connection west"])
        assert east.show("routing")["shards"][0]["bird"] == "attached"
        process.stop()
        await_valid(west, "bgw", "10.1.0.0/16", [], timeout=5)
