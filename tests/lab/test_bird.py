"""BIRD as a child: it hangs, it cannot bear its own configuration, it is not there."""

import os
import signal

from lab import wait_for
from lab.topology import Pair


def shard(gateway):
    return gateway.show("routing")["shards"][0]


def await_session(gateway, tunnel, timeout=40):
    wait_for(lambda: gateway.show("bgp", tunnel)["established"], timeout,
             lambda: f"the session of {tunnel}: {gateway.show('bgp', tunnel)}\n{gateway.output()[-3000:]}")


def program(lab, text):
    """A program that stands where BIRD should; the real one is $BIRD."""
    path = lab.path("bird")
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\nBIRD=/usr/sbin/bird\n{text}\n")
    os.chmod(path, 0o755)
    os.chmod(lab.folder, 0o755)
    return path


def test_it_hangs(lab):
    """Stopped, it answers nothing: killed after its time, and what it had learnt stays meanwhile."""
    pair = Pair(lab, bgp=True)
    east = pair.gateways[0]
    east.config["bird"] = {"silence": 15}
    east.write()
    pair.start()
    await_session(east, "east-1")
    pair.hosts[0].await_ping(pair.hosts[1], timeout=20)
    before = shard(east)
    os.kill(before["pid"], signal.SIGSTOP)
    ping = pair.hosts[0].ping_in_background(pair.hosts[1], count=250, interval=0.1)
    wait_for(lambda: shard(east)["starts"] == before["starts"] + 1, 60, lambda: f"another BIRD\n{east.output()[-3000:]}")
    assert shard(east)["pid"] != before["pid"]
    assert ping.result().lost == 0
    assert " s: no answer for 15 s; again in " in east.output()
    await_session(east, "east-1")
    # One that answers is left alone, however long it has nothing to say.
    assert shard(east)["starts"] == before["starts"] + 1


def test_it_ends_at_its_own_configuration(lab):
    """One that fails again and again gets the next configuration, which may be better."""
    pair = Pair(lab, bgp=True)
    east = pair.gateways[0]
    poison = "10.66.6.0/24"
    # BIRD's parser does not mind; the one that runs does.
    east.config["bird"] = {"program": program(lab, f"""
case $1 in -f) grep -q {poison} "$(dirname "$3")"/gw_*.conf && exit 9;; esac
exec $BIRD "$@" """)}
    east.write()
    pair.start()
    await_session(east, "east-1")
    east.isthmus("route", "add", "bgw", poison, "vpc")
    wait_for(lambda: shard(east)["configured"] >= 2 and not shard(east)["configuration_pending"], 10, "BIRD to know it")
    os.kill(shard(east)["pid"], signal.SIGKILL)
    wait_for(lambda: east.output().count("exited with status 9") >= 4, 20,
             lambda: f"a BIRD that fails\n{east.output()[-3000:]}")
    east.isthmus("route", "delete", "bgw", poison, "vpc")
    wait_for(lambda: shard(east)["bird"] == "running", 15, lambda: f"a BIRD that runs\n{east.output()[-3000:]}")
    await_session(east, "east-1")
    assert shard(east)["refused"] == 0


def test_it_is_not_there(lab):
    """The log says that it cannot be run, once, and nothing of a refused configuration; it is tried again."""
    pair = Pair(lab, bgp=True)
    east = pair.gateways[0]
    path = program(lab, 'exec $BIRD "$@"')
    os.rename(path, path + ".away")
    east.config["bird"] = {"program": path}
    east.write()
    pair.start()
    wait_for(lambda: shard(east)["configuration_error"], 10, "an error")
    assert shard(east)["configuration_error"] == f"{path}: No such file or directory"
    assert shard(east)["refused"] == 0 and "refused" not in east.output()
    os.rename(path + ".away", path)
    await_session(east, "east-1")
    assert east.output().count(": No such file or directory") == 1, east.output()
    assert shard(east)["configuration_error"] is None
