"""What scripts/demo shows: one tunnel, both ways, and nothing but IKE and ESP between."""

import os
import shutil
import signal
import sys

from lab import Lab, Stopwatch
from lab.capture import Capture
from lab.core import FOLDERS, exit_on_signals, sweep, undisturbed
from lab.gateway import TOP
from lab.topology import Site

KEPT = "isthmus-demo"
MARK = "feedbeefcafe"
TUNNEL_TRAFFIC = "udp port 500 or udp port 4500 or esp or arp"
RESULTS = os.path.join(TOP, "build", "demo")

PICTURE = """
   data centre                                 WAN                              cloud
  +------------+     +---------------+    +----------+    +---------------+ VXLAN  +------------+
  | host       |-----| strongSwan    |====| router   |====| isthmusd      |~~~~~~~~| VPC host   |
  | {idc:<10} |     | {peer:<13} |    |          |    | {gateway:<13} | {vni:<6} | {vpc:<10} |
  +------------+     +---------------+    +----------+    +---------------+        +------------+
                            \\________ IPsec tunnel {tunnel} ________/
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


def run(lab, keep):
    watch = Stopwatch()
    step("namespaces, links, hosts")
    site = Site(lab, build="build/release", outlive=keep)
    wan = lab.own(Capture(site.wan.ns, site.cloud.wan_link, lab.path("wan.pcap"), snap=128))
    vpc = lab.own(Capture(site.cloud.host.ns, "vxlan0", lab.path("vpc.pcap"), snap=128))
    done(f"{watch.seconds:.1f} s")

    step("strongSwan, then isthmusd, until the tunnel is UP")
    watch = Stopwatch()
    site.start()
    site.await_up()
    done(f"{watch.seconds:.1f} s")

    idc, cloud = site.hosts
    idc.await_ping(cloud)
    for name, a, b in (("data centre to VPC", idc, cloud), ("VPC to data centre", cloud, idc)):
        step(f"ping, {name}")
        ping = a.ping(b, count=20, interval=0.05, pattern=MARK)
        check(ping.received == ping.sent == 20, ping.text)
        done(str(ping))

    cloud.serve_tcp(outlive=keep)
    for name, reverse in (("data centre to VPC", False), ("VPC to data centre", True)):
        step(f"TCP in 1400-byte packets, {name}")
        tcp = idc.tcp(cloud, seconds=4, reverse=reverse)
        check(tcp.stalls == 0 and tcp.megabits > 1, f"TCP stalled: {tcp.intervals}")
        done(str(tcp))

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

    say(PICTURE.format(idc=idc.address, peer=site.idc.address, gateway=site.cloud.address, vpc=cloud.address,
                       vni=f"{site.cloud.VNI + 1}", tunnel=site.TUNNEL))
    for words in (("show", "tunnels"), ("show", "sas"), ("show", "routes"), ("show", "ports"), ("show", "drops")):
        say(f"  $ isthmus {' '.join(words)}")
        say(indent(site.gateway.isthmus(*words).stdout))
        say()

    if keep:
        return site
    step("SIGTERM: isthmusd ends well and tells its peer")
    site.gateway.stop()
    check(not site.strongswan.children(), "strongSwan still has a child SA")
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


def explain(site):
    shell = f"{site.gateway.program('isthmus')} --socket {site.gateway.socket}"
    idc, cloud = site.hosts
    uri = f"unix://{site.strongswan.folder}/vici.sock"
    say(f"""  The lab is still running. To look around:

    configuration   {site.gateway.file}
    gateway's log   {site.gateway.log}
    operator        {shell} show tunnel {site.TUNNEL}
                    {shell} tunnel {site.TUNNEL} disable     (or enable, rekey child, rekey ike)
    ping            ip netns exec {idc.ns.name} ping {cloud.address}
    TCP             ip netns exec {idc.ns.name} iperf3 -c {cloud.address}
    on the WAN      ip netns exec {site.wan.ns.name} tcpdump -ni {site.cloud.wan_link}
    strongSwan      swanctl --list-sas --uri {uri}

  To end it:        scripts/demo --clean""")


def main(argv):
    if argv == ["--clean"]:
        gone = sweep(KEPT)
        say("demo: " + (f"ended, {len(gone)} namespaces and folders removed" if gone else "nothing was running"))
        return 0
    keep = argv == ["--keep"]
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
                site = run(lab, keep)
            except Exception:
                if os.path.exists(log):
                    say(f"\n\n  isthmusd said:\n{indent(open(log, errors='replace').read()[-6000:])}")
                raise
            if keep:
                with undisturbed():
                    lab.keep()
                explain(site)
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
