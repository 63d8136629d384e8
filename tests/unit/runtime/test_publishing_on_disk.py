"""Publications in the log: opened again, followed, copied, and cut off anywhere."""

import contextlib
import errno
import io
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import u32, u64
from qsdb.files import Directory
from qsdb.log.writing import LogWriter
from qsdb.recovery.opening import read_state
from qsdb.runtime import module_tables
from qsdb.runtime.publishing import Publisher
from qsdb.runtime.rebinding import Rebinding
from qsdb.testing import (
    Fail,
    FakeClock,
    FaultyDirectory,
    Policy,
    SimulatedDirectory,
    once,
)
from tests.support.disks import WatchedDirectory, digest_of, image_of
from tests.support.editions import BOOK, LOAN, QUIET, Edition, contents, edition

YEARS = {**BOOK, "year": (u32, 1900)}
BEFORE: dict[str, list[Any]] = {
    "book": [(1, "Emma"), (2, "Dune")],
    "loan": [(1, "ann")],
}
AFTER: dict[str, list[Any]] = {
    "book": [(1, "Emma", 1900), (2, "Dune", 1900)],
    "loan": [(1, "ann")],
    "pen": [],
}


def renamed(name: str) -> Any:
    return qsdb.column(renamed_from=name)


def named(name: str) -> Any:
    return qsdb.column(name=name)


def first() -> Edition:
    return edition("", book=BOOK, loan=LOAN)


def second(note: str = "!") -> Edition:
    loan = {**LOAN, "reader": (str, qsdb.index())}
    return edition(note, pen={"id": (u64, qsdb.primary_key())}, loan=loan, book=YEARS)


ONE, TWO = first(), second()


def opened(disk: Directory, module: qsdb.Module, **arguments: Any) -> qsdb.Database:
    given: dict[str, Any] = {"durability": "always", "clock": FakeClock(), "seed": 1}
    return qsdb.Database(module, disk, options=QUIET, **given | arguments)


def written(disk: Directory) -> qsdb.Database:
    db = opened(disk, ONE.module)
    db.call("add", "Emma")
    db.call("add", "Dune")
    db.call("lend", 1, "ann")
    return db


def sorted_contents(db: qsdb.Database) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(rows) for name, rows in sorted(contents(db).items())}


def expected(of: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: sorted(rows) for name, rows in sorted(of.items())}


def published() -> SimulatedDirectory:
    """Give a disk with a publication in the middle of the log, at offset 5."""
    disk = SimulatedDirectory()
    with written(disk) as db:
        db.publish(TWO.module, allow_breaking=True)
        db.call("add", "Ubik")
        db.call("lend", 1, "bob")
    return disk


def test_what_was_published_is_there_when_opened_again() -> None:
    disk = published()
    with opened(disk, TWO.module) as db:
        assert db.offset == 7
        assert max(contents(db)["book"]) == (3, "Ubik", 1900)
        db.check()
        assert db.call("add", "Solo") == 4
        db.snapshot()
    with opened(disk, TWO.module) as db:
        assert (db.offset, db.recovery.snapshot_offset) == (8, 8)  # type: ignore[union-attr]
        db.check()
    assert qsdb.verify(disk, deep=True).is_sound


def test_opening_with_another_module_publishes_it_in_one_commit() -> None:
    disk = SimulatedDirectory()
    written(disk).close()

    with opened(disk, TWO.module) as db:
        assert (db.offset, db.durable_offset) == (5, 5)
        assert sorted_contents(db) == expected(AFTER)
        assert db.call("which") == "!"
        db.check()
    with opened(disk, TWO.module) as db:
        assert db.offset == 5
        db.check()
    with opened(disk, second("?").module) as db:
        assert db.offset == 5
        assert db.call("which") == "?"


def test_opening_gives_no_data_up_and_writes_nothing_then() -> None:
    disk = published()
    before = disk.snapshot_files()
    with pytest.raises(qsdb.SchemaError) as lost:
        opened(disk, ONE.module)
    with pytest.raises(qsdb.SchemaError) as removed:
        opened(disk, edition("", book=YEARS).module)
    with pytest.raises(qsdb.SchemaError) as reading:
        opened(disk, ONE.module, read_only=True)
    assert "would give data up; open it with the module that it has" in str(lost.value)
    assert "column year is removed" in str(lost.value)
    assert "drop=['loan']" in str(removed.value)
    assert "column year" in str(reading.value)
    assert {n: c for n, c in disk.snapshot_files().items() if n != "LOCK"} == {
        n: c for n, c in before.items() if n != "LOCK"
    }
    opened(disk, TWO.module).close()


