"""The Debian package: what is in it, and its programs at work as its unit runs them, without root."""

import grp
import os
import re
import signal
import socket

import pytest

from lab.gateway import TOP
from lab.network import command
from lab.office import Estate
from lab.wait import wait_for
# One process makes the package, and once: two cannot use a build folder at the same time.
pytestmark = pytest.mark.xdist_group("package")

NOBODY = 65534
# What the rest of a system could be harmed by.
TOO_MUCH = {"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_PTRACE", "CAP_SYS_BOOT",
            "CAP_MAC_ADMIN", "CAP_SETPCAP"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A file system with nothing but the package, as dpkg unpacks it."""
    build = os.path.join(TOP, "build/release")
    assert os.path.exists(os.path.join(build, "gateway/isthmusd")), "build/release is not built: run scripts/test lab"
    deb = os.path.join(TOP, command([f"{TOP}/scripts/package", "build/release"], timeout=120).stdout.strip())
    folder = tmp_path_factory.mktemp("package")
    for f in (folder, folder.parent, folder.parent.parent):
        os.chmod(f, 0o755)
    os.makedirs(folder / "var/lib/dpkg/info")
    os.makedirs(folder / "var/lib/dpkg/updates")
    (folder / "var/lib/dpkg/status").touch()
    command(["dpkg", f"--root={folder}", "--force-depends", "--unpack", deb])
    assert "Package: isthmus" in (folder / "var/lib/dpkg/status").read_text()
    return folder


def unit(root):
    """The unit's settings of isthmusd itself."""
    text = (root / "usr/lib/systemd/system/isthmusd.service").read_text()
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.M))


def test_files(root):
    names = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert {"usr/sbin/isthmusd", "usr/bin/isthmus", "usr/share/bash-completion/completions/isthmus",
            "usr/share/isthmus/prometheus/alerts.yml", "usr/share/isthmus/prometheus/dashboard.json",
            "usr/lib/sysusers.d/isthmus.conf", "usr/share/doc/isthmus/examples/reference.conf"} <= names
    # What the README refers to is there as well.
    readme = (root / "usr/share/doc/isthmus/README.md").read_text()
    for page in re.findall(r"\]\((conf/\w+\.md)\)", readme):
        assert f"usr/share/doc/isthmus/{page}" in names
    for p in root.rglob("*"):
        assert p.lstat().st_uid == 0 and not p.lstat().st_mode & 0o6002, p
    assert (root / "etc/isthmus").stat().st_mode & 0o777 == 0o750
    for example in ("example", "reference"):
        copy = root / f"{example}.conf"
        copy.write_bytes((root / f"usr/share/doc/isthmus/examples/{example}.conf").read_bytes())
        copy.chmod(0o600)
        assert ": ok: " in command([root / "usr/sbin/isthmusd", "--check", copy]).stdout


def test_manuals(root):
    pages = sorted(root.glob("usr/share/man/man?/*.gz"))
    assert [p.name for p in pages] == ["isthmus.1.gz", "isthmus.conf.5.gz", "isthmusd.8.gz"]
    rendered = {}
    for p in pages:
        done = command(["env", "MANWIDTH=120", "LC_ALL=C.UTF-8", "man", "--warnings", "-l", p])
        assert done.stderr == "" and len(done.stdout) > 1000, f"{p}: {done.stderr}"
        rendered[p.name] = done.stdout
    # Whatever can be configured is in the manual.
    with open(f"{TOP}/conf/reference.conf") as f:
        parameters = set(re.findall(r"^[\s{(#]*(\w+) = ", f.read(), re.M))
    missing = {p for p in parameters if not re.search(rf"\b{p}\b", rendered["isthmus.conf.5.gz"])}
    assert len(parameters) > 80 and not missing, missing
    for program, page in (("usr/sbin/isthmusd", "isthmusd.8.gz"), ("usr/bin/isthmus", "isthmus.1.gz")):
        options = set(re.findall(r"--[a-z-]+", command([root / program, "--help"]).stdout))
        assert options and not [o for o in options if o not in rendered[page]]


