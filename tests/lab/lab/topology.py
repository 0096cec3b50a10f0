"""The places of a lab: a wide area network, data centres and clouds that join it.

      idc host ---- data centre ====== wan ====== gateway ---- vpc host
    192.168.N.2     strongSwan        router      isthmusd     10.N.1.2, behind a kernel VXLAN device
                   198.51.N.2                    203.0.N.1
"""

import os

from .gateway import Gateway
from .host import Host
from .network import cable
from .strongswan import Strongswan

HOST_MTU = 1400
PSK = "correct-horse-battery-staple"


class Wan:
    """A router between all sites; the place to watch, to cut and to translate addresses."""

    def __init__(self, lab, role="wan"):
        self.ns = lab.namespace(role)
        self.ns.forward()
        self.links = []

    def join(self, ns, link, net):
        """Cables ns in; we are host 254 of its /24. The name of our end."""
        ours = f"w{len(self.links)}"
        cable(self.ns, ours, ns, link)
        self.ns.ip(f"addr add {net}.254/24 dev {ours}")
        self.links.append(ours)
        return ours


class DataCentre:
    """strongSwan as the customer's gateway, and a host behind it."""

    def __init__(self, lab, wan, number=1, outlive=False, **strongswan):
        self.net = f"198.51.{number}"
        self.address = f"{self.net}.2"
        self.prefix = f"192.168.{number}.0/24"
        self.ns = lab.namespace(f"idc{number}-gw")
        self.wan_link = wan.join(self.ns, "wan", self.net)
        self.ns.ip(f"addr add {self.address}/24 dev wan")
        self.ns.ip(f"route add default via {self.net}.254")
        self.ns.forward()

        host = lab.namespace(f"idc{number}-host")
        cable(self.ns, "lan", host, "eth0", mtu=HOST_MTU)
        self.ns.ip(f"addr add 192.168.{number}.1/24 dev lan")
        host.ip(f"addr add 192.168.{number}.2/24 dev eth0")
        host.ip(f"route add default via 192.168.{number}.1")
        self.host = lab.own(Host(host, f"192.168.{number}.2", lab.folder))

        strongswan.setdefault("routes", ["10.0.0.0/8"])
        strongswan.setdefault("inner", f"169.254.{number}.1/30")
        self.strongswan = lab.own(Strongswan(self.ns, lab.path(f"strongswan{number}"), outlive=outlive, **strongswan))


class Cloud:
    """A namespace for isthmusd with its two ports, and a host in a VPC behind it."""

    VNI = 5000

    def __init__(self, lab, wan, number=1):
        self.lab = lab
        self.number = number
        self.net = f"203.0.{number}"
        self.address = f"{self.net}.1"
        self.prefix = f"10.{number}.0.0/16"
        self.ns = lab.namespace(f"cloud{number}-gw")
        self.wan_link = wan.join(self.ns, "wan", self.net)
        self.gateway = None

        host = lab.namespace(f"cloud{number}-vpc")
        cable(self.ns, "vpc", host, "eth0")
        host.ip("addr add 172.31.0.2/24 dev eth0")
        host.ip(f"link add vxlan0 mtu {HOST_MTU} type vxlan id {self.VNI + number} dev eth0 "
                "local 172.31.0.2 remote 172.31.0.1 dstport 4789")
        host.ip(f"addr add 10.{number}.1.2/16 dev vxlan0")
        host.ip("link set vxlan0 up")
        host.ip(f"route add default via 10.{number}.0.1")
        self.host = lab.own(Host(host, f"10.{number}.1.2", lab.folder))

    def config(self, customers, workers=None, wan_device="net_af_packet0,iface=wan",
               vpc_device="net_af_packet1,iface=vpc", asn=65000):
        """The file, for a list of customers as Customer makes them."""
        return {
            "workers": {"lcores": [1 % os.cpu_count()], "idle_nap": True, "hugepages": False, "memory_mb": 64,
                        **(workers or {})},
            "ports": [
                {"name": "wan", "device": wan_device, "addresses": [f"{self.address}/24"],
                 "next_hop": f"{self.net}.254", "mtu": 1500},
                {"name": "vpc", "device": vpc_device, "addresses": ["172.31.0.1/24"], "mtu": 1500},
            ],
            "cloud_addresses": [self.address],
            "border_gateways": [{
                "name": "bgw", "asn": asn,
                "static_routes": [{"prefix": p, "next_hop": c.name} for c in customers for p in c.prefixes],
            }],
            "vpcs": [{"name": "vpc", "prefixes": [self.prefix]}],
            "vpc_attachments": [{
                "vpc": "vpc", "border_gateway": "bgw", "propagate": "all", "port": "vpc",
                "addresses": [f"10.{self.number}.0.1/16"],
                "vxlan": {"vni": self.VNI + self.number, "local_vtep": "172.31.0.1", "remote_vtep": "172.31.0.2"},
            }],
            "customer_gateways": [{"name": c.name, "addresses": c.addresses, "asn": c.asn or 65001 + i}
                                  for i, c in enumerate(customers)],
            "vpn_connections": [{
                "name": c.name, "border_gateway": "bgw", "customer_gateway": c.name, "bgp": c.asn is not None,
                "tunnels": [{"name": f"{c.name}-{i + 1}", "cloud_ip": self.address, "customer_ip": address,
                             **c.parameters, **c.inner(i)} for i, address in enumerate(c.addresses)],
            } for c in customers],
        }

    def isthmusd(self, config, **how):
        self.gateway = self.lab.own(Gateway(self.ns, self.lab.path(f"isthmus{self.number}"), config, **how))
        return self.gateway


