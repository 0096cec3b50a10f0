"""trace and capture: an operator looks into the packets' way while they flow."""

import json
import os
import signal
import stat

from lab.network import command
from lab.process import Process
from lab.topology import Pair
from lab.wait import wait_for


def tshark(path, expression, *fields):
    argv = ["tshark", "-r", path, "-n", "-Y", expression, "-T", "fields"]
    for field in fields:
        argv += ["-e", field]
    return [line.split("\t") for line in command(argv).stdout.splitlines()]


def start(lab, gateway, name, *words, json=False):
    """A command that goes on beside the test."""
    argv = [gateway.program("isthmus"), "--socket", gateway.socket] + (["--json"] if json else [])
    return Process(argv + [str(w) for w in words], lab.path(f"{name}.log"))


def begun(path):
    wait_for(lambda: os.path.exists(path), 5, f"{path} to be there")


def test_trace_and_capture(lab):
    pair = Pair(lab).start()
    pair.await_up()
    east = pair.gateways[0]
    here, there = pair.hosts

    # Six packets: three ways out, three ways in.
    trace = start(lab, east, "trace", "trace", 6, "tunnel", "east-1", json=True)
    wait_for(lambda: here.ping(there, count=3, interval=0.05).lost == 0 and not trace.running, 10, "the trace's end")
    seen = json.loads(trace.output())
    assert seen["traced"] == 6
    ways = [[s["event"] for s in p["steps"]] for p in seen["packets"]]
    assert ways.count(["received", "packet", "route", "route", "route", "tunnel", "encrypted", "link", "sent"]) + \
        ways.count(["received", "packet", "route", "route", "tunnel", "encrypted", "link", "sent"]) == 3, ways
    assert sum("decrypted" in w and w[-1] == "sent" for w in ways) == 3, ways
    out = next(p for p in seen["packets"] if any(s["event"] == "encrypted" for s in p["steps"]))
    assert f"{here.address} > {there.address} icmp" in out["inner"]
    assert "into tunnel east-1" in [s["text"] for s in out["steps"]]

    # Nothing comes: the trace ends by itself, and says so.
    assert "0 of 1 packets came" in east.isthmus("trace", "1", "prefix", "192.0.2.77", "seconds", "1").stdout
    assert "no tunnel" in east.isthmus("trace", "1", "tunnel", "nobody", check=False).stderr

    # Before encryption, until there are enough.
    inner = lab.path("inner.pcapng")
    capture = start(lab, east, "inner", "capture", inner, "inner", "tunnel", "east-1", "filter", there.address,
                    "count", 4)
    begun(inner)
    wait_for(lambda: here.ping(there, count=2, interval=0.05).lost == 0 and not capture.running, 10, "the capture's end")
    assert stat.S_IMODE(os.stat(inner).st_mode) == 0o600
    rows = tshark(inner, "icmp", "ip.src", "frame.comment", "frame.interface_name")
    assert len(rows) == 4, rows
    assert [here.address, "tunnel east-1, out", "inner"] in rows and [there.address, "tunnel east-1, in", "inner"] in rows
    assert "exists" in east.isthmus("capture", inner, check=False).stderr
    assert "from /" in east.isthmus("capture", "x.pcapng", check=False).stderr

    # After encryption; the operator leaves, and the file is whole.
    outer = lab.path("outer.pcapng")
    capture = start(lab, east, "outer", "capture", outer, "outer", "snaplen", 64)
    begun(outer)
    assert "another capture" in east.isthmus("capture", lab.path("other.pcapng"), check=False).stderr
    assert here.ping(there, count=3, interval=0.05).lost == 0
    capture.stop(signal.SIGINT)
    ends = ("frame.comment", "esp.spi", "frame.cap_len")
    wait_for(lambda: len(tshark(outer, "esp", *ends)) >= 6, 5, "six packets in the file")
    assert all(int(r[2]) <= 64 for r in tshark(outer, "esp", *ends))
    assert not tshark(outer, "icmp", "ip.src")

    # A port's frames, VXLAN and all; the gateway stops meanwhile.
    frames = lab.path("frames.pcapng")
    capture = start(lab, east, "frames", "capture", frames, "port", "vpc", json=True)
    begun(frames)
    assert here.ping(there, count=3, interval=0.05).lost == 0
    east.stop()
    rows = tshark(frames, "vxlan && icmp", "frame.interface_name")
    assert len(rows) >= 6 and all(r == ["vpc"] for r in rows), rows
