"""Characters: in the world or in store, never both; and their snapshots."""

import json
import os
from collections.abc import Callable
from functools import partial

import hypothesis
import pytest
from hypothesis import strategies as st

import qsdb
from examples.qsbridge.game.characters import (
    capture_character,
    forget_character,
    release_character,
    restore_character,
)
from examples.qsbridge.game.players import die, hurt, leave_world, spawn
from examples.qsbridge.game.snapshots import Character
from examples.qsbridge.game.survival import survival
from examples.qsbridge.game.tables import PlayerVitals
from qsdb.testing import FakeClock
from tests.examples.game_world import World
from tests.examples.hub import STRANGER

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"
Call = Callable[..., object]

WHOLE = {
    "version": 1,
    "player_id": "p1",
    "position": {"x": 1.5, "y": 0.0, "z": -2.0},
    "vitals": {"health": 80, "hunger": 12},
}


def test_captured_character_is_the_text_of_the_description(world: World) -> None:
    world.spawn("p1")
    world.call(hurt, "p1", 20)
    world.set_vitals("p1", hunger=12)
    world.move("p1", 1.5, 0.0, -2.0)

    assert json.loads(world.capture("p1")) == WHOLE
    assert world.is_outside("p1")


def test_capturing_again_gives_the_same(world: World) -> None:
    world.spawn("p1")

    first, offset = world.capture("p1"), world.db.offset

    assert world.capture("p1") == first
    assert world.db.offset == offset


def test_captured_character_does_not_come_back_before_it_is_released(
    world: World,
) -> None:
    world.spawn("p1")
    world.capture("p1")

    text = world.refused(spawn, "p1")
    world.call(release_character, "p1")
    world.spawn("p1")

    assert text == "WrongState: player 'p1' is on his way to another server"
    assert world.vitals("p1") == PlayerVitals("p1", "east", 100, 0)


def test_character_that_is_restored_is_out_of_store(world: World) -> None:
    world.spawn("p1")
    world.call(hurt, "p1", 20)

    world.restore_on_west(world.capture("p1"))

    assert world.vitals("p1") == PlayerVitals("p1", "west", 80, 0)
    assert world.stored("p1") is None
    text = world.refusal(lambda: world.call(release_character, "p1"))
    assert text == "NotFound: 'east' has captured no character of 'p1'"


def test_character_moves_to_another_game_database(world: World) -> None:
    world.spawn("p1")
    world.call(hurt, "p1", 20)
    snapshot = world.capture("p1")

    with qsdb.Database(survival, clock=FakeClock()) as db:
        other = World(db, FakeClock())
        other.admit()
        other.call(restore_character, snapshot)
        world.call(forget_character, "p1")

        assert other.vitals("p1") == PlayerVitals("p1", "east", 80, 0)
    assert world.stored("p1") is None


def test_restoring_twice_is_refused(world: World) -> None:
    world.spawn("p1")
    snapshot = world.capture("p1")
    world.restore_on_west(snapshot)

    text = world.refused(restore_character, snapshot)

    assert text == "AlreadyExists: player 'p1' is on 'west'"


def test_character_that_was_released_is_not_restored_from_its_old_snapshot(
    world: World,
) -> None:
    world.spawn("p1")
    snapshot = world.capture("p1")
    world.call(release_character, "p1")

    text = world.refusal(lambda: world.restore_on_west(snapshot))

    assert text.startswith("Conflict: player 'p1' has a character in store ")


def test_only_the_server_that_captured_releases_and_forgets(world: World) -> None:
    world.spawn("p1")
    world.spawn("p2")
    world.call(leave_world, "p2")
    world.capture("p1")
    stranger = world.db.caller(STRANGER)

    for reducer in (release_character, forget_character):
        text = world.refusal(partial(world.west, reducer, "p1"))
        assert text == "NotFound: 'west' has captured no character of 'p1'"
        text = world.refused(reducer, "p2")
        assert text == "NotFound: 'east' has captured no character of 'p2'"
        text = world.refused(reducer, "")
        assert text == "InvalidArgument: player_id is empty, not 1 to 64 characters"
        text = world.refusal(partial(stranger.call, reducer, "p1"))
        assert text == "NotAuthorized: the caller is no server of this game"
    stranger_restores = partial(stranger.call, restore_character, json.dumps(WHOLE))
    text = world.refusal(stranger_restores)
    assert text == "NotAuthorized: the caller is no server of this game"