class Customer:
    """A customer in our configuration: one connection, named after it like its tunnels ("dc1-1").

    address: one, or a list of them, with a tunnel to each. With an ASN it speaks BGP, else it has static
    routes to its prefixes. inners: our inner addresses, unless the gateway shall choose.
    """

    def __init__(self, name, address, prefixes, psk=PSK, asn=None, inners=(), **parameters):
        self.name = name
        self.tunnel = f"{name}-1"
        self.addresses = [address] if isinstance(address, str) else address
        self.address = self.addresses[0]
        self.prefixes = prefixes if asn is None else []
        self.asn = asn
        self.inners = list(inners)
        self.parameters = {"psk": psk, **parameters}

    def inner(self, i):
        return {"inner": self.inners[i]} if i < len(self.inners) else {}


class Site:
    """One data centre and one cloud. isthmusd knows the data centre as customer "dc1", tunnel "dc1-1"."""

    TUNNEL = "dc1-1"

    def __init__(self, lab, workers=None, build=None, outlive=False, devices=None, **tunnel):
        self.lab = lab
        self.wan = Wan(lab)
        self.idc = DataCentre(lab, self.wan, 1, outlive=outlive)
        self.cloud = Cloud(lab, self.wan, 1)
        self.customer = Customer("dc1", self.idc.address, [self.idc.prefix], **tunnel)
        self.gateway = self.cloud.isthmusd(self.cloud.config([self.customer], workers, **(devices or {})),
                                           build=build, outlive=outlive)
        self.strongswan = self.idc.strongswan

    @property
    def hosts(self):
        return self.idc.host, self.cloud.host

    def load(self, psk=PSK, **connection):
        """strongSwan's side of the tunnel."""
        self.strongswan.load(self.idc.address, self.cloud.address, psk, **connection)

    def start(self, **connection):
        """strongSwan first, ready to answer; then isthmusd."""
        self.strongswan.start()
        self.load(**connection)
        self.gateway.start()
        return self

    def negotiate(self, we_start, ours, **theirs):
        """The tunnel anew between two that run: our parameters, strongSwan's connection, and who calls.

        Until it is UP; strongSwan tells which role it had."""
        tunnel = self.gateway.config["vpn_connections"][0]["tunnels"][0]
        kept = {k: tunnel[k] for k in ("name", "cloud_ip", "customer_ip", "psk")}
        change = {**kept, **ours, "start": "initiate" if we_start else "respond"}
        self.gateway.config["vpn_connections"][0]["tunnels"] = [{**change, "enabled": False}]
        self.gateway.reload()
        self.strongswan.forget()
        self.load(**theirs)
        self.gateway.config["vpn_connections"][0]["tunnels"] = [change]
        self.gateway.reload()
        if not we_start:
            self.strongswan.initiate()
        self.await_up()
        [sa] = [sa for sa in self.strongswan.sas() if sa["state"] == "ESTABLISHED"]
        assert (sa.get("initiator") == "yes") == (not we_start), sa
        return sa

    def await_up(self, timeout=10):
        seen = self.gateway.await_tunnel(self.TUNNEL, "UP", timeout)
        self.strongswan.await_up(timeout)
        return seen

    def log(self):
        """The texts of the tunnel's history, one a line."""
        return "\n".join(e["text"] for e in self.gateway.show("tunnel", self.TUNNEL, "log")["log"])

    def check_both_ways(self):
        """Each host reaches the other, in a packet small and one as large as fits."""
        idc, cloud = self.hosts
        idc.await_ping(cloud)
        for a, b in ((idc, cloud), (cloud, idc)):
            for size in (56, HOST_MTU - 28):
                ping = a.ping(b, count=3, interval=0.05, size=size)
                assert ping.lost == 0, f"{a.address} to {b.address}, {size} bytes: {ping.text}"


