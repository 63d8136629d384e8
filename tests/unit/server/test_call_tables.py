"""Arguments and results of functions as bytes, of every kind that users declare."""

import enum
import struct

import pytest

import qsdb
from qsdb.errors import ArgumentError, NotFoundError
from qsdb.server.call_tables import CallTable
from qsdb.values.identity import Identity
from qsdb.values.timestamps import Timestamp

works = qsdb.Module("works")


class Mood(enum.Enum):
    calm = 1
    angry = 2


class Step(qsdb.Product):
    x: qsdb.u8
    y: qsdb.i16 = 0


@works.reducer
def plain(ctx: qsdb.ReducerContext, a: qsdb.u32, b: str, c: bytes, d: bool) -> None:  # noqa: FBT001  as clients give it
    """Take what is the same to users and in rows."""


@works.reducer
def rich(
    ctx: qsdb.ReducerContext,
    path: list[Step],
    mood: Mood,
    who: Identity | None,
    when: Timestamp,
) -> list[Step]:
    ctx.log.info("%s %s %s", mood, who, when)
    return path


@works.reducer
def moody(_: qsdb.ReducerContext) -> Mood | None:
    return None


@works.reducer(private=True)
def hidden(ctx: qsdb.ReducerContext, n: qsdb.u8) -> None:
    """Be there for the owner alone."""


@works.procedure
def twice(_: qsdb.ProcedureContext, n: qsdb.u8) -> qsdb.u8:
    return 2 * n


@works.procedure(private=True)
def inner(ctx: qsdb.ProcedureContext) -> None:
    """Be there for the owner alone."""


@pytest.fixture
def table() -> CallTable:
    return CallTable(works.compiled())


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def test_plain_arguments_are_read(table: CallTable) -> None:
    found = table.reducer("plain", is_owner=False)

    data = struct.pack("<I", 7) + text("Zoë") + text("\1\2") + b"\1"

    assert found.read(data) == (7, "Zoë", b"\1\2", True)
    assert found.write("whatever it gave") == b""


def test_arguments_are_read_as_users_see_them(table: CallTable) -> None:
    found = table.reducer("rich", is_owner=False)
    who, when = (
        Identity.from_claims("a", "b"),
        Timestamp.from_micros(1_700_000_000_123_456),
    )
    steps = struct.pack("<IBhBh", 2, 1, -1, 2, -2)

    path, mood, *others = found.read(
        steps + b"\1" + b"\0" + bytes(who)[::-1] + struct.pack("<q", when.micros)
    )

    assert path == [Step(x=1, y=-1), Step(x=2, y=-2)]
    assert mood is Mood.angry
    assert others == [who, when]
    assert found.read(bytes(4) + b"\0" + b"\1" + bytes(8)) == (
        [],
        Mood.calm,
        None,
        Timestamp.from_micros(0),
    )
    assert found.write(path) == steps


def test_results_are_written_if_they_are_what_was_declared(table: CallTable) -> None:
    moody = table.reducer("moody", is_owner=False)
    twice = table.procedure("twice", is_owner=False)

    assert moody.write(None) == b"\1"
    assert moody.write(Mood.angry) == b"\0\1"
    assert moody.write("angry") is None
    assert twice.write(4) == b"\4"
    assert twice.write(256) is None
    assert twice.write(None) is None


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        ("plain", b"", "plain(), arguments, byte 0: "),
        ("plain", bytes(13), "plain(), arguments, byte 13: "),
        ("plain", bytes(12) + b"\0\0", "plain(), arguments, byte 13: "),
        ("plain", bytes(12) + b"\2", "plain(), arguments, byte 12: "),
        ("plain", bytes(4) + b"\xff" * 4 + bytes(9), "plain(), arguments, byte 4: "),
        ("rich", b"\xff" * 4 + bytes(20), "rich(), arguments, byte 0: "),
        ("rich", bytes(4) + b"\2" + bytes(20), "rich(), arguments, byte 4: "),
        ("moody", b"\0", "moody(), arguments, byte 0: "),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    table: CallTable, name: str, data: bytes, fault: str
) -> None:
    if name == "plain" and data == bytes(13):
        assert table.reducer(name, is_owner=False).read(data) == (0, "", b"", False)
        return
    with pytest.raises(ArgumentError) as refusal:
        table.reducer(name, is_owner=False).read(data)
    assert str(refusal.value).startswith(fault)


def test_functions_are_compiled_once(table: CallTable) -> None:
    assert table.reducer("plain", is_owner=False) is table.reducer(
        "plain", is_owner=True
    )
    assert table.procedure("twice", is_owner=False) is table.procedure(
        "twice", is_owner=True
    )


def test_what_may_not_be_called_looks_like_what_is_not_there(
    table: CallTable,
) -> None:
    for _ in range(2):  # also when the owner has had it compiled
        with pytest.raises(NotFoundError, match="no such reducer: hidden"):
            table.reducer("hidden", is_owner=False)
        with pytest.raises(NotFoundError, match="no such procedure: inner"):
            table.procedure("inner", is_owner=False)
        assert table.reducer("hidden", is_owner=True).read(b"\1") == (1,)
        assert table.procedure("inner", is_owner=True).read(b"") == ()
    with pytest.raises(NotFoundError, match="no such reducer: twice"):
        table.reducer("twice", is_owner=True)
    with pytest.raises(NotFoundError, match="no such procedure: plain"):
        table.procedure("plain", is_owner=True)
    with pytest.raises(NotFoundError, match=r"no such procedure: x\?\?y"):
        table.procedure("x\n\u202ey", is_owner=True)