def test_a_migration_runs_when_a_database_is_opened() -> None:
    disk = SimulatedDirectory()
    written(disk).close()
    two = edition("", book=BOOK, loan=LOAN, reader={"name": (str, qsdb.primary_key())})
    failures = [ZeroDivisionError("zero")]

    @two.module.migration(from_=ONE.module.schema_hash(), tables=["reader"])
    def fill(ctx: qsdb.MigrationContext) -> None:
        for loan in ctx.old("loan"):
            ctx.db.reader.insert(two.rows["reader"](loan.reader))
        if failures:
            raise failures.pop()

    with pytest.raises(ZeroDivisionError):
        opened(disk, two.module)
    with opened(disk, two.module) as db:
        assert contents(db)["reader"] == [("ann",)]
        assert db.offset == 5


KEYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no key": ({"book": u64, "reader": str}, {}),
    "another key": ({"book": u64, "reader": (str, qsdb.primary_key())}, {}),
    "both": ({"book": u64, "reader": str}, {"primary_key": ("book", "reader")}),
    "numbered": ({**LOAN, "book": (u64, qsdb.primary_key(auto_inc=True))}, {}),
    "numbered twice": ({**LOAN, "serial": (u64, qsdb.auto_inc())}, {}),
    "unique": ({**LOAN, "reader": (str, qsdb.unique())}, {}),
    "optional": ({**LOAN, "reader": (str | None, None)}, {}),
    "a default": ({**LOAN, "reader": (str, "nobody")}, {}),
    "renamed": ({"book": LOAN["book"], "who": (str, renamed("reader"))}, {}),
    "an attribute": ({"book": LOAN["book"], "who": (str, named("reader"))}, {}),
    "the order": ({"reader": str, "book": LOAN["book"]}, {}),
    "the table": (LOAN, {"name": "lent", "renamed_from": "loan"}),
}


@pytest.mark.parametrize("has_snapshot", [False, True])
@pytest.mark.parametrize("change", KEYS)
def test_whatever_changes_is_replayed(change: str, *, has_snapshot: bool) -> None:
    columns, options = KEYS[change]
    two = edition("", {"loan": options}, loan=columns, book=BOOK)
    name, loan = options.get("name", "loan"), two.rows["loan"]
    disk = SimulatedDirectory()
    db = written(disk)
    db.call("lend", 2, "bob")
    reader = qsdb.Database(None, disk, read_only=True)
    db.publish(two.module, allow_breaking=True)
    if has_snapshot:
        db.snapshot()
    with db.write() as tx:
        table = tx.table(name)
        [row] = [each for each in table if "ann" in [*each]]
        table.delete(row)
        values = {"book": 3, "reader": "cyd", "who": "cyd"}
        fields = {each: values[each] for each in columns if each in values}
        table.insert(loan(**fields))
    found = sorted_contents(db)
    assert len(found[name]) == 2
    db.check()
    db.close()

    reader.refresh()
    assert sorted_contents(reader) == found
    reader.check()
    with opened(disk, two.module) as db:
        assert sorted_contents(db) == found
        db.check()
        with db.write() as tx:
            tx.table(name).insert(loan(**fields).replace(book=4, **last(fields)))
        assert len(sorted_contents(db)[name]) == 3
        db.check()
    assert qsdb.verify(disk, deep=True).is_sound
    with qsdb.Database(None, disk, read_only=True, at=4) as past:
        assert sorted_contents(past) == expected(BEFORE)


def last(fields: dict[str, Any]) -> dict[str, Any]:
    return {each: "dan" for each in ("reader", "who") if each in fields}


def test_numbers_go_on_that_a_migration_has_drawn() -> None:
    disk = SimulatedDirectory()
    numbered = {"id": (u64, qsdb.primary_key(auto_inc=True)), "ink": str}
    two = edition("", pen=numbered, book=BOOK)

    @two.module.migration(from_=ONE.module.schema_hash(), tables=["pen"], drop=["loan"])
    def fill(ctx: qsdb.MigrationContext) -> None:
        for loan in ctx.old("loan"):
            ctx.db.pen.insert(two.rows["pen"](ink=loan.reader))
        assert ctx.db.book.insert(two.rows["book"](title="Solo")).id == 3
        assert ctx.db.book.delete_by_key(3)

    with written(disk) as db:
        db.publish(two.module, allow_breaking=True)
        db.check()
    with opened(disk, two.module) as db:
        assert contents(db) == {"pen": [(1, "ann")], "book": BEFORE["book"]}
        with db.write() as tx:
            assert tx.pen.insert(two.rows["pen"](ink="blue")).id == 2
            assert tx.book.insert(two.rows["book"](title="Ubik")).id == 4
        db.check()


