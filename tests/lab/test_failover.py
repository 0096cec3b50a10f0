"""A customer with two routers, strongSwan and BIRD on a tunnel each: both carry, either may fail."""

from lab import Stopwatch, wait_for
from lab.office import Office
from lab.topology import Cloud, Customer, Wan

INTERVAL = 0.02


class World:
    def __init__(self, lab, **tunnel):
        self.wan = Wan(lab)
        self.office = Office(lab, self.wan)
        self.cloud = Cloud(lab, self.wan)
        customer = Customer("dc1", self.office.addresses, [], asn=Office.ASN, inners=self.office.inners, **tunnel)
        self.gateway = self.cloud.isthmusd(self.cloud.config([customer]))

    def start(self, options=""):
        self.gateway.start()
        self.office.start(self.cloud, options=options)
        self.office.await_established()
        self.await_tunnels("dc1-1", "dc1-2")
        self.office.host.await_ping(self.cloud.host)
        return self

    def tunnels(self):
        """Of the valid routes to the office."""
        return [r["tunnel"] for t in self.gateway.show("route", "table", "bgw", "192.168.1.0/24")["tables"]
                for r in t["routes"] if r["prefix"] == "192.168.1.0/24" and r["valid"]]

    def await_tunnels(self, *names, timeout=20):
        wait_for(lambda: self.tunnels() == list(names), timeout,
                 lambda: f"the office through {names}; it is {self.tunnels()}\n"
                         f"{self.gateway.isthmus('show', 'bgp').stdout}{self.gateway.output()[-4000:]}")


def test_a_cut_tunnel_is_left_within_a_second(lab):
    """With BFD: the routers' links to the WAN are cut in turn while a host of the VPC pings the office."""
    world = World(lab, bfd=True, bfd_interval=100).start(options="bfd on;")
    routers = world.office.routers
    for cut, left in ((0, "dc1-2"), (1, "dc1-1")):
        ping = world.cloud.host.ping_in_background(world.office.host, count=int(6 / INTERVAL), interval=INTERVAL)
        wait_for(lambda: world.gateway.tunnel(left)["traffic"]["in_packets"] > 0, 5, "traffic")
        routers[cut].ns.ip("link set wan down")
        world.await_tunnels(left, timeout=5)
        done = ping.result()
        assert done.lost * INTERVAL <= 1.0, done.text
        routers[cut].ns.ip("link set wan up")
        routers[cut].ns.ip(f"route replace 203.0.0.0/16 via {routers[cut].net}.254")
        world.await_tunnels("dc1-1", "dc1-2", timeout=40)
