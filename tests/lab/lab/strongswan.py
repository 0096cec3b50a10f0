"""strongSwan with its userspace ESP (kernel-libipsec), one per namespace, without systemd.

Everything of an instance lies in its own folder. Its ESP is always UDP-encapsulated: kernel-libipsec
reports a NAT to the peer whether there is one or not. One tunnel with 0/0 selectors per instance.
"""

import os
import re

from .network import command
from .process import Process
from .wait import wait_for

DAEMON = """
charon-systemd {{
  # openssl stands before gcm, whose own AES-GCM is many times slower.
  load = random nonce openssl aesni aes sha1 sha2 md5 hmac kdf gcm ctr cmac xcbc chapoly curve25519 gmp \
pem x509 pubkey pkcs1 pkcs8 kernel-libipsec kernel-netlink socket-default vici updown
  threads = 16
  install_routes = no
  routing_table = 220
  routing_table_prio = 60000
  retransmit_timeout = {retransmit_timeout}
  retransmit_tries = {retransmit_tries}
  retry_initiate_interval = 2
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  plugins {{
    vici {{ socket = unix://{folder}/vici.sock }}
    kernel-libipsec {{ allow_peer_ts = yes }}
  }}
  filelog {{
    all {{
      path = {folder}/charon.log
      default = 1
      ike = 2
      cfg = 2
      flush_line = yes
      time_format = %T
    }}
  }}
}}
swanctl {{
  load = pem pkcs1 x509 pubkey openssl random
  socket = unix://{folder}/vici.sock
}}
"""


