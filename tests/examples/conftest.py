from collections.abc import Iterator

import pytest

import qsdb
from examples.qsbridge import platform
from examples.qsbridge.mods import registry
from qsdb.testing import FakeClock
from tests.examples.hub import EAST, START, WEST, Hub
from tests.examples.registry_desk import EAST_LINE, WEST_LINE, Desk


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
def desk() -> Iterator[Desk]:
    """A registry that knows the servers east and west, and no mods."""
    clock = FakeClock(START)
    with qsdb.Database(registry, clock=clock) as db:
        desk = Desk(db, clock)
        desk.mirror(EAST_LINE, WEST_LINE)
        yield desk
