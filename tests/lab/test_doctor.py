"""The doctor names what keeps a tunnel down, with or without a gateway; a support bundle has no secret."""

import json
import os
import tarfile

from lab.gateway import build_folder
from lab.network import command
from lab.topology import Site

PSK = "planted-psk-8c1f"
PPK = "planted-ppk-77aa"
PASSWORD = "planted-bgp-03be"


def test_doctor_and_bundle(lab):
    site = Site(lab, psk=PSK, ppk=PPK, ppk_id="ppk-1", bgp_password=PASSWORD)
    gateway = site.gateway
    with open(gateway.file, "a") as f:
        f.write(f'# psk = "{PSK}", as a comment\n')
    gateway.start()
    # Nobody is there.
    gateway.await_tunnel(site.TUNNEL, "DOWN", reason="no answer", timeout=30)
    text = gateway.isthmus("doctor").stdout
    assert f"BAD   tunnel {site.TUNNEL}" in text and f"is {site.idc.address} switched on and reachable" in text
    found = json.loads(gateway.isthmus("doctor", json=True).stdout)
    assert found["bad"] >= 1 and all(c["state"] in ("ok", "note", "bad") for c in found["checks"])
    assert any(c["check"] == "dataplane" and "IPsec-MB" in c["found"] for c in found["checks"])
    ports = [c for c in found["checks"] if c["check"] == "port wan"]
    assert ports and ports[0]["state"] == "note", ports

    bundle = lab.path("bundle.tar.gz")
    gateway.isthmus("support-bundle", bundle)
    assert os.stat(bundle).st_mode & 0o777 == 0o600
    with tarfile.open(bundle) as tar:
        names = {m.name.split("/", 1)[1]: tar.extractfile(m).read() for m in tar if m.isfile()}
    assert {"doctor.txt", "isthmus.conf", "show/tunnels.json", "system/proc/cpuinfo",
            f"tunnels/{site.TUNNEL}.json"} <= set(names), sorted(names)
    assert json.loads(names["show/tunnels.json"])["tunnels"][0]["name"] == site.TUNNEL
    assert b'name = "bgw"' in names["isthmus.conf"], names["isthmus.conf"]
    for secret in (PSK, PPK, PASSWORD):
        spelled = (secret.encode(), secret.encode().hex().encode())
        assert not [n for n, text in names.items() if any(s in text for s in spelled)], secret
    # It writes over nothing.
    again = gateway.isthmus("support-bundle", bundle, check=False)
    assert again.returncode == 1 and "exists" in again.stderr


def test_without_a_gateway(lab):
    site = Site(lab)
    program = os.path.join(build_folder(), "gateway", "isthmus")
    done = command(site.cloud.ns.inside([program, "--socket", lab.path("none"), "doctor", site.gateway.file]), check=False)
    assert "interface wan of the kernel's" in done.stdout and "configuration" in done.stdout, done.stdout + done.stderr
    bundle = lab.path("alone.tar.gz")
    command([program, "--socket", lab.path("none"), "support-bundle", bundle])
    with tarfile.open(bundle) as tar:
        assert any(m.name.endswith("/proc/meminfo") for m in tar)
