"""A character goes from a game's database to another one, by the platform."""

from collections.abc import Iterator

import pytest

from examples.qsbridge import (
    ServerTransferQueue,
    platform,
    transfer_complete,
    transfer_fail,
    transfer_request,
    transfer_snapshot,
)
from examples.qsbridge.game.characters import forget_character, release_character
from examples.qsbridge.game.installation import Installation
from examples.qsbridge.game.players import hurt
from examples.qsbridge.game.survival import survival
from examples.qsbridge.game.tables import PlayerVitals
from qsdb.testing import FakeClock
from tests.examples.game_world import World
from tests.examples.hub import EAST, START, WEST, Hub


class Cluster:
    """Two servers of two games: east has the one, west the other."""

    def __init__(self, installation: Installation, clock: FakeClock) -> None:
        self.hub = Hub(installation.platform, clock)
        self.hub.register(EAST, "east")
        self.hub.register(WEST, "west")
        self.source = World(installation.games["survival"], clock)
        self.destination = World(installation.games["hardcore"], clock)
        for world in (self.source, self.destination):
            world.admit()

    def transfer(self) -> ServerTransferQueue:
        (row,) = self.hub.rows(ServerTransferQueue)
        assert isinstance(row, ServerTransferQueue)
        return row

    def send(self, player_id: str) -> int:
        """Do what the source's bridge does; give the transfer's number."""
        east = self.hub.db.caller(EAST)
        east.call(transfer_request, player_id, "west")
        number = self.transfer().transfer_id
        east.call(transfer_snapshot, number, self.source.capture(player_id))
        return number


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    clock = FakeClock(START)
    games = {"survival": survival, "hardcore": survival}
    with Installation(platform, games, clock=clock, has_threads=False) as found:
        yield Cluster(found, clock)


def test_player_arrives_as_he_left(cluster: Cluster) -> None:
    cluster.hub.join(EAST, "p1")
    cluster.source.spawn("p1")
    cluster.source.call(hurt, "p1", 20)

    number = cluster.send("p1")
    cluster.destination.restore_on_west(cluster.transfer().character_snapshot)
    cluster.hub.db.caller(WEST).call(transfer_complete, number)
    cluster.source.call(forget_character, "p1")

    assert cluster.source.is_outside("p1")
    assert cluster.source.stored("p1") is None
    assert cluster.destination.vitals("p1") == PlayerVitals("p1", "west", 80, 0)
    presence = cluster.hub.presence("p1")
    assert presence is not None
    assert presence.server_id == "west"


def test_player_whose_transfer_fails_is_where_he_was(cluster: Cluster) -> None:
    cluster.hub.join(EAST, "p1")
    cluster.source.spawn("p1")
    cluster.source.call(hurt, "p1", 20)

    number = cluster.send("p1")
    cluster.hub.db.caller(WEST).call(transfer_fail, number, "no room in the world")
    cluster.source.call(release_character, "p1")
    cluster.source.spawn("p1")

    assert cluster.source.vitals("p1") == PlayerVitals("p1", "east", 80, 0)
    assert cluster.destination.is_outside("p1")
    presence = cluster.hub.presence("p1")
    assert presence is not None
    assert presence.server_id == "east"
