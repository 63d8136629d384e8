import math
from collections.abc import Callable
from functools import partial

import pytest

import qsdb
from examples.qsbridge.game.characters import capture_character
from examples.qsbridge.game.chat import send_chat
from examples.qsbridge.game.guards import admit_server
from examples.qsbridge.game.hunger import HUNGER_INTERVAL, grow_hungry
from examples.qsbridge.game.players import (
    die,
    feed,
    heal,
    hurt,
    leave_world,
    move,
    spawn,
)
from examples.qsbridge.game.security import report_security_event
from examples.qsbridge.game.tables import (
    ChatLog,
    HungerSchedule,
    PlayerPosition,
    PlayerVitals,
)
from tests.examples.game_world import GAME_EAST, GAME_WEST, World
from tests.examples.hub import START, STRANGER

OF_PLAYERS: list[tuple[Callable[..., object], tuple[object, ...]]] = [
    (move, (1.0, 2.0, 3.0)),
    (hurt, (1,)),
    (heal, (1,)),
    (feed, (1,)),
    (die, ()),
    (leave_world, ()),
    (send_chat, ("hello",)),
    (report_security_event, ("aimbot", 9, "{}")),
    (capture_character, ()),
]
"""What a server does for a player who is on it, with the arguments after his id."""


def test_player_begins_at_the_origin_whole_and_fed(world: World) -> None:
    world.spawn("p1")

    assert world.position("p1") == PlayerPosition("p1", 0.0, 0.0, 0.0, START)
    assert world.vitals("p1") == PlayerVitals("p1", "east", 100, 0)


def test_player_who_is_in_the_world_does_not_spawn(world: World) -> None:
    world.spawn("p1")

    texts = {
        world.refused(spawn, "p1"),
        world.refusal(partial(world.west, spawn, "p1")),
    }

    assert texts == {"AlreadyExists: player 'p1' is on 'east'"}


def test_player_who_left_comes_back_as_he_was_also_elsewhere(world: World) -> None:
    world.spawn("p1")
    world.call(hurt, "p1", 30)
    world.move("p1", 4.0)
    world.call(leave_world, "p1")
    assert world.is_outside("p1")
    world.clock.advance(60)

    world.west(spawn, "p1")

    now = world.clock.now()
    assert world.position("p1") == PlayerPosition("p1", 4.0, 0.0, 0.0, now)
    assert world.vitals("p1") == PlayerVitals("p1", "west", 70, 0)
    assert world.stored("p1") is None


@pytest.mark.parametrize("player_id", ["", "p" * 65])
def test_wrong_ids_are_refused(world: World, player_id: str) -> None:
    calls = [(spawn, ()), *OF_PLAYERS]
    texts = [world.refused(reducer, player_id, *rest) for reducer, rest in calls]

    assert all(text.startswith("InvalidArgument: player_id ") for text in texts)


@pytest.mark.parametrize(("reducer", "rest"), OF_PLAYERS)
def test_server_acts_for_its_own_players_alone(
    world: World, reducer: Callable[..., object], rest: tuple[object, ...]
) -> None:
    world.spawn("p1")

    stranger = world.db.caller(STRANGER)
    text = world.refusal(lambda: stranger.call(reducer, "p1", *rest))
    assert text == "NotAuthorized: the caller is no server of this game"
    text = world.refusal(lambda: world.west(reducer, "p1", *rest))
    assert text == "NotFound: player 'p1' is not on 'west'"
    text = world.refused(reducer, "p2", *rest)
    assert text == "NotFound: player 'p2' is not on 'east'"


def test_strangers_do_not_spawn_players(world: World) -> None:
    stranger = world.db.caller(STRANGER)

    text = world.refusal(lambda: stranger.call(spawn, "p1"))

    assert text == "NotAuthorized: the caller is no server of this game"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1_000_000.1, -2e9])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_move_out_of_the_world_is_refused(
    world: World, value: float, place: int
) -> None:
    world.spawn("p1")
    to = [1.0, 1.0, 1.0]
    to[place] = value

    text = world.refused(move, "p1", *to)

    assert text.startswith(f"InvalidArgument: {'xyz'[place]} is ")


