"""A data centre with several routers, each on a tunnel of its own, all on one LAN.

                  router 1: strongSwan, BIRD ==== tunnel 1
      host ----|                                             } the same cloud
               |  router 2: strongSwan, BIRD ==== tunnel 2
     192.168.1.9
"""

from .bird import Bird
from .host import Host
from .network import cable
from .strongswan import Strongswan
from .topology import HOST_MTU, PSK, Cloud, Customer, Wan
from .wait import wait_for


class Router:
    """Number n of the office: 198.51.n.2 on the WAN, 192.168.1.n on the LAN, 169.254.n.1 in its tunnel."""

    def __init__(self, lab, wan, lan, number, outlive=False):
        self.number = number
        self.net = f"198.51.{number}"
        self.address = f"{self.net}.2"
        self.lan_address = f"192.168.1.{number}"
        self.ns = lab.namespace(f"router{number}")
        self.wan_link = wan.join(self.ns, "wan", self.net)
        self.ns.ip(f"addr add {self.address}/24 dev wan")
        self.ns.ip(f"route add 203.0.0.0/16 via {self.net}.254")
        self.ns.forward()
        lan.join(self.ns, "lan", f"{self.lan_address}/24")
        self.strongswan = lab.own(Strongswan(self.ns, lab.path(f"strongswan{number}"), outlive=outlive,
                                             inner=f"169.254.{number}.1/30"))
        self.bird = lab.own(Bird(self.ns, lab.path(f"bird{number}"), outlive=outlive))

    @property
    def inner_of_cloud(self):
        return f"169.254.{self.number}.2/30"


class Lan:
    """A switch."""

    def __init__(self, lab):
        self.ns = lab.namespace("lan")
        self.ns.ip("link add br0 type bridge")
        self.ns.ip("link set br0 up")
        self.links = 0

    def join(self, ns, link, address):
        ours = f"p{self.links}"
        self.links += 1
        cable(self.ns, ours, ns, link, mtu=HOST_MTU)
        self.ns.ip(f"link set {ours} master br0")
        ns.ip(f"addr add {address} dev {link}")


class Office:
    """Its host's way out is router 1, which sends on to router 2 what it has no tunnel for."""

    ASN = 65010

    def __init__(self, lab, wan, routers=2, outlive=False):
        self.lan = Lan(lab)
        self.routers = [Router(lab, wan, self.lan, n, outlive) for n in range(1, routers + 1)]
        ns = lab.namespace("office-host")
        self.lan.join(ns, "eth0", "192.168.1.9/24")
        ns.ip("route add default via 192.168.1.1")
        self.host = lab.own(Host(ns, "192.168.1.9", lab.folder))

    @property
    def addresses(self):
        return [r.address for r in self.routers]

    @property
    def inners(self):
        return [r.inner_of_cloud for r in self.routers]

    def start(self, cloud, psk=PSK, peer_asn=65000, options=""):
        for r in self.routers:
            mates = [m for m in self.routers if m is not r]
            r.strongswan.start()
            r.strongswan.load(r.address, cloud.address, psk)
            r.bird.write(router_id=r.address, lan="lan", tun="ipsec0", local=f"169.254.{r.number}.1",
                         peer=f"169.254.{r.number}.2", asn=self.ASN, peer_asn=peer_asn, options=options,
                         mate=(r.lan_address, mates[0].lan_address) if mates else None)
            r.bird.start()
        return self

    def await_established(self, timeout=30):
        for r in self.routers:
            r.strongswan.await_up(timeout)
            r.bird.await_established(timeout=timeout)


class Estate:
    """An office with two routers and a cloud; isthmusd knows it as customer "dc1", tunnels "dc1-1" and "dc1-2"."""

    TUNNEL = "dc1-1"
    NETWORK = "192.168.1.0/24"

    def __init__(self, lab, build=None, outlive=False, **tunnel):
        self.wan = Wan(lab)
        self.office = Office(lab, self.wan, outlive=outlive)
        self.cloud = Cloud(lab, self.wan)
        customer = Customer("dc1", self.office.addresses, [], asn=Office.ASN, inners=self.office.inners, **tunnel)
        self.gateway = self.cloud.isthmusd(self.cloud.config([customer]), build=build, outlive=outlive)

    @property
    def hosts(self):
        return self.office.host, self.cloud.host

    def start(self, options=""):
        """Until both sessions are established and both hosts reach each other. options: of BIRD's sessions."""
        self.office.start(self.cloud, options=options)
        self.gateway.start()
        self.office.await_established()
        self.await_tunnels("dc1-1", "dc1-2")
        self.office.host.await_ping(self.cloud.host)
        return self

    def tunnels(self):
        """Of the valid routes to the office."""
        return [r["tunnel"] for t in self.gateway.show("route", "table", "bgw", self.NETWORK)["tables"]
                for r in t["routes"] if r["prefix"] == self.NETWORK and r["valid"]]

    def await_tunnels(self, *names, timeout=20):
        wait_for(lambda: self.tunnels() == list(names), timeout,
                 lambda: f"the office through {names}; it is {self.tunnels()}\n"
                         f"{self.gateway.isthmus('show', 'bgp').stdout}{self.gateway.output()[-4000:]}")

    def await_bfd(self):
        for router in self.office.routers:
            router.bird.await_bfd()

    def cut(self, number):
        """The router's link to the WAN goes down."""
        self.office.routers[number].ns.ip("link set wan down")

    def mend(self, number):
        router = self.office.routers[number]
        router.ns.ip("link set wan up")
        router.ns.ip(f"route replace 203.0.0.0/16 via {router.net}.254")