@pytest.mark.parametrize(
    ("snapshot", "reason"),
    [
        ("", "the snapshot is no JSON: "),
        ("[]", "the snapshot is no JSON object"),
        ("[" * 100_000, "the snapshot is no JSON: "),
        (json.dumps(WHOLE)[:-1], "the snapshot is no JSON: "),
        (json.dumps(WHOLE) + " {}", "the snapshot is no JSON: "),
        (json.dumps({**WHOLE, "version": 2}), "the snapshot is of version 2, not 1"),
        (json.dumps({**WHOLE, "version": True}), "'version' of the snapshot is not an"),
        (json.dumps({**WHOLE, "gold": 7}), "the snapshot has 'gold', unknown here"),
        (json.dumps({"version": 1}), "the snapshot lacks 'player_id'"),
        (json.dumps({**WHOLE, "player_id": 7}), "'player_id' of the snapshot is not a"),
        (
            json.dumps({**WHOLE, "player_id": ""}),
            "player_id is empty, not 1 to 64 characters",
        ),
        (json.dumps({**WHOLE, "player_id": "\ud800"}), "the snapshot is no JSON: "),
        (json.dumps({**WHOLE, "position": []}), "'position' of the snapshot is not an"),
        (
            json.dumps({**WHOLE, "position": {"x": 1, "y": 2}}),
            "its position lacks 'z'",
        ),
        (
            json.dumps({**WHOLE, "position": {"x": 1, "y": 2, "z": 1e7}}),
            "z is 10000000.0, not from",
        ),
        (
            json.dumps({**WHOLE, "position": {"x": 1, "y": 2, "z": 10**400}}),
            "'z' of its position is not a number",
        ),
        (
            json.dumps({**WHOLE, "position": {"x": 1, "y": 2, "z": float("nan")}}),
            "the snapshot is no JSON: NaN is no number",
        ),
        (
            json.dumps(WHOLE).replace("-2.0", "1e999"),
            "'z' of its position is not a number",
        ),
        (
            json.dumps(WHOLE).replace('"hunger"', '"health"'),
            "the snapshot is no JSON: a key stands twice",
        ),
        (
            json.dumps({**WHOLE, "vitals": {"health": 0, "hunger": 0}}),
            "health is 0, not 1 to 100",
        ),
        (
            json.dumps({**WHOLE, "vitals": {"health": 10_000, "hunger": 0}}),
            "health is 10000, not 1 to 100",
        ),
        (
            json.dumps({**WHOLE, "vitals": {"health": 9, "hunger": 101}}),
            "hunger is 101, not 0 to 100",
        ),
        (
            json.dumps({**WHOLE, "vitals": {"health": 9.5, "hunger": 1}}),
            "'health' of its vitals is not an integer",
        ),
        ("x" * (1 << 20) + "x", "snapshot has 1048577 bytes, more than 1048576"),
    ],
)
def test_text_that_is_no_snapshot_is_refused(
    world: World, snapshot: str, reason: str
) -> None:
    text = world.refused(restore_character, snapshot)

    assert text.startswith(f"InvalidArgument: {reason}")


COORDINATES = st.floats(-1e6, 1e6)


@pytest.mark.slow
@hypothesis.given(
    st.builds(
        Character,
        st.text(
            st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=64
        ),
        COORDINATES,
        COORDINATES,
        COORDINATES,
        st.integers(1, 100),
        st.integers(0, 100),
    )
)
@hypothesis.settings(max_examples=1000 if IS_NIGHTLY else 25)
def test_what_is_written_is_read(character: Character) -> None:
    assert Character.from_json(character.to_json()) == character


def _act(act: int, call: Call, player_id: str, snapshots: dict[str, str]) -> None:
    """Do one of the things that servers do with a player."""
    if act == 0:
        snapshots[player_id] = str(call(capture_character, player_id))
    elif act == 1:
        call(restore_character, snapshots.get(player_id, ""))
    else:
        reducers = (spawn, leave_world, die, release_character, forget_character)
        call(reducers[act - 2], player_id)


@pytest.mark.slow
@hypothesis.settings(max_examples=1000 if IS_NIGHTLY else 25)
@hypothesis.given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.booleans()), max_size=30)
)
def test_character_is_never_in_the_world_and_in_store(
    acts: list[tuple[int, bool, bool]],
) -> None:
    """Whatever two servers do with two players, in whatever order."""
    with qsdb.Database(survival, clock=FakeClock(), seed=1) as db:
        world = World(db, FakeClock())
        world.admit()
        snapshots: dict[str, str] = {}
        for act, is_west, is_second in acts:
            player_id = "p2" if is_second else "p1"
            call = world.west if is_west else world.call
            before = world.stored(player_id), world.vitals(player_id)
            try:
                _act(act, call, player_id, snapshots)
            except qsdb.ReducerError:
                assert (world.stored(player_id), world.vitals(player_id)) == before
            assert world.is_outside(player_id) or world.stored(player_id) is None
