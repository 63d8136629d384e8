"""Bans of the platform in a game's database."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import hypothesis
import pytest
from hypothesis import strategies as st

import qsdb
from examples.qsbridge import BanEntry, admin_unban, platform
from examples.qsbridge.game.bans import BanWatch, copy_ban, drop_ban
from examples.qsbridge.game.characters import restore_character
from examples.qsbridge.game.players import spawn
from examples.qsbridge.game.survival import survival
from examples.qsbridge.game.tables import PlatformBan
from qsdb import TimeDuration, Timestamp
from qsdb.testing import FakeClock, assert_no_change
from tests.examples.game_world import World
from tests.examples.hub import START, Hub

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"
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
    assert text == "InvalidArgument: player_id is empty, not 1 to 64 characters"
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
    (durable,) = witness.durable
    assert durable >= offset  # closing writes that the watch has disconnected


PLAYERS = st.sampled_from(("p1", "p2", "p3"))
HOURS = st.sampled_from((None, 1, 2))


@pytest.mark.slow
@hypothesis.settings(max_examples=300 if IS_NIGHTLY else 10)
@hypothesis.given(
    st.dictionaries(PLAYERS, st.tuples(st.booleans(), HOURS)),
    st.lists(st.tuples(PLAYERS, st.booleans(), HOURS), max_size=6),
)
def test_a_watch_makes_good_whatever_a_crash_has_left(
    copies: dict[str, tuple[bool, int | None]],
    acts: list[tuple[str, bool, int | None]],
) -> None:
    """Any bans on the platform, beside any others in the game, and players there."""
    clock = FakeClock(START)
    with (
        qsdb.Database(platform, clock=clock, seed=1) as hub_db,
        qsdb.Database(survival, clock=clock, seed=1) as game_db,
    ):
        hub, world = Hub(hub_db, clock), World(game_db, clock)
        world.admit()
        for player, (is_copied, hours) in copies.items():
            world.spawn(player)
            if is_copied:
                end = None if hours is None else after(hours)
                with game_db.write() as tx:
                    tx[PlatformBan].insert(PlatformBan(player, end))
        banned: dict[str, list[int | None]] = {}
        for player, is_ban, hours in acts:
            if is_ban:
                hub.ban(player, hours)
                banned.setdefault(player, []).append(hours)
            elif banned.pop(player, None):
                hub_db.call(admin_unban, player)

        BanWatch(game_db, hub_db).close()

        for player in ("p1", "p2", "p3"):
            ends = banned.get(player)
            assert (world.ban(player) is not None) == bool(ends)
            assert world.is_outside(player) == (bool(ends) or player not in copies)
            if ends:
                longest = max((end for end in ends if end), default=0)
                last = None if None in ends else after(longest)
                assert world.ban(player) == PlatformBan(player, last)


def after(hours: int) -> Timestamp:
    return START + TimeDuration.from_seconds(hours * 3600)
