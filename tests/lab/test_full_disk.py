"""A file system that is full, or that may only be read: nothing crashes, nothing that was acknowledged is lost."""

import json
import os

import pytest

from lab.gateway import SANITIZER_REPORT
from lab.network import command
from lab.topology import Pair

# A file system of its own below the gateway's folder, with its file; nobody else sees it.
SMALL = """
mkdir -p "$1/disk"
mount -t tmpfs -o size=512k,mode=700 small "$1/disk"
cp -p "$1/isthmus.conf" "$1/disk/isthmus.conf"
[ ! -d "$1/kept" ] || cp -p "$1"/kept/* "$1/disk/"
[ -z "$2" ] || mount -o remount,ro "$1/disk"
shift 2
exec "$@"
"""


class SmallDisk:
    """A gateway whose configuration, state, samples and exported keys are on half a megabyte."""

    def __init__(self, gateway, how):
        self.gateway = gateway
        gateway.config["key_export"] = self.inside("keys")
        gateway.write()
        gateway.file = self.inside("isthmus.conf")
        self.wrapped()

    def wrapped(self, read_only=""):
        self.gateway.wrap = ["sh", "-ec", SMALL, "sh", self.gateway.folder, read_only]

    def inside(self, name):
        return os.path.join(self.gateway.folder, "disk", name)

    def seen(self, name=""):
        """The same file, from here."""
        return f"/proc/{self.gateway.process.pid}/root{self.inside(name)}"

    def fill(self):
        with open(self.seen("filler"), "wb", buffering=0) as f:
            try:
                while f.write(bytes(512)):
                    pass
            except OSError:
                pass
        assert os.statvfs(self.seen()).f_bavail == 0

    def empty(self):
        os.unlink(self.seen("filler"))

    def remount_writable(self):
        command(["nsenter", "-t", self.gateway.process.pid, "-m", "mount", "-o", "remount,rw", self.inside("")])

    def kill(self):
        """SIGKILL, and what was on the disk then is there at the next start."""
        kept = os.path.join(self.gateway.folder, "kept")
        os.makedirs(kept, exist_ok=True)
        for name in os.listdir(kept):
            os.unlink(os.path.join(kept, name))
        held = os.open(self.seen(), os.O_RDONLY)
        try:
            self.gateway.kill()
            for name in os.listdir(held):
                if name.startswith("isthmus.conf") and not name.endswith(".samples"):
                    command(["cp", "-p", f"/proc/{os.getpid()}/fd/{held}/{name}", kept])
        finally:
            os.close(held)


def customers(gateway):
    return {c["name"] for c in gateway.show("customer-gateways")["customer_gateways"]}


def create(gateway, number):
    return gateway.isthmus("create", "customer-gateway", f"more{number}", f"addresses=198.18.0.{number}", check=False)


def refuses_all(gateway, disk, words):
    """Each change is refused with these words, changes nothing, and the tunnel goes on."""
    before, text = customers(gateway), open(disk.seen("isthmus.conf")).read()
    for doing in (("create", "customer-gateway", "never", "addresses=198.18.0.200"),
                  ("create", "border-gateway", "never"), ("set", "vpc", "vpc", "description=never"),
                  ("route", "add", "bgw", "10.250.0.0/16", "east"), ("delete", "customer-gateway", "more1"),
                  ("save",), ("capture", disk.inside("never.pcapng"), "count", "1000", "seconds", "2")):
        done = gateway.isthmus(*doing, check=False)
        assert done.returncode == 1 and words in done.stdout + done.stderr, f"{doing}: {done.stdout}{done.stderr}"
    assert customers(gateway) == before and open(disk.seen("isthmus.conf")).read() == text
    assert "never" not in json.dumps([gateway.show("border-gateways"), gateway.show("vpcs")])
    # What it can do it does, and says that it will not last.
    done = gateway.isthmus("tunnel", "east-1", "disable", check=False)
    assert done.returncode == 1 and "cannot be kept" in done.stderr and words in done.stderr
    gateway.isthmus("tunnel", "east-1", "enable", check=False)
    gateway.await_tunnel("east-1", "UP", timeout=20)
    gateway.isthmus("tunnel", "east-1", "rekey", "ike")  # whose keys cannot be written down


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_disk(lab, how):
    pair = Pair(lab)
    gateway = pair.gateways[0]
    disk = SmallDisk(gateway, how)
    pair.start()
    pair.await_up(30)
    for number in range(1, 4):
        assert create(gateway, number).returncode == 0
    assert {"more1", "more2", "more3"} <= customers(gateway)
    if how == "full":
        disk.fill()
        refuses_all(gateway, disk, "No space left")
        pair.hosts[0].await_ping(pair.hosts[1])

    # The power fails now, and the disk is as it was.
    disk.kill()
    disk.wrapped("ro" if how == "read-only" else "")
    gateway.start()
    assert {"more1", "more2", "more3"} <= customers(gateway) and "never" not in customers(gateway)
    gateway.await_tunnel("east-1", "UP", timeout=30)
    if how == "full":
        disk.fill()
    else:
        assert "key_export: no key is written: " in gateway.output()
        refuses_all(gateway, disk, "Read-only file system")
    assert create(gateway, 9).returncode == 1
    pair.hosts[0].await_ping(pair.hosts[1])

    # Somebody makes room.
    if how == "full":
        disk.empty()
    else:
        disk.remount_writable()
    assert create(gateway, 4).returncode == 0 and gateway.isthmus("save", check=False).returncode == 0
    checked = command([gateway.program("isthmusd"), "--check", disk.seen("isthmus.conf")])
    assert ": ok: " in checked.stdout
    assert "more4" in open(disk.seen("isthmus.conf")).read()
    assert json.loads(gateway.isthmus("diff", json=True).stdout)["differences"] == []


def test_log_on_a_full_disk(lab):
    """Standard error takes no more: all else goes on."""
    pair = Pair(lab)
    gateway = pair.gateways[0]
    reports = lab.path("sanitizer")
    gateway.wrap = ["sh", "-c", "exec \"$@\" 2>/dev/full", "sh"]
    gateway.env = {"ASAN_OPTIONS": f"detect_leaks=1:log_path={reports}", "UBSAN_OPTIONS": f"log_path={reports}"}
    gateway.config["log"] = {"level": "debug"}
    gateway.write()
    pair.start()
    pair.await_up(30)
    gateway.isthmus("tunnel", "east-1", "rekey", "ike")
    pair.hosts[0].await_ping(pair.hosts[1])
    assert create(gateway, 1).returncode == 0
    gateway.stop()
    for name in os.listdir(lab.folder):
        if name.startswith("sanitizer."):
            assert not SANITIZER_REPORT.search(open(lab.path(name)).read()), open(lab.path(name)).read()[:4000]
