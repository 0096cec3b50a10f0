"""A host at either end: what a person would run to see whether it works."""

import json
import math
import os
import re

from .process import Process
from .wait import wait_for

PORT = 5201


class Host:
    """A namespace with an address that others talk to."""

    def __init__(self, ns, address, folder):
        self.ns = ns
        self.address = address
        self.folder = folder
        self.server = None

    def ping(self, to, count=3, interval=0.2, size=56, timeout=1, pattern=None, extra=()):
        """A Ping: what was sent, what came back, in which time.

        ping itself waits for the last reply no longer than an interval or two round trips: one that a busy machine
        delays would count as lost. Until a deadline it goes on until `count` replies are there; Ping looks at the
        first `count` requests alone. The deadline leaves time for a machine that cannot keep the interval.
        """
        wait = ["-W", timeout] if count == 1 else ["-w", math.ceil(3 * count * interval + timeout)]
        argv = ["ping", "-n", "-c", count, "-i", interval, "-s", size, *wait, *extra]
        if pattern:
            argv += ["-p", pattern]
        done = self.ns.run([*argv, getattr(to, "address", to)], check=False,
                           timeout=30 + count * max(interval, 0.002) * 4)
        return Ping(done.stdout + done.stderr, count)

    def await_ping(self, to, timeout=10):
        """Until one reply came."""
        wait_for(lambda: self.ping(to, count=1, timeout=0.5).received, timeout,
                 f"a ping reply from {getattr(to, 'address', to)}")

    def ping_in_background(self, to, count, interval, size=56):
        return BackgroundPing(self, to, count, interval, size)

    def serve_tcp(self, outlive=False):
        if self.server and self.server.running:
            return
        self.server = Process(self.ns.inside(["iperf3", "--server", "--port", str(PORT), "--forceflush"]),
                              os.path.join(self.folder, f"iperf3-{self.ns.name}.log"), outlive=outlive)
        wait_for(lambda: self.ns.run(["ss", "-Hltn", f"sport = :{PORT}"]).stdout.strip(), 10, "the TCP server")

    def tcp(self, to, seconds=3, reverse=False):
        """One TCP stream to the host `to`, whose server runs; reverse: from it."""
        argv = ["iperf3", "--client", to.address, "--port", str(PORT), "--time", str(seconds), "--json",
                "--connect-timeout", "5000"]
        done = self.ns.run(argv + (["--reverse"] if reverse else []), check=False, timeout=seconds + 30)
        report = json.loads(done.stdout)
        if "error" in report:
            raise AssertionError(f"iperf3 {self.ns.name} -> {to.address}: {report['error']}")
        return Tcp(report)

    def stop(self):
        if self.server:
            self.server.stop()
            self.server = None


class Ping:
    """What ping says; of `count` requests, where it was not told to be quiet and may have sent more."""

    def __init__(self, text, count=None):
        self.text = text
        found = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        self.sent, self.received = (int(found[1]), int(found[2])) if found else (0, 0)
        self.requests = self.sent  # on the wire: with those that followed the first `count`
        if count is not None:
            self.sent = min(count, self.requests)
            self.received = len({n for n in re.findall(r"bytes from .*icmp_seq=(\d+)", text) if int(n) <= count})
        found = re.search(r"\+(\d+) duplicates", text)
        self.duplicates = int(found[1]) if found else 0
        found = re.search(r"= ([\d.]+)/([\d.]+)/([\d.]+)/", text)
        self.average_ms = float(found[2]) if found else None

    @property
    def lost(self):
        return self.sent - self.received

    def __str__(self):
        time = f", {self.average_ms:.2f} ms" if self.average_ms is not None else ""
        return f"{self.received} of {self.sent} replies{time}"


class BackgroundPing:
    """A long ping while other things happen; result() waits for its end."""

    def __init__(self, host, to, count, interval, size):
        self.log = os.path.join(host.folder, f"ping-{host.ns.name}.log")
        if os.path.exists(self.log):
            os.unlink(self.log)
        self.limit = 30 + count * interval * 4
        self.process = Process(
            host.ns.inside(["ping", "-n", "-q", "-c", str(count), "-i", str(interval), "-s", str(size), "-W", "2",
                            getattr(to, "address", to)]), self.log)

    @property
    def running(self):
        return self.process.running

    def result(self):
        self.process.popen.wait(self.limit)
        return Ping(self.process.output())

    def stop(self):
        self.process.kill()


class Tcp:
    """What iperf3 reports of one stream."""

    def __init__(self, report):
        received = report["end"]["sum_received"]
        self.megabits = received["bits_per_second"] / 1e6
        self.seconds = received["seconds"]
        self.retransmits = report["end"]["sum_sent"].get("retransmits", 0)
        self.intervals = [i["sum"]["bytes"] for i in report["intervals"]]

    @property
    def stalls(self):
        """Seconds in which nothing was carried; the last interval may be a fraction of one."""
        return sum(1 for carried in self.intervals[:-1] if carried == 0)

    def __str__(self):
        return f"{self.megabits:.0f} Mbit/s over {self.seconds:.0f} s, {self.retransmits} retransmits"
