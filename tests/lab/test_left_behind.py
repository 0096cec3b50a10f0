"""A gateway that ended, well or by SIGKILL, leaves nothing on the machine, and neither does a lab."""

import os
import signal
import subprocess
import sys

import pytest

from lab import Lab, wait_for
from lab.core import FOLDERS, list_folder
from lab.network import NETNS_FOLDER, command
from lab.shard import shards_of, users_of
from lab.topology import Pair, Site

pytestmark = pytest.mark.alone
HERE = os.path.dirname(__file__)


def traces(ours):
    """What the machine has of us outside namespaces; other labs may be at work beside us."""
    return {
        "namespaces": [n for n in list_folder(NETNS_FOLDER) if n.startswith(ours)],
        "folders": [n for n in list_folder(FOLDERS) if n.startswith(ours)],
        "processes": command(["pgrep", "-af", ours], check=False).stdout.splitlines(),
        "mounts": [m for m in open("/proc/self/mounts") if ours in m],
    }


def dpdk_files():
    return {os.path.join(d, f) for d, _, files in os.walk("/run/dpdk") for f in files} | set(list_folder("/run/dpdk"))


def nothing(ours):
    return all(not found for found in traces(ours).values())


def test_after_a_stop():
    before = dpdk_files()
    with Lab() as lab:
        site = Site(lab).start()
        site.await_up()
        site.gateway.stop()
        assert not os.path.exists(site.gateway.socket)
        assert dpdk_files() <= before
    assert nothing(lab.name), traces(lab.name)


def test_after_a_kill():
    before = dpdk_files()
    with Lab() as lab:
        site = Site(lab).start()
        site.await_up()
        shards = {s.inode for s in shards_of(site.gateway.process.pid)}
        assert users_of(shards)
        site.gateway.kill()
        wait_for(lambda: not users_of(shards), 5, lambda: users_of(shards))
        site.gateway.start()
        site.gateway.stop()
        assert dpdk_files() <= before
    assert nothing(lab.name), traces(lab.name)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_bird_goes_with_us(how):
    """So does its namespace, which it alone could hold."""
    with Lab() as lab:
        pair = Pair(lab, bgp=True).start()
        gateway = pair.gateways[0]
        pair.await_up(timeout=30)
        shards = {s.inode for s in shards_of(gateway.process.pid)}
        pid = gateway.show("routing")["shards"][0]["pid"]
        assert f"/proc/{pid}/ns/net" in users_of(shards)
        getattr(gateway, how)()
        wait_for(lambda: not users_of(shards), 5, lambda: users_of(shards))
    assert nothing(lab.name), traces(lab.name)


def test_a_lab_that_is_terminated():
    """SIGTERM in the middle: everything goes, in order."""
    program = f"""
import sys, time
sys.path.insert(0, {HERE!r})
from lab import Lab
from lab.core import exit_on_signals
from lab.topology import Pair, Site
exit_on_signals()
with Lab() as lab:
    site = Site(lab).start()
    site.await_up()
    print(lab.name, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as child:
        name = child.stdout.readline().strip()
        assert name.startswith(f"isthmus-{child.pid}-")
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 128 + signal.SIGTERM
    wait_for(lambda: nothing(name), 5, lambda: traces(name))
