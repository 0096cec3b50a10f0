"""What IKEv2 offers beyond a plain tunnel, each with strongSwan."""

import pytest

from lab import Stopwatch, wait_for
from lab.capture import Capture
from lab.topology import PSK, Pair, Site

SECOND = "192.168.11.0/24"


def counter(site, name):
    return site.gateway.show("ike")["counters"][name]


def test_on_demand(lab):
    """Idle it stays down and says nothing; the first packet brings it up, again after the peer has deleted it."""
    site = Site(lab, start="on_demand").start()
    idc, cloud = site.hosts
    site.gateway.await_tunnel(site.TUNNEL, "DOWN", reason="wait")
    quiet = Stopwatch()
    wait_for(lambda: quiet.seconds > 3, 5, "three idle seconds")
    assert site.gateway.show("ike")["counters"]["tx"] == 0 and site.gateway.tunnel(site.TUNNEL)["state"] == "DOWN"
    for again in range(2):
        cloud.await_ping(idc)
        site.await_up()
        site.check_both_ways()
        assert "there is traffic" in site.log()
        if not again:
            site.strongswan.terminate()
            site.gateway.await_tunnel(site.TUNNEL, "DOWN", reason="deleted")
    drops = site.gateway.show("drops")
    assert "no-tunnel-up" in str(drops), drops


def test_fragmentation(lab):
    """Both sides cut their messages, which long names and many networks make long."""
    local, remote = "l" * 120 + ".example", "r" * 110 + ".example"
    site = Site(lab, ike_fragment=576, local_id=local, remote_id=remote)
    site.gateway.config["vpn_connections"][0]["remote_subnets"] = [f"192.168.{i}.0/24" for i in range(1, 9)]
    site.gateway.write()
    site.strongswan.configure("fragment_size = 300")
    site.start(local_id=remote, remote_id=local, local_ts=site.idc.prefix, connection="fragmentation = yes")
    site.await_up()
    assert counter(site, "fragments") >= 2 and counter(site, "bad-fragment") == 0
    assert "received fragment #1 of" in site.strongswan.log()
    site.check_both_ways()


def fragments_sent(ns):
    """Fragments that the kernel of this namespace has made of what was sent."""
    names, values = (line.split() for line in ns.run(["cat", "/proc/net/snmp"]).stdout.splitlines()
                     if line.startswith("Ip:"))
    return int(values[names.index("FragCreates")])


MANY_GROUPS = ["modp4096", "modp3072", "modp2048", "ecp521", "ecp384", "ecp256"]


@pytest.mark.parametrize("version,mode,groups,driver", [
    ("v2", "main", ["modp4096"], "af_xdp"), ("v1", "main", ["modp4096"], "af_xdp"),
    ("v1", "aggressive", ["modp4096"], "af_xdp"),
    ("v2", "main", MANY_GROUPS, "af_xdp"), ("v2", "main", MANY_GROUPS, "af_packet")],
    ids=["v2", "main", "aggressive", "3 KiB", "3 KiB, joined by Linux"])
def test_first_messages_in_ip_fragments(lab, version, mode, groups, driver):
    """A long list of proposals and a long public value, on a way on which the first request does not fit.

    Packet sockets get whole what came in fragments; AF_XDP gets the fragments, which the gateway joins."""
    site = Site(lab, devices={"wan_device": f"net_{driver}0,iface=wan"},
                ike_version=version, ike_mode=mode, ike_dh=["modp4096"], start="respond")
    site.idc.ns.ip(f"route change default via {site.idc.net}.254 mtu lock 576")  # answers come as they are
    proposals = ", ".join(f"{cipher}-{auth}-{group}" for group in groups for cipher in ("aes256", "aes192", "aes128")
                          for auth in ("sha512", "sha384", "sha256"))
    site.start(version=int(version[1]), aggressive=mode == "aggressive", proposals=proposals,
               connection="fragmentation = no")
    before = fragments_sent(site.idc.ns)
    site.strongswan.initiate()
    site.await_up()
    assert fragments_sent(site.idc.ns) - before >= (6 if len(groups) > 1 else 2)
    assert counter(site, "malformed") == 0 and counter(site, "fragments") == 0
    idc, cloud = site.hosts
    idc.await_ping(cloud)


MANY_CHOICES = {"ike_cipher": ["aes256", "aes192", "aes128"], "ike_auth": ["sha512", "sha384", "sha256"],
                "ike_dh": ["modp4096", "modp3072", "modp2048", "ecp256"]}


