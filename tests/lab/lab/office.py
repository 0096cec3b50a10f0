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
from .topology import HOST_MTU, PSK


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
