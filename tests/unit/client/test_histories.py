"""Random histories: whatever happens, and wherever the connection is lost.

**Strategy** A world of two tables (`tests.unit.client.world`) changes, a client follows
it, messages come in frames of any size, and the connection is lost at any boundary.
**Invariants** What callbacks were told explains the cache; all tables in it are of one
state that the world has had; in the end the client has what the server has, in the
cache and in each subscription; no call hangs.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.client.world import QUERIES, World

TEXTS = [*QUERIES]

Op = tuple[str, Any]

ids = st.integers(0, 3)
changes = st.one_of(
    st.tuples(st.just("put"), st.tuples(ids, st.sampled_from("ab"))),
    st.tuples(st.just("drop"), ids),
    st.tuples(st.just("note"), st.tuples(st.sampled_from("xy"), ids)),
    st.tuples(st.just("swap"), st.tuples(ids, st.sampled_from("xy"))),
)
sent = st.one_of(
    st.tuples(st.just("deliver"), st.integers(1, 4)),
    st.tuples(st.just("deliver"), st.integers(1, 4)),
    st.tuples(st.just("hear"), st.integers(1, 3)),
    st.tuples(st.just("call"), st.none()),
    st.tuples(st.just("lose"), st.none()),
    st.tuples(st.just("open"), st.none()),
)
steps = st.one_of(
    changes,
    changes,
    sent,
    st.tuples(
        st.just("subscribe"),
        st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3, unique=True),
    ),
    st.tuples(st.just("end"), st.integers(0, 5)),
)


def change(world: World, name: str, what: Any) -> None:
    def do(users: Any, notes: Any) -> None:
        match name:
            case "put":
                users[what[0]] = (*what, 0, None)
            case "drop":
                users.pop(what, None)
            case "note":
                _toggle(notes, what)
            case _:  # both tables at once
                users[what[0]] = (*what, 1, 5)
                _toggle(notes, (what[1], what[0]))

    world.commit(do)


def _toggle(notes: Any, row: Any) -> None:
    if row in notes:
        del notes[row]
    else:
        notes[row] = 1


def follow(world: World, step: Op) -> None:
    name, what = step
    match name:
        case "deliver" | "end" | "hear":
            getattr(world, name)(what)
        case "subscribe":
            world.subscribe(*what)
        case "call" | "lose" | "open":
            getattr(world, name)()
        case _:
            change(world, name, what)
    world.check()


@settings(max_examples=25)
@given(st.lists(steps, max_size=25))
def test_the_client_follows(history: list[Op]) -> None:
    world = World()
    for step in history:
        follow(world, step)
    world.check_settled()


@pytest.mark.slow
@settings(max_examples=600)
@given(st.lists(steps, max_size=60))
def test_the_client_follows_long_histories(history: list[Op]) -> None:
    world = World()
    for step in history:
        follow(world, step)
    world.check_settled()


@settings(max_examples=25)
@given(st.lists(st.one_of(changes, sent), max_size=25))
def test_tables_are_never_mixed(history: list[Op]) -> None:
    """Without other subscriptions each look is compared with the world's states."""
    world = World()
    for step in history:
        follow(world, step)
    world.check_settled()


HISTORY: list[Op] = [
    ("put", (0, "a")),
    ("swap", (1, "x")),
    ("call", None),
    ("hear", 9),
    ("note", ("y", 0)),
    ("subscribe", TEXTS[2:]),
    ("hear", 9),
    ("drop", 1),
    ("swap", (2, "y")),
]
AWAY: list[Op] = [("put", (0, "b")), ("drop", 2), ("swap", (3, "x"))]


@pytest.mark.parametrize("before", range(9))
@pytest.mark.parametrize("again", range(7))
def test_it_may_be_lost_between_any_two_messages(before: int, again: int) -> None:
    world = World()
    for step in HISTORY:
        follow(world, step)
    world.deliver(before)
    world.check()
    world.lose()
    for step in AWAY:
        follow(world, step)
    world.open()
    world.hear()
    change(world, "put", (1, "c"))
    world.deliver(again)
    world.check()
    world.lose()
    world.check()
    change(world, "drop", 0)

    world.check_settled()


def test_the_judge_notices_what_was_not_told() -> None:
    world = World()
    change(world, "put", (0, "a"))
    world.settle()
    world.known["user"].clear()

    with pytest.raises(AssertionError):
        world.check()


def test_the_judge_notices_a_mixture() -> None:
    world = World()
    change(world, "swap", (0, "x"))
    world.settle()
    world.states = {each for each in world.states if not each[0]}

    with pytest.raises(AssertionError):
        world.look()