@pytest.mark.parametrize("version", ["v2", "v1"])
def test_our_messages_in_ip_fragments(lab, version):
    """We call through a port of 576 bytes: a long public value, and for IKEv1 a transform for each of 36 choices."""
    site = Site(lab, ike_version=version, **MANY_CHOICES)
    site.gateway.config["ports"][0]["mtu"] = 576
    site.gateway.write()
    capture = Capture(site.wan.ns, site.cloud.wan_link, lab.path("wan.pcap"))
    site.start(version=int(version[1]), proposals="aes128-sha256-modp4096")
    site.await_up()
    idc, cloud = site.hosts
    idc.await_ping(cloud)
    capture.stop()
    ours = f"src {site.cloud.address} and "
    assert capture.count(ours + "ip[6:2] & 0x3fff != 0") >= (3 if version == "v1" else 2)
    assert capture.count(ours + "udp and greater 591") == 0
    assert site.gateway.show("ike")["send_failed"] == 0


def test_our_messages_in_ipv6_fragments(lab):
    """Gateway to gateway over IPv6 with the least MTU there is: an IKEv1 call of 36 choices goes in fragments, which
    no kernel joins for the gateway that is called."""
    pair = Pair(lab, tunnel={"ike_version": "v1", **MANY_CHOICES})
    pair.over_ipv6(mtu=1280)
    capture = Capture(pair.wan.ns, pair.clouds[0].wan_link, lab.path("wan.pcap"))
    pair.start().await_up()
    capture.stop()
    assert capture.count("src 2001:db8:1::1 and ip6 proto 44") >= 2
    assert capture.count("src 2001:db8:1::1 and ip6 and greater 1295") == 0
    assert capture.count("ip proto 50 or (ip and udp)") == 0 and capture.count("ip6 proto 50") > 0
    for gateway in pair.gateways:
        assert gateway.show("ike")["send_failed"] == 0 and gateway.show("ike")["counters"]["malformed"] == 0


# Ours and the peer's, as we write them and as strongSwan does.
IDENTITIES = {
    "address": ("192.0.2.99", "192.0.2.7", "192.0.2.99", "192.0.2.7"),
    "fqdn": ("gw.cloud.example", "gw.dc1.example", "gw.cloud.example", "gw.dc1.example"),
    "user-fqdn": ("ops@cloud.example", "ops@dc1.example", "ops@cloud.example", "ops@dc1.example"),
    "key-id": ("key_id:cloud-3", "key_id:branch-7", "keyid:cloud-3", "keyid:branch-7"),
}


@pytest.mark.parametrize("version,mode", [("v2", None), ("v1", "main"), ("v1", "aggressive")],
                         ids=["v2", "main", "aggressive"])
def test_identities(lab, version, mode):
    """All four kinds on both sides."""
    site = Site(lab)
    site.strongswan.start()
    site.gateway.start()
    for i, (local, remote, ours, theirs) in enumerate(IDENTITIES.values()):
        for we_start in (True, False) if version == "v2" else (i % 2 == 0,):
            site.negotiate(we_start, {"ike_version": version, **({"ike_mode": mode} if mode else {}),
                                      "local_id": local, "remote_id": remote},
                           version=int(version[1]), aggressive=mode == "aggressive", local_id=theirs, remote_id=ours)
            assert f"the peer is {remote.removeprefix('key_id:')}" in site.log()
    site.check_both_ways()


@pytest.mark.parametrize("version", [2, 1], ids=["v2", "v1"])
def test_narrowed_selectors_are_kept_by_rekeys(lab, version):
    """strongSwan has less than we: narrowed in IKEv2; in IKEv1, which cannot, it calls with proxy ids, and we do."""
    site = Site(lab, ike_version=f"v{version}", start="respond" if version == 1 else "initiate")
    site.start(version=version, local_ts="192.168.1.0/24", remote_ts="10.1.0.0/16")
    if version == 1:
        site.strongswan.initiate()
    site.await_up()
    site.check_both_ways()
    for ask in (lambda: site.gateway.isthmus("tunnel", site.TUNNEL, "rekey", "child"), site.strongswan.rekey_child):
        before = {c["spi-in"] for c in site.strongswan.children()}
        ask()
        wait_for(lambda: {c["spi-in"] for c in site.strongswan.children()} - before, 5, "the rekeyed child")
        site.check_both_ways()
        sa = site.gateway.tunnel(site.TUNNEL)["sas"][-1]
        assert sa["local"] == ["10.1.0.0/16"] and sa["remote"] == ["192.168.1.0/24"]