def test_hurt_takes_health_and_the_last_of_it_is_death(world: World) -> None:
    world.spawn("p1")

    assert world.call(hurt, "p1", 99) is False
    assert world.vitals("p1") == PlayerVitals("p1", "east", 1, 0)
    assert world.call(hurt, "p1", 10_000) is True

    assert world.is_outside("p1")
    assert world.stored("p1") is None


def test_who_died_begins_anew(world: World) -> None:
    world.spawn("p1")
    world.move("p1", 3.0)
    world.call(die, "p1")

    world.spawn("p1")

    assert world.position("p1") == PlayerPosition("p1", 0.0, 0.0, 0.0, START)


def test_heal_and_feed_keep_to_their_bounds(world: World) -> None:
    world.spawn("p1")
    world.set_vitals("p1", health=40, hunger=70)

    world.call(heal, "p1", 50)
    world.call(feed, "p1", 60)
    assert world.vitals("p1") == PlayerVitals("p1", "east", 90, 10)
    world.call(heal, "p1", 100)
    world.call(feed, "p1", 100)

    assert world.vitals("p1") == PlayerVitals("p1", "east", 100, 0)


@pytest.mark.parametrize(
    ("reducer", "amounts"), [(hurt, (0, 10_001)), (heal, (0, 101)), (feed, (0, 101))]
)
def test_amounts_have_bounds(
    world: World, reducer: Callable[..., object], amounts: tuple[int, int]
) -> None:
    world.spawn("p1")

    texts = [world.refused(reducer, "p1", amount) for amount in amounts]

    assert all(text.startswith("InvalidArgument: ") for text in texts)


def test_chat_is_kept_as_it_was_said(world: World) -> None:
    world.spawn("p1")

    world.call(send_chat, "p1", "has anybody a tent?")

    with world.db.read() as tx:
        (said,) = tx[ChatLog]
    assert (said.player_id, said.server_id, said.text, said.sent_at) == (
        "p1",
        "east",
        "has anybody a tent?",
        START,
    )


@pytest.mark.parametrize("text", ["", "x" * 513])
def test_chat_has_1_to_512_characters(world: World, text: str) -> None:
    world.spawn("p1")

    refusal = world.refused(send_chat, "p1", text)

    assert refusal.startswith("InvalidArgument: text ")


def test_time_makes_hungry_heals_the_fed_and_starves_the_hungry(world: World) -> None:
    for player in ("fed", "hungry", "starving", "dying"):
        world.spawn(player)
    world.set_vitals("fed", health=90, hunger=10)
    world.set_vitals("hungry", health=90, hunger=60)
    world.set_vitals("starving", health=90, hunger=99)
    world.set_vitals("dying", health=5, hunger=100)

    world.clock.advance(HUNGER_INTERVAL.micros / 1e6)
    world.db.run_due()

    assert world.vitals("fed") == PlayerVitals("fed", "east", 91, 11)
    assert world.vitals("hungry") == PlayerVitals("hungry", "east", 90, 61)
    assert world.vitals("starving") == PlayerVitals("starving", "east", 85, 100)
    assert world.is_outside("dying")


def test_what_is_the_owners_looks_to_others_as_if_it_were_not_there(
    world: World,
) -> None:
    with world.db.read() as tx:
        (schedule,) = tx[HungerSchedule]
    for call in (
        partial(world.call, admit_server, "north", STRANGER),
        partial(world.call, grow_hungry, schedule),
    ):
        with pytest.raises(qsdb.NotFoundError):
            call()


def test_server_gets_another_identity_and_never_that_of_another(world: World) -> None:
    world.db.call(admit_server, "east", STRANGER)
    world.db.caller(STRANGER).call(spawn, "p1")

    text = world.refused(spawn, "p2")
    assert text == "NotAuthorized: the caller is no server of this game"
    text = world.refusal(lambda: world.db.call(admit_server, "east", GAME_WEST))
    assert text == "Conflict: the identity is that of 'west'"
    text = world.refusal(lambda: world.db.call(admit_server, "Ost!", GAME_EAST))
    assert text.startswith("InvalidArgument: server_id ")
