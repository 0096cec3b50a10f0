"""BIRD as a customer's router runs it: eBGP into the tunnel, iBGP to its mate on the LAN."""

import os
import re

from .process import Process
from .wait import wait_for

BASE = """
log stderr all;
router id {router_id};
protocol device {{ scan time 1; }}
protocol direct {{ ipv4; interface "{lan}"; }}
protocol kernel {{ ipv4 {{ export filter {{ if source = RTS_BGP then accept; reject; }}; }}; }}
protocol bfd {{ interface "{tun}" {{ interval 100 ms; multiplier 3; }}; }}
protocol bgp cloud {{
  local {local} as {asn};
  neighbor {peer} as {peer_asn};
  interface "{tun}";
  direct;
  hold time 30;
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 4;
  graceful restart;
  {options}
  ipv4 {{ import all; export where source = RTS_DEVICE || proto = "more"; }};
}}
"""

MATE = """
protocol bgp mate {{
  local {local} as {asn};
  neighbor {peer} as {asn};
  direct;
  connect delay time 1;
  ipv4 {{ import all; export where proto = "cloud"; next hop self; }};
}}
"""


class Bird:
    """One BIRD in a namespace. Its session into the tunnel is called cloud, the one to its mate mate."""

    def __init__(self, ns, folder, outlive=False):
        self.ns = ns
        self.folder = folder
        self.outlive = outlive
        self.process = None
        os.makedirs(folder, exist_ok=True)
        self.conf = os.path.join(folder, "bird.conf")
        self.socket = os.path.join(folder, "bird.ctl")

    def write(self, mate=None, options="", **values):
        """values: router_id, lan, tun, local, peer, asn, peer_asn. mate: our and its address on the LAN."""
        text = BASE.format(options=options, **values)
        if mate:
            text += MATE.format(local=mate[0], peer=mate[1], asn=values["asn"])
        self.text = text
        self.save([])

    def save(self, prefixes):
        with open(self.conf, "w") as f:
            routes = "".join(f"  route {p} blackhole;\n" for p in prefixes)
            f.write(f"{self.text}\nprotocol static more {{\n  ipv4;\n{routes}}}\n")

    def more(self, prefixes):
        """Announces these, too, and no others from now on."""
        self.save(prefixes)
        self("configure")

    def start(self):
        self.process = Process(self.ns.inside(["bird", "-f", "-c", self.conf, "-s", self.socket]),
                               os.path.join(self.folder, "bird.log"), outlive=self.outlive)
        wait_for(lambda: os.path.exists(self.socket) and "up" in self("show status"), 10,
                 lambda: f"BIRD:\n{self.process.output()}")

    def __call__(self, words):
        return self.ns.run(["birdc", "-s", self.socket, *words.split()], check=False).stdout

    def established(self, name="cloud"):
        return "Established" in self(f"show protocols {name}")

    def await_established(self, name="cloud", timeout=20):
        wait_for(lambda: self.established(name), timeout,
                 lambda: f"BGP session {name}:\n{self('show protocols all ' + name)}{self.process.output()[-2000:]}")

    def await_bfd(self, timeout=20):
        """Until a session that is cut is noticed by BFD, which begins slowly (RFC 5880 6.8.3)."""
        wait_for(lambda: re.search(r"\sUp\s", self("show bfd sessions")), timeout, lambda: self("show bfd sessions"))

    def routes(self):
        """Prefixes in its table, each with how it is reached: {"10.1.0.0/16": "cloud"}."""
        found = {}
        for line in self("show route primary").splitlines():
            words = line.split()
            if len(words) > 2 and "/" in words[0]:
                found[words[0]] = next((w.strip("[") for w in words if w.startswith("[")), None)
        return found

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None
