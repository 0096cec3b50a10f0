#!/usr/bin/python3
"""From a customer's BIRD to the packets: how long after a prefix is announced through a tunnel does traffic
from a VPC arrive there, how long after its withdrawal does it still. A whole lab: strongSwan, BIRD, isthmusd.

    routing_traffic.py BUILD [--quick] [--json]

A sample begins when the customer's BIRD is told, by its control socket, to enable or disable a protocol that
has the prefix; so its own time, the tunnel and both ports are in the figure. Datagrams are sent to the prefix
twice a millisecond; the first, or the last, that arrives is the end.
"""

import ctypes
import json
import os
import random
import select
import socket
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lab"))

from lab import Lab, wait_for  # noqa: E402
from lab.network import NETNS_FOLDER  # noqa: E402
from lab.office import Office  # noqa: E402
from lab.topology import Cloud, Customer, Wan  # noqa: E402

ADDRESS, PORT = "172.20.0.1", 9000
PREFIX = "172.20.0.0/24"
LOADED = 100000
EVERY = 0.0005
STILL = 0.1  # as long without a datagram: no more will come


def socket_in(ns, *kind):
    """A socket lives in the namespace in which it was made."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(os.path.join(NETNS_FOLDER, ns.name), os.O_RDONLY)
    try:
        if libc.setns(there, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        made = socket.socket(*kind)
        if libc.setns(home, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(home)
        os.close(there)
    return made


class Site:
    def __init__(self, lab, build):
        wan = Wan(lab)
        self.office = Office(lab, wan, routers=1)
        self.cloud = Cloud(lab, wan)
        config = self.cloud.config([Customer("dc1", self.office.addresses, [], asn=Office.ASN,
                                             inners=self.office.inners)])
        config["border_gateways"][0]["dynamic_quota"] = 2 * LOADED
        self.gateway = self.cloud.isthmusd(config, build=build)
        self.gateway.start()
        self.office.start(self.cloud)
        self.office.await_established()
        router = self.office.routers[0]
        self.bird = router.bird
        self.bird.text = self.bird.text.replace('proto = "more"', 'proto ~ "more*"')
        # In a table of its own: to flush a protocol BIRD walks through its table.
        self.bird.text += f"""
ipv4 table one;
protocol static more_one {{ disabled; ipv4 {{ table one; }}; route {PREFIX} blackhole; }}
protocol pipe {{ table one; peer table master4; import none; export all; }}
"""
        self.bird.more([f"11.{i >> 8}.{i & 255}.0/24" if i < 65536 else f"12.{i - 65536 >> 8}.{i & 255}.0/24"
                        for i in range(LOADED)])
        wait_for(lambda: self.gateway.show("bgp")["sessions"][0]["received_routes"] > LOADED, 60,
                 lambda: f"the routes:\n{self.gateway.isthmus('show', 'bgp').stdout}{self.gateway.output()[-3000:]}")
        router.ns.ip(f"addr add {ADDRESS}/32 dev lo")

        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.control.connect(self.bird.socket)
        self.control.recv(4096)
        self.sender = socket_in(self.cloud.host.ns, socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver = socket_in(router.ns, socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.bind((ADDRESS, PORT))
        self.receiver.setblocking(False)

    def say(self, words):
        """Returns when it was said."""
        while select.select([self.control], [], [], 0)[0]:
            self.control.recv(4096)
        now = time.monotonic()
        self.control.sendall(words.encode() + b"\n")
        return now

    def traffic(self, seconds, first=False):
        """Sends; when each datagram that arrived had been sent, and if first, when the first arrived."""
        arrived = []
        end = time.monotonic() + seconds
        due = time.monotonic()
        while (now := time.monotonic()) < end:
            if now >= due:
                self.sender.sendto(repr(now).encode(), (ADDRESS, PORT))
                due = max(due + EVERY, now - 0.01)
            if select.select([self.receiver], [], [], max(0, due - time.monotonic()))[0]:
                arrived.append(float(self.receiver.recv(100)))
                if first:
                    return time.monotonic()
                end = min(end, time.monotonic() + STILL)
        return None if first else arrived

    def sample(self):
        """Milliseconds until traffic came, and until it was gone."""
        time.sleep(random.uniform(0.05, 0.15))
        said = self.say("enable more_one")
        came = self.traffic(10, first=True)
        assert came, "no traffic 10 s after the announcement"
        self.traffic(0.02)
        said_gone = self.say("disable more_one")
        last, end = said_gone, time.monotonic() + 10
        while arrived := self.traffic(STILL):
            last = max([last, *arrived])
            assert time.monotonic() < end, "still traffic 10 s after the withdrawal"
        return (came - said) * 1000, (last - said_gone) * 1000


def main():
    build = os.path.realpath(sys.argv[1])
    n = 15 if "--quick" in sys.argv else 100
    with Lab() as lab:
        site = Site(lab, build)
        site.sample()
        samples = [site.sample() for _ in range(n)]
    for name, values in zip(("update", "withdraw"), zip(*samples)):
        values = sorted(values)
        for what, value in (("median", statistics.median(values)), ("max", values[-1])):
            row = {"name": f"{name}_to_traffic_{what}_ms", "value": round(value, 3), "unit": "ms",
                   "routes": LOADED, "samples": n}
            if "--json" in sys.argv:
                print(json.dumps(row), flush=True)
            else:
                print(f"{row['name']:28} {row['value']:10} ms   {LOADED} routes, {n} samples", flush=True)


main()
