"""One golden case: what goes in and what has to come out, with the tunnel's packets sealed by scapy."""

import hmac
import os
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw, raw
from scapy.utils import PcapWriter

HERE = os.path.dirname(os.path.abspath(__file__))

WAN_IN, WAN_OUT, LAN_IN, LAN_OUT = range(4)

WAN, WAN_PEER = "02:00:00:00:01:01", "02:00:00:00:01:fe"
LAN, LAN_PEER = "02:00:00:00:02:01", "02:00:00:00:02:02"
VXLAN_US, VXLAN_HOST = "02:00:00:00:03:01", "02:00:00:00:03:10"
VLAN_US, VLAN_HOST = "02:00:00:00:04:01", "02:00:00:00:04:10"

PORT_MTU = 1500

# The gateway puts a flow's hash into the source port; the test checks its range and writes this.
VXLAN_SOURCE = 0xC000

CIPHERS = {
    # configured name: scapy's, key bytes, salt bytes, IV bytes
    "aes128gcm": ("AES-GCM", 16, 4, 8),
    "aes192gcm": ("AES-GCM", 24, 4, 8),
    "aes256gcm": ("AES-GCM", 32, 4, 8),
    "chacha20poly1305": ("CHACHA20-POLY1305", 32, 4, 8),
    "aes128": ("AES-CBC", 16, 0, 16),
    "aes192": ("AES-CBC", 24, 0, 16),
    "aes256": ("AES-CBC", 32, 0, 16),
}
AUTHS = {
    # configured name: scapy's, key bytes, ICV bytes, Python's
    "none": ("NULL", 0, 0, None),
    "sha1": ("HMAC-SHA1-96", 20, 12, "sha1"),
    "sha256": ("SHA2-256-128", 32, 16, "sha256"),
    "sha384": ("SHA2-384-192", 48, 24, "sha384"),
    "sha512": ("SHA2-512-256", 64, 32, "sha512"),
}


def key(count, first):
    """The rule by which the test makes the same keys."""
    return bytes((first + i) & 0xFF for i in range(count))


