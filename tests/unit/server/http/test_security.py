"""What is private never comes out, by whatever address, to a stranger or a named user.

*Strategy*: a module in which everything that is private has ``hidden`` in its name or
its content. Strangers and a named user ask for all that there is to ask, with names
that are there and names that are not; then the owner does things that must not be
noticed.

*Invariants*: no answer has ``hidden`` in it, but where whoever asks wrote it; what is
private and what is not there are answered alike; the owner is told all.
"""

import itertools
import json
import logging
import re
from collections.abc import Iterator

import jwt
import pytest

import qsdb
from qsdb.server.authority import Authority
from qsdb.server.hosts import Host
from qsdb.server.http.desk import Desk
from tests.support.asgi import Answered, AsgiClient
from tests.support.http_server import (
    SHARED,
    bank_desk,
    client_of,
    database_of,
    owner_of,
)

BANK = "/v1/database/bank"
SECRET = "hidden"

MEANT = re.compile(r"; did you mean .*")

SYSTEM_TABLES = (
    *("st_table", "st_column", "st_sequence", "st_index", "st_constraint"),
    *("st_client", "st_scheduled", "st_view", "st_reducer", "st_procedure"),
    *("st_module", "st_timer", "st_secret", "st_row_level_security"),
    "st_connection_credentials",
)
PRIVATE_TABLES = ("hidden_account", "hidden_timer", "visit", "st_secret")
PRIVATE_FUNCTIONS = ("hidden_reducer", "hidden_procedure", "hidden_sweep", "come")


