"""`WebSocketProtocol`: WebSockets under the server that `qsdb.server.serving` starts.

That server is uvicorn, which reads HTTP. When a client upgrades, uvicorn hands the
connection over to a class that is named in its configuration: to this one. For the
application it is a WebSocket of ASGI like any other, and besides a `Wire`: frames go
from the socket to the session and back without tasks, queues and dictionaries between,
which takes a third of the time and half of the memory.

It pings a client from which nothing came for a while, and drops one that stays silent.
What a client sends waits in the kernel while enough of it waits here. When the server
closes, it reads on until the client closes too: to close a socket with bytes that
nobody has read would cut off what the client is still being sent.

*Source*: RFC 6455; uvicorn's interface for protocols of WebSockets.
"""

import asyncio
import contextlib
import enum
import logging
from collections import deque
from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import unquote

from uvicorn.config import Config
from uvicorn.server import ServerState

from qsdb.protocol.client_messages import CLIENT_FRAME_BYTES_MAX
from qsdb.server.websocket_frames import (
    BAD_TEXT,
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameReader,
    close_frame,
    close_reason,
    server_frame,
)
from qsdb.server.websocket_upgrade import (
    BadUpgradeError,
    Upgrade,
    http_response,
    read_upgrade,
)
from qsdb.server.wires import CLOSING_SECONDS, EXTENSION, Message, Wire

__all__ = ["WebSocketProtocol"]

_LOGGER = logging.getLogger("qsdb.server")

SILENT_SECONDS = 15.0
"""A client from which nothing came for so long is pinged; after twice that dropped."""

WAITING_BYTES_MAX = 1 << 20
"""So much of what a client has sent waits here; then no more is read."""

LONG_BYTES = 1 << 20
UNFINISHED_BYTES_MAX = 512 << 20
"""So much is kept, of all clients, of messages that are not whole yet; more of long
ones, of which there is over `LONG_BYTES`, is refused."""

LONG_SECONDS = 300.0
"""A long message that takes longer to come is given up, for it keeps others out."""

EVENT_BYTES = 256
"""Each message counts as so many bytes more: empty ones have their price."""

WRITTEN_BYTES_MAX = 256 << 10
"""So much waits for a client in the socket; then it is not ready."""

ABNORMAL, TOO_SLOW, INTERNAL, TRY_LATER = 1006, 1008, 1011, 1013
_FAILED = "the server failed; its log says more"


class _State(enum.Enum):
    ASKED = enum.auto()
    OPEN = enum.auto()
    CLOSING = enum.auto()
    CLOSED = enum.auto()


