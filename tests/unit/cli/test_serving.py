"""The commands `serve` and `dev`, with a server and a watcher that stand in."""

import io
import json
import logging
import queue
import shlex
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import click
import pytest
from rich.console import Console

import qsdb
from qsdb.files import Directory
from tests.support.markdown import blocks
from tests.support.sources import ROOT
from tests.unit.cli.shop import SPEC, add, fill, run, shop

ZOO = "tests.support.zoo:zoo"
TIMEOUT_SECONDS = 30.0


@attrs.define
class Server:
    """What stands in for the server.

    Attributes:
        during: Is run while it serves.
        given: What it was given.
    """

    during: Callable[[Mapping[str, qsdb.Database]], object] = lambda _: None
    given: dict[str, Any] = attrs.field(factory=dict)

    def serve(
        self,
        databases: Mapping[str, qsdb.Database],
        *,
        host: str,
        port: int,
        directory: Directory | None,
        trust: object,
        options: object,
        ready: Callable[[str], None],
    ) -> None:
        """Be ready at once, and end."""
        self.given = {"host": host, "port": port, "directory": directory}
        self.given["databases"] = {**databases}
        self.given["trust"], self.given["options"] = trust, options
        ready(f"http://{host}:{port}")
        self.during(databases)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Give the server, and put the loggers back afterwards."""
    server = Server()
    module = types.ModuleType("qsdb.server.serving")
    module.serve = server.serve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "qsdb.server.serving", module)
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield server
    root.handlers[:] = handlers
    root.setLevel(level)


# serve


def test_databases_are_served_from_their_directories(
    server: Server, tmp_path: Path
) -> None:
    fill(tmp_path / "toy-shop")
    server.during = lambda databases: databases["toy-shop"].call(add, "doll")

    done = run("serve", SPEC, f"park={ZOO}", "--data", tmp_path, "--port", "3001")

    assert done.exit_code == 0, done.output
    databases = server.given["databases"]
    assert [*databases] == ["toy-shop", "park"]
    assert (server.given["host"], server.given["port"]) == ("127.0.0.1", 3001)
    assert server.given["directory"].describe() == str(tmp_path)
    with pytest.raises(qsdb.ClosedError):
        databases["park"].stats()
    with qsdb.Database(shop, tmp_path / "toy-shop", read_only=True) as db:
        assert len(db.sql("SELECT * FROM toy")) == 3
        identity = db.identity.to_hex()
    for text in (
        "qsdb serves at http://127.0.0.1:3001",
        identity,
        "http://127.0.0.1:3001/v1/database/park",
        f"the token of park's owner: {tmp_path / 'park.owner-token'}",
        "Ctrl-C ends it.",
    ):
        assert text in done.stdout


def test_the_service_of_the_readme_serves(server: Server, tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    [unit] = blocks(page, "ini")
    [line] = [each for each in unit.text.splitlines() if each.startswith("ExecStart=")]
    program, _, command = line.partition(" -m qsdb ")
    words = shlex.split(command.replace("/var/lib/qsdb", str(tmp_path)))
    assert program.endswith("/bin/python")
    assert str(tmp_path) in words

    done = run(*words)

    assert (done.exit_code, [*server.given["databases"]]) == (0, ["chat"])
    assert server.given["port"] == 3000


def test_databases_may_be_in_memory_only(server: Server, tmp_path: Path) -> None:
    done = run("serve", SPEC, "--memory", "--host", "0.0.0.0", "--port", "0")

    assert done.exit_code == 0
    assert server.given["directory"] is None
    assert "owner" not in done.stdout
    assert [*tmp_path.iterdir()] == []


def test_durability_is_as_asked_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    real = qsdb.Database.__init__

    def init(self: qsdb.Database, *args: Any, **kwargs: Any) -> None:
        compacts = kwargs["options"].compacts
        asked.append((kwargs["durability"], kwargs["sync_interval"], compacts))
        real(self, *args, **kwargs)

    monkeypatch.setattr(qsdb.Database, "__init__", init)

    run("serve", SPEC, "--data", tmp_path, "--durability", "always")
    run("serve", SPEC, "--data", tmp_path, "--sync-interval", "0.5")

    run("serve", SPEC, "--data", tmp_path, "--compact")

    assert asked == [
        ("always", 0.01, False),
        ("interval", 0.5, False),
        ("interval", 0.01, True),
    ]
    assert server.given["port"] == 3000


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ((SPEC,), 2, "--data DIR keeps databases, --memory does not: choose one"),
        ((SPEC, "--memory", "--data", "x"), 2, "choose one"),
        (("--memory",), 2, "Missing argument '[NAME=]PACKAGE:MODULE"),
        ((SPEC, SPEC, "--memory"), 1, "two databases are called toy-shop"),
        (("shop", "--memory"), 2, "'shop' is not [NAME=]PACKAGE:MODULE"),
        ((f"a b={SPEC}", "--memory"), 2, "'a b' is no name of a database"),
        ((SPEC, "--memory", "--port", "70000"), 2, "70000 is not in the range"),
    ],
)
def test_serving_says_what_is_wrong(
    arguments: tuple[str, ...], code: int, text: str, server: Server
) -> None:
    done = run("serve", *arguments)

    assert done.exit_code == code
    assert text in done.stderr
    assert server.given == {}


def test_databases_are_closed_if_one_cannot_be_opened(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "park").mkdir()
    (tmp_path / "park" / "letter").touch()

    done = run("serve", SPEC, f"park={ZOO}", "--data", tmp_path)

    assert done.exit_code == 1
    assert "is no database" in done.stderr
    assert server.given == {}
    qsdb.Database(shop, tmp_path / "toy-shop").close()  # nobody has its lock


def test_what_is_logged_goes_to_standard_error(server: Server) -> None:
    def say(_: object) -> None:
        logging.getLogger("qsdb.shop").info("sold %d", 3)

    server.during = say

    text = run("serve", SPEC, "--memory").stderr
    lines = run("serve", SPEC, "--memory", "--json").stderr

    assert text.endswith(" INFO    qsdb.shop: sold 3\n")
    assert json.loads(lines)["message"] == "sold 3"


def test_strangers_write_no_lines_of_their_own_and_command_no_terminal(
    server: Server,
) -> None:
    forged = "x\n2026-01-01 00:00:00,000 INFO    qsdb.shop: paid\x1b[2J\r"

    def say(_: object) -> None:
        logger = logging.getLogger("qsdb.shop")
        logger.info("%s came", forged)
        logger.error("it fails", exc_info=ValueError(forged))

    server.during = say

    message, failed, *trace = run("serve", SPEC, "--memory").stderr.splitlines()

    shown = "2026-01-01 00:00:00,000 INFO    qsdb.shop: paid\\x1b[2J\\r"
    assert message.endswith(f" INFO    qsdb.shop: x⏎{shown} came")
    assert failed.endswith(" ERROR   qsdb.shop: it fails")
    assert trace[-2:] == ["    ValueError: x", f"    {shown}"]
    assert all(each.startswith("    ") for each in trace)


# dev

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


class Watcher(types.ModuleType):
    """What stands in for watchfiles: it tells of changes as a test does."""

    def __init__(self) -> None:
        super().__init__("watchfiles")
        self.changes: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.paths: tuple[str, ...] = ()
        self.ended = threading.Event()

    class PythonFilter:
        """Which files count."""

    def watch(
        self, *paths: str, stop_event: threading.Event, **_: object
    ) -> Iterator[object]:
        self.paths = paths
        while not stop_event.is_set():
            try:
                yield self.changes.get(timeout=0.01)
            except queue.Empty:
                continue
        self.ended.set()


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Watcher:
    """Give the watcher."""
    watcher = Watcher()
    monkeypatch.setitem(sys.modules, "watchfiles", watcher)
    return watcher


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a source with a module, which can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    package = tmp_path / "lib" / "shelves"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    file = package / "books.py"
    file.write_text(SOURCE.format(column="", text="first"))
    return file


@pytest.fixture(autouse=True)
def forget_shelves() -> Iterator[None]:
    """Forget the modules of `source` afterwards."""
    yield
    for name in [*sys.modules]:
        if name.startswith("shelves"):
            del sys.modules[name]


class Screen(io.StringIO):
    """Standard output, which tells when a text is there."""

    def __init__(self) -> None:
        super().__init__()
        self.condition = threading.Condition()

    def write(self, text: str) -> int:
        with self.condition:
            self.condition.notify_all()
            return super().write(text)

    def wait_for(self, text: str) -> None:
        with self.condition:
            there = self.condition.wait_for(
                lambda: text in self.getvalue(), TIMEOUT_SECONDS
            )
        assert there, self.getvalue()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Have the commands print where a test can wait for it."""
    screen = Screen()

    def console() -> Console:
        return Console(file=screen, width=10_000, markup=False, highlight=False)

    monkeypatch.setattr("qsdb.cli.serving_modules.console", console)
    return screen