def test_unit(root):
    settings = unit(root)
    assert settings["User"] == "isthmus" and settings["CapabilityBoundingSet"] == settings["AmbientCapabilities"]
    assert not TOO_MUCH & set(settings["AmbientCapabilities"].split())
    # A copy that names programs which are there.
    text = (root / "usr/lib/systemd/system/isthmusd.service").read_text()
    copy = root / "isthmusd.service"
    copy.write_text(text.replace("/usr/sbin/", f"{root}/usr/sbin/").replace("/usr/bin/", f"{root}/usr/bin/"))
    done = command(["systemd-analyze", "verify", "--man=no", copy], check=False)
    complaints = [line for line in done.stderr.splitlines() if "isthmusd.service" in line]
    assert not complaints, complaints


def test_completion(root, lab):
    """Without a gateway nothing is offered but options, and nothing goes wrong."""
    done = command(["bash", "-c", f"source {root}/usr/share/bash-completion/completions/isthmus; "
                    f"PATH={root}/usr/bin:$PATH; COMP_WORDS=(isthmus -s {lab.path('none')} sh); COMP_CWORD=3; _isthmus; "
                    "echo \"${COMPREPLY[*]}\"; COMP_WORDS=(isthmus --j); COMP_CWORD=1; _isthmus; echo \"${COMPREPLY[*]}\""])
    assert done.stdout.split("\n")[:2] == ["", "--json"] and done.stderr == ""


class Manager:
    """What systemd is told."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o777)
        self.socket.settimeout(30)

    def await_word(self, word):
        while word not in self.socket.recv(4096).decode().splitlines():
            pass

    def stop(self):
        self.socket.close()


def capabilities(pid):
    """Of each thread, by its name."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            status = dict(re.findall(r"^(\w+):\s*(.*)$", f.read(), re.M))
        found.setdefault(status["Name"], []).append(int(status["CapEff"], 16) | int(status["CapPrm"], 16))
    return found


def test_as_its_unit_runs_it(root, lab):
    """User nobody with the unit's capabilities: two tunnels, BGP, a BIRD that is killed comes back."""
    settings = unit(root)
    manager = lab.own(Manager(lab.path("notify")))
    estate = Estate(lab)
    gateway = estate.gateway
    gateway.program = lambda name: str(root / ("usr/sbin" if name == "isthmusd" else "usr/bin") / name)
    words = ",".join("+" + c.removeprefix("CAP_").lower() for c in settings["AmbientCapabilities"].split())
    gateway.wrap = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", f"--groups={grp.getgrnam('bird').gr_gid}",
                    f"--inh-caps=-all,{words}", f"--ambient-caps=-all,{words}", f"--bounding-set=-all,{words}",
                    "--no-new-privs"]
    gateway.env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "900000", "XDG_RUNTIME_DIR": gateway.folder}
    for path in (gateway.folder, gateway.file):
        os.chown(path, NOBODY, NOBODY)
    estate.start()
    manager.await_word("READY=1")
    manager.await_word("WATCHDOG=1")

    done = command(["bash", "-c", f"source {root}/usr/share/bash-completion/completions/isthmus; PATH={root}/usr/bin:$PATH; "
                    f"COMP_WORDS=(isthmus -s {gateway.socket} show tunnel dc); COMP_CWORD=5; _isthmus; echo \"${{COMPREPLY[*]}}\""])
    assert done.stdout.split() == ["dc1-1", "dc1-2"], done

    pid = gateway.process.pid
    with open(f"/proc/{pid}/status") as f:
        assert re.search(rf"^Uid:\s+{NOBODY}\s+{NOBODY}\s+{NOBODY}", f.read(), re.M)
    held = capabilities(pid)
    powerless = [name for name, caps in held.items() if not any(caps)]
    assert [n for n in powerless if "worker" in n] and [n for n in powerless if "negotiator" in n], held
    shard = gateway.show("routing")["shards"][0]
    os.kill(shard["pid"], signal.SIGKILL)
    wait_for(lambda: gateway.show("routing")["shards"][0]["pid"] not in (0, shard["pid"]), 20, "another BIRD")
    wait_for(lambda: all(s["state"] == "Established" for s in gateway.show("bgp")["sessions"]), 30,
             lambda: gateway.isthmus("show", "bgp").stdout)
    estate.office.host.await_ping(estate.cloud.host)
    gateway.stop()
    manager.await_word("STOPPING=1")
