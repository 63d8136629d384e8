"""Indexes of many columns, with several values given for each of them."""

import itertools
from typing import Any

import pytest

import qsdb
from qsdb import BTree, Hash, u8, u16

COLUMNS_COUNT = 24
COLUMNS = [f"c{number}" for number in range(COLUMNS_COUNT)]


def wide(index: type[BTree] | type[Hash]) -> qsdb.Database:
    """Give a database whose one table has an index of 24 columns, and 4 rows."""
    module = qsdb.Module("wide")
    annotations: dict[str, Any] = {"id": u16, **dict.fromkeys(COLUMNS, u8)}
    names = {"__annotations__": annotations, "id": qsdb.primary_key()}
    indexes = [index(*COLUMNS, name="all_of_them")]
    row = type("Wide", (qsdb.Row,), names, module=module, indexes=indexes)
    db = qsdb.Database(module)
    with db.write() as tx:
        for number, pair in enumerate(itertools.product((0, 1), repeat=2)):
            values = [pair[place % 2] for place in range(COLUMNS_COUNT)]
            tx[row].insert(row(number, *values))
    return db


@pytest.mark.parametrize("index", [BTree, Hash])
@pytest.mark.parametrize("lists", [0, 1, 8, COLUMNS_COUNT])
def test_lists_may_be_given_for_every_column(
    index: type[BTree] | type[Hash], lists: int
) -> None:
    terms = [f"{name} IN (0, 9)" for name in COLUMNS[:lists]]
    terms += [f"{name} = 0" for name in COLUMNS[lists:]]
    query = f"SELECT id FROM wide WHERE {' AND '.join(terms)}"
    with wide(index) as db:
        assert [*db.sql(query)] == [(0,)]
        live = db.subscribe(query)
        assert live.rows == [(0,)]


def plan_of(db: qsdb.Database, count: int) -> str:
    """Give the plan of a query with two lists of so many values."""
    values = ", ".join(map(str, range(count)))
    rest = " AND ".join([f"{name} = 0" for name in COLUMNS[2:]])
    where = f"c0 IN ({values}) AND c1 IN ({values}) AND {rest}"
    query = f"SELECT id FROM wide WHERE {where}"
    assert [*db.sql(query)] == [(0,)]
    return "\n".join([line for (line,) in db.sql(f"EXPLAIN {query}")])


def test_long_lists_for_two_columns_are_not_all_looked_up() -> None:
    """A million look-ups in an index would be found for a table of four rows."""
    with wide(Hash) as db:
        assert "index all_of_them" in plan_of(db, 31)
        assert "all rows" in plan_of(db, 32)
    with wide(BTree) as db:
        assert "then" not in plan_of(db, 31)
        found = plan_of(db, 32)
        assert "index all_of_them" in found
        assert "c1 IN (0, 1" in found.partition("then")[2]
