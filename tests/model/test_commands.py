"""Rows 33 and 195 to 197: the command line.

Commands run in this process. `dev` has a real server, and a watcher that stands in.
"""

import importlib.util
import json
import queue
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click.testing
import pytest

import qsdb
import qsdb.client
from examples.chat import Message, chat
from qsdb.cli.program import program
from qsdb.server.serving import in_background

SECONDS = 30
SPEC = "examples.chat:chat"


def run(*arguments: str | Path, code: int = 0) -> str:
    """Run a command, and give what it prints."""
    done = click.testing.CliRunner().invoke(program, [str(each) for each in arguments])
    assert done.exit_code == code, done.output
    return done.stderr if code else done.stdout


def lines(text: str) -> list[Any]:
    """Read a line of JSON each."""
    return [json.loads(each) for each in text.splitlines()]


def test_row_033_the_schema_is_described_as_data(tmp_path: Path) -> None:
    place = "--data", tmp_path, SPEC
    with qsdb.Database(chat, tmp_path):
        pass

    told = json.loads(run("describe", *place, "--json"))

    [tables] = [each["Tables"] for each in told["sections"] if "Tables" in each]
    names = [each["source_name"] for each in tables]
    assert names == ["user", "room", "message", "session"]
    [functions] = [each["Reducers"] for each in told["sections"] if "Reducers" in each]
    [send] = [each for each in functions if each["source_name"] == "send"]
    params = [each["name"]["some"] for each in send["params"]["elements"]]
    assert params == ["room", "text"]
    page = run("describe", *place, "message")
    assert all(column in page for column in ("id", "room", "sender", "sent", "text"))


def test_row_195_commands_work_on_the_files_of_a_database(tmp_path: Path) -> None:
    place = "--data", tmp_path, SPEC
    with qsdb.Database(chat, tmp_path):
        pass

    assert run("call", *place, "send", '"lobby"', '"hi"') == "1\n"
    assert "no room 'attic'" in run("call", *place, "send", '"attic"', '"x"', code=1)
    found = run("sql", *place, "--json", "SELECT room, text FROM message")
    assert json.loads(found) == [{"room": "lobby", "text": "hi"}]
    run("sql", *place, "UPDATE message SET text = 'ho'")
    [told] = lines(
        run("subscribe", *place, "--json", "--count", "1", "SELECT text FROM message")
    )
    assert told["row"] == {"text": "ho"}
    commits = lines(run("logs", *place, "--json"))
    assert "send" in [each.get("function") for each in commits]
    assert "is sound" in run("verify", tmp_path)


def test_row_195_commands_ask_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with qsdb.Database(chat) as db, in_background({"chat": db}) as address:
        monkeypatch.setenv("QSDB_SERVER", address)
        monkeypatch.setenv("QSDB_DATABASE", "chat")
        run("call", "send", '"lobby"', '"hi"')
        assert "no room 'attic'" in run("call", "send", '"attic"', '"x"', code=1)
        found = run("sql", "--json", "SELECT text FROM message")
        assert json.loads(found) == [{"text": "hi"}]
        query = "SELECT text FROM message"
        [told] = lines(run("subscribe", "--json", "--count", "1", query))
        assert told["row"] == {"text": "hi"}
        page = run("describe")
        assert "message (public)" in page
        assert "session" not in page
        assert "owner" in run("logs", code=1)


Databases = Mapping[str, qsdb.Database]


class Workshop(types.ModuleType):
    """What `dev` runs with: a server, and what stands in for the watcher.

    Attributes:
        during: Is run while the server runs, with its address and the databases.
    """

    class PythonFilter:
        """Which files count."""

    def __init__(self) -> None:
        super().__init__("watchfiles")
        self.during: Callable[[str, Databases], object] = lambda *_: None
        self._saved: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._published = threading.Semaphore(0)

    def watch(self, *_: str, **__: object) -> Iterator[object]:
        while self._saved.get(timeout=SECONDS):
            yield 1
            self._published.release()  # asked for more, so that is done

    def save(self, file: Path, text: str) -> None:
        """Have another text in a file, and wait until that was taken in."""
        file.write_text(text)
        self._saved.put(True)  # noqa: FBT003
        assert self._published.acquire(timeout=SECONDS)

    def serve(
        self, databases: Databases, *, ready: Callable[[str], object], **_: object
    ) -> None:
        """Serve until `during` is over."""
        with in_background(databases) as address:
            ready(address)
            self.during(address, databases)
        self._saved.put(False)  # noqa: FBT003


SOURCE = """
import qsdb

shelf = qsdb.Module("shelf")

class Book(qsdb.Row, module=shelf, public=True):
    title: str = qsdb.primary_key()
{column}

@shelf.reducer
def put(ctx: qsdb.ReducerContext, title: str) -> str:
    ctx.db[Book].insert(Book(title))
    return {text!r}
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a source with a module, which can be imported, and is forgotten again."""
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "model_shelf.py"
    file.write_text(SOURCE.format(column="", text="first"))
    yield file
    sys.modules.pop("model_shelf", None)


def test_row_196_dev_serves_a_module_as_its_source_is_now(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop()
    monkeypatch.setitem(sys.modules, "watchfiles", shop)
    monkeypatch.setattr("qsdb.server.serving.serve", shop.serve)
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    seen: list[object] = []

    def edit(address: str, databases: Databases) -> None:
        with qsdb.client.connect(address, "shelf") as conn:
            seen.append(conn.reducers.put("a"))
            shop.save(source, SOURCE.format(column="", text="second"))
            seen.append(conn.reducers.put("b"))  # it is still connected
            shop.save(source, "this is no Python")
            seen.append(conn.reducers.put("c"))
        shop.save(source, SOURCE.format(column="    pages: int = 7", text="third"))
        seen.append(databases["shelf"].call("put", "d"))
        books = databases["shelf"].sql("SELECT * FROM book")
        seen.append([(book.title, book.pages) for book in books])

    shop.during = edit
    page = run("dev", "model_shelf:shelf", "--memory", "--yes")

    assert seen == ["first", "second", "second", "third", [(t, 7) for t in "abcd"]]
    assert "not imported; what was published goes on" in page
    assert "column pages: i64 is added" in page


def test_row_197_a_client_is_generated_from_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "chat_client.py"
    arguments = "generate", "--lang", "python", SPEC, "--out", file
    run(*arguments)
    run(*arguments, "--check")
    spec = importlib.util.spec_from_file_location("model_chat_client", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)

    with (
        qsdb.Database(chat) as db,
        in_background({"chat": db}) as address,
        qsdb.client.connect(address, "chat", module=made.module) as conn,
    ):
        conn.subscribe("SELECT * FROM message")
        made.typed(conn).reducers.send("lobby", "hi")
        [message] = conn.db[made.Message]
        assert type(message) is made.Message
        assert qsdb.asdict(message) == qsdb.asdict(db.sql("SELECT * FROM message")[0])
        with pytest.raises(qsdb.ArgumentError, match="text"):
            conn.call(made.send, "lobby", 7)
    assert not hasattr(made, "Session")  # it is private

    text = run("generate", "--lang", "typescript", SPEC)
    for name in ("message", "set_name", "open_room", "send", *Message.__annotations__):
        assert name in text
    file.write_text("other")
    assert "is not what" in run(*arguments, "--check", code=1)
