"""FRR's bgpd (and GoBGP) as a customer's router, where only what they exchange with us matters."""

import json
import os

from .process import Process
from .wait import wait_for


class Frr:
    """bgpd without zebra: it learns and announces, but forwards nothing."""

    def __init__(self, ns, folder):
        self.ns = ns
        self.folder = folder
        self.process = None
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o777)  # bgpd becomes another user
        self.conf = os.path.join(folder, "bgpd.conf")

    def start(self, text):
        with open(self.conf, "w") as f:
            f.write(text)
        os.chmod(self.conf, 0o644)
        self.process = Process(
            self.ns.inside(["/usr/lib/frr/bgpd", "-f", self.conf, "--no_zebra", "-n", "-S", "-u", "root", "-g", "root",
                            "-i", os.path.join(self.folder, "bgpd.pid"), "--vty_socket", self.folder,
                            "-A", "127.0.0.1", "--log", "stdout"]),
            os.path.join(self.folder, "bgpd.log"))

    def __call__(self, words):
        done = self.ns.run(["vtysh", "--vty_socket", self.folder, "-d", "bgpd", "-c", words], check=False)
        return done.stdout

    def json(self, words):
        text = self(words + " json")
        try:
            return json.loads(text)
        except ValueError:
            return {}

    def await_established(self, peer, timeout=30):
        wait_for(lambda: self.json(f"show bgp neighbors {peer}").get(peer, {}).get("bgpState") == "Established",
                 timeout, lambda: f"FRR and {peer}:\n{self.process.output()[-3000:]}")

    def routes(self, family="ipv4"):
        return self.json(f"show bgp {family} unicast").get("routes", {})

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None


class Gobgp:
    def __init__(self, ns, folder):
        self.ns = ns
        self.folder = folder
        self.process = None
        os.makedirs(folder, exist_ok=True)

    def start(self, text):
        path = os.path.join(self.folder, "gobgpd.conf")
        with open(path, "w") as f:
            f.write(text)
        self.process = Process(self.ns.inside(["gobgpd", "-f", path, "--api-hosts", "127.0.0.1:50051"]),
                               os.path.join(self.folder, "gobgpd.log"))

    def __call__(self, *words):
        return self.ns.run(["gobgp", "--target", "127.0.0.1:50051", *words], check=False)

    def announce(self, prefix):
        wait_for(lambda: self("global", "rib", "add", prefix).returncode == 0, 10, "gobgpd to take a route")

    def routes(self):
        done = self("--json", "global", "rib")
        try:
            return json.loads(done.stdout) or {}
        except ValueError:
            return {}

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None
