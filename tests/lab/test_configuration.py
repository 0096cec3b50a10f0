"""A bad file: every mistake named with its line, nothing started."""

import os

from lab.gateway import write_private
from lab.network import command
from lab.gateway import build_folder

SIX_MISTAKES = """\
control_socket = "%s/control.sock";
workers = { lcores = [0]; idle_nap = true; hugepages = false; memory_mb = 256; };
ports = (
  { name = "wan"; device = "net_af_packet0,iface=wan"; addresses = ["203.0.1.1/24"]; next_hop = "203.0.1.254"; mtu = 99; },
  { name = "vpc"; device = "net_af_packet1,iface=vpc"; addresses = ["172.31.0.1/24"]; mtu = 1500; }
);
cloud_addresses = ["203.0.1.1"];
border_gateways = ( { name = "bgw"; asn = 65000;
  static_routes = (
    { prefix = "192.168.1.0/24"; next_hop = "nobody"; }
  ); } );
vpcs = ( { name = "vpc"; prefixes = ["10.1.0.0/16"]; } );
vpc_attachments = ( { vpc = "vpc"; border_gateway = "bgw"; propagate = "all"; port = "vpc";
  addresses = ["10.1.0.1/16"];
  vxlan = { vni = 16777216; local_vtep = "172.31.0.1"; remote_vtep = "172.31.0.2"; }; } );
customer_gateways = ( { name = "dc1"; addresses = ["198.51.1.2"]; asn = 65001; } );
vpn_connections = ( { name = "dc1"; border_gateway = "bgw"; customer_gateway = "dc1"; bgp = false;
  tunnels = (
    { name = "dc1-1"; cloud_ip = "203.0.1.1"; customer_ip = "198.51.1.2"; psk = "secret-secret";
      ike_cipher = "des";
      esp_lifetime = -5;
      colour = "blue"; }
  ); } );
"""
# line, words that the message must have
EXPECTED = [
    (4, "99"),
    (10, "nobody"),
    (15, "16777216"),
    (20, "des"),
    (21, "-5"),
    (22, "colour"),
]


def check(path, *words):
    return command([os.path.join(build_folder(), "gateway", "isthmusd"), *words, path], check=False)


def test_six_mistakes(tmp_path):
    path = tmp_path / "isthmus.conf"
    write_private(path, SIX_MISTAKES % tmp_path)
    for words in (["--check"], []):
        done = check(path, *words)
        assert done.returncode == 2, done.stderr
        errors = [line for line in (done.stdout + done.stderr).splitlines() if ": error: " in line]
        seen = [(int(line.removeprefix(f"{path}:").split(":")[0]), line) for line in errors]
        assert [n for n, _ in seen] == [n for n, _ in EXPECTED], "\n".join(errors)
        for (_, line), (_, word) in zip(seen, EXPECTED):
            assert word in line
        assert "secret-secret" not in done.stdout + done.stderr
        assert not (tmp_path / "control.sock").exists()


def test_a_file_that_others_can_read(tmp_path):
    path = tmp_path / "isthmus.conf"
    write_private(path, SIX_MISTAKES % tmp_path)
    os.chmod(path, 0o644)
    done = check(path, "--check")
    assert done.returncode == 2 and "isthmus.conf" in done.stderr


def test_no_file(tmp_path):
    done = check(tmp_path / "none.conf", "--check")
    assert done.returncode == 2 and "none.conf" in done.stderr
