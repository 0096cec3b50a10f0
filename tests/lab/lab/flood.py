"""IKE_SA_INIT requests from sources that are not there; run inside a namespace.

    flood.py DESTINATION RATE SECONDS KNOWN

One in sixteen comes in the name of KNOWN, a real peer, with proposals that fit; the others from anywhere.
Prints how many a second went out.
"""

import os
import random
import socket
import struct
import sys
import time

# The base point of P-256: a public value like any other.
POINT = bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
BATCH = 250


def transform(kind, number, last=False, key_bits=None):
    attribute = struct.pack("!HH", 0x800E, key_bits) if key_bits else b""
    return struct.pack("!BBHBBH", 0 if last else 3, 0, 8 + len(attribute), kind, 0, number) + attribute


def payload(following, body):
    return struct.pack("!BBH", following, 0, 4 + len(body)) + body


def request():
    """aes128-sha256-ecp256, with an SPI and a nonce of its own."""
    transforms = transform(1, 12, key_bits=128) + transform(2, 5) + transform(3, 12) + transform(4, 19, last=True)
    proposal = struct.pack("!BBHBBBB", 0, 0, 8 + len(transforms), 1, 1, 0, 4) + transforms
    body = (payload(34, proposal) + payload(40, struct.pack("!HH", 19, 0) + POINT) + payload(0, os.urandom(32)))
    return os.urandom(8) + bytes(8) + struct.pack("!BBBBII", 33, 0x20, 34, 0x08, 0, 28 + len(body)) + body


def packet(source, destination):
    message = request()
    udp = struct.pack("!HHHH", 500, 500, 8 + len(message), 0) + message
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(source),
                       socket.inet_aton(destination)) + udp


def main():
    destination, rate, seconds, known = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    packets = [packet(known if i % 16 == 0 else f"198.18.{random.randrange(256)}.{random.randrange(256)}", destination)
               for i in range(8192)]
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    print("flooding", flush=True)
    start, sent, to = time.monotonic(), 0, (destination, 0)
    while (now := time.monotonic() - start) < seconds:
        if sent > now * rate:
            time.sleep(0.001)
            continue
        for i in range(sent, sent + BATCH):
            try:
                out.sendto(packets[i % len(packets)], to)
            except OSError:
                pass  # the link's queue is full: that one is lost
        sent += BATCH
    print(f"rate {int(sent / (time.monotonic() - start))}", flush=True)


if __name__ == "__main__":
    main()
