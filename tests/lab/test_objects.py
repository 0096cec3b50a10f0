"""Operators change what runs: object by object, several at once, and through kills of the gateway."""

import json
import os
import random
import threading
import time

from lab import wait_for
from lab.network import command
from lab.topology import PSK, Site


SECONDS = int(os.environ.get("LAB_SECONDS", 12))
SEED = int(os.environ.get("LAB_SEED", 1))


def told(gateway, *words):
    done = gateway.isthmus(*words, json=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def refused(gateway, *words):
    done = gateway.isthmus(*words, check=False)
    assert done.returncode == 1, f"{words}: {done.stdout}{done.stderr}"
    return done.stderr


def names(gateway, what, key):
    return [o["name"] for o in gateway.show(what)[key]]


def test_a_tenant_by_commands(lab):
    """From nothing to a tenant with a connection, and back, while another tunnel carries pings."""
    site = Site(lab).start()
    gateway = site.gateway
    site.await_up()
    ping = site.cloud.host.ping_in_background(site.idc.host, count=int(8 / 0.02), interval=0.02)

    told(gateway, "create", "border-gateway", "b2", "asn=65100", 'description=the "second" tenant')
    told(gateway, "create", "customer-gateway", "c2", "addresses=198.51.9.1,198.51.9.2")
    told(gateway, "create", "connection", "v2", "border_gateway=b2", "customer_gateway=c2", "bgp=false")
    told(gateway, "create", "vpc", "p2", "prefixes=10.99.0.0/16")
    told(gateway, "create", "attachment", "p2@b2", "port=vpc", "addresses=10.99.0.1/16", "vxlan.vni=99",
         "vxlan.local_vtep=172.31.0.1", "vxlan.remote_vtep=172.31.0.9")
    told(gateway, "route", "add", "b2", "192.168.9.0/24", "v2")
    tunnels = [t["name"] for t in gateway.show("tunnels")["tunnels"] if t["connection"] == "v2"]
    assert tunnels == ["v2-1", "v2-2"]
    key = told(gateway, "show", "tunnel", "v2-1", "psk")["psk"]
    assert len(key) == 32
    (b2,) = [g for g in gateway.show("border-gateways")["border_gateways"] if g["name"] == "b2"]
    assert (b2["connections"], b2["attachments"], b2["static_routes"]) == (1, 1, 1)
    assert b2["description"] == 'the "second" tenant'
    (v2,) = [c for c in gateway.show("connections")["connections"] if c["name"] == "v2"]
    assert v2["ha_status"] == "not_redundant" and v2["tunnels"] == 2

    told(gateway, "set", "tunnel", "v2-1", "esp_cipher=aes256gcm,aes128", "dpd=30", "psk=a new one, with blanks")
    assert told(gateway, "show", "tunnel", "v2-1", "psk")["psk"] == "a new one, with blanks"
    assert "must be a number from 0 to 3600" in refused(gateway, "set", "tunnel", "v2-1", "dpd=99999")
    assert "first delete" in refused(gateway, "delete", "border-gateway", "b2")
    assert 'first "tunnel v2-1 disable"' in refused(gateway, "delete", "tunnel", "v2-1")
    assert "customer_ip cannot change" in refused(gateway, "set", "tunnel", "v2-1", "customer_ip=198.51.9.9")
    assert "needs a restart" in refused(gateway, "set", "port", "wan", "mtu=1400")

    # What an operator did not save, and what was chosen for him, survives; the file is as it was.
    assert told(gateway, "diff")["unsaved"]
    before = gateway.isthmus("show", "configuration").stdout
    told(gateway, "save")
    assert told(gateway, "diff") == {"differences": [], "unsaved": False}
    for secret in (PSK, key, "a new one"):
        assert secret not in before + gateway.output() + gateway.isthmus("diff").stdout
    told(gateway, "tunnel", "v2-2", "disable")
    assert [(d["kind"], d["name"], d["field"]) for d in told(gateway, "diff")["differences"]] == [
        ("tunnel", "v2-2", "enabled")]

    told(gateway, "tunnel", "v2-1", "disable")
    for words in ("tunnel v2-1", "tunnel v2-2"):
        told(gateway, "delete", *words.split())
    told(gateway, "route", "delete", "b2", "192.168.9.0/24", "v2")
    for words in ("connection v2", "attachment p2@b2", "vpc p2", "customer-gateway c2", "border-gateway b2"):
        told(gateway, "delete", *words.split())
    assert names(gateway, "border-gateways", "border_gateways") == ["bgw"]
    assert gateway.tunnel(site.TUNNEL)["ups"] == 1
    assert ping.result().lost == 0
    gateway.stop()


def test_no_kill_loses_what_was_acknowledged(lab):
    site = Site(lab).start()
    gateway = site.gateway
    acknowledged = []
    rng = random.Random(SEED * 100 + 7)
    for round in range(4):
        stop = threading.Event()

        def operator():
            number = 0
            while not stop.is_set():
                name = f"c{round}-{number}"
                done = gateway.isthmus("create", "customer-gateway", name, f"addresses=198.51.{round + 50}.{number + 1}",
                                       check=False)
                if done.returncode == 0:
                    acknowledged.append(name)
                number += 1

        seen = len(acknowledged)
        thread = threading.Thread(target=operator)
        thread.start()
        wait_for(lambda: len(acknowledged) > seen + 2, 20, "acknowledged changes")
        time.sleep(rng.uniform(0, 0.05))
        gateway.kill()
        stop.set()
        thread.join()
        gateway.start()
        there = set(names(gateway, "customer-gateways", "customer_gateways"))
        assert not [name for name in acknowledged if name not in there]
        assert "error" not in gateway.output()
    assert len(acknowledged) > 10
    gateway.stop()


def test_operators_at_random(lab):
    """Two operators and a script change objects at random under traffic, a third reads JSON all the time; what is
    saved then is what runs after a restart."""
    site = Site(lab).start()
    gateway = site.gateway
    site.await_up()
    ping = site.cloud.host.ping_in_background(site.idc.host, count=int(SECONDS / 0.02), interval=0.02)
    end = time.monotonic() + SECONDS
    done, wrong = [0], []

    def operator(seed):
        rng = random.Random(SEED * 100 + seed)
        while time.monotonic() < end:
            i = rng.randrange(6)
            net = 10 * seed + i
            words = rng.choice([
                f"create border-gateway b{i} asn=65100",
                f"delete border-gateway b{i}",
                f"create customer-gateway c{i} addresses=198.51.{net}.1",
                f"delete customer-gateway c{i}",
                f"create connection v{i} border_gateway=b{i} customer_gateway=c{i} bgp=false",
                f"delete connection v{i}",
                f"set tunnel v{i}-1 dpd={rng.randrange(1, 100)} esn={rng.choice(['yes', 'no'])}",
                f"unset tunnel v{i}-1 dpd",
                f"tunnel v{i}-1 disable",
                f"tunnel v{i}-1 enable",
                f"delete tunnel v{i}-1",
                f"create tunnel v{i}-1 connection=v{i} cloud_ip=203.0.1.1 customer_ip=198.51.{net}.1",
                f"route add b{i} 192.168.{i}.0/24 v{i}",
                f"route delete b{i} 192.168.{i}.0/24 v{i}",
                f"set border-gateway b{i} description=x{rng.randrange(100)}",
            ])
            status = gateway.isthmus(*words.split(), check=False)
            if status.returncode not in (0, 1) or (status.returncode == 1 and not status.stderr):
                wrong.append((words, status.returncode, status.stderr))
            done[0] += status.returncode == 0

    def script():
        rng = random.Random(SEED * 100 + 9)
        while time.monotonic() < end:
            lines = [f"set tunnel {site.TUNNEL} description=n{rng.randrange(1000)}" for _ in range(5)]
            status = command([gateway.program("isthmus"), "--socket", gateway.socket], check=False,
                             text="\n".join([*lines, "diff", "show configuration", "save"]) + "\n")
            if status.returncode != 0:
                wrong.append(("script", status.returncode, status.stderr))

    threads = [threading.Thread(target=operator, args=(n,)) for n in (1, 2)] + [threading.Thread(target=script)]
    for thread in threads:
        thread.start()
    read = 0
    while time.monotonic() < end:
        for what in ("tunnels", "connections", "border-gateways", "customer-gateways", "routes", "configuration"):
            assert isinstance(gateway.show(*what.split()), dict)
            read += 1
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    assert done[0] > 5 and read > 10
    assert ping.result().lost == 0
    told(gateway, "save")
    before = gateway.isthmus("show", "configuration").stdout
    gateway.stop()
    gateway.start()
    assert told(gateway, "diff") == {"differences": [], "unsaved": False}
    assert gateway.isthmus("show", "configuration").stdout == before
    gateway.stop()
