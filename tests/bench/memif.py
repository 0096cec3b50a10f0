#!/usr/bin/python3
"""From end to end through memif: DPDK's testpmd sends the bench's packets into the gateway's port at a VPC as fast as
it can, and throws away what comes out of the other one.

    memif.py BUILD --cpu N --other N [--quick] ALG..

The gateway's worker has one CPU, testpmd the other: it copies each packet three times, so that it, and not the
gateway, may be what is full; `busy` says what share of its time the worker had packets. Prints an object of JSON a
line, for report.py; nothing where testpmd is not installed. Leaves nothing behind.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOOL = "dpdk-testpmd"
SIZES = (64, 1420)


def testpmd(folder, cpu, pages):
    """Ports: the packets, the VPC's end; the customers' end, nowhere."""
    memif = "net_memif{0},role=client,id=0,socket-abstract=no,socket={1}/{2}"
    memory = ["--in-memory", "-m", "256"] if pages else ["--no-huge", "--no-shconf", "-m", "256"]
    return subprocess.Popen(
        [TOOL, "--lcores", f"0@{cpu},1@{cpu}", *memory, "--no-pci", "--no-telemetry", "--log-level=error",
         "--vdev", f"net_pcap0,rx_pcap={folder}/feed.pcap,infinite_rx=1", "--vdev", memif.format(0, folder, "lan"),
         "--vdev", memif.format(1, folder, "wan"), "--vdev", "net_null0,no-rx=1",
         "--", "--forward-mode=io", "--port-topology=paired", "--total-num-mbufs=16384", "--burst=64",
         "--no-flush-rx", "--no-lsc-interrupt"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def counted(said, port):
    """Sent and dropped by this port of testpmd's, by its last words."""
    block = re.search(rf"Forward statistics for port {port} .*?\n((?:.*\n){{2}})", said)
    tx = re.search(r"TX-packets: (\d+)\s+TX-dropped: (\d+)", block[1]) if block else None
    return (int(tx[1]), int(tx[2])) if tx else (0, 0)


def run(build, asked, alg, size):
    seconds = 2 if asked.quick else 5
    with tempfile.TemporaryDirectory(prefix="isthmus-memif-") as folder:
        with subprocess.Popen([f"{build}/tests/bench/bench_memif", "--folder", folder, "--alg", alg, "--cpu",
                               str(asked.cpu), "--size", str(size), "--seconds", str(seconds)],
                              stdout=subprocess.PIPE, text=True) as gateway:
            ready = gateway.stdout.readline()
            if ready.strip() != "ready":
                sys.exit("memif: the gateway's end did not come up")
            other = testpmd(folder, asked.other, os.geteuid() == 0)
            try:
                result = gateway.stdout.readline()
            finally:
                try:
                    said, _ = other.communicate("\n", timeout=20)
                except subprocess.TimeoutExpired:
                    other.kill()
                    said, _ = other.communicate()
        if not result:
            sys.exit(f"memif: nothing came through; testpmd said:\n{said}")
    result = json.loads(result)
    taken, refused = counted(said, 1)
    result["refused"] = round(refused / (taken + refused), 3) if taken + refused else None
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--cpu", required=True, type=int)
    parser.add_argument("--other", required=True, type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("alg", nargs="+")
    asked = parser.parse_args()
    if not shutil.which(TOOL):
        return
    for alg in asked.alg:
        for size in SIZES:
            print(json.dumps(run(asked.build, asked, alg, size)), flush=True)


if __name__ == "__main__":
    main()
