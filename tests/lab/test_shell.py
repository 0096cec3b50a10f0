"""The operator's shell: what it prints for people and programs, and how it ends."""

import json
import subprocess

import pytest

from lab.network import command
from lab.schema import check as check_schema

# One lab for all: they go one after the other.
pytestmark = pytest.mark.xdist_group("shell")

LISTS = ["tunnels", "sas", "ports", "workers", "drops", "routes"]
COMMANDS = [*LISTS, "tunnel dc1-1", "ike", "version"]


def shell(site, *words, text=None):
    """isthmus with these words, and this standard input."""
    return command([site.gateway.program("isthmus"), "--socket", site.gateway.socket, *words], check=False, text=text)


def test_shows_are_as_the_schema_says(up_site):
    words = {"TUNNEL": up_site.TUNNEL, "CONNECTION": "dc1", "TABLE": "bgw", "VPC": "vpc", "PREFIX": "10.0.0.0/8",
             "KIND": "vpc", "NAME": "vpc", "[HOURS]": "1"}
    refused = check_schema(up_site.gateway, words)
    assert all("bgp" in command for command in refused), refused


def test_what_is_shown_is_there(up_site):
    for what in ("tunnels", "sas", "ports", "workers", "drops"):
        assert up_site.gateway.show(what)[what]
    seen = up_site.gateway.tunnel(up_site.TUNNEL)
    assert seen["ike"]["remote"].startswith(f"{up_site.idc.address}:")


@pytest.mark.parametrize("what", COMMANDS)
def test_people_and_programs_get_the_same_commands(up_site, what):
    people = shell(up_site, "show", *what.split())
    assert people.returncode == 0 and people.stdout and not people.stderr
    assert json.loads(shell(up_site, "--json", "show", *what.split()).stdout)


def test_no_secret_is_shown(up_site):
    psk = up_site.gateway.config["vpn_connections"][0]["tunnels"][0]["psk"]
    for what in COMMANDS:
        assert psk not in shell(up_site, "--json", "show", *what.split()).stdout
    assert psk not in up_site.gateway.output()


def test_mistakes_are_named(up_site):
    for words, status, told in ((["show", "tunels"], 2, "'tunels'"), (["shwo"], 2, "one of: show, tunnel, "),
                                (["show", "tunnel", "dc9"], 1, f"one of: {up_site.TUNNEL}"), (["tunnel"], 2, "TUNNEL")):
        done = shell(up_site, *words)
        assert done.returncode == status and told in done.stderr and not done.stdout


def test_a_script_on_standard_input(up_site):
    script = "# a comment\nshow version\n\nshow tunels\nshow version --json\nshow tunnel dc9\n"
    done = shell(up_site, text=script)
    assert done.returncode == 2 and done.stderr.startswith("isthmus: line 4: 'tunels'")
    assert done.stdout.startswith("isthmus ") and done.stdout.endswith("tunnels UP   1\n")
    done = shell(up_site, "--keep-going", text=script)
    assert done.returncode == 2 and "line 6: 'dc9'" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["tunnels_up"] == 1
    assert shell(up_site, text="show version\nexit\nshow tunels\n").returncode == 0
    assert shell(up_site, text="show tunnel dc9\nshow tunels\n").returncode == 1


def test_explain_says_where_packets_go(up_site):
    idc, cloud = up_site.hosts
    explain = lambda *words: json.loads(shell(up_site, "--json", "explain", *words).stdout)
    sent = lambda: up_site.gateway.tunnel(up_site.TUNNEL)["out_packets"]
    told = explain(cloud.address, idc.address, "in", "vpc")
    assert told["verdict"]["result"] == "sent" and told["tunnel"] == up_site.TUNNEL
    assert [step["table"] for step in told["steps"]] == ["vpc vpc", "border gateway bgw"]
    assert int(told["sa"]["spi_out"], 16) == int(up_site.gateway.tunnel(up_site.TUNNEL)["sas"][0]["spi_out"], 16)
    before = sent()
    assert cloud.ping(idc, count=3).received == 3 and sent() >= before + 3
    back = explain(idc.address, cloud.address, "in", up_site.TUNNEL)
    assert back["verdict"]["result"] == "sent" and "sa" not in back
    nowhere = explain(cloud.address, "8.8.8.8", "in", "vpc", "protocol", "tcp", "dport", "443")
    assert nowhere["verdict"]["result"] == "not sent" and nowhere["verdict"]["drop_reason"] == "no-route"
    assert shell(up_site, "explain", cloud.address, idc.address, "in", "nowhere").returncode == 1


def test_counters_are_cleared_for_people(up_site):
    idc, cloud = up_site.hosts
    assert cloud.ping(idc, count=3).received == 3
    assert up_site.gateway.tunnel(up_site.TUNNEL)["out_packets"] >= 3
    assert shell(up_site, "clear", "counters", "tunnel", up_site.TUNNEL).returncode == 0
    assert up_site.gateway.tunnel(up_site.TUNNEL)["out_packets"] < 3
    assert shell(up_site, "clear", "counters").returncode == 0
    assert sum(up_site.gateway.show("ike")["counters"].values()) < 10
    assert up_site.gateway.show("drops")["total"] == 0
    cloud.ping(idc, count=1)
    assert 1 <= up_site.gateway.tunnel(up_site.TUNNEL)["out_packets"] < 3


def test_nobody_there(tmp_path, up_site):
    done = command([up_site.gateway.program("isthmus"), "--socket", tmp_path / "none", "show", "tunnels"], check=False)
    assert done.returncode == 3 and str(tmp_path / "none") in done.stderr


def test_many_operators_at_once(up_site):
    argv = [up_site.gateway.program("isthmus"), "--socket", up_site.gateway.socket, "show", "sas", "--json"]
    all_of_them = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(20)]
    for one in all_of_them:
        out, _ = one.communicate(timeout=30)
        assert one.returncode == 0 and json.loads(out)["sas"]


def test_a_second_gateway_does_not_take_the_socket(up_site):
    done = command(up_site.gateway.ns.inside([up_site.gateway.program("isthmusd"), up_site.gateway.file]), check=False)
    assert done.returncode == 1 and "another isthmusd" in done.stderr
    assert shell(up_site, "show", "version").returncode == 0


def test_help_of_parameters(up_site):
    """`help create KIND` says what the object has; what could never be shown is refused."""
    gateway = up_site.gateway
    text = gateway.isthmus("help", "create", "tunnel").stdout
    for words in ("connection=", "the connection that it belongs to", "dpd=", "0 to 3600 seconds, 0 is off", "esp_cipher="):
        assert words in text, text
    for doing, status, words in ((("monitor", "tunnels"), 1, "'tunnels' is no object"),
                                 (("watch", "0", "show", "tunnels"), 1, "must be at least 1 second"),
                                 (("show", "tunnel"), 2, "something is missing after 'tunnel': TUNNEL")):
        done = gateway.isthmus(*doing, check=False)
        assert done.returncode == status and words in done.stderr, done.stderr
