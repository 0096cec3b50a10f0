"""What crosses a link, seen by tcpdump."""

import os
import signal

from .network import command
from .process import Process


class Capture:
    """Runs from creation to stop(); then the file can be asked."""

    def __init__(self, ns, link, path, snap=262144):
        self.path = path
        # -Z root: a change of user would cut the tie that ends it with us.
        self.process = Process(ns.inside(["tcpdump", "-i", link, "-n", "-U", "--immediate-mode", "-Z", "root",
                                          "-B", "16384", "-s", str(snap), "-w", path]),
                               path.removesuffix(".pcap") + ".tcpdump.log")
        self.process.await_output("listening on")

    def stop(self):
        if self.process.running:
            self.process.stop(signal.SIGINT)

    def packets(self, expression="", limit=None):
        """The matching packets, one line of text each."""
        argv = ["tcpdump", "-r", self.path, "-n", "-tt"] + (["-c", limit] if limit else [])
        return command([*argv, expression]).stdout.splitlines()

    def count(self, expression=""):
        return len(self.packets(expression))

    def contains(self, data):
        """Whether these bytes stand anywhere in the captured frames."""
        with open(self.path, "rb") as f:
            return data in f.read()

    @property
    def bytes(self):
        return os.path.getsize(self.path)
