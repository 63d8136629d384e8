"""One table in several forms: the same columns and rows, other keys and indexes.

A query must give the same of each. The tables are declared once, so that a test has
time for many queries; rows have numbers of their own, so that each key admits them.
"""

import math
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

import qsdb
from qsdb import BTree, Hash, i32
from tests.support.query_texts import VALUES, Column, Source

__all__ = ["COLUMNS", "FORMS", "filled", "finite_rows", "rows", "source"]

forms = qsdb.Module("forms")


class Plain(qsdb.Row, module=forms):
    id: i32
    k: i32
    o: i32 | None
    s: str
    u: str | None
    f: float
    g: float | None
    b: bool
    c: bool | None


class Keyed(qsdb.Row, module=forms):
    id: i32 = qsdb.primary_key()
    k: i32
    o: i32 | None
    s: str
    u: str | None
    f: float
    g: float | None
    b: bool
    c: bool | None


class Ordered(qsdb.Row, module=forms):
    id: i32 = qsdb.index()
    k: i32 = qsdb.index()
    o: i32 | None = qsdb.index()
    s: str = qsdb.index()
    u: str | None = qsdb.index()
    f: float = qsdb.index()
    g: float | None = qsdb.index()
    b: bool = qsdb.index()
    c: bool | None = qsdb.index()


class Hashed(qsdb.Row, module=forms):
    id: i32 = qsdb.unique()
    k: i32 = qsdb.index("hash")
    o: i32 | None = qsdb.index("hash")
    s: str = qsdb.index("hash")
    u: str | None = qsdb.index("hash")
    f: float = qsdb.index("hash")
    g: float | None = qsdb.index("hash")
    b: bool = qsdb.index("hash")
    c: bool | None = qsdb.index("hash")


class Composite(
    qsdb.Row,
    module=forms,
    primary_key=("o", "id"),
    unique=[("c", "id"), ("id", "k", "u")],
    indexes=[
        BTree("o", "k", "f"),
        BTree("s", "g"),
        BTree("c", "u"),
        BTree("g", "o"),
        Hash("k", "b"),
        Hash("u", "o"),
    ],
):
    id: i32
    k: i32
    o: i32 | None
    s: str
    u: str | None
    f: float
    g: float | None
    b: bool
    c: bool | None


FORMS: Sequence[type[Any]] = (Plain, Keyed, Ordered, Hashed, Composite)

COLUMNS = (
    Column("id", "int", is_optional=False),
    Column("k", "int", is_optional=False),
    Column("o", "int", is_optional=True),
    Column("s", "str", is_optional=False),
    Column("u", "str", is_optional=True),
    Column("f", "float", is_optional=False),
    Column("g", "float", is_optional=True),
    Column("b", "bool", is_optional=False),
    Column("c", "bool", is_optional=True),
)


def source(alias: str, table: str) -> Source:
    """Give one of the forms as FROM has it."""
    columns = [Column(f"{alias}.{e.text}", e.kind, e.is_optional) for e in COLUMNS]
    return Source(alias, table, tuple(columns))


def _row(floats: Sequence[float]) -> st.SearchStrategy[tuple[Any, ...]]:
    values = {**VALUES, "float": floats}
    return st.tuples(
        *[
            st.sampled_from([*values[each.kind], *[None] * each.is_optional])
            for each in COLUMNS[1:]
        ]
    )


def _numbered(
    row: st.SearchStrategy[tuple[Any, ...]],
) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    listed = st.lists(row, max_size=7)
    return listed.map(lambda rows: [(n, *each) for n, each in enumerate(rows)])


rows = _numbered(_row(VALUES["float"]))
"""Rows of each form."""

finite_rows = _numbered(_row([e for e in VALUES["float"] if math.isfinite(e)]))
"""Rows without NaN and infinities."""


def filled(drawn: Sequence[tuple[Any, ...]]) -> qsdb.Database:
    """Give a database in which all forms have the same rows."""
    db = qsdb.Database(forms, seed=1)
    with db.write() as tx:
        for form in FORMS:
            tx[form].insert_many(form(*row) for row in drawn)
    return db
