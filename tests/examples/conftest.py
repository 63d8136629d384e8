import threading
from collections.abc import Iterator

import pytest

import qsdb
from examples.qsbridge import platform
from examples.qsbridge.game.survival import survival
from examples.qsbridge.hosting.desks import hosting_desk
from examples.qsbridge.hosting.memory import MemoryProvider
from examples.qsbridge.mods import registry
from qsdb.testing import FakeClock
from tests.examples.game_world import World
from tests.examples.hosting_panel import Panel, log_admins_in, rent_servers
from tests.examples.hub import EAST, START, WEST, Hub
from tests.examples.registry_desk import EAST_LINE, WEST_LINE, Desk


@pytest.fixture(autouse=True, scope="module")
def no_threads_left() -> Iterator[None]:
    """See that no thread of an example lives on beside other tests."""
    yield
    names = [each.name for each in threading.enumerate()]
    assert [each for each in names if each.startswith("qsbridge")] == []


@pytest.fixture
def empty() -> Iterator[Hub]:
    """An empty platform."""
    clock = FakeClock(START)
    with qsdb.Database(platform, clock=clock) as db:
        yield Hub(db, clock)


@pytest.fixture
def hub(empty: Hub) -> Hub:
    """A platform with the servers east and west, room for three players each."""
    empty.register(EAST, "east")
    empty.register(WEST, "west")
    return empty


@pytest.fixture
def world() -> Iterator[World]:
    """A game's database with the servers east and west."""
    clock = FakeClock(START)
    with qsdb.Database(survival, clock=clock, seed=1) as db:
        found = World(db, clock)
        found.admit()
        yield found


@pytest.fixture
def panel(empty: Hub) -> Iterator[Panel]:
    """Two rented servers, a provider in memory, and admins logged in."""
    rent_servers(empty)
    log_admins_in(empty.db)
    provider = MemoryProvider(["host-east", "host-west"])
    with hosting_desk(empty.db, provider):
        yield Panel(empty, provider)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A registry that knows the servers east and west, and no mods."""
    clock = FakeClock(START)
    with qsdb.Database(registry, clock=clock) as db:
        desk = Desk(db, clock)
        desk.mirror(EAST_LINE, WEST_LINE)
        yield desk
