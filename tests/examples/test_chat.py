"""The chat: its module, its client in the terminal, and its page."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import qsdb
from examples.chat import Message, Room, User, chat, open_room, send, set_name
from examples.chat.client import main, talk_lines
from examples.chat.talking import HELP, Talk
from qsdb.generate.typescript import typescript_bindings
from tests.support.node import bundle, require_node, type_check
from tests.support.sources import ROOT

WEB = ROOT / "examples" / "chat" / "web"


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    """Give an empty chat."""
    with qsdb.Database(chat) as db:
        yield db


@pytest.fixture
def ada(db: qsdb.Database) -> Iterator[qsdb.Connection]:
    """Give a client called Ada."""
    with db.connect() as connection:
        connection.call(set_name, " Ada ")
        yield connection


def user_of(db: qsdb.Database, connection: qsdb.Connection) -> User:
    with db.read() as tx:
        found = tx[User].get(connection.identity)
    assert found is not None
    return found


# The module.


def test_whoever_connects_is_online(db: qsdb.Database, ada: qsdb.Connection) -> None:
    assert user_of(db, ada) == User(ada.identity, "Ada", online=True)

    ada.close()
    assert user_of(db, ada) == User(ada.identity, "Ada", online=False)


def test_two_connections_of_a_user_count_once(
    db: qsdb.Database, ada: qsdb.Connection
) -> None:
    other = db.connect(token=ada.token)
    ada.close()
    assert user_of(db, ada).online

    other.close()
    assert not user_of(db, ada).online
    with db.read() as tx:
        assert len(tx.session) == 0


def test_a_message_is_kept_with_its_room(
    db: qsdb.Database, ada: qsdb.Connection
) -> None:
    number = ada.call(send, "lobby", " hello ")

    with db.read() as tx:
        [message] = tx[Message]
    assert (message.id, message.room, message.text) == (number, "lobby", "hello")
    assert message.sender == ada.identity


def test_a_room_may_be_opened_twice(db: qsdb.Database, ada: qsdb.Connection) -> None:
    ada.call(open_room, "garden")
    ada.call(open_room, "garden ")

    with db.read() as tx:
        assert {room.name for room in tx[Room]} == {"lobby", "garden"}


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        (set_name, (" ",), "a name has 1 to 40 characters, not 0"),
        (set_name, ("x" * 41,), "a name has 1 to 40 characters, not 41"),
        (open_room, ("",), "a name of a room has 1 to 40 characters, not 0"),
        (send, ("lobby", ""), "a message has 1 to 2000 characters, not 0"),
        (send, ("cellar", "hi"), "there is no room 'cellar'"),
    ],
)
def test_a_refusal_says_the_bound(
    function: Callable[..., object],
    arguments: tuple[str, ...],
    text: str,
    db: qsdb.Database,
    ada: qsdb.Connection,
) -> None:
    before = db.offset

    with pytest.raises(qsdb.ReducerError) as caught:
        ada.call(function.__name__, *arguments)

    assert f"{caught.value}" == text
    assert db.offset == before


def test_the_owner_may_call_too(db: qsdb.Database) -> None:
    db.call(set_name, "owner")

    with db.read() as tx:
        assert tx[User].get(db.owner) == User(db.owner, "owner")


# In the terminal.


def test_two_talk_with_each_other(db: qsdb.Database, ada: qsdb.Connection) -> None:
    shown: list[str] = []
    talk = Talk(ada, shown.append)
    with db.connect() as bea:
        other = Talk(bea, lambda _: None)
        nobody = f"…{bea.identity.to_hex()[-6:]}"
        for line in ("hi", "/name Bea", "how are you?"):
            assert other.say(line)
        assert talk.say("fine")
        assert not other.say("/quit")

    assert shown == [
        "— lobby —",
        f"{nobody}: hi",
        f"* {nobody} is Bea now",
        "Bea: how are you?",
        "Ada: fine",
        "* Bea left",
    ]


def test_a_room_shows_what_was_said_there(ada: qsdb.Connection) -> None:
    shown: list[str] = []
    talk = Talk(ada, shown.append)
    for line in ("one", "/room garden", "two", "/room lobby", "/rooms", "/who", ""):
        assert talk.say(line)

    assert shown == [
        *("— lobby —", "Ada: one", "— garden —", "Ada: two", "— lobby —", "Ada: one"),
        *("garden, lobby", "Ada"),
    ]


def test_what_is_refused_is_shown(ada: qsdb.Connection) -> None:
    shown: list[str] = []
    talk = Talk(ada, shown.append)

    assert talk.say("/name")
    assert talk.say("/dance")

    assert shown[1:] == ["! a name has 1 to 40 characters, not 0", HELP]


def test_a_terminal_is_sent_no_escapes(ada: qsdb.Connection) -> None:
    shown: list[str] = []
    talk = Talk(ada, shown.append)

    talk.say("\x1b[2Jx")

    assert shown[-1] == "Ada: ?[2Jx"


def test_someone_who_comes_is_told_of(db: qsdb.Database, ada: qsdb.Connection) -> None:
    bea = db.connect()
    bea.call(set_name, "Bea")
    bea.close()
    shown: list[str] = []
    Talk(ada, shown.append)

    with db.connect(token=bea.token):
        pass

    assert shown[1:] == ["* Bea came", "* Bea left"]


def test_lines_are_said_until_the_end(ada: qsdb.Connection) -> None:
    shown: list[str] = []

    talk_lines(ada, ["hello\n", "/quit\n", "more\n"], "Eve", shown.append)
    talk_lines(ada, [], None, shown.append)

    assert "Eve: hello" in shown
    assert not any("more" in line for line in shown)


def test_the_client_connects_as_it_is_told(
    db: qsdb.Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[object] = []

    def connect(url: str, name: str, **options: object) -> qsdb.Connection:
        asked.append((url, name, options))
        return db.connect()

    monkeypatch.setattr("examples.chat.client.connect", connect)
    monkeypatch.setattr(sys, "stdin", iter(["hello\n"]))

    assert main(["--server", "ws://h:1", "--name", "Ada", "--token", "t"]) == 0

    assert asked == [("ws://h:1", "chat", {"token": "t", "module": chat})]
    shown = capsys.readouterr().out
    assert "to be the same user again: --token " in shown
    assert "Ada: hello" in shown


@pytest.mark.parametrize(
    ("error", "code"), [(qsdb.AccessError("not you"), 1), (KeyboardInterrupt(), 0)]
)
def test_the_client_ends_with_a_sentence(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def connect(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("examples.chat.client.connect", connect)

    assert main([]) == code
    assert capsys.readouterr().err == ("chat: not you\n" if code else "")


# The page.


def test_the_bindings_are_those_of_the_module() -> None:
    command = "python -m qsdb generate --lang typescript examples.chat:chat"

    expected = typescript_bindings(chat.compiled(), command=command)

    assert (WEB / "bindings.ts").read_text(encoding="utf-8") == expected


def copy_page(folder: Path) -> None:
    for name in ("bindings.ts", "main.ts", "index.html"):
        shutil.copy(WEB / name, folder)


@pytest.mark.slow
def test_the_page_is_built(tmp_path: Path) -> None:
    require_node("spacetimedb", "esbuild")
    copy_page(tmp_path)

    bundle(tmp_path / "main.ts", tmp_path / "main.js", for_browser=True)

    assert "message-form" in (tmp_path / "main.js").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_is_typed(tmp_path: Path) -> None:
    require_node("spacetimedb", "typescript")
    copy_page(tmp_path)

    type_check(tmp_path, "main.ts")


def test_the_page_has_what_its_program_looks_for() -> None:
    program = (WEB / "main.ts").read_text(encoding="utf-8")
    page = (WEB / "index.html").read_text(encoding="utf-8")

    for name in (
        *("status", "error", "rooms", "room", "users", "messages"),
        *("message-form", "message-input", "name-form", "name-input"),
        *("room-form", "room-input"),
    ):
        assert f'id="{name}"' in page
        assert f'"{name}"' in program


def test_nothing_of_the_package_is_here() -> None:
    names = {path.name for path in WEB.iterdir()} - {"node_modules", "main.js"}

    assert names <= {
        *(".gitignore", "bindings.ts", "index.html", "main.ts", "package.json"),
    }
