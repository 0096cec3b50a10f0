"""Two customers of one border gateway reach its VPC; each other only with transit."""

import json

from lab.topology import Cloud, Customer, DataCentre, Wan


def test_transit(lab):
    """Static routes to both, packets sent all the same: off, on while both tunnels are UP, off again."""
    wan = Wan(lab)
    idcs = [DataCentre(lab, wan, n, routes=["10.0.0.0/8", f"192.168.{3 - n}.0/24"]) for n in (1, 2)]
    cloud = Cloud(lab, wan)
    customers = [Customer(f"dc{n}", idc.address, [idc.prefix]) for n, idc in enumerate(idcs, 1)]
    gateway = cloud.isthmusd(cloud.config(customers))
    for idc in idcs:
        idc.strongswan.start()
        idc.strongswan.load(idc.address, cloud.address, customers[0].parameters["psk"])
    gateway.start()
    for customer, idc in zip(customers, idcs):
        gateway.await_tunnel(customer.tunnel, "UP", 15)
        idc.host.await_ping(cloud.host)
    here, there = (idc.host for idc in idcs)
    spis = [[sa["spi_in"] for sa in gateway.tunnel(c.tunnel)["sas"]] for c in customers]

    def dropped():
        return {d["reason"]: d["packets"] for d in gateway.show("drops")["drops"]}.get("no-transit", 0)

    def why():
        words = ("explain", here.address, there.address, "in", "dc1-1")
        return json.loads(gateway.isthmus(*words, json=True).stdout)["verdict"]

    def set_transit(on):
        gateway.config["border_gateways"][0]["transit"] = on
        gateway.write()
        gateway.isthmus("reload")

    ping = here.ping(there, count=5, interval=0.05)
    assert ping.lost == 5, ping.text
    assert dropped() == ping.requests
    assert why()["drop_reason"] == "no-transit"
    set_transit(True)
    here.await_ping(there)
    ping = here.ping(there, count=20, interval=0.02)
    assert ping.lost == 0, ping.text
    assert why()["result"] == "sent"
    set_transit(False)
    before = dropped()
    ping = there.ping(here, count=5, interval=0.05)
    assert ping.lost == 5, ping.text
    assert dropped() == before + ping.requests
    assert here.ping(cloud.host, count=5, interval=0.05).lost == 0
    assert spis == [[sa["spi_in"] for sa in gateway.tunnel(c.tunnel)["sas"]] for c in customers]
