"""What is generated for a reducer and a table writes what the plain functions write."""

import enum
import sys
import uuid
from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb.log import recording
from qsdb.log.records import Record, TableReader
from qsdb.recovery.state import row_kind
from qsdb.runtime import record_writers
from qsdb.runtime.journal import DiskJournal
from qsdb.runtime.record_writers import OFTEN
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.unit.runtime.ledger import NOON, QUIET
from tests.unit.runtime.logged import records_of

ANN = qsdb.Identity.from_claims("qsdb", "ann")
TABLE_ID = 4096


class Mood(enum.Enum):
    CALM = 0
    ANGRY = 1


class Place(qsdb.Product):
    x: qsdb.f32
    y: float


class Cage(qsdb.Product):
    at: Place
    name: str


class Nowhere(qsdb.Product):
    pass


KINDS: dict[str, tuple[Any, Any, Any]] = {
    "bool": (bool, False, True),
    "i8": (qsdb.i8, -128, 127),
    "u64": (qsdb.u64, 0, 2**64 - 1),
    "u128": (qsdb.u128, 0, 2**128 - 1),
    "i256": (qsdb.i256, -(2**255), 2**255 - 1),
    "f32": (qsdb.f32, -1.5, 0.0),
    "f64": (float, float("inf"), 0.1),
    "str": (str, "", "größe"),
    "bytes": (bytes, b"", b"\0" * 99),
    "Identity": (qsdb.Identity, qsdb.Identity.ZERO, ANN),
    "ConnectionId": (
        qsdb.ConnectionId,
        qsdb.ConnectionId.ZERO,
        qsdb.ConnectionId.from_stored(bytes(range(16))),
    ),
    "UUID": (uuid.UUID, uuid.UUID(int=0), uuid.UUID(int=2**127 + 5)),
    "Timestamp": (qsdb.Timestamp, NOON, qsdb.Timestamp.from_stored(-1)),
    "TimeDuration": (
        qsdb.TimeDuration,
        qsdb.TimeDuration.from_micros(0),
        qsdb.TimeDuration.from_micros(-7),
    ),
    "ScheduleAt": (
        qsdb.ScheduleAt,
        qsdb.ScheduleAt.from_stored((0, 9)),
        qsdb.ScheduleAt.from_stored((1, -9)),
    ),
    "enum": (Mood, Mood.CALM, Mood.ANGRY),
    "product": (Place, Place(1.5, -2.0), Place(0.0, 3.0)),
    "nested product": (Cage, Cage(Place(1.5, 2.0), ""), Cage(Place(0.0, 1.0), "é")),
    "sum": (Cage | Nowhere, Nowhere(), Cage(Place(0.0, 1.0), "é")),
    "option": (str | None, None, "x"),
    "optional Identity": (qsdb.Identity | None, None, ANN),
    "optional product": (Place | None, None, Place(1.5, 2.0)),
    "array": (tuple[str, ...], (), ("a", "")),
    "array of products": (tuple[Place, ...], (), (Place(1.5, 2.0),)),
    "fixed": (tuple[qsdb.u8, str], (1, ""), (2, "x")),
}


def module_of(annotation: Any) -> tuple[qsdb.Module, Any]:
    """Give a module with one column and one parameter of a kind, and its row class."""
    module = qsdb.Module("kept")
    namespace = {
        "__annotations__": {"id": qsdb.u8, "value": annotation},
        "__module__": __name__,
        "id": qsdb.primary_key(),
    }
    make_class: Any = type(qsdb.Row)
    row_class: Any = make_class("Kept", (qsdb.Row,), namespace, module=module)

    def put(ctx: qsdb.ReducerContext, count: qsdb.u8, value: Any) -> None:
        table = ctx.db[row_class]
        table.clear()
        for number in range(count):
            table.insert(row_class(number, value))

    put.__annotations__["value"] = annotation
    module.reducer(put)
    return module, row_class


def opened(module: qsdb.Module, disk: SimulatedDirectory) -> qsdb.Database:
    return qsdb.Database(
        module,
        disk,
        durability="always",
        clock=FakeClock(NOON),
        seed=1,
        options=QUIET,
        scheduler="manual",
    )


def what_is_written(record: Record, reader: TableReader) -> tuple[Any, ...]:
    """Give what a record says of the call, and of the rows in it."""
    assert record.call is not None
    (section,) = record.sections
    assert section.table_id == TABLE_ID
    rows = reader.rows(record, section)
    call = record.call
    return call.reducer, call.arguments, call.caller, call.connection, repr(rows)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_record_is_the_same_before_and_after(kind: str, count: int) -> None:
    annotation, *values = KINDS[kind]
    module, row_class = module_of(annotation)
    disk = SimulatedDirectory()
    with opened(module, disk) as db:
        (entry,) = db._calls.writer.directory.by_name.values()
        schema = entry.bound.schema
        reader = TableReader(TABLE_ID, row_kind(schema), schema.primary_key)
        written: dict[int, tuple[Any, ...]] = {}
        for number in range(2 * OFTEN + 2):
            value = values[number % 2]
            db.call("put", count, value)

            what = what_is_written(records_of(disk, db)[-1], reader)
            assert what == written.setdefault(number % 2, what)
        assert written[0] != written[1]
        journal = db._calls.writer.journal
        assert isinstance(journal, DiskJournal)
        (records,) = [each for each in journal._records.values() if each]
        assert [*records] == [entry.table]
    with opened(module, disk) as again, again.read() as tx:
        assert [each.value for each in tx[row_class]] == [values[1]] * count


def at_depth(depth: int, function: Callable[[], object]) -> object:
    return function() if depth == 0 else at_depth(depth - 1, function)


def test_a_deep_stack_is_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    module, _ = module_of(str)
    generated: list[str] = []

    def record_writer(*given: Any) -> Any:
        if not generated:
            generated.append("too deep")
            at_depth(2 * sys.getrecursionlimit(), list)
        generated.append("made")
        return real(*given)

    real = recording.record_writer
    monkeypatch.setattr(record_writers, "record_writer", record_writer)
    disk = SimulatedDirectory()
    with opened(module, disk) as db:
        for number in range(OFTEN + 3):
            db.call("put", 1, f"{number}")

        assert generated == ["too deep", "made"]
        assert len(records_of(disk, db)) == OFTEN + 4


def test_blocks_are_written_by_what_is_generated_too() -> None:
    module, row_class = module_of(str)
    disk = SimulatedDirectory()
    with opened(module, disk) as db:
        (entry,) = db._calls.writer.directory.by_name.values()
        schema = entry.bound.schema
        reader = TableReader(TABLE_ID, row_kind(schema), schema.primary_key)
        for number in range(2 * OFTEN):
            with db.write() as tx:
                tx[row_class].insert(row_class(number, f"row {number}"))

            record = records_of(disk, db)[-1]
            assert record.call is None
            found = reader.rows(record, record.sections[0])
            assert found == ([(number, f"row {number}")], [])
        journal = db._calls.writer.journal
        assert isinstance(journal, DiskJournal)
        assert entry.table in journal._sections