@pytest.mark.parametrize("has_snapshots", [False, True])
def test_time_travel_goes_to_both_sides(has_snapshots: bool) -> None:  # noqa: FBT001
    disk = SimulatedDirectory()
    db = written(disk)
    if has_snapshots:
        db.snapshot()
    db.publish(TWO.module, allow_breaking=True)
    if has_snapshots:
        db.snapshot()
    db.call("add", "Ubik")
    db.publish(ONE.module, allow_breaking=True)
    db.close()
    for module, offset, rows in [
        (ONE.module, 4, BEFORE),
        (None, 4, BEFORE),
        (TWO.module, 5, AFTER),
        (None, 5, AFTER),
        (ONE.module, 7, {**BEFORE, "book": [*BEFORE["book"], (3, "Ubik")]}),
    ]:
        with qsdb.Database(module, disk, read_only=True, at=offset) as past:
            assert sorted_contents(past) == expected(rows)
            past.check()
    with pytest.raises(qsdb.SchemaError):
        qsdb.Database(TWO.module, disk, read_only=True, at=4)


def test_tools_work_on_both_sides_of_a_publication() -> None:
    disk = published()
    for offset, module, rows in [(4, ONE.module, BEFORE), (5, TWO.module, AFTER)]:
        copy = SimulatedDirectory()
        qsdb.restore(disk, copy, to_offset=offset)
        with opened(copy, module) as db:
            assert sorted_contents(db) == expected(rows)
            other = SimulatedDirectory()
            db.backup(other)
        with opened(other, module) as db:
            assert sorted_contents(db) == expected(rows)
            db.check()
        assert qsdb.verify(other, deep=True).is_sound
        stream, loaded = io.BytesIO(), SimulatedDirectory()
        qsdb.dump(copy, stream)
        qsdb.load(io.BytesIO(stream.getvalue()), loaded)
        with opened(loaded, module) as db:
            assert sorted_contents(db) == expected(rows)
    repaired = SimulatedDirectory()
    qsdb.repair(disk, repaired)
    with opened(repaired, TWO.module) as db:
        assert db.offset == 7
        db.check()


def test_a_reducer_that_becomes_private_is_hidden_after_opening_too() -> None:
    disk = SimulatedDirectory()
    modules = []
    for is_private in (False, True):
        module = qsdb.Module("m")

        @module.reducer(private=is_private)
        def secret(_: qsdb.ReducerContext) -> None: ...

        modules.append(module)
    opened(disk, modules[0]).close()
    for module in (modules[1], modules[1]):
        with opened(disk, module) as db:
            assert db.offset == 2
            stranger = qsdb.Identity.from_claims("test", "stranger")
            assert [*db.sql("SELECT name FROM st_reducer", sender=stranger)] == []


def test_a_reader_without_a_module_goes_on_with_the_new_tables() -> None:
    disk = SimulatedDirectory()
    db = written(disk)
    with qsdb.Database(None, disk, read_only=True) as reader:
        told: list[Any] = []
        loans = reader.subscribe("SELECT * FROM loan", told.append)
        books = reader.subscribe("SELECT * FROM book")
        older = reader.read()
        db.publish(TWO.module, allow_breaking=True)
        db.call("lend", 1, "bob")
        assert reader.refresh() == 6
        assert sorted_contents(reader) == expected({**AFTER, "loan": [(1, "bob!")]})
        assert [each.offset for each in told] == [6]
        assert loans.rows == [(1, "bob!")]
        assert "ended this: table book had" in str(books.error)
        assert older.sql("SELECT * FROM book WHERE id = 1").to_dicts() == [
            {"id": 1, "title": "Emma"}
        ]
        reader.check()
        db.publish(ONE.module, allow_breaking=True)
        db.call("add", "Ubik")
        reader.refresh()
        assert sorted(contents(reader)["book"]) == [
            (1, "Emma"),
            (2, "Dune"),
            (3, "Ubik"),
        ]
        assert reader.offset == 8
        reader.check()
    db.close()


