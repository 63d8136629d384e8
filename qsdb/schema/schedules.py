"""Schedules: tables each of whose rows has a function run when its time comes.

A scheduled table says of each row when (a column of the kind ScheduleAt), and all of
them run one reducer or one procedure, which takes the row. What is done here is
declaring that; `qsdb.runtime.timers` and `qsdb.runtime.scheduler` see to it.
"""

from collections.abc import Collection, Iterable, Sequence

import attrs

from qsdb.errors import brief
from qsdb.schema.functions import Reducer
from qsdb.schema.procedures import Procedure
from qsdb.schema.shapes import Column
from qsdb.values.compounds import ProductKind
from qsdb.values.kinds import SCHEDULE_AT, U64

__all__ = [
    "MISSED",
    "RETRY_MAX",
    "Schedule",
    "bind_schedules",
    "require_functions",
    "schedule_of",
]

MISSED = ("one", "none", "all")
"""What becomes of runs that were due and did not happen: one, late; none; each."""

RETRY_MAX = 1000


@attrs.frozen(cache_hash=True)
class Schedule:
    """What the rows of a table have run, and when."""

    function: str
    """The name of the reducer or procedure."""
    at: int
    """The place of the column that says when."""
    missed: str = "one"
    """One of `MISSED`."""
    retry: int = 0
    """How often a run that fails is tried again."""


def schedule_of(
    columns: Sequence[Column],
    primary_key: Sequence[int],
    scheduled: object,
    missed: object,
    retry: object,
) -> tuple[Schedule | None, list[str]]:
    """Read the class keywords of a table; give its schedule, and what is wrong.

    Args:
        columns: Of the table.
        primary_key: The places of those of the key.
        scheduled: The name of the function; None for a table that is not scheduled.
        missed: As given.
        retry: As given.
    """
    if scheduled is None:
        given = [n for n, each in (("missed", missed), ("retry", retry)) if each]
        return None, [f", {name}: the table is not scheduled" for name in given]
    mistakes: list[str] = []
    if not isinstance(scheduled, str) or not scheduled.isidentifier():
        mistakes.append(
            f", scheduled: {brief(scheduled)} is not the name of a function"
        )
    if missed not in (None, *MISSED):
        admitted = ", ".join(map(repr, MISSED))
        mistakes.append(f", missed: {brief(missed)} is none of {admitted}")
    if type(retry) is not int or not 0 <= retry <= RETRY_MAX:
        mistakes.append(f", retry: {brief(retry)} is not an int from 0 to {RETRY_MAX}")
    key = [columns[place] for place in primary_key]
    if [each.binding.kind for each in key] != [U64]:
        mistakes.append(", scheduled: the primary key must be one column of kind u64")
    places = [n for n, each in enumerate(columns) if each.binding.kind == SCHEDULE_AT]
    if len(places) != 1:
        found = ", ".join([columns[place].name for place in places]) or "none"
        mistakes.append(
            ", scheduled: one column of the kind ScheduleAt must say when; there is "
            f"{found}"
        )
    if mistakes:
        return None, mistakes
    schedule = Schedule(str(scheduled), places[0], str(missed or "one"), int(retry))  # type: ignore[call-overload]
    return schedule, []


def require_functions(
    scheduled: Iterable[tuple[str, object]],
    declared: Collection[str],
    mistakes: list[str],
) -> None:
    """Note functions that schedules name and that are not there.

    Args:
        scheduled: Of each table its name, and that of the function, as given.
        declared: The names of reducers and procedures; they may have mistakes.
        mistakes: Takes what is wrong.
    """
    for table, name in scheduled:
        is_name = isinstance(name, str) and name.isidentifier()
        if is_name and name not in declared:
            there = ", ".join(declared) or "none"
            text = f"no reducer or procedure {name}; there are: {there}"
            mistakes.append(f"table {table}, scheduled: {text}")


def bind_schedules(
    tables: Iterable[tuple[str, Schedule | None, ProductKind]],
    reducers: dict[str, Reducer],
    procedures: dict[str, Procedure],
    mistakes: list[str],
) -> None:
    """Hide the functions of schedules from strangers.

    Args:
        tables: Of each the name, its schedule, and the kind of its rows.
        reducers: Of the module; those that are run by schedules become private.
        procedures: Likewise.
        mistakes: Takes what is wrong.
    """
    taken: dict[str, str] = {}
    for table, schedule, row in tables:
        if schedule is None:
            continue
        name = schedule.function
        function = reducers.get(name) or procedures.get(name)
        if function is None:  # `require_functions` tells of it, or it has mistakes
            continue
        fault = _fault(table, schedule, row, function)
        other = taken.setdefault(name, table)
        if fault is None and other != table:
            fault = f"table {table}, scheduled: {name} is that of {other}"
        if fault is not None:
            mistakes.append(fault)
        elif isinstance(function, Procedure):
            procedures[name] = attrs.evolve(function, is_private=True)
        else:
            reducers[name] = attrs.evolve(function, is_private=True)


def _fault(
    table: str,
    schedule: Schedule,
    row: ProductKind,
    function: Reducer | Procedure,
) -> str | None:
    """Say what is wrong with the function of a schedule, if anything is."""
    name = schedule.function
    is_procedure = isinstance(function, Procedure)
    sort = "procedure" if is_procedure else "reducer"
    kinds = [each.binding.kind for each in function.parameters.parameters]
    if kinds != [row]:
        return (
            f"table {table}, scheduled: {sort} {name} must take the context and a row "
            f"of the table, and nothing else"
        )
    if is_procedure and schedule.retry:
        return (
            f"table {table}, retry: procedure {name} is run once at most, and never "
            "tried again, since what it did outside of the database cannot be undone"
        )
    return None
