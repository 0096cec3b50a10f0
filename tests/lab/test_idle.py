"""An idle gateway with naps is nearly free, although its workers poll."""

import time

import pytest

from lab.topology import Site

SECONDS = 5


@pytest.mark.alone
def test_idle_cpu(lab):
    site = Site(lab, build="build/release").start()
    site.await_up()
    site.check_both_ways()
    before = site.gateway.process.cpu_seconds()
    time.sleep(SECONDS)  # the measurement itself
    used = (site.gateway.process.cpu_seconds() - before) / SECONDS
    assert used < 0.05, f"{used:.1%} of a core"