def test_a_reader_with_a_module_stays_before_another_one() -> None:
    disk = SimulatedDirectory()
    db = written(disk)
    with opened(disk, ONE.module, read_only=True) as reader:
        db.publish(edition("?", book=BOOK, loan=LOAN).module)
        db.publish(_with_more_reducers().module)
        db.call("lend", 1, "cyd")
        assert reader.refresh() == 6
        assert contents(reader)["loan"] == [(1, "cyd")]
        assert reader.sql("SELECT name FROM st_reducer WHERE name = 'more'").to_dicts()
        db.publish(TWO.module, allow_breaking=True)
        for _ in range(2):
            with pytest.raises(qsdb.SchemaError, match="published another module with"):
                reader.refresh()
        assert reader.offset == 6
        reader.check()
    with opened(disk, TWO.module, read_only=True) as reader:
        assert reader.offset == 7


def _with_more_reducers() -> Edition:
    made = edition("", book=BOOK, loan=LOAN)

    @made.module.reducer
    def more(_: qsdb.ReducerContext) -> None: ...

    return made


# Cut off.


def judge(image: SimulatedDirectory) -> int:
    """Open an image, and give the offset; it is as before, or as after."""
    with qsdb.Database(None, image, read_only=True) as reader:
        found = sorted_contents(reader)
        is_after = reader.offset == 5
        assert reader.offset in (4, 5)
        assert found == expected(AFTER if is_after else BEFORE)
    for module in (TWO,) if is_after else (ONE, TWO):
        with opened(image, module.module) as db:
            db.check()
    assert qsdb.verify(image, deep=True).is_sound
    return 5 if is_after else 4


def publish(disk: Directory, ready: Callable[[], object]) -> None:
    with written(disk) as db:
        ready()
        db.publish(TWO.module, allow_breaking=True)
        assert db.durable_offset == 5


def open_with_another(disk: Directory, ready: Callable[[], object]) -> None:
    written(disk).close()
    ready()
    opened(disk, TWO.module).close()


POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn")


@pytest.mark.slow
@pytest.mark.parametrize("do", [publish, open_with_another])
def test_power_loss_leaves_one_module_or_the_other(do: Any) -> None:
    disk = SimulatedDirectory()
    found: dict[bytes, int] = {}
    is_ready: list[bool] = []
    numbers = itertools.count()

    def look(_: object) -> None:
        for policy in POLICIES if is_ready else ():
            image = image_of(disk, random.Random(next(numbers)), policy)
            digest = digest_of(image)
            if digest not in found:
                found[digest] = judge(image)

    do(WatchedDirectory(disk, look), lambda: is_ready.append(True))
    assert judge(disk) == 5
    assert {*found.values()} == {4, 5}


def failing(number: int, code: int) -> tuple[bool, bool, int]:
    """Publish on a disk of which one call fails.

    Returns:
        Whether that call came, whether publishing succeeded, and the offset that is
        found when the database is opened again.
    """
    disk = SimulatedDirectory()
    faulty = FaultyDirectory(disk)
    db = written(faulty)
    last = faulty.calls_count + number
    faulty.plan = once(last, Fail(code))
    try:
        db.publish(TWO.module, allow_breaking=True)
        is_done = True
    except (qsdb.StorageError, OSError):
        is_done = False
    has_come = faulty.calls_count >= last
    is_new = "pen" in db.stats().rows
    assert is_new or not is_done
    assert sorted_contents(db) == expected(AFTER if is_new else BEFORE)
    assert db.plan(TWO.module).is_empty is is_new
    db.check()
    with contextlib.suppress(qsdb.StorageError):
        db.close()
    return has_come, is_done, judge(disk)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_leaves_one_module_or_the_other(code: int) -> None:
    found = []
    for number in itertools.count(1):
        has_come, *result = failing(number, code)
        found.append((*result,))
        if not has_come:
            break
    assert found[-1] == (True, 5)
    assert (False, 4) in found or (False, 5) in found


