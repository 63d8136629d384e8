"""What a cache says of changes that no database can make, before it takes them."""

from typing import Any

import pytest

import qsdb
from qsdb import u8
from qsdb.cache.databases import Cache
from qsdb.errors import NotFoundError

module = qsdb.Module("refusing")


class Keyed(qsdb.Row, module=module):
    id: u8 = qsdb.primary_key()
    text: str


class Bare(qsdb.Row, module=module):
    text: str


class Shout(qsdb.Row, module=module, event=True):
    id: u8 = qsdb.primary_key()


@pytest.fixture
def cache() -> Cache:
    made = Cache()
    bounds = {bound.schema.name: bound for bound in module.compiled().tables}
    made._take(bounds, {}, {})
    made._move({"keyed": ([(1, "a"), (2, "b")], []), "bare": ([("a",)], [])})
    return made


@pytest.mark.parametrize(
    ("table", "came", "went", "refusal"),
    [
        ("keyed", [(3, "c")], [(1, "a")], None),
        ("keyed", [(1, "b")], [(1, "a")], None),
        ("keyed", [(1, "a")], [], None),
        ("keyed", [(1, "b"), (1, "b")], [(1, "a")], None),
        ("keyed", [(1, "b")], [], "two rows have the same primary key"),
        ("keyed", [(3, "a"), (3, "b")], [], "two rows have the same primary key"),
        ("keyed", [], [(1, "b")], "a row goes that is not there"),
        ("bare", [("a",), ("b",)], [("a",)], None),
        ("bare", [], [("b",)], "a row goes that is not there"),
        ("shout", [(1,), (1,)], [], None),
    ],
)
def test_what_is_refused(
    cache: Cache, table: str, came: list[Any], went: list[Any], refusal: str | None
) -> None:
    found = cache._refusal({"bare": ([], []), table: (came, went)})

    assert found == (refusal and f"table {table}: {refusal}")
    assert len(cache.keyed) == 2


def test_tables_that_are_not_there_are_told() -> None:
    with pytest.raises(NotFoundError):
        Cache()._refusal({"keyed": ([], [])})
