"""Calls: arguments, results, and what is told of a function that fails."""

import contextlib
from typing import Any

import jwt
import pytest

import qsdb
from qsdb.server.authority import Authority
from qsdb.server.hosts import Host
from qsdb.server.http.desk import Desk
from qsdb.testing import Fail, FaultyDirectory, SimulatedDirectory, since
from tests.support import http_server
from tests.support.asgi import AsgiClient
from tests.support.http_server import (
    BANNED,
    SHARED,
    bank_desk,
    client_of,
    database_of,
    owner_of,
)

PATH = "/v1/database/bank/call"
JSON = ("content-type", "application/json")


def of_subject(desk: Desk, subject: str) -> AsgiClient:
    said = {"iss": "https://shop.example", "sub": subject, "iat": 1}
    return client_of(desk, jwt.encode(said, SHARED, "HS256"))


def name_of(desk: Desk, number: int) -> str:
    [row] = database_of(desk).sql(f"SELECT * FROM branch WHERE id = {number}")
    return str(row.name)


def test_a_reducer_commits_and_gives_nothing() -> None:
    with bank_desk() as desk:
        client = client_of(desk)

        found = client.call("rename", 1, "south")
        assert (found.status, found.body) == (200, b"")
        assert found.headers["spacetime-energy-used"] == "0"
        assert found.headers["spacetime-execution-duration-micros"] == "0"
        assert name_of(desk, 1) == "south"

        by_name = client.post(f"{PATH}/rename", '{"name": "east", "id": 1}', [JSON])
        assert (by_name.status, name_of(desk, 1)) == (200, "east")
        kind = ("content-type", "Application/JSON; charset=utf-8")
        left_out = client.post(f"{PATH}/rename?confirmed=true", "[1]", [kind])
        assert (left_out.status, name_of(desk, 1)) == (200, "new")


def test_a_procedure_gives_its_value_as_json() -> None:
    with bank_desk() as desk:
        client = client_of(desk)

        assert client.call("where", 1).json() == [0, [0.5, -1.0]]
        assert client.call("where", 9).json() == [1, []]
        assert client.call("slowly", ["a", "b"]).json() == 2
        assert name_of(desk, 51) == "b"
        found = client.call("unsaid")
        assert (found.json(), found.headers["content-type"]) == ([], "application/json")


def test_a_call_is_a_visit() -> None:
    with bank_desk() as desk:
        client, db = client_of(desk), database_of(desk)
        found = client.call("rename", 1)
        client.sql("SELECT * FROM branch")
        client.call("rename", "wrong")

        visits = db.sql("SELECT * FROM visit").rows
        assert len(visits) == 2
        assert visits[0].sender.to_hex() == found.headers["spacetime-identity"]
        assert visits[0].connection != visits[1].connection
        assert db.sql("SELECT * FROM st_client").rows == []


