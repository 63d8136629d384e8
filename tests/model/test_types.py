"""Rows 1 to 26: what a column can hold."""

import enum
import math
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Never

import pytest

import qsdb
from qsdb import (
    ConnectionId,
    Identity,
    KindError,
    Row,
    ScheduleAt,
    TimeDuration,
    Timestamp,
    f32,
    f64,
    i8,
    i256,
    u8,
    u32,
    u256,
)
from qsdb.testing import database


def stored(module: qsdb.Module, row: Row) -> Any:
    """Insert a row into a new database, and give what a reader finds."""
    with database(module) as db:
        with db.write() as tx:
            tx[type(row)].insert(row)
        with db.read() as tx:
            (found,) = tx[type(row)]
        return found


def refused(module: qsdb.Module, row: Row) -> str:
    """Insert a row that is refused, and give the error's text."""
    with (
        database(module) as db,
        pytest.raises(KindError) as caught,
        db.write() as tx,
    ):
        tx[type(row)].insert(row)
    return str(caught.value)


def test_row_001_whole_numbers_have_exactly_their_range() -> None:
    module = qsdb.Module("numbers")

    class Sizes(Row, module=module):
        low: i8
        high: u8
        lowest: i256
        highest: u256

    ends = Sizes(-128, 255, -(2**255), 2**256 - 1)

    assert stored(module, ends) == ends
    assert refused(module, ends.replace(high=256)) == (
        "table sizes, column high: 256 is not an int from 0 to 255"
    )
    assert "-129" in refused(module, ends.replace(low=-129))
    assert "column highest" in refused(module, ends.replace(highest=2**256))


def test_row_002_an_int_without_width_has_64_bits() -> None:
    module = qsdb.Module("numbers")

    class Count(Row, module=module):
        n: int

    assert stored(module, Count(2**63 - 1)) == Count(2**63 - 1)
    assert f"{2**63} is not an int" in refused(module, Count(2**63))


def test_row_003_a_bool_is_no_number() -> None:
    module = qsdb.Module("flags")

    class Flag(Row, module=module):
        is_on: bool
        count: u8

    assert stored(module, Flag(is_on=True, count=1)) == Flag(is_on=True, count=1)
    number: Any = 1
    assert "1 is not a bool" in refused(module, Flag(number, 1))
    assert "True is not an int" in refused(module, Flag(is_on=True, count=True))


class _Floats:
    module = qsdb.Module("floats")

    class Measure(Row, module=module):
        single: f32 = qsdb.index(default=0.0)
        double: f64 = qsdb.primary_key(default=0.0)


def test_row_004_floats_are_single_or_double_and_totally_ordered() -> None:
    measure = _Floats.Measure
    with database(_Floats.module) as db, db.write() as tx:
        for number in (math.nan, 0.1, -math.inf, math.inf):
            tx[measure].insert(measure(number, number))
        singles = [row.single for row in tx[measure].single.range()]

        assert tx[measure].get(0.1) == measure(0.10000000149011612, 0.1)
    assert singles[:3] == [-math.inf, 0.10000000149011612, math.inf]
    assert math.isnan(singles[3])


def test_row_005_there_is_one_nan_and_one_zero() -> None:
    measure = _Floats.Measure
    with database(_Floats.module) as db, db.write() as tx:
        table = tx[measure]
        for number in (math.nan, float("-nan"), 0.0, -0.0):
            table.insert(measure(number, number))

        assert len(table) == 2
        assert measure(math.nan, math.nan) in table
        found = table.get(-0.0)
        assert found is not None
        assert math.copysign(1, found.double) == 1


def test_row_006_text_is_valid_unicode_and_sorts_by_code_point() -> None:
    module = qsdb.Module("texts")

    class Word(Row, module=module):
        text: str = qsdb.index()

    words = ["z", "é", "", "\U0001f600", "\uffff", "Z"]
    with database(module) as db, db.write() as tx:
        tx[Word].insert_many(map(Word, words))
        by_key = [row.text for row in tx[Word].text.range()]
    assert by_key == sorted(words)
    assert "a str of valid Unicode" in refused(module, Word("\ud800"))


def test_row_007_bytes_are_kept_and_found() -> None:
    module = qsdb.Module("blobs")

    class Blob(Row, module=module):
        data: bytes = qsdb.primary_key()

    with database(module) as db, db.write() as tx:
        tx[Blob].insert(Blob(b"\x00\xff"))

        assert tx[Blob].get(b"\x00\xff") == Blob(b"\x00\xff")
        assert tx.sql("SELECT * FROM blob WHERE data = 0x00ff").rows
    assert "is not a bytes object" in refused(module, Blob("text"))  # type: ignore[arg-type]


