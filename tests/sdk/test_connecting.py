"""Who connects, and who is let go."""

import operator
from typing import Any

import pytest

import qsdb
from qsdb.server.serving import Running
from tests.sdk.town import Item, Person
from tests.sdk.workshop import Program, Workshop

pytestmark = pytest.mark.slow


def rows_of(db: qsdb.Database, table: type[Person | Item]) -> list[dict[str, Any]]:
    """Give all rows, as programs tell them."""
    with db.read() as tx:
        return sorted(map(qsdb.asdict, tx[table]), key=operator.itemgetter("id"))


def test_an_identity_comes_again_and_nobody_else(
    workshop: Workshop, server: Running
) -> None:
    with workshop.run("connecting", server.address, "town") as program:
        first = program.hear("anonymous")
        other = program.hear("another")
        again = program.hear("again")
        rows = program.hear("myself")["rows"]
        refused = [program.hear("bad"), program.hear("no token")]
        program.tell("elsewhere")
        lost = program.hear("no database")
        program.finish()

    assert again == {**first, "what": "again"}
    assert other["identity"] != first["identity"]
    assert [row["name"] for row in rows] == [first["identity"]]
    assert {each["message"] for each in refused} == {
        "Failed to verify token: Unauthorized"
    }
    assert "error" in lost


def leave(program: Program) -> None:
    gone = program.hear("gone")

    assert gone["gone"] == 1
    assert gone["active"] is False
    assert len(gone["rows"]) == 4


def test_a_server_that_goes_down_is_noticed(
    workshop: Workshop, server: Running
) -> None:
    with workshop.run("leaving", server.address, "town") as program:
        assert program.hear("ready")["active"] is True
        server.should_exit = True
        leave(program)
        assert program.hear("again")["error"] == "Error"
        program.finish()


def test_a_database_that_is_closed_is_noticed(
    workshop: Workshop, server: Running, db: qsdb.Database
) -> None:
    with workshop.run("leaving", server.address, "town") as program:
        program.hear("ready")
        db.close()
        leave(program)
        assert program.hear("again")["error"] == "Error"
        program.finish()
