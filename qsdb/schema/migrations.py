"""Migrations of a user's own: functions that fill tables from the old ones.

What rules can convert needs no function (`qsdb.schema.plans`). For the rest a module
has functions that run once, in the transaction that publishes it::

    @chat.migration(from_="9f2c41d07a3be855", tables=[User])
    def split_names(ctx: qsdb.MigrationContext) -> None:
        for old in ctx.old("user"):
            first, _, last = old.name.partition(" ")
            ctx.db[User].insert(User(old.id, first, last))

*From which schema* a function leads is said by the hash of the stored one, which
`Module.schema_hash` and the text of a plan give. It always leads to the module that
declares it: there are no chains, so a module that is to open databases of two older
schemas has a function for each, or one with both hashes. With ``from_=None`` a
function runs from any schema in which one of its tables cannot be converted by rules.

*The tables it fills* are empty when it begins, and no rule looks at their old rows.
All other tables have been converted by then.
"""

import abc
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import attrs

from qsdb.errors import brief
from qsdb.schema.contexts import ReducerContext
from qsdb.schema.functions import (
    DeclaredFunction,
    Function,
    declare,
    resolved_parameters,
)
from qsdb.schema.rows import Row
from qsdb.schema.schema_hashes import HASH_DIGITS
from qsdb.schema.specifiers import MISSING
from qsdb.schema.tables import fault_of_name

__all__ = [
    "DeclaredMigration",
    "Migration",
    "MigrationContext",
    "compile_migrations",
    "declare_migration",
]


class MigrationContext(ReducerContext):
    """What a migration has at hand: the new tables in `db`, and the old rows."""

    __slots__ = ()

    @abc.abstractmethod
    def old(self, table: str) -> Collection[Any]:
        """Give the rows of a stored table as they were, as named tuples.

        Args:
            table: The name that it had, also if the module has it no more.

        Raises:
            NotFoundError: there was none.
        """
        ...


@attrs.frozen(eq=False)
class Migration:
    """A function that fills tables, resolved."""

    name: str
    function: Function
    from_: frozenset[str] | None
    """Hashes of the stored schemas that it leads from; None for any."""
    tables: tuple[str, ...]
    """The names of the tables that it fills."""
    drop: tuple[str, ...]
    """The names of stored tables that may go with their rows."""


@attrs.frozen(eq=False)
class DeclaredMigration:
    """A function as it was declared; users write anything."""

    declared: DeclaredFunction
    from_: object
    tables: object
    drop: object


def declare_migration(
    function: Function, from_: object, tables: object, drop: object
) -> DeclaredMigration:
    """Note a function.

    Raises:
        SchemaError: it can never run as part of a transaction.
    """
    declared = declare(function, depth=2, sort="migration")
    return DeclaredMigration(declared, from_, tables, drop)


def compile_migrations(
    declared: Iterable[DeclaredMigration],
    tables: Sequence[tuple[str, type[Row]]],
    mistakes: list[str],
) -> tuple[Migration, ...]:
    """Resolve the migrations of a module.

    Args:
        declared: In order.
        tables: The name and the row class of each table of the module, in order.
        mistakes: Takes what is wrong.
    """
    found = []
    for each in declared:
        faults: list[str] = []
        function, context = each.declared.function, MigrationContext
        name = function.__name__
        taken = resolved_parameters(each.declared, "migration", context, mistakes)
        if taken is not None and taken.parameters:
            faults.append(": it takes the context and nothing else")
        hashes = _hashes(each.from_, faults)
        filled = _filled(each.tables, tables, faults)
        drop = _dropped(each.drop, {name for name, _ in tables}, faults)
        if each.from_ is None and not filled and not faults:
            faults.append(": with from_=None, tables=[…] must say what it fills")
        mistakes += [f"migration {name}{fault}" for fault in faults]
        found.append(Migration(name, function, hashes, filled, drop))
    return tuple(found)


_HASH = re.compile(f"[0-9a-f]{{{HASH_DIGITS}}}")


def _hashes(given: object, faults: list[str]) -> frozenset[str] | None:
    if given is None:
        return None
    if given is MISSING:
        faults.append(", from_: it must say from which schema it leads, or None")
        return None
    hashes = [given] if isinstance(given, str) else given
    if not isinstance(hashes, Iterable):
        fault = "is not the hash of a schema, a list of them, or None"
        faults.append(f", from_: {brief(given)} {fault}")
        return None
    found = list(hashes)
    for each in found:
        if not isinstance(each, str) or not _HASH.fullmatch(each):
            fault = f"is not the hash of a schema, {HASH_DIGITS} digits"
            faults.append(f", from_: {brief(each)} {fault}")
    return frozenset(map(str, found))


def _filled(
    given: object, tables: Sequence[tuple[str, type[Row]]], faults: list[str]
) -> tuple[str, ...]:
    """Give the names of tables given by name, or by class: the first of a class."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        faults.append(f", tables: {brief(given)} is not a list of tables")
        return ()
    names = {name for name, _ in tables}
    found = []
    for each in given:
        of_class = (name for name, row_class in tables if row_class is each)
        name = each if isinstance(each, str) else next(of_class, None)
        if name in names:
            found.append(name)
        else:
            there = ", ".join(sorted(names)) or "none"
            shown = getattr(each, "__name__", each)
            faults.append(f", tables: no table {shown}; there are: {there}")
    return tuple(found)


def _dropped(given: object, names: set[str], faults: list[str]) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        faults.append(f", drop: {brief(given)} is not a list of names")
        return ()
    found = list(given)
    for name in found:
        fault = fault_of_name(name)
        if fault is None and name in names:
            fault = f"the module has a table {name}"
        if fault is not None:
            faults.append(f", drop: {fault}")
    return tuple(map(str, found))