def test_row_008_an_array_is_a_tuple_and_takes_any_sequence() -> None:
    module = qsdb.Module("arrays")

    class Tagged(Row, module=module):
        tags: tuple[str, ...]

    @module.reducer
    def longest(_: qsdb.ReducerContext, tags: list[str]) -> str:
        assert type(tags) is list
        return max(tags, key=len)

    given: Sequence[str] = ["a", "bc"]
    row = stored(module, Tagged(given))  # type: ignore[arg-type]
    assert row.tags == ("a", "bc")
    assert {row: 1}[Tagged(("a", "bc"))] == 1
    assert "1 is not a str" in refused(module, Tagged(("a", 1)))  # type: ignore[arg-type]
    with database(module) as db:
        assert db.call(longest, ["a", "bc"]) == "bc"


def test_row_009_an_option_is_a_value_or_none_which_sorts_last() -> None:
    module = qsdb.Module("options")

    class Nick(Row, module=module):
        id: u8 = qsdb.primary_key()
        name: str | None = qsdb.index(default=None)

    with database(module) as db, db.write() as tx:
        tx[Nick].insert_many([Nick(1), Nick(2, "b"), Nick(3, ""), Nick(4, "a")])

        in_order = [row.name for row in tx[Nick].name.range()]
        assert in_order == ["", "a", "b", None]
        assert [row.id for row in tx[Nick].name.filter(None)] == [1]
        assert tx.sql("SELECT id FROM nick WHERE name IS NULL").rows == [(1,)]


def test_row_009_a_product_says_which_of_two_options_is_missing() -> None:
    module = qsdb.Module("nested")

    class Answer(qsdb.Product):
        text: str | None

    class Question(Row, module=module):
        id: u8 = qsdb.primary_key()
        answer: Answer | None = None

    given = [Question(1), Question(2, Answer(None)), Question(3, Answer("yes"))]
    assert [stored(module, each) for each in given] == given
    assert len({each.answer for each in given}) == 3


def test_row_010_a_result_is_a_union_of_two_products() -> None:
    module = qsdb.Module("results")

    class Ok(qsdb.Product):
        value: u32

    class Err(qsdb.Product):
        message: str

    class Answer(Row, module=module):
        id: u8 = qsdb.primary_key()
        result: Ok | Err

    for answer in (Answer(1, Ok(7)), Answer(1, Err("no"))):
        assert stored(module, answer) == answer
    match stored(module, Answer(1, Err("no"))):
        case Answer(result=Err(message)):
            assert message == "no"
        case _:
            pytest.fail("it is an error")


class _Places:
    module = qsdb.Module("places")

    class Place(qsdb.Product):
        x: f32
        y: f32 = 0.5

    class Town(Row, module=module):
        name: str
        at: "_Places.Place" = qsdb.index()


def test_row_011_a_product_has_named_fields_and_sorts_by_them() -> None:
    place, town = _Places.Place, _Places.Town
    with database(_Places.module) as db, db.write() as tx:
        tx[town].insert_many(
            [town("c", place(2)), town("b", place(1, 2)), town("a", place(1))]
        )
        in_order = list(tx[town].at.range())
    assert [row.name for row in in_order] == ["a", "b", "c"]
    assert in_order[0].at == place(1.0, 0.5)
    assert in_order[0].at.x == 1.0
    assert qsdb.asdict(in_order[0]) == {"name": "a", "at": {"x": 1.0, "y": 0.5}}
    assert "field y of Place" in refused(_Places.module, town("d", place(1, "2")))  # type: ignore[arg-type]


