"""The SDK, installed once for all tests; without it they are skipped, or fail.

Where ``QSDB_REQUIRE_SDK`` is 1, tests fail that cannot have it.
"""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb.server.serving import Running
from tests.sdk.offering import offering
from tests.sdk.town import town
from tests.sdk.workshop import Workshop, installed, or_skip

PRESENT = "spacetimedb@2.10.1"
FORMER = "spacetimedb@1.12.0"
SOCKETS = "undici@^6"
"""What node before 22 needs to have WebSockets."""

BUNDLER = "esbuild@^0.25"


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Give the present SDK, and bindings of the town."""
    folder = tmp_path_factory.mktemp("sdk")
    packages = PRESENT, SOCKETS, BUNDLER
    made = Workshop(or_skip(lambda: installed(folder, *packages), PRESENT))
    made.bind(town)
    return made


@pytest.fixture(scope="session")
def former_workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Give the SDK of version 1 of the protocol; its programs bring their bindings."""
    folder = tmp_path_factory.mktemp("former sdk")
    return Workshop(or_skip(lambda: installed(folder, FORMER, SOCKETS), FORMER))


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    """Give a town."""
    with qsdb.Database(town) as database:
        yield database


@pytest.fixture(params=["v3", "v2"])
def server(request: pytest.FixtureRequest, db: qsdb.Database) -> Iterator[Running]:
    """Serve the town, in either version."""
    protocols = [f"{request.param}.bsatn.spacetimedb"]
    with offering({"town": db}, *protocols) as started:
        yield started
