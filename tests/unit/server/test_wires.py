"""A wire that is made of what an ASGI server gives."""

import asyncio
from typing import Any

import pytest

from qsdb.server import wires
from qsdb.server.wires import AsgiWire
from tests.support.asgi_sockets import run


class Server:
    """Keeps what is sent, as soon as it takes something."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.takes = asyncio.Event()
        self.takes.set()

    async def send(self, message: Any) -> None:
        await self.takes.wait()
        self.sent.append(message)

    async def receive(self) -> Any:
        raise AssertionError("nobody reads here")


def test_a_wire_to_which_nothing_was_written_is_closed() -> None:
    async def main() -> None:
        server = Server()
        await AsgiWire(server.receive, server.send).close(1001, "é" * 100)
        assert server.sent == [
            {"type": "websocket.close", "code": 1001, "reason": "é" * 60}
        ]

    run(main)


def test_what_was_written_is_sent_before_the_end() -> None:
    async def main() -> None:
        server = Server()
        wire = AsgiWire(server.receive, server.send)
        server.takes.clear()
        wire.write([b"a", b"b"], is_text=True)
        assert not wire.is_ready
        asyncio.get_running_loop().call_soon(server.takes.set)
        await wire.close(1000, "")
        assert [each.get("text") for each in server.sent] == ["a", "b", None]
        assert wire.is_ready

    run(main)


def test_what_is_never_taken_is_waited_for_no_longer_than_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wires, "CLOSING_SECONDS", 0.01)

    async def main() -> None:
        server = Server()
        wire = AsgiWire(server.receive, server.send)
        server.takes.clear()
        wire.write([b"a"], is_text=False)
        await wire.close(1013, "too slow")
        assert server.sent == []
        assert len(asyncio.all_tasks()) <= 2, "this test, and what watches its time"

    run(main)