class WebSocketProtocol(asyncio.Protocol, Wire):
    """One connection, from the request to upgrade on.

    Attributes:
        is_ready: Whether more may be written.
        on_ready: Is called when that is so again.
    """

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        """Take a connection over from uvicorn."""
        self._config, self._shared, self._app_state = config, server_state, app_state
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._state = _State.ASKED
        self._reader = FrameReader(CLIENT_FRAME_BYTES_MAX)
        self._received: deque[Message] = deque()
        self._waiting_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._is_paused = False
        self._upgrade: Upgrade | None = None
        self._response: tuple[int, list[tuple[bytes, bytes]]] = (500, [])
        self._heard = self._whole = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._looked_at = LONG_BYTES
        """Unfinished bytes from which on it is looked how much others keep."""
        self._ping: bytes | None = None
        """What the client has pinged with while it did not read."""
        self.is_ready = True
        self.on_ready = None

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITTEN_BYTES_MAX)
        self._shared.connections.add(cast(Any, self))  # it has what is used of one

    def connection_lost(self, exc: Exception | None) -> None:
        """Take in that the client has gone."""
        self._shared.connections.discard(cast(Any, self))
        self._end(ABNORMAL, "")
        self._state = _State.CLOSED
        assert self._timer is not None  # to cut it off, which is done
        self._timer.cancel()
        self.resume_writing()

    def pause_writing(self) -> None:
        """Take in that the client reads slowly."""
        self.is_ready = False

    def resume_writing(self) -> None:
        """Take in that it has read enough."""
        self.is_ready = True
        ping, self._ping = self._ping, None
        if ping is not None and self._state is _State.OPEN:
            self._transport.write(server_frame(PONG, ping))
        if self.on_ready is not None:
            self.on_ready()

    def data_received(self, data: bytes) -> None:
        """Take bytes: the request first, then frames."""
        self._heard = self._loop.time()
        if self._upgrade is None:
            self._ask(data)
            return
        if self._state is _State.ASKED:
            said = b"nothing is to be sent before the answer"
            self._respond(http_response(400, [], said))
        try:
            found = self._reader.feed(data)
            if self._reader.waiting_bytes > self._looked_at:
                self._looked_at = _looked_at(self._reader, self._shared)
            for opcode, payload in found:
                if self._state is _State.OPEN:
                    self._take(opcode, payload, is_alone=len(found) == 1)
                elif opcode == CLOSE:
                    self._transport.close()
        except FrameError as error:
            self._fail(error.code, error.reason)
            self._transport.close()  # what else comes is no frame

    def shutdown(self) -> None:
        """End it, since the server goes down."""
        if self._state is _State.ASKED:
            self._respond(http_response(503, [], b"the server goes down"))
        self._fail(1012, "the server goes down")

    # The request.

    def _ask(self, data: bytes) -> None:
        """Read the request, which uvicorn has read before, and ask the application."""
        try:
            self._upgrade = upgrade = read_upgrade(data)
        except BadUpgradeError as error:
            self._respond(error.response)
            return
        self._put({"type": "websocket.connect"}, 0)
        scope = _scope_of(upgrade, self._config, self._transport)
        scope["state"] = self._app_state.copy()
        scope["extensions"][EXTENSION] = self
        task = self._loop.create_task(self._run(scope))
        self._shared.tasks.add(task)
        task.add_done_callback(self._shared.tasks.discard)

    async def _run(self, scope: dict[str, Any]) -> None:
        """Run the application, to its end."""
        try:
            await self._config.loaded_app(scope, self.receive, self.send)
        except Exception:
            _LOGGER.exception("a WebSocket's application failed")
            if self._state is _State.ASKED:
                self._respond(http_response(500, [], _FAILED.encode()))
            else:
                self._fail(INTERNAL, _FAILED)
        else:
            if self._state is _State.ASKED:
                self._respond(http_response(500, [], b"nobody has answered this"))
            elif self._state is _State.OPEN:
                self._fail(1000, "")

    # ASGI.

    async def receive(self) -> Message:
        """Give the next event, as ASGI has them."""
        while not self._received:
            if self._state in (_State.CLOSING, _State.CLOSED):
                return {"type": "websocket.disconnect", "code": ABNORMAL}
            self._waiter = self._loop.create_future()
            await self._waiter
        event = self._received.popleft()
        size = len(event.get("bytes") or event.get("text") or "")
        self._waiting_bytes -= size + EVENT_BYTES
        if self._is_paused and self._waiting_bytes <= WAITING_BYTES_MAX // 2:
            self._is_paused = False
            with contextlib.suppress(RuntimeError):  # it is closing
                self._transport.resume_reading()
        return event

    async def send(self, message: Message) -> None:
        """Take an event, as ASGI has them."""
        match message["type"]:
            case "websocket.accept" if self._state is not _State.ASKED:
                pass  # it has gone meanwhile, which `receive` tells
            case "websocket.accept":
                assert self._upgrade is not None
                headers = [*self._shared.default_headers, *message.get("headers", [])]
                self._state = _State.OPEN
                name = message.get("subprotocol")
                self._transport.write(self._upgrade.accepted(name, headers))
                self._timer = self._loop.call_later(SILENT_SECONDS, self._look)
            case "websocket.send":
                data = message.get("bytes")
                is_text = data is None
                self.write(
                    [message["text"].encode() if data is None else data],
                    is_text=is_text,
                )
            case "websocket.close" if self._state is _State.ASKED:
                self._respond(http_response(403, [], b""))
            case "websocket.close":
                await self.close(message.get("code", 1000), message.get("reason") or "")
            case "websocket.http.response.start":
                self._response = message["status"], [*message.get("headers", [])]
            case _:
                body = message.get("body", b"")
                self._respond(http_response(*self._response, body))

    def _respond(self, response: bytes) -> None:
        """Answer with HTTP, and close."""
        if self._state is _State.ASKED:
            self._transport.write(response)
            self._end(ABNORMAL, "")
            self._transport.close()

    # Frames.

    def _take(self, opcode: int, payload: bytes, *, is_alone: bool) -> None:
        """Take a message of the client."""
        if opcode == PING:
            if self.is_ready:
                self._transport.write(server_frame(PONG, payload))
            else:  # of several the last one is to be answered
                self._ping = payload
        elif opcode == CLOSE:
            code, reason = close_reason(payload)
            self._transport.write(server_frame(CLOSE, payload))
            self._end(code, reason)
            self._transport.close()
        elif opcode != PONG:
            self._whole, self._looked_at = self._heard, LONG_BYTES
            take, waiter = self.on_frame if is_alone else None, self._waiter
            is_awaited = waiter is not None and not waiter.done()
            # If it can be, it is taken without a turn of the event loop.
            if not (is_awaited and take and opcode == BINARY and take(payload)):
                self._put(_received(opcode, payload), len(payload))

    def _put(self, event: Message, size: int) -> None:
        self._received.append(event)
        self._waiting_bytes += size + EVENT_BYTES
        if self._waiting_bytes > WAITING_BYTES_MAX and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next(self) -> bytes | str | None:
        event = await self.receive()
        if event["type"] != "websocket.receive":
            return None
        data: bytes | None = event.get("bytes")
        if data is not None:
            return data
        text: str = event["text"]
        return text

    def write(self, frames: Iterable[bytes], *, is_text: bool) -> None:
        if self._state is _State.OPEN:
            opcode = TEXT if is_text else BINARY
            data = b"".join([server_frame(opcode, each) for each in frames])
            self._transport.write(data)

    async def close(self, code: int, reason: str) -> None:
        self._fail(code, reason)

    def _fail(self, code: int, reason: str) -> None:
        """Close; what was written before is sent, if the client takes it."""
        if self._state is _State.OPEN:
            self._transport.write(close_frame(code, reason))
            self._end(code, reason)
            with contextlib.suppress(RuntimeError):  # it was not paused
                self._transport.resume_reading()

    def _look(self) -> None:
        """Ping a client that is silent, or drop it."""
        now = self._loop.time()
        if self._reader.waiting_bytes <= LONG_BYTES:
            self._whole = now
        elif now - self._whole >= LONG_SECONDS:
            self._fail(TOO_SLOW, f"a message did not come in {LONG_SECONDS:.0f} s")
            return
        silent = now - self._heard
        if silent >= 2 * SILENT_SECONDS:
            self._fail(1011, f"nothing was heard for {silent:.0f} s")
            self._transport.abort()
            return
        if silent >= SILENT_SECONDS:
            self._transport.write(server_frame(PING, b""))
        wait = SILENT_SECONDS - silent if silent < SILENT_SECONDS else SILENT_SECONDS
        self._timer = self._loop.call_later(wait, self._look)

    def _end(self, code: int, reason: str) -> None:
        """Tell the application that it is over, once; the client has little time."""
        if self._state in (_State.CLOSING, _State.CLOSED):
            return
        self._state = _State.CLOSING
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(CLOSING_SECONDS, self._transport.abort)
        event = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self._put(event, 0)