def test_dev_publishes_what_changes(
    server: Server, watcher: Watcher, source: Path, screen: Screen
) -> None:
    told: list[object] = []

    def edit(databases: Mapping[str, qsdb.Database]) -> None:
        db = databases["shelf"]
        told.append(db.call("put", "a"))
        source.write_text(SOURCE.format(column="", text="later"))
        watcher.changes.put(1)
        screen.wait_for("shelf is published, with other functions")
        told.append(db.call("put", "b"))
        source.write_text(SOURCE.format(column="pages: int = 7", text="last"))
        watcher.changes.put(2)
        screen.wait_for("module shelf: 1 step")
        screen.wait_for("shelf is published, at 4")
        told.append(db.call("put", "c"))
        told.append([row.pages for row in db.sql("SELECT pages FROM book")])

    server.during = edit

    before = sys.dont_write_bytecode
    done = run("dev", "shelves.books:shelf", "--memory", "--yes")

    assert done.exit_code == 0, done.output
    assert told == ["first", "later", "last", [7, 7, 7]]
    assert watcher.paths == (str(source.parent),)
    assert watcher.ended.wait(TIMEOUT_SECONDS)
    assert not any(source.parent.glob("**/*.pyc"))
    assert sys.dont_write_bytecode is before


def test_dev_goes_on_after_a_failed_import(
    server: Server, watcher: Watcher, source: Path, screen: Screen
) -> None:
    told: list[object] = []

    def edit(databases: Mapping[str, qsdb.Database]) -> None:
        db = databases["shelf"]
        source.write_text("import qsdb\nx = 1 / 0\n")
        watcher.changes.put(1)
        screen.wait_for(
            f"not imported; what was published goes on: {source}:2: ZeroDivisionError"
        )
        told.append(db.call("put", "a"))
        told.append(sys.modules["shelves.books"].shelf.name)

    server.during = edit

    done = run("dev", "shelves.books:shelf", "--memory")

    assert done.exit_code == 0, done.output
    assert told == ["first", "shelf"]