class Strongswan:
    """One charon, with one connection "gw" and its child "net"."""

    TUN = "ipsec0"

    def __init__(self, ns, folder, inner=None, routes=(), outlive=False, retransmit_timeout=1, retransmit_tries=3):
        """inner: the TUN's own address and length; routes: the prefixes that lie behind the tunnel."""
        self.ns = ns
        self.folder = folder
        self.inner = inner
        self.routes = list(routes)
        self.outlive = outlive
        self.process = None
        os.makedirs(folder, exist_ok=True)
        self.conf = os.path.join(folder, "strongswan.conf")
        with open(self.conf, "w") as f:
            f.write(DAEMON.format(folder=folder, retransmit_timeout=retransmit_timeout,
                                  retransmit_tries=retransmit_tries))

    def configure(self, line):
        """One more line for the daemon's own section, before it is started."""
        with open(self.conf) as f:
            text = f.read()
        with open(self.conf, "w") as f:
            f.write(text.replace("  threads = 16\n", f"  threads = 16\n  {line}\n"))

    def start(self):
        vici = os.path.join(self.folder, "vici.sock")
        if os.path.exists(vici):
            os.unlink(vici)  # left by a charon that was killed
        self.process = Process(self.ns.inside(["env", f"STRONGSWAN_CONF={self.conf}", "charon-systemd"]),
                               os.path.join(self.folder, "charon.out.log"), outlive=self.outlive)
        wait_for(lambda: os.path.exists(vici) and self.swanctl("--stats", check=False).returncode == 0, 10,
                 lambda: f"charon's vici socket:\n{self.process.output()}{self.log()}")
        # Its catch-all rule would send its own ESP into the tunnel.
        self.ns.run(["ip", "rule", "del", "prio", "60000"], check=False)
        if self.inner:
            self.ns.ip(f"addr add {self.inner} dev {self.TUN}")
        for prefix in self.routes:
            self.ns.ip(f"route add {prefix} dev {self.TUN}")
        return self

    def load(self, local, remote, psk, proposals="aes128-sha256-ecp256", esp_proposals="aes128-sha256",
             local_id=None, remote_id=None, start="none", rekey_time=14400, child_rekey_time=3600, dpd_delay="10s",
             local_ts="0.0.0.0/0", remote_ts="0.0.0.0/0", second=None, connection="", secrets="", version=2,
             aggressive=False, child_lines=""):
        """Loads the connection, replacing an earlier one. start: none, trap or start (and restart).

        Times are seconds. strongSwan's own margin between rekey and end is a tenth, which is nothing
        when rekeys are seconds apart: the end would come first. second: local and remote selectors of
        another child. connection, secrets, child_lines: further lines for these sections.
        """
        def child(name, local_ts, remote_ts):
            return f"""
      {name} {{
        local_ts = {local_ts}
        remote_ts = {remote_ts}
        esp_proposals = {esp_proposals}
        rekey_time = {child_rekey_time}s
        life_time = {child_rekey_time + child_rekey_time // 10 + 10}s
        rand_time = {child_rekey_time // 10}s
        {child_lines}
        start_action = {start}
        close_action = {again}
        dpd_action = {"clear" if start == "none" else "restart"}
      }}"""

        again = "none" if start == "none" else "start"
        text = f"""
connections {{
  gw {{
    version = {version}
    aggressive = {"yes" if aggressive else "no"}
    local_addrs = {local}
    remote_addrs = {remote}
    proposals = {proposals}
    rekey_time = {rekey_time}s
    over_time = {rekey_time // 10 + 10}s
    rand_time = {rekey_time // 10}s
    dpd_delay = {dpd_delay}
    keyingtries = 0
    mobike = no
    {connection}
    local {{
      auth = psk
      id = {local_id or local}
    }}
    remote {{
      auth = psk
      id = {remote_id or remote}
    }}
    children {{{child("net", local_ts, remote_ts)}{child("second", *second) if second else ""}
    }}
  }}
}}
secrets {{
  ike-gw {{
    id = {remote_id or remote}
    secret = "{psk}"
  }}
  {secrets}
}}
"""
        path = os.path.join(self.folder, "swanctl.conf")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
        self.swanctl("--load-all", "--clear", "--file", path)

    def swanctl(self, *words, check=True, timeout=30):
        env = ["env", f"STRONGSWAN_CONF={self.conf}"]
        return command([*env, "swanctl", *words, "--uri", f"unix://{self.folder}/vici.sock"],
                       check=check, timeout=timeout)

    def initiate(self, timeout=8):
        """Starts the child, unless charon's own start_action was faster."""
        done = self.swanctl("--initiate", "--child", "net", "--timeout", timeout, check=False, timeout=timeout + 10)
        if done.returncode != 0 and "existing duplicate" not in done.stdout:
            raise RuntimeError(f"swanctl --initiate: exit {done.returncode}\n{done.stdout}{done.stderr}")

    def terminate(self):
        return self.swanctl("--terminate", "--ike", "gw", "--timeout", 5)

    def forget(self):
        """All SAs go, those under way as well, whatever the peer says."""
        self.swanctl("--terminate", "--ike", "gw", "--force", "--timeout", 2, check=False)
        wait_for(lambda: not [sa for sa in self.sas() if sa["state"] == "ESTABLISHED"], 10,
                 "strongSwan to lose its SAs")

    def rekey_child(self):
        return self.swanctl("--rekey", "--child", "net")

    def rekey_ike(self):
        return self.swanctl("--rekey", "--ike", "gw")

    def sas(self):
        """IKE SAs as dicts; "child-sas" maps names to dicts."""
        text = self.swanctl("--list-sas", "--raw", check=False).stdout
        return [sa for line in text.splitlines() if line.startswith("list-sa event ")
                for sa in parse_raw(line.removeprefix("list-sa event ")).values()]

    def children(self, state="INSTALLED"):
        return [child for sa in self.sas() for child in sa.get("child-sas", {}).values() if child["state"] == state]

    def await_up(self, timeout=10):
        return wait_for(self.children, timeout, lambda: f"strongSwan's child SA:\n{self.log()[-4000:]}")

    def log(self):
        path = os.path.join(self.folder, "charon.log")
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as f:
            return f.read()

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def kill(self):
        self.process.kill()
        self.process = None


def parse_raw(text):
    """swanctl's raw form: `{a=1 b {c=2} d=[x y]}` as nested dicts of strings and lists."""
    tokens = re.findall(r"[{}\[\]]|[^\s{}\[\]=]+=\[|[^\s{}\[\]=]+=[^\s{}\[\]]*|[^\s{}\[\]]+", text)
    at = 0

    def group():
        nonlocal at
        out = {}
        while at < len(tokens) and tokens[at] != "}":
            token = tokens[at]
            at += 1
            if token.endswith("=["):
                items = []
                while tokens[at] != "]":
                    items.append(tokens[at])
                    at += 1
                at += 1
                out[token[:-2]] = items
            elif "=" in token:
                name, _, v = token.partition("=")
                out[name] = v
            else:
                assert tokens[at] == "{", f"no group after {token}"
                at += 1
                out[token] = group()
                at += 1
        return out

    assert tokens[at] == "{"
    at += 1
    return group()