def _looked_at(reader: FrameReader, shared: ServerState) -> int:
    """Give when to look next how much is kept of messages that are not whole yet.

    Raises:
        FrameError: of all clients it is too much, with a long one of this client.
    """
    own = [o for o in shared.connections if isinstance(o, WebSocketProtocol)]
    kept = sum([each._reader.waiting_bytes for each in own])  # noqa: SLF001  of this module
    if kept > UNFINISHED_BYTES_MAX:
        raise FrameError(TRY_LATER, "others send long messages; try again later")
    return reader.waiting_bytes + LONG_BYTES


def _received(opcode: int, payload: bytes) -> Message:
    """Give a message of the client as an event.

    Raises:
        FrameError: it is text, and not UTF-8.
    """
    if opcode == BINARY:
        return {"type": "websocket.receive", "bytes": payload}
    try:
        return {"type": "websocket.receive", "text": payload.decode()}
    except UnicodeDecodeError:
        raise FrameError(BAD_TEXT, "a text is not UTF-8") from None


def _scope_of(
    upgrade: Upgrade, config: Config, transport: asyncio.Transport
) -> dict[str, Any]:
    """Give what ASGI tells of a request."""
    root, is_secure = config.root_path, transport.get_extra_info("sslcontext")
    return {
        "type": "websocket",
        "asgi": {"version": config.asgi_version, "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if is_secure else "ws",
        "server": transport.get_extra_info("sockname"),
        "client": transport.get_extra_info("peername"),
        "root_path": root,
        "path": root + unquote(upgrade.path.decode("latin-1")),
        "raw_path": root.encode() + upgrade.path,
        "query_string": upgrade.query,
        "headers": upgrade.headers,
        "subprotocols": upgrade.subprotocols,
        "extensions": {"websocket.http.response": {}},
    }
