"""The Debian package on a machine with systemd, from dpkg to a restart after a crash."""

import json
import os
import re
import signal

import pytest

from lab import libconfig
from lab.gateway import TOP, Gateway, write_private
from lab.machine import Machine
from lab.network import command
from lab.office import Estate
from lab.wait import wait_for

pytestmark = pytest.mark.alone
UNIT = "isthmusd.service"
EXPOSURE = 4.1  # of systemd-analyze security: 10 is the worst


class Service(Gateway):
    """isthmusd as systemd runs it in a machine; its operator is root there."""

    def __init__(self, machine, config):
        self.machine = machine
        self.config = config

    def isthmus(self, *words, check=True, json=False):
        return self.machine.run("isthmus", *(["--json"] if json else []), *words, check=check)

    def write(self):
        write_private(self.machine.path("etc/isthmus/isthmus.conf"), libconfig.dumps(self.config))
        self.machine.run("chown", "isthmus:isthmus", "/etc/isthmus/isthmus.conf")

    def journal(self, *words):
        return self.machine.run("journalctl", "--no-pager", "-u", UNIT, *words).stdout

    def output(self):
        return self.machine.run("systemctl", "status", "--no-pager", "-l", UNIT, check=False).stdout + self.journal()

    def main_pid(self):
        return int(self.machine.property(UNIT, "MainPID"))


@pytest.fixture(scope="module")
def package():
    assert os.path.exists(f"{TOP}/build/release/gateway/isthmusd"), "build/release is not built: run scripts/test lab"
    return os.path.join(TOP, command([f"{TOP}/scripts/package", "build/release"], timeout=120).stdout.strip())


def status_of(machine, pid):
    with open(f"/proc/{machine.outer(pid)}/status") as f:
        return dict(re.findall(r"^(\w+):\s*(.*)$", f.read(), re.M))


def test_from_package_to_crash(lab, package):
    estate = Estate(lab)
    machine = lab.own(Machine(estate.cloud.ns, lab.path("machine"))).start()
    machine.run("dpkg", "--force-depends", "-i", machine.take(package))
    config = {**estate.gateway.config, "log": {"target": "journald"}}
    del config["control_socket"]
    service = estate.gateway = Service(machine, config)

    # Nothing is configured, nothing starts, nothing fails.
    machine.run("systemctl", "start", UNIT)
    assert machine.property(UNIT, "ActiveState") == "inactive"
    assert machine.property(UNIT, "ConditionResult") == "no"

    # A file with a mistake is refused before anything runs.
    service.config = {**config, "workers": {**config["workers"], "lcores": [4711]}}
    service.write()
    assert machine.run("systemctl", "start", UNIT, check=False).returncode != 0
    assert "isthmus.conf:" in service.journal() and "lcores" in service.journal()
    assert machine.property(UNIT, "ActiveState") == "failed" and machine.property(UNIT, "NRestarts") == "0"

    service.config = config
    service.write()
    done = machine.run("systemctl", "enable", "--now", UNIT, check=False)
    assert done.returncode == 0, done.stderr + service.output()
    assert machine.property(UNIT, "ActiveState") == "active" and machine.property(UNIT, "SubState") == "running"
    estate.office.start(estate.cloud)
    estate.office.await_established()
    estate.await_tunnels("dc1-1", "dc1-2")
    estate.office.host.await_ping(estate.cloud.host)

    pid = service.main_pid()
    user = machine.run("id", "-u", "isthmus").stdout.strip()
    status = status_of(machine, pid)
    assert status["Uid"].split() == [user] * 4 and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    allowed = machine.property(UNIT, "CapabilityBoundingSet").split()
    held = machine.run("capsh", f"--decode={status['CapEff']}").stdout
    assert sorted(held.strip().partition("=")[2].split(",")) == sorted(allowed)
    for socket, mode in (("/run/isthmus", "750"), ("/run/isthmus/control.sock", "600"), ("/var/lib/isthmus", "700")):
        assert machine.run("stat", "-c", "%a %U", socket).stdout.split() == [mode, "isthmus"], socket
    exposure = machine.run("systemd-analyze", "security", "--no-pager", UNIT).stdout.splitlines()[-1]
    assert float(re.search(r"([\d.]+) \w+", exposure)[1]) <= EXPOSURE, exposure
    print(f"\n{exposure}")

    # Its words in the journal have levels and fields.
    entries = [json.loads(line) for line in service.journal("-o", "json").splitlines()]
    up = [e for e in entries if "dc1-1" in e["MESSAGE"] and e.get("ISTHMUS_EVENT") == "tunnel-up"]
    assert up and up[0]["PRIORITY"] == "6" and up[0]["ISTHMUS_OBJECT"] == "dc1-1", entries[-5:]

    # Reload by systemd: an edited file, and one with a mistake.
    service.config = {**config, "customer_gateways": config["customer_gateways"] + [
        {"name": "another", "addresses": ["198.51.77.1"], "asn": 65100}]}
    service.write()
    machine.run("systemctl", "reload", UNIT)
    assert "another" in service.isthmus("show", "customer-gateways").stdout
    service.config = {**service.config, "nonsense": 1}
    service.write()
    assert machine.run("systemctl", "reload", UNIT, check=False).returncode != 0
    assert service.main_pid() == pid and machine.property(UNIT, "ActiveState") == "active"
    del service.config["nonsense"]
    service.write()

    assert machine.property(UNIT, "WatchdogUSec") == "30s"
    os.makedirs(machine.path("run/systemd/system/isthmusd.service.d"))
    with open(machine.path("run/systemd/system/isthmusd.service.d/sooner.conf"), "w") as f:
        f.write("[Service]\nWatchdogSec=5\n")
    machine.run("systemctl", "daemon-reload")

    # What an operator did and did not save survives the crash that systemd heals.
    service.isthmus("create", "customer-gateway", "unsaved", "addresses=198.51.77.2", "asn=65101")
    os.kill(machine.outer(pid), signal.SIGKILL)
    wait_for(lambda: service.main_pid() not in (0, pid) and machine.property(UNIT, "ActiveState") == "active", 20,
             service.output)
    assert "unsaved" in service.isthmus("show", "customer-gateways").stdout
    estate.await_tunnels("dc1-1", "dc1-2", timeout=60)
    estate.office.host.await_ping(estate.cloud.host)
    assert machine.property(UNIT, "NRestarts") == "1", service.journal("-n", "120")
    machine.run("isthmus", "save")
    assert "unsaved" in machine.run("cat", "/etc/isthmus/isthmus.conf").stdout

    # A loop that no longer turns is noticed by its watchdog: here, because the process stands still.
    pid = service.main_pid()
    assert machine.property(UNIT, "WatchdogUSec") == "5s"
    os.kill(machine.outer(pid), signal.SIGSTOP)
    wait_for(lambda: service.main_pid() not in (0, pid) and machine.property(UNIT, "ActiveState") == "active", 60,
             service.output)
    assert "watchdog" in service.journal("-n", "200").lower()

    machine.run("systemctl", "stop", UNIT)
    assert machine.property(UNIT, "Result") == "success"
    assert not machine.run("pgrep", "-x", "bird", check=False).stdout
    machine.run("dpkg", "--purge", "isthmus")
    assert not os.path.exists(machine.path("etc/isthmus")) and not os.path.exists(machine.path("var/lib/isthmus"))
