"""Daemons of the lab: each known by its pid, its output kept in a file, ended in good order."""

import os
import signal
import subprocess

from .wait import wait_for


class Process:
    """A running program. `argv` must end up as this very process (exec, no fork)."""

    def __init__(self, argv, log, env=None, outlive=False):
        """Unless it may `outlive` us, the kernel ends it when we die, even by SIGKILL."""
        argv = [str(a) for a in argv]
        if not outlive:
            argv = ["setpriv", "--pdeathsig", "KILL", "--", *argv]
        self.name = os.path.basename(log).removesuffix(".log")
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})}, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    @property
    def running(self):
        return self.popen.poll() is None

    def output(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def await_output(self, text, timeout=10):
        def probe():
            if text in self.output():
                return True
            if not self.running:
                raise RuntimeError(f"{self.name} ended with {self.popen.returncode}:\n{self.output()}")
        wait_for(probe, timeout, lambda: f"'{text}' from {self.name}, which said:\n{self.output()}")

    def send(self, signum):
        if self.running:
            self.popen.send_signal(signum)

    def kill(self):
        """As a crash would end it."""
        self.send(signal.SIGKILL)
        self.popen.wait()

    def stop(self, signum=signal.SIGTERM, timeout=10):
        """Asks it to end, insists after the timeout; its exit status (negative: the signal)."""
        self.send(signum)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout} s of {signal.Signals(signum).name}")

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        """User and system time of all its threads."""
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
