"""What modules answer themselves."""

import pytest

import qsdb
from qsdb.server.authority import Authority
from qsdb.server.hosts import Host
from qsdb.server.http.desk import Desk
from qsdb.server.options import HttpOptions
from tests.support.http_server import bank_desk, client_of, database_of, owner_of

ROUTE = "/v1/database/bank/route"


def test_a_handler_answers() -> None:
    with bank_desk() as desk:
        client = client_of(desk)

        headers = [("X-Given", "1"), ("x-given", "2")]
        found = client.get(f"{ROUTE}/hook?a=1&b=%20", headers)
        assert found.text == repr(["GET", "/hook", "a=1&b=%20", "", 2])
        assert (found.status, found.headers["x-given"]) == (200, "1, 2")
        assert found.headers["content-type"] == "text/plain; charset=utf-8"
        assert found.headers["content-length"] == str(len(found.body))
        assert "connection" not in found.headers
        assert "spacetime-identity" not in found.headers

        found = client.post(f"{ROUTE}/hook", b"\x00\xff")
        said = "hook failed with UnicodeDecodeError; the log of the server says more"
        assert (found.status, found.text) == (500, said)
        found = client.post(f"{ROUTE}/hook", b"data")
        assert (found.status, found.body) == (201, b"data")
        assert found.headers["content-type"] == "a/b"


def test_nobody_looks_at_who_asks() -> None:
    with bank_desk() as desk:
        found = client_of(desk, "no token").get(f"{ROUTE}/hook")
        assert found.status == 200
        assert database_of(desk).sql("SELECT * FROM visit").rows == []


@pytest.mark.parametrize("path", ["", "/", "/hook/", "/HOOK", "/odd", "//hook", "/a/b"])
def test_paths_are_compared_as_they_stand(path: str) -> None:
    with bank_desk() as desk:
        found = client_of(desk).get(f"{ROUTE}{path}")

    told = "the module answers nothing at this path"
    assert (found.status, found.text) == (404, told)


def test_other_methods_are_refused() -> None:
    with bank_desk() as desk:
        found = client_of(desk).ask("PUT", f"{ROUTE}/hook")

    assert (found.status, found.headers["allow"]) == (405, "POST, GET")


@pytest.mark.parametrize("method", ["GET", "PATCH", "OPTIONS", "BREW"])
def test_a_handler_that_fails_is_logged(method: str) -> None:
    with bank_desk() as desk:
        client, owner = client_of(desk), owner_of(desk)
        for query, text in (
            ("raise", "odd failed with KeyError; the log of the server says more"),
            ("refuse", "not today"),
            ("", "odd failed with TypeError; the log of the server says more"),
        ):
            found = client.ask(method, f"{ROUTE}/odd/?{query}")
            assert (found.status, found.text) == (500, text)
        lines = owner.get("/v1/database/bank/logs").text

    assert "hidden_key_of_a_handler" in lines
    assert "it gave 'no response', and not a qsdb.HttpResponse" in lines


def test_a_body_has_a_bound_here_too() -> None:
    with bank_desk(HttpOptions(body_bytes_max=3)) as desk:
        client = client_of(desk)
        assert client.post(f"{ROUTE}/hook", b"abc").status == 201
        assert client.post(f"{ROUTE}/hook", b"abcd").status == 413


strict = qsdb.Module("strict")


@strict.http("GET", "/mine")
def mine(_: qsdb.ProcedureContext, __: qsdb.HttpRequest) -> qsdb.HttpResponse:
    headers = {"Access-Control-Allow-Origin": "https://one.example"}
    return qsdb.HttpResponse(body="for one alone", headers=headers)


def test_a_handler_says_whose_pages_read_its_answers() -> None:
    with qsdb.Database(strict) as db, Desk(Host({"strict": db}), Authority()) as desk:
        found = client_of(desk).get("/v1/database/strict/route/mine")

    assert found.text == "for one alone"
    assert found.headers["access-control-allow-origin"] == "https://one.example"
