"""A clock that stands still until it is told to move."""

import threading
from typing import Any

import pytest

import qsdb
from qsdb import Timestamp
from qsdb.testing import FakeClock

NOON = Timestamp.parse("2026-01-01T12:00:00Z")


def test_it_begins_where_it_is_told() -> None:
    assert FakeClock(NOON).now() == NOON
    assert FakeClock(start=NOON).now() == NOON


def test_it_begins_at_the_epoch_otherwise() -> None:
    assert FakeClock().now() == Timestamp.from_micros(0)


def test_it_stands_still() -> None:
    clock = FakeClock(NOON)

    assert clock.now() == clock.now() == NOON


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.5, "2026-01-01T12:00:01.500000Z"),
        (0.000001, "2026-01-01T12:00:00.000001Z"),
        (86400, "2026-01-02T12:00:00Z"),
        (-1, "2026-01-01T11:59:59Z"),
        (0, "2026-01-01T12:00:00Z"),
    ],
)
def test_it_moves_by_seconds(seconds: float, text: str) -> None:
    clock = FakeClock(NOON)

    clock.advance(seconds)

    assert clock.now() == Timestamp.parse(text)


def test_it_is_set() -> None:
    clock = FakeClock()

    clock.set(NOON)

    assert clock.now() == NOON


def test_ten_tenths_are_a_second() -> None:
    clock = FakeClock(NOON)

    for _ in range(10):
        clock.advance(0.1)

    assert clock.now() == Timestamp.parse("2026-01-01T12:00:01Z")


@pytest.mark.parametrize("start", [0, "2026-01-01T12:00:00Z", NOON.to_datetime()])
def test_it_shows_timestamps_alone(start: Any) -> None:
    clock = FakeClock(NOON)

    with pytest.raises(TypeError, match=r"qsdb\.Timestamp"):
        FakeClock(start)
    with pytest.raises(TypeError, match=r"qsdb\.Timestamp"):
        clock.set(start)
    with pytest.raises(TypeError):
        clock.set(None)  # type: ignore[arg-type]
    assert clock.now() == NOON


@pytest.mark.parametrize("seconds", ["1", None, NOON])
def test_it_moves_by_numbers_alone(seconds: Any) -> None:
    clock = FakeClock(NOON)

    with pytest.raises(TypeError, match="seconds must be a number"):
        clock.advance(seconds)
    assert clock.now() == NOON


@pytest.mark.parametrize("seconds", [float("inf"), 1e20, -1e20])
def test_it_does_not_leave_its_range(seconds: float) -> None:
    clock = FakeClock(NOON)

    with pytest.raises(OverflowError):
        clock.advance(seconds)
    assert clock.now() == NOON


def test_no_move_of_several_threads_is_lost() -> None:
    clock = FakeClock()

    def move() -> None:
        for _ in range(1000):
            clock.advance(1)

    threads = [threading.Thread(target=move) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert clock.now() == Timestamp.from_micros(4_000 * 1_000_000)


def test_it_stands_at_the_front_door() -> None:
    assert qsdb.testing.FakeClock is FakeClock
