"""Either side dies without a word."""

from lab import Stopwatch
from lab.topology import Site


def test_strongswan_is_killed(lab):
    """Dead peer detection with its defaults; then UP again by itself."""
    site = Site(lab).start()
    site.await_up()
    site.check_both_ways()
    site.strongswan.kill()
    watch = Stopwatch()
    site.gateway.await_tunnel(site.TUNNEL, "DOWN", timeout=45)
    assert watch.seconds < 45
    site.strongswan.start()
    site.load()
    site.await_up(timeout=10)
    site.check_both_ways()


def test_isthmusd_is_killed(lab):
    """The new process knows nothing of the old one's SAs, the peer still has them."""
    site = Site(lab).start()
    site.await_up()
    site.check_both_ways()
    site.gateway.kill()
    site.gateway.start()
    site.gateway.await_tunnel(site.TUNNEL, "UP", timeout=10)
    site.check_both_ways()
