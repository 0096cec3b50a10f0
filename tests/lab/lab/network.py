"""Network namespaces and the links between them."""

import subprocess

NETNS_FOLDER = "/run/netns"


def command(argv, check=True, timeout=60, text=None):
    """Runs argv to its end; stdout and stderr as text. With check, a failure raises with its output."""
    argv = [str(a) for a in argv]
    done = subprocess.run(argv, input=text, stdin=None if text else subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=timeout)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Namespace:
    """A network namespace. Its links vanish with it; whoever runs in it must have ended before."""

    def __init__(self, name):
        self.name = name
        command(["ip", "netns", "add", name])
        # Without router solicitations and the like every packet in a capture has a reason.
        self.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1",
                  "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"])
        self.ip("link set lo up")

    def inside(self, argv):
        """The command line that becomes argv inside the namespace."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, argv, **how):
        return command(self.inside(argv), **how)

    def ip(self, words):
        return command(["ip", "-n", self.name, *words.split()]).stdout

    def forward(self):
        self.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])

    def masquerade(self, link):
        """NAT: what leaves by link carries link's address (and another port)."""
        self.run(["nft", "-f", "-"], text=f"""
            table ip nat {{
                chain out {{
                    type nat hook postrouting priority srcnat;
                    oifname "{link}" masquerade random
                }}
            }}""")

    def remove(self):
        command(["ip", "netns", "del", self.name])


def cable(a, a_link, b, b_link, mtu=1500):
    """A veth pair. Without offloads, so that what crosses it is what a wire would carry:
    checksums filled in, no frame above the MTU."""
    command(["ip", "link", "add", "name", a_link, "mtu", mtu, "netns", a.name,
             "type", "veth", "peer", "name", b_link, "mtu", mtu, "netns", b.name])
    for ns, link in ((a, a_link), (b, b_link)):
        ns.run(["ethtool", "-K", link, "rx", "off", "tx", "off", "tso", "off", "gso", "off", "gro", "off"])
        ns.ip(f"link set {link} up")
