"""Several operators at once, and isthmusd at a terminal."""

import json
import os
import socket
import subprocess
import threading

import pytest

from lab.network import command
from test_terminal import PROMPT, Terminal

pytestmark = pytest.mark.xdist_group("shell")


def test_nobody_is_harmed_by_others(up_site):
    """One stalls, one talks garbage, one leaves in the middle, two change a tunnel, one reads JSON: always whole."""
    gateway, path = up_site.gateway, str(up_site.gateway.socket)
    program = [gateway.program("isthmus"), "--socket", path]
    stalled, garbage, gone = (socket.socket(socket.AF_UNIX) for _ in range(3))
    for s in (stalled, garbage, gone):
        s.connect(path)
    for _ in range(300):
        try:
            stalled.send(b"show sas --json\nhelp\nshow routes\n", socket.MSG_DONTWAIT)
        except BlockingIOError:
            break
    stalled.send(b"", 0)
    garbage.send(os.urandom(800).replace(b"\n", b"?") + b"\n\x00\xff{}\n" + b"x" * 5000)
    monitor = subprocess.Popen([*program, "--json", "monitor"], stdout=subprocess.PIPE, text=True)
    faults = []

    def change(words):
        for word in words * 5:
            done = command([*program, "tunnel", up_site.TUNNEL, word], check=False)
            if done.returncode not in (0, 1):
                faults.append(done.stderr)

    threads = [threading.Thread(target=change, args=(words,)) for words in (["disable", "enable"], ["rekey", "enable"])]
    for thread in threads:
        thread.start()
    gone.send(b"show tunnels\nmonitor\n")
    gone.close()
    for _ in range(20):
        for what in ("tunnels", "sas", "drops"):
            assert json.loads(command([*program, "--json", "show", what]).stdout)
    for thread in threads:
        thread.join()
    assert not faults
    gateway.isthmus("tunnel", up_site.TUNNEL, "enable")
    up_site.await_up()
    monitor.terminate()
    events = [json.loads(line) for line in monitor.communicate()[0].splitlines()]
    assert {"tunnel-up", "tunnel-down"} <= {event["event"] for event in events}
    assert len(gateway.isthmus("help").stdout) > 1000
    stalled.close()
    garbage.close()


def test_isthmusd_at_a_terminal(lab):
    from lab.topology import Site
    site = Site(lab)
    argv = site.gateway.ns.inside([site.gateway.program("isthmusd"), site.gateway.file])
    t = Terminal(argv, ISTHMUS_HISTORY="", ASAN_OPTIONS="detect_leaks=0")
    t.until("running: 1 tunnels")
    assert "tunnels UP" in t.ask("show version")
    t.type("monitor\r")
    t.until("monitor\n")
    t.type("\x03")
    t.until(PROMPT)
    t.type("show ver")
    site.gateway.isthmus("tunnel", "dc1-1", "disable")
    t.until("dc1-1")
    t.until(PROMPT + "show ver")
    t.type("\r")
    t.until("running for")
    t.until(PROMPT)
    t.type("\x04")
    t.until("the gateway goes on")
    assert site.gateway.isthmus("show", "version").returncode == 0
    t.type("\x03")
    t.until("stopped")
    assert t.end() == 0
