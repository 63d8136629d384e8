"""`Link`: one WebSocket and the session behind it.

Two tasks serve it. One reads frames and has the session handle their messages; what
takes long goes to a thread, and the next message waits for it. The other one sends what
the outbox gives, when it is woken and as fast as the client reads. Neither waits for
the other, but nothing more is read from a client for whom too much waits.

A frame can have very many messages: after some milliseconds other clients have a turn.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from qsdb.errors import ClosedError, QsdbError
from qsdb.runtime.call_contexts import Sender
from qsdb.server.dialects import Dialect
from qsdb.server.durable_watch import DurableWatch
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from qsdb.server.sessions import Job

__all__ = ["Link", "Receive", "Send"]

_LOGGER = logging.getLogger("qsdb.server")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TURN_SECONDS = 0.01
"""So long messages of one client are handled at a stretch."""

GOING_AWAY, FAILED, TOO_MUCH = 1001, 1011, 1013
CLOSING_SECONDS = 2
"""A client that takes longer is cut off."""

REASON_BYTES_MAX = 120
"""What fits into the frame that closes a WebSocket."""


class Link:
    """One WebSocket and the session behind it."""

    def __init__(
        self,
        served: Served,
        sender: Sender,
        options: SessionOptions,
        dialect: Dialect,
        watch: DurableWatch | None,
    ) -> None:
        """Prepare; in the event loop.

        Args:
            served: The database.
            sender: Who connects.
            options: How it is served.
            dialect: What is spoken.
            watch: Tells what is on the disk; None if nobody waits for that.
        """
        self.session = dialect.session(served, sender, options, self.wake)
        self._dialect = dialect
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._woken = asyncio.Event()
        self._drained = asyncio.Event()
        self._writing: asyncio.Future[None] | None = None
        self._pool = served.access.procedures.pool

    def wake(self) -> None:
        """Have what is due sent; from any thread."""
        if threading.get_ident() == self._thread:
            self._look()
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._woken.set()
        if self.session.peer.outbox.is_overfull and self._writing is not None:
            self._writing.cancel()  # which may wait for the client to read

    async def begin(self, token: str) -> None:
        """Connect.

        Raises:
            AccessError: the module refuses.
            ClosedError, StorageError: it cannot be noted.
        """
        access = self.session.peer.access
        if access.clients is None or not access.clients.are_noted:
            self.session.begin(token)
        else:
            await self._elsewhere(lambda: self.session.begin(token))

    async def run(self, receive: Receive, send: Send) -> None:
        """Serve until either side has enough."""
        reading = asyncio.ensure_future(self._read(receive))
        self._writing = writing = asyncio.ensure_future(self._write(send))
        tasks = (reading, writing)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and (fault := reading.exception()) is not None:
                await self._stop_writing()
                await self._fail(send, fault)
            elif self.session.ending is not None:
                is_behind = self.session.peer.outbox.is_overfull
                code = TOO_MUCH if is_behind else GOING_AWAY
                await self._close(send, code, self.session.ending)
        finally:
            reading.cancel()
            await asyncio.gather(reading, self._stop_writing(), return_exceptions=True)

    async def _stop_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def end(self) -> None:
        """Disconnect."""
        try:
            await self._elsewhere(self.session.end)
        except ClosedError:  # of a database that is closed nothing has to be waited for
            self.session.end()

    async def _elsewhere(self, job: Job) -> None:
        await asyncio.wrap_future(self._pool.submit(job))

    async def _read(self, receive: Receive) -> None:
        """Handle what the client sends, until it has gone.

        Raises:
            ProtocolError: it sends what is no message.
        """
        session, clock = self.session, self._loop.time
        while True:
            received = await receive()
            if received["type"] != "websocket.receive":
                return
            data = received.get("bytes")
            if data is None:
                data = received["text"]
            until = clock() + TURN_SECONDS
            for message in session.read(data):
                job = session.handle(message)
                if job is not None:
                    await self._elsewhere(job)
                elif clock() > until:
                    self._woken.set()
                    await asyncio.sleep(0)
                    until = clock() + TURN_SECONDS
                if session.is_full:
                    await self._drain()
            self._woken.set()

    async def _drain(self) -> None:
        """Wait until the client has read enough of what it is to be sent."""
        self._woken.set()
        while self.session.is_full:
            self._drained.clear()
            await self._drained.wait()

    async def _write(self, send: Send) -> None:
        """Send what there is to say, until the session ends by itself."""
        session, woken, dialect = self.session, self._woken, self._dialect
        outbox = session.peer.outbox
        watch = self._watch if session.peer.options.confirmed else None
        while session.ending is None or len(outbox):
            await woken.wait()
            woken.clear()
            while taken := outbox.take(None if watch is None else watch.durable):
                for frame in dialect.frames(taken):
                    await send(_message(frame, is_text=dialect.is_text))
            if watch is not None and (awaited := outbox.awaited) is not None:
                watch.want(awaited, self.wake)
            self._drained.set()

    async def _fail(self, send: Send, fault: BaseException) -> None:
        """Close since the client, or what it wanted, has failed."""
        if isinstance(fault, QsdbError):
            await self._close(send, FAILED, str(fault))
        else:
            _LOGGER.error("a session failed", exc_info=fault)
            await self._close(send, FAILED, "the server failed; its log says more")

    async def _close(self, send: Send, code: int, reason: str) -> None:
        short = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
        message = {"type": "websocket.close", "code": code, "reason": short}
        with contextlib.suppress(OSError, TimeoutError):  # it has gone, or is stuck
            await asyncio.wait_for(send(message), CLOSING_SECONDS)


def _message(frame: bytes, *, is_text: bool) -> Message:
    if is_text:
        return {"type": "websocket.send", "text": frame.decode()}
    return {"type": "websocket.send", "bytes": frame}
