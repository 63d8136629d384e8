"""Scheduled tables: how they are declared, kept in the catalogue, and compared."""

from typing import Any

import pytest

import qsdb
from qsdb import Identity, ScheduleAt, Timestamp, u8, u32, u64
from qsdb.schema.catalogue import catalogue_rows
from qsdb.schema.catalogue_reading import schemas_of
from qsdb.schema.descriptions import describe
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.schedules import Schedule
from qsdb.schema.system import system_tables

IDS = {bound.schema.name: table_id for table_id, bound in system_tables()}


class Timer(qsdb.Row):
    id: u64 = qsdb.primary_key(auto_inc=True)
    note: str
    at: ScheduleAt


class Twin(qsdb.Row):
    id: u64 = qsdb.primary_key()
    at: ScheduleAt
    then: ScheduleAt


class Plain(qsdb.Row):
    id: u32 = qsdb.primary_key()
    name: str


class Keyless(qsdb.Row):
    at: ScheduleAt
    id: u64


def module_of(row_class: Any = Timer, **options: Any) -> qsdb.Module:
    module = qsdb.Module("clock")
    module.add_table(row_class, **{"name": "timer", "scheduled": "ring", **options})

    @module.reducer
    def ring(_: qsdb.ReducerContext, timer: Timer) -> None: ...

    @module.reducer
    def tell(_: qsdb.ReducerContext, text: str) -> None: ...

    @module.reducer
    def twice(_: qsdb.ReducerContext, timer: Timer, other: Timer) -> None: ...

    @module.reducer
    def other(_: qsdb.ReducerContext, twin: Twin) -> None: ...

    return module


def mistakes(module: qsdb.Module) -> str:
    with pytest.raises(qsdb.SchemaError) as caught:
        module.compiled()
    return "\n".join(caught.value.mistakes)


# Declaring.


def test_a_schedule_is_part_of_the_table() -> None:
    [bound] = module_of(missed="all", retry=3).compiled().tables

    assert bound.schema.schedule == Schedule("ring", 2, "all", 3)


def test_one_run_late_and_no_second_try_if_nothing_is_said() -> None:
    [bound] = module_of().compiled().tables

    assert bound.schema.schedule == Schedule("ring", 2, "one", 0)


def test_tables_are_not_scheduled_if_nothing_is_said() -> None:
    [bound] = module_of(scheduled=None).compiled().tables

    assert bound.schema.schedule is None


def test_the_reducer_is_hidden_from_strangers() -> None:
    reducers = module_of().compiled().reducers

    assert reducers["ring"].is_private
    assert not reducers["tell"].is_private


def test_class_keywords_say_the_same() -> None:
    module = qsdb.Module("clock")

    class Bell(qsdb.Row, module=module, scheduled="ring", missed="none", retry=1):
        scheduled_id: u64 = qsdb.primary_key(auto_inc=True)
        scheduled_at: ScheduleAt

    @module.reducer
    def ring(_: qsdb.ReducerContext, bell: Bell) -> None: ...

    [bound] = module.compiled().tables
    assert bound.schema.schedule == Schedule("ring", 1, "none", 1)


@pytest.mark.parametrize(
    ("row_class", "options", "mistake"),
    [
        (Timer, {"scheduled": 3}, "table timer, scheduled: 3 is not the name of a fun"),
        (Timer, {"scheduled": "a b"}, "scheduled: 'a b' is not the name of a function"),
        (
            Timer,
            {"scheduled": "gone"},
            "scheduled: no reducer or procedure gone; there are: ring, t",
        ),
        (Timer, {"scheduled": "tell"}, "reducer tell must take the context and a row"),
        (Timer, {"scheduled": "twice"}, "reducer twice must take the context and a ro"),
        (Timer, {"scheduled": "other"}, "reducer other must take the context and a ro"),
        (Timer, {"missed": "many"}, "missed: 'many' is none of 'one', 'none', 'all'"),
        (Timer, {"missed": 1}, "missed: 1 is none of 'one', 'none', 'all'"),
        (Timer, {"retry": -1}, "retry: -1 is not an int from 0 to 1000"),
        (Timer, {"retry": 1001}, "retry: 1001 is not an int from 0 to 1000"),
        (Timer, {"retry": True}, "retry: True is not an int from 0 to 1000"),
        (Timer, {"scheduled": None, "missed": "one"}, "missed: the table is not sched"),
        (Timer, {"scheduled": None, "retry": 1}, "retry: the table is not scheduled"),
        (Timer, {"event": True}, "scheduled: rows of an event table are not kept"),
        (Plain, {}, "scheduled: the primary key must be one column of kind u64"),
        (Plain, {}, "one column of the kind ScheduleAt must say when; there is none"),
        (Keyless, {}, "scheduled: the primary key must be one column of kind u64"),
        (Twin, {"scheduled": "other"}, "must say when; there is at, then"),
    ],
)
def test_what_cannot_be_scheduled_is_said(
    row_class: Any, options: dict[str, Any], mistake: str
) -> None:
    assert mistake in mistakes(module_of(row_class, **options))


