import os

import pytest

from lab import Lab
from lab.core import exit_on_signals
from lab.gateway import build_folder
from lab.topology import Site


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures, or looks at the whole machine: nothing may run beside it")


def pytest_sessionstart(session):
    exit_on_signals()


@pytest.fixture(scope="session", autouse=True)
def programs():
    """The programs under test, which scripts/test has built."""
    for name in ("isthmusd", "isthmus"):
        path = os.path.join(build_folder(), "gateway", name)
        assert os.access(path, os.X_OK), f"{path} is not built: run scripts/test lab"


@pytest.fixture
def lab():
    with Lab() as made:
        yield made


@pytest.fixture(scope="module")
def up_site():
    """A site whose tunnel is UP, shared by the tests of a file that leave it so."""
    with Lab() as made:
        site = Site(made).start()
        site.await_up()
        yield site