@pytest.mark.parametrize("is_confirmed", [True, False, None])
def test_dev_asks_about_what_disconnects_clients(
    is_confirmed: bool | None,  # noqa: FBT001
    server: Server,
    watcher: Watcher,
    source: Path,
    screen: Screen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    told: list[object] = []

    def confirm(text: str) -> bool:
        asked.append(text)
        if is_confirmed is None:  # the input has ended
            raise click.Abort
        return is_confirmed

    monkeypatch.setattr(click, "confirm", confirm)

    def edit(databases: Mapping[str, qsdb.Database]) -> None:
        text = SOURCE.format(column="", text="later")
        source.write_text(text.replace("public", "name='volume', public"))
        watcher.changes.put(1)
        ending = "published, " if is_confirmed else "not published"
        screen.wait_for(f"shelf is {ending}")
        told.append(databases["shelf"].call("put", "a"))

    server.during = edit

    done = run("dev", "shelves.books:shelf", "--memory")

    assert done.exit_code == 0, done.output
    assert asked == ["Publish shelf, and disconnect its clients?"]
    assert told == ["later" if is_confirmed else "first"]


def test_dev_tells_what_cannot_be_published(
    server: Server, watcher: Watcher, source: Path, screen: Screen
) -> None:
    told: list[object] = []

    def edit(databases: Mapping[str, qsdb.Database]) -> None:
        db = databases["shelf"]
        db.call("put", "a")
        source.write_text(SOURCE.format(column="pages: int", text="later"))
        watcher.changes.put(1)
        screen.wait_for("shelf is not published: ")
        told.append(db.call("put", "b"))

    server.during = edit

    done = run("dev", "shelves.books:shelf", "--memory", "--yes")

    assert done.exit_code == 0, done.output
    assert told == ["first"]


MIGRATION = """
@shelf.migration(from_=None, tables=["book"])
def fill(ctx):
    raise ZeroDivisionError("empty")
"""


def test_dev_tells_what_a_migration_raises(
    server: Server, watcher: Watcher, source: Path, screen: Screen
) -> None:
    def edit(databases: Mapping[str, qsdb.Database]) -> None:
        databases["shelf"].call("put", "a")
        text = SOURCE.format(column="pages: int", text="later")
        source.write_text(text + MIGRATION)
        watcher.changes.put(1)
        screen.wait_for("shelf is not published: ZeroDivisionError: empty")

    server.during = edit

    done = run("dev", "shelves.books:shelf", "--memory", "--yes")

    assert done.exit_code == 0, done.output
