"""Templates: which texts are one query, and what of a text stays as it is."""

import pytest

from qsdb.live.templates import CHOICES_LIFTED_MAX, Lifted, lift
from qsdb.sql.queries import Query
from qsdb.sql.typed import Argument, Constant, Like, Within
from tests.unit.live.scenes import opened

DB = opened()
CALLER = b"c" * 32


def lifted(text: str) -> Lifted:
    query = DB._queries.check(text, True)  # noqa: FBT003  the key of a cache
    assert isinstance(query, Query)
    return lift(query)


def where(condition: str) -> Lifted:
    return lifted(f"SELECT * FROM player WHERE {condition}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lvl > 3", "3 < lvl"),
        ("lvl >= 3", "3 <= lvl"),
        ("lvl < 3", "3 > lvl"),
        ("lvl <= 3", "3 >= lvl"),
        ("lvl = 3", "3 = lvl"),
        ("lvl <> 3", "3 <> lvl"),
        ("lvl = id", "id = lvl"),
        ("lvl > id", "id < lvl"),
        ("lvl = id + 1", "id + 1 = lvl"),
        ("lvl = 1 AND id = 2", "id = 2 AND lvl = 1"),
        ("lvl = 1 AND lvl = 1", "lvl = 1"),
        ("lvl = 1 OR id = 2", "id = 2 OR lvl = 1"),
        ("lvl = 1 OR lvl = 1", "lvl = 1"),
        ("lvl = 1 OR (id = 2 OR g = 3)", "(g = 3 OR lvl = 1) OR id = 2"),
        ("lvl = 1 AND (id = 2 AND g = 3)", "(g = 3 AND lvl = 1) AND id = 2"),
        ("lvl IN (1, 2, 3)", "lvl IN (3, 1, 2, 1)"),
        ("lvl BETWEEN 1 AND 2", "2 >= lvl AND 1 <= lvl"),
        ("NOT (lvl = 1 AND id = 2)", "NOT (id = 2 AND 1 = lvl)"),
        ("player.lvl = 1", "lvl = 1"),
    ],
)
def test_texts_that_are_one_query(one: str, other: str) -> None:
    first, second = where(one), where(other)

    assert first.key == second.key
    assert hash(first.key) == hash(second.key)
    assert first.values(CALLER, {}) == second.values(CALLER, {})


def test_aliases_are_of_no_matter() -> None:
    one = lifted("SELECT p.* FROM player p JOIN guild g ON p.g = g.id WHERE g.kind = 1")
    other = lifted("SELECT x.* FROM player x JOIN guild y ON y.id = x.g AND y.kind = 1")

    assert one.key == other.key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lvl > 3", "lvl >= 3"),
        ("lvl > 3", "lvl < 3"),
        ("lvl = 3", "id = 3"),
        ("lvl = 1 AND id = 2", "lvl = 1 OR id = 2"),
        ("lvl = 1", "NOT lvl = 1"),
        ("lvl = 1 OR (id = 2 AND g = 3)", "(lvl = 1 OR id = 2) AND g = 3"),
        ("lvl IN (1, 2)", "lvl IN (1, 2, 3)"),
        ("name LIKE 'a%'", "name LIKE 'b%'"),
        ("g IS NULL", "g IS NOT NULL"),
    ],
)
def test_texts_that_are_not(one: str, other: str) -> None:
    assert where(one).key != where(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT id FROM player", "SELECT lvl FROM player"),
        ("SELECT id FROM player", "SELECT * FROM player"),
        ("SELECT id FROM player", "SELECT id AS number FROM player"),
        ("SELECT id FROM player", "SELECT id FROM guild"),
        (
            "SELECT a.* FROM player a JOIN player b ON a.id = b.g",
            "SELECT b.* FROM player a JOIN player b ON a.id = b.g",
        ),
    ],
)
def test_what_is_asked_for_counts(one: str, other: str) -> None:
    assert lifted(one).key != lifted(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("id + 1 = 2 AND lvl = 3", "lvl = 3 AND id + 1 = 2"),
        ("id + 1 = 2 OR lvl = 3", "lvl = 3 OR id + 1 = 2"),
        ("-id = 2 AND lvl = 3", "lvl = 3 AND -id = 2"),
    ],
)
def test_terms_that_can_fail_keep_their_order(one: str, other: str) -> None:
    """Whoever guards a term by one before it relies on that."""
    assert where(one).key != where(other).key
    assert where(one).key == where(one).key


def test_values_are_apart() -> None:
    one, other = where("lvl = 3 AND name = 'x'"), where("name = 'y' AND lvl = 4")

    assert one.key == other.key
    assert one.values(CALLER, {}) == (3, "x")
    assert other.values(CALLER, {}) == (4, "y")
    assert [*one.query.parameters] == ["k0", "k1"]


def test_values_of_outputs_are_apart_too() -> None:
    one, other = (
        lifted(f"SELECT id + {n} AS n FROM player WHERE lvl = 1") for n in (1, 2)
    )

    assert one.key == other.key
    assert (one.values(CALLER, {}), other.values(CALLER, {})) == ((1, 1), (1, 2))


def test_values_of_between_are_apart() -> None:
    one, other = (where(f"lvl + {n} BETWEEN {n} AND :high") for n in (1, 2))

    assert one.key == other.key
    assert one.values(CALLER, {"high": 9}) == (1, 1, 9)
    assert other.values(CALLER, {"high": 8}) == (2, 2, 8)


def test_parameters_are_values() -> None:
    found = where("lvl = :lvl AND id = 7")

    assert found.key == where("lvl = 1 AND id = 2").key
    assert found.values(CALLER, {"lvl": 5}) in ((5, 7), (7, 5))


def test_the_caller_is_a_value() -> None:
    db = opened()
    text = "SELECT c.* FROM st_table c WHERE c.table_id = :id"
    query = db._queries.check(text, True)  # noqa: FBT003  the key of a cache
    assert isinstance(query, Query)
    assert lift(query).values(CALLER, {"id": 3}) == (3,)

    slots = (Argument("sender", query.parameters["id"]),)
    assert Lifted(query, None, slots).values(CALLER, {}) == (CALLER,)


def test_a_pattern_stays() -> None:
    found = where("name LIKE 'a%'")

    assert isinstance(found.query, Query)
    [condition] = found.query.conditions
    assert isinstance(condition, Like)
    assert isinstance(condition.pattern, Constant)
    assert found.slots == ()


def test_a_pattern_that_is_a_parameter_does_not() -> None:
    found = where("name LIKE :pattern")

    assert found.values(CALLER, {"pattern": "a%"}) == ("a%",)


@pytest.mark.parametrize(
    ("count", "is_lifted"),
    [(CHOICES_LIFTED_MAX, True), (CHOICES_LIFTED_MAX + 1, False)],
)
def test_long_lists_stay(count: int, *, is_lifted: bool) -> None:
    found = where(f"lvl IN ({', '.join(map(str, range(count)))})")

    assert isinstance(found.query, Query)
    [condition] = found.query.conditions
    assert isinstance(condition, Within)
    assert all(isinstance(e, Argument) for e in condition.choices) is is_lifted
    assert len(found.slots) == (count if is_lifted else 0)


def test_long_lists_with_parameters_do_not_stay() -> None:
    found = where(f"lvl IN (:p, {', '.join(map(str, range(9)))})")

    assert len(found.slots) == 10
    assert 77 in found.values(CALLER, {"p": 77})
