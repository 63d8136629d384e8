"""The tables of a module, from what was declared to what a database holds.

Mistakes are gathered, not raised: a module tells all of its own at once.
"""

from collections.abc import Iterable
from typing import cast

import attrs

from qsdb.errors import SchemaError
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.functions import Reducer
from qsdb.schema.rows import Row, draft_of
from qsdb.schema.schedules import check_function
from qsdb.schema.tables import TableOptions, table_schema

__all__ = ["as_tuple", "bind_schedules", "compile_tables"]


def bind_schedules(
    tables: Iterable[BoundTable], reducers: dict[str, Reducer], mistakes: list[str]
) -> None:
    """Hide the reducers of schedules from strangers; note what is wrong with them."""
    taken: dict[str, str] = {}
    for bound in tables:
        name, schedule = bound.schema.name, bound.schema.schedule
        if schedule is None:
            continue
        fault = check_function(name, schedule, bound.shape.kind, reducers)
        other = taken.setdefault(schedule.function, name)
        if fault is None and other != name:
            fault = f"table {name}, scheduled: {schedule.function} is that of {other}"
        if fault is None:
            reducer = reducers[schedule.function]
            reducers[schedule.function] = attrs.evolve(reducer, is_private=True)
        else:
            mistakes.append(fault)


def as_tuple(given: object) -> object:
    """Give a list as a tuple; what cannot be one stays as it is, for the message."""
    if isinstance(given, Iterable) and not isinstance(given, str | tuple):
        return tuple(given)
    return given


def compile_tables(
    declared: list[tuple[type[Row], TableOptions]], mistakes: list[str]
) -> list[BoundTable]:
    """Give the tables; note what is wrong with them."""
    tables: list[BoundTable] = []
    names: set[str] = set()
    told: set[type[Row]] = set()
    for row_class, options in declared:
        name = options.table_name(row_class.__name__)
        if name in names:
            mistakes.append(f"table {name}: it is declared twice")
        names.add(name)
        shape = draft_of(row_class)  # type: ignore[arg-type]
        if row_class not in told:
            mistakes += [f"table {name}, {each}" for each in shape.mistakes]
        told.add(row_class)
        try:
            schema = table_schema(shape, options)
            renamed_from = cast(str | None, options.renamed_from)
            tables.append(BoundTable(schema, shape, row_class, renamed_from))
        except SchemaError as error:
            mistakes += error.mistakes
    return tables
