"""Commands on a database behind a server, which a small one stands in for."""

import contextlib
import json
import ssl
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

import qsdb
from qsdb.cache.events import Event
from qsdb.cli import following
from qsdb.cli.following import followed
from qsdb.cli.remote import Server, server_of
from qsdb.errors import ArgumentError, ClosedError, QueryError
from qsdb.runtime.row_filters import check_filters
from qsdb.server.definitions import definition
from tests.support.tls_proxy import tls_proxy
from tests.unit.cli.http_server import Told, serving
from tests.unit.cli.shop import Toy, add, run, sell, shop

CHAT = "/v1/database/shop"


@pytest.fixture
def server() -> Iterator[Told]:
    """Give a server that answers what a test tells it."""
    with serving() as told:
        yield told


def ask(server: Told, command: str, *arguments: str) -> Any:
    return run(command, "--server", server.url, "--database", "shop", *arguments)


def schema() -> str:
    return json.dumps(definition(shop.compiled(check_filters), 10))


# call


def test_a_call_sends_its_arguments_and_the_token(server: Told) -> None:
    server.answers[f"POST {CHAT}/call/add?confirmed=true"] = 200, ""

    done = ask(server, "call", "--token", "t0 ", "add", '"doll"', "-1.5")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    [asked] = server.asked
    assert asked.body == '["doll",-1.5]'
    assert asked.headers["authorization"] == "Bearer t0"
    assert asked.headers["content-type"] == "application/json"


def test_certificates_that_count_come_from_the_environment(
    server: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server.answers[f"POST {CHAT}/call/add?confirmed=true"] = 200, ""
    port = urlsplit(server.url).port
    assert port is not None

    with tls_proxy(context, port) as secure:
        place = "--server", f"https://localhost:{secure}", "--database", "shop"
        refused = run("call", *place, "add", '"doll"')
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        done = run("call", *place, "add", '"doll"')

    assert refused.exit_code == 1
    assert "certificate verify failed" in refused.stderr
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_token_comes_from_the_environment(
    server: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSDB_SERVER", server.url)
    monkeypatch.setenv("QSDB_DATABASE", "c2" * 32)
    monkeypatch.setenv("QSDB_TOKEN", "t1")
    server.answers[f"POST /v1/database/{'c2' * 32}/call/a%2Fb?confirmed=true"] = 200, ""

    assert run("call", "a/b").exit_code == 0
    assert server.asked[0].headers["authorization"] == "Bearer t1"


def test_a_result_is_shown_by_its_type(server: Told) -> None:
    module = qsdb.Module("m")

    @module.procedure
    def when(_: qsdb.ProcedureContext) -> qsdb.Timestamp | None:
        """Give a time."""

    server.answers[f"POST {CHAT}/call/when?confirmed=true"] = (
        200,
        "[0, [1709211600000000]]",
    )
    server.answers[f"POST {CHAT}/call/other?confirmed=true"] = 200, "[7]"
    server.answers[f"GET {CHAT}/schema?version=10"] = (
        200,
        json.dumps(definition(module.compiled(), 10)),
    )

    assert ask(server, "call", "when").stdout == "2024-02-29T13:00:00Z\n"
    assert ask(server, "call", "other").stdout == "[7]\n"

    server.answers[f"POST {CHAT}/call/when?confirmed=true"] = 200, '"soon"'

    assert ask(server, "call", "when").stdout == "soon\n"


def test_a_token_may_be_in_a_file(server: Told, tmp_path: Path) -> None:
    server.answers[f"POST {CHAT}/call/add?confirmed=true"] = 200, ""
    file = tmp_path / "shop.owner-token"
    file.write_text("t2\n")

    done = ask(server, "call", "--token", f"@{file}", "add")
    missing = ask(server, "call", "--token", f"@{tmp_path / 'none'}", "add")

    assert done.exit_code == 0
    assert server.asked[0].headers["authorization"] == "Bearer t2"
    assert missing.exit_code == 1
    assert missing.stderr.startswith("qsdb call: [Errno 2] No such file")


@pytest.mark.parametrize("token", ["a\nb", "ä"])
def test_what_is_no_token_is_refused(token: str, server: Told) -> None:
    done = ask(server, "call", "--token", token, "add")

    assert done.exit_code == 2
    assert "the token is none" in done.stderr
    assert server.asked == []


def test_an_empty_token_is_none(server: Told) -> None:
    server.answers[f"POST {CHAT}/call/add?confirmed=true"] = 200, ""

    assert ask(server, "call", "--token", " ", "add").exit_code == 0
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (530, "there is no toy 9", "there is no toy 9"),
        (404, "`shop` not found", "`shop` not found"),
        (500, "", "the server answers 500 Internal Server Error"),
        (307, " ", "the server answers 307 Temporary Redirect"),
        (200, "{", "the server's answer is no JSON: '{'"),
    ],
)
def test_a_refusal_is_the_servers_words(
    status: int, body: str, text: str, server: Told
) -> None:
    server.answers[f"POST {CHAT}/call/sell?confirmed=true"] = status, body

    done = ask(server, "call", "sell", "9")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"qsdb call: {text}\n"


