"""Declaring procedures: what is taken, and what is said of what is not."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import ScheduleAt, u32, u64


class Timer(qsdb.Row):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt


@pytest.fixture
def module() -> qsdb.Module:
    return qsdb.Module("m")


def mistakes(module: qsdb.Module) -> tuple[str, ...]:
    with pytest.raises(qsdb.SchemaError) as caught:
        module.compiled()
    return caught.value.mistakes


def test_procedures_are_functions_that_stay_as_they_are(module: qsdb.Module) -> None:
    def plain(_: qsdb.ProcedureContext, n: u32) -> u32:
        return n

    async def slow(_: qsdb.ProcedureContext) -> None: ...

    assert module.procedure(plain) is plain
    assert module.procedure(private=True)(slow) is slow

    found = module.compiled().procedures
    assert [*found] == ["plain", "slow"]
    assert [each.is_async for each in found.values()] == [False, True]
    assert [each.is_private for each in found.values()] == [False, True]
    assert module.compiled().reducers == {}


@pytest.mark.parametrize("given", [7, "name", print])
def test_only_functions_are_procedures(module: qsdb.Module, given: Any) -> None:
    with pytest.raises(qsdb.SchemaError, match="a procedure is a function, not"):
        module.procedure(given)


def test_generators_are_no_procedures(module: qsdb.Module) -> None:
    def steps(_: qsdb.ProcedureContext) -> Iterator[int]:
        yield 1

    async def waits(_: qsdb.ProcedureContext) -> AsyncIterator[int]:
        yield 1

    for each in (steps, waits):
        match = f"procedure {each.__name__} is a generator"
        with pytest.raises(qsdb.SchemaError, match=match):
            module.procedure(each)


def test_all_mistakes_are_told_together(module: qsdb.Module) -> None:
    @module.procedure  # type: ignore[arg-type]
    def first() -> None: ...

    @module.procedure
    def second(_: Any, path, *rest: str) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    @module.procedure
    def third(_: qsdb.ProcedureContext) -> None: ...

    @module.procedure  # type: ignore[no-redef]
    def third(_: qsdb.ProcedureContext) -> None: ...  # noqa: F811

    @module.reducer
    def fourth(_: qsdb.ReducerContext) -> None: ...

    @module.procedure  # type: ignore[no-redef]
    def fourth(_: qsdb.ProcedureContext) -> None: ...  # noqa: F811

    module.procedure(lambda _: None)

    assert mistakes(module) == (
        "module m, procedure first: the first parameter must be the context",
        (
            "module m, procedure second, parameter path: it needs an annotation: "
            "arguments are checked by it"
        ),
        (
            "module m, procedure second, parameter rest: a procedure takes no variadic "
            "positional parameter"
        ),
        "module m, procedure third: it is declared twice",
        "module m, procedure fourth: there is a reducer of this name",
        "module m, procedure <lambda>: it needs a name to be called by",
    )


def test_a_schedule_hides_its_procedure(module: qsdb.Module) -> None:
    module.add_table(Timer, scheduled="fetch")

    @module.procedure
    def fetch(_: qsdb.ProcedureContext, timer: Timer) -> None: ...

    assert module.compiled().procedures["fetch"].is_private


def test_a_procedure_is_never_tried_again(module: qsdb.Module) -> None:
    module.add_table(Timer, scheduled="fetch", retry=1)

    @module.procedure
    def fetch(_: qsdb.ProcedureContext, timer: Timer) -> None: ...

    assert mistakes(module) == (
        (
            "module m, table timer, retry: procedure fetch is run once at most, and "
            "never tried again, since what it did outside of the database cannot be "
            "undone"
        ),
    )


def test_a_scheduled_procedure_takes_the_row(module: qsdb.Module) -> None:
    module.add_table(Timer, scheduled="fetch")

    @module.procedure
    def fetch(_: qsdb.ProcedureContext, number: u32) -> None: ...

    [mistake] = mistakes(module)
    assert "scheduled: procedure fetch must take the context and a row" in mistake


def test_a_procedure_has_one_schedule(module: qsdb.Module) -> None:
    module.add_table(Timer, scheduled="fetch")
    module.add_table(Timer, name="other", scheduled="fetch")

    @module.procedure
    def fetch(_: qsdb.ProcedureContext, timer: Timer) -> None: ...

    assert mistakes(module) == (
        "module m, table other, scheduled: fetch is that of timer",
    )


def test_the_catalogue_has_procedures_and_hides_private_ones(
    module: qsdb.Module,
) -> None:
    @module.procedure
    def plain(_: qsdb.ProcedureContext, n: u32) -> None: ...

    @module.procedure(private=True)
    async def slow(_: qsdb.ProcedureContext) -> None: ...

    text = "SELECT procedure_id, name, is_private, is_async FROM st_procedure"
    with qsdb.Database(module) as db:
        assert [tuple(row) for row in db.sql(text)] == [
            (4096, "plain", False, False),
            (4097, "slow", True, True),
        ]
        stranger = db.caller(qsdb.Identity.from_claims("test", "bob"))
        assert [row.name for row in stranger.sql(text)] == ["plain"]


def test_what_a_procedure_returns_is_known_where_it_is_a_kind(
    module: qsdb.Module,
) -> None:
    class Local(qsdb.Product):
        x: u32

    @module.procedure
    def kind(_: qsdb.ProcedureContext) -> list[Local]:
        return []

    @module.procedure
    async def later(_: qsdb.ProcedureContext) -> "u32 | None":
        return None

    @module.procedure
    def nothing(_: qsdb.ProcedureContext) -> None: ...

    @module.procedure
    def anything(_: qsdb.ProcedureContext) -> dict[str, int]:
        return {}

    @module.procedure
    def unsaid(_):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return 7

    def kinds() -> list[str | None]:
        found = module.compiled().procedures.values()
        return [each.returns.kind.name if each.returns else None for each in found]

    first = kinds()
    module.procedure(lambda _: None).__name__ = "added"

    assert first == ["tuple[Local, ...]", "u32 | None", None, None, None]
    assert kinds() == [*first, None]
