"""Modules before and after, in few words, for the tests of migrations.

>>> before = {"t": Table(id=(u64, qsdb.primary_key()), text=str)}
>>> after = {"t": Table(id=(u64, qsdb.primary_key()), text=str | None)}
>>> plan(before, after, {"t": [(1, "a")]}).steps[0].text
'column text: str becomes str | None'
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import qsdb
from qsdb import u64
from qsdb.schema.plans import MigrationPlan, plan_migration
from qsdb.schema.stored_schemas import StoredSchema, schema_of_module

__all__ = ["Table", "Tables", "module_of", "plan", "refused", "schema_of", "u64"]


class Table:
    """A table: column → annotation, or a pair of it and what stands behind it."""

    def __init__(self, **columns: Any) -> None:
        """Take columns."""
        self.columns: dict[str, Any] = columns
        self.options: dict[str, Any] = {}

    def but(self, **options: Any) -> "Table":
        """Give the table with class keywords besides."""
        made = Table(**self.columns)
        made.options = {**self.options, **options}
        return made


Tables = Mapping[str, Table]
Rows = Mapping[str, Sequence[tuple[object, ...]]]


def module_of(tables: Tables) -> qsdb.Module:
    """Make a module of tables."""
    module = qsdb.Module("m")
    metaclass: Any = type(qsdb.Row)
    for name, table in tables.items():
        pairs = {
            column: given if isinstance(given, tuple) else (given,)
            for column, given in table.columns.items()
        }
        members: dict[str, Any] = {
            "__module__": __name__,
            "__qualname__": name,
            "__annotations__": {column: pair[0] for column, pair in pairs.items()},
            **{column: pair[1] for column, pair in pairs.items() if len(pair) > 1},
        }
        options = {"name": name, **table.options}
        metaclass(name.title(), (qsdb.Row,), members, module=module, **options)
    return module


def schema_of(tables: Tables) -> StoredSchema:
    """Give what a database of these tables has stored."""
    return schema_of_module(module_of(tables).compiled())


def plan(
    before: Tables | StoredSchema,
    after: Tables | qsdb.Module,
    rows: Rows | None = None,
    drop: Collection[str] = (),
) -> MigrationPlan:
    """Plan a migration of stored rows."""
    stored = before if isinstance(before, StoredSchema) else schema_of(before)
    module = after if isinstance(after, qsdb.Module) else module_of(after)
    given = rows or {}
    return plan_migration(
        stored, module.compiled(), lambda name: given.get(name, ()), drop=drop
    )


def refused(
    before: Tables | StoredSchema,
    after: Tables | qsdb.Module,
    rows: Rows | None = None,
    drop: Collection[str] = (),
) -> list[str]:
    """Give what a migration is refused for, without the hint behind it."""
    try:
        plan(before, after, rows, drop)
    except qsdb.SchemaError as error:
        return [each.split("\nWhat no rule does")[0] for each in error.mistakes]
    raise AssertionError("it is not refused")