def test_a_long_refusal_is_cut_off_and_harmless(server: Told) -> None:
    server.answers[f"POST {CHAT}/call/sell?confirmed=true"] = (
        400,
        "\x1b[2J" + "x" * 9000,
    )

    done = ask(server, "call", "sell", "9")

    assert "\x1b" not in done.stderr
    assert len(done.stderr) < 2100


def test_a_server_that_is_not_there_is_told_of(server: Told) -> None:
    gone = server.url
    with serving() as other:
        gone = other.url

    done = run("call", "--server", gone, "--database", "shop", "add")

    assert done.exit_code == 1
    assert done.stderr.startswith(f"qsdb call: cannot ask {gone}: ")


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--server", "ftp://x", "a server is at http://HOST:PORT or https://HOST"),
        ("--database", "x/../y", "'x/../y' is no name of a database"),
    ],
)
def test_what_can_be_no_server_and_no_database_is_wrong_use(
    option: str, text: str, said: str, server: Told
) -> None:
    done = ask(server, "describe", option, text)

    assert done.exit_code == 2
    assert said in done.stderr
    assert server.asked == []


def test_what_is_no_server_is_told_of(server: Told) -> None:
    server.answers[f"POST {CHAT}/call/add?confirmed=true"] = 0, "hello\r\n\r\n"

    done = ask(server, "call", "add")

    assert done.exit_code == 1
    assert f"cannot ask {server.url}: hello" in done.stderr


# sql


ROWS = [
    {
        "schema": {
            "elements": [
                {"name": {"some": "id"}, "algebraic_type": {"U64": []}},
                {"name": {"none": []}, "algebraic_type": {"String": []}},
            ]
        },
        "rows": [[1, "ball"], [2, "kite"]],
    }
]


def test_rows_are_read_by_the_schema(server: Told) -> None:
    server.answers[f"POST {CHAT}/sql?confirmed=true"] = 200, json.dumps(ROWS)

    done = ask(server, "sql", "--csv", "SELECT * FROM toy")

    assert done.stdout == "id,column 2\n1,ball\n2,kite\n"
    assert server.asked[0].body == "SELECT * FROM toy"
    assert server.asked[0].headers["content-type"] == "text/plain"


def test_a_change_counts_what_the_server_did(server: Told) -> None:
    stats = {"rows_inserted": 1, "rows_deleted": 2, "rows_updated": 4}
    answer = [{"schema": {"elements": []}, "rows": [], "stats": stats}]
    server.answers[f"POST {CHAT}/sql?confirmed=true"] = 200, json.dumps(answer)

    assert ask(server, "sql", "DELETE FROM toy").stdout == "7 rows affected\n"


@pytest.mark.parametrize("answer", ["[{}]", "[7]", "7"])
def test_an_answer_that_is_no_result_is_told_of(answer: str, server: Told) -> None:
    server.answers[f"POST {CHAT}/sql?confirmed=true"] = 200, answer

    done = ask(server, "sql", "SELECT 1")

    assert done.exit_code == 1
    assert done.stderr.startswith("qsdb sql: the server's answer is no result: ")


