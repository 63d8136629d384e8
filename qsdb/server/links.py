"""`Link`: one WebSocket and the session behind it.

Two tasks serve it. One reads frames and has the session handle their messages; what
takes long goes to a thread, and the next message waits for it. The other one sends what
the outbox gives, when it is woken and as fast as the client reads. Neither waits for
the other, but nothing more is read from a client for whom too much waits.

A frame can have very many messages, and frames can come one right after another: after
some milliseconds other clients have a turn.

A session that is to end obeys no more; what is due is sent, and then it is closed. It
is cut off where that has no end: when more waits for a client than may, when the disk
has failed for which it waits, and when the server has waited long enough.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Future
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

WAITED_SECONDS = 0.001
"""A frame that took longer to come was waited for."""

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
        self._job: Future[object] | None = None
        self._code = GOING_AWAY
        self._is_cut = False
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
        if self.session.peer.outbox.is_overfull and not self._is_cut:
            self._code = TOO_MUCH
            self._cut()

    def cut(self, reason: str) -> None:
        """Have it end without what is still to be sent; in the event loop."""
        self.session.stop(reason)
        self._cut()

    def _cut(self) -> None:
        self._is_cut = True
        if self._writing is not None:
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
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            fault = _fault_of(reading) or _fault_of(writing)
            if fault is not None:
                await _stopped(writing)
                await self._fail(send, fault)
            elif not reading.done() and self.session.ending is not None:
                await self._close(send, self._code, self.session.ending)
        finally:
            await _stopped(reading, writing)

    async def end(self) -> None:
        """Disconnect, when what the client has wanted last is done."""
        if self._job is not None:
            waiting = asyncio.wrap_future(self._job)
            await asyncio.gather(waiting, return_exceptions=True)
        try:
            await self._elsewhere(self.session.end)
        except ClosedError:  # so nothing is to be waited for
            self.session.end()

    async def _elsewhere(self, job: Job) -> None:
        """Have a thread do something.

        Raises:
            ClosedError: the database is closed.
        """
        self._job = future = self._pool.submit(job)
        try:
            await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ClosedError("the database is closed") from None

    async def _read(self, receive: Receive) -> None:
        """Handle what the client sends, until it has gone.

        Raises:
            ProtocolError: it sends what is no message.
        """
        clock = self._loop.time
        until = clock() + TURN_SECONDS
        while True:
            asked = clock()
            received = await receive()
            if received["type"] != "websocket.receive":
                return
            if clock() - asked > WAITED_SECONDS:  # meanwhile others had a turn
                until = clock() + TURN_SECONDS
            data = received.get("bytes")
            if data is None:
                data = received["text"]
            if self.session.ending is None:
                until = await self._obey(data, until)

    async def _obey(self, frame: bytes | str, until: float) -> float:
        """Handle the messages of a frame; give until when it is the client's turn."""
        session, clock = self.session, self._loop.time
        for message in session.read(frame):
            if session.ending is not None:
                break
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
        return until

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
        while not self._is_cut and (session.ending is None or len(outbox)):
            await woken.wait()
            woken.clear()
            while taken := outbox.take(None if watch is None else watch.durable):
                for frame in dialect.frames(taken):
                    if not await _is_sent(send, frame, is_text=dialect.is_text):
                        return
            if watch is not None and (awaited := outbox.awaited) is not None:
                if watch.failure is not None:
                    self._code = FAILED
                    session.stop(watch.failure)
                    return
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
        with contextlib.suppress(Exception):  # it has gone, or is stuck
            await asyncio.wait_for(send(message), CLOSING_SECONDS)


async def _stopped(*tasks: "asyncio.Future[None]") -> None:
    """Have tasks end, however they do."""
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _fault_of(task: "asyncio.Future[None]") -> BaseException | None:
    """Give why a task has failed, if it has."""
    return task.exception() if task.done() and not task.cancelled() else None


async def _is_sent(send: Send, frame: bytes, *, is_text: bool) -> bool:
    """Send a frame; say whether the client was still there."""
    try:
        await send(_message(frame, is_text=is_text))
    except Exception:  # noqa: BLE001  each server below raises something else
        return False
    return True


def _message(frame: bytes, *, is_text: bool) -> Message:
    if is_text:
        return {"type": "websocket.send", "text": frame.decode()}
    return {"type": "websocket.send", "bytes": frame}
