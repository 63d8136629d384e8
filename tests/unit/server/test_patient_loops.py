"""A loop that looks again before it sleeps: when it does, and when it gives up."""

import asyncio
import selectors
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from qsdb.server import patient_loops
from qsdb.server.patient_loops import (
    PATIENCE_NS,
    SHORT_WAITS,
    PatientSelector,
    patient_loop,
)
from tests.support.asgi_sockets import SECONDS

READY: Any = [("key", selectors.EVENT_READ)]


class World:
    """Time, and a system that answers as it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0
        self.looks: list[float | None] = []
        self.look_ns = 0
        """How long other threads have the interpreter with each look."""
        self.next_event: int | None = None
        """When a socket is ready; None for never."""
        monkeypatch.setattr(patient_loops, "tick_reader", lambda _: self.read)
        monkeypatch.setattr(selectors.DefaultSelector, "select", self.select)

    def read(self) -> int:
        self.now += 1_000
        return self.now

    def select(self, timeout: float | None = None) -> Any:
        self.looks.append(timeout)
        self.now += self.look_ns
        end = None if timeout is None else self.now + round(timeout * 1e9)
        if self.next_event is not None and (end is None or self.next_event <= end):
            self.now = max(self.now, self.next_event)
            self.next_event = None
            return READY
        assert end is not None, "it would sleep for ever"
        self.now = end
        return []


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def selector(world: World) -> Iterator[PatientSelector]:  # noqa: ARG001  it is patched first
    with PatientSelector() as selector:
        yield selector


def wait(world: World, selector: PatientSelector, nanoseconds: int) -> list[Any]:
    """Wait for an event that comes after so long; give how the system was asked."""
    world.looks.clear()
    world.next_event = world.now + nanoseconds
    assert selector.select(None) is READY
    return [*world.looks]


def make_patient(world: World, selector: PatientSelector) -> None:
    for _ in range(SHORT_WAITS):
        assert wait(world, selector, 50_000) == [None]


def test_after_a_few_short_waits_it_looks_before_it_sleeps(
    world: World, selector: PatientSelector
) -> None:
    make_patient(world, selector)
    for _ in range(5):
        looks = wait(world, selector, 50_000)
        assert len(looks) > 1
        assert set(looks) == {0}


def test_a_long_wait_ends_its_patience(world: World, selector: PatientSelector) -> None:
    make_patient(world, selector)
    looks = wait(world, selector, 10 * PATIENCE_NS)
    assert set(looks[:-1]) == {0}
    assert looks[-1] is None
    make_patient(world, selector)


def test_who_waits_long_sleeps_at_once(world: World, selector: PatientSelector) -> None:
    for _ in range(3 * SHORT_WAITS):
        assert wait(world, selector, 10 * PATIENCE_NS) == [None]
    for _ in range(SHORT_WAITS):  # short ones are to come one after the other
        assert wait(world, selector, 50_000) == [None]
        assert wait(world, selector, 10 * PATIENCE_NS) == [None]


def test_a_wait_in_which_nothing_came_is_not_a_short_one(
    world: World, selector: PatientSelector
) -> None:
    for _ in range(3 * SHORT_WAITS):
        world.looks.clear()
        assert selector.select(50e-6) == []
        assert world.looks == [50e-6]


def test_it_waits_no_longer_than_it_was_told(
    world: World, selector: PatientSelector
) -> None:
    make_patient(world, selector)
    world.looks.clear()
    began = world.now
    assert selector.select(50e-6) == []
    assert world.now - began < 60_000
    assert set(world.looks) == {0}

    make_patient(world, selector)
    world.looks.clear()
    began = world.now
    assert selector.select(1.0) == []
    assert world.now - began == pytest.approx(1e9, rel=0.001)
    assert world.looks[-1] == pytest.approx(1.0 - PATIENCE_NS / 1e9, abs=2e-6)


def test_what_others_take_of_its_time_it_does_not_wait_again(
    world: World, selector: PatientSelector
) -> None:
    make_patient(world, selector)
    world.looks.clear()
    world.look_ns = 3_000_000
    began = world.now
    assert selector.select(0.010) == []
    assert world.now - began == pytest.approx(13e6, rel=0.01)  # two looks
    assert world.looks == [0, pytest.approx(0.007, rel=0.01)]


def test_who_only_looks_is_answered_at_once(
    world: World, selector: PatientSelector
) -> None:
    make_patient(world, selector)
    world.looks.clear()
    assert selector.select(0) == []
    assert selector.select(-1) == []
    assert world.looks == [0, -1]


def test_a_patient_loop_serves_sockets_and_timers() -> None:
    async def main() -> list[bytes]:
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        heard = []
        with here, there:
            here.setblocking(False)  # noqa: FBT003  as sockets have it
            there.setblocking(False)  # noqa: FBT003
            for number in range(20):
                loop.call_later(0.0005, there.send, b"%d" % number)
                heard.append(await loop.sock_recv(here, 10))
        return heard

    with asyncio.Runner(loop_factory=patient_loop) as runner:
        heard = runner.run(asyncio.wait_for(main(), SECONDS))
    assert heard == [b"%d" % number for number in range(20)]
