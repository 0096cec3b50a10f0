"""A running gateway takes an edited file: what differs is changed, the rest does not notice."""

import copy
import signal

from lab import wait_for
from lab.network import command
from lab.office import Estate
from lab.topology import PSK, Pair

INTERVAL = 0.02


def reload(gateway, config=None, signalled=False):
    """With another file; what the gateway says of it, as JSON."""
    if config is not None:
        gateway.config = {"control_socket": gateway.socket, **config}
        gateway.write()
    if not signalled:
        return gateway.isthmus("reload", json=True, check=False)
    gateway.process.popen.send_signal(signal.SIGHUP)
    return None


def spis(gateway, name):
    return [(sa["spi_in"], sa["spi_out"]) for sa in gateway.tunnel(name)["sas"]]


def nobody(number, **tunnel):
    """A customer that does not answer, and its connection."""
    name, address = f"ghost{number}", f"198.51.77.{number}"
    return ({"name": name, "addresses": [address], "asn": 65100 + number},
            {"name": name, "border_gateway": "bgw", "customer_gateway": name,
             "tunnels": [{"name": f"{name}-1", "cloud_ip": "203.0.1.1", "customer_ip": address, "psk": PSK,
                          "inner": f"169.254.9.{4 * number + 2}/30", **tunnel}]})


def tenant(number):
    """Another border gateway with a VPC of its own."""
    return ({"name": f"bgw{number}", "asn": 65000},
            {"name": f"vpc{number}", "prefixes": ["10.77.0.0/16"]},
            {"vpc": f"vpc{number}", "border_gateway": f"bgw{number}", "port": "vpc", "addresses": ["10.77.0.1/16"],
             "vxlan": {"vni": 7000 + number, "local_vtep": "172.31.0.1", "remote_vtep": "172.31.0.2"}})


def test_others_do_not_notice(lab):
    """Two tunnels with BGP carry pings while all around them is added, changed, refused and taken away."""
    estate = Estate(lab).start()
    gateway, host = estate.gateway, estate.cloud.host
    names = ("dc1-1", "dc1-2")
    before = {name: (spis(gateway, name), gateway.show("bgp", name)["since_seconds"]) for name in names}
    original = {k: v for k, v in copy.deepcopy(gateway.config).items() if k != "control_socket"}
    ping = host.ping_in_background(estate.office.host, count=int(14 / INTERVAL), interval=INTERVAL)
    wait_for(lambda: any(gateway.tunnel(n)["traffic"]["in_packets"] > 0 for n in names), 5, "traffic")

    # More of everything: a tunnel to nobody, with BGP, and a tenant.
    config = copy.deepcopy(original)
    customer, connection = nobody(1)
    bgw, vpc, attachment = tenant(1)
    config["customer_gateways"].append(customer)
    config["vpn_connections"].insert(0, connection)
    config["border_gateways"].insert(0, bgw)
    config["vpcs"].insert(0, vpc)
    config["vpc_attachments"].insert(0, attachment)
    config["border_gateways"][1]["static_routes"] = [{"prefix": "172.20.0.0/16", "next_hop": "ghost1"}]
    done = reload(gateway, config)
    assert done.returncode == 0, done.stderr + gateway.output()[-3000:]
    assert gateway.tunnel("ghost1-1")["state"] == "DOWN"
    assert {t["name"] for t in gateway.show("routes")["tables"]} == {None, "bgw", "bgw1", "vpc", "vpc1"}

    # Only the dataplane knows of these, and the SAs stay.
    for tunnel in config["vpn_connections"][1]["tunnels"]:
        tunnel.update(mtu=1300, df="clear", bandwidth=500)
    config["vpn_connections"][0]["tunnels"][0]["esp_lifetime"] = 600
    config["border_gateways"][1]["dynamic_quota"] = 77
    config["vpc_attachments"][1]["import"] = ["0.0.0.0/0"]
    assert reload(gateway, config).returncode == 0
    assert gateway.tunnel("dc1-1")["sas"] and gateway.show("routing")["border_gateways"][1]["dynamic_quota"] == 77

    # What may not be changes nothing.
    wrong = copy.deepcopy(config)
    wrong["vpn_connections"][0]["tunnels"][0]["dpd"] = "often"
    done = reload(gateway, wrong)
    assert done.returncode != 0 and "dpd" in done.stderr and "isthmus.conf:" in done.stderr, done.stderr
    wrong = copy.deepcopy(config)
    wrong["ports"][1]["mtu"] = 1400
    done = reload(gateway, wrong)
    assert done.returncode != 0 and "port 'vpc'" in done.stderr and "restart" in done.stderr, done.stderr

    # And away with all of it, by a signal this time.
    reload(gateway, original, signalled=True)
    wait_for(lambda: "ghost1-1" not in gateway.isthmus("show", "tunnels").stdout, 5, "the tunnel to go")
    assert {t["name"] for t in gateway.show("routes")["tables"]} == {None, "bgw", "vpc"}

    done = ping.result()
    assert done.lost == 0, done.text
    for name in names:
        assert spis(gateway, name) == before[name][0]
        assert gateway.show("bgp", name)["since_seconds"] > before[name][1] + 5
        assert gateway.tunnel(name)["downs"] == 0


def with_bgp(config, mine, other):
    """The same file with BGP instead of static routes."""
    config = copy.deepcopy(config)
    config["border_gateways"][0].update(asn=65001 + mine, static_routes=[])
    config["customer_gateways"][0]["asn"] = 65001 + other
    config["vpn_connections"][0]["bgp"] = True
    config["vpn_connections"][0]["tunnels"][0]["inner"] = f"169.254.7.{1 + mine}/30"
    return config


def test_another_key_and_bgp(lab):
    """A tunnel is rebuilt with another key; the first BGP of a gateway comes, and goes."""
    pair = Pair(lab).start()
    east, west = pair.gateways
    pair.await_up()
    static = [{k: v for k, v in copy.deepcopy(g.config).items() if k != "control_socket"} for g in pair.gateways]

    def all_reload(configs):
        for g, config in zip((east, west), configs):
            done = reload(g, config)
            assert done.returncode == 0, done.stderr + g.output()[-3000:]

    before = spis(east, "east-1")
    for config in static:
        config["vpn_connections"][0]["tunnels"][0]["psk"] = "another-" + PSK
    all_reload(static)
    wait_for(lambda: spis(east, "east-1") not in ([], before), 15, "other SAs")
    pair.await_up(timeout=15)

    all_reload([with_bgp(static[0], 0, 1), with_bgp(static[1], 1, 0)])

    def learnt():
        return [r["prefix"] for t in east.show("route", "table", "bgw")["tables"] for r in t["routes"]
                if r["type"] == "ebgp" and r["valid"]]
    wait_for(lambda: learnt() == ["10.2.0.0/16"], 30,
             lambda: f"a route\n{east.isthmus('show', 'bgp').stdout}{east.isthmus('show', 'routing').stdout}"
                     f"{east.output()[-4000:]}")
    pair.hosts[0].await_ping(pair.hosts[1])
    pid = east.show("routing")["shards"][0]["pid"]

    all_reload(static)
    assert learnt() == [] and not east.show("bgp")["sessions"]
    pair.hosts[0].await_ping(pair.hosts[1])
    wait_for(lambda: command(["kill", "-0", str(pid)], check=False).returncode != 0, 10, "BIRD to end")
    assert east.tunnel("east-1")["state"] == "UP"