class Pair:
    """Two clouds, each other's customers: gateway to gateway. Cloud 1 initiates, cloud 2 responds.

    wan_devices: instead of the links to the WAN's router, two devices that are one wire. bgp: they learn
    each other's VPCs by BGP, as AS 65001 and 65002, instead of having static routes.
    """

    names = ("east", "west")

    def __init__(self, lab, tunnel=None, wan_devices=None, bgp=False):
        self.wan = Wan(lab)
        self.clouds = [Cloud(lab, self.wan, 1), Cloud(lab, self.wan, 2)]
        for mine, other, start in ((0, 1, "initiate"), (1, 0, "respond")):
            me, you = self.clouds[mine], self.clouds[other]
            speaks = {"asn": 65001 + other, "inners": [f"169.254.7.{1 + mine}/30"]} if bgp else {}
            customer = Customer(self.names[mine], you.address, [you.prefix], start=start, **speaks,
                                **(tunnel or {}))
            config = me.config([customer], asn=65001 + mine if bgp else 65000)
            if wan_devices:
                config["ports"][0].update(device=wan_devices[mine], next_hop=you.address,
                                          addresses=[f"{me.address}/8"])
            me.isthmusd(config)

    def over_ipv6(self, mtu=1500):
        """Before start(): tunnels between 2001:db8:1::1 and 2001:db8:2::1 instead, through a router."""
        self.wan.ns.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.all.forwarding=1"])
        for cloud, other in (self.clouds, reversed(self.clouds)):
            own, peer = (f"2001:db8:{c.number}::1" for c in (cloud, other))
            self.wan.ns.ip(f"addr add 2001:db8:{cloud.number}::fe/64 dev {cloud.wan_link} nodad")
            config = cloud.gateway.config
            config["ports"][0].update(addresses=[*config["ports"][0]["addresses"], f"{own}/64"], mtu=mtu,
                                      next_hop6=f"2001:db8:{cloud.number}::fe")
            config["cloud_addresses"] = [own]
            config["customer_gateways"][0]["addresses"] = [peer]
            config["vpn_connections"][0]["tunnels"][0].update(cloud_ip=own, customer_ip=peer)
            cloud.gateway.write()

    @property
    def gateways(self):
        return [c.gateway for c in self.clouds]

    @property
    def hosts(self):
        return [c.host for c in self.clouds]

    def start(self):
        for g in reversed(self.gateways):
            g.start()
        return self

    def await_up(self, timeout=10):
        for g, name in zip(self.gateways, self.names):
            g.await_tunnel(f"{name}-1", "UP", timeout)
        self.hosts[0].await_ping(self.hosts[1])