class Case:
    """One tunnel with one SA pair, and the frames of its conversation."""

    count = 0

    def __init__(self, name, cipher="aes128gcm", auth="none", esn=False, udp=False, outer=4,
                 window=1024, drops=None, **more):
        Case.count += 1
        self.n = Case.count
        self.name, self.cipher, self.auth = name, cipher, auth
        self.esn, self.udp, self.outer, self.window = esn, udp, outer, window
        self.drops = drops or {}
        self.more = more
        self.step = 0
        self.frames = []
        self.sent = 0
        # What dataplane_spi_alloc() gives the n-th tunnel of worker 0: generation 1, slot n - 1.
        self.spi_in = 1 << 19 | (self.n - 1)
        self.spi_out = 0xC0DE0000 + self.n
        self.ours = {4: "192.0.2.1", 6: "2001:db8:1::1"}[outer]
        self.theirs = {4: "198.51.100.%d" % self.n, 6: "2001:db8:2::%x" % self.n}[outer]
        self.customer = "192.168.%d.10" % self.n
        self.customer6 = "fd00:50:%x::10" % self.n
        self.inner, self.inner_peer = "169.254.%d.2" % self.n, "169.254.%d.1" % self.n

    # ---- ESP ----------------------------------------------------------------------------

    def association(self, spi, src, dst):
        crypt, key_bytes, salt_bytes, _ = CIPHERS[self.cipher]
        auth, auth_bytes, _, _ = AUTHS[self.auth]
        if self.outer == 4:
            header = IP(src=src, dst=dst, id=0, flags="DF", ttl=64)
        else:
            header = IPv6(src=src, dst=dst, hlim=64)
        nat = UDP(sport=4500, dport=4500, chksum=0) if self.udp else None
        return SecurityAssociation(ESP, spi=spi, crypt_algo=crypt,
                                   crypt_key=key(key_bytes + salt_bytes, 1),
                                   auth_algo=auth, auth_key=key(auth_bytes, 0x80) or None,
                                   tunnel_header=header, nat_t_header=nat)

    def seal(self, inner, seq, inbound, iv=None):
        if inbound:
            sa = self.association(self.spi_in, self.theirs, self.ours)
        else:
            sa = self.association(self.spi_out, self.ours, self.theirs)
        iv_bytes = CIPHERS[self.cipher][3]
        if iv is None:
            iv = struct.pack("!Q", seq) if iv_bytes == 8 else key(iv_bytes, seq & 0xFF)
        packet = sa.encrypt(inner, seq_num=seq & 0xFFFFFFFF, iv=iv,
                            esn_en=self.esn, esn=seq >> 32)
        if not inbound:  # DSCP and ECN go with the packet
            tos = inner.tos if IP in inner else inner.tc
            if self.outer == 4:
                packet[IP].tos, packet[IP].chksum = tos, None
            else:
                packet[IPv6].tc = tos
        if self.udp:  # scapy measures the header before ESP is behind it
            packet[UDP].len = len(packet[UDP])
            if self.outer == 6 and not inbound:  # which knows no UDP without a checksum
                packet[UDP].chksum = None
        if self.esn and self.auth != "none":
            packet = self.resign(packet, seq)
        return packet

    def resign(self, packet, seq):
        """scapy leaves the upper half of an extended number out of the HMAC (RFC 4303 2.2.1)."""
        _, auth_bytes, icv_bytes, name = AUTHS[self.auth]
        text = raw(packet[ESP])[:-icv_bytes]
        icv = hmac.new(key(auth_bytes, 0x80), text + struct.pack("!L", seq >> 32), name).digest()
        below = packet.copy()
        below[ESP].underlayer.remove_payload()
        return below.__class__(raw(below) + text + icv[:icv_bytes])

    def seal_raw(self, text, seq):
        """Any bytes as text, trailer included: what no honest peer sends."""
        header = struct.pack("!LL", self.spi_in, seq)
        iv = struct.pack("!Q", seq)
        whole = key(20, 1)
        data = AESGCM(whole[:16]).encrypt(whole[16:] + iv, text, header)
        return IP(src=self.theirs, dst=self.ours, id=0, flags="DF", proto=50) / Raw(
            header + iv + data)

    def mtu(self):
        """Of inner packets, where outer ones have the port's."""
        iv_bytes = CIPHERS[self.cipher][3]
        icv_bytes = AUTHS[self.auth][2] or 16
        unit = 16 if iv_bytes == 16 else 4
        outer = {4: 20, 6: 40}[self.outer] + (8 if self.udp else 0)
        return (PORT_MTU - outer - 8 - iv_bytes - icv_bytes) // unit * unit - 2

    def outer_bytes(self, size):
        """Of the outer packet around an inner one of that size."""
        iv_bytes = CIPHERS[self.cipher][3]
        unit = 16 if iv_bytes == 16 else 4
        return ({4: 20, 6: 40}[self.outer] + (8 if self.udp else 0) + 8 + iv_bytes + -(-(size + 2) // unit) * unit +
                (AUTHS[self.auth][2] or 16))

    # ---- the conversation ---------------------------------------------------------------

    def next(self):
        self.step += 1
        return self

    def put(self, where, frame):
        self.frames.append((self.step, where, raw(frame)))

    def wan_in(self, packet):
        version = raw(packet)[0] >> 4
        self.put(WAN_IN, Ether(src=WAN_PEER, dst=WAN,
                               type={4: 0x0800, 6: 0x86DD}[version]) / packet)

    def wan_out(self, packet):
        self.put(WAN_OUT, Ether(src=WAN, dst=WAN_PEER) / packet)

    def vpc(self, inwards, packet):
        """A packet of the VPC host, or to it, in VXLAN."""
        if inwards:
            inner = Ether(src=VXLAN_HOST, dst=VXLAN_US) / packet
            outer = Ether(src=LAN_PEER, dst=LAN) / IP(src="10.9.0.2", dst="10.9.0.1", id=7)
            source = 0xD123
        else:
            inner = Ether(src=VXLAN_US, dst=VXLAN_HOST) / packet
            outer = Ether(src=LAN, dst=LAN_PEER) / IP(src="10.9.0.1", dst="10.9.0.2", id=0,
                                                      flags="DF")
            source = VXLAN_SOURCE
        frame = outer / UDP(sport=source, dport=4789, chksum=0) / VXLAN(vni=1000, flags=8) / inner
        self.put(LAN_IN if inwards else LAN_OUT, frame)

    def vlan(self, inwards, packet):
        ends = dict(src=VLAN_HOST, dst=VLAN_US) if inwards else dict(src=VLAN_US, dst=VLAN_HOST)
        self.put(LAN_IN if inwards else LAN_OUT, Ether(**ends) / Dot1Q(vlan=100) / packet)

    def out(self, make, deliver=None):
        """A packet from the VPC is encrypted; make(ttl) builds it."""
        self.sent += 1
        (deliver or self.vpc)(True, make(64))
        self.wan_out(self.seal(make(63), self.sent, False))

    def receive(self, make, seq, deliver=None):
        """A packet of the customer is decrypted."""
        self.wan_in(self.seal(make(64), seq, True))
        (deliver or self.vpc)(False, make(63))

    def write(self):
        with PcapWriter(os.path.join(HERE, self.name + ".pcap"), linktype=1, sync=True) as out:
            out.write_header(None)
            for step, where, frame in self.frames:
                out.write_packet(frame, sec=step, usec=where)
        words = [self.name, "cipher=" + self.cipher, "auth=" + self.auth,
                 "esn=%d" % self.esn, "udp=%d" % self.udp, "outer=%d" % self.outer,
                 "window=%d" % self.window]
        words += ["%s=%s" % item for item in self.more.items()]
        if self.drops:
            words.append("drops=" + ",".join("%s:%d" % d for d in self.drops.items()))
        return " ".join(words) + "\n"


def text(count):
    return bytes((7 * i + count) & 0xFF for i in range(count))


def from_vpc(case, size, src="172.16.0.10"):
    return lambda ttl: IP(src=src, dst=case.customer, ttl=ttl, id=size) / UDP(
        sport=1000, dport=2000) / Raw(text(size))


def to_vpc(case, size, dst="172.16.0.10"):
    return lambda ttl: IP(src=case.customer, dst=dst, ttl=ttl, id=size) / UDP(
        sport=2000, dport=1000) / Raw(text(size))


def icmp4(src, dst, quote, **what):
    return IP(src=src, dst=dst, tos=0xC0, id=0, flags="DF", ttl=64) / ICMP(**what) / Raw(
        raw(quote)[:548])