# describe


def test_a_server_is_described_as_files_are(server: Told) -> None:
    told = definition(shop.compiled(check_filters), 10, has_returns=True)
    server.answers[f"GET {CHAT}/schema?version=10&returns=true"] = 200, json.dumps(told)
    server.answers[f"GET {CHAT}/schema?version=10"] = 200, schema()

    done = ask(server, "describe")

    assert "toy (public)" in done.stdout
    assert ask(server, "describe", "--json").stdout == (
        json.dumps(json.loads(schema()), indent=2) + "\n"
    )


@pytest.mark.parametrize("answer", ["[]", "{}", '{"sections": 1}'])
def test_what_is_no_definition_is_told_of(answer: str, server: Told) -> None:
    server.answers[f"GET {CHAT}/schema?version=10&returns=true"] = 200, answer

    done = ask(server, "describe")

    assert done.exit_code == 1
    assert "the server's answer is no definition of a module" in done.stderr


# logs

LINES = [
    {"level": "Info", "ts": 1709211600000000, "target": "shop", "message": "sold\x1b"},
    {"level": "Error", "ts": 10**30, "message": "lost"},
    {"ts": "soon"},
    {
        "level": "Panic",
        "ts": 0,
        "message": "x",
        "trace": [{"module_name": "a.py", "func_name": "f"}],
    },
]


def test_logs_are_lines(server: Told) -> None:
    text = "\n".join([*map(json.dumps, LINES), ""])
    server.answers[f"GET {CHAT}/logs?num_lines=100&follow=false"] = 200, text

    done = ask(server, "logs")

    assert done.stdout.splitlines() == [
        "2024-02-29T13:00:00Z Info  shop: sold\\x1b",
        f"{10**30} Error lost",
        "?       ",
        "1970-01-01T00:00:00Z Panic x",
        "    a.py: f",
    ]


def test_logs_are_json_and_may_be_followed(server: Told) -> None:
    text = "\n\n".join([*map(json.dumps, LINES), ""])
    server.answers[f"GET {CHAT}/logs?num_lines=2&follow=true"] = 200, text

    done = ask(server, "logs", "--json", "--follow", "-n", "2")

    assert [*map(json.loads, done.stdout.splitlines())] == LINES


def test_an_answer_that_breaks_off_is_told_of(server: Told) -> None:
    text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1"
    server.answers[f"POST {CHAT}/sql?confirmed=true"] = 0, text

    done = ask(server, "sql", "SELECT 1")

    assert done.exit_code == 1
    assert done.stderr.startswith("qsdb sql: the answer broke off: IncompleteRead")


# Addresses.


@pytest.mark.parametrize(
    ("text", "http", "socket"),
    [
        ("http://h:3000", "http://h:3000", "ws://h:3000"),
        ("ws://h:3000/", "http://h:3000", "ws://h:3000"),
        ("https://h/a b", "https://h/a%20b", "wss://h/a%20b"),
        ("wss://[::1]:1", "https://[::1]:1", "wss://[::1]:1"),
    ],
)
def test_an_address_has_two_forms(text: str, http: str, socket: str) -> None:
    server = server_of(text)

    assert (server.url("http"), server.url("ws")) == (http, socket)


