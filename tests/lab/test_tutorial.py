"""The tutorial, typed as it stands: the blocks of conf/tutorial.md, each where it says."""

import os
import re
import subprocess
import types
import uuid

from lab.debian_router import Router
from lab.gateway import SANITIZER_ENV, TOP, Gateway, build_folder
from lab.network import cable
from lab.topology import HOST_MTU, Wan
from lab.wait import wait_for

SECONDS = 60  # at most for one block


def blocks():
    """(where, what) in the order of the page."""
    with open(f"{TOP}/conf/tutorial.md") as f:
        return re.findall(r"^```sh (\S+)\n(.*?)^```$", f.read(), re.M | re.S)


class Terminal:
    """A shell in a namespace, with our programs, and with an /etc and a /run that nobody else sees."""

    def __init__(self, ns, folder, copies):
        """copies: what stands at the other end of scp."""
        programs = os.path.join(folder, "bin")
        os.makedirs(programs)
        for name in ("isthmusd", "isthmus"):
            os.symlink(os.path.join(build_folder(), "gateway", name), os.path.join(programs, name))
        with open(os.path.join(programs, "scp"), "w") as f:
            f.write(f"#!/bin/sh\ncp \"$1\" {copies}/\n")
        os.chmod(os.path.join(programs, "scp"), 0o755)
        self.log = os.path.join(folder, "terminal.log")
        with open(self.log, "w") as out:
            self.popen = subprocess.Popen(
                ns.inside(["unshare", "-m", "setpriv", "--pdeathsig", "KILL", "bash", "--norc"]), cwd=folder, text=True,
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **SANITIZER_ENV, "PATH": f"{programs}:{os.environ['PATH']}"})
        self.type("cp -a /etc etc && mount --bind etc /etc && mount -t tmpfs none /run && mkdir /run/isthmus")

    def said(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def type(self, text):
        """Runs it in this very shell, to its end; a command that fails is the shell's last."""
        mark = uuid.uuid4().hex
        self.popen.stdin.write(f"set -e\n{text}\nset +e\necho {mark}\n")
        self.popen.stdin.flush()
        wait_for(lambda: mark in self.said() or self.popen.poll() is not None, SECONDS,
                 lambda: f"the end of:\n{text}\n{self.said()[-6000:]}")
        assert mark in self.said(), f"failed:\n{text}\n{self.said()[-6000:]}"

    def stop(self):
        """What it left in the background is told to end, and ends."""
        if self.popen.poll() is None:
            self.popen.stdin.write("kill $(jobs -p) 2>/dev/null\nwait\nexit\n")
            self.popen.stdin.flush()
        try:
            self.popen.wait(20)
        finally:
            self.popen.stdin.close()


class Customer:
    """The customer's router, whose files are in its own folder."""

    def __init__(self, lab, wan):
        ns = lab.namespace("customer")
        wan.join(ns, "wan", "198.51.100")
        place = types.SimpleNamespace(ns=ns, address="198.51.100.11", net="198.51.100")
        self.router = Router(lab, place, types.SimpleNamespace(address="203.0.113.1"),
                             ["198.51.100.11", "198.51.100.12"], ["192.168.1.1"])
        self.folder = self.router.peer.folder
        self.router.start()

    def type(self, text):
        said = self.router.peer.run(f"export STRONGSWAN_CONF=/tmp/peer/strongswan.conf\nset -e\n{text}", timeout=SECONDS)
        assert said.rstrip().endswith("exit 0"), said


def vpc_host(lab, gateway):
    ns = lab.namespace("vpc-host")
    cable(gateway, "vpc", ns, "eth0")
    ns.ip("addr add 172.31.0.2/24 dev eth0")
    ns.ip(f"link add vxlan0 mtu {HOST_MTU} type vxlan id 5001 dev eth0 local 172.31.0.2 remote 172.31.0.1 dstport 4789")
    ns.ip("addr add 10.0.1.2/16 dev vxlan0")
    ns.ip("link set vxlan0 up")
    ns.ip("route add default via 10.0.0.1")
    return ns


def test_tutorial(lab):
    wan = Wan(lab)
    ns = lab.namespace("gateway")
    wan.join(ns, "wan", "203.0.113")
    host = vpc_host(lab, ns)
    customer = Customer(lab, wan)
    places = {"customer": customer,
              "gateway": lab.own(Terminal(ns, lab.path("gateway"), customer.folder)),
              "vpc-host": lab.own(Terminal(host, lab.path("vpc-host"), lab.folder))}
    page = blocks()
    assert {where for where, _ in page} == set(places) and len(page) > 15
    for where, text in page:
        places[where].type(text)
    places["gateway"].stop()
    Gateway.judge(types.SimpleNamespace(output=open(lab.path("gateway", "isthmusd.log")).read))
