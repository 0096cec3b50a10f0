"""Datagrams that are cut: before they are sealed, and behind that where they go whole."""

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6, IPv6ExtHdrFragment
from scapy.packet import Raw, raw

from case import Case, from_vpc, icmp4, text, to_vpc


def cut(packet, mtu):
    """The fragments of an IPv4 packet without options."""
    head, data = raw(packet)[:20], raw(packet)[20:]
    step = (mtu - 20) & ~7
    for at in range(0, len(data), step):
        part = IP(head)
        part.frag = IP(head).frag + at // 8
        part.flags = "MF" if at + step < len(data) or IP(head).flags.MF else 0
        part.len = part.chksum = None
        yield IP(raw(part / Raw(data[at:at + step])))


def send_cut(case, packet, mtu):
    for part in cut(packet, mtu):
        case.sent += 1
        case.wan_out(case.seal(part, case.sent, False))


def cut_sealed(case, packet, most):
    """A sealed packet of ours goes in pieces of that many bytes, if it is larger."""
    if len(raw(packet)) <= most:
        case.wan_out(packet)
        return
    if case.outer == 4:
        packet[IP].flags, packet[IP].id, packet[IP].chksum = 0, case.sent & 0xFFFF, None
        for part in cut(packet, most):
            case.wan_out(part)
        return
    data, step = raw(packet)[40:], (most - 48) & ~7
    for at in range(0, len(data), step):
        case.wan_out(IPv6(src=case.ours, dst=case.theirs, hlim=64, tc=packet[IPv6].tc) / IPv6ExtHdrFragment(
            nh=raw(packet)[6], id=case.spi_out ^ case.sent, offset=at // 8, m=int(at + step < len(data))) / Raw(
                data[at:at + step]))


def send_whole(case, make, most):
    """From the VPC, sealed whole, and cut behind that."""
    case.sent += 1
    case.next().vpc(True, make(64))
    cut_sealed(case, case.seal(make(63), case.sent, False), most)


def whole():
    """Packets over the tunnel's MTU that go whole all the same: the outer ones are cut."""
    for cipher, auth, udp, outer in (("aes128gcm", "none", False, 4), ("aes128gcm", "none", True, 6),
                                     ("chacha20poly1305", "none", True, 4), ("aes256gcm", "none", False, 6)):
        name = f"least6-{cipher}{'-udp' if udp else ''}-outer{outer}"
        # Every link of IPv6 takes 1280 bytes, the tunnel as well, whatever its MTU.
        case = Case(name, cipher, auth, udp=udp, outer=outer, mtu=600, drops={"too-big": 2})
        six = lambda size: lambda hlim: IPv6(src="fd00:16::10", dst=case.customer6, hlim=hlim, tc=0x88) / UDP(
            sport=1, dport=2) / Raw(text(size - 48))
        most = case.outer_bytes(600)
        case.next().out(six(600))
        for size in (601, 1279, 1280):
            send_whole(case, six(size), most)
        # Neighbours in a burst keep their places.
        case.next()
        for size in (400, 1280, 500):
            case.vpc(True, six(size)(64))
        for size in (400, 500):
            case.sent += 1 if size == 400 else 2
            case.wan_out(case.seal(six(size)(63), case.sent, False))
        case.sent -= 1
        cut_sealed(case, case.seal(six(1280)(63), case.sent, False), most)
        case.sent += 1
        # What is larger hears of 1280, not of less.
        lost = six(1281)(64)
        case.next().vpc(True, lost)
        lost[IPv6].hlim = 63
        case.vpc(False, IPv6(src="fd00:16::1", dst="fd00:16::10", tc=0xC0, hlim=64) / ICMPv6PacketTooBig(
            mtu=1280) / Raw(raw(lost)[:1232]))
        # IPv4 as ever.
        case.next().vpc(True, from_vpc(case, 700)(64))
        send_cut(case, from_vpc(case, 700)(63), 600)
        lost = IP(src="172.16.0.10", dst=case.customer, flags="DF", ttl=64) / UDP() / Raw(text(700))
        case.next().vpc(True, lost)
        lost[IP].ttl = 63
        case.vpc(False, icmp4(case.inner, "172.16.0.10", lost, type=3, code=4, nexthopmtu=600))
        yield case

    # A router of the way says how much it takes.
    case = Case("least6-path", outer=6, drops={"too-big": 1})
    six = lambda size: lambda hlim: IPv6(src="fd00:16::10", dst=case.customer6, hlim=hlim) / UDP(
        sport=1, dport=2) / Raw(text(size - 48))
    case.next().out(six(1400))
    sent = case.seal(six(1400)(63), case.sent, False)
    case.next().wan_in(IPv6(src="2001:db8:9::1", dst=case.ours) / ICMPv6PacketTooBig(mtu=1280) / Raw(raw(sent)[:1232]))
    send_whole(case, six(1280), case.outer_bytes(1206))
    case.next().out(six(1206))
    lost = six(1300)(64)
    case.next().vpc(True, lost)
    lost[IPv6].hlim = 63
    case.vpc(False, IPv6(src="fd00:16::1", dst="fd00:16::10", tc=0xC0, hlim=64) / ICMPv6PacketTooBig(
        mtu=1280) / Raw(raw(lost)[:1232]))
    yield case

    # Selectors with ports: our own pieces would have none to compare, so what may be cut is cut outside. Pieces of
    # others are refused, both ways, but for the first one.
    case = Case("ports", mtu=600, remote="0.0.0.0/0", remote_port=2000,
                drops={"fragment-ports": 2, "selector": 2, "too-big": 1})
    case.next().out(from_vpc(case, 100))
    case.next().receive(to_vpc(case, 100), 1)
    send_whole(case, from_vpc(case, 1200), case.outer_bytes(600))
    lost = from_vpc(case, 1200)(64)
    lost.flags = "DF"
    case.next().vpc(True, lost)
    lost[IP].ttl = 63
    case.vpc(False, icmp4(case.inner, "172.16.0.10", lost, type=3, code=4, nexthopmtu=600))
    other = lambda src, dst, ttl: IP(src=src, dst=dst, ttl=ttl, id=1) / UDP(sport=9, dport=9) / Raw(text(9))
    case.next().vpc(True, other("172.16.0.10", case.customer, 64))
    case.wan_in(case.seal(other(case.customer, "172.16.0.10", 64), 2, True))
    first, later = [p for p in cut(from_vpc(case, 300)(64), 220)]
    case.next().vpc(True, first)
    case.vpc(True, later)
    case.sent += 1
    first, _ = [p for p in cut(from_vpc(case, 300)(63), 220)]
    case.wan_out(case.seal(first, case.sent, False))
    first, later = [p for p in cut(to_vpc(case, 300)(64), 220)]
    case.next().wan_in(case.seal(first, 3, True))
    case.wan_in(case.seal(later, 4, True))
    first, _ = [p for p in cut(to_vpc(case, 300)(63), 220)]
    case.vpc(False, first)
    yield case
