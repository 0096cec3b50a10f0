"""Customers' routers that are not BIRD: FRR with a password and IPv6, GoBGP; two tenants with the same addresses."""

from lab import wait_for
from lab.frr import Frr, Gobgp
from lab.topology import Cloud, Customer, DataCentre, Wan

PASSWORD = "a;b{c}\\$"

FRR = """
frr defaults traditional
log stdout
router bgp 65010
 bgp router-id 198.51.1.2
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 169.254.5.2 remote-as 64999
 neighbor 169.254.5.2 password {password}
 neighbor 169.254.5.2 timers 3 9
 address-family ipv4 unicast
  network 172.16.0.0/12
  network 10.1.128.0/17
 exit-address-family
 address-family ipv6 unicast
  neighbor 169.254.5.2 activate
  neighbor 169.254.5.2 route-map own-next-hop out
  network 2001:db8:5::/48
 exit-address-family
!
route-map own-next-hop permit 10
 set ipv6 next-hop global fd00:5::1
"""

GOBGP = """
[global.config]
  as = 65020
  router-id = "198.51.2.2"
  port = 179
  local-address-list = ["169.254.5.1"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "169.254.5.2"
    peer-as = 65000
"""


def test_frr_and_gobgp_of_two_tenants(lab):
    """Inner addresses and prefixes are the same; each border gateway learns its own customer's routes."""
    wan = Wan(lab)
    cloud = Cloud(lab, wan)
    centres = [DataCentre(lab, wan, n, inner="169.254.5.1/30") for n in (1, 2)]
    customers = [Customer(f"dc{n}", c.address, [], asn=65010 * (n == 1) or 65020, inners=["169.254.5.2/30"])
                 for n, c in enumerate(centres, 1)]
    config = cloud.config(customers)
    config["border_gateways"] = [{"name": c.name} for c in customers]
    for connection in config["vpn_connections"]:
        connection["border_gateway"] = connection["name"]
    config["vpn_connections"][0]["local_asn"] = 64999
    config["vpn_connections"][0]["tunnels"][0].update(
        bgp_password=PASSWORD, bgp_families=["ipv4", "ipv6"], bgp_hold=9, med=77, prepend=2)
    config["vpc_attachments"][0]["border_gateway"] = "dc1"
    gateway = cloud.isthmusd(config)
    for c, customer in zip(centres, customers):
        c.strongswan.start()
        c.strongswan.load(c.address, cloud.address, customer.parameters["psk"])
    gateway.start()
    for c in customers:
        gateway.await_tunnel(c.tunnel, "UP")
    frr = lab.own(Frr(centres[0].ns, lab.path("frr")))
    frr.start(FRR.format(password=PASSWORD))
    gobgp = lab.own(Gobgp(centres[1].ns, lab.path("gobgp")))
    gobgp.start(GOBGP)
    gobgp.announce("172.16.0.0/12")

    def learnt(name):
        [table] = gateway.show("route", "table", name)["tables"]
        return {r["prefix"]: r["tunnel"] for r in table["routes"] if r["type"] == "ebgp" and r["valid"]}

    wait_for(lambda: learnt("dc1") == {"172.16.0.0/12": "dc1-1", "10.1.128.0/17": "dc1-1", "2001:db8:5::/48": "dc1-1"},
             30, lambda: f"FRR's routes: {learnt('dc1')}\n{gateway.isthmus('show', 'bgp').stdout}"
                         f"{frr.process.output()[-2000:]}")
    wait_for(lambda: learnt("dc2") == {"172.16.0.0/12": "dc2-1"}, 30,
             lambda: f"GoBGP's route: {learnt('dc2')}\n{gobgp.process.output()[-2000:]}")
    # The VPC's network overlaps what FRR announces: it is kept from it until that goes.
    wait_for(lambda: [a["why"] for a in gateway.show("bgp", "dc1-1")["announced"]]
             == ["the customer announces an overlapping network"], 10, "the VPC's network to be withheld")
    wait_for(lambda: "10.1.0.0/16" not in frr.routes(), 10, lambda: f"a withdrawal: {frr.routes()}")
    frr("configure terminal\nrouter bgp 65010\naddress-family ipv4 unicast\nno network 10.1.128.0/17")
    wait_for(lambda: "10.1.0.0/16" in frr.routes(), 10,
             lambda: f"the VPC's network at FRR: {frr.routes()} {learnt('dc1')}")
    [path] = frr.routes()["10.1.0.0/16"]
    assert path["path"] == "64999 64999 64999" and path["metric"] == 77, path
    assert gateway.show("bgp", "dc1-1")["hold_seconds"] == 9
