"""What scripts/demo shows: a customer's tunnels, both ways, and nothing but IKE and ESP between.

By default the customer has two routers that speak BGP, and one of their tunnels is cut; --static: one
tunnel with static routes.
"""

import os
import shutil
import signal
import sys

from lab import Lab, Stopwatch, wait_for
from lab.capture import Capture
from lab.core import FOLDERS, exit_on_signals, sweep, undisturbed
from lab.gateway import TOP
from lab.office import Estate
from lab.topology import Site

KEPT = "isthmus-demo"
MARK = "feedbeefcafe"
TUNNEL_TRAFFIC = "udp port 500 or udp port 4500 or esp or arp"
RESULTS = os.path.join(TOP, "build", "demo")
INTERVAL = 0.02  # of the pings that a failover costs, s

STATIC_PICTURE = """
   data centre                                 WAN                              cloud
  +------------+     +---------------+    +----------+    +---------------+ VXLAN  +------------+
  | host       |-----| strongSwan    |====| router   |====| isthmusd      |~~~~~~~~| VPC host   |
  | {idc:<10} |     | {peer:<13} |    |          |    | {gateway:<13} | {vni:<6} | {vpc:<10} |
  +------------+     +---------------+    +----------+    +---------------+        +------------+
                            \\________ IPsec tunnel dc1-1 ________/
"""

BGP_PICTURE = """
   data centre            AS 65010               WAN           AS 65000           cloud
                       +---------------+
                   .---| strongSwan    |==== dc1-1 ====.
  +-------------+  |   | BIRD          |               |    +---------------+ VXLAN  +------------+
  | host        |--+   | {peer:<13} |               +====| isthmusd      |~~~~~~~~| VPC host   |
  | {idc:<11} |  |   +---------------+               |    | {gateway:<13} | {vni:<6} | {vpc:<10} |
  +-------------+  |   | strongSwan    |               |    +---------------+        +------------+
                   '---| BIRD          |==== dc1-2 ===='
                       | {peer2:<13} |
                       +---------------+     BGP in both tunnels: each carries half of the flows
"""


def say(text=""):
    print(text, flush=True)


def step(text):
    print(f"  {text:<62}", end="", flush=True)


def done(text="ok"):
    say(text)


def indent(text):
    return "\n".join("  " + line for line in text.rstrip().splitlines())


def check(true, what):
    if not true:
        raise AssertionError(what)


def start_static(lab, keep):
    watch = Stopwatch()
    step("namespaces, links, hosts")
    site = Site(lab, build="build/release", outlive=keep)
    done(f"{watch.seconds:.1f} s")
    step("strongSwan, then isthmusd, until the tunnel is UP")
    watch = Stopwatch()
    captures = capture(lab, site)
    site.start()
    site.await_up()
    done(f"{watch.seconds:.1f} s")
    return site, captures


def start_bgp(lab, keep):
    watch = Stopwatch()
    step("namespaces, links, hosts")
    site = Estate(lab, build="build/release", outlive=keep, bfd=True, bfd_interval=100)
    done(f"{watch.seconds:.1f} s")
    step("two tunnels UP, BGP established, routes on both sides")
    watch = Stopwatch()
    captures = capture(lab, site)
    site.start(options="bfd on;")
    done(f"{watch.seconds:.1f} s")
    return site, captures


def capture(lab, site):
    return (lab.own(Capture(site.wan.ns, site.cloud.wan_link, lab.path("wan.pcap"), snap=128)),
            lab.own(Capture(site.cloud.host.ns, "vxlan0", lab.path("vpc.pcap"), snap=128)))


def show_failover(site):
    idc, cloud = site.hosts
    for number, cut, left in ((0, "dc1-1", "dc1-2"), (1, "dc1-2", "dc1-1")):
        site.await_bfd()
        ping = cloud.ping_in_background(idc, count=int(4 / INTERVAL), interval=INTERVAL)
        before = site.gateway.tunnel(left)["traffic"]["in_packets"]
        wait_for(lambda: site.gateway.tunnel(left)["traffic"]["in_packets"] > before, 5, "traffic")
        step(f"router {number + 1} loses its WAN link: {cut} is left, {left} carries")
        site.cut(number)
        site.await_tunnels(left, timeout=5)
        result = ping.result()
        check(result.lost * INTERVAL <= 1.0, f"more than a second was lost: {result.text}")
        done(f"{result.lost * INTERVAL:.2f} s were lost")
        step("the link is back: both tunnels carry again")
        watch = Stopwatch()
        site.mend(number)
        site.await_tunnels("dc1-1", "dc1-2", timeout=60)
        done(f"{watch.seconds:.1f} s")
    step("a tunnel is drained for maintenance")
    ping = cloud.ping_in_background(idc, count=int(7 / INTERVAL), interval=INTERVAL)
    site.gateway.isthmus("tunnel", "dc1-1", "drain")
    result = ping.result()
    check(result.lost == 0, f"packets were lost: {result.text}")
    done("nothing was lost")
    site.gateway.isthmus("tunnel", "dc1-1", "enable")
    site.await_tunnels("dc1-1", "dc1-2", timeout=60)


def show_traffic(site):
    idc, cloud = site.hosts
    idc.await_ping(cloud)
    for name, a, b in (("data centre to VPC", idc, cloud), ("VPC to data centre", cloud, idc)):
        step(f"ping, {name}")
        ping = a.ping(b, count=20, interval=0.05, pattern=MARK)
        check(ping.received == ping.sent == 20, ping.text)
        done(str(ping))