def test_row_012_a_tuple_has_values_of_different_kinds() -> None:
    module = qsdb.Module("tuples")

    class Step(Row, module=module, indexes=[qsdb.BTree("at", name="ordered")]):
        at: tuple[f32, f32] = qsdb.primary_key()
        note: tuple[str, u8 | None] = ("", None)

    @module.reducer
    def far(ctx: qsdb.ReducerContext, at: tuple[f32, f32]) -> int:
        return len(list(ctx.db[Step].ordered.range(lo=at)))

    step = stored(module, Step((0.5, 2), ("b", 1)))
    assert step == Step((0.5, 2.0), ("b", 1))
    assert step.at == (0.5, 2.0)
    assert eval(repr(step), {"Step": Step}) == step
    assert qsdb.asdict(step) == {"at": (0.5, 2.0), "note": ("b", 1)}
    text = refused(module, Step((0.5, 2), ("b", 256)))
    assert text.startswith("table step, column note: 256 is not an int from 0 to 255")
    text = refused(module, Step((0.5,)))  # type: ignore[arg-type]
    assert "(0.5,) is not a tuple[f32, f32]" in text
    with database(module) as db:
        with db.write() as tx:
            tx[Step].insert_many([Step((2, 0)), Step((1, 5)), step])
            assert [row.at[0] for row in tx[Step].ordered.range()] == [0.5, 1, 2]
            assert tx[Step].get((1, 5)) == Step((1, 5))
        assert db.call(far, (1, 0)) == 2
        with pytest.raises(qsdb.ArgumentError, match=r"\(1, 'x'\)|'x'"):
            db.call("far", (1, "x"))
        db.sql("UPDATE step SET note = :note", {"note": ("c", None)})
        assert db.sql("SELECT note FROM step LIMIT 1").rows == [(("c", None),)]


def test_row_013_a_sum_is_one_of_several_products() -> None:
    module = qsdb.Module("shapes")

    class Circle(qsdb.Product):
        radius: f64

    class Square(qsdb.Product):
        side: f64

    class Drawn(Row, module=module):
        id: u8 = qsdb.primary_key()
        shape: Circle | Square = qsdb.index()

    def area(shape: Circle | Square) -> float:
        match shape:
            case Circle(radius):
                return math.pi * radius**2
            case Square(side):
                return side * side

    with database(module) as db, db.write() as tx:
        tx[Drawn].insert_many([Drawn(1, Square(2)), Drawn(2, Circle(3))])
        in_order = list(tx[Drawn].shape.range())
    assert [row.id for row in in_order] == [2, 1]  # in the order of definition
    assert area(in_order[1].shape) == 4
    assert "is not one of Circle | Square" in refused(module, Drawn(1, 2.0))  # type: ignore[arg-type]


def test_row_014_a_plain_enum_is_indexed_and_sorts_by_definition() -> None:
    module = qsdb.Module("teams")

    class Team(enum.Enum):
        red = "r"
        blue = "b"

    class Player(Row, module=module):
        name: str = qsdb.primary_key()
        team: Team = qsdb.index("hash")

    class Score(Row, module=module):
        team: Team = qsdb.primary_key()

    with database(module) as db, db.write() as tx:
        tx[Player].insert_many([Player("a", Team.blue), Player("b", Team.red)])
        tx[Score].insert_many([Score(Team.blue), Score(Team.red)])

        assert [row.name for row in tx[Player].team.filter(Team.blue)] == ["a"]
        assert tx[Score].get(Team.red) == Score(Team.red)
        found = tx.sql("SELECT name FROM player WHERE team < 'blue'")
        assert found.rows == [("b",)]


def test_row_015_a_product_without_fields_is_a_kind_of_one_value() -> None:
    module = qsdb.Module("units")

    class Nothing(qsdb.Product):
        pass

    class Full(qsdb.Product):
        by: str

    class Slot(Row, module=module):
        id: u8 = qsdb.primary_key()
        held: Nothing | Full = Nothing()

    assert stored(module, Slot(1)).held == Nothing()

    class Empty(Row, module=module):
        never: Never

    with pytest.raises(qsdb.SchemaError, match="Never is no column kind"):
        qsdb.Database(module)


IDENTITY = "c200b9322c6915549469768188dc0cc6ce60fdbd63823b801c6ace9666085d28"


def test_row_017_an_identity_is_a_number_of_256_bits_shown_in_hex() -> None:
    alice = Identity.from_claims("https://example.com", "alice")

    assert alice.to_hex() == str(alice) == IDENTITY
    assert alice == Identity.from_hex(IDENTITY) == Identity.from_bytes(bytes(alice))
    assert alice > Identity.ZERO
    assert len({alice, Identity.from_hex(IDENTITY.upper())}) == 1


def test_row_018_a_connection_id_has_128_bits_and_none_is_none() -> None:
    module = qsdb.Module("ids")
    seen: list[ConnectionId | None] = []

    @module.reducer
    def look(ctx: qsdb.ReducerContext) -> None:
        seen.append(ctx.connection_id)

    with database(module) as db, db.connect() as one, db.connect() as other:
        db.call(look)
        one.call(look)

        assert seen == [None, one.connection_id]
        assert one.connection_id != other.connection_id
        assert len(bytes(one.connection_id)) == 16
        text = one.connection_id.to_hex()
        assert ConnectionId.from_hex(text) == one.connection_id


