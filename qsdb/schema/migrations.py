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
from qsdb.schema.functions import Function, declare
from qsdb.schema.rows import Row
from qsdb.schema.schema_hashes import HASH_DIGITS
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

    function: Function
    from_: object
    tables: Sequence[object]
    drop: Sequence[object]


def declare_migration(
    function: Function,
    from_: object,
    tables: Iterable[object],
    drop: Iterable[object],
) -> DeclaredMigration:
    """Note a function.

    Raises:
        SchemaError: it can never run as part of a transaction.
    """
    declare(function, depth=2)
    return DeclaredMigration(function, from_, [*tables], [*drop])


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
    names = {name for name, _ in tables}
    by_class = {row_class: name for name, row_class in reversed(tables)}
    found = []
    for each in declared:
        place = f"migration {each.function.__name__}"
        filled = [
            given if isinstance(given, str) else by_class.get(given)  # type: ignore[call-overload]
            for given in each.tables
        ]
        for given, name in zip(each.tables, filled, strict=True):
            if name not in names:
                there = ", ".join(sorted(names)) or "none"
                shown = getattr(given, "__name__", brief(given))
                mistakes.append(
                    f"{place}, tables: no table {shown}; there are: {there}"
                )
        for name in each.drop:
            fault = fault_of_name(name) or (
                f"the module has a table {name}" if name in names else None
            )
            mistakes += [f"{place}, drop: {fault}"] if fault else []
        hashes = _hashes(each.from_)
        if isinstance(hashes, str):
            mistakes.append(f"{place}, from_: {hashes}")
        elif hashes is None and not each.tables:
            mistakes.append(
                f"{place}: with from_=None, tables=[…] must say what it fills"
            )
        else:
            found.append(
                Migration(
                    each.function.__name__,
                    each.function,
                    hashes,
                    tuple([name for name in filled if name is not None]),
                    tuple([str(name) for name in each.drop]),
                )
            )
    return tuple(found)


def _hashes(given: object) -> frozenset[str] | str | None:
    """Read `from_`; a text says what is wrong with it."""
    if given is None:
        return None
    hashes = [given] if isinstance(given, str) else given
    form = re.compile(f"[0-9a-f]{{{HASH_DIGITS}}}")
    if not isinstance(hashes, Iterable):
        return f"{brief(given)} is not the hash of a schema, a list of them, or None"
    found = [*hashes]
    for each in found:
        if not isinstance(each, str) or not form.fullmatch(each):
            return f"{brief(each)} is not the hash of a schema, {HASH_DIGITS} digits"
    return frozenset(found)