def test_a_full_disk_is_told_and_the_module_before_goes_on() -> None:
    faulty = FaultyDirectory(SimulatedDirectory())
    db = written(faulty)
    large = edition("", book={**BOOK, "note": (str, "x" * 3_000_000)}, loan=LOAN)
    faulty.plan = lambda call: (
        Fail(errno.ENOSPC) if call.operation == "allocate" else None
    )
    with qsdb.testing.assert_no_change(db), pytest.raises(qsdb.DiskFull):
        db.publish(large.module, allow_breaking=True)
    faulty.plan = None
    db.call("lend", 2, "bob")
    db.check()
    db.publish(large.module, allow_breaking=True)
    rows = contents(db)
    assert len(rows["book"]) == 2
    db.close()
    with opened(faulty, large.module) as db:
        assert contents(db) == rows
        db.check()


def test_an_interrupt_of_a_reader_that_goes_on_leaves_it_before_or_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = SimulatedDirectory()
    db = written(disk)
    with qsdb.Database(None, disk, read_only=True) as reader:
        db.publish(TWO.module, allow_breaking=True)
        for where in ((Publisher, "_prepared"), (Rebinding, "take")):
            with monkeypatch.context() as patch:
                patch.setattr(where[0], where[1], interrupt_once(*where))
                with pytest.raises(KeyboardInterrupt):
                    reader.refresh()
            reader.check()
            is_after = where[0] is Rebinding
            assert sorted_contents(reader) == expected(AFTER if is_after else BEFORE)
        db.call("lend", 1, "bob")
        assert reader.refresh() == 6
        assert contents(reader)["loan"] == [(1, "bob!")]
        reader.check()
    db.close()


def test_an_interrupt_after_the_log_has_it_leaves_the_new_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    append = LogWriter.append

    def interrupted(log: LogWriter, record: bytes) -> None:
        append(log, record)
        raise KeyboardInterrupt

    with written(SimulatedDirectory()) as db:
        with monkeypatch.context() as patch:
            patch.setattr(LogWriter, "append", interrupted)
            with pytest.raises(KeyboardInterrupt):
                db.publish(TWO.module, allow_breaking=True)
        assert db.offset == 5
        assert sorted_contents(db) == expected(AFTER)
        assert db.call("which") == "!"
        db.check()


def interrupt_once(where: type[Any], name: str) -> Callable[..., Any]:
    method, left = getattr(where, name), [True]

    def interrupt(*arguments: Any) -> Any:
        if left:
            left.clear()
            raise KeyboardInterrupt
        return method(*arguments)

    return interrupt


def test_a_catalogue_that_is_none_does_not_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = SimulatedDirectory()
    written(disk).close()

    def damaged(_: object) -> None:
        raise ValueError("no row")

    monkeypatch.setattr(module_tables, "stored_schema", damaged)
    with pytest.raises(qsdb.CorruptionError, match="its catalogue: no row"):
        opened(disk, TWO.module)


def test_nothing_is_published_where_the_log_has_failed() -> None:
    faulty = FaultyDirectory(SimulatedDirectory())
    db = written(faulty)
    faulty.plan = lambda call: Fail(errno.EIO) if call.operation == "sync" else None
    with pytest.raises(qsdb.FailedError):
        db.call("add", "Ubik")
    with pytest.raises(qsdb.FailedError):
        db.publish(TWO.module, allow_breaking=True)
    assert "pen" not in db.stats().rows
    with contextlib.suppress(qsdb.FailedError):
        db.close()


def test_a_state_has_the_tables_of_the_last_publication() -> None:
    disk = SimulatedDirectory()
    with written(disk) as db:
        db.publish(TWO.module, allow_breaking=True)
        db.publish(edition("", pen={"id": u64}, loan=LOAN, book=YEARS).module)
    tables = read_state(disk).state.tables
    names = [each.schema.name for number, each in tables.items() if number >= 4096]
    assert sorted(names) == ["book", "loan", "pen"]


def test_the_id_of_a_table_that_is_gone_may_be_another_tables() -> None:
    disk = SimulatedDirectory()
    book = {"id": (u64, qsdb.primary_key()), "title": str}
    one = edition("", book=book, gone=book)
    two = edition("", book=book)
    three = edition("", book={**book, "pages": (u64, 7)})
    with opened(disk, one.module) as db:
        with db.write() as tx:
            tx.table("gone").insert(one.rows["gone"](1, "Lost"))
            tx.table("book").insert(one.rows["book"](2, "Kept"))
        db.publish(two.module, allow_breaking=True, drop=["gone"])
        db.publish(three.module, allow_breaking=True)

    with opened(disk, three.module) as db:
        assert contents(db) == {"book": [(2, "Kept", 7)]}
        db.check()
    assert qsdb.verify(disk, deep=True).is_sound
