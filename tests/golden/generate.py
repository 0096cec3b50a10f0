#!/usr/bin/python3
"""Makes the golden frames: what goes into the gateway and what must come out of it.

ESP comes from scapy's IPsec layer and Python's cryptography, which share no code with the gateway.
Run it by hand after a change and commit what it writes beside it: one pcap for each case, and
"cases", which names them with the SA they need and the drops they cause.

A pcap is a conversation in order. Its time stamps say where each frame belongs: seconds count the
steps of the case, and microseconds are 0 (into the WAN port), 1 (out of it), 2 (into the LAN port)
or 3 (out of it). What comes out of a port within a step must be exactly that, in that order.

         customer 192.168.N.10 == gateway 198.51.100.N -- 192.0.2.254 --.
                                                                         | wan 192.0.2.1
                                                                    [ isthmus ]
                                                                         | lan 10.9.0.1
             VPC host 172.16.0.10 -- VXLAN 1000 to 10.9.0.2 ------------+
             VPC host 172.17.0.10 -- VLAN 100 --------------------------'
"""

import os
import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, ICMPv6TimeExceeded,
                                HBHOptUnknown, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, RouterAlert)
from scapy.layers.ipsec import ESP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw, raw

from case import (Case, HERE, LAN, LAN_IN, LAN_PEER, VLAN_HOST, VLAN_US, VXLAN_HOST, VXLAN_US, WAN, WAN_IN, WAN_OUT,
                  WAN_PEER, from_vpc, icmp4, text, to_vpc)
from cutting import cut, send_cut, whole


def every_algorithm():
    for cipher, auth in [("aes128gcm", "none"), ("aes192gcm", "none"), ("aes256gcm", "none"),
                         ("chacha20poly1305", "none"), ("aes128", "sha1"), ("aes128", "sha256"),
                         ("aes192", "sha256"), ("aes256", "sha256"), ("aes256", "sha384"),
                         ("aes256", "sha512")]:
        for udp in (False, True):
            name = cipher + ("-" + auth if auth != "none" else "") + ("-udp" if udp else "")
            case = Case(name, cipher, auth, udp=udp)
            sizes = [0, 1, 2, 3, 4, 15, 16, 100] + ([] if udp else [1300])
            case.next()
            for size in sizes:
                case.out(from_vpc(case, size))
            case.next()
            for seq, size in enumerate(sizes, 1):
                case.receive(to_vpc(case, size), seq)
            yield case


def extended_numbers():
    for cipher, auth in [("aes128gcm", "none"), ("chacha20poly1305", "none"), ("aes128", "sha256"),
                         ("aes256", "sha512")]:
        case = Case("esn-" + cipher + ("-" + auth if auth != "none" else ""), cipher, auth,
                    esn=True, drops={"bad-icv": 1, "replayed": 1})
        case.next().out(from_vpc(case, 40))
        case.out(from_vpc(case, 41))
        for seq in (1, 0x7FFFFFFF, 0xFFFFFFF0, 0x100000005, 0xFFFFFFFF, 0x100000000):
            case.next().receive(to_vpc(case, 50), seq)
        case.next().wan_in(case.seal(to_vpc(case, 50)(64), 0x100000005, True))  # replayed
        # A number of the past that looks like one of the future: its upper half is wrong.
        case.next().wan_in(case.seal(to_vpc(case, 50)(64), 0x7FFFFFF0, True))
        yield case


def families():
    for udp in (False, True):
        case = Case("outer6" + ("-udp" if udp else ""), udp=udp, outer=6)
        case.next().out(from_vpc(case, 10))
        case.out(from_vpc(case, 1200))
        case.next().receive(to_vpc(case, 11), 1)
        yield case
    for cipher, auth in (("aes256gcm", "none"), ("aes128", "sha1")):
        case = Case("inner6-" + cipher, cipher, auth)
        for size in (0, 33):
            case.next().out(lambda ttl, s=size: IPv6(
                src="fd00:16::10", dst=case.customer6, hlim=ttl, tc=0) / UDP(
                    sport=1, dport=2) / Raw(text(s)))
        for seq, size in ((1, 0), (2, 500)):
            case.next().receive(lambda ttl, s=size: IPv6(
                src=case.customer6, dst="fd00:16::10", hlim=ttl) / UDP(
                    sport=2, dport=1) / Raw(text(s)), seq)
        yield case


