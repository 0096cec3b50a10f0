"""isthmusd, and what its operator sees of it."""

import json
import os
import re
import signal

from . import libconfig
from .network import command
from .process import Process
from .wait import wait_for

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))

SANITIZER_REPORT = re.compile(r"^.*(?:runtime error: |ERROR: \w+Sanitizer|WARNING: \w+Sanitizer).*$", re.M)
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "LSAN_OPTIONS": f"suppressions={TOP}/tests/lab/lsan.supp:print_suppressions=0",
}


def build_folder():
    """Where the programs under test are; ISTHMUS_BUILD says otherwise."""
    return os.path.join(TOP, os.environ.get("ISTHMUS_BUILD", "build/test-san"))


class Gateway:
    """One isthmusd in its namespace with its configuration file."""

    def __init__(self, ns, folder, config, build=None, outlive=False):
        """config: the file as Python values (see libconfig.py), without the control socket."""
        self.ns = ns
        self.folder = folder
        self.build = os.path.join(TOP, build) if build else build_folder()
        self.outlive = outlive
        self.process = None
        self.wrap, self.env = [], {}  # what isthmusd is run by, and its environment beside ours
        os.makedirs(folder, exist_ok=True)
        self.socket = os.path.join(folder, "control.sock")
        self.file = os.path.join(folder, "isthmus.conf")
        self.log = os.path.join(folder, "isthmusd.log")
        self.config = {"control_socket": self.socket, **config}
        self.write()

    def write(self):
        """The file anew from self.config."""
        write_private(self.file, libconfig.dumps(self.config))

    def program(self, name):
        return os.path.join(self.build, "gateway", name)

    def start(self):
        self.process = Process(self.ns.inside([*self.wrap, self.program("isthmusd"), self.file]), self.log,
                               env={**SANITIZER_ENV, **self.env}, outlive=self.outlive)

        def answers():
            if not self.process.running:
                process, self.process = self.process, None
                raise RuntimeError(f"isthmusd ended with {process.popen.returncode}:\n{process.output()}")
            return os.path.exists(self.socket) and self.isthmus("show", "workers", check=False).returncode == 0
        wait_for(answers, 30, lambda: f"isthmusd's control socket; it said:\n{self.output()}")
        return self

    def isthmus(self, *words, check=True, json=False):
        argv = [self.program("isthmus"), "--socket", self.socket] + (["--json"] if json else []) + list(words)
        return command(argv, check=check)

    def reload(self):
        """The running gateway takes self.config."""
        self.write()
        self.isthmus("reload")

    def show(self, *words):
        return json.loads(self.isthmus("show", *words, json=True).stdout)

    def tunnel(self, name):
        return self.show("tunnel", name)

    def await_tunnel(self, name, state, timeout=10, reason=""):
        """Until the tunnel is in that state, and its reason or the text to it contains these words."""
        seen = {}

        def probe():
            seen.clear()
            seen.update(self.tunnel(name))
            why = f"{seen['reason']} {seen['text']}".lower()
            return seen["state"] == state and reason in why
        wait_for(probe, timeout, lambda: f"tunnel {name} {state} '{reason}', last seen {seen}\n{self.output()[-6000:]}")
        return seen

    def await_sa(self, name, wanted, timeout=5):
        """Until one of the tunnel's ESP SAs is as wanted."""
        return wait_for(lambda: [sa for sa in self.tunnel(name)["sas"] if wanted(sa)], timeout,
                        lambda: f"an SA of tunnel {name}, which has {self.tunnel(name)['sas']}")

    def output(self):
        return self.process.output() if self.process else ""

    def stop(self):
        """Ends it as an operator would; it must end well, and no sanitizer may have complained."""
        if self.process:
            process, self.process = self.process, None
            status = process.stop(signal.SIGTERM, timeout=20)
            self.judge(process)
            assert status == 0, f"isthmusd ended with {status}:\n{process.output()[-6000:]}"

    def kill(self):
        process, self.process = self.process, None
        process.kill()
        self.judge(process)

    @staticmethod
    def judge(process):
        report = SANITIZER_REPORT.search(process.output())
        assert not report, process.output()[report.start():][:6000]


def write_private(path, text):
    """A file that only its owner may read: it holds keys."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)
