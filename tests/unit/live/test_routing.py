"""Routes: who is concerned by a changed row, and with which rows."""

import math

import pytest

from qsdb.live.operators import Template
from qsdb.live.results import LiveResult
from qsdb.live.routing import (
    FEW,
    Always,
    ByInterval,
    ByValue,
    Never,
    Reader,
    Route,
    Routes,
)
from qsdb.live.tables import Pair
from qsdb.live.templates import lift
from qsdb.sql.queries import Query
from qsdb.values.kinds import I32
from tests.unit.live.scenes import opened


def reader(route: Route, columns: frozenset[int] | None = None) -> Reader:
    return Reader("owner", 0, columns, route)


def told(routes: Routes, *pairs: Pair) -> dict[Reader, list[Pair]]:
    return routes.concerned([*pairs])


def test_by_value() -> None:
    routes, some = Routes(), reader(ByValue(0, (1, 2)))
    routes.add(some)

    assert told(routes, (None, (1, 9))) == {some: [(None, (1, 9))]}
    assert told(routes, ((2, 9), None)) == {some: [((2, 9), None)]}
    assert told(routes, ((1, 9), (3, 9))) == {some: [((1, 9), None)]}
    assert told(routes, ((3, 9), (1, 9))) == {some: [(None, (1, 9))]}
    assert told(routes, ((1, 8), (2, 9))) == {some: [((1, 8), (2, 9))]}
    assert told(routes, ((3, 8), (4, 9))) == {}


def test_many_of_one_value_come_and_go() -> None:
    routes, many = Routes(), [reader(ByValue(0, (1,))) for _ in range(2 * FEW)]
    for count, each in enumerate(many, 1):
        routes.add(each)
        assert [*told(routes, (None, (1,)))] == many[:count]
    for count, each in enumerate(many, 1):
        routes.remove(each)
        assert [*told(routes, ((1,), None))] == many[count:]
    assert not routes


def test_by_interval() -> None:
    routes, some = Routes(), reader(ByInterval(0, I32, 2, 4, (True, False)))
    routes.add(some)

    assert told(routes, ((1,), (2,))) == {some: [(None, (2,))]}
    assert told(routes, ((3,), (4,))) == {some: [((3,), None)]}
    assert told(routes, ((2,), (3,))) == {some: [((2,), (3,))]}
    assert told(routes, ((None,), (5,))) == {}
    assert told(routes, (None, (2,)), ((3,), None)) == {
        some: [(None, (2,)), ((3,), None)]
    }


def test_always() -> None:
    routes, some = Routes(), reader(Always())
    routes.add(some)

    assert told(routes, ((1,), None), (None, (2,))) == {
        some: [((1,), None), (None, (2,))]
    }


def test_never() -> None:
    routes, some = Routes(), reader(Never())
    routes.add(some)
    assert routes
    assert told(routes, ((1,), None), (None, (2,))) == {}

    routes.remove(some)
    assert not routes


@pytest.mark.parametrize(
    "route", [ByValue(0, (1,)), ByInterval(0, I32, None, 5, (False, True)), Always()]
)
def test_only_columns_that_are_looked_at_concern(route: Route) -> None:
    routes, some = Routes(), reader(route, frozenset({0, 2}))
    routes.add(some)

    assert told(routes, ((1, 2, 3), (1, 9, 3))) == {}
    assert told(routes, ((1, 2, 3), (1, 9, 3)), ((1, 2, 4), (1, 8, 4))) == {}
    assert told(routes, ((1, 2, math.nan), (1, 9, math.nan))) == {}
    changed = ((1, 2, 3), (1, 2, 4))
    assert told(routes, changed) == {some: [changed]}
    assert told(routes, ((1, 2, 3), None)) == {some: [((1, 2, 3), None)]}


def test_nothing_is_left_when_all_have_gone() -> None:
    routes = Routes()
    readers = [
        reader(ByValue(0, (1, 2))),
        reader(ByValue(0, (1,))),
        reader(ByInterval(1, I32, 1, None, (True, True))),
        reader(ByInterval(1, I32, None, None, (True, True))),
        reader(Always()),
        reader(Always()),
    ]
    for each in readers:
        routes.add(each)
    for left in range(len(readers), 0, -1):
        assert routes
        assert len(told(routes, (None, (1, 1)))) == left
        routes.remove(readers[left - 1])

    assert not routes
    assert told(routes, (None, (1, 1))) == {}


ROUTES: dict[str, list[Route]] = {
    "SELECT * FROM player WHERE lvl = 5": [ByValue(2, (5,))],
    "SELECT * FROM player WHERE 5 = lvl AND g = 1 ": [ByValue(1, (1,))],
    "SELECT * FROM player WHERE lvl = 3 AND lvl IN (3, 4)": [ByValue(2, (3,))],
    "SELECT * FROM player WHERE lvl IN (3, 4, 3)": [ByValue(2, (3, 4))],
    "SELECT * FROM player WHERE lvl = 3 OR lvl = 4": [ByValue(2, (3, 4))],
    "SELECT * FROM player WHERE lvl = 3 OR g = 4": [Always()],
    "SELECT * FROM player WHERE lvl IN (1, 2) AND g = 4": [ByValue(1, (4,))],
    "SELECT * FROM player WHERE lvl = 3 OR lvl > 4": [Always()],
    "SELECT * FROM odd WHERE flag": [ByValue(2, (True,))],
    "SELECT * FROM odd WHERE NOT flag": [ByValue(2, (False,))],
    "SELECT * FROM player WHERE lvl > 3": [
        ByInterval(2, I32, 3, None, (False, False)),
    ],
    "SELECT * FROM player WHERE lvl >= 3 AND lvl < 7": [
        ByInterval(2, I32, 3, 7, (True, False)),
    ],
    "SELECT * FROM player WHERE lvl > 3 AND id BETWEEN 1 AND 2": [
        ByInterval(0, I32, 1, 2, (True, True)),
    ],
    "SELECT * FROM player WHERE lvl > 3 AND lvl > 4": [
        ByInterval(2, I32, 3, None, (False, False)),
    ],
    "SELECT * FROM player WHERE lvl <> 3": [Always()],
    "SELECT * FROM player WHERE lvl > id": [Always()],
    "SELECT * FROM player": [Always()],
    "SELECT p.* FROM player p JOIN guild g ON p.g = g.id WHERE g.kind = 1": [
        Always(),
        ByValue(2, (1,)),
    ],
    "SELECT a.* FROM player a JOIN player b ON a.g = b.lvl WHERE a.name = 'x'": [
        ByValue(3, ("x",)),
        Always(),
    ],
    "SELECT a.* FROM player a JOIN player b ON a.lvl < b.lvl AND b.lvl < 4": [
        Always(),
        ByInterval(2, I32, None, 4, (False, False)),
    ],
}


@pytest.mark.parametrize("text", ROUTES)
def test_the_way_to_a_query(text: str) -> None:
    query = opened()._queries.check(text, True)  # noqa: FBT003  the key of a cache
    assert isinstance(query, Query)
    lifted = lift(query)
    template = Template(lifted)
    values = lifted.values(b"", {})
    result = LiveResult(template, values)

    assert [each.route for each in result.readers] == ROUTES[text]
    assert [each.source for each in result.readers] == [*range(len(ROUTES[text]))]
