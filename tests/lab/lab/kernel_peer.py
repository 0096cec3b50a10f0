"""A Linux kernel with its own ESP as the customer's gateway: User-Mode Linux with strongSwan inside.

Native ESP (protocol 50), extended sequence numbers, a VTI: what the lab's own kernel does not have. Its
root is ours, read-only; it takes commands as files in a folder that both see.
"""

import os
import signal

from .process import Process
from .wait import wait_for

MODULES = ("xfrm_user esp4 ip_vti ctr gcm cbc authenc authencesn echainiv seqiv hmac ghash_generic drbg "
           "sha512_generic sha256_generic aes_generic")

INIT = """#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
# Not busybox's: until then /proc is the host's, where busybox would not find itself.
/bin/mount -t proc proc /proc
busybox mount -t sysfs sys /sys
for d in /run /tmp; do busybox mount -t tmpfs tmpfs $d; done
mkdir -p /tmp/peer /run/mod/lib
busybox mount -t hostfs -o {folder} none /tmp/peer
ln -s /usr/lib/uml/modules /run/mod/lib/modules
/sbin/modprobe -d /run/mod -a {modules}
echo >/proc/sys/kernel/modprobe
cd /tmp/peer
n=1
while :; do
    if [ -e $n.go ]; then
        /bin/sh ./$n.sh >$n.tmp 2>&1
        echo "exit $?" >>$n.tmp
        busybox mv $n.tmp $n.out
        n=$((n + 1))
    else
        busybox usleep 20000
    fi
done
"""

STRONGSWAN = """
charon-systemd {
  load = random nonce openssl aes sha1 sha2 hmac kdf gcm curve25519 pem pkcs1 kernel-netlink socket-default vici
  threads = 16
  install_routes = no
  plugins { vici { socket = unix:///run/vici.sock } }
  filelog { all { path = /tmp/peer/charon.log  default = 1  flush_line = yes } }
}
swanctl {
  load = pem pkcs1 openssl random
  socket = unix:///run/vici.sock
}
"""

SETUP = """
ip link set lo up
ip addr add {inner_host}/32 dev lo
ip addr add {address}/24 dev vec0
ip link set vec0 up
ip route add default via {router}
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip link add vti1 type vti local {address} remote {remote} key 42
sysctl -qw net.ipv4.conf.vti1.disable_policy=1 net.ipv4.conf.vti1.rp_filter=0
ip addr add 169.254.1.1/30 dev vti1
ip link set vti1 mtu 1400 up
ip route add 10.0.0.0/8 dev vti1 src {inner_host}
STRONGSWAN_CONF=/tmp/peer/strongswan.conf setsid charon-systemd >/tmp/peer/charon.out 2>&1 &
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    STRONGSWAN_CONF=/tmp/peer/strongswan.conf swanctl --stats >/dev/null 2>&1 && break
    busybox usleep 200000
done
"""

CONNECTION = """
connections {{
  gw {{
    version = {version}
    local_addrs = {address}
    remote_addrs = {remote}
    proposals = {proposals}
    rekey_time = {ike_rekey}s
    over_time = 20s
    rand_time = 3s
    keyingtries = 0
    mobike = no
    local {{ auth = psk }}
    remote {{ auth = psk }}
    children {{
      net {{
        local_ts = 0.0.0.0/0
        remote_ts = 0.0.0.0/0
        esp_proposals = {esp_proposals}
        rekey_time = {child_rekey}s
        life_time = {child_rekey}0s
        rand_time = 1s
        mark_in = 42
        mark_out = 42
      }}
    }}
  }}
}}
secrets {{ ike-gw {{ secret = "{psk}" }} }}
"""


class KernelPeer:
    """Takes the place of a data centre's strongSwan; its host is the kernel's own address inner_host."""

    def __init__(self, idc, folder, remote, inner_host="192.168.1.2"):
        self.folder = folder
        self.address, self.router, self.remote, self.inner_host = idc.address, f"{idc.net}.254", remote, inner_host
        self.commands = 0
        os.makedirs(folder)
        # The link is the guest's alone.
        idc.ns.ip("addr flush dev wan")
        idc.ns.ip("link set wan promisc on")
        self.write("init", INIT.format(folder=folder, modules=MODULES))
        os.chmod(os.path.join(folder, "init"), 0o755)
        self.write("strongswan.conf", STRONGSWAN)
        self.process = Process(idc.ns.inside([
            "linux.uml", "mem=192M", "umid=peer", f"uml_dir={folder}/uml", "rootfstype=hostfs", "rootflags=/", "ro",
            f"init={folder}/init", "con=null", "con0=null,fd:1", "con1=null,fd:1", "ssl=null", "pty.legacy_count=0",
            "vec0:transport=raw,ifname=wan,depth=128"]), os.path.join(folder, "uml.log"),
            env={"TMPDIR": folder})

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)

    def run(self, script, timeout=30):
        """Runs a shell script inside; its output."""
        self.commands += 1
        out = os.path.join(self.folder, f"{self.commands}.out")
        self.write(f"{self.commands}.sh", script)
        self.write(f"{self.commands}.go", "")
        wait_for(lambda: os.path.exists(out), timeout, lambda: f"the kernel peer:\n{self.process.output()[-3000:]}")
        with open(out) as f:
            return f.read()

    def start(self, psk, proposals="aes128-sha256-ecp256", esp_proposals="aes128gcm16", ike_rekey=14400,
              child_rekey=3600, version=2):
        self.run(SETUP.format(**vars(self)), timeout=60)
        self.write("swanctl.conf", CONNECTION.format(**vars(self), psk=psk, proposals=proposals,
                                                     esp_proposals=esp_proposals, ike_rekey=ike_rekey,
                                                     child_rekey=child_rekey, version=version))
        text = self.swanctl("--load-all --file /tmp/peer/swanctl.conf")
        assert "exit 0" in text, text
        return self

    def swanctl(self, words):
        return self.run(f"STRONGSWAN_CONF=/tmp/peer/strongswan.conf swanctl {words}")

    def stop(self):
        """Its helpers are processes of their own, in its group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.popen.wait()