def vlan():
    case = Case("vlan")
    for size in (0, 700):
        case.next().out(from_vpc(case, size, "172.17.0.10"), case.vlan)
    for seq, size in ((1, 0), (2, 701)):
        case.next().receive(to_vpc(case, size, "172.17.0.10"), seq, case.vlan)
    yield case


def refused():
    case = Case("replay", window=64, drops={"replayed": 3, "too-old": 2})
    make = to_vpc(case, 20)
    case.next().receive(make, 1)
    case.next().wan_in(case.seal(make(64), 1, True))
    case.next().receive(make, 100)
    case.receive(make, 37)
    case.next().wan_in(case.seal(make(64), 36, True))
    case.wan_in(case.seal(make(64), 37, True))
    case.wan_in(case.seal(make(64), 100, True))
    case.receive(make, 38)
    case.wan_in(case.seal(make(64), 2, True))
    yield case

    # Twins within one burst: both pass the first check, one is delivered.
    case = Case("twins", drops={"replayed": 2})
    make = to_vpc(case, 20)
    case.next().receive(make, 5)
    case.wan_in(case.seal(make(64), 5, True))
    case.wan_in(case.seal(make(64), 5, True))
    case.receive(make, 6)
    yield case

    for cipher, auth in (("aes128gcm", "none"), ("chacha20poly1305", "none"), ("aes128", "sha256")):
        case = Case("tampered-" + cipher, cipher, auth, drops={"bad-icv": 4, "no-sa": 1})
        make = to_vpc(case, 20)
        good = raw(case.seal(make(64), 9, True))
        case.next()
        # SPI, sequence number, IV, text, ICV
        for at in (20, 27, 30, 45, len(good) - 1):
            case.wan_in(Raw(good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1:]))
        case.next().receive(make, 9)  # none of them moved the window
        yield case

    case = Case("truncated", drops={"malformed": 9, "no-sa": 1})
    whole = case.seal(to_vpc(case, 20)(64), 1, True)
    esp = raw(whole[ESP])
    case.next()
    # Honest lengths: fewer bytes than header, IV, one unit of text and ICV, or not a whole unit.
    for count in (0, 3, 7, 8, 16, 31, 35, 37):
        case.wan_in(IP(src=case.theirs, dst=case.ours, proto=50) / Raw(esp[:count]))
    # The IP header promises more than the frame holds.
    case.wan_in(Raw(raw(whole)[:40]))
    case.wan_in(IP(src=case.theirs, dst=case.ours, proto=50) / Raw(
        struct.pack("!LL", 0xDEADBEEF, 1) + bytes(40)))
    case.next().receive(to_vpc(case, 20), 1)
    yield case

    case = Case("trailer", drops={"bad-padding": 1, "dummy": 1, "bad-next-header": 3})
    inner = raw(to_vpc(case, 20)(64))
    case.next()
    case.wan_in(case.seal_raw(inner + bytes([1, 2, 200, 4]), 1))
    case.wan_in(case.seal_raw(bytes(14) + bytes([0, 59]), 2))
    case.wan_in(case.seal_raw(inner + bytes([1, 2, 2, 6]), 3))
    case.wan_in(case.seal_raw(inner + bytes([1, 2, 2, 41]), 4))
    case.wan_in(case.seal_raw(bytes(14) + bytes([0, 4]), 5))
    case.next().receive(to_vpc(case, 20), 6)
    yield case

    case = Case("selectors", remote="192.168.%d.0/28" % (Case.count + 1), local="172.16.0.0/24",
                drops={"selector": 3})
    case.next().receive(to_vpc(case, 20), 1)
    case.out(from_vpc(case, 20))
    case.next()
    make = lambda src, dst: IP(src=src, dst=dst) / UDP(sport=1, dport=2)
    case.wan_in(case.seal(make("192.168.%d.16" % case.n, "172.16.0.10"), 2, True))
    case.wan_in(case.seal(make(case.customer, "172.16.1.10"), 3, True))
    case.vpc(True, make("172.16.0.10", "192.168.%d.16" % case.n))
    yield case



