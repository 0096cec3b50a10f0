"""IKEv1 against strongSwan and from gateway to gateway: rekeys, ends, NAT. Its suites: test_suites.py."""

import pytest

from lab import Stopwatch, wait_for
from lab.capture import Capture
from lab.topology import Pair, Site

OURS = {"ike_version": "v1", "ike_dh": ["modp1024"], "ike_auth": ["sha1"], "esp_auth": ["sha1"]}
THEIRS = {"version": 1, "proposals": "aes128-sha1-modp1024", "esp_proposals": "aes128-sha1"}


def pair_of(site):
    return {c["spi-in"] for c in site.strongswan.children()}


def test_rekeys_under_pings(lab):
    """We rekey pairs and phase 1, then strongSwan does; its own ESP loses a packet now and then."""
    site = Site(lab, **OURS, esp_lifetime=7, ike_lifetime=12).start(**THEIRS)
    site.await_up()
    idc, cloud = site.hosts
    idc.await_ping(cloud)
    pings = lab.own(idc.ping_in_background(cloud, 1000, 0.02))
    spis, sas = set(), set()

    def done():
        spis.update(pair_of(site))
        sas.update(sa["uniqueid"] for sa in site.strongswan.sas())
        return not pings.running
    wait_for(done, 60, "the end of the pings", every=0.5)
    result = pings.result()
    assert result.sent == 1000 and result.lost <= 2, f"{result.text}\n{len(spis)} pairs, {len(sas)} IKE SAs"
    assert len(spis) >= 3 and len(sas) >= 2
    before, ike = pair_of(site), {sa["uniqueid"] for sa in site.strongswan.sas()}
    site.strongswan.rekey_child()
    wait_for(lambda: pair_of(site) - before, 5, "a new pair")
    site.check_both_ways()
    site.strongswan.rekey_ike()
    wait_for(lambda: {sa["uniqueid"] for sa in site.strongswan.sas()} - ike, 5, "a new IKE SA")
    site.check_both_ways()


def test_dead_peer_and_deletes(lab):
    """strongSwan terminates, we disable, strongSwan is killed: the tunnel is down when it must be, and back."""
    site = Site(lab, **OURS, dpd=2).start(**THEIRS)
    site.await_up()
    before = site.strongswan.sas()[0]["uniqueid"]
    site.strongswan.terminate()
    wait_for(lambda: [sa for sa in site.strongswan.sas() if sa["uniqueid"] != before and sa.get("child-sas")], 10,
             "a new IKE SA")
    site.await_up()
    site.gateway.isthmus("tunnel", site.TUNNEL, "disable")
    wait_for(lambda: not site.strongswan.sas(), 3, "strongSwan to lose its SAs")
    site.gateway.isthmus("tunnel", site.TUNNEL, "enable")
    site.await_up()
    site.check_both_ways()
    site.strongswan.kill()
    watch = Stopwatch()
    site.gateway.await_tunnel(site.TUNNEL, "DOWN", timeout=30, reason="answers no more")
    assert watch.seconds < 20
    site.strongswan.start()
    site.load(**THEIRS)
    site.await_up()
    site.check_both_ways()


@pytest.mark.parametrize("mode", ["main", "aggressive"])
def test_behind_nat(lab, mode):
    """The data centre is behind an address that is not its own, on ports that are not 500 and 4500."""
    site = Site(lab, **OURS, ike_mode=mode, start="respond", remote_id="dc1.example.net")
    site.wan.ns.masquerade(site.cloud.wan_link)
    outside = f"{site.cloud.net}.254"
    site.gateway.config["customer_gateways"][0]["addresses"] = [outside]
    site.gateway.config["vpn_connections"][0]["tunnels"][0]["customer_ip"] = outside
    site.gateway.write()
    site.gateway.start()
    site.strongswan.start()
    site.load(**THEIRS, start="start", local_id="dc1.example.net", aggressive=mode == "aggressive")
    site.await_up()
    site.check_both_ways()
    site.gateway.isthmus("tunnel", site.TUNNEL, "rekey", "child")
    site.check_both_ways()


def test_gateway_to_gateway(lab):
    """A thousand pings through rekeys of both kinds, native ESP: not one may go."""
    pair = Pair(lab, tunnel={"ike_version": "v1", "esp_lifetime": 5, "ike_lifetime": 13})
    seen = lab.own(Capture(pair.wan.ns, pair.clouds[0].wan_link, lab.path("wan.pcap"), snap=64))
    pair.start()
    pair.await_up()
    pings = lab.own(pair.hosts[0].ping_in_background(pair.hosts[1], 1000, 0.02))
    result = pings.result()
    seen.stop()
    assert result.sent == 1000 and result.lost == 0, result.text
    assert seen.count("esp") >= 2000
    spis = {line.split("spi=")[1].split(",")[0] for line in seen.packets("esp")}
    assert len(spis) >= 6, f"only {len(spis)} SPIs"
