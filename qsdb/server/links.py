"""`Link`: one WebSocket and the session behind it.

Frames are read one by one, and the session handles their messages; what takes long goes
to a thread, and the next message waits for it. What the outbox gives is written as soon
as it is due and the client reads fast enough: after each frame that was handled, and
when the session is woken, by whichever thread. Of all that is committed in one turn of
the event loop a client so has one frame.

A frame can have very many messages: after some milliseconds other clients have a turn.
Nothing more is read from a client for whom too much waits.
"""

import asyncio
import contextlib
import logging
import threading

from qsdb.errors import QsdbError
from qsdb.runtime.call_contexts import Sender
from qsdb.server.dialects import Dialect
from qsdb.server.durable_watch import DurableWatch
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from qsdb.server.sessions import Job
from qsdb.server.wires import Wire

__all__ = ["Link"]

_LOGGER = logging.getLogger("qsdb.server")

TURN_SECONDS = 0.01
"""So long messages of one client are handled at a stretch."""

GOING_AWAY, FAILED, TOO_MUCH = 1001, 1011, 1013


class Link:
    """One WebSocket and the session behind it.

    Attributes:
        session: It.
    """

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
        self._watch = watch if options.confirmed else None
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._wire: Wire | None = None
        self._is_due = False
        self._drained = asyncio.Event()
        self._over = asyncio.Event()
        self._pool = served.access.procedures.pool

    def wake(self) -> None:
        """Have what is due written; from any thread."""
        if threading.get_ident() == self._thread:
            self._look()
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write what is due, as long as the client reads it."""
        self._is_due = False
        wire, watch, session = self._wire, self._watch, self.session
        if wire is None:
            return
        outbox, dialect = session.peer.outbox, self._dialect
        while wire.is_ready:
            taken = outbox.take(None if watch is None else watch.durable)
            if not taken:
                break
            wire.write(dialect.frames(taken), is_text=dialect.is_text)
        if watch is not None and (awaited := outbox.awaited) is not None:
            watch.want(awaited, self.wake)
        if not self._drained.is_set():
            self._drained.set()
        if session.ending is not None and (outbox.is_overfull or not len(outbox)):
            self._over.set()

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

    async def run(self, wire: Wire) -> None:
        """Serve until either side has enough."""
        self._wire = wire
        wire.on_ready = self._look
        self._look()
        reading = asyncio.ensure_future(self._read(wire))
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((reading, over), return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and (fault := reading.exception()) is not None:
                await self._fail(wire, fault)
            elif self.session.ending is not None:
                is_behind = self.session.peer.outbox.is_overfull
                code = TOO_MUCH if is_behind else GOING_AWAY
                await wire.close(code, self.session.ending)
        finally:
            self._wire = wire.on_ready = None
            reading.cancel()
            over.cancel()
            await asyncio.gather(reading, over, return_exceptions=True)

    async def end(self) -> None:
        """Disconnect."""
        await self._elsewhere(self.session.end)

    async def _elsewhere(self, job: Job) -> None:
        await asyncio.wrap_future(self._pool.submit(job))

    async def _read(self, wire: Wire) -> None:
        """Handle what the client sends, until it has gone.

        Raises:
            ProtocolError: it sends what is no message.
        """
        session, clock = self.session, self._loop.time
        while (frame := await wire.next()) is not None:
            until = clock() + TURN_SECONDS
            for message in session.read(frame):
                job = session.handle(message)
                if job is not None:
                    await self._elsewhere(job)
                elif clock() > until:
                    self._flush()
                    await asyncio.sleep(0)
                    until = clock() + TURN_SECONDS
                if session.is_full:
                    await self._drain()
            self._flush()

    async def _drain(self) -> None:
        """Wait until the client has read enough of what it is to be sent."""
        self._look()
        while self.session.is_full:
            self._drained.clear()
            await self._drained.wait()

    async def _fail(self, wire: Wire, fault: BaseException) -> None:
        """Close since the client, or what it wanted, has failed."""
        self._flush()
        if isinstance(fault, QsdbError):
            await wire.close(FAILED, str(fault))
        else:
            _LOGGER.error("a session failed", exc_info=fault)
            await wire.close(FAILED, "the server failed; its log says more")
