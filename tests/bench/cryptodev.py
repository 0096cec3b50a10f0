#!/usr/bin/python3
"""What a gateway over DPDK's cryptodev pays for the cryptography of a packet alone: its drivers crypto_aesni_gcm and
crypto_aesni_mb, by dpdk-test-crypto-perf, on this machine. ipsec-secgw has these drivers below it, so a packet of its
costs more than this. Bursts of 32, buffers that stay in the cache.

    cryptodev.py --cpu N [--quick] ALG..

Prints an object of JSON a line, for report.py; nothing where the tool is not installed.
"""

import argparse
import json
import os
import shutil
import subprocess

TOOL = "dpdk-test-crypto-perf"
HASHES = {"sha1": ("sha1-hmac", 12), "sha256": ("sha2-256-hmac", 16)}
SIZES = (64, 1420)


def aead(cipher, encrypt):
    return "crypto_aesni_gcm", 4, [
        "--optype", "aead", "--aead-algo", "aes-gcm", "--aead-op", "encrypt" if encrypt else "decrypt",
        "--aead-key-sz", str(int(cipher[3:6]) // 8), "--aead-iv-sz", "12", "--aead-aad-sz", "8", "--digest-sz", "16"]


def chain(cipher, auth, encrypt):
    algorithm, digest = HASHES[auth]
    return "crypto_aesni_mb", 16, [
        "--optype", "cipher-then-auth" if encrypt else "auth-then-cipher", "--cipher-algo", "aes-cbc",
        "--cipher-op", "encrypt" if encrypt else "decrypt", "--cipher-key-sz", str(int(cipher[3:6]) // 8),
        "--cipher-iv-sz", "16", "--auth-algo", algorithm, "--auth-op", "generate" if encrypt else "verify",
        "--auth-key-sz", "64", "--digest-sz", str(digest)]


def cycles(cpus, driver, options, size, ops):
    """Of a buffer; None: the tool did not say."""
    done = subprocess.run(
        [TOOL, "-l", cpus, "--no-huge", "-m", "256", "--no-pci", "--no-telemetry", "--log-level=error", "--vdev", driver,
         "--", "--ptest", "throughput", "--silent", "--csv-friendly", "--devtype", driver, "--burst-sz", "32",
         "--pool-sz", "1024", "--total-ops", str(ops), "--buffer-sz", str(size), *options],
        capture_output=True, text=True, timeout=60, check=False)
    rows = [line.split(",") for line in done.stdout.splitlines() if line.strip()[:1].isdigit()]
    return float(rows[-1][-1]) if rows else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cpu", required=True, type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("alg", nargs="+")
    asked = parser.parse_args()
    others = sorted(os.sched_getaffinity(0) - {asked.cpu})
    if not shutil.which(TOOL) or not others:
        return
    for alg in asked.alg:
        cipher, _, auth = alg.partition("-")
        if auth and auth not in HASHES or not auth and not cipher.endswith("gcm"):
            continue
        for encrypt in (True, False):
            driver, block, options = chain(cipher, auth, encrypt) if auth else aead(cipher, encrypt)
            for size in SIZES:
                padded = (size + 2 + block - 1) // block * block
                value = cycles(f"{others[0]},{asked.cpu}", driver, options, padded, 200000 if asked.quick else 2000000)
                if value is not None:
                    print(json.dumps({"name": "cryptodev", "value": round(value, 1), "unit": "cycles/packet", "alg": alg,
                                      "dir": "enc" if encrypt else "dec", "size": size, "driver": driver}), flush=True)


if __name__ == "__main__":
    main()
