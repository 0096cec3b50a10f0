"""Keys for debugging: with them tshark reads what crossed the wire, without them it does not."""

import os
import stat

import pytest

from lab.capture import Capture
from lab.network import command
from lab.topology import Pair, Site

# And how Wireshark finds an identity and the offer of a pair in what was encrypted.
CASES = {
    "cbc": ({"ike_cipher": "aes256", "ike_auth": "sha384", "esp_cipher": "aes256", "esp_auth": "sha512"}, 35, 36),
    "gcm": ({"ike_cipher": "aes128gcm", "esp_cipher": "aes256gcm"}, 35, 36),
    "v1": ({"ike_version": "v1", "ike_cipher": "aes256", "ike_auth": "sha384", "esp_cipher": "aes128gcm"}, 2, 32),
    "v1-3des": ({"ike_version": "v1", "ike_cipher": "3des", "ike_auth": "sha1", "esp_cipher": "aes128"}, 2, 32),
}


def read(lab, pcap, expression):
    """tshark's lines of these packets, with the lab's folder as its configuration's home."""
    return command(["env", f"XDG_CONFIG_HOME={lab.folder}", f"HOME={lab.folder}", "tshark", "-r", pcap, "-n",
                    "-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE",
                    "-Y", expression]).stdout.splitlines()


@pytest.mark.parametrize("name", CASES)
def test_tshark_reads_a_capture(lab, name):
    algorithms, authentication, rekey = CASES[name]
    pair = Pair(lab, tunnel=algorithms)
    folder = lab.path("wireshark")
    pair.gateways[0].config["key_export"] = folder
    pair.gateways[0].write()
    seen = lab.own(Capture(pair.wan.ns, pair.clouds[0].wan_link, lab.path("wan.pcap")))
    pair.start()
    pair.await_up()
    assert "key_export" in pair.gateways[0].output()
    pair.gateways[0].isthmus("tunnel", "east-1", "rekey", "ike")
    assert pair.hosts[0].ping(pair.hosts[1], count=5, interval=0.05).lost == 0
    seen.stop()
    for file in ("ikev1_decryption_table", "ikev2_decryption_table", "esp_sa"):
        assert stat.S_IMODE(os.stat(os.path.join(folder, file)).st_mode) == 0o600
    pings = read(lab, seen.path, "icmp && esp")
    assert len(pings) >= 10 and all("Echo (ping)" in p for p in pings), pings
    assert not read(lab, seen.path, "esp.icv_good == 0")
    # Inside IKE_AUTH or Main Mode, and the rekey or Quick Mode: identities and proposals.
    assert read(lab, seen.path, f"isakmp.exchangetype == {authentication} && isakmp.id.type == 1")
    assert read(lab, seen.path, f"isakmp.exchangetype == {rekey} && isakmp.prop.protoid")
    os.rename(folder, folder + ".away")
    assert not read(lab, seen.path, "icmp && esp")
    assert not read(lab, seen.path, f"isakmp.exchangetype == {authentication} && isakmp.id.type == 1")


def test_off_by_default(lab):
    site = Site(lab)
    assert "key_export" not in site.gateway.config
    site.gateway.start()
    assert "key_export" not in site.gateway.output()
