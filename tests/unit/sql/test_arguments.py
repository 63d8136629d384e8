"""Parameters: what users give, for each kind, and how the rest is refused."""

import datetime
import enum
import math
import uuid
from collections import UserDict
from typing import Any

import pytest

import qsdb
from qsdb import (
    ArgumentError,
    ConnectionId,
    Identity,
    ScheduleAt,
    TimeDuration,
    Timestamp,
)
from qsdb.sql.arguments import bind_parameters, compile_binder, enter, leave
from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    tuple_kind,
)
from qsdb.values.compounds import SumKind as Sum
from qsdb.values.kinds import Kind

MOOD = EnumKind("Mood", ("calm", "angry"))
PLACE = ProductKind("Place", (Field("x", k.I32), Field("at", k.TIMESTAMP)))
CIRCLE = ProductKind("Circle", (Field("radius", k.U8),))
SHAPE = Sum((Field("Circle", CIRCLE), Field("Place", PLACE)))


class Mood(enum.Enum):
    calm = "z"
    angry = "a"


class Other(enum.Enum):
    sad = 1


class Place(qsdb.Product):
    x: qsdb.i32
    at: Timestamp


class Circle(qsdb.Product):
    radius: qsdb.u8


NOON = Timestamp.parse("2026-01-01T12:00:00Z")
ID = Identity.from_bytes(bytes(31) + b"\1")
CONN = ConnectionId.from_bytes(bytes(15) + b"\1")
HERE = Place(1, NOON)
PAIR = tuple_kind([k.TIMESTAMP, PLACE])

GOOD: list[tuple[Kind, Any, Any]] = [
    (k.BOOL, True, True),
    (k.U8, 255, 255),
    (k.I256, -(2**255), -(2**255)),
    (k.F64, 1.5, 1.5),
    (k.F64, 1, 1.0),
    (k.F64, -0.0, 0.0),
    (k.F64, float("nan"), k.NAN),
    (k.F32, 0.1, 0.10000000149011612),
    (k.STR, "é", "é"),
    (k.BYTES, b"\0", b"\0"),
    (k.IDENTITY, ID, bytes(31) + b"\1"),
    (k.CONNECTION_ID, CONN, bytes(15) + b"\1"),
    (k.UUID, uuid.UUID(int=1), bytes(15) + b"\1"),
    (k.TIMESTAMP, NOON, NOON.micros),
    (k.TIME_DURATION, TimeDuration.from_micros(5), 5),
    (k.SCHEDULE_AT, ScheduleAt.time(NOON), ScheduleAt.time(NOON).stored),
    (MOOD, Mood.angry, 1),
    (MOOD, "calm", 0),
    (OptionKind(k.U8), None, None),
    (OptionKind(k.U8), 5, 5),
    (OptionKind(MOOD), Mood.angry, 1),
    (OptionKind(k.TIMESTAMP), NOON, NOON.micros),
    (ArrayKind(k.U8), [1, 2], (1, 2)),
    (ArrayKind(k.TIMESTAMP), (NOON,), (NOON.micros,)),
    (ArrayKind(OptionKind(k.U8)), [None, 1], (None, 1)),
    (PLACE, HERE, (1, NOON.micros)),
    (PAIR, (NOON, HERE), (NOON.micros, (1, NOON.micros))),
    (PAIR, [NOON, HERE], (NOON.micros, (1, NOON.micros))),
    (SHAPE, HERE, (1, (1, NOON.micros))),
    (SHAPE, Circle(3), (0, (3,))),
]


@pytest.mark.parametrize(("kind", "given", "stored"), GOOD)
def test_values_of_each_kind_are_entered(kind: Kind, given: Any, stored: Any) -> None:
    slow = bind_parameters({"a": kind}, {"a": given})
    quick = compile_binder({"a": kind})({"a": given})

    assert repr([*slow]) == repr([*quick]) == repr([stored])
    assert type(slow[0]) is type(quick[0]) is type(stored)


def test_nan_is_the_one_nan() -> None:
    [slow] = bind_parameters({"a": k.F64}, {"a": math.nan * 2})
    [quick] = compile_binder({"a": k.F64})({"a": math.nan * 2})

    assert slow is k.NAN
    assert quick is k.NAN