@pytest.mark.parametrize(
    "text", ["h:3000", "ftp://h", "http://", "http://h:x", "http://u@h", "http://h?x=1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="a server is at http://HOST:PORT"):
        server_of(text)


def test_tls_is_spoken_where_it_is_asked_for() -> None:
    connection = Server("h", None, is_secure=True, path="").connect(1)

    assert type(connection).__name__ == "HTTPSConnection"
    assert connection.port == 443


# subscribe


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    """Give a shop with two toys, for connections in this process."""
    with qsdb.Database(shop) as db:
        db.call(add, "ball")
        db.call(add, "kite", 20.0)
        yield db


def test_subscribe_connects_with_the_client(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    @contextlib.contextmanager
    def connect(url: str, name: str, *, token: str | None) -> Iterator[object]:
        asked.append((url, name, token))
        with db.connect() as connection:
            yield connection

    client = types.ModuleType("qsdb.client")
    client.connect = connect  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "qsdb.client", client)

    done = run(
        *("subscribe", "--server", "https://h:1", "--database", "shop"),
        *("--token", "t", "--json", "--count", "2", "SELECT * FROM toy"),
    )

    assert done.exit_code == 0, done.output
    assert asked == [("wss://h:1", "shop", "t")]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["change"] for each in rows] == ["initial", "initial"]
    assert {each["row"]["name"] for each in rows} == {"ball", "kite"}


def test_rows_of_a_table_come_and_go(db: qsdb.Database) -> None:
    with db.connect() as connection:
        changes = followed(connection, "SELECT * FROM toy WHERE price < 10")
        first = next(changes)
        db.call(sell, 1)
        db.call(add, "doll")
        db.sql("UPDATE toy SET price = 2.0 WHERE name = 'doll'")
        found = [first, *[next(changes) for _ in range(4)]]

    assert [(each.sort, each.row[1], each.row[2]) for each in found] == [
        ("initial", "ball", 1.5),
        ("delete", "ball", 1.5),
        ("insert", "doll", 1.5),
        ("delete", "doll", 1.5),
        ("insert", "doll", 2.0),
    ]
    assert found[0].columns == ["id", "name", "price", "size", "seller"]


def test_what_is_told_after_a_lost_connection_is_no_beginning() -> None:
    """A connection that was lost tells of the difference when it is there again."""
    told: dict[str, Callable[..., object]] = {}
    table = types.SimpleNamespace(
        on_insert=lambda callback: told.update(insert=callback),
        on_delete=lambda callback: told.update(delete=callback),
        on_update=lambda callback: told.update(update=callback),
    )
    ball, kite = Toy("ball", 1.0), Toy("kite", 2.0)

    def subscribe(*_: object, **__: object) -> object:
        told["insert"](first, ball)
        told["insert"](first, kite)
        told["update"](Event("applied", 0), kite, ball)
        return types.SimpleNamespace(on_update=lambda _: None)

    first = Event("applied", 0)
    connection = types.SimpleNamespace(
        db=types.SimpleNamespace(_by_name=["toy"], table=lambda _: table),
        subscribe=subscribe,
    )
    changes = followed(connection, "SELECT * FROM toy")

    sorts = [next(changes).sort for _ in range(4)]

    assert sorts == ["initial", "initial", "delete", "insert"]


def test_other_results_come_and_go(db: qsdb.Database) -> None:
    with db.connect() as connection:
        changes = followed(connection, "SELECT price * 2 AS twice FROM toy")
        first = next(changes)
        db.call(sell, 1)
        db.call(add, "doll", 4.0)
        found = [first, *[next(changes) for _ in range(3)]]

    assert [(each.sort, *each.row) for each in found] == [
        ("initial", 3.0),
        ("initial", 40.0),
        ("delete", 3.0),
        ("insert", 8.0),
    ]
    assert {*map(tuple, [each.columns for each in found])} == {("twice",)}


def test_a_subscription_that_ends_says_why(db: qsdb.Database) -> None:
    with db.connect() as connection:
        changes = followed(connection, "SELECT 4 / (3 - id) AS x FROM toy")
        assert [*next(changes).row] == [2]
        assert [*next(changes).row] == [4]
        db.call(add, "doll")

        with pytest.raises(QueryError, match="divided by 0"):
            next(changes)


class Fading:
    """A connection that is closed when it is looked at for the second time."""

    def __init__(self) -> None:
        self.db = types.SimpleNamespace(_by_name=[])
        self._closings = iter([False, True])
        self._is_new = True

    @property
    def is_closed(self) -> bool:
        return next(self._closings)

    def subscribe(self, *_: object, **__: object) -> object:
        if not self._is_new:
            raise ClosedError("this connection is closed: the server refuses")
        self._is_new = False
        return types.SimpleNamespace(on_update=lambda _: None, rows=[])


def test_following_ends_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.01)

    with pytest.raises(ClosedError, match="the server refuses"):
        next(followed(Fading(), "SELECT * FROM toy"))
