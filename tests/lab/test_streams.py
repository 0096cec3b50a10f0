"""Streams that meet what a path does to them: packets that do not fit, and a tunnel that dies."""

import time

import pytest

from lab import wait_for
from lab.office import Estate
from lab.process import Process
from lab.topology import Pair

PORT = 7007
INTERVAL = 0.005

SEND = f"""
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
start = time.time()
n = 0
while True:
    s.sendto(n.to_bytes(4, "big"), (sys.argv[1], {PORT}))
    n += 1
    time.sleep(max(0, start + n * {INTERVAL} - time.time()))
"""

RECEIVE = f"""
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", {PORT}))
print("ready", flush=True)
while True:
    n = int.from_bytes(s.recv(64), "big")
    print(n, time.time(), flush=True)
"""


def python(lab, ns, name, program, *words):
    return Process(ns.inside(["/usr/bin/python3", "-c", program, *words]), lab.path(f"{name}.log"))


@pytest.mark.parametrize("df", [False, True], ids=["without-df", "with-df"])
def test_tcp_with_an_inner_mtu_that_does_not_fit(lab, df):
    """1450 bytes inside are more than 1500 outside: cut where that is allowed, else the sender is told."""
    pair = Pair(lab, tunnel={"mss_clamp": False})
    for host in pair.hosts:
        host.ns.ip("link set vxlan0 mtu 1450")
        host.ns.run(["sysctl", "-qw", f"net.ipv4.ip_no_pmtu_disc={0 if df else 1}"])
    pair.start()
    pair.await_up()
    here, there = pair.hosts
    for a, b in ((here, there), (there, here)):
        b.serve_tcp()
        tcp = a.tcp(b, seconds=3)
        assert tcp.stalls == 0 and tcp.megabits > 1, tcp
    told = [sum(d["packets"] for d in g.show("drops")["drops"] if d["reason"] == "too-big") for g in pair.gateways]
    if df:
        # A sender that was told once knows; who learns it on the way may need no telling.
        assert 1 <= sum(told) <= 100, told
    else:
        assert told == [0, 0]


def test_udp_goes_on_when_a_tunnel_dies(lab):
    """Whatever finds out that it is dead, and when: from that moment on the other one carries."""
    estate = Estate(lab, dpd=1).start()
    gateway = estate.gateway
    receiver = python(lab, estate.office.host.ns, "receiver", RECEIVE)
    receiver.await_output("ready")
    before = {name: gateway.tunnel(name)["traffic"]["out_packets"] for name in ("dc1-1", "dc1-2")}
    sender = python(lab, estate.cloud.host.ns, "sender", SEND, estate.office.host.address)

    def carrier():
        return next((n for n in before if gateway.tunnel(n)["traffic"]["out_packets"] > before[n] + 100), None)

    used = wait_for(carrier, 10, "traffic")
    estate.cut(int(used[-1]) - 1)
    down = gateway.await_tunnel(used, "DOWN", 40)
    declared = time.time() - down["since_seconds"]
    arrived = []

    def goes_on():
        whole = receiver.output().splitlines(keepends=True)[1:]
        arrived[:] = [float(line.split()[1]) for line in whole if line.endswith("\n")]
        return arrived and arrived[-1] > declared + 1

    wait_for(goes_on, 10, "the stream to go on")
    sender.kill()
    receiver.kill()
    again = next(t for t in arrived if t > declared)
    assert again - declared < 0.3, f"{again - declared:.3f} s after the tunnel was DOWN"
    later = [t for t in arrived if t >= again]
    assert max(b - a for a, b in zip(later, later[1:])) < 0.3