def policy():
    """Nothing of the tunnels' comes in clear, and nobody in them is us."""
    case = Case("clear", drops={"not-for-us": 1, "no-protocol": 3, "malformed": 1})
    case.next()
    case.wan_in(to_vpc(case, 20)(64))
    case.wan_in(IP(src=case.inner_peer, dst=case.inner) / TCP(dport=179))
    case.wan_in(IP(src=case.theirs, dst="172.16.0.10") / UDP(dport=4789))
    case.wan_in(IPv6(src=case.customer6, dst="fd00:16::10") / UDP())
    # A VPC's host, to the gateway's side of the VPC's port instead of its network.
    case.put(LAN_IN, Ether(src=LAN_PEER, dst=LAN) / IP(src="172.16.0.10", dst=case.customer) / UDP())
    yield case

    case = Case("spoofed", drops={"spoofed": 4})
    make = lambda src: lambda ttl: IP(src=src, dst="172.16.0.10", ttl=ttl) / UDP()
    case.next()
    case.wan_in(case.seal(make(case.inner)(64), 1, True))
    case.wan_in(case.seal(make("172.16.0.1")(64), 2, True))
    case.wan_in(case.seal(IP(src=case.inner, dst=case.inner) / ICMP(), 3, True))
    case.wan_in(case.seal(IPv6(src="fd00:16::1", dst="fd00:16::10") / UDP(), 4, True))
    # The addresses of another table are another's, but a customer's here.
    case.next().receive(make("192.0.2.1"), 5)
    case.next().receive(make("169.254.1.2"), 6)
    yield case


def told():
    """What senders hear of packets that cannot go on."""
    case = Case("last-hop", drops={"ttl-expired": 3})
    expired = dict(type=11, code=0)
    lost = to_vpc(case, 20)(1)
    case.next().wan_in(case.seal(lost, 1, True))
    case.wan_out(case.seal(icmp4(case.inner, case.customer, lost, **expired), 1, False))
    lost = from_vpc(case, 20)(1)
    case.next().vpc(True, lost)
    case.vpc(False, icmp4("172.16.0.1", "172.16.0.10", lost, **expired))
    lost = IPv6(src="fd00:16::10", dst=case.customer6, hlim=1) / UDP(sport=1, dport=2)
    case.next().vpc(True, lost)
    case.vpc(False, IPv6(src="fd00:16::1", dst="fd00:16::10", tc=0xC0, hlim=64) /
             ICMPv6TimeExceeded(code=0) / lost)
    yield case

    # Errors about errors, about later fragments and to many hosts at once are never told.
    case = Case("silence", drops={"ttl-expired": 5})
    case.next()
    flow = dict(src="172.16.0.10", dst=case.customer, ttl=1)
    case.vpc(True, IP(**flow) / ICMP(type=3, code=1) / from_vpc(case, 0)(64))
    case.vpc(True, IP(frag=5, **flow) / Raw(text(40)))
    case.vpc(True, IP(src="0.0.0.0", dst=case.customer, ttl=1) / UDP())
    case.vpc(True, IP(src="224.0.0.9", dst=case.customer, ttl=1) / UDP())
    case.vpc(True, IPv6(src="fd00:16::10", dst=case.customer6, hlim=1) / ICMPv6DestUnreach())
    yield case


