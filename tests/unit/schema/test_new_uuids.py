"""UUIDs of a call: their layout, their order, and that they can be made again."""

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qsdb
from qsdb import LimitError, Timestamp
from qsdb.schema.new_uuids import NewUuids, uuid_v7
from qsdb.testing import FakeClock, database

moments = st.integers(0, (1000 << 48) - 1)
numbers = st.integers(0, (1 << 31) - 1)
bits = st.integers(0, (1 << 31) - 1)


class Call(NewUuids):
    """A call at a time, with a seed."""

    def __init__(self, micros: int, seed: int = 1) -> None:
        self._time = Timestamp.from_micros(micros)
        self._random = random.Random(seed)

    @property
    def timestamp(self) -> Timestamp:
        return self._time

    @property
    def random(self) -> random.Random:
        return self._random


@given(moments, numbers, bits)
def test_every_uuid_of_version_7_tells_its_parts(
    micros: int, number: int, random_bits: int
) -> None:
    made = uuid_v7(Timestamp.from_micros(micros), number, random_bits)

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == micros // 1000
    assert (made.int >> 64 & 0xFFF) == micros % 1000 * 4096 // 1000
    assert made.int & (1 << 62) - 1 == number << 31 | random_bits


@given(
    st.tuples(moments, numbers),
    st.tuples(moments, numbers),
    st.tuples(bits, bits),
)
def test_they_sort_by_time_and_then_by_number(
    one: tuple[int, int], other: tuple[int, int], random_bits: tuple[int, int]
) -> None:
    made = [
        uuid_v7(Timestamp.from_micros(micros), number, drawn)
        for (micros, number), drawn in zip((one, other), random_bits, strict=True)
    ]

    if one != other:
        assert (made[0] < made[1]) == (one < other)


@pytest.mark.parametrize("micros", [-1, 1000 << 48])
def test_a_time_that_has_no_room_is_refused(micros: int) -> None:
    call = Call(micros)
    with pytest.raises(LimitError, match="from 1970 to the year 10889, not "):
        call.new_uuid_v7()
    assert call.new_uuid_v4().version == 4


def test_a_call_makes_so_many() -> None:
    assert uuid_v7(Timestamp.EPOCH, (1 << 31) - 1, 0).version == 7
    with pytest.raises(LimitError, match="at most 2147483648 UUIDs"):
        uuid_v7(Timestamp.EPOCH, 1 << 31, 0)


def test_those_of_one_call_ascend_and_are_made_again_by_the_same_seed() -> None:
    call, again, other = Call(5), Call(5), Call(5, seed=2)
    made = [call.new_uuid_v7() for _ in range(100)]

    assert made == sorted(set(made))
    assert made == [again.new_uuid_v7() for _ in range(100)]
    assert {*made}.isdisjoint([other.new_uuid_v7() for _ in range(100)])
    assert call.new_uuid_v4() == again.new_uuid_v4() != call.new_uuid_v4()


def test_calls_of_a_database_ascend_with_the_clock() -> None:
    module = qsdb.Module("ids")

    @module.reducer
    def draw(ctx: qsdb.ReducerContext) -> tuple[uuid.UUID, uuid.UUID]:
        return ctx.new_uuid_v7(), ctx.new_uuid_v7()

    clock = FakeClock(Timestamp.parse("2026-01-01T00:00:00Z"))
    made: list[uuid.UUID] = []
    with database(module, clock=clock) as db:
        for _ in range(20):
            made += db.call(draw)
            clock.advance(1e-6)

    assert made == sorted(set(made))
    assert made[0].int >> 80 == 1_767_225_600_000