def show_tcp(site, keep):
    idc, cloud = site.hosts
    cloud.serve_tcp(outlive=keep)
    for name, reverse in (("data centre to VPC", False), ("VPC to data centre", True)):
        step(f"TCP in 1400-byte packets, {name}")
        tcp = idc.tcp(cloud, seconds=4, reverse=reverse)
        check(tcp.stalls == 0 and tcp.megabits > 1, f"TCP stalled: {tcp.intervals}")
        done(str(tcp))


def show_secrecy(wan, vpc):
    step("on the WAN only IKE and ESP, and no plain text")
    wan.stop()
    vpc.stop()
    other = wan.packets(f"not ({TUNNEL_TRAFFIC})", limit=5)
    check(not other, "other packets on the WAN:\n" + "\n".join(other))
    plain = bytes.fromhex(MARK * 2)
    check(vpc.contains(plain) and not wan.contains(plain), "the pings' payload was seen on the WAN")
    ike = wan.count("udp port 500 or (udp port 4500 and udp[8:4] = 0)")
    esp = wan.count("esp or (udp port 4500 and udp[8:4] != 0)")
    check(ike >= 4 and esp > 80, f"{ike} IKE and {esp} ESP packets")
    done(f"{ike} IKE, {esp} ESP, {wan.count('arp')} ARP, 0 others")


def picture(site, static):
    values = {"idc": site.hosts[0].address, "vpc": site.hosts[1].address, "gateway": site.cloud.address,
              "vni": f"{site.cloud.VNI + 1}"}
    if static:
        return STATIC_PICTURE.format(peer=site.idc.address, **values)
    one, two = site.office.addresses
    return BGP_PICTURE.format(peer=one, peer2=two, **values)


def run(lab, keep, static):
    site, (wan, vpc) = (start_static if static else start_bgp)(lab, keep)
    show_traffic(site)
    show_tcp(site, keep)
    show_secrecy(wan, vpc)
    if not static:
        show_failover(site)
    say(picture(site, static))
    bgp = [] if static else [("show", "bgp"), ("show", "bgp", site.TUNNEL), ("show", "routing")]
    for words in [("show", "tunnels"), ("show", "sas"), *bgp, ("show", "routes"), ("show", "ports"),
                  ("show", "drops")]:
        say(f"  $ isthmus {' '.join(words)}")
        say(indent(site.gateway.isthmus(*words).stdout))
        say()

    if keep:
        return site
    step("SIGTERM: isthmusd ends well and tells its peers")
    site.gateway.stop()
    peers = [site.strongswan] if static else [r.strongswan for r in site.office.routers]
    for peer in peers:
        wait_for(lambda: not peer.children(), 5, "strongSwan to have no child SA")
    done()
    keep_results(site, wan)
    return None


def keep_results(site, wan):
    """The files that a reader may want afterwards, into the build folder."""
    os.makedirs(RESULTS, exist_ok=True)
    for path in (site.gateway.file, site.gateway.log, wan.path):
        shutil.copy(path, RESULTS)  # with its mode: the configuration holds a key
    say()
    say(f"  configuration, log and WAN capture: {os.path.relpath(RESULTS, TOP)}/"
        "{isthmus.conf,isthmusd.log,wan.pcap}")


def explain(site, static):
    shell = f"{site.gateway.program('isthmus')} --socket {site.gateway.socket}"
    idc, cloud = site.hosts
    peer = site.strongswan if static else site.office.routers[0].strongswan
    uri = f"unix://{peer.folder}/vici.sock"
    more = "" if static else f"""
    routing         {shell} show bgp                         (or show routing, show route 192.168.1.9)
    a cut           ip -n {site.office.routers[0].ns.name} link set wan down
    customer's BIRD birdc -s {site.office.routers[0].bird.socket}"""
    say(f"""  The lab is still running. To look around:

    configuration   {site.gateway.file}
    gateway's log   {site.gateway.log}
    operator        {shell} show tunnel {site.TUNNEL}
                    {shell} tunnel {site.TUNNEL} disable     (or enable, rekey child, rekey ike)
    ping            ip netns exec {idc.ns.name} ping {cloud.address}
    TCP             ip netns exec {idc.ns.name} iperf3 -c {cloud.address}
    on the WAN      ip netns exec {site.wan.ns.name} tcpdump -ni {site.cloud.wan_link}
    strongSwan      swanctl --list-sas --uri {uri}{more}

  To end it:        scripts/demo --clean""")


def main(argv):
    if argv == ["--clean"]:
        gone = sweep(KEPT)
        say("demo: " + (f"ended, {len(gone)} namespaces and folders removed" if gone else "nothing was running"))
        return 0
    keep, static = "--keep" in argv, "--static" in argv
    if keep and os.path.exists(os.path.join(FOLDERS, KEPT)):
        say("demo: one is running already; scripts/demo --clean ends it")
        return 1
    exit_on_signals()
    watch = Stopwatch()
    say()
    log = None
    try:
        with Lab(KEPT if keep else None) as lab:
            log = lab.path("isthmus1", "isthmusd.log")
            try:
                site = run(lab, keep, static)
            except Exception:
                if os.path.exists(log):
                    say(f"\n\n  isthmusd said:\n{indent(open(log, errors='replace').read()[-6000:])}")
                raise
            if keep:
                with undisturbed():
                    lab.keep()
                explain(site, static)
    except KeyboardInterrupt:
        say("\ndemo: interrupted, everything is taken away")
        return 128 + signal.SIGINT
    except (AssertionError, RuntimeError, OSError) as failure:
        say(f"\ndemo: FAILED: {failure}")
        return 1
    say(f"\n  All of it was true. ({watch.seconds:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
