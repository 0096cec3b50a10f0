#!/usr/bin/python3
"""Records how strongSwan seals: makes peers.pcap and the list "peers", which test golden_peers opens.

Run it by hand, as root, with ISTHMUS_BUILD as the lab has it. For each suite a tunnel in the lab, pings of several
sizes from behind strongSwan, caught before they are sealed (in its TUN device) and behind (on the wire); the keys
are those that isthmusd exports for Wireshark; of ChaCha20, which that does not know, those that charon logs. A line
of "peers" is a suite with SPI and keys; the frames of line N have N as their seconds, and 0 as microseconds for what
is sealed or 1 for the packet that must come out.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lab"))

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import raw
from scapy.utils import PcapReader, PcapWriter

from lab import Lab
from lab.capture import Capture
from lab.topology import Site

SUITES = [("aes128", "sha1", "aes128-sha1"), ("aes128", "sha256", "aes128-sha256"), ("aes192", "sha384", "aes192-sha384"),
          ("aes256", "sha512", "aes256-sha512"), ("aes128gcm", None, "aes128gcm16"), ("aes192gcm", None, "aes192gcm16"),
          ("aes256gcm", None, "aes256gcm16"), ("chacha20poly1305", None, "chacha20poly1305")]
SIZES = (0, 1, 2, 3, 14, 15, 16, 56, 100, 777, 1300, 1372)


def keys(folder, spi):
    """The line of Wireshark's table for that SPI: cipher's key and the other one, as hex digits."""
    with open(os.path.join(folder, "esp_sa")) as f:
        for line in f:
            fields = [field.strip('"') for field in line.strip().split(",")]
            if len(fields) == 8 and int(fields[3], 16) == spi:
                return fields[5].removeprefix("0x"), fields[7].removeprefix("0x") or "-"
    raise KeyError(spi)


def logged_key(path):
    """What charon, the responder, encrypts with: key and salt."""
    with open(path) as f:
        text = f.read().split("encryption responder key")[1]
    count = int(re.search(r"=> (\d+) bytes", text)[1])
    lines = re.findall(r"^.*?\d+: ((?:[0-9A-F]{2} )+)", text, re.M)[:-(-count // 16)]
    return "".join(lines).replace(" ", "").lower()[:2 * count]


def record(n, out, cipher, auth, theirs):
    with Lab() as lab:
        parameters = {"esp_cipher": cipher, **({"esp_auth": auth} if auth else {})}
        site = Site(lab, **parameters)
        site.gateway.config["key_export"] = folder = lab.path("keys")
        site.gateway.write()
        log = lab.path("keys.log")
        site.strongswan.configure(f"filelog {{\n keys {{\n path = {log}\n flush_line = yes\n default = -1\n chd = 4\n"
                                  " }\n }")
        site.start(esp_proposals=theirs)
        site.await_up()
        host, far = site.hosts
        host.await_ping(far)
        wire = lab.own(Capture(site.wan.ns, site.cloud.wan_link, lab.path("wire.pcap")))
        clear = lab.own(Capture(site.idc.ns, "ipsec0", lab.path("clear.pcap")))
        for size in SIZES:
            assert host.ping(far, count=1, interval=0.01, size=size).lost == 0
        wire.stop()
        clear.stop()
        sealed = [p for p in PcapReader(wire.path) if IP in p and p[IP].src == site.idc.address and UDP in p
                  and p[UDP].dport == 4500 and raw(p[UDP].payload)[:4] != bytes(4) and len(p[UDP].payload) > 8]
        opened = [p for p in PcapReader(clear.path) if IP in p and p[IP].src == host.address and ICMP in p]
        assert len(sealed) == len(opened) == len(SIZES), (len(sealed), len(opened))
        spi = int.from_bytes(raw(sealed[0][UDP].payload)[:4], "big")
        for outer, inner in zip(sealed, opened):
            out.write_packet(raw(Ether(type=0x0800) / outer[IP]), sec=n, usec=0)
            out.write_packet(raw(Ether(type=0x0800) / inner[IP]), sec=n, usec=1)
        found = (logged_key(log), "-") if cipher.startswith("chacha") else keys(folder, spi)
        return " ".join([cipher, auth or "none", "0x%08x" % spi, *found]) + "\n"


def main():
    with PcapWriter(os.path.join(HERE, "peers.pcap"), linktype=1, sync=True) as out:
        out.write_header(None)
        lines = [record(n, out, *suite) for n, suite in enumerate(SUITES, 1)]
    with open(os.path.join(HERE, "peers"), "w") as out:
        out.write("# cipher, auth, SPI and keys of each recorded SA of strongSwan's, by record.py\n")
        out.writelines(lines)


if __name__ == "__main__":
    main()
