"""The routing shards of an isthmusd: namespaces without a name, where its inner addresses live."""

import contextlib
import os

from .network import command


class Shard:
    """As a Namespace, for what runs there for a moment."""

    def __init__(self, pid, fd, inode):
        self.name = f"shard-{inode}"
        self.inode = inode
        self.path = f"/proc/{pid}/fd/{fd}"

    def inside(self, argv):
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, argv, **how):
        return command(self.inside(argv), **how)

    @property
    def addresses(self):
        lines = self.run(["ip", "-o", "addr", "show", "dev", "isthmus0"]).stdout.splitlines()
        return {line.split()[3] for line in lines}


def inode_of(path):
    """Of a network namespace that this link leads to; None: it leads elsewhere, or is gone."""
    with contextlib.suppress(OSError):
        target = os.readlink(path)
        if target.startswith("net:["):
            return int(target[5:-1])


def shards_of(pid):
    """Of the process, each once."""
    own = inode_of(f"/proc/{pid}/ns/net")
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        inode = inode_of(f"/proc/{pid}/fd/{fd}")
        if inode and inode != own:
            found.setdefault(inode, Shard(pid, fd, inode))
    return list(found.values())


def shard_with(pid, address):
    """The one shard that has this address."""
    having = [s for s in shards_of(pid) if any(a.split("/")[0] == address for a in s.addresses)]
    assert len(having) == 1, f"{address} is in {len(having)} shards"
    return having[0]


def users_of(inodes):
    """Who on this machine still holds one of these network namespaces."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            links = [f"/proc/{pid}/ns/net"] + [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
            found += [link for link in links if inode_of(link) in inodes]
    return found
