"""The databases of a process: their names, and finding them."""

from typing import Any

import pytest

import qsdb
from qsdb import ArgumentError, NotFoundError
from qsdb.server.hosts import NAME_CHARACTERS_MAX, Host, check_name

town = qsdb.Module("town")


@pytest.mark.parametrize("name", ["a", "chat", "chat-2", "a-b-c", "7", "ab" * 31])
def test_names_are_words_joined_by_hyphens(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "-", "a-", "-a", "a--b", "A", "ä", "a b", "a/b", "..", "a.b", "a\n"),
        *("ab" * 32, "a" * (NAME_CHARACTERS_MAX + 1), 7, None),
    ],
)
def test_what_is_no_name_is_refused(name: Any) -> None:
    with pytest.raises(ArgumentError, match="is no name of a database"):
        check_name(name)


def test_databases_are_found_by_name_and_by_identity() -> None:
    with qsdb.Database(town) as one, qsdb.Database(town) as other:
        host = Host({"b": one, "a": other})

        assert [each.name for each in host] == ["b", "a"]
        assert len(host) == 2
        assert host.find("a").database is other
        assert host.find(one.identity.to_hex().upper()).database is one
        assert host.find("b").identity == one.identity
        with pytest.raises(NotFoundError, match="`c` not found"):
            host.find("c")
        with pytest.raises(NotFoundError, match="No such database"):
            host.find("00" * 32)


def test_a_database_is_served_once() -> None:
    with qsdb.Database(town) as db:
        with pytest.raises(ArgumentError, match="databases a and b have one identity"):
            Host({"a": db, "b": db})
        with pytest.raises(ArgumentError, match="is no name"):
            Host({"A": db})


def test_functions_are_those_of_the_module_that_is_published() -> None:
    before, after = qsdb.Module("m"), qsdb.Module("m")

    @after.reducer
    def say(_: qsdb.ReducerContext) -> None: ...

    with qsdb.Database(before) as db:
        served = Host({"m": db}).find("m")
        assert served.functions is served.functions
        with pytest.raises(NotFoundError):
            served.functions.reducer("say", is_owner=False)
        db.publish(after)
        assert served.functions.reducer("say", is_owner=False).function.name == "say"
