"""SQL by HTTP: rows as JSON, figures, and what is refused."""

from typing import Any

import pytest

from qsdb.server.options import HttpOptions
from tests.support.asgi import Answered
from tests.support.http_server import bank_desk, client_of, database_of, owner_of


def result(answered: Answered) -> Any:
    assert (answered.status, answered.headers["content-type"]) == (
        200,
        "application/json",
    )
    [found] = answered.json()
    assert [*found] == ["schema", "rows", "total_duration_micros", "stats"]
    return found


def stats_of(answered: Answered) -> list[int]:
    stats = result(answered)["stats"]
    return [stats[f"rows_{each}"] for each in ("inserted", "deleted", "updated")]


def columns(found: Any) -> list[tuple[str, str]]:
    return [
        (each["name"]["some"], next(iter(each["algebraic_type"])))
        for each in found["schema"]["elements"]
    ]


def test_whole_rows_are_arrays() -> None:
    with bank_desk() as desk:
        found = result(client_of(desk).sql("SELECT * FROM branch"))

    assert found["rows"] == [[1, "north", [0, []], [0, [0.5, -1.0]], "0x0", "01ff"]]
    assert columns(found) == [
        ("id", "U32"),
        ("name", "String"),
        ("mood", "Sum"),
        ("at", "Sum"),
        ("big", "U256"),
        ("photo", "Array"),
    ]
    assert found["total_duration_micros"] == 0


def test_columns_and_counts_have_kinds_too() -> None:
    with bank_desk() as desk:
        client, owner = client_of(desk), owner_of(desk)

        found = result(client.sql("SELECT name, id AS number FROM branch"))
        assert (columns(found), found["rows"]) == (
            [("name", "String"), ("number", "U32")],
            [["north", 1]],
        )
        found = result(owner.sql("SELECT COUNT(*) AS n FROM branch"))
        assert (columns(found), found["rows"]) == ([("n", "U64")], [[2]])
        found = result(client.sql("SELECT * FROM first_branches"))
        assert len(found["rows"]) == 1


def test_the_owner_changes_rows_and_is_told_how_many() -> None:
    with bank_desk() as desk:
        owner = owner_of(desk)

        text = "INSERT INTO hidden_account (id, pin_hidden) VALUES (1, 'a'), (2, 'b')"
        assert stats_of(owner.sql(text)) == [2, 0, 0]
        text = "UPDATE hidden_account SET pin_hidden = 'c' WHERE id = 1"
        assert stats_of(owner.sql(text)) == [0, 0, 1]
        assert stats_of(owner.sql("DELETE FROM hidden_account")) == [0, 3, 0]
        assert stats_of(owner.sql("SET row_limit = 5")) == [0, 0, 0]
        found = result(owner.sql("SHOW row_limit"))
        assert (columns(found), found["rows"]) == ([("row_limit", "Sum")], [[[0, 5]]])
        found = result(owner.sql("EXPLAIN SELECT * FROM branch"))
        assert columns(found) == [("plan", "String")]
        assert "branch" in found["rows"][0][0]
        assert database_of(desk).sql("SELECT * FROM hidden_account").rows == []


def test_strangers_change_nothing_and_see_what_is_public() -> None:
    with bank_desk() as desk:
        client = client_of(desk)

        for text in ("DELETE FROM branch", "SET row_limit = 5"):
            found = client.sql(text)
            assert (found.status, "only the owner" in found.text) == (403, True)
        found = client.sql("EXPLAIN SELECT * FROM branch")
        told = "only the owner is told how a query is answered"
        assert (found.status, found.text) == (403, told)
        assert result(client.sql("SHOW row_limit"))["rows"] == [[[1, []]]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT",
        "SELECT * FROM missing",
        "SELECT * FROM branch; SELECT * FROM branch",
        "SELECT * FROM branch WHERE id = :id",
        "SELECT * FROM branch WHERE id = 'a'",
        "DROP TABLE branch",
        "SELECT * FROM branch WHERE " + "(" * 3000,
    ],
)
def test_what_is_no_statement_is_refused(text: str) -> None:
    with bank_desk() as desk:
        for client in (client_of(desk), owner_of(desk)):
            found = client.sql(text)
            assert (found.status, found.text != "") == (400, True)


def test_what_breaks_a_rule_is_told_to_the_owner() -> None:
    with bank_desk() as desk:
        owner = owner_of(desk)
        found = owner.sql(
            "INSERT INTO hidden_account (id, pin_hidden) VALUES (9, 'hidden_pin_1234')"
        )
        view = owner.sql("DELETE FROM first_branches")

    assert (found.status, "another row has 'hidden_pin_1234'" in found.text) == (
        400,
        True,
    )
    assert (view.status, "is a view" in view.text) == (400, True)


def test_a_view_that_fails_tells_the_owner_alone() -> None:
    with bank_desk() as desk:
        found = client_of(desk).sql("SELECT * FROM broken")
        told = owner_of(desk).sql("SELECT * FROM broken")
        lines = owner_of(desk).get("/v1/database/bank/logs").text

    said = "view broken failed; the log of the server says more"
    assert (found.status, found.text) == (400, said)
    assert "the pin is hidden_pin_1234" in told.text
    assert "for a client, view broken failed" in lines


def test_a_statement_is_text_and_not_too_long() -> None:
    with bank_desk(HttpOptions(sql_bytes_max=30)) as desk:
        client = client_of(desk)
        found = client.post("/v1/database/bank/sql", b"SELECT \xff")
        assert (found.status, found.text) == (400, "a statement is text in UTF-8")
        assert client.sql("SELECT * FROM branch " + " " * 10).status == 413


def test_confirmed_is_a_flag() -> None:
    with bank_desk() as desk:
        client = client_of(desk)
        path = "/v1/database/bank/sql?confirmed"
        assert client.post(f"{path}=true", "SELECT * FROM branch").status == 200
        assert client.post(f"{path}=yes", "SELECT * FROM branch").status == 400
