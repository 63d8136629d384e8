"""Modules made of short descriptions, for tests that publish one after the other."""

import types
from typing import Any

import attrs

import qsdb
from qsdb import ReducerContext, StorageOptions, u64

__all__ = ["BOOK", "LOAN", "QUIET", "Edition", "contents", "edition"]

QUIET = StorageOptions(has_threads=False)
"""Nothing happens by itself, so that every run is the same."""

Columns = dict[str, Any]

BOOK: Columns = {"id": (u64, qsdb.primary_key(auto_inc=True)), "title": str}
LOAN: Columns = {"book": (u64, qsdb.primary_key()), "reader": str}


@attrs.frozen
class Edition:
    """A module, and the row class of each table."""

    module: qsdb.Module
    rows: dict[str, type[Any]]


def edition(
    note: str = "",
    options: dict[str, dict[str, Any]] | None = None,
    **tables: Columns,
) -> Edition:
    """Make a module of public tables.

    Args:
        note: What its reducer `edition` gives.
        options: Table → more keywords of its class.
        tables: Name → column → kind, or kind and specifier or default.
    """
    module = qsdb.Module("library")
    rows = {}
    for name, columns in tables.items():
        keywords = {"public": True, **(options or {}).get(name, {})}
        called = keywords.pop("name", name)
        rows[name] = row_class(module, called, columns, **keywords)

    @module.reducer(private=False)
    def which(ctx: ReducerContext) -> str:  # noqa: ARG001  every reducer has one
        return note

    @module.reducer
    def add(ctx: ReducerContext, title: str) -> u64:
        row = ctx.db[rows["book"]].insert(rows["book"](title=title))
        number: int = row.id
        return number

    @module.reducer
    def lend(ctx: ReducerContext, book: u64, reader: str) -> None:
        ctx.db[rows["loan"]].upsert(rows["loan"](book=book, reader=reader + note))

    return Edition(module, rows)


def row_class(
    module: qsdb.Module, name: str, columns: Columns, **keywords: Any
) -> type[Any]:
    """Declare a table."""
    space: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for column, given in columns.items():
        kind, *value = given if isinstance(given, tuple) else (given,)
        space["__annotations__"][column] = kind
        if value:
            space[column] = value[0]
    return types.new_class(
        name.title().replace("_", ""),
        (qsdb.Row,),
        {"module": module, "name": name, **keywords},
        lambda namespace: namespace.update(space),
    )


def contents(db: qsdb.Database) -> dict[str, list[tuple[object, ...]]]:
    """Give all rows of all tables, as values that users see."""
    with db.read() as tx:
        return {
            name: sorted([(*row,) for row in tx.table(name)], key=repr)
            for name in db.stats().rows
        }