def test_a_function_that_is_not_there_is_told_with_all_else() -> None:
    module = qsdb.Module("m")

    class Timer(qsdb.Row, module=module, scheduled="fire"):
        x: int

    class Bell(qsdb.Row, module=module, scheduled="ring"):
        x: int

    @module.reducer
    def ring(ctx: qsdb.ReducerContext, bell) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    with pytest.raises(qsdb.SchemaError) as caught:
        module.compiled()
    annotation = "it needs an annotation: arguments are checked by it"
    found = [each.removeprefix("module m, ") for each in caught.value.mistakes]
    key = "scheduled: the primary key must be one column of kind u64"
    when = "scheduled: one column of the kind ScheduleAt must say when; there is none"
    assert found == [
        *(f"table timer, {key}", f"table timer, {when}"),
        *(f"table bell, {key}", f"table bell, {when}"),
        f"reducer ring, parameter bell: {annotation}",
        "table timer, scheduled: no reducer or procedure fire; there are: ring",
    ]


def test_the_mistakes_of_a_function_are_told_once() -> None:
    module = qsdb.Module("m")
    module.add_table(Timer, scheduled="ring")

    @module.reducer  # type: ignore[arg-type]
    def ring(ctx: qsdb.ViewContext, timer: Timer) -> None: ...

    with pytest.raises(qsdb.SchemaError) as caught:
        module.compiled()
    [found] = caught.value.mistakes
    assert found.startswith("module m, reducer ring, the context: ")


def test_a_reducer_is_that_of_one_table() -> None:
    module = module_of()
    module.add_table(Timer, name="second", scheduled="ring")

    assert "table second, scheduled: ring is that of timer" in mistakes(module)


# The catalogue.


def written(module: ModuleSchema) -> dict[int, list[tuple[Any, ...]]]:
    return catalogue_rows(
        module,
        database_identity=Identity.ZERO,
        owner_identity=Identity.ZERO,
        seed=0,
        created=Timestamp.EPOCH,
        version="",
    )


def test_a_schedule_comes_back_equal() -> None:
    module = module_of(missed="none", retry=7).compiled()

    found = schemas_of(written(module))

    assert [*found.values()] == [each.schema for each in module.tables]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (1, 4097, "StScheduled.* is of no table in the catalogue"),
        (2, "", "table timer, schedule: the name is empty"),
        (4, 3, r"table timer, schedule: \(3,\) are no places of 3 columns"),
        (4, 1, "table timer, schedule: the columns are not those of a scheduled table"),
        (5, "many", "table timer, schedule: 'many' is none of 'one', 'none', 'all'"),
        (6, -1, "a row of st_scheduled: -1 is not"),
    ],
)
def test_what_is_no_schedule_is_refused(place: int, value: Any, message: str) -> None:
    rows = written(module_of().compiled())
    [row] = rows[IDS["st_scheduled"]]
    rows[IDS["st_scheduled"]] = [(*row[:place], value, *row[place + 1 :])]

    with pytest.raises(ValueError, match=message):
        schemas_of(rows)


def test_two_schedules_of_one_table_are_refused() -> None:
    rows = written(module_of().compiled())
    [row] = rows[IDS["st_scheduled"]]
    rows[IDS["st_scheduled"]].append((9, *row[1:]))

    with pytest.raises(ValueError, match="table timer, schedule: it has 2 of them"):
        schemas_of(rows)


# Differences, in words.


def test_a_schedule_is_described() -> None:
    [bound] = module_of(missed="all", retry=3).compiled().tables

    assert describe([bound.schema]).splitlines()[-1] == (
        "  scheduled: at says when ring is run (missed: all, retry: 3)"
    )


def test_rows_are_parameters_of_any_reducer() -> None:
    module = qsdb.Module("post")
    taken: list[Plain] = []

    @module.reducer
    def take(_: qsdb.ReducerContext, row: Plain, more: list[Plain]) -> u8:
        taken.extend([row, *more])
        return len(more)

    with qsdb.Database(module) as db:
        assert db.call(take, Plain(1, "a"), [Plain(2, "b")]) == 1
        assert taken == [Plain(1, "a"), Plain(2, "b")]
        for bad in (Keyless(ScheduleAt.time(Timestamp.EPOCH), 1), (1, "a"), None):
            with pytest.raises(qsdb.ArgumentError, match="row"):
                db.call("take", bad, [])
        with pytest.raises(qsdb.ArgumentError, match="row"):
            db.call(take, Plain(-1, "a"), [])
