"""What is watched from outside: metrics over HTTP, telemetry, events and logs; and that no secret is among it."""

import json
import os
import re
import socket
import stat
import subprocess

import pytest

from lab.gateway import TOP
from lab.network import command
from lab.topology import Pair, Site
from lab.wait import wait_for

METRICS = "127.0.0.1:9100"
# One of each sort, unlike anything else that a process may hold.
SECRETS = {
    "psk": "psk-Zeppelin-47113-Quokka",
    "ppk": "ppk-Marimba-90210-Walrus",
    "bgp_password": "bgp-Xylophone-31337-Gnu",
}


def http(gateway, request="GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
    """The whole answer to a request, made inside the gateway's namespace."""
    host, port = METRICS.split(":")
    program = ("import socket, sys\n"
               f"s = socket.create_connection(({host!r}, {port}), 5)\n"
               "s.sendall(sys.stdin.buffer.read())\n"
               "while (d := s.recv(65536)): sys.stdout.buffer.write(d)\n")
    return command(gateway.ns.inside(["/usr/bin/python3", "-c", program]), text=request).stdout


def metric(text, line):
    """The value of the series that begins so."""
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.M)
    assert found, f"{line} is not among\n{text}"
    return float(found.group(1))


def test_metrics_over_http(lab):
    site = Site(lab)
    site.gateway.config["metrics"] = {"listen": METRICS}
    site.gateway.write()
    site.start()
    site.await_up()
    idc, cloud = site.hosts
    idc.await_ping(cloud)
    before = http(site.gateway)
    assert idc.ping(cloud, count=10, interval=0.02).lost == 0
    site.gateway.isthmus("tunnel", "dc1-1", "rekey")
    wait_for(lambda: metric(http(site.gateway), 'isthmus_tunnel_rekeys_total{tunnel="dc1-1",sa="child"}') == 1, 5,
             lambda: "the rekey's count")
    after = http(site.gateway)
    assert after.startswith("HTTP/1.1 200 OK")
    for direction in ("in", "out"):
        packets = f'isthmus_tunnel_packets_total{{tunnel="dc1-1",direction="{direction}"}}'
        plain = f'isthmus_tunnel_bytes_total{{tunnel="dc1-1",direction="{direction}"}}'
        assert metric(after, packets) >= metric(before, packets) + 10
        assert metric(after, plain) >= metric(before, plain) + 840
        assert metric(after, plain.replace("bytes", "encrypted_bytes")) > metric(after, plain)
    assert metric(after, 'isthmus_tunnel_up{tunnel="dc1-1"}') == 1
    assert metric(after, 'isthmus_events_total{event="tunnel-up"}') == 1
    assert metric(after, 'isthmus_worker_packets_total{worker="0",what="decrypted"}') > 0
    assert metric(after, 'isthmus_port_up{port="wan"}') == 1
    checked = subprocess.run(["promtool", "check", "metrics"], input=after.split("\n\n", 1)[1], text=True,
                             capture_output=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert http(site.gateway, "POST /metrics HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 405")
    assert http(site.gateway, "GET / HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 404")


def test_latency(lab):
    """Probes of a tunnel: the inner peer answers, falls silent while the tunnel stays UP, and answers again."""
    site = Site(lab, inner="169.254.1.2/30", probe=1)
    site.gateway.config["metrics"] = {"listen": METRICS}
    site.gateway.write()
    site.start()
    site.await_up()

    def probe():
        return site.gateway.tunnel(site.TUNNEL)["probe"]

    wait_for(lambda: probe()["answers"], 10, lambda: f"an answer: {probe()}")
    seen = probe()
    assert 0 < seen["least_ms"] <= seen["mean_ms"] <= seen["most_ms"] < 1000 and seen["interval_seconds"] == 1
    assert "Latency to the inner peer" in site.gateway.isthmus("show", "tunnel", site.TUNNEL).stdout
    wait_for(lambda: probe()["sent"] >= 3, 5, "more requests")
    assert 0 < metric(http(site.gateway), 'isthmus_tunnel_latency_seconds{tunnel="dc1-1"}') < 1

    site.idc.ns.run(["sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1"])
    wait_for(lambda: not probe()["answers"], 10, lambda: f"silence: {probe()}")
    assert probe()["lost"] >= 3
    assert "requests in a row" in site.gateway.output()
    assert metric(http(site.gateway), 'isthmus_events_total{event="probe-lost"}') == 1
    assert metric(http(site.gateway), 'isthmus_tunnel_probes_lost_total{tunnel="dc1-1"}') >= 3
    tunnel = site.gateway.tunnel(site.TUNNEL)
    assert tunnel["state"] == "UP" and tunnel["downs"] == 0
    site.idc.ns.run(["sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=0"])
    wait_for(lambda: probe()["answers"], 10, lambda: f"an answer again: {probe()}")

    # Off again, without a rebuild.
    spi = tunnel["sas"][0]["spi_in"]
    site.gateway.isthmus("set", "tunnel", site.TUNNEL, "probe=0")
    tunnel = site.gateway.tunnel(site.TUNNEL)
    assert tunnel["probe"] is None and tunnel["sas"][0]["spi_in"] == spi


class Telemetry:
    """What dpdk-telemetry.py does. DPDK's socket has a fixed place, so that the gateway gets a /run of its own."""

    WRAP = ["sh", "-c", "mount -t tmpfs run /run && exec \"$@\"", "sh"]

    def __init__(self, gateway):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        self.socket.connect(f"/proc/{gateway.process.pid}/root/run/dpdk/isthmus/dpdk_telemetry.v2")
        self.greeting = json.loads(self.socket.recv(4096))

    def ask(self, words):
        self.socket.send(words.encode())
        return json.loads(self.socket.recv(1 << 20))

    def everything(self):
        """Pairs of a command, and what is answered without an argument and for the first of what it counts."""
        for command_ in self.ask("/")["/"]:
            for words in (command_, f"{command_},0"):
                yield words, json.dumps(self.ask(words)).encode()


def test_telemetry(lab):
    pair = Pair(lab)
    gateway = pair.gateways[0]
    gateway.wrap = Telemetry.WRAP
    gateway.config["workers"]["telemetry"] = True
    gateway.write()
    pair.start()
    pair.await_up(30)
    assert pair.hosts[0].ping(pair.hosts[1], count=5, interval=0.02).lost == 0
    telemetry = Telemetry(gateway)
    assert telemetry.greeting["pid"]
    workers = telemetry.ask("/isthmus/workers")["/isthmus/workers"]
    tunnel = telemetry.ask("/isthmus/tunnel,0")["/isthmus/tunnel"]
    assert telemetry.ask("/isthmus/drops") and telemetry.ask("/isthmus/tunnels")
    assert len(json.dumps(workers)) > 50 and any(v for v in tunnel.values()), (workers, tunnel)
    assert "/isthmus/workers" in telemetry.ask("/")["/"]


def dumped(pid):
    """What a core of this process would hold, even root's: its memory but what is excluded from dumps."""
    kept, last = [], None
    with open(f"/proc/{pid}/smaps") as f:
        for line in f:
            if m := re.match(r"([0-9a-f]+)-([0-9a-f]+) (r\S+) ", line):
                last = (int(m.group(1), 16), int(m.group(2), 16))
            elif line.startswith("VmFlags:") and last:
                if not {"dd", "io"} & set(line.split()):
                    kept.append(last)
                last = None
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for first, end in kept:
            try:
                mem.seek(first)
                rest, tail = end - first, b""
                while rest > 0 and (piece := mem.read(min(rest, 1 << 24))):
                    yield tail + piece
                    tail, rest = piece[-64:], rest - len(piece)
            except OSError:
                continue  # nothing is there: a guard page


def everything_told(gateway, folder):
    """Pairs of where, and bytes."""
    with open(gateway.log, "rb") as f:
        yield "log", f.read()
    commands = [["show", what] for what in (
        "tunnels", "tunnel east-1", "tunnel east-1 log", "sas", "routes", "bgp", "bgp east-1", "routing", "ports",
        "workers", "drops", "ike", "connections", "connection east", "customer-gateways", "border-gateways", "vpcs",
        "attachments", "neighbours", "configuration", "configuration tunnel east-1", "tunnel east-1 history", "version")]
    commands += [["diff"], ["explain", "10.1.1.2", "10.2.1.2", "in", "vpc"], ["set", "tunnel", "east-1", "psk="],
                 ["set", "tunnel", "east-1", "nonsense=" + SECRETS["psk"]], ["help"]]
    commands += [["doctor"], ["client-config", "east-1", "for", "strongswan"], ["client-config", "east-1", "for", "isthmus"]]
    for words in commands:
        words = " ".join(words).split()
        for as_json in (False, True):
            answer = gateway.isthmus(*words, json=as_json, check=False)
            yield " ".join(words), (answer.stdout + answer.stderr).encode()
    yield "metrics", http(gateway).encode()
    yield from Telemetry(gateway).everything()
    answer = command([gateway.program("isthmus"), "--socket", gateway.socket, "support-bundle",
                      os.path.join(folder, "bundle.tar")], check=False)
    yield "support-bundle's words", (answer.stdout + answer.stderr).encode()
    for name in os.listdir(folder):
        if name.startswith("bundle"):
            with open(os.path.join(folder, name), "rb") as f:
                yield name, f.read()
    for name in ("cmdline", "environ", "maps", "status", "comm"):
        with open(f"/proc/{gateway.process.popen.pid}/{name}", "rb") as f:
            yield name, f.read()


def test_no_secret_is_told(lab):
    """Logs, shows, JSON, metrics, events, support bundle, /proc and what a core dump would hold."""
    pair = Pair(lab, bgp=True, tunnel={**SECRETS, "ppk_id": "one", "dpd": 5})
    gateway = pair.gateways[0]
    for g in pair.gateways:
        g.build = os.path.join(TOP, os.environ.get("ISTHMUS_RELEASE", "build/release"))  # a sanitizer keeps what was freed
        g.config["log"] = {"level": "debug", "format": "json"}
        g.config["metrics"] = {"listen": METRICS}
    gateway.config["workers"]["telemetry"] = True
    gateway.wrap = Telemetry.WRAP
    for g in pair.gateways:
        g.write()
    pair.start()
    pair.await_up(30)
    gateway.isthmus("tunnel", "east-1", "rekey", "ike")
    wait_for(lambda: metric(http(gateway), 'isthmus_tunnel_rekeys_total{tunnel="east-1",sa="ike"}') == 1, 5,
             lambda: "the rekey's count")
    lines = [json.loads(line) for line in gateway.output().splitlines() if line.startswith("{")]
    assert {"tunnel-up", "ike-rekeyed"} <= {line["event"] for line in lines}
    for where, told in everything_told(gateway, lab.folder):
        for what, secret in SECRETS.items():
            assert secret.encode() not in told, f"{what} is in {where}"
    # Each key once to and from an operator who may have it.
    fresh = SECRETS["psk"] + "-fresh"
    assert SECRETS["psk"] in gateway.isthmus("show", "tunnel", "east-1", "psk").stdout
    assert SECRETS["psk"] in gateway.isthmus("client-config", "east-1", "for", "strongswan", "with-psk").stdout
    gateway.isthmus("set", "tunnel", "east-1", f"psk={fresh}")
    assert fresh in gateway.isthmus("show", "tunnel", "east-1", "psk", json=True).stdout


    # Where keys are kept, nobody else reads them; and nobody else looks into the process.
    for folder, _, files in os.walk(gateway.folder):
        for name in files:
            if not os.path.isfile(os.path.join(folder, name)):
                continue
            with open(os.path.join(folder, name), "rb") as f:
                text = f.read()
                if any(secret.encode() in text for secret in SECRETS.values()):
                    assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600, name
    for name in ("environ", "maps", "mem", "stack"):
        done = command(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "head", "-c", "1",
                        f"/proc/{gateway.process.popen.pid}/{name}"], check=False)
        assert done.returncode != 0 and "denied" in done.stderr, f"{name}: {done.stdout}{done.stderr}"
    # It is meant to be without a core; and root's debugger finds none of them in what it would dump.
    limits = open(f"/proc/{gateway.process.popen.pid}/limits").read()
    assert re.search(r"^Max core file size\s+0\s+0\s", limits, re.M), limits
    looked = False
    for piece in dumped(gateway.process.popen.pid):
        looked |= b"169.254.7.1" in piece or b"east-1" in piece
        for what, secret in SECRETS.items():
            assert secret.encode() not in piece, f"{what} would be in a core"
    assert looked, "nothing of the gateway is in what was looked through"