def fitting():
    """The largest packet that fits, and one byte more: for each algorithm and encapsulation."""
    for cipher, auth, udp, outer in [
            ("aes128gcm", "none", False, 4), ("aes256gcm", "none", True, 4),
            ("aes128gcm", "none", False, 6), ("aes128gcm", "none", True, 6),
            ("chacha20poly1305", "none", True, 4), ("aes128", "sha1", False, 4),
            ("aes128", "sha256", True, 4), ("aes256", "sha384", False, 4),
            ("aes256", "sha512", True, 6)]:
        name = "fit-" + cipher + ("-" + auth if auth != "none" else "") + (
            "-udp" if udp else "") + ("-outer6" if outer == 6 else "")
        case = Case(name, cipher, auth, udp=udp, outer=outer, drops={"too-big": 2})
        mtu = case.mtu()
        case.next().out(from_vpc(case, mtu - 28))
        case.next().vpc(True, from_vpc(case, mtu - 27)(64))
        send_cut(case, from_vpc(case, mtu - 27)(63), mtu)
        # Not to be fragmented: the sender is told what would have fit.
        case.next()
        lost = IP(src="172.16.0.10", dst=case.customer, flags="DF", ttl=64) / UDP() / Raw(
            text(mtu - 27))
        case.vpc(True, lost)
        lost[IP].ttl = 63
        case.vpc(False, icmp4(case.inner, "172.16.0.10", lost, type=3, code=4, nexthopmtu=mtu))
        case.next()
        lost = IPv6(src="fd00:16::10", dst=case.customer6, hlim=64) / UDP() / Raw(text(mtu - 47))
        case.vpc(True, lost)
        lost[IPv6].hlim = 63
        case.vpc(False, IPv6(src="fd00:16::1", dst="fd00:16::10", tc=0xC0, hlim=64) /
                 ICMPv6PacketTooBig(mtu=mtu) / Raw(raw(lost)[:1232]))
        yield case

    # A configured MTU; more than two fragments; fragments of a fragment; options.
    case = Case("fit-600", mtu=600)
    case.next().out(from_vpc(case, 572))
    case.next().vpc(True, from_vpc(case, 1372)(64))
    send_cut(case, from_vpc(case, 1372)(63), 600)
    case.next()
    part = lambda ttl: IP(src="172.16.0.10", dst=case.customer, id=9, frag=100, flags="MF",
                          ttl=ttl) / Raw(text(800))
    case.vpc(True, part(64))
    send_cut(case, part(63), 600)
    case.next()
    copied, once = bytes([0x94, 4, 0, 0]), bytes([7, 7, 4, 0, 0, 0, 0, 1])
    whole = lambda ttl: IP(src="172.16.0.10", dst=case.customer, id=10, ttl=ttl,
                           options=[Raw(copied), Raw(once)]) / Raw(text(800))
    case.vpc(True, whole(64))
    data = raw(whole(63))[32:]
    for options, start, end, flags in ((copied + once, 0, 568, "MF"), (copied, 568, 800, 0)):
        case.sent += 1
        case.wan_out(case.seal(IP(src="172.16.0.10", dst=case.customer, id=10, ttl=63,
                                  frag=start // 8, flags=flags, options=[Raw(options)]) / Raw(
                                      data[start:end]), case.sent, False))
    yield case

    # Out of the tunnel into a VPC with a smaller MTU.
    case = Case("fit-vlan", drops={"too-big": 1})
    make = to_vpc(case, 1410, "172.17.0.10")
    case.next().wan_in(case.seal(make(64), 1, True))
    for part in cut(make(63), 1430):
        case.vlan(False, part)
    lost = IP(src=case.customer, dst="172.17.0.10", flags="DF", ttl=64) / UDP() / Raw(text(1410))
    case.next().wan_in(case.seal(lost, 2, True))
    lost[IP].ttl = 63
    case.wan_out(case.seal(icmp4(case.inner, case.customer, lost, type=3, code=4,
                                 nexthopmtu=1430), 1, False))
    yield case


