"""Sets of queries: what the cache of a client has, and what it is told."""

from collections import Counter
from typing import Any

import pytest

import qsdb
from qsdb.server.serving import Running
from tests.sdk.test_connecting import rows_of
from tests.sdk.town import Item, Person
from tests.sdk.workshop import Workshop

pytestmark = pytest.mark.slow

CITIES = [{"id": 1, "name": "Uppsala"}, {"id": 2, "name": "Örebro"}]
ITEMS_COUNT = 25_000
PEOPLE = "SELECT * FROM person"


def person(number: int, city: int | None = None, name: str = "") -> dict[str, Any]:
    """Give a person as it was in the beginning, apart from what is given."""
    lives = city or 2 - number % 2
    return {"id": number, "name": name or f"p{number - 1}", "city": lives}


def has(
    said: dict[str, Any], people: list[dict[str, Any]], cities: list[dict[str, Any]]
) -> None:
    """Compare what a program has, with what it is to have."""
    assert said["people"] == people
    assert said["cities"] == cities
    assert said["count"] == len(people)


def test_sets_begin_overlap_and_end(
    workshop: Workshop, server: Running, db: qsdb.Database
) -> None:
    everybody = [person(1), person(2), person(3), person(4)]
    with workshop.run("subscribing", server.address, "town") as program:
        has(program.hear("all"), everybody, [])
        found = program.hear("by key")
        assert (found["row"], found["none"]) == (person(2), None)
        assert program.hear("by index")["rows"] == [person(1), person(3)]
        has(program.hear("overlapping"), everybody, CITIES)
        has(program.hear("less"), [person(2), person(3)], CITIES)
        has(program.hear("nothing"), [], [])
        has(program.hear("joined"), [person(1), person(3)], CITIES)
        program.hear("ready")
        for number in (1, 2):
            db.call("move", number, 3 - person(number)["city"])
        program.tell()
        has(program.hear("moved"), [person(2, 1), person(3)], CITIES)
        has(program.hear("left"), [], [])
        messages = [program.hear("refused")["message"] for _ in range(6)]
        messages.append(program.hear("mixed")["message"])
        has(program.hear("unharmed"), [], [])
        has(program.hear("late"), [], CITIES)
        program.finish()

    for text, message in zip(
        (
            "no table nothing_there",
            "no table secret",
            "no column nonsense",
            "only a SELECT",
            "whole rows of one table",
            "the query ends",
            "no table secret",
        ),
        messages,
        strict=True,
    ):
        assert text in message
    assert "Negative" not in program.faults


def people(seen: list[list[Any]]) -> list[list[Any]]:
    return [each for each in seen if each[1] == "person"]


def test_clients_follow_each_other(
    workshop: Workshop, server: Running, db: qsdb.Database
) -> None:
    zoe, last = person(5, 1, "Zoë"), person(6, 2, "last")
    first, moved = person(1, 1, "first"), person(1, 2, "first")
    with workshop.run("following", server.address, "town") as program:
        assert program.hear("began") == {"what": "began", "a": 4, "b": 4}
        seen, cache = program.hear("seen"), program.hear("cache")
        narrow, none = program.hear("narrow"), program.hear("none")
        program.finish()
    rows = rows_of(db, Person)

    changes = [
        ["insert", "person", zoe],
        ["update", "person", person(1), first],
        ["update", "person", person(2), person(2, 1)],
        ["update", "person", first, moved],
        ["delete", "person", person(3)],
        ["insert", "person", last],
    ]
    by_a = ["Reducer", "Reducer", "Transaction", "Transaction", "Reducer"]
    assert seen["a"] == [
        [*change, tag]
        for change, tag in zip(changes, [*by_a, "Transaction"], strict=True)
    ]
    assert [each[:-1] for each in people(seen["b"])] == changes
    tags = [each[:3] for each in seen["b"] if each[1] == "tag"]
    x, y = {"label": "x", "weight": -1}, {"label": "y", "weight": 2}
    assert tags == [["insert", "tag", x], ["insert", "tag", y], ["delete", "tag", x]]
    assert cache["a"] == cache["b"] == rows
    assert cache["tags"] == [y]
    kept = [row for row in rows if row["city"] == 1 or row["id"] < 3]
    assert narrow["rows"] == kept
    assert (narrow["seen"], narrow["tags"]) == (len(rows) - len(kept) + 1, 0)
    assert none["rows"] == []
    assert "Negative" not in program.faults


def test_a_large_result_comes_whole_and_what_changes_behind_it(
    workshop: Workshop, server: Running, db: qsdb.Database
) -> None:
    texts = [f"item {number} " + "x" * (number % 50) for number in range(ITEMS_COUNT)]
    with db.write() as tx:
        tx[Item].insert_many([Item(number, text) for number, text in enumerate(texts)])
    with workshop.run("large", server.address, "town") as program:
        first = program.hear("first")
        with db.write() as tx:
            for number in range(100):
                tx[Item].update(Item(number, ""))
                tx[Item].delete_by_key(ITEMS_COUNT - 1 - number)
        with db.write() as tx:
            tx[Item].insert(Item(1_000_000, "end"))
        program.tell()
        second = program.hear("second")
        program.finish()
    with db.read() as tx:
        rows = [*tx[Item]]

    assert first == {
        "what": "first",
        "count": ITEMS_COUNT,
        "inserts": ITEMS_COUNT,
        "updates": 0,
        "deletes": 0,
        "ids": sum(range(ITEMS_COUNT)),
        "characters": sum(map(len, texts)),
    }
    counts = Counter(inserts=ITEMS_COUNT + 1, updates=100, deletes=100)
    assert second == {
        "what": "second",
        "count": len(rows),
        "ids": sum([r.id for r in rows]),
        "characters": sum([len(row.text) for row in rows]),
        **counts,
    }


def test_a_query_that_fails_later_ends_its_client(
    workshop: Workshop,
    server: Running,
    db: qsdb.Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with workshop.run("failing", server.address, "town") as program:
        assert program.hear("ready")["rows"] == CITIES
        # The package does so with whatever fails after it was applied.
        assert program.hear("failed")["failures"] == ["disconnected"]
        program.finish()

    assert "view fragile failed" in program.faults
    assert "broken by a hammer" not in program.faults
    assert "hammer" in [row["name"] for row in map(qsdb.asdict, db.sql(PEOPLE))]
    assert "broken by a hammer" in caplog.text
