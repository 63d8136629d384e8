"""The plan of a migration: from the schema that is stored to that of a module.

`plan_migration` looks at both and at the data, and refuses with everything that
stands against it, or gives a `MigrationPlan`: for each table that changes, how its
rows are converted, and for people a step for each thing that changes.

1. Tables and columns are matched by name, or by the name that they had
   (`qsdb.schema.matching`).
2. What no rule does to rows is refused, unless there are none, or a migration of the
   user's fills the table (`qsdb.schema.migrations`).
3. What disconnects clients is marked, and so is what gives data up.

*Source*: SpacetimeDB's automatic migrations, and beyond them renaming, columns
anywhere, wider kinds, and functions of the user's.
"""

from collections.abc import Callable, Collection, Iterable, Iterator

import attrs

from qsdb.errors import SchemaError
from qsdb.schema.column_sources import ColumnSource, StoredRow
from qsdb.schema.function_steps import function_steps
from qsdb.schema.matching import matched
from qsdb.schema.migrations import Migration
from qsdb.schema.modules import BoundTable, ModuleSchema
from qsdb.schema.plan_steps import MigrationStep, step_lines
from qsdb.schema.stored_schemas import StoredSchema, schema_of_module
from qsdb.schema.table_changes import TableChange, added_table, removed_table
from qsdb.schema.table_comparison import compare_tables
from qsdb.schema.tables import TableSchema

__all__ = [
    "ColumnSource",
    "MigrationPlan",
    "MigrationStep",
    "RowsOf",
    "TableChange",
    "plan_migration",
]

RowsOf = Callable[[str], Collection[StoredRow]]
"""Gives the stored rows of a stored table, by its stored name."""


@attrs.frozen(eq=False, repr=False)
class MigrationPlan:
    """How a database comes from its schema to that of a module; print it."""

    stored: StoredSchema
    declared: ModuleSchema
    changes: tuple[TableChange, ...]
    """For each table that changes in anything; the others stay as they are."""
    steps: tuple[MigrationStep, ...]
    """All, those of tables too."""
    migrations: tuple[Migration, ...]
    """The functions to run when the tables have been converted, in this order."""
    stored_hash: str
    """What `from_` of a migration takes, to lead away from the stored schema."""
    declared_hash: str

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to change."""
        return not self.steps

    @property
    def breaking(self) -> list[MigrationStep]:
        """The steps that disconnect clients."""
        return [step for step in self.steps if step.breaks]

    @property
    def losses(self) -> list[MigrationStep]:
        """The steps that give data up; who is not asked should not take them."""
        return [step for step in self.steps if step.loses]

    def __repr__(self) -> str:
        """Say how long it is."""
        return f"<MigrationPlan of {len(self.steps)} steps>"

    def __str__(self) -> str:
        """Give a line for each step; a ``!`` marks those that disconnect clients."""
        name = self.declared.name
        if self.is_empty:
            return f"module {name}: nothing changes in schema {self.stored_hash}"
        count, breaking = len(self.steps), len(self.breaking)
        head = (
            f"module {name}: {count} step{'' if count == 1 else 's'} from schema "
            f"{self.stored_hash} to {self.declared_hash}"
        )
        if breaking:
            head += f", {breaking} marked ! disconnect{'s' * (breaking == 1)} clients"
        return "\n".join([head, *step_lines(self.steps)])


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

    Cost: one or two milliseconds for each table that changes, and for those with
    new keys or `fill` functions a look at each row, or two.
    """
    hashes = stored.hash, declared.schema_hash
    known = () if hashes[0] == hashes[1] else declared.migrations
    by_hash = [each for each in known if hashes[0] in (each.from_ or ())]
    attempt = _Attempt(stored, declared, rows_of, {*drop}, by_hash)
    needed = attempt.needed()
    chosen = [
        each
        for each in known
        if each in by_hash or (each.from_ is None and needed.intersection(each.tables))
    ]
    if len(chosen) > len(by_hash):
        attempt = _Attempt(stored, declared, rows_of, {*drop}, chosen)
    attempt.require_none(drop)
    changed = tuple([change for change in attempt.changes if change.steps])
    steps = [step for change in changed for step in change.steps]
    steps += function_steps(stored, schema_of_module(declared))
    steps += _migration_steps(chosen)
    return MigrationPlan(
        stored,
        declared,
        changed,
        tuple(steps),
        tuple(chosen),
        *hashes,
    )


class _Attempt:
    """The changes of all tables where some migrations run, and what is against them."""

    def __init__(
        self,
        stored: StoredSchema,
        declared: ModuleSchema,
        rows_of: RowsOf,
        drop: set[str],
        chosen: Collection[Migration],
    ) -> None:
        self._stored, self._rows_of = stored, rows_of
        self._mistakes: list[str] = []
        self._filled: dict[str, str] = {}
        for each in chosen:
            for name in each.tables:
                others = [self._filled[name]] if name in self._filled else []
                self._filled[name] = " and ".join([*others, each.name])
        given_up = {name for each in chosen for name in each.drop}
        tables = {each.name: each for each in stored.tables}
        names = matched(
            [*tables],
            [(each.schema.name, each.renamed_from) for each in declared.tables],
            "table",
            self._mistakes,
        )
        self._gone = [name for name in tables if name not in names.values()]
        self.changes = [
            removed_table(
                tables[name],
                0 if name in given_up else len(rows_of(name)),
                is_dropped=name in drop | given_up,
            )
            for name in self._gone
        ]
        for bound in declared.tables:
            former = names.get(bound.schema.name)
            old = None if former is None else tables[former]
            self.changes.append(self._change(old, bound))
        self._problems = [[*self._problems_of(each)] for each in self.changes]

    def _change(self, stored: TableSchema | None, bound: BoundTable) -> TableChange:
        filled_by = self._filled.get(bound.schema.name, "")
        if stored is None:
            return added_table(bound, filled_by)
        count = len(self._rows_of(stored.name))
        return compare_tables(stored, bound, count, filled_by, self._mistakes)

    def _problems_of(self, change: TableChange) -> Iterator[str]:
        if change.stored is not None:
            rows = self._rows_of(change.stored.name)
            for check in change.checks:
                problem = check.problem(rows)
                if problem is not None:
                    yield problem

    def needed(self) -> set[str]:
        """Give the tables that nothing fills, or that no rule converts."""
        found = set()
        for change, problems in zip(self.changes, self._problems, strict=True):
            if change.declared is not None and not change.is_filled:
                name = change.declared.schema.name
                found |= {name} if change.stored is None or problems else set()
        return found

    def require_none(self, drop: Collection[str]) -> None:
        """Refuse what rules or data stand against.

        Args:
            drop: The names of tables that were to be dropped.

        Raises:
            SchemaError: with all of it.
        """
        there = ", ".join(self._gone) or "none"
        found = [
            f"drop: {name} is no table that the module leaves out; there are: {there}"
            for name in drop
            if name not in self._gone
        ]
        found += self._mistakes
        found += [each for problems in self._problems for each in problems]
        if found:
            hint = (
                "\nWhat no rule does to rows a function may: "
                f"@module.migration(from_={self._stored.hash!r}, tables=[…])"
            )
            *others, last = found
            raise SchemaError(*others, last + hint * any(self._problems))


def _migration_steps(chosen: Iterable[Migration]) -> Iterator[MigrationStep]:
    for each in chosen:
        tables = ", ".join(each.tables)
        text = f"runs, to fill {tables}" if tables else "runs"
        yield MigrationStep(f"migration {each.name}", text)
