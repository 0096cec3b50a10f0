"""A customer's Linux machine: strongSwan, BIRD and FRR as Debian has them, with the kernel's own ESP."""

from .kernel_peer import KernelPeer


class Router:
    """A customer's Linux machine with every address that our tunnels go to; the daemons of its distribution
    run with their default files, in folders of their own."""

    SETUP = """
busybox mount -t tmpfs none /etc/swanctl && mkdir /etc/swanctl/conf.d && echo 'include conf.d/*.conf' >/etc/swanctl/swanctl.conf
busybox mount -t tmpfs none /etc/bird && busybox mount -t tmpfs none /etc/frr
mkdir -p /run/bird /run/frr
echo 'service integrated-vtysh-config' >/etc/frr/vtysh.conf
cat >/etc/bird/bird.conf <<END
log stderr all;
router id {address};
protocol device {{}}
protocol bfd {{}}
protocol kernel {{ merge paths on; ipv4 {{ export all; }}; }}
include "/etc/bird/isthmus-*.conf";
END
ip link set lo up
ip link set vec0 up
for a in {addresses}; do ip addr add $a/24 dev vec0; done
for a in {hosts}; do ip addr add $a/32 dev lo; done
ip route add default via {router}
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
STRONGSWAN_CONF=/tmp/peer/strongswan.conf setsid charon-systemd >/tmp/peer/charon.out 2>&1 &
setsid bird -f >/tmp/peer/bird.log 2>&1 &
setsid /usr/lib/frr/bgpd -n -S -u root -g root --bgp_port 0 --no_zebra -f /dev/null --log stdout >/tmp/peer/bgpd.log 2>&1 &
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    STRONGSWAN_CONF=/tmp/peer/strongswan.conf swanctl --stats >/dev/null 2>&1 && break
    busybox usleep 200000
done
"""

    def __init__(self, lab, idc, cloud, addresses, hosts):
        self.peer = lab.own(KernelPeer(idc, lab.path("uml"), cloud.address))
        self.addresses, self.hosts, self.router = addresses, hosts, f"{idc.net}.254"

    def start(self):
        self.peer.run(self.SETUP.format(address=self.addresses[0], addresses=" ".join(self.addresses),
                                        hosts=" ".join(self.hosts), router=self.router), timeout=60)

    def run_script(self, name, text, **environment):
        """The script as it was printed."""
        self.peer.write(name, text)
        settings = " ".join(f"{k}='{v}'" for k, v in environment.items())
        said = self.peer.run(f"STRONGSWAN_CONF=/tmp/peer/strongswan.conf {settings} sh /tmp/peer/{name}", timeout=60)
        assert said.rstrip().endswith("exit 0"), said