@pytest.mark.parametrize("version", [2, 1], ids=["v2", "v1"])
def test_a_child_for_each_pair_of_subnets(lab, version):
    """strongSwan has two networks with a child each, as policy-based gateways do."""
    site = Site(lab, child_per_pair=True, ike_version=f"v{version}")
    connection = site.gateway.config["vpn_connections"][0]
    connection.update(local_subnet="10.1.0.0/16", remote_subnets=[site.idc.prefix, SECOND])
    site.gateway.config["border_gateways"][0]["static_routes"].append({"prefix": SECOND, "next_hop": "dc1"})
    site.gateway.write()
    site.idc.ns.ip("addr add 192.168.11.1/24 dev lan")
    site.hosts[0].ns.ip("addr add 192.168.11.2/24 dev eth0")
    site.start(version=version, local_ts=site.idc.prefix, remote_ts="10.1.0.0/16", second=(SECOND, "10.1.0.0/16"))
    site.await_up()
    wait_for(lambda: len(site.gateway.tunnel(site.TUNNEL)["sas"]) == 2, 10, "two children")
    idc, cloud = site.hosts
    cloud.await_ping(idc)
    wait_for(lambda: cloud.ping("192.168.11.2", count=1).lost == 0, 5, "an answer from the second network")
    assert all(sa["sending"] and sa["in_packets"] and sa["out_packets"]
               for sa in site.gateway.tunnel(site.TUNNEL)["sas"])
    for i in range(2):
        site.gateway.isthmus("tunnel", site.TUNNEL, "rekey", "ike" if i else "child")
        wait_for(lambda: cloud.ping("192.168.11.2", count=1).lost == 0, 5, "an answer after a rekey")
        cloud.await_ping(idc)


def test_pfs_mismatch_shows_at_once(lab):
    """The first child has no key exchange: verify_pfs rekeys it, and the log has both sides' values."""
    site = Site(lab, esp_pfs="ecp384", verify_pfs=True).start(esp_proposals="aes128-sha256-ecp256")
    site.await_up()
    wait_for(lambda: "verify_pfs: child SAs cannot be rekeyed" in site.log(), 10, lambda: site.log())
    assert "NO_PROPOSAL_CHOSEN (14); ours: aes128-sha256-ecp384" in site.log()
    site.check_both_ways()
    site.strongswan.rekey_child()
    wait_for(lambda: "peer's: aes128-sha256-ecp256" in site.log(), 5, lambda: site.log())
    site.check_both_ways()
    assert PSK not in site.log()


@pytest.mark.parametrize("required", [True, False], ids=["required", "optional"])
def test_post_quantum_key(lab, required):
    """Required, and both have it; optional, and strongSwan does not know it."""
    site = Site(lab, ppk="hush-quantum", ppk_id="ppk-seven", ppk_required=required)
    if required:
        site.start(connection="ppk_id = ppk-seven\n    ppk_required = yes",
                   secrets='ppk-x {\n    id = ppk-seven\n    secret = "hush-quantum"\n  }')
    else:
        site.start()
    site.await_up()
    assert site.gateway.tunnel(site.TUNNEL)["ike"]["ppk"] is required
    site.check_both_ways()


def test_rekey_by_packets_and_bytes(lab):
    """Limits of 150 packets or 20000 bytes under pings, which are rekeyed before they are reached."""
    site = Site(lab, esp_lifetime_packets=150, esp_lifetime_bytes=20000).start()
    site.await_up()
    idc, cloud = site.hosts
    idc.await_ping(cloud)
    before = len(set(site.log().splitlines()))
    result = idc.ping(cloud, count=600, interval=0.005)
    assert result.lost <= 1, result.text
    assert site.log().count("child SA") >= 6, (before, site.log())
    assert "lifetime" not in site.log()


