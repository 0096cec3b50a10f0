"""A Debian machine of its own, with systemd as its first process: what a package is installed on.

Its root is ours, below a layer that vanishes with it; processes, mounts, hostname, cgroups and /run are its own;
its network is the namespace that it is started in. No virtual machine is needed, and no dbus: systemctl as root
speaks to systemd directly.
"""

import os
import shutil
import signal
import subprocess

from .network import command
from .process import Process
from .wait import wait_for

# Where cgroup2 may be: alone, or beside version 1.
CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")

# What a real machine does at its start, and what this one has no device for or shares with us.
MASKED = ("getty@.service console-getty.service serial-getty@.service systemd-udevd.service systemd-udev-trigger.service "
          "systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-logind.service dbus.service dbus.socket "
          "systemd-networkd.service systemd-networkd.socket systemd-resolved.service systemd-timesyncd.service "
          "systemd-modules-load.service systemd-sysctl.service systemd-random-seed.service dev-hugepages.mount "
          "sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount")

BOOT = """
set -e
cd "$1"
mkdir layers root
mount -t tmpfs layers layers
mkdir layers/upper layers/work
mount -t overlay overlay -o lowerdir=/,upperdir=layers/upper,workdir=layers/work root
cd root
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for d in run tmp dev; do mount -t tmpfs -o mode=755 $d $d; done
chmod 1777 tmp
for n in null zero full random urandom tty; do
    touch dev/$n
    mount --bind /dev/$n dev/$n
done
mkdir dev/shm dev/pts dev/net
mount -t tmpfs shm dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
touch dev/net/tun
mount --bind /dev/net/tun dev/net/tun
rm -rf etc/systemd/system/*.wants etc/fstab var/log/journal etc/isthmus var/lib/isthmus
for unit in $2; do ln -sf /dev/null etc/systemd/system/$unit; done
mkdir above
pivot_root . above
umount -l /above
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb /lib/systemd/systemd systemd.unit=multi-user.target
"""


class Machine:
    def __init__(self, ns, folder):
        self.ns = ns
        self.folder = folder
        os.makedirs(folder)
        top = next(c for c in reversed(CGROUPS) if os.path.exists(f"{c}/cgroup.procs") and
                   os.path.exists(f"{c}/cgroup.controllers"))
        self.cgroup = os.path.join(top, os.path.basename(ns.name))
        self.process = self.pid = None

    def start(self):
        """Until its units are up."""
        os.mkdir(self.cgroup)
        with open(os.path.join(self.folder, "boot.sh"), "w") as f:
            f.write(BOOT)
        # In its cgroup before the namespace of cgroups begins, so that it sees that one as its root.
        self.process = Process(
            ["sh", "-c", "echo $$ >\"$1\"/cgroup.procs; shift; exec \"$@\"", "sh", self.cgroup, *self.ns.inside([
                "unshare", "--pid", "--fork", "--kill-child=KILL", "--mount", "--ipc", "--uts", "--cgroup",
                "sh", os.path.join(self.folder, "boot.sh"), self.folder, MASKED])],
            os.path.join(self.folder, "machine.log"))

        def first():
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
                children = f.read().split()
            if not children:
                return None
            with open(f"/proc/{children[0]}/comm") as f:
                return children[0] if f.read().strip() == "systemd" else None
        self.pid = wait_for(first, 20, lambda: f"systemd; it said:\n{self.process.output()}")
        wait_for(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"),
                 30, lambda: self.run("systemctl", "list-jobs", check=False).stdout)
        return self

    def path(self, *parts):
        """A file of the machine, as we see it."""
        return os.path.join(f"/proc/{self.pid}/root", *parts)

    def take(self, file):
        """A copy of a file of ours, which need not be below its root; its path there."""
        name = os.path.basename(file)
        shutil.copy(file, self.path("root", name))
        return f"/root/{name}"

    def inside(self, argv):
        return ["nsenter", "-t", self.pid, "-a", "--", *argv]

    def run(self, *argv, check=True, timeout=60):
        return command(self.inside(argv), check=check, timeout=timeout)

    def property(self, unit, name):
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def outer(self, pid):
        """The number by which we know a process of the machine's."""
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/status") as f:
                        numbers = next(line for line in f if line.startswith("NSpid:")).split()[1:]
                    same = os.readlink(f"/proc/{entry}/ns/pid") == os.readlink(f"/proc/{self.pid}/ns/pid")
                except (OSError, StopIteration):
                    continue
                if same and numbers[-1] == str(pid):
                    return int(entry)
        return None

    def stop(self):
        if self.process:
            self.process.kill()  # and with it the first process, and with that all others
            self.process = None
        if os.path.isdir(self.cgroup):
            wait_for(self.empty, 10, "the machine's processes to end")
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                os.rmdir(folder)

    def empty(self):
        with open(os.path.join(self.cgroup, "cgroup.events")) as f:
            return "populated 0" in f.read()
