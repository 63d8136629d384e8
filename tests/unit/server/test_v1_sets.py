"""Queries that stand in several sets: who begins, who ends, who fails."""

from types import SimpleNamespace
from typing import Any

import pytest

from qsdb.server.v1_sets import V1Sets


def query(text: str) -> Any:
    return SimpleNamespace(asked=SimpleNamespace(text=text))


@pytest.fixture
def sets() -> V1Sets:
    return V1Sets()


def test_a_query_ends_with_the_last_of_its_sets(sets: V1Sets) -> None:
    a, b, c = map(query, "abc")
    assert sets.begin(0, ["a", "b"], [a, b]) == [a, b]
    assert sets.begin(1, ["b", "c"], [c]) == [b, c]
    assert sets.begin(None, [], []) == []
    assert [each in sets for each in (0, 1, None, 2)] == [True, True, True, False]
    assert [sets.is_asked(each) for each in "abcd"] == [True, True, True, False]
    assert sets.queries(1) == [b, c]
    assert sets.queries(2) == []

    assert sets.end(0) == [a]
    assert sets.end(0) == []
    assert sets.end(1) == [b, c]
    assert sets.end(None) == []
    assert not any(map(sets.is_asked, "abc"))


def test_all_end_together(sets: V1Sets) -> None:
    a, b = map(query, "ab")
    sets.begin(0, ["a"], [a])
    sets.begin(1, ["a", "b"], [b])

    assert sets.end_all() == [a, b]
    assert 0 not in sets
    assert sets.end_all() == []


def test_a_set_does_not_begin_whose_query_has_ended(sets: V1Sets) -> None:
    a, b = map(query, "ab")
    sets.begin(0, ["a"], [a])
    sets.end(0)

    assert sets.begin(1, ["a", "b"], [b]) is None

    assert 1 not in sets
    assert not sets.is_asked("b")


def test_a_query_that_fails_takes_all_its_sets_along(sets: V1Sets) -> None:
    a, b, c = map(query, "abc")
    texts = ["a", "b"]
    sets.begin(0, texts, [a, b])
    sets.begin(None, ["b"], [])
    sets.begin(2, ["c", "a"], [c])
    assert sets.is_begun(0, texts)

    assert sets.fail(a) == ([0, 2], [a, c])

    assert not sets.is_begun(0, texts)
    assert None in sets
    assert sets.queries(None) == [b]
    assert sets.fail(a) == ([], [])


def test_what_asks_the_same_later_does_not_fail_with_it(sets: V1Sets) -> None:
    before, now = query("a"), query("a")
    sets.begin(0, ["a"], [before])
    sets.end(0)
    texts = ["a"]
    sets.begin(0, texts, [now])

    assert sets.fail(before) == ([], [])

    assert sets.is_begun(0, texts)
    assert not sets.is_begun(0, ["a"]), "another set of the same number"
    assert sets.queries(0) == [now]
