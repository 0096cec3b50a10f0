"""Routes learnt and announced by BGP through tunnels, gateway to gateway."""

import os

from lab import wait_for
from lab.network import command
from lab.process import Process
from lab.topology import Pair


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
