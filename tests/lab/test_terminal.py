"""The shell at a terminal: line editing, completion, history, pages, Ctrl-C, a gateway that comes and goes."""

import os
import pty
import re
import select
import signal
import socket
import termios
import time

import pytest

pytestmark = pytest.mark.xdist_group("shell")

PROMPT = "isthmus> "
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z=>]|\x1b[=>ME]")


class Terminal:
    """A program at a terminal of its own; what it shows is read without escapes."""

    def __init__(self, argv, rows=50, **env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], [str(a) for a in argv], {**os.environ, "TERM": "xterm", "PAGER": "cat", **env})
        termios.tcsetwinsize(self.fd, (rows, 200))
        self.raw = self.all = ""

    def until(self, text, seconds=20):
        """What was shown, up to and with the text."""
        deadline = time.monotonic() + seconds
        while True:
            plain = ESCAPES.sub("", self.raw).replace("\r", "")
            at = plain.find(text)
            if at >= 0:
                self.raw = plain[at + len(text):]
                return plain[:at + len(text)]
            assert time.monotonic() < deadline, f"no {text!r} in {plain!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    some = os.read(self.fd, 65536).decode(errors="replace")
                    self.raw += some
                    self.all += some
                except OSError:
                    raise AssertionError(f"ended without {text!r}: {plain!r}") from None

    def type(self, text):
        os.write(self.fd, text.encode())

    def ask(self, line):
        """The answer to a line, without prompts."""
        self.type(line + "\r")
        self.until(line + "\n")
        return self.until(PROMPT)[:-len(PROMPT)]

    def end(self):
        """Its exit status; a second call does nothing."""
        if self.pid:
            status, self.pid = os.waitpid(self.pid, 0)[1], None
            os.close(self.fd)
            return os.waitstatus_to_exitcode(status)
        return None

    def leave(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        self.end()


@pytest.fixture
def terminal(up_site, tmp_path):
    made = []

    def make(*words, **env):
        gateway = up_site.gateway
        t = Terminal([gateway.program("isthmus"), "--socket", gateway.socket, *words],
                     ISTHMUS_HISTORY=str(tmp_path / "history"), **env)
        made.append(t)
        t.until(PROMPT)
        return t

    yield make
    for t in made:
        t.leave()


def test_completion_and_abbreviations(terminal, up_site):
    t = terminal()
    t.type("sh tunnel \t")
    t.until(f"sh tunnel {up_site.TUNNEL} ")
    t.type("?")
    shown = t.until(PROMPT)
    assert "log " in shown and "<enter>" in shown
    t.type("\x03")
    t.until(PROMPT)
    assert "running for" in t.ask("sh ver")
    assert "ambiguous" in t.ask("sh v")
    t.type("?")
    assert "every tunnel" not in t.until(PROMPT)
    assert "every tunnel's state" in t.ask("help show")


def test_history_is_kept_without_secrets(terminal, tmp_path):
    t = terminal()
    t.ask("show version")
    t.ask("set tunnel x psk Abcdefg1!")
    t.type("exit\r")
    assert t.end() == 0
    kept = tmp_path / "history"
    assert kept.read_text() == "show version\nexit\n" and kept.stat().st_mode & 0o777 == 0o600
    t = terminal()
    t.type("\x1b[A\x1b[A")
    t.until("show version")


def test_control_c_ends_the_command_and_not_the_shell(terminal):
    t = terminal()
    t.type("watch 1 show version\r")
    t.until("every 1 s: show version")
    t.until("every 1 s: show version")
    t.type("\x03")
    t.until(PROMPT)
    t.type("monitor\r")
    t.until("monitor\n")
    t.type("\x03")
    t.until(PROMPT)
    assert "running for" in t.ask("show version")


def test_colours_only_if_wanted(terminal):
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        t = terminal(**env)
        t.ask("show tunnels")
        assert ("\x1b[32mUP\x1b[0m" in t.all) == coloured


def request(peer):
    """One line, which may come in pieces."""
    with peer.makefile() as lines:
        return lines.readline()


def test_a_gateway_that_stalls_or_goes_is_named(terminal, tmp_path):
    """Played by the test: it says half a frame, then nothing, then it is gone and comes back."""
    path = str(tmp_path / "own.sock")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        t = terminal("--socket", path)
        peer, _ = door.accept()
        t.type("show tunnels\r")
        assert request(peer).endswith("show tunnels\n")
        peer.send(b"ok 100\nhalf")
        t.type("\x03")
        t.until("^C\n" + PROMPT)
        peer.close()
        t.type("show version\r")
        peer, _ = door.accept()
        assert request(peer).endswith("show version\n")
        peer.close()
        t.until("went away before it answered\n")
        t.until(PROMPT)
        t.type("show version\r")
        peer, _ = door.accept()
        t.until("connected again")
        request(peer)
        peer.send(b"ok 5\nhere\n")
        t.until("here\n" + PROMPT)
        peer.close()
        t.until("the gateway went away\n")
    os.unlink(path)
    t.type("show version\r")
    t.until(f"no gateway on {path}: ")


def test_pages(terminal, tmp_path):
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\nsed 's/^/paged: /'\n")
    pager.chmod(0o755)
    t = terminal(PAGER=str(pager))
    termios.tcsetwinsize(t.fd, (10, 200))
    assert "paged: " in t.ask("help")
    assert "paged: " not in t.ask("show version")
