"""Values of parameters as literals: exactly, or not at all."""

import enum
import uuid
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import qsdb
from qsdb import ConnectionId, Identity, TimeDuration, Timestamp, f32, f64, i64, u256
from qsdb.client.known import known_of_module
from qsdb.client.questions import Question
from qsdb.errors import ArgumentError, QueryError

odd = qsdb.Module("odd")


class Size(enum.Enum):
    small = 0
    large = 1


class Thing(qsdb.Row, module=odd, public=True):
    i: i64
    u: u256
    f: f64
    g: f32
    b: bool
    s: str
    y: bytes
    who: Identity
    con: ConnectionId
    unique: uuid.UUID
    at: Timestamp
    long: TimeDuration
    size: Size
    maybe: str | None
    many: tuple[i64, ...]


@odd.view(public=True)
def beside(
    ctx: qsdb.AnonymousViewContext, place: i64, tag: str | None = None
) -> list[Thing]:
    return [each for each in ctx.db[Thing] if (each.i, each.maybe) == (place, tag)]


KNOWN = known_of_module(odd)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i": st.integers(-(1 << 63), (1 << 63) - 1),
    "u": st.integers(0, (1 << 256) - 1),
    "f": st.floats(allow_nan=False),
    "g": st.floats(width=32, allow_nan=False),
    "b": st.booleans(),
    "s": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    "y": st.binary(max_size=20),
    "who": st.binary(min_size=32, max_size=32).map(Identity.from_bytes),
    "con": st.binary(min_size=16, max_size=16).map(ConnectionId.from_bytes),
    "unique": st.uuids(),
    "at": st.integers(-(10**15), 10**16).map(Timestamp.from_micros),
    "size": st.sampled_from(Size),
    "maybe": st.text("'\\:-/*\n%_ä", max_size=20),
}


def asked(text: str, params: dict[str, object]) -> Question:
    [found] = KNOWN.questions.live([text], params)
    return found


@settings(max_examples=30)
@given(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.tuples(st.just(name), VALUES[name])
    )
)
@example(("s", "it's -- :x /* "))
@example(("f", float("-inf")))
@example(("g", float("inf")))
@example(("f", 1e300))
@example(("i", -1))
@example(("y", b""))
def test_whatever_is_taken_asks_for_the_same(given_one: tuple[str, Any]) -> None:
    # That the text asks for the value is what `bound_text` itself makes sure of: what
    # is tested is that this is so for all values of these kinds.
    name, value = given_one
    found = asked(f"SELECT * FROM thing WHERE {name} = :x", {"x": value})

    assert ":x" not in found.text or ":x" in str(value)


def test_parameters_stand_where_they_stood() -> None:
    found = asked(
        "SELECT * FROM thing WHERE i-:a > 3 AND s = ':a' -- :a\n AND who = :sender",
        {"a": -5},
    )

    assert found.text == (
        "SELECT * FROM thing WHERE i- -5  > 3 AND s = ':a' -- :a\n AND who = :sender"
    )


@pytest.mark.parametrize(
    "condition",
    [
        "i BETWEEN :a AND :b",
        "i IN (:a, :b)",
        "i + :a < :b",
        "NOT i = :a OR i <> : b",
        "i = (:a) AND :b = i",
    ],
)
def test_parameters_of_many_places(condition: str) -> None:
    found = asked(f"SELECT s FROM thing WHERE {condition}", {"a": 1, "b": 2})

    assert ":" not in found.text


def test_patterns_may_be_parameters() -> None:
    text = asked("SELECT * FROM thing WHERE s LIKE :p", {"p": "a%'"}).text

    assert text == "SELECT * FROM thing WHERE s LIKE  'a%''' "


def test_arguments_of_views_may_be_parameters() -> None:
    text = asked("SELECT * FROM beside(:place) WHERE b = :b", {"place": 5, "b": True})

    assert text.text == "SELECT * FROM beside( 5 ) WHERE b =  TRUE "
    assert asked("SELECT * FROM beside(1, :tag)", {"tag": "x"}).text == (
        "SELECT * FROM beside(1,  'x' )"
    )
    with pytest.raises(ArgumentError, match=":tag is None, a value of str, which no"):
        asked("SELECT * FROM beside(1, :tag)", {"tag": None})


def test_parameters_of_all_operators_are_written() -> None:
    text = (
        "SELECT s, SUM(i) AS n FROM thing WHERE b = {b} GROUP BY s HAVING SUM(i) > {h} "
        "UNION SELECT s, COALESCE(i, {c}) FROM beside({p}) "
        "ORDER BY n LIMIT {m} OFFSET {o}"
    )
    given = {"b": True, "h": 3, "c": 4, "p": 5, "m": 6, "o": 7}
    names = {name: f":{name}" for name in given}
    values = {name: f" {str(value).upper()} " for name, value in given.items()}
    found = KNOWN.questions.once(text.format(**names), given)

    assert found.text == text.format(**values)


def test_each_query_takes_its_own() -> None:
    texts = ["SELECT * FROM thing WHERE i = :a", "SELECT i FROM thing WHERE s = :b"]
    found = KNOWN.questions.live(texts, {"a": 1, "b": "x"})

    assert [each.text for each in found] == [
        "SELECT * FROM thing WHERE i =  1 ",
        "SELECT i FROM thing WHERE s =  'x' ",
    ]


@pytest.mark.parametrize(
    ("condition", "value", "match"),
    [
        ("f = :x", float("nan"), "is nan, a value of f64, which no literal is"),
        ("maybe = :x", None, "None"),
        ("many = :x", [1], r"many|a value of tuple\[i64"),
        ("long = :x", TimeDuration.from_micros(1), "TimeDuration"),
        ("s = :x", "x" * 60_000, "cannot be written into"),
        ("i = :x", "a", "is an int"),
        ("i = :y", 1, "no parameter"),
    ],
)
def test_what_no_literal_is_is_refused(
    condition: str, value: object, match: str
) -> None:
    with pytest.raises(ArgumentError, match=match):
        asked(f"SELECT * FROM thing WHERE {condition}", {"x": value})


def test_what_would_ask_for_something_else_is_refused() -> None:
    # A literal beside a sign is one number, a parameter beside it is negated.
    with pytest.raises(ArgumentError, match="write literals instead"):
        asked("SELECT * FROM thing WHERE i = -:x", {"x": 5})


def test_texts_are_wrong_as_in_process() -> None:
    questions = KNOWN.questions
    with pytest.raises(QueryError, match="no table"):
        questions.once("SELECT * FROM nothing", None)
    with pytest.raises(ArgumentError, match="a query is a str, not 7"):
        questions.once(7, None)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="a query is a str, not 7"):
        questions.live([7], None)
    with pytest.raises(ArgumentError, match="and there is none"):
        questions.live([], None)
    with pytest.raises(QueryError, match="LIMIT"):
        questions.live(["SELECT * FROM thing LIMIT 1"], None)
    with pytest.raises(QueryError, match="only a SELECT"):
        questions.live(["DELETE FROM thing"], None)


def test_everything_is_all_public_tables() -> None:
    found = KNOWN.questions.live(["SELECT * FROM *"], None)

    assert [each.text for each in found] == ['SELECT * FROM "thing"']