def test_whom_the_module_refuses_calls_nothing() -> None:
    with bank_desk() as desk:
        banned, odd = of_subject(desk, BANNED), of_subject(desk, "odd")
        for found in (banned.call("rename", 1), banned.sql("SELECT * FROM branch")):
            text = "come refuses the connection: you are banned"
            assert (found.status, found.text) == (403, text)
        unwanted = of_subject(desk, "unwanted").call("rename", 1)
        text = "come refuses the connection: not you"
        assert (unwanted.status, unwanted.text) == (403, text)
        for found in (odd.call("rename", 1), odd.sql("SELECT * FROM branch")):
            said = "come refuses the connection: come failed with KeyError; the log of"
            assert (found.status, found.text) == (403, f"{said} the server says more")
        assert name_of(desk, 1) == "north"
        assert (
            "hidden_key_of_client_connected"
            in owner_of(desk).get("/v1/database/bank/logs").text
        )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "Expecting value"),
        (b"7", "is no array"),
        (b"[", "arguments as JSON"),
        (b"\xff", "is not UTF-8"),
        (b"[1, 2]", "argument name: 2 is not"),
        (b"[-1]", "argument id: -1 is not"),
        (b"[1, [", "arguments as JSON"),
        (b"[1, 'a', 3]", "arguments as JSON"),
        (b'[1, "a", 3]', "3 given, at most 2 are taken"),
        (b'{"it": 1}', "there is no 'it'"),
        (b"[" * 200_000, "nests too deep"),
        (b"[1" + b"0" * 100 + b"]", "at most 80"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(body: bytes, text: str) -> None:
    with bank_desk() as desk:
        found = client_of(desk).post(f"{PATH}/rename", body, [JSON])

        assert found.status == 400
        assert text in found.text
        assert name_of(desk, 1) == "north"


@pytest.mark.parametrize("headers", [[], [("content-type", "text/plain")]])
def test_a_body_that_is_not_said_to_be_json_is_refused(headers: Any) -> None:
    with bank_desk() as desk:
        found = client_of(desk).post(f"{PATH}/rename", "[1]", headers)

    assert found.status == 415


def test_confirmed_is_true_or_false() -> None:
    with bank_desk() as desk:
        found = client_of(desk).post(f"{PATH}/rename?confirmed=1", "[1]", [JSON])

    assert (found.status, found.text) == (400, "confirmed is true or false")


def test_a_function_that_refuses_says_why() -> None:
    with bank_desk() as desk:
        found = client_of(desk).call("rename", 9)

    assert (found.status, found.text) == (530, "there is no branch 9")


def test_a_function_that_fails_tells_the_owner_alone() -> None:
    with bank_desk() as desk:
        stranger, owner = client_of(desk), owner_of(desk)
        for name, sort, text in (
            ("take_pin", "UniqueError", "hidden_pin_1234"),
            ("break_down", "RuntimeError", "hidden_text_of_an_exception"),
            ("misgiven", "TypeError", "1000"),
        ):
            found, told = stranger.call(name), owner.call(name)
            assert (found.status, told.status) == (530, 530)
            said = f"{name} failed with {sort}; the log of the server says more"
            assert found.text == said
            assert text in told.text
            assert text in owner.get("/v1/database/bank/logs").text


def test_what_is_private_looks_like_what_is_not_there() -> None:
    with bank_desk() as desk:
        stranger, owner = client_of(desk), owner_of(desk)
        names = ("hidden_reducer", "hidden_procedure", "hidden_sweep", "come", "begin")
        for name in (*names, "missing", "hook"):
            found = stranger.call(name, 1)
            text = f"no such reducer or procedure: {name}"
            assert (found.status, found.text) == (404, text)
        assert owner.call("hidden_reducer", 1).status == 200
        assert owner.call("hidden_procedure").json() == "hidden_result"
        turn = owner.call("come")
        assert turn.status == 400
        assert turn.text == "come is run at a turn of a database's life, by no call"
        assert owner.call("missing").status == 404


def test_a_database_that_is_closed_meanwhile_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with bank_desk() as desk:
        monkeypatch.setattr(http_server, "AT_CLOSING", [database_of(desk).close])
        found = client_of(desk).call("close_down")

    assert (found.status, found.text) == (503, "the database is closed")


@pytest.mark.parametrize("name", ["%00", "a%0Ab", "%F0%9F%98%80" * 200])
def test_odd_names_of_functions_are_not_found(name: str) -> None:
    with bank_desk() as desk:
        found = client_of(desk).post(f"{PATH}/{name}", "[]", [JSON])

    assert found.status == 404
    assert len(found.text) < 200


def test_what_is_confirmed_is_on_the_disk() -> None:
    disk = SimulatedDirectory()
    faulty = FaultyDirectory(disk)
    module = qsdb.Module("notes")

    class Note(qsdb.Row, module=module, public=True):
        text: str

    @module.reducer
    def note(ctx: qsdb.ReducerContext, text: str) -> None:
        ctx.db[Note].insert(Note(text))

    db = qsdb.Database(module, faulty, sync_interval=10)
    try:
        with Desk(Host({"notes": db}), Authority()) as desk:
            client = client_of(desk)
            path = "/v1/database/notes/call/note?confirmed=true"
            assert client.post(path, '["a"]', [JSON]).status == 200
            assert db.durable_offset == db.offset == 2
            sql = "/v1/database/notes/sql?confirmed=true"
            assert client.post(sql, "SELECT * FROM note").json()[0]["rows"] == [["a"]]
            faulty.plan = since(0, Fail(5), ("write", "sync", "allocate"))
            failed = client.post(path, '["b"]', [JSON])
            # The thread that makes the log's next file may have failed before.
            words = "the server has failed; its log says more", "FailedError"
            assert failed.status == 500
            assert any(each in failed.text for each in words)
            again = client.post(path, '["c"]', [JSON])
            assert (again.status, "FailedError" in again.text) == (500, True)
    finally:
        with contextlib.suppress(qsdb.FailedError):  # unless it was told already
            db.close()
