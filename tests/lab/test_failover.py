"""A customer with two routers, strongSwan and BIRD on a tunnel each: both carry, either may fail."""

from lab import wait_for
from lab.capture import Capture
from lab.process import Process
from lab.office import Estate, Office
from lab.topology import Cloud, Customer, Wan

INTERVAL = 0.02


def test_a_cut_tunnel_is_left_within_a_second(lab):
    """With BFD: the routers' links to the WAN are cut in turn while a host of the VPC pings the office."""
    estate = Estate(lab, bfd=True, bfd_interval=100).start(options="bfd on;")
    for cut, left in ((0, "dc1-2"), (1, "dc1-1")):
        estate.await_bfd()
        ping = estate.cloud.host.ping_in_background(estate.office.host, count=int(6 / INTERVAL), interval=INTERVAL)
        wait_for(lambda: estate.gateway.tunnel(left)["traffic"]["in_packets"] > 0, 5, "traffic")
        estate.cut(cut)
        estate.await_tunnels(left, timeout=5)
        done = ping.result()
        assert done.lost * INTERVAL <= 1.0, done.text
        estate.mend(cut)
        estate.await_tunnels("dc1-1", "dc1-2", timeout=40)


def test_maintenance_loses_nothing(lab):
    """One tunnel is drained, enabled, disabled while a host of the VPC pings the office; no BFD."""
    estate = Estate(lab, drain_wait=1).start()
    gateway, host = estate.gateway, estate.cloud.host

    def lose_nothing(*words):
        ping = host.ping_in_background(estate.office.host, count=int(4 / INTERVAL), interval=INTERVAL)
        before = gateway.tunnel("dc1-2")["traffic"]["in_packets"]
        wait_for(lambda: gateway.tunnel("dc1-2")["traffic"]["in_packets"] > before
                 or gateway.tunnel("dc1-1")["traffic"]["in_packets"] > 0, 5, "traffic")
        gateway.isthmus(*words)
        done = ping.result()
        assert done.lost == 0, f"{words}: {done.text}"

    lose_nothing("tunnel", "dc1-2", "drain")
    estate.await_tunnels("dc1-1")
    lose_nothing("tunnel", "dc1-2", "enable")
    estate.await_tunnels("dc1-1", "dc1-2", timeout=30)
    # Its session alone: the tunnel stays UP, and is left.
    lose_nothing("bgp", "dc1-2", "disable")
    estate.await_tunnels("dc1-1", timeout=5)
    assert gateway.tunnel("dc1-2")["state"] == "UP"
    lose_nothing("bgp", "dc1-2", "enable")
    estate.await_tunnels("dc1-1", "dc1-2", timeout=30)
    # Without draining: each request of ours arrives; the answers are lost until the office has heard of it.
    count = int(4 / INTERVAL)
    seen = lab.own(Capture(estate.office.host.ns, "eth0", lab.path("office.pcap"), snap=128))
    before = {name: gateway.tunnel(name)["traffic"]["out_packets"] for name in ("dc1-1", "dc1-2")}
    ping = host.ping_in_background(estate.office.host, count=count, interval=INTERVAL)

    def carrier():
        return next((n for n in before if gateway.tunnel(n)["traffic"]["out_packets"] > before[n] + 20), None)

    used = wait_for(carrier, 5, "traffic")
    gateway.isthmus("tunnel", used, "disable")
    ping.result()
    seen.stop()
    assert seen.count(f"icmp[icmptype] == icmp-echo and src {host.address}") == count
    assert gateway.tunnel(used)["state"] == "DOWN"


def test_a_drain_is_called_off(lab):
    """Enabled while it is drained: the same SAs carry again, it is announced again, and nothing was lost."""
    estate = Estate(lab, drain_wait=60).start()
    gateway, host = estate.gateway, estate.cloud.host
    before = [sa["spi_in"] for sa in gateway.tunnel("dc1-2")["sas"]]
    session = gateway.show("bgp", "dc1-2")["since_seconds"]
    ping = host.ping_in_background(estate.office.host, count=int(8 / INTERVAL), interval=INTERVAL)
    words = [gateway.program("isthmus"), "--socket", gateway.socket, "tunnel", "dc1-2", "drain"]
    drain = lab.own(Process(words, lab.path("drain.log")))
    estate.await_tunnels("dc1-1", timeout=5)
    assert gateway.isthmus("tunnel", "dc1-2", "drain", check=False).returncode != 0, "drained twice"
    said = gateway.isthmus("tunnel", "dc1-2", "enable").stdout
    assert "called off" in said, said
    assert drain.popen.wait(5) != 0
    with open(lab.path("drain.log")) as f:
        assert "called off" in f.read()
    estate.await_tunnels("dc1-1", "dc1-2", timeout=10)
    tunnel = gateway.tunnel("dc1-2")
    assert tunnel["state"] == "UP" and tunnel["enabled"] and tunnel["downs"] == 0
    assert [sa["spi_in"] for sa in tunnel["sas"]] == before
    assert gateway.show("bgp", "dc1-2")["since_seconds"] >= session
    done = ping.result()
    assert done.lost == 0, done.text
    # And it can be drained to the end.
    gateway.isthmus("set", "tunnel", "dc1-2", "drain_wait=0")
    gateway.isthmus("tunnel", "dc1-2", "drain")
    assert gateway.tunnel("dc1-2")["state"] == "DOWN"


def test_a_quota_refuses_and_recovers(lab):
    """The office announces more than the border gateway takes, then less again; the VPC has a filter."""
    wan = Wan(lab)
    office = Office(lab, wan, routers=1)
    cloud = Cloud(lab, wan)
    config = cloud.config([Customer("dc1", office.addresses, [], asn=Office.ASN, inners=office.inners)])
    config["border_gateways"][0]["dynamic_quota"] = 12
    config["vpc_attachments"][0]["import"] = ["172.20.0.0/15"]
    gateway = cloud.isthmusd(config)
    gateway.start()
    office.start(cloud)
    office.await_established()

    def quota():
        return gateway.show("routing")["border_gateways"][0]

    def announce(n):
        office.routers[0].bird.more(["172.20.%d.0/24" % i for i in range(n)])

    wait_for(lambda: quota()["learnt"] == 1, 10, lambda: f"the office's own network: {quota()}")
    announce(5)
    wait_for(lambda: quota()["learnt"] == 6, 10, lambda: f"five more: {quota()}")
    announce(30)
    wait_for(lambda: quota()["refusing"], 10, lambda: f"a refusal: {quota()}")
    assert quota()["learnt"] <= 11 and quota()["offered"] == 31
    announce(10)
    wait_for(lambda: not quota()["refusing"] and quota()["learnt"] == 11, 10, lambda: f"room again: {quota()}")
    [table] = gateway.show("vpc", "vpc", "routes")["tables"]
    assert sorted(r["prefix"] for r in table["routes"]) == sorted(
        [cloud.prefix, *("172.20.%d.0/24" % i for i in range(10))]), table
    # Without BGP nothing is offered, and nothing refused.
    announce(30)
    wait_for(lambda: quota()["refusing"], 10, lambda: f"a refusal: {quota()}")
    gateway.isthmus("set", "vpn_connection", "dc1", "bgp=false")
    wait_for(lambda: not quota()["refusing"] and quota()["learnt"] == 0, 10, lambda: f"no BGP: {quota()}")
    assert gateway.output().count("all routes fit again") == 2, gateway.output()[-3000:]