@pytest.mark.parametrize(
    ("kind", "given", "text"),
    [
        (k.BOOL, 1, "the parameter :a is "),
        (k.U8, 256, "the parameter :a is an int from 0 to 255, not 256"),
        (k.U8, True, "the parameter :a is an int from 0 to 255, not True"),
        (k.U8, "1", "the parameter :a is an int from 0 to 255, not '1'"),
        (k.U8, None, "the parameter :a is None; write IS NULL instead"),
        (k.STR, b"x", "not b'x'"),
        (k.STR, "\ud800", "not '\\ud800'"),
        (k.BYTES, "x", "not 'x'"),
        (k.IDENTITY, bytes(32), "is a qsdb.Identity, not b"),
        (k.IDENTITY, CONN, "is a qsdb.Identity, not "),
        (k.CONNECTION_ID, ID, "is a qsdb.ConnectionId, not "),
        (k.TIMESTAMP, 5, "is a qsdb.Timestamp, not 5"),
        (
            k.TIMESTAMP,
            datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
            "is a qsdb.Timestamp, not datetime.datetime(2026",
        ),
        (k.TIME_DURATION, NOON, "is a qsdb.TimeDuration, not "),
        (k.SCHEDULE_AT, NOON, "is a qsdb.ScheduleAt, not "),
        (k.UUID, "x", "not 'x'"),
        (MOOD, Other.sad, "is a member of Mood (calm, angry), not <Other.sad: 1>"),
        (MOOD, 1, "is a member of Mood (calm, angry), not 1"),
        (MOOD, None, "is None; write IS NULL instead"),
        (ArrayKind(k.U8), "12", "is a list or tuple, not '12'"),
        (ArrayKind(k.U8), b"12", "is a list or tuple, not b'12'"),
        (ArrayKind(k.U8), 5, "is a list or tuple, not 5"),
        (ArrayKind(k.U8), Circle(1), "is a list or tuple, not Circle(radius=1)"),
        (PAIR, (NOON,), "is a tuple[Timestamp, Place], not (Timestamp"),
        (PAIR, HERE, "is a tuple[Timestamp, Place], not Place(x=1"),
        (PAIR, 5, "is a tuple[Timestamp, Place], not 5"),
        (PAIR, (NOON, 5), "is a Place, not 5"),
        (ArrayKind(k.U8), [256], "is an int from 0 to 255, not 256"),
        (ArrayKind(k.TIMESTAMP), [5], "is a qsdb.Timestamp, not 5"),
        (PLACE, (1, 2), "is a Place, not (1, 2)"),
        (PLACE, Circle(1), "is a Place, not Circle(radius=1)"),
        (SHAPE, 5, "is a Circle or Place, not 5"),
        (OptionKind(k.U8), 256, "is an int from 0 to 255, or None, not 256"),
    ],
)
def test_others_are_refused(kind: Kind, given: Any, text: str) -> None:
    for bind in (
        lambda g: bind_parameters({"a": kind}, g),
        compile_binder({"a": kind}),
    ):
        with pytest.raises(ArgumentError) as caught:
            bind({"a": given})
        assert text in str(caught.value)


def test_a_class_of_the_same_name_that_is_no_product_is_refused() -> None:
    fake = type("Place", (), {})()
    with pytest.raises(ArgumentError, match="is a Place, not <"):
        bind_parameters({"a": PLACE}, {"a": fake})


TWO: dict[str, Kind] = {"a": k.U8, "b": k.STR}


@pytest.mark.parametrize("given", [{"a": 1, "b": "x"}, {"b": "x", "a": 1}])
def test_values_come_in_the_order_of_the_query(given: Any) -> None:
    assert [*compile_binder(TWO)(given)] == [1, "x"]
    assert [*compile_binder(TWO)(UserDict(given))] == [1, "x"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"a": 1}, "the parameter :b is missing"),
        (None, "the parameter :a is missing"),
        ({}, "the parameter :a is missing"),
        ({"a": 1, "b": "x", "c": 2}, "no parameter 'c'; there are: :a, :b"),
        ({"a": 1, "c": 2}, "no parameter 'c'; there are: :a, :b"),
        ({"a": 1, 5: 2}, "no parameter 5; there are: :a, :b"),
        ([1, "x"], "params is a dict, not [1, 'x']"),
        ("ab", "params is a dict, not 'ab'"),
    ],
)
def test_names_that_do_not_fit_are_told(given: Any, text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        compile_binder(TWO)(given)

    assert str(caught.value) == text
    assert isinstance(caught.value, TypeError)


def test_without_parameters_nothing_is_given() -> None:
    bind = compile_binder({})

    assert [*bind(None)] == [*bind({})] == []
    with pytest.raises(ArgumentError, match="no parameter 'a'; there are: none"):
        bind({"a": 1})
    with pytest.raises(ArgumentError, match="params is a dict, not 5"):
        bind(5)  # type: ignore[arg-type]


def test_odd_names_are_names_too() -> None:
    kinds: dict[str, Kind] = {"é": k.U8, "class": k.U8, "a$": k.U8}

    assert [*compile_binder(kinds)({"é": 1, "class": 2, "a$": 3})] == [1, 2, 3]


def test_what_goes_in_comes_out() -> None:
    for kind, given in ((k.IDENTITY, ID), (k.TIMESTAMP, NOON)):
        leaving = leave(kind)
        assert leaving is not None
        assert leaving(enter(kind, given)) == given
    assert leave(k.STR) is None