@pytest.mark.parametrize("version", [2, 1], ids=["v2", "v1"])
def test_nat_and_a_mapping_that_changes(lab, version):
    """strongSwan behind a masquerading router, whose mapping changes under the live tunnel."""
    site = Site(lab, remote_id="198.51.1.2", ike_version=f"v{version}")
    wan, out = site.wan.ns, site.cloud.wan_link
    public = f"{site.cloud.net}.254"
    config = site.gateway.config
    config["customer_gateways"][0]["addresses"] = [public]
    config["vpn_connections"][0]["tunnels"][0].update(customer_ip=public, start="respond")
    site.gateway.write()

    def masquerade(first):
        wan.run(["nft", "-f", "-"], text=f"""
            table ip nat
            delete table ip nat
            table ip nat {{
              chain out {{
                type nat hook postrouting priority 100;
                ip saddr {site.idc.address} udp sport 1-65535 oifname "{out}" masquerade to :{first}-{first + 99}
              }}
            }}""")

    masquerade(30000)
    site.start(version=version, start="start", dpd_delay="2s")
    site.await_up()
    site.check_both_ways()
    seen = site.gateway.tunnel(site.TUNNEL)["ike"]
    assert seen["nat_remote"] and seen["remote"].split(":")[1].startswith("300"), seen
    # A router forgets its mappings when the link goes down.
    masquerade(31000)
    wan.ip(f"link set {out} down")
    wan.ip(f"link set {out} up")
    wait_for(lambda: site.gateway.tunnel(site.TUNNEL)["ike"]["remote"].split(":")[1].startswith("310"), 15,
             lambda: f"the peer's new address: {site.gateway.tunnel(site.TUNNEL)['ike']}")
    site.check_both_ways()
    assert site.gateway.tunnel(site.TUNNEL)["downs"] == 0
    assert "the peer moved from" in site.log()


SCANS = {
    "v2": (["--ikev2"], "IKEv2 SA_INIT Handshake returned", "NO_PROPOSAL_CHOSEN"),
    "main": ([], "Main Mode Handshake returned", "NO-PROPOSAL-CHOSEN"),
    "aggressive": (["--aggressive", "--id=198.51.1.2", "--idtype=1", "--dhgroup=2"], "Aggressive Mode Handshake returned",
                   "NO-PROPOSAL-CHOSEN"),
}


def test_ike_scan_sees_a_good_responder(lab):
    """One answer to a proposal that fits, a refusal to one that does not, silence for a stranger."""
    site = Site(lab)
    site.gateway.start()

    def respond(mode, **parameters):
        tunnel = site.gateway.config["vpn_connections"][0]["tunnels"][0]
        tunnel.update(start="respond", ike_version="v2" if mode == "v2" else "v1", **parameters)
        tunnel.pop("ike_mode", None)
        if mode != "v2":
            tunnel["ike_mode"] = mode
        site.gateway.reload()

    for mode, (options, handshake, refusal) in SCANS.items():
        def scan(ns):
            return ns.run(["ike-scan", "--sport=0", "--retry=1", "--timeout=1500", *options, site.cloud.address],
                          check=False).stdout
        respond(mode, ike_cipher=["aes256" if mode == "v2" else "3des"], ike_auth=["sha1"], ike_dh=["modp1024"])
        answer = scan(site.idc.ns)
        assert handshake in answer and "1 returned handshake; 0 returned notify" in answer, answer
        respond(mode, ike_cipher=["aes128"], ike_auth=["sha512"], ike_dh=["ecp521"])
        answer = scan(site.idc.ns)
        assert "0 returned handshake; 1 returned notify" in answer and refusal in answer, answer
        assert "0 returned handshake; 0 returned notify" in scan(site.wan.ns)


@pytest.mark.parametrize("version", [2, 1], ids=["v2", "v1"])
def test_we_are_behind_nat(lab, version):
    """Our address is translated; our identity is the public one all the same, and so is what we send on."""
    site = Site(lab, start="initiate", ike_version=f"v{version}")
    site.wan.ns.masquerade(site.wan.links[0])
    outside = f"{site.idc.net}.254"
    site.strongswan.start()
    site.strongswan.load(site.idc.address, outside, PSK, remote_id=site.cloud.address, version=version,
                         secrets=f'ike-nat {{\n    id = {outside}\n    secret = "{PSK}"\n  }}')
    site.gateway.start()
    site.await_up()
    site.check_both_ways()
    seen = site.gateway.tunnel(site.TUNNEL)["ike"]
    assert seen["nat_local"] and seen["remote"].endswith(":4500"), seen
    for ask in (lambda: site.gateway.isthmus("tunnel", site.TUNNEL, "rekey", "child"), site.strongswan.rekey_child,
                lambda: site.gateway.isthmus("tunnel", site.TUNNEL, "rekey", "ike")):
        ask()
        site.check_both_ways()
    assert site.gateway.tunnel(site.TUNNEL)["downs"] == 0
