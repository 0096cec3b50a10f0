"""Other devices than af_packet: the gateway does not care what moves its frames."""

from lab import wait_for
from lab.topology import Pair, Site


def test_af_xdp(lab):
    site = Site(lab, devices={"wan_device": "net_af_xdp0,iface=wan", "vpc_device": "net_af_xdp1,iface=vpc"})
    site.start()
    site.await_up()
    site.check_both_ways()


def test_tap(lab):
    """The WAN port is a TAP device, which a bridge joins to the cable."""
    site = Site(lab, devices={"wan_device": "net_tap0,iface=tapwan"})
    ns = site.cloud.ns
    ns.ip("link add br0 type bridge")
    ns.ip("link set wan master br0")
    ns.ip("link set br0 up")
    site.start()
    wait_for(lambda: "tapwan" in ns.ip("-br link"), 5, "the TAP device")
    # The bridge must not take the port's own address, which DPDK gave to this end as well, for its own.
    ns.ip("link set tapwan address 02:00:00:00:00:01")
    ns.ip("link set tapwan master br0")
    ns.ip("link set tapwan up")
    site.await_up()
    site.check_both_ways()


def test_memif(lab):
    """Two gateways share a wire of memory."""
    socket = lab.path("memif.sock")
    pair = Pair(lab, wan_devices=[f"net_memif0,role={role},id=0,socket={socket},socket-abstract=no"
                                  for role in ("client", "server")])
    pair.start()
    pair.await_up()
    ping = pair.hosts[0].ping(pair.hosts[1], count=100, interval=0.01, size=1372)
    assert ping.lost == 0, ping.text


def test_two_workers(lab):
    """Both cores: what one worker receives, the owner of the SA may be the other."""
    site = Site(lab, workers={"lcores": [0, 1]})
    site.start()
    site.await_up()
    site.check_both_ways()
    idc, cloud = site.hosts
    assert idc.ping(cloud, count=500, interval=0.005).lost == 0


def test_jumbo_frames(lab):
    """af_packet on links of 9000 bytes: packets of nearly that go through the tunnel whole."""
    pair = Pair(lab)
    for cloud in pair.clouds:
        for ns, link in ((pair.wan.ns, cloud.wan_link), (cloud.ns, "wan"), (cloud.ns, "vpc"),
                         (cloud.host.ns, "eth0"), (cloud.host.ns, "vxlan0")):
            ns.ip(f"link set {link} mtu {8900 if link == 'vxlan0' else 9000}")
        for port in cloud.gateway.config["ports"]:
            port["mtu"] = 9000
        cloud.gateway.write()
    pair.start().await_up()
    ping = pair.hosts[0].ping(pair.hosts[1], count=50, interval=0.01, size=8800, extra=["-M", "do"])
    assert ping.lost == 0, ping.text
