"""SELECTs that are more than a bag of rows: what they ask for, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from qsdb.errors import QueryError
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.sql.parsing import parse
from qsdb.sql.queries import Query
from qsdb.sql.relations import (
    Compound,
    Derived,
    Distinct,
    Filter,
    Group,
    Project,
    Relation,
    Top,
    Window,
    cells_of,
    inputs_of,
    leaves_of,
    mapped,
    outputs_of,
)
from qsdb.sql.statements import check_statement
from qsdb.sql.typed import (
    Cell,
    Constant,
    Typed,
    parts_of,
    with_parts,
    without_places,
)
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import (
    BOOL,
    F64,
    I32,
    I64,
    SCHEDULE_AT,
    STR,
    U8,
    U64,
    U128,
    Kind,
)


def table(title: str, key: tuple[int, ...], /, **columns: Kind) -> TableSchema:
    found = [ColumnSchema(each, each, kind) for each, kind in columns.items()]
    return TableSchema(title, tuple(found), key)


TABLES = {
    "t": table("t", (0,), id=U64, name=STR, age=OptionKind(I32), ok=BOOL, small=U8),
    "u": table("u", (), x=I32, wide=U128, real=F64, due=SCHEDULE_AT),
    "v": table("v", (), x=I32, y=STR),
}


def asked(query: str) -> Derived:
    found = check_statement(query, parse(query), TABLES)
    assert isinstance(found, Derived)
    return found


FIRST = "QUALIFY ROW_NUMBER() OVER (PARTITION BY name ORDER BY age DESC) <= 2"
BY_NAME = "SELECT name FROM t GROUP BY name"
FIRST_GROUPS = "QUALIFY ROW_NUMBER() OVER (ORDER BY SUM(age)) <= :k"


def operators(relation: Relation) -> list[type]:
    """Give the operators of a tree, from the root."""
    inner = [each for one in inputs_of(relation) for each in operators(one)]
    return [type(relation), *inner]


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("SELECT COUNT(*) FROM t", [Project, Group, Query]),
        ("SELECT id FROM t LIMIT 1", [Window, Query]),
        ("SELECT id FROM t OFFSET 1", [Window, Query]),
        ("SELECT id FROM t ORDER BY id", [Window, Query]),
        ("SELECT name FROM t ORDER BY id", [Project, Window, Query]),
        ("SELECT DISTINCT id FROM t", [Distinct, Query]),
        ("SELECT DISTINCT id FROM t ORDER BY id", [Window, Distinct, Query]),
        (
            "SELECT name FROM t GROUP BY name HAVING COUNT(*) > 1 ORDER BY SUM(age)",
            [Project, Window, Project, Filter, Group, Query],
        ),
        ("SELECT x FROM u UNION SELECT x FROM v", [Compound, Query, Query]),
        (f"SELECT * FROM t {FIRST}", [Top, Query]),
        (f"SELECT id FROM t {FIRST}", [Project, Top, Query]),
        (f"SELECT DISTINCT name FROM t {FIRST}", [Distinct, Project, Top, Query]),
        (
            f"{BY_NAME} HAVING COUNT(*) > 1 {FIRST_GROUPS} ORDER BY name LIMIT 3",
            [Window, Project, Top, Project, Filter, Group, Query],
        ),
        (
            "SELECT x FROM u UNION (SELECT x FROM v LIMIT 1) ORDER BY x",
            [Window, Compound, Query, Window, Query],
        ),
    ],
)
def test_trees(query: str, tree: list[type]) -> None:
    assert operators(asked(query).root) == tree


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT COUNT(*), SUM(age), SUM(small) FROM t", ["count", "sum", "column3"]),
        ("SELECT COUNT(*) AS n, name FROM t GROUP BY name", ["n", "name"]),
        ("SELECT id + 1 FROM t LIMIT 1", ["column1"]),
        ("SELECT CAST(id AS f64), ABS(small) FROM t LIMIT 1", ["cast", "abs"]),
        ("SELECT x AS a FROM u UNION SELECT x FROM v", ["a"]),
        ("SELECT name FROM t ORDER BY id", ["name"]),
    ],
)
def test_results_have_their_columns(query: str, columns: list[str]) -> None:
    assert [*asked(query).columns] == columns


@pytest.mark.parametrize(
    ("term", "kind", "may_be_absent"),
    [
        ("COUNT(age)", U64, False),
        ("SUM(age)", I64, True),
        ("SUM(small)", U64, False),
        ("SUM(id)", U64, False),
        ("AVG(small)", F64, False),
        ("MAX(name)", STR, False),
        ("MIN(ok)", BOOL, False),
        ("MIN(age)", I32, True),
    ],
)
def test_kinds_of_aggregates(term: str, kind: Kind, may_be_absent: bool) -> None:  # noqa: FBT001  a parameter
    grouped = asked(f"SELECT name, {term} AS x FROM t GROUP BY name")
    alone = asked(f"SELECT {term} AS x FROM t")

    assert cells_of(grouped.root)[1] == Cell(0, 1, kind, may_be_absent)
    is_optional = not term.startswith("COUNT")
    assert cells_of(alone.root) == (Cell(0, 0, kind, is_optional),)


def test_wide_kinds_are_summed_in_themselves_and_singles_as_doubles() -> None:
    assert outputs_of(asked("SELECT SUM(wide) FROM u").root)[0].term.kind == U128
    assert outputs_of(asked("SELECT SUM(real) FROM u").root)[0].term.kind == F64


def test_columns_that_follow_from_a_key_are_keys() -> None:
    [_, group, *_] = _nodes(asked("SELECT name, COUNT(*) FROM t GROUP BY id").root)

    assert isinstance(group, Group)
    assert group.keys_count == 2


def _nodes(relation: Relation) -> list[Relation]:
    return [relation, *[e for one in inputs_of(relation) for e in _nodes(one)]]


def test_an_order_ends_with_the_key() -> None:
    window = asked("SELECT * FROM t ORDER BY name DESC, age NULLS FIRST").root

    assert isinstance(window, Window)
    assert window.asked == 2
    found = [
        (cell.place, each.is_descending, each.are_nulls_first)
        for each in window.order
        if isinstance(cell := each.term, Cell)
    ]
    assert found == [(1, True, True), (2, False, True), (0, False, False)]
    bag = asked("SELECT x FROM v ORDER BY x").root
    assert isinstance(bag, Project)
    assert isinstance(bag.input, Window)
    assert len(bag.input.order) == 2  # all columns of a table without key


def test_the_first_of_each_group_are_those_of_an_order_with_the_key() -> None:
    top = asked(f"SELECT * FROM t {FIRST}").root

    assert isinstance(top, Top)
    assert (top.groups, top.asked) == ((1,), 1)
    assert top.limit == Constant(2, U64)
    cells = [each.term for each in top.order if isinstance(each.term, Cell)]
    assert [each.place for each in cells] == [2, 0]
    below = FIRST.replace("<=", "<")
    fewer = asked(f"SELECT * FROM t {below}").root
    assert isinstance(fewer, Top)
    assert fewer.limit == Constant(1, U64)


def test_what_a_group_is_made_by_may_be_an_alias() -> None:
    named = asked(
        "SELECT id % 2 AS half FROM t "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY half ORDER BY half, id) = 1"
    )
    spelt = asked(
        "SELECT id % 2 AS half FROM t "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY id % 2 ORDER BY id % 2, id) = 1"
    )

    assert named.root == spelt.root


def test_expressions_of_all_operators_are_mapped() -> None:
    query = asked(
        "SELECT name, ABS(SUM(small + 1)) AS s FROM t WHERE small / 2 > 1 "
        "GROUP BY name HAVING SUM(small + 1) + 1 > 2 "
        "QUALIFY ROW_NUMBER() OVER (ORDER BY COUNT(*)) <= 7 "
        "ORDER BY s LIMIT :n OFFSET 1"
    )
    seen: list[Typed] = []

    def look(node: Typed) -> Typed:
        seen.append(node)
        return with_parts(node, [look(each) for each in parts_of(node)])

    assert mapped(query.root, look) == query.root
    assert len(seen) > 20
    assert Constant(7, U64) in seen
    assert query.without_places() == query
    assert query.without_places().root == mapped(query.root, without_places)
    assert query.parameters == {"n": U64}


def test_tables_of_all_parts_are_known() -> None:
    query = asked(
        "SELECT x FROM u WHERE EXISTS (SELECT 1 FROM v) UNION SELECT x FROM v"
    )

    assert [each.schema.name for each in query.tables] == ["u", "v", "v"]
    assert [each.schema.name for each in query.sources] == ["u", "v"]
    assert query.views == query.events == []
    assert len([*leaves_of(query.root)]) == len(query.leaves) == 2


REFUSED = Path(__file__).with_name("refused.txt").read_text("utf-8")


def refused() -> list[tuple[str, int, str]]:
    """Give queries, and below each the place of what is wrong, and how it begins."""
    blocks = [each.split("\n") for each in REFUSED.strip().split("\n\n")]
    return [
        (query, marked.index("^") + 1, marked.strip("^ "))
        for query, marked in [each for each in blocks if len(each) == 2]
    ]


def test_there_are_refused_queries() -> None:
    assert len(refused()) == REFUSED.count("^") > 60


@pytest.mark.parametrize(("query", "column", "reason"), refused())
def test_what_is_wrong_is_pointed_at(query: str, column: int, reason: str) -> None:
    with pytest.raises(QueryError) as caught:
        check_statement(query, parse(query), TABLES)

    assert reason in caught.value.reason
    assert (caught.value.line, caught.value.column) == (1, column)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM t WHERE ABS(small) = :n",
        "SELECT CASE WHEN ok THEN 1 ELSE 2.5 END AS x FROM t",
        "SELECT 'a' || 'b' AS x FROM t",
        "SELECT COALESCE('a', 'b') AS x FROM t",
        "SELECT id FROM t WHERE ABS(:n) = small",
        "SELECT id FROM t WHERE 3 = CASE WHEN ok THEN small ELSE NULL END",
        "SELECT id FROM t WHERE CASE WHEN ok THEN 1 ELSE 2 END = small",
        "SELECT id FROM t WHERE name IN (SELECT 'a' FROM v UNION ALL SELECT y FROM v)",
        "SELECT v.x FROM v WHERE EXISTS (SELECT 1 FROM u WHERE u.x = v.x)",
        "SELECT x FROM v WHERE EXISTS (SELECT v.* FROM u JOIN v ON u.x = v.x)",
        "SELECT x FROM v WHERE EXISTS (SELECT x FROM v ORDER BY x)",
    ],
)
def test_what_takes_its_kind_from_elsewhere(query: str) -> None:
    check_statement(query, parse(query), TABLES)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ("COALESCE(small, NULL, 5)", "COALESCE(small, 5)"),
        ("COALESCE(NULL, small)", "small"),
        ("IFNULL(NULL, 'a')", "'a'"),
        ("COALESCE(NULL, 5, 2.5)", "COALESCE(5, 2.5)"),
    ],
)
def test_null_adds_nothing_to_coalesce(given: str, same: str) -> None:
    found: list[Any] = [
        check_statement(query, parse(query), TABLES)
        for query in (f"SELECT {each} AS x FROM t" for each in (given, same))
    ]
    first, second = [each.outputs[0].term for each in found]
    assert first == second


def test_a_long_case_is_several() -> None:
    whens = " ".join([f"WHEN {n} THEN '{n}'" for n in range(100)])
    found: Any = check_statement(
        query := f"SELECT CASE small {whens} ELSE '?' END AS x FROM t",
        parse(query),
        TABLES,
    )
    node, count = found.outputs[0].term, 0
    while hasattr(node, "branches"):
        assert len(node.branches) <= 16
        count += len(node.branches)
        node = node.otherwise
    assert count == 100