def segments():
    """TCP's maximum segment size, both ways; and what is left alone."""
    case = Case("mss", mss_clamp=1)
    mtu = case.mtu()
    syn = lambda ttl, mss, ends, flags="S", before=(): IP(ttl=ttl, **ends) / TCP(
        sport=5, dport=80, flags=flags, seq=9, options=[*before, ("MSS", mss), ("SAckOK", b"")])
    out = dict(src="172.16.0.10", dst=case.customer)
    back = dict(src=case.customer, dst="172.16.0.10")
    odd = [("NOP", None)]
    for have, flags, before, want in ((1460, "S", (), mtu - 40), (1460, "SA", odd, mtu - 40),
                                      (1000, "S", (), 1000), (1460, "A", (), 1460)):
        case.next().vpc(True, syn(64, have, out, flags, before))
        case.sent += 1
        case.wan_out(case.seal(syn(63, want, out, flags, before), case.sent, False))
        case.next().wan_in(case.seal(syn(64, have, back, flags, before), case.sent, True))
        case.vpc(False, syn(63, want, back, flags, before))
    six = lambda hlim, mss: IPv6(src="fd00:16::10", dst=case.customer6, hlim=hlim) / TCP(
        flags="S", options=[("MSS", mss)])
    case.next().vpc(True, six(64, 1440))
    case.sent += 1
    case.wan_out(case.seal(six(63, mtu - 60), case.sent, False))
    # Options that promise more than there is.
    case.next()
    bad = lambda ttl: IP(ttl=ttl, **out) / TCP(flags="S", dataofs=6) / Raw(b"\x02\x28\x05\xb4")
    case.vpc(True, bad(64))
    case.sent += 1
    case.wan_out(case.seal(bad(63), case.sent, False))
    yield case


def marks():
    """DSCP and ECN (RFC 4301 5.1.2, RFC 6040), and don't-fragment."""
    case = Case("marks", drops={"ecn": 1})
    for tos in (0x00, 0xB8, 0xB9, 0xBA, 0xBB, 0x03):
        case.next().vpc(True, IP(src="172.16.0.10", dst=case.customer, tos=tos, ttl=64) / UDP())
        case.sent += 1
        case.wan_out(case.seal(IP(src="172.16.0.10", dst=case.customer, tos=tos, ttl=63) / UDP(),
                               case.sent, False))
    seq = 0
    # Outer, inner, delivered (RFC 6040 figure 4). The outer DSCP stays outside.
    for outer, inner, want in ((0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, None), (0, 2, 2), (1, 2, 1),
                               (2, 2, 2), (3, 2, 3), (0, 1, 1), (1, 1, 1), (2, 1, 1), (3, 1, 3),
                               (0, 3, 3), (1, 3, 3), (2, 3, 3), (3, 3, 3)):
        seq += 1
        make = lambda ttl, ecn: IP(src=case.customer, dst="172.16.0.10", tos=0x28 | ecn,
                                   ttl=ttl) / UDP()
        packet = case.seal(make(64, inner), seq, True)
        packet[IP].tos, packet[IP].chksum = 0xB8 | outer, None
        case.next().wan_in(packet)
        if want is not None:
            case.vpc(False, make(63, want))
    six = lambda hlim, tc: IPv6(src=case.customer6, dst="fd00:16::10", tc=tc, hlim=hlim) / UDP()
    packet = case.seal(six(64, 0x2A), seq + 1, True)
    packet[IP].tos, packet[IP].chksum = 0x03, None
    case.next().wan_in(packet)
    case.vpc(False, six(63, 0x2B))
    yield case

    for policy in ("copy", "clear"):
        case = Case("df-" + policy, df=policy)
        for flags in ("DF", 0):
            case.next()
            make = lambda ttl: IP(src="172.16.0.10", dst=case.customer, flags=flags, id=77,
                                  ttl=ttl) / UDP()
            case.vpc(True, make(64))
            case.sent += 1
            packet = case.seal(make(63), case.sent, False)
            if policy == "clear" or not flags:
                packet[IP].flags, packet[IP].id, packet[IP].chksum = 0, case.sent, None
            case.wan_out(packet)
        yield case


def odd_packets():
    """IPv4 options and IPv6 extension headers pass, as the payload of the tunnel."""
    case = Case("options")
    options = [Raw(bytes([0x94, 4, 0, 0]))]
    case.next().out(lambda ttl: IP(src="172.16.0.10", dst=case.customer, ttl=ttl, options=options) /
                    UDP() / Raw(text(9)))
    case.next().receive(lambda ttl: IP(src=case.customer, dst="172.16.0.10", ttl=ttl,
                                       options=options) / UDP() / Raw(text(9)), 1)
    headers = IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / Raw(text(30))
    case.next().out(lambda ttl: IPv6(src="fd00:16::10", dst=case.customer6, hlim=ttl) / headers)
    case.next().receive(lambda ttl: IPv6(src=case.customer6, dst="fd00:16::10", hlim=ttl) /
                        headers, 2)
    part = IPv6ExtHdrFragment(offset=10, m=1, id=5, nh=17) / Raw(text(64))
    case.next().receive(lambda ttl: IPv6(src=case.customer6, dst="fd00:16::10", hlim=ttl) / part, 3)
    yield case


