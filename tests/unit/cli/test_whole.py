"""The command line from one end to the other: a server that runs, and what it is asked.

The server is a process of its own, as an operator starts it, and ends with a signal.
"""

import importlib.util
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import qsdb.client
from tests.support.sources import ROOT
from tests.unit.cli.shop import run

pytestmark = pytest.mark.slow

CHAT = "examples.chat:chat"
TIMEOUT_SECONDS = 120.0


@attrs.define
class Served:
    """A server that runs.

    Attributes:
        process: It.
        url: Where it is.
        data: Its directory.
    """

    process: "subprocess.Popen[str]"
    url: str
    data: Path

    def ask(self, command: str, *arguments: str, as_owner: bool = False) -> str:
        """Run a command, which must succeed; give what it prints."""
        where = ["--server", self.url, "--database", "chat"]
        if as_owner:
            where += ["--token", f"@{self.data / 'chat.owner-token'}"]
        done = run(command, *where, *arguments)
        assert done.exit_code == 0, done.output
        return done.stdout


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server of a chat, on a port that is free."""
    data = tmp_path / "data"
    arguments = ["serve", CHAT, "--data", str(data), "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        [sys.executable, "-m", "qsdb", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as process:
        try:
            yield Served(process, _url_of(process), data)
        finally:
            process.kill()


def _url_of(process: "subprocess.Popen[str]") -> str:
    """Wait for the start page, and give the address on it."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    page = ""
    while "Ctrl-C ends it." not in page:
        line = lines.get(timeout=TIMEOUT_SECONDS)
        assert line, f"the server has ended: {page}"
        page += line
    found = re.search(r"qsdb serves at (\S+)", page)
    assert found is not None, page
    return found[1]


def test_a_server_is_asked_and_ends_with_a_signal(served: Served) -> None:
    assert served.ask("call", "open_room", '"garden"') == ""
    served.ask("call", "send", '"garden"', '"hello"')

    rows = served.ask("sql", "--json", "SELECT room, text FROM message")
    assert json.loads(rows) == [{"room": "garden", "text": "hello"}]
    assert served.ask("sql", "DELETE FROM message", as_owner=True) == "1 row affected\n"
    assert "message (public)" in served.ask("describe")
    assert "session (private)" not in served.ask("describe")
    assert "session (private)" in served.ask("describe", as_owner=True)
    served.ask("logs", "--json", as_owner=True)

    refused = run(
        *("call", "--server", served.url, "--database", "chat"),
        *("send", '"cellar"', '"hello"'),
    )
    assert (refused.exit_code, refused.stderr) == (
        1,
        "qsdb call: there is no room 'cellar'\n",
    )

    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(TIMEOUT_SECONDS) == 0
    lines = run("logs", "--data", served.data / "chat", CHAT, "--json", "-n", "99")
    functions = [json.loads(line).get("function") for line in lines.stdout.splitlines()]
    assert [each for each in functions if each in ("open_room", "send")] == [
        *("open_room", "send"),
    ]


def test_a_query_of_a_server_is_followed(served: Served) -> None:
    served.ask("call", "open_room", '"garden"')

    told = served.ask("subscribe", "--json", "--count", "2", "SELECT name FROM room")

    rows = [json.loads(line) for line in told.splitlines()]
    assert {each["row"]["name"] for each in rows} == {"lobby", "garden"}
    assert {each["change"] for each in rows} == {"initial"}


def test_a_generated_client_talks_to_the_server(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "chat_client.py"
    run("generate", "--lang", "python", CHAT, "--out", file)
    spec = importlib.util.spec_from_file_location("chat_client", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    url = served.url.replace("http", "ws", 1)

    with qsdb.client.connect(url, "chat", module=made.module) as connection:
        reducers = made.typed(connection).reducers
        reducers.open_room("attic")
        connection.call(made.send, "attic", "hi")
        connection.subscribe("SELECT * FROM message", "SELECT * FROM user")
        [message] = connection.db[made.Message]
        user = connection.db[made.User].get(connection.identity)

    assert user is not None
    assert (message.room, message.text) == ("attic", "hi")
    assert message.sender == user.identity
    assert user.online


def test_a_port_that_is_taken_is_told_of(served: Served, tmp_path: Path) -> None:
    port = served.url.rpartition(":")[2]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "qsdb", "serve", CHAT, "--port", port),
            *("--data", str(tmp_path / "other")),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )

    assert done.returncode == 1
    assert f"qsdb serve: 127.0.0.1, port {port}: " in done.stderr
