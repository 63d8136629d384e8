"""Bans of the platform in a game's database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

import qsdb
from examples.qsbridge import BanEntry, admin_unban, platform
from examples.qsbridge.game.bans import BanWatch, copy_ban, drop_ban
from examples.qsbridge.game.characters import restore_character
from examples.qsbridge.game.players import spawn
from examples.qsbridge.game.tables import PlatformBan
from qsdb import TimeDuration
from qsdb.testing import FakeClock, assert_no_change
from tests.examples.game_world import World
from tests.examples.hub import START, Hub

HOUR = TimeDuration.from_seconds(3600)
FIVE_HOURS = TimeDuration.from_seconds(5 * 3600)


@pytest.fixture
def watch(world: World, hub: Hub) -> Iterator[BanWatch]:
    watch = BanWatch(world.db, hub.db)
    yield watch
    watch.close()


def test_banned_player_is_out_of_the_world_by_the_next_line(
    world: World, hub: Hub, watch: BanWatch
) -> None:
    world.spawn("p1")
    world.spawn("p2")

    hub.ban("p1")

    assert world.is_outside("p1")
    assert not world.is_outside("p2")
    assert world.ban("p1") == PlatformBan("p1", None)
    watch.close()


@pytest.mark.usefixtures("watch")
def test_banned_player_neither_spawns_nor_arrives(world: World, hub: Hub) -> None:
    world.spawn("p1")
    snapshot = world.capture("p1")

    hub.ban("p1")

    refused = {
        world.refused(restore_character, snapshot),
        world.refusal(lambda: world.restore_on_west(snapshot)),
    }
    assert refused == {"NotAuthorized: player 'p1' is banned"}
    hub.ban("p2")
    assert world.refused(spawn, "p2") == "NotAuthorized: player 'p2' is banned"


@pytest.mark.usefixtures("watch")
def test_player_is_as_he_was_when_the_ban_is_lifted(world: World, hub: Hub) -> None:
    world.spawn("p1")
    world.move("p1", 3.0)
    hub.ban("p1")

    hub.db.call(admin_unban, "p1")
    world.spawn("p1")

    position = world.position("p1")
    assert position is not None
    assert position.x == 3.0
    assert world.ban("p1") is None


@pytest.mark.usefixtures("watch")
def test_ban_that_has_expired_keeps_nobody_out(world: World, hub: Hub) -> None:
    hub.ban("p1", 1)
    assert world.ban("p1") == PlatformBan("p1", START + HOUR)
    world.clock.advance(3599.999999)
    assert world.refused(spawn, "p1") == "NotAuthorized: player 'p1' is banned"

    world.clock.advance(0.000001)
    world.spawn("p1")

    assert not world.is_outside("p1")


@pytest.mark.usefixtures("watch")
def test_of_several_bans_the_longest_holds(world: World, hub: Hub) -> None:
    hub.ban("p1", 5)
    hub.ban("p1", 1)
    assert world.ban("p1") == PlatformBan("p1", START + FIVE_HOURS)

    hub.ban("p1")
    assert world.ban("p1") == PlatformBan("p1", None)

    with hub.db.write() as tx:  # an operator's console may do so
        for ban in hub.bans():
            if ban.expires_at is None:
                tx[BanEntry].delete(ban)
    assert world.ban("p1") == PlatformBan("p1", START + FIVE_HOURS)


def test_what_has_changed_without_a_watch_is_corrected(world: World, hub: Hub) -> None:
    first = BanWatch(world.db, hub.db)
    world.spawn("p1")
    world.spawn("p3")
    hub.ban("p2")
    first.close()
    first.close()
    hub.ban("p1")
    hub.db.call(admin_unban, "p2")
    assert not world.is_outside("p1")

    BanWatch(world.db, hub.db).close()

    assert world.is_outside("p1")
    assert not world.is_outside("p3")
    assert world.ban("p2") is None
    with assert_no_change(world.db):
        BanWatch(world.db, hub.db).close()


def test_copying_twice_is_copying_once(world: World) -> None:
    world.spawn("p1")
    world.db.call(copy_ban, "p1", None)

    with assert_no_change(world.db):
        world.db.call(copy_ban, "p1", None)
    world.db.call(drop_ban, "p1")
    with assert_no_change(world.db):
        world.db.call(drop_ban, "p1")

    text = world.refusal(lambda: world.db.call(copy_ban, "", None))
    assert text == "InvalidArgument: player_id is empty"
    for reducer, arguments in ((copy_ban, ("p1", None)), (drop_ban, ("p1",))):
        with pytest.raises(qsdb.NotFoundError):
            world.call(reducer, *arguments)


class Witness:
    """A game's database that notes how much of the platform was on the disk."""

    def __init__(self, game: qsdb.Database, hub: qsdb.Database) -> None:
        self.durable: list[int] = []
        self.read = game.read
        self._game, self._hub = game, hub

    def call(self, reducer: Callable[..., object], *arguments: object) -> object:
        self.durable.append(self._hub.durable_offset)
        return self._game.call(reducer, *arguments)


@pytest.mark.slow
def test_game_acts_on_no_ban_that_the_platform_may_lose(
    world: World, tmp_path: Path
) -> None:
    world.spawn("p1")
    options = qsdb.StorageOptions(has_threads=False)
    clock = FakeClock(START)
    with qsdb.Database(platform, tmp_path, clock=clock, options=options) as db:
        witness = Witness(world.db, db)
        watch = BanWatch(cast("qsdb.Database", witness), db)
        Hub(db, clock).ban("p1")
        offset = db.offset
        db.wait_durable()
        db.close()  # tells what has waited for the disk
        watch.close()

    assert world.is_outside("p1")
    assert witness.durable == [offset]
