"""Sends packets that no honest peer would: `python3 -m lab.garbage TO FROM COUNT SEED [PCAP]`, inside a namespace.

Random bytes, and pieces of the real packets in PCAP, to UDP 500, UDP 4500 and ESP of the address TO;
half of them pretend to come from FROM, the peer. The same seed sends the same packets.
"""

import random
import socket
import struct
import sys
import time

PER_SECOND = 4000


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def ipv4(source, to, protocol, payload):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(to))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def udp(source_port, port, payload):
    return struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload


def real_payloads(path):
    """(protocol, port, payload) of the tunnel's own packets to the gateway and from it."""
    from scapy.all import ESP, IP, UDP, rdpcap
    found = []
    for packet in rdpcap(path):
        if UDP in packet:
            port = packet[UDP].dport if packet[UDP].dport in (500, 4500) else packet[UDP].sport
            found.append((17, port, bytes(packet[UDP].payload)))
        elif ESP in packet:
            found.append((50, 0, bytes(packet[IP].payload)))
    return found


def packets(rng, to, peer, count, real):
    for _ in range(count):
        source = peer if rng.random() < 0.5 else f"192.0.2.{rng.randrange(1, 255)}"
        protocol, port = rng.choice([(17, 500), (17, 4500), (50, 0)])
        data = rng.randbytes(rng.choice([0, 1, 3, 4, 7, 8, 19, 27, 28, 29, 40, 60, 200, 1200]))
        kind = rng.random()
        if real and kind < 0.5:
            protocol, port, data = rng.choice(real)
            data = bytearray(data[:rng.randrange(len(data) + 1)])
            for _ in range(rng.randrange(4)):
                if data:
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif kind < 0.7 and protocol == 17:
            # A plausible IKE header in front: SPIs, next payload, version, exchange, flags, id, length.
            length = 28 + len(data) if rng.random() < 0.7 else rng.randrange(1 << 32)
            head = rng.randbytes(8) + rng.choice([bytes(8), rng.randbytes(8)]) + struct.pack(
                "!BBBBII", rng.randrange(33, 55), rng.choice([0x20, 0x10, rng.randrange(256)]),
                rng.randrange(34, 40), rng.choice([0, 8, 0x20, 0x28]), rng.randrange(3), length)
            data = (bytes(4) if port == 4500 else b"") + head + data
        payload = bytes(data)
        if protocol == 17:
            payload = udp(rng.choice([500, 4500, rng.randrange(1024, 65536)]), port, payload)
        yield ipv4(source, to, protocol, payload)


def main():
    to, peer, count, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    real = real_payloads(sys.argv[5]) if len(sys.argv) > 5 else []
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    start = time.monotonic()
    for n, packet in enumerate(packets(random.Random(seed), to, peer, count, real)):
        out.sendto(packet, (to, 0))
        ahead = n / PER_SECOND - (time.monotonic() - start)
        if ahead > 0.005:
            time.sleep(ahead)


if __name__ == "__main__":
    main()