def test_row_019_a_timestamp_is_exact_and_checked() -> None:
    noon = Timestamp.parse("2024-02-29T13:00:00.000001+01:00")

    assert str(noon) == "2024-02-29T12:00:00.000001Z"
    assert noon.to_datetime() == datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC)
    assert Timestamp.from_datetime(noon.to_datetime()) == noon
    assert (noon + timedelta(days=1)) - noon == TimeDuration.from_seconds(86_400)
    last = Timestamp.from_micros(2**63 - 1)
    with pytest.raises(OverflowError):
        last + TimeDuration.from_micros(1)
    with pytest.raises(OverflowError, match="years 1 to 9999"):
        last.to_datetime()


def test_row_020_a_duration_is_signed_and_a_timedelta_stands_for_it() -> None:
    span = TimeDuration.from_timedelta(timedelta(seconds=1.5))

    assert str(span) == "+1.500000"
    assert str(-span) == "-1.500000"
    assert span.to_timedelta() == timedelta(seconds=1.5)
    assert span + timedelta(seconds=1) == TimeDuration.from_micros(2_500_000)
    assert abs(-span) == span > TimeDuration.from_micros(0)


def test_row_021_a_schedule_is_a_time_or_an_interval() -> None:
    once = ScheduleAt.time(datetime(2026, 1, 1, tzinfo=UTC))
    again = ScheduleAt.interval(timedelta(seconds=5))

    assert once.is_time
    assert once.value == Timestamp.parse("2026-01-01T00:00:00Z")
    assert again.is_interval
    assert again.value == TimeDuration.from_seconds(5)
    assert once != again

    module = qsdb.Module("plans")

    class Plan(Row, module=module):
        at: ScheduleAt

    assert [stored(module, Plan(each)).at for each in (once, again)] == [once, again]
    assert "is not a ScheduleAt" in refused(module, Plan(5))  # type: ignore[arg-type]


def test_row_024_a_look_up_takes_exactly_the_columns_kind() -> None:
    module = qsdb.Module("exact")

    class Item(Row, module=module):
        id: u8 = qsdb.primary_key()
        name: str = qsdb.index()

    with database(module) as db, db.read() as tx:
        for key in ("1", True, 1.0):
            with pytest.raises(KindError, match="column id"):
                tx[Item].get(key)
        with pytest.raises(KindError, match="table item, column name: 1 is not a str"):
            list(tx[Item].name.filter(1))
        with pytest.raises(qsdb.QueryError):
            db.sql("SELECT * FROM item WHERE id = '1'")


def test_row_025_a_default_stands_for_what_is_left_out() -> None:
    module = qsdb.Module("defaults")

    class User(Row, module=module):
        id: u8 = qsdb.primary_key()
        level: u8 = 7
        name: str = qsdb.unique(default="new")

    assert stored(module, User(1)) == User(1, 7, "new")
    with database(module) as db:
        db.sql("INSERT INTO user (id) VALUES (1)")
        assert db.sql("SELECT * FROM user").rows == [User(1)]


def test_row_026_a_default_may_be_false_empty_or_zero() -> None:
    module = qsdb.Module("falsy")

    class Falsy(Row, module=module):
        id: u8 = qsdb.primary_key()
        number: u8 = 0
        is_on: bool = False
        text: str = ""
        data: bytes = b""
        many: tuple[u8, ...] = ()
        maybe: str | None = None

    assert stored(module, Falsy(1)) == Falsy(
        1, 0, is_on=False, text="", data=b"", many=(), maybe=None
    )


def new_ids(module: qsdb.Module) -> list[uuid.UUID]:
    """Call the reducer of the test below in a new database."""
    with database(module, seed=3) as db:
        ids: list[uuid.UUID] = db.call("draw")
        return ids


def test_row_022_a_reducer_makes_uuids_that_can_be_made_again() -> None:
    module = qsdb.Module("uuids")

    class Thing(Row, module=module):
        id: uuid.UUID = qsdb.primary_key()

    @module.reducer
    def draw(ctx: qsdb.ReducerContext) -> list[uuid.UUID]:
        made = [ctx.new_uuid_v7() for _ in range(3)]
        ctx.db[Thing].insert_many(map(Thing, made))
        assert list(ctx.db[Thing]) == [*map(Thing, made)]
        return [*made, ctx.new_uuid_v4()]

    ids = new_ids(module)

    assert [each.version for each in ids] == [7, 7, 7, 4]
    assert all(each.variant == uuid.RFC_4122 for each in ids)
    assert ids[:3] == sorted(ids[:3])
    assert len(set(ids)) == 4
    assert ids == new_ids(module)
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(ids[0]))
