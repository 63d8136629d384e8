"""The plan of a migration: from the schema that is stored to that of a module.

`plan_migration` looks at both and at the data, and refuses with everything that
stands against it, or gives a `MigrationPlan`: for each table that changes, how its
rows are converted, and for people a step for each thing that changes.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

import attrs

from qsdb.schema.migrations import Migration
from qsdb.schema.modules import BoundTable, ModuleSchema
from qsdb.schema.specifiers import MISSING, Fill
from qsdb.schema.stored_schemas import StoredSchema
from qsdb.schema.tables import TableSchema
from qsdb.values.kinds import Stored

__all__ = [
    "ColumnSource",
    "MigrationPlan",
    "MigrationStep",
    "RowsOf",
    "TableChange",
    "plan_migration",
]

StoredRow = tuple[Stored, ...]

RowsOf = Callable[[str], Collection[StoredRow]]
"""Gives the stored rows of a stored table, by its stored name."""


@attrs.frozen
class MigrationStep:
    """One thing that changes, in words."""

    text: str
    breaks: str = ""
    """Why clients are disconnected; empty where they stay."""
    loses: str = ""
    """What data is given up; empty where none is."""

    @property
    def is_breaking(self) -> bool:
        """Whether clients are disconnected."""
        return bool(self.breaks)


@attrs.frozen(eq=False)
class ColumnSource:
    """Where the values of a column come from: one of the four."""

    place: int | None = None
    """The place of a stored column, whose values `convert` changes, if it is there."""
    convert: Callable[[Stored], Stored] | None = None
    value: Stored = MISSING
    """A constant."""
    fill: Fill | None = None
    """A user's function of the old row."""
    is_numbered: bool = False
    """Rows are numbered 1, 2, 3 … as they come."""


@attrs.frozen(eq=False)
class TableChange:
    """What becomes of one table."""

    stored: TableSchema | None
    """None: the table is new."""
    declared: BoundTable | None
    """None: the table goes."""
    columns: tuple[ColumnSource, ...] = ()
    """For each declared column; empty where rows are not converted by rules."""
    is_rewritten: bool = False
    """Whether the layout of rows changes, so that every row is written anew."""
    is_filled: bool = False
    """Whether the table begins empty, since a migration fills it."""
    steps: tuple[MigrationStep, ...] = ()

    def converter(self) -> Callable[[StoredRow], StoredRow]:
        """Give what makes a new stored row of an old one.

        Raises (the function):
            SchemaError: a value fits no more, or `fill` gave one that does not; with
                table, column, value and bound.
        """
        raise NotImplementedError

    def next_numbers(
        self, stored: Sequence[int], rows: Iterable[StoredRow]
    ) -> list[int]:
        """Give the next value of each generated column of the declared table.

        Args:
            stored: That of each generated column of the stored table.
            rows: The converted rows.
        """
        raise NotImplementedError


@attrs.frozen(eq=False)
class MigrationPlan:
    """How a database comes from its schema to that of a module."""

    stored: StoredSchema
    declared: ModuleSchema
    changes: tuple[TableChange, ...]
    """For each table that changes in anything; the others stay as they are."""
    steps: tuple[MigrationStep, ...]
    """All, those of tables too."""
    migrations: tuple[Migration, ...]
    """The functions to run when the tables have been converted, in this order."""
    stored_hash: str
    declared_hash: str

    @property
    def is_empty(self) -> bool:
        """Whether the schemas are the same."""
        return not self.steps

    @property
    def breaking(self) -> list[MigrationStep]:
        """The steps that disconnect clients."""
        return [step for step in self.steps if step.breaks]

    @property
    def losses(self) -> list[MigrationStep]:
        """The steps that give data up; who is not asked should not take them."""
        return [step for step in self.steps if step.loses]


def plan_migration(
    stored: StoredSchema,
    declared: ModuleSchema,
    rows_of: RowsOf,
    *,
    drop: Collection[str] = (),
) -> MigrationPlan:
    """Find out what changes, and whether it can.

    Args:
        stored: What the database has.
        declared: What it is to have.
        rows_of: Gives the rows of a stored table; they are looked at only where a
            rule depends on them.
        drop: Names of stored tables that may go although they have rows.

    Raises:
        SchemaError: everything that rules or data stand against, with up to 10
            groups of rows for each.
    """
    raise NotImplementedError
