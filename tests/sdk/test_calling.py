"""Calls of reducers and procedures, and what else clients are told."""

import logging
from pathlib import Path

import pytest

import qsdb
from qsdb.server.serving import Running
from tests.sdk.test_connecting import rows_of
from tests.sdk.town import Person, town
from tests.sdk.workshop import Workshop
from tests.support.served_app import serving

pytestmark = pytest.mark.slow


def test_calls_come_to_what_they_come_to(
    workshop: Workshop,
    server: Running,
    db: qsdb.Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = rows_of(db, Person)
    with (
        caplog.at_level(logging.CRITICAL),
        workshop.run("calling", server.address, "town") as program,
    ):
        assert program.hear("added") == {"what": "added"}
        there = program.hear("there")["rows"]
        assert program.hear("nothing") == {"what": "nothing"}
        said = [
            program.hear(what)
            for what in ("sender", "inside", "unknown", "private", "arguments")
        ]
        said.append(program.hear("lifecycle"))
        unharmed = program.hear("unharmed")["rows"]
        flight = program.hear("in flight")
        program.finish()

    assert there == unharmed == [*before, {"id": 5, "name": "new", "city": 1}]
    kinds = [each["error"] for each in said]
    assert kinds == ["SenderError", *["InternalError"] * 5]
    messages = [each["message"] for each in said]
    assert messages[0] == "no person 99"
    assert "KeyError" in messages[1]
    assert "only the server" not in messages[1]
    for message, name in zip(
        [messages[2], messages[3], messages[5]],
        ["nosuch", "hidden", "init"],
        strict=True,
    ):
        assert message == f"no such reducer: {name}"
    assert "u32 needs 4 bytes" in messages[4]
    assert (flight["done"], flight["refused"]) == (1024, 128)
    assert flight["rows"] == rows_of(db, Person)


def test_events_views_and_procedures_are_told(
    workshop: Workshop, server: Running, db: qsdb.Database
) -> None:
    with workshop.run("telling", server.address, "town") as program:
        who = program.hear("who")
        rings = program.hear("rings")
        early = program.hear("views")
        late = program.hear("views later")
        echo, settled = program.hear("echo"), program.hear("settled")
        people = program.hear("people")
        stumbled, many = program.hear("stumbled"), program.hear("many")
        program.finish()
    rows = rows_of(db, Person)

    first, second = [1, who["a"]], [2, who["b"]]
    assert rings["rings"] == {"a": [first, second], "b": [second]}
    assert rings["kept"] == 0
    assert early["neighbours"] == [row for row in rows[:4] if row["id"] in (1, 3)]
    assert early["a"] == early["b"] == late["b"] == []
    assert late["changes"] == ["insert", "insert"]
    assert late["neighbours"] == [row for row in rows if row["city"] == 1]
    assert late["a"] == [{"id": 5, "name": who["a"], "city": 1}]
    assert echo["value"] == "😀 ëoZ"
    assert settled["value"] == str(len(rows))
    assert people["count"] == len(rows) == 55
    assert stumbled["message"] == "it stumbles"
    assert many["right"] is True


def test_what_was_answered_is_on_the_disk(workshop: Workshop, tmp_path: Path) -> None:
    with (
        qsdb.Database(town, tmp_path, durability="interval") as db,
        serving({"town": db}) as server,
        workshop.run("answers", server.address, "town") as program,
    ):
        for number in range(20):
            program.hear("answered")
            assert db.durable_offset == db.offset
            assert len(rows_of(db, Person)) == 5 + number
            program.tell()
        program.finish()
    with qsdb.Database(town, tmp_path) as db:
        assert len(rows_of(db, Person)) == 24
