"""A lab owns everything that a test or the demo makes, and takes it all away again."""

import contextlib
import itertools
import os
import re
import select
import shutil
import signal
import threading

from .network import NETNS_FOLDER, Namespace, command

FOLDERS = "/tmp"  # short, because UNIX socket paths are limited to 107 bytes
_numbers = itertools.count(1)


class Lab:
    """`with Lab() as lab:` - what was made last goes first, also after a failure, SIGTERM or Ctrl-C.

    Names carry our pid, so that labs run beside each other; a lab whose owner was killed is swept
    by the next one.
    """

    def __init__(self, name=None):
        self.name = name or f"isthmus-{os.getpid()}-{next(_numbers)}"
        self.folder = os.path.join(FOLDERS, self.name)
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        if os.geteuid() != 0:
            raise PermissionError("a lab of network namespaces needs root")
        sweep()
        self.stack.callback(release_netns_folder)
        os.mkdir(self.folder, 0o755)
        self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        return self

    def __exit__(self, *failure):
        with undisturbed():
            return self.stack.__exit__(*failure)

    def keep(self):
        """Leaves everything as it is; whoever wants it gone calls sweep(name)."""
        self.stack.pop_all()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def namespace(self, role):
        ns = Namespace(f"{self.name}-{role}")
        self.stack.callback(ns.remove)
        return ns

    def own(self, thing):
        """thing.stop() is called at the end."""
        self.stack.callback(thing.stop)
        return thing


@contextlib.contextmanager
def undisturbed():
    """No signal interrupts what is inside."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def exit_on_signals():
    """SIGTERM and SIGHUP unwind like Ctrl-C does, so that labs are taken away. A shell starts its background jobs with
    Ctrl-C's signal ignored, and programs inherit that: those of a lab have it as a terminal's have."""
    def leave(signum, frame):
        raise SystemExit(128 + signum)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def sweep(name=None):
    """Removes the lab of that name, or all whose owner is dead: processes, namespaces, folders."""
    if name:
        def doomed(entry):
            return entry == name or entry.startswith(name + "-")
    else:
        def doomed(entry):
            owner = re.match(r"isthmus-(\d+)-", entry)
            return owner and not os.path.exists(f"/proc/{owner[1]}")
    spaces = [e for e in list_folder(NETNS_FOLDER) if doomed(e)]
    for space in spaces:
        for pid in command(["ip", "netns", "pids", space], check=False).stdout.split():
            end(int(pid))
        command(["ip", "netns", "del", space], check=False)
    folders = [e for e in list_folder(FOLDERS) if e.startswith("isthmus-") and doomed(e)]
    for folder in folders:
        shutil.rmtree(os.path.join(FOLDERS, folder), ignore_errors=True)
    release_netns_folder()
    return spaces + folders


def end(pid, timeout=5):
    """SIGTERM, then SIGKILL, to a process that is not our child."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGTERM)
            if not select.select([handle], [], [], timeout)[0]:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                select.select([handle], [], [], timeout)
        finally:
            os.close(handle)


def list_folder(path):
    return os.listdir(path) if os.path.isdir(path) else []


def release_netns_folder():
    """`ip netns add` mounts this folder the first time; an empty one goes again."""
    if os.path.isdir(NETNS_FOLDER) and not os.listdir(NETNS_FOLDER):
        command(["umount", NETNS_FOLDER], check=False)
        with contextlib.suppress(OSError):
            os.rmdir(NETNS_FOLDER)