def outer_fragments():
    """ESP and ESP in UDP that were cut on their way, in any order."""
    for udp, outer in ((False, 4), (True, 4), (False, 6), (True, 6)):
        case = Case("cut" + ("-udp" if udp else "") + ("-outer6" if outer == 6 else ""), udp=udp,
                    outer=outer, drops={"fragment": 3})
        for seq, order in enumerate(((0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 1, 2, 0)), 1):
            make = to_vpc(case, 1300)
            whole = case.seal(make(64), seq, True)
            if outer == 4:
                whole[IP].flags, whole[IP].id, whole[IP].chksum = 0, 500 + seq, None
                parts = list(cut(whole, 520))
            else:
                data = raw(whole)[40:]
                first = raw(whole)[6]
                parts = [IPv6(src=case.theirs, dst=case.ours, hlim=64) / IPv6ExtHdrFragment(
                    nh=first, id=900 + seq, offset=at // 8, m=int(at + 480 < len(data))) / Raw(
                        data[at:at + 480]) for at in range(0, len(data), 480)]
            case.next()
            for i in order:
                case.wan_in(parts[i])
            case.vpc(False, make(63))
        # One that overlaps takes all with it.
        whole = case.seal(to_vpc(case, 700)(64), 9, True)
        if outer == 4:
            whole[IP].flags, whole[IP].id, whole[IP].chksum = 0, 600, None
            a, b = cut(whole, 520)
            b.frag -= 1
            b.chksum = None
            b = IP(raw(b))
        else:
            data = raw(whole)[40:]
            a, b = [IPv6(src=case.theirs, dst=case.ours) / IPv6ExtHdrFragment(
                nh=raw(whole)[6], id=7, offset=at // 8, m=int(at == 0)) / Raw(data[at:at + n])
                    for at, n in ((0, 480), (472, 1000))]
        case.next().wan_in(a)
        case.wan_in(b)
        yield case

    # Congestion on the way of one piece happened to the whole.
    case = Case("cut-ecn")
    make = lambda ttl, tos: IP(src=case.customer, dst="172.16.0.10", tos=tos, ttl=ttl) / UDP() / Raw(
        text(700))
    whole = case.seal(make(64, 2), 1, True)
    whole[IP].flags, whole[IP].id, whole[IP].tos, whole[IP].chksum = 0, 5, 2, None
    a, b = cut(whole, 520)
    b.tos, b.chksum = 3, None
    case.next().wan_in(a)
    case.wan_in(IP(raw(b)))
    case.vpc(False, make(63, 3))
    yield case


def outer_oddities():
    """What may stand between the outer header and ESP, and what may not."""
    def behind(packet, header):
        data = raw(packet)
        return IPv6(src=case.theirs, dst=case.ours, hlim=64) / header / Raw(
            data[40:])

    for udp in (False, True):
        case = Case("outer-options" + ("-udp" if udp else ""), udp=udp, outer=6, drops={"malformed": 3})
        make = to_vpc(case, 100)
        sealed = lambda seq: case.seal(make(64), seq, True)
        nh = 17 if udp else 50
        case.next().wan_in(behind(sealed(1), IPv6ExtHdrHopByHop(nh=nh, options=[RouterAlert()])))
        case.vpc(False, make(63))
        case.next().wan_in(behind(sealed(2), IPv6ExtHdrHopByHop(nh=60) / IPv6ExtHdrDestOpt(nh=nh)))
        case.vpc(False, make(63))
        # A fragment that is the whole, though another one of its number is waiting.
        data = raw(sealed(3))[40:]
        piece = lambda text, **of: IPv6(src=case.theirs, dst=case.ours, hlim=64) / IPv6ExtHdrFragment(
            nh=nh, id=77, **of) / Raw(text)
        case.next().wan_in(piece(raw(sealed(4))[40:120], m=1))
        case.wan_in(piece(data))
        case.vpc(False, make(63))
        case.next().wan_in(piece(raw(sealed(4))[120:], offset=10))
        case.vpc(False, make(63))
        # An option that must be known; a fragment behind options; options that end behind the packet.
        case.next().wan_in(behind(sealed(5), IPv6ExtHdrDestOpt(nh=nh, options=[HBHOptUnknown(otype=0x9e)])))
        case.wan_in(behind(sealed(5), IPv6ExtHdrHopByHop(nh=44) / IPv6ExtHdrFragment(nh=nh, m=0)))
        case.wan_in(behind(sealed(5), IPv6ExtHdrDestOpt(nh=nh, len=200)))
        case.next().receive(make, 5)
        yield case

    # Congestion on the way of a piece whose fellow cannot carry the mark: all is lost.
    case = Case("cut-ecn-lost", drops={"ecn": 2})
    whole = case.seal(to_vpc(case, 700)(64), 1, True)
    whole[IP].flags, whole[IP].id, whole[IP].chksum = 0, 5, None
    a, b = cut(whole, 520)
    b.tos, b.chksum = 3, None
    case.next().wan_in(a)
    case.wan_in(IP(raw(b)))
    yield case


def hosts():
    """Who are you, and are you there: of the underlay, of a VPC, through a tunnel."""
    case = Case("arp")
    case.next()
    case.put(WAN_IN, Ether(src=WAN_PEER, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=WAN_PEER, psrc="192.0.2.254", pdst="192.0.2.1"))
    case.put(WAN_OUT, Ether(src=WAN, dst=WAN_PEER) / ARP(
        op=2, hwsrc=WAN, psrc="192.0.2.1", hwdst=WAN_PEER, pdst="192.0.2.254"))
    case.next()
    case.vlan(True, ARP(op=1, hwsrc=VLAN_HOST, psrc="172.17.0.10", pdst="172.17.0.1"))
    case.vlan(False, ARP(op=2, hwsrc=VLAN_US, psrc="172.17.0.1", hwdst=VLAN_HOST,
                         pdst="172.17.0.10"))
    case.next()
    case.vpc(True, ARP(op=1, hwsrc=VXLAN_HOST, psrc="172.16.0.10", pdst="172.16.0.1"))
    case.vpc(False, ARP(op=2, hwsrc=VXLAN_US, psrc="172.16.0.1", hwdst=VXLAN_HOST,
                        pdst="172.16.0.10"))
    # Somebody else's address: none of our business.
    case.next()
    case.put(WAN_IN, Ether(src=WAN_PEER, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=WAN_PEER, psrc="192.0.2.254", pdst="192.0.2.77"))
    yield case

    case = Case("echo")
    echo = lambda op, src, dst: IP(src=src, dst=dst, id=99) / ICMP(
        type=op, id=5, seq=6) / Raw(text(56))
    case.next().wan_in(echo(8, "192.0.2.254", "192.0.2.1"))
    case.wan_out(echo(0, "192.0.2.1", "192.0.2.254"))
    case.next().vpc(True, echo(8, "172.16.0.10", "172.16.0.1"))
    case.vpc(False, echo(0, "172.16.0.1", "172.16.0.10"))
    case.next().wan_in(case.seal(echo(8, case.inner_peer, case.inner), 1, True))
    case.wan_out(case.seal(echo(0, case.inner, case.inner_peer), 1, False))
    case.next().wan_in(IPv6(src="2001:db8:1::fe", dst="2001:db8:1::1") / ICMPv6EchoRequest(
        id=5, seq=6, data=text(9)))
    case.wan_out(IPv6(src="2001:db8:1::1", dst="2001:db8:1::fe") / ICMPv6EchoReply(
        id=5, seq=6, data=text(9)))
    yield case

    case = Case("not-ours", drops={"not-for-us": 2, "no-vni": 3, "no-protocol": 2})
    case.next()
    case.put(WAN_IN, Ether(src=WAN_PEER, dst="02:00:00:00:09:09") / IP(
        src="192.0.2.254", dst="192.0.2.1") / ICMP())
    case.wan_in(IP(src="192.0.2.254", dst="192.0.2.88") / ICMP())
    case.wan_in(IP(src="192.0.2.254", dst="192.0.2.1") / UDP(sport=9, dport=9))
    case.wan_in(IP(src="192.0.2.254", dst="192.0.2.1") / TCP(sport=9, dport=9))
    vx = lambda vni, src: Ether(src=LAN_PEER, dst=LAN) / IP(src=src, dst="10.9.0.1") / UDP(
        sport=1, dport=4789) / VXLAN(vni=vni, flags=8) / Ether(dst=VXLAN_US) / IP() / UDP()
    case.put(LAN_IN, vx(1001, "10.9.0.2"))
    case.put(LAN_IN, vx(1000, "10.9.0.3"))
    case.put(LAN_IN, Ether(src=VLAN_HOST, dst=VLAN_US) / Dot1Q(vlan=101) / IP() / UDP())
    yield case


def setup():
    """Neighbours make themselves known: answers to what the gateway asks, and questions to it."""
    case = Case("setup")
    case.next()
    case.put(WAN_IN, Ether(src=WAN_PEER, dst=WAN) / ARP(
        op=2, hwsrc=WAN_PEER, psrc="192.0.2.254", hwdst=WAN, pdst="192.0.2.1"))
    case.put(LAN_IN, Ether(src=LAN_PEER, dst=LAN) / ARP(
        op=2, hwsrc=LAN_PEER, psrc="10.9.0.2", hwdst=LAN, pdst="10.9.0.1"))
    case.wan_in(IPv6(src="2001:db8:1::fe", dst="2001:db8:1::1", hlim=255) / ICMPv6ND_NA(
        tgt="2001:db8:1::fe", R=1, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=WAN_PEER))
    case.next()
    case.vlan(True, ARP(op=1, hwsrc=VLAN_HOST, psrc="172.17.0.10", pdst="172.17.0.1"))
    case.vpc(True, ARP(op=1, hwsrc=VXLAN_HOST, psrc="172.16.0.10", pdst="172.16.0.1"))
    case.vpc(True, IPv6(src="fd00:16::10", dst="fd00:16::1", hlim=255) / ICMPv6ND_NS(
        tgt="fd00:16::1") / ICMPv6NDOptSrcLLAddr(lladdr=VXLAN_HOST))
    case.write()


def martians():
    """IPv6 that no router passes on; and what an inner address of 169.254.0.0/16 sends, which passes."""
    case = Case("martian", drops={"martian": 11})
    bad = ("fe80::1", "febf::1", "ff02::1", "::", "::1")
    make = lambda src, dst, hlim=64: IPv6(src=src, dst=dst, hlim=hlim) / UDP(sport=1, dport=2)
    case.next()
    for seq, src in enumerate(bad, 1):
        case.wan_in(case.seal(make(src, "fd00:16::10"), seq, True))
        case.vpc(True, make(src, case.customer6))
    case.wan_in(case.seal(IP(src="127.0.0.1", dst="172.16.0.10") / UDP(), 6, True))
    case.next().receive(lambda ttl: make("fec0::1", "fd00:16::10", ttl), 7)
    case.next().receive(lambda ttl: IP(src=case.inner_peer, dst="172.16.0.10", ttl=ttl) / UDP(), 8)
    yield case


def main():
    for old in os.listdir(HERE):
        if old.endswith(".pcap") and old != "peers.pcap":  # record.py's
            os.unlink(os.path.join(HERE, old))
    lines = ["# name and SA of each case, by generate.py; the line's number is the tunnel's\n"]
    for group in (every_algorithm, extended_numbers, families, vlan, refused, policy, told, fitting,
                  segments, marks, odd_packets, outer_fragments, hosts, outer_oddities, whole, martians):
        lines += [case.write() for case in group()]
    setup()
    with open(os.path.join(HERE, "cases"), "w") as out:
        out.writelines(lines)


if __name__ == "__main__":
    main()
