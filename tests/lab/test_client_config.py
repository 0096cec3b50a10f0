"""What `isthmus client-config` prints is run on the customer's side as it is, and every tunnel comes up."""

import os
import re

import pytest

from lab.gateway import SANITIZER_ENV, build_folder, write_private
from lab.debian_router import Router
from lab.network import command
from lab.process import Process
from lab.topology import Cloud, Customer, DataCentre, Wan
from lab.wait import wait_for

ASN = 65010
OLD = {"ike_version": "v1", "ike_auth": "sha1", "ike_dh": "modp1024", "esp_auth": "sha1", "esp_pfs": "modp1024"}
GCM = {"ike_cipher": "aes256gcm", "ike_auth": "sha384", "ike_dh": "x25519", "esp_cipher": ["aes128gcm", "aes128"],
       "esp_pfs": "ecp384", "esn": True}


def test_strongswan(lab):
    """Default, BGP with BIRD over two tunnels, BGP with FRR, static, IKEv1 and GCM, all into one machine."""
    wan = Wan(lab)
    idc = DataCentre(lab, wan, 1)
    cloud = Cloud(lab, wan, 1)
    customers = [
        Customer("default", "198.51.1.2", ["192.168.11.0/24"]),
        Customer("bgp", ["198.51.1.3", "198.51.1.4"], [], asn=ASN),
        Customer("frr", "198.51.1.5", [], asn=ASN + 1, bgp_password="b-g-p"),
        Customer("static", "198.51.1.6", ["192.168.14.0/24"], psk="not so plain \\ $1", mtu=1300),
        Customer("old", "198.51.1.7", ["192.168.15.0/24"], **OLD),
        Customer("gcm", "198.51.1.8", ["192.168.16.0/24"], **GCM),
    ]
    networks = {"bgp": "192.168.12.0/24", "frr": "192.168.13.0/24"}
    reached = ["192.168.11.1", "192.168.12.1", "192.168.14.1", "192.168.15.1", "192.168.16.1"]
    gateway = cloud.isthmusd(cloud.config(customers))
    router = Router(lab, idc, cloud, [a for c in customers for a in c.addresses], reached)
    gateway.start()
    router.start()
    for c in customers:
        text = gateway.isthmus("client-config", c.name, "--for", "strongswan", "--with-psk").stdout
        environment = {"NETWORKS": networks[c.name], "BGP": "frr" if c.name == "frr" else "bird"} if c.asn else {}
        router.run_script(f"{c.name}.sh", text, **environment)
    for c in customers:
        for i in range(len(c.addresses)):
            gateway.await_tunnel(f"{c.name}-{i + 1}", "UP", timeout=30)

    def learnt(name, prefix):
        return [r for t in gateway.show("route", "table", "bgw", prefix)["tables"] for r in t["routes"]
                if r["prefix"] == prefix and r["valid"] and (r["tunnel"] or "").startswith(name)]
    wait_for(lambda: len(learnt("bgp", networks["bgp"])) == 2, 30,
             lambda: f"two paths from BIRD\n{gateway.isthmus('show', 'bgp').stdout}{router.peer.run('cat bird.log')}")
    wait_for(lambda: len(learnt("frr", networks["frr"])) == 1, 30,
             lambda: f"a path from FRR\n{gateway.isthmus('show', 'bgp').stdout}{router.peer.run('cat bgpd.log')}")
    assert "10.1.0.0/16" in router.peer.run("vtysh -c 'show bgp ipv4 unicast'")
    for host in reached:
        cloud.host.await_ping(host)
    # As large as fits.
    ping = cloud.host.ping("192.168.14.1", count=3, interval=0.05, size=1300 - 28, extra=["-M", "do"])
    assert ping.lost == 0, ping.text


@pytest.mark.parametrize("asn", [None, 65002], ids=["static", "bgp"])
def test_isthmus(lab, asn):
    """An Isthmus on the customer's side, whose whole configuration is what ours printed."""
    wan = Wan(lab)
    ours, theirs = Cloud(lab, wan, 1), Cloud(lab, wan, 2)
    customer = Customer("west", theirs.address, [theirs.prefix], asn=asn, esp_cipher="aes128gcm", esn=True)
    config = ours.config([customer], asn=65003)
    # Announced by BGP, but known to us as well: what the customer's hosts are.
    config["border_gateways"][0]["static_routes"] = [{"prefix": theirs.prefix, "next_hop": "west"}]
    gateway = ours.isthmusd(config).start()
    file = lab.path("printed.conf")
    write_private(file, gateway.isthmus("client-config", "west-1", "--for", "isthmus", "--with-psk").stdout)
    program = os.path.join(build_folder(), "gateway", "isthmusd")
    checked = command([program, "--check", file])
    assert not re.search("error|warning", checked.stdout + checked.stderr), checked.stdout + checked.stderr
    # Its socket is at its default place, which others use, too.
    process = Process(theirs.ns.inside(["unshare", "-m", "sh", "-c",
                                        "mount -t tmpfs none /run && mkdir /run/isthmus && exec \"$0\" \"$1\"",
                                        program, file]), lab.path("printed.log"), env=SANITIZER_ENV)
    lab.own(process)
    gateway.await_tunnel("west-1", "UP", timeout=30)
    if asn:
        wait_for(lambda: gateway.show("bgp")["sessions"][0]["state"] == "Established", 30,
                 lambda: gateway.isthmus("show", "bgp").stdout + process.output())
    ours.host.await_ping(theirs.host, timeout=20)
    theirs.host.await_ping(ours.host)
    gateway.judge(process)
