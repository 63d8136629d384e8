"""The SDK of 1.x, which speaks version 1 of the protocol."""

import pytest

import qsdb
from tests.sdk.test_connecting import rows_of
from tests.sdk.test_subscribing import person
from tests.sdk.town import Person
from tests.sdk.workshop import Workshop
from tests.support.served_app import serving

pytestmark = pytest.mark.slow


def test_clients_of_version_1_follow_each_other(
    former_workshop: Workshop, db: qsdb.Database
) -> None:
    zoe, first = person(5, 1, "Zoë"), person(1, 1, "first")
    gone, others = person(2), [person(3), person(4)]
    with (
        serving({"town": db}) as server,
        former_workshop.run("former", server.address, "town") as program,
    ):
        who, begun = program.hear("who"), program.hear("first")
        seen, calls = program.hear("seen"), program.hear("calls")["calls"]
        cache, less = program.hear("cache"), program.hear("less")
        refused = program.hear("refused")
        program.hear("ready")
        db.call("add", "by the server", 2)
        program.tell()
        server_rows = program.hear("server")
        program.finish()
    rows = rows_of(db, Person)

    assert who["again"] == who["a"] != who["b"]
    assert begun["a"] == begun["b"] == [person(1), gone, *others]
    unknown = "UnknownTransaction"
    assert sorted(seen["a"], key=str) == sorted(
        [
            ["insert", zoe, "Reducer"],
            ["update", first, "Reducer"],
            ["delete", gone, unknown],
        ],
        key=str,
    )
    assert sorted(seen["b"], key=str) == sorted(
        [
            ["insert", zoe, unknown],
            ["update", first, unknown],
            ["delete", gone, "Reducer"],
        ],
        key=str,
    )
    assert seen["again"] == [["p0", "first"]]
    assert calls == [
        ["add", {"name": "Zoë", "city": 1}, "Committed"],
        ["rename", {"number": 99, "name": "?"}, "Failed"],
        ["rename", {"number": 1, "name": "first"}, "Committed"],
        ["noop", "Committed"],
    ]
    assert cache["a"] == cache["b"] == [first, *others, zoe]
    assert cache["again"] == [first, others[0], zoe]
    assert less["again"] == [first, others[0]]
    assert "no table secret" in refused["message"]
    assert server_rows["a"] == server_rows["b"] == rows
