from collections.abc import Iterator

import pytest

import qsdb
from examples.qsbridge import platform
from examples.qsbridge.game.survival import survival
from qsdb.testing import FakeClock
from tests.examples.game_world import World
from tests.examples.hub import EAST, START, WEST, Hub


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