def requests(client: AsgiClient) -> Iterator[tuple[str, Answered]]:
    """Ask for everything without naming what is private."""
    for path in (
        "/v1/ping",
        "/v1/health",
        "/v1/metrics",
        "/v1/prometheus/sd_config",
        "/v1/identity/public-key",
        f"/v1/identity/{'ab' * 32}/databases",
        f"/v1/identity/{'ab' * 32}/verify",
        f"/v1/energy/{'ab' * 32}",
        BANK,
        f"{BANK}/identity",
        f"{BANK}/names",
        f"{BANK}/schema?version=9",
        f"{BANK}/schema?version=10",
        f"{BANK}/schema",
        f"{BANK}/logs",
        f"{BANK}/logs?num_lines=5",
        f"{BANK}/subscribe",
        f"{BANK}/unstable/timestamp",
        f"{BANK}/route/hook",
        f"{BANK}/route/odd/?raise",
        f"{BANK}/route/odd/?none",
        f"{BANK}/route/nothing",
        "/v1/database/other",
        "/v1/nothing",
    ):
        yield path, client.get(path)
    for name, args in (
        ("rename", (1, "a")),
        ("rename", (9, "a")),
        ("rename", ("x",)),
        ("rename", ()),
        ("take_pin", ()),
        ("break_down", ()),
        ("where", (1,)),
        ("misgiven", ()),
        ("nothing", ()),
    ):
        yield name, client.call(name, *args)
    for text in (
        "SELECT * FROM branch",
        "SELECT COUNT(*) AS n FROM branch",
        "SELECT * FROM branch WHERE id = 2",
        "SELECT * FROM first_branches",
        "SELECT * FROM broken",
        "SELECT * FROM nothing",
        "SELECT nothing FROM branch",
        "SELECT * FROM branc",
        "SELECT branch.* FROM branch JOIN branch b ON b.id = branch.id",
        "EXPLAIN SELECT * FROM branch",
        "SHOW row_limit",
        "SET row_limit = 1",
        "DELETE FROM branch",
        "UPDATE branch SET name = 'x'",
        "INSERT INTO branch (id, name) VALUES (3, 'x')",
        "nonsense",
        *[f"SELECT * FROM {each}" for each in SYSTEM_TABLES],
    ):
        yield text, client.sql(text)
    for path in (BANK, "/v1/database", f"{BANK}/names", f"{BANK}/reset"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            yield f"{method} {path}", client.ask(method, path)


def named_user(subject: str = "alice") -> str:
    said = {"iss": "https://shop.example", "sub": subject, "iat": 1}
    return jwt.encode(said, SHARED, "HS256")


@pytest.mark.slow
@pytest.mark.parametrize("token", [None, named_user()], ids=["stranger", "named"])
def test_nothing_private_comes_out(token: str | None) -> None:
    with bank_desk() as desk:
        owner = owner_of(desk)
        owner.call("hidden_reducer", 1)  # which has figures, then
        owner.sql("SELECT * FROM hidden_view")
        client = client_of(desk, token)
        found = dict(requests(client))
        path = f"{BANK}/logs?follow=true"
        found[path] = client.get(path)

        assert len(found) > 50
        for what, answered in found.items():
            seen = f"{answered.text} {dict(answered.headers)}"
            assert SECRET not in seen, (what, seen)
            assert "Traceback" not in seen, (what, seen)
            assert answered.status < 500 or answered.status in (500, 501, 530)


@pytest.mark.slow
def test_what_is_hidden_is_there_for_the_owner() -> None:
    # Else the test above would see nothing whatever came out.
    with bank_desk() as desk:
        owner = owner_of(desk)
        owner.call("hidden_reducer", 1)
        owner.call("take_pin")
        found = {what: answered.text for what, answered in requests(owner)}

    for what in (
        "/v1/metrics",
        f"{BANK}/schema?version=9",
        f"{BANK}/schema?version=10",
        f"{BANK}/logs?num_lines=5",
        "SELECT * FROM branch",
        "SELECT * FROM broken",
        "take_pin",
        "break_down",
    ):
        assert SECRET in found[what], what


def alike(client: AsgiClient, name: str, other: str, text: str) -> None:
    """Compare the answers to two texts that differ in a name.

    Names that may have been meant are looked for among those that are public.
    """
    one, two = client.sql(text.format(name)), client.sql(text.format(other))
    assert one.status == two.status == 400
    said, meant = MEANT.sub("", one.text), MEANT.findall(one.text)
    assert said == MEANT.sub("", two.text).replace(other, name)
    assert not any(each in "".join(meant) for each in PRIVATE_TABLES)


@pytest.mark.slow
@pytest.mark.parametrize("token", [None, named_user()], ids=["stranger", "named"])
def test_private_tables_look_like_tables_that_are_not_there(token: str | None) -> None:
    with bank_desk() as desk:
        client = client_of(desk, token)
        names = (*PRIVATE_TABLES, "hidden_view")
        texts = (
            "SELECT * FROM {}",
            "SELECT id FROM {} WHERE id = 7",
            "SELECT COUNT(*) AS n FROM {}",
            "SELECT b.* FROM branch b JOIN {} h ON h.id = b.id",
            "EXPLAIN SELECT * FROM {}",
            "DELETE FROM {}",
            "UPDATE {} SET id = 1",
            "INSERT INTO {} (id) VALUES (1)",
        )
        for name, text in itertools.product(names, texts):
            alike(client, name, f"{name[:-1]}q", text)


@pytest.mark.slow
@pytest.mark.parametrize("token", [None, named_user()], ids=["stranger", "named"])
def test_private_functions_look_like_functions_that_are_not_there(
    token: str | None,
) -> None:
    with bank_desk() as desk:
        client = client_of(desk, token)
        json = ("content-type", "application/json")
        for name in (*PRIVATE_FUNCTIONS, "begin", "go", "hook"):
            for body in ("[]", "[1]", '["wrong"]', "{", '{"much": 1}', "x" * 1000):
                other = "x" * len(name)
                one, two = (
                    client.post(f"{BANK}/call/{each}", body, [json])
                    for each in (name, other)
                )
                assert one.status == two.status == 404
                assert one.text == two.text.replace(other, name)
        assert "failed" not in owner_of(desk).get(f"{BANK}/logs").text


def test_what_a_stranger_is_refused_changes_nothing() -> None:
    with bank_desk() as desk:
        client, db = client_of(desk), database_of(desk)
        before = db.offset
        for name in PRIVATE_FUNCTIONS:
            client.call(name, 1)
        for name in PRIVATE_TABLES:
            client.get(f"{BANK}/{name}")
        client.get(f"{BANK}/logs")
        client.get(f"{BANK}/schema?version=10")
        client.ask("DELETE", BANK)

        assert db.offset == before


def test_rows_that_a_filter_hides_are_hidden_here_too() -> None:
    with bank_desk() as desk:
        client = client_of(desk)

        [found] = client.sql("SELECT name FROM branch").json()
        assert found["rows"] == [["north"]]
        [found] = client.sql("SELECT COUNT(*) AS n FROM branch").json()
        assert found["rows"] == [[1]]


def test_a_user_of_another_name_is_not_the_owner() -> None:
    with bank_desk() as desk:
        owner = database_of(desk).owner
        for subject in (owner.to_hex(), f"owner:{owner.to_hex()}", "owner", "qsdb"):
            client = client_of(desk, named_user(subject))
            assert client.get(f"{BANK}/logs").status == 403
            assert client.call("hidden_procedure").status == 404


def test_the_logs_of_one_database_are_not_those_of_another() -> None:
    with bank_desk() as desk:
        token = desk.authority.owner_token(database_of(desk).identity)
        stranger = client_of(desk, token)
        assert stranger.get(f"{BANK}/logs").status == 403


twice = qsdb.Module("served_twice")


@twice.reducer
def whisper(ctx: qsdb.ReducerContext, word: str) -> None:
    ctx.log.info("whispered: %s", word)
    if word == "fail":
        raise KeyError(word)


def test_owners_of_databases_of_one_module_read_each_their_own_log() -> None:
    json_body = [("content-type", "application/json")]
    with (
        qsdb.Database(twice, seed=1) as one,
        qsdb.Database(twice, seed=2) as two,
        Desk(Host({"one": one, "two": two}), Authority()) as desk,
    ):
        owner = client_of(desk, desk.authority.owner_token(two.owner))
        one.call(whisper, "secret of one")
        two.call(whisper, "word of two")
        for name in ("one", "two"):
            path = f"/v1/database/{name}/call/whisper"
            assert client_of(desk).post(path, '["fail"]', json_body).status == 530
        logging.getLogger("qsdb.served_twice.itself").warning("of the module")
        lines = owner.get("/v1/database/two/logs").text.splitlines()

    assert [json.loads(each)["message"] for each in lines] == [
        "whispered: word of two",
        "whispered: fail",
        "whisper failed for a client: KeyError: 'fail'",
        "of the module",
    ]
    assert logging.getLogger("qsdb.served_twice").handlers == []
