"""IKE messages in the name of others, as many a second as asked for; run inside a namespace.

    flood.py KIND DESTINATION RATE SECONDS KNOWN

KNOWN is a real peer. Kinds: strangers (IKE_SA_INIT requests; one in sixteen comes in the name of KNOWN, the
others from anywhere), known (all from KNOWN), v1 (first messages of Main and Aggressive Mode, likewise one in
sixteen), pieces (IP fragments that never become whole, and fragments of IKE messages of SAs that are not there).
Prints how many a second went out.
"""

import ctypes
import os
import random
import socket
import struct
import sys
import time

# The base point of P-256: a public value like any other.
POINT = bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
PACKETS = 8192
BATCH = 128


def transform(kind, number, last=False, key_bits=None):
    attribute = struct.pack("!HH", 0x800E, key_bits) if key_bits else b""
    return struct.pack("!BBHBBH", 0 if last else 3, 0, 8 + len(attribute), kind, 0, number) + attribute


def payload(following, body):
    return struct.pack("!BBH", following, 0, 4 + len(body)) + body


def message(first, version, exchange, flags, body, spi_r=bytes(8)):
    return os.urandom(8) + spi_r + struct.pack("!BBBBII", first, version, exchange, flags, 0, 28 + len(body)) + body


def request():
    """aes128-sha256-ecp256, with an SPI and a nonce of its own."""
    transforms = transform(1, 12, key_bits=128) + transform(2, 5) + transform(3, 12) + transform(4, 19, last=True)
    proposal = struct.pack("!BBHBBBB", 0, 0, 8 + len(transforms), 1, 1, 0, 4) + transforms
    body = payload(34, proposal) + payload(40, struct.pack("!HH", 19, 0) + POINT) + payload(0, os.urandom(32))
    return message(33, 0x20, 34, 0x08, body)


def request_v1(aggressive):
    """aes128-sha256-ecp256 with a pre-shared key."""
    attributes = b"".join(struct.pack("!HH", 0x8000 | k, v) for k, v in
                          ((1, 7), (14, 128), (2, 4), (3, 1), (4, 19), (11, 1), (12, 14400)))
    transforms = struct.pack("!BBHBBH", 0, 0, 8 + len(attributes), 1, 1, 0) + attributes
    proposal = struct.pack("!BBHBBBB", 0, 0, 8 + len(transforms), 1, 1, 0, 1) + transforms
    offer = struct.pack("!II", 1, 1) + proposal
    if not aggressive:
        return message(1, 0x10, 2, 0, payload(0, offer))
    identity = struct.pack("!BBH", 1, 0, 0) + socket.inet_aton("198.51.1.2")
    return message(1, 0x10, 4, 0, payload(4, offer) + payload(10, POINT) + payload(5, os.urandom(32)) + payload(0, identity))


def piece():
    """Of an encrypted message: number 1 of 2."""
    return message(53, 0x20, 35, 0x08, payload(35, struct.pack("!HH", 1, 2) + os.urandom(48)), spi_r=os.urandom(8))


def packet(source, destination, content, fragment=0):
    """fragment: of IP, the field with its offset and flags."""
    udp = struct.pack("!HHHH", 500, 500, 8 + len(content), 0) + content
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), random.randrange(1, 65536), fragment, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(destination)) + udp


def packets(kind, destination, known):
    for i in range(PACKETS):
        stranger = f"198.18.{random.randrange(256)}.{random.randrange(256)}"
        source = known if kind == "known" or i % 16 == 0 or kind == "pieces" and i % 2 else stranger
        if kind == "v1":
            yield packet(source, destination, request_v1(aggressive=i % 32 >= 16))
        elif kind == "pieces" and i % 4 < 2:
            yield packet(source, destination, request()[:192], fragment=0x2000)
        else:
            yield packet(source, destination, piece() if kind == "pieces" else request())


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    """struct mmsghdr of Linux on 64 bits."""
    _fields_ = [("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vector", ctypes.POINTER(Vector)),
                ("n_vectors", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("gap", ctypes.c_int), ("sent", ctypes.c_uint32)]


class Volley:
    """All packets, to be sent by as few system calls as can be."""

    def __init__(self, contents, destination):
        to = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(destination))
        self.to = ctypes.create_string_buffer(to, len(to))
        self.buffers = [ctypes.create_string_buffer(c, len(c)) for c in contents]
        self.vectors = (Vector * PACKETS)(*[(ctypes.addressof(b), len(b)) for b in self.buffers])
        self.messages = (Message * PACKETS)()
        for i, m in enumerate(self.messages):
            m.name, m.name_length = ctypes.addressof(self.to), len(to)
            m.vector, m.n_vectors = ctypes.pointer(self.vectors[i]), 1
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg

    def fire(self, start, n):
        """How many went out; the link's queue may be full."""
        at = ctypes.byref(self.messages, start * ctypes.sizeof(Message))
        return max(self.sendmmsg(self.socket.fileno(), at, n, 0), 0)


def main():
    kind, destination, rate, seconds, known = *sys.argv[1:3], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
    volley = Volley(list(packets(kind, destination, known)), destination)
    print("flooding", flush=True)
    start, sent, turn = time.monotonic(), 0, 0
    while (now := time.monotonic() - start) < seconds:
        if sent > now * rate:
            time.sleep(0.001)
            continue
        sent += volley.fire(turn * BATCH % PACKETS, BATCH)
        turn += 1
    print(f"rate {int(sent / (time.monotonic() - start))}", flush=True)


if __name__ == "__main__":
    main()
