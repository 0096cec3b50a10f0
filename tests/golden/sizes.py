#!/usr/bin/python3
"""Packets of every size through every algorithm and encapsulation, both ways, in all four combinations of
IPv4 and IPv6, against scapy's IPsec layer: sealed anew in each run, with a payload that nobody has seen before.

usage: sizes.py GOLDEN [all | jumbo]

GOLDEN is the test program beside this file; it compares byte for byte. Without "all" (which takes ten minutes) a
part of the sizes: those at the MTU, and others that a seed chooses, which is printed. "jumbo": ports of 9000 bytes, a
part of the algorithms, frames in segments of several sizes.
"""

import os
import random
import subprocess
import sys
import tempfile

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

import case as cases
import generate
from case import AUTHS, Case

SUITES = [("aes128gcm", "none"), ("aes192gcm", "none"), ("aes256gcm", "none"), ("chacha20poly1305", "none")] + [
    (cipher, auth) for cipher in ("aes128", "aes192", "aes256") for auth in AUTHS if auth != "none"]
STEP = 40  # packets at a time


def sizes(mtu, everything, dice):
    """Of inner packets."""
    if everything:
        return list(range(20, mtu + 2))
    if cases.PORT_MTU > 1500:
        return sorted({mtu - 2, mtu - 1, mtu, mtu + 1, 2047, 2048, 2049, 4096, 8192}.union(dice.sample(range(1400, mtu), 8)))
    edges = [at + d for at in (64, 80, 96, 128, 256, 272, 512, 1024, 1280) for d in (-1, 0, 1)]
    chosen = {20, mtu - 2, mtu - 1, mtu, mtu + 1}
    return sorted(chosen.union(dice.sample(range(21, 60), 5), dice.sample(edges, 4), dice.sample(range(60, mtu), 4)))


def packet(case, inwards, six, size, payload):
    """An inner packet of that many bytes with any TTL: no protocol of ours, so that nothing but IP is looked at."""
    if six:
        ends = dict(src=case.customer6, dst="fd00:16::10") if inwards else dict(src="fd00:16::10", dst=case.customer6)
        return lambda ttl: IPv6(hlim=ttl, nh=253, **ends) / Raw(payload[:size - 40])
    ends = dict(src=case.customer, dst="172.16.0.10") if inwards else dict(src="172.16.0.10", dst=case.customer)
    return lambda ttl: IP(ttl=ttl, proto=253, id=size, **ends) / Raw(payload[:size - 20])


def converse(case, everything, dice):
    """The sizes of this outer family; the inner one alternates."""
    mtu = case.mtu()
    mine = [s for s in sizes(mtu, everything, dice) if s % 2 == (case.outer == 6) or s > mtu]
    for i, size in enumerate(mine):
        six = size >= 40 and size // 2 % 2 == 1
        payload = dice.randbytes(size)
        if i % STEP == 0:
            case.next()
        case.receive(packet(case, True, six, size, payload), i + 1)
        if size <= mtu:
            case.out(packet(case, False, six, size, payload))
            continue
        # One byte too many: IPv4 goes in pieces.
        make = packet(case, False, False, size, payload)
        case.next().vpc(True, make(64))
        generate.send_cut(case, make(63), mtu)


def main():
    golden, everything, jumbo = os.path.abspath(sys.argv[1]), sys.argv[2:] == ["all"], sys.argv[2:] == ["jumbo"]
    cases.PORT_MTU = 9000 if jumbo else 1500
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="isthmus-sizes-") as folder:
        cases.HERE = folder
        lines = []
        for cipher, auth in dice.sample(SUITES, 5) if jumbo else SUITES:
            for udp in (False, True):
                for outer in (4, 6):
                    case = Case(f"{cipher}-{auth}-{'udp' if udp else 'native'}-{outer}", cipher, auth, udp=udp,
                                outer=outer)
                    converse(case, everything, dice)
                    lines.append(case.write())
        generate.setup()
        with open(os.path.join(folder, "cases"), "w") as out:
            out.writelines(lines)
        if not jumbo:
            return subprocess.call([golden, folder])
        return max(subprocess.call([golden, folder, "9000", segment]) for segment in ("0", "2048", "700"))


if __name__ == "__main__":
    sys.exit(main())
