"""`Link`: one WebSocket and the session behind it.

Frames are read one by one, and the session handles their messages; what takes long goes
to a thread, and the next message waits for it. What the outbox gives is written when it
is due and the client reads fast enough: after each frame that was handled, and when the
session is woken, by whichever thread, at the pace of `qsdb.server.pacing`. Nothing more
is read from a client for whom too much waits.

Who sends more messages in a second than are handled of one client in that time is not
read from until it is over; so the next ones wait with whoever sends them.

A frame can have very many messages, and frames can come one right after another: after
some milliseconds other clients have a turn. What is long is read on a thread, too
(`qsdb.server.long_frames`).

A session that is to end obeys no more; what is due is sent, when its procedures have an
answer, and then it is closed. It is cut off where that has no end: when more waits for
a client than may, when the disk has failed for which it waits, and when the server has
waited long enough.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from qsdb.errors import QsdbError
from qsdb.runtime.call_contexts import Sender
from qsdb.server.dialects import Dialect
from qsdb.server.durable_watch import DurableWatch
from qsdb.server.exits import EXITS, ExitedError, contained
from qsdb.server.hosts import Served
from qsdb.server.long_frames import LongFrame
from qsdb.server.pacing import Pace
from qsdb.server.peers import SessionOptions
from qsdb.server.sessions import INLINE_BYTES, Job
from qsdb.server.wires import Wire

__all__ = ["Link"]

_LOGGER = logging.getLogger("qsdb.server")

TURN_SECONDS = 0.01
"""So long messages of one client are handled at a stretch."""

ANSWERED_AT_ONCE = 16
"""After so many what is due is written: so the client goes on beside the server."""

MANY_COMMITS = 64
"""Before a frame is through, the disk is asked for so many: a sync costs as much as
several commits, and those that come later would need another one."""

MESSAGES_AT_ONCE = 8
"""After so many it is looked whether the turn is over, and how much waits."""

SINGLES_MIN = 8
"""After so many calls, each in a frame of its own, a client seems to wait for each."""

RATE_SECONDS = 1.0
"""In so long a client has as many messages handled as it may have."""

WAITED_SECONDS = 0.001
"""A frame that took longer to come was waited for."""

NORMAL, GOING_AWAY, FAILED, TOO_MUCH = 1000, 1001, 1011, 1013


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
        self._traffic = served.traffic
        self._pace = pace = Pace(self._flush, self._want)
        self.session = dialect.session(served, sender, options, pace.wake)
        pace.outbox = self.session.peer.outbox
        self._dialect = dialect
        self._watch = watch if options.confirmed else None
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._wire: Wire | None = None
        self._drained = asyncio.Event()
        self._over = asyncio.Event()
        self._job: Future[object] | None = None
        self._code = GOING_AWAY
        self._singles = 0  # calls that came alone, one after the other
        self._messages_max = self._left = options.messages_max
        self._began = self._loop.time()  # when so many were left
        self._pool = served.pool

    def _flush(self, commits_min: int = 1) -> None:
        """Write what is due, as long as the client reads it.

        Args:
            commits_min: The disk is asked for no fewer than these.
        """
        self._pace.begin()
        wire, outbox = self._wire, self.session.peer.outbox
        if wire is None:
            return
        try:
            self._write(wire)
        except Exception:
            _LOGGER.exception("what a client is to be told cannot be made")
            self._wire, self._code = None, FAILED
            self.cut("the server failed; its log says more")
            return
        if not wire.is_ready:
            self.session.bound()
        self._drained.set()
        if not self._ask_the_disk(commits_min):
            return
        if outbox.is_overfull:
            self._code = TOO_MUCH
            self._over.set()
        elif wire.has_gone or (self._is_to_end and wire.is_ready and not len(outbox)):
            self._over.set()

    def _ask_the_disk(self, commits_min: int) -> bool:
        """Have synced what is waited for; give False if that can never be."""
        watch, outbox = self._watch, self.session.peer.outbox
        if watch is None or (awaited := outbox.awaited) is None:
            return True
        if watch.failure is not None:
            self._code = FAILED
            self.cut(watch.failure)
            return False
        if watch.wanted < awaited < watch.wanted + commits_min:
            return True  # for now
        has_time = outbox.may_wait and self._pace.has_time()
        watch.want(awaited, None if has_time else self._pace.wake)
        return True

    def _want(self) -> None:
        """Have synced what is written later."""
        watch, awaited = self._watch, self.session.peer.outbox.awaited
        if watch is not None and awaited is not None and watch.failure is None:
            watch.want(awaited, None)

    def _write(self, wire: Wire) -> None:
        watch, outbox, dialect = self._watch, self.session.peer.outbox, self._dialect
        traffic = self._traffic
        while wire.is_ready:
            taken = outbox.take(None if watch is None else watch.durable)
            if not taken:
                return
            self._pace.note()
            traffic.messages_out += len(taken)
            traffic.bytes_out += sum(map(len, taken))
            wire.write(dialect.frames(taken), is_text=dialect.is_text)

    @property
    def _is_to_end(self) -> bool:
        session = self.session
        return session.ending is not None and not session.calls.running

    def cut(self, reason: str) -> None:
        """Have it end without what is still to be sent; from any thread."""
        self.session.stop(reason)
        if threading.get_ident() == self._thread:
            self._over.set()
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._over.set)

    async def begin(self, token: str) -> None:
        """Connect.

        Raises:
            AccessError: the module refuses.
            ClosedError, StorageError: it cannot be noted.
            ExitedError: the module wants to end more than that.
        """
        access = self.session.peer.access
        if access.clients is None or not access.clients.are_noted:
            contained(lambda: self.session.begin(token))
        else:
            await self._elsewhere(lambda: self.session.begin(token))

    async def run(self, wire: Wire) -> None:
        """Serve until either side has enough."""
        self._wire = wire
        self._traffic.clients += 1
        wire.on_ready, wire.on_frame = self._pace.look, self._take
        self._pace.look()
        reading = asyncio.ensure_future(self._read(wire))
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((reading, over), return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and (fault := reading.exception()) is not None:
                await self._fail(wire, fault)
            elif not reading.done() and self.session.ending is not None:
                await self._close(wire, self._code, self.session.ending)
            else:
                self._traffic.closings[NORMAL] += 1
        finally:
            self._traffic.clients -= 1
            self._wire = wire.on_ready = wire.on_frame = None
            reading.cancel()
            over.cancel()
            await asyncio.gather(reading, over, return_exceptions=True)

    async def end(self) -> None:
        """Disconnect, when what the client has wanted last is done."""
        if self._job is not None:
            waiting = asyncio.wrap_future(self._job)
            await asyncio.gather(waiting, return_exceptions=True)
        await self._elsewhere(self.session.end)

    async def _elsewhere(self, job: Job) -> None:
        """Have a thread do something."""
        self._job = self._pool.submit(contained, job)
        await asyncio.wrap_future(self._job)

    def _take(self, frame: bytes) -> bool:
        """Obey a call at once, if the client seems to wait for each answer.

        It saves half of the time until the answer. Who has many calls in flight sends
        several together, as long as they are answered together.
        """
        session, traffic = self.session, self._traffic
        message = session.quick(frame)
        self._singles = 0 if message is None else self._singles + 1
        if message is None or self._singles < SINGLES_MIN:
            return False
        if session.ending is not None or session.is_full or self._left <= 1:
            return False
        self._left -= 1
        traffic.bytes_in += len(frame)
        traffic.messages_in += 1
        try:
            session.handle(message)
        except Exception:
            _LOGGER.exception("a session failed")
            self._code = FAILED
            self.cut("the server failed; its log says more")
        self._flush()
        return True

    async def _read(self, wire: Wire) -> None:
        """Handle what the client sends, until it has gone.

        Raises:
            ProtocolError: it sends what is no message.
        """
        clock = self._loop.time
        asked = clock()
        until = asked + TURN_SECONDS
        while (frame := await wire.next()) is not None:
            now = clock()
            if now - asked > WAITED_SECONDS:  # meanwhile others had a turn
                until = now + TURN_SECONDS
            if self.session.ending is None:
                self._traffic.bytes_in += len(frame)
                if len(frame) <= INLINE_BYTES:
                    until = await self._obey(self.session.read(frame), until)
                else:
                    until = await self._obey_long(LongFrame(self.session, frame), until)
                self._flush()
            asked = clock()

    async def _obey_long(self, frame: LongFrame, until: float) -> float:
        """Handle messages of a frame that takes long to read."""
        while self.session.ending is None:
            await self._elsewhere(frame.read_some)
            if not frame.messages:
                break
            until = await self._obey(frame.messages, until)
            self._flush()  # the next ones may take long to read
        if frame.fault is not None:
            raise frame.fault
        return until

    async def _obey(self, messages: Iterable[Any], until: float) -> float:
        """Handle messages; give until when it is the client's turn."""
        session, count = self.session, 0
        handle, traffic = session.handle, self._traffic
        for message in messages:
            if session.ending is not None:
                break
            count += 1
            try:
                job = handle(message)
            except EXITS as error:  # of a view, say: the event loop would end
                raise ExitedError(f"it raised {type(error).__name__}") from error
            self._left -= 1
            if job is not None:
                self._flush()  # which may take long
                await self._elsewhere(job)
            if not count % ANSWERED_AT_ONCE:
                self._flush(MANY_COMMITS)
            if job is not None or not count % MESSAGES_AT_ONCE:
                until = await self._pause(until)  # long answers are not piled up
        traffic.messages_in += count
        if count > 1:
            self._singles = 0
        return await self._pause(until)

    async def _rest(self) -> None:
        """Wait until the client may have messages handled again."""
        self._flush()
        await asyncio.sleep(max(0.0, self._began + RATE_SECONDS - self._loop.time()))
        self._began, self._left = self._loop.time(), self._messages_max

    async def _pause(self, until: float) -> float:
        """Let others have their turn if it is time; give until when the next one is."""
        if self._left <= 0:
            await self._rest()
        if self._loop.time() > until:
            self._flush()
            await asyncio.sleep(0)
            until = self._loop.time() + TURN_SECONDS
        if self.session.is_full:
            await self._drain()
        return until

    async def _drain(self) -> None:
        """Wait until the client has read enough of what it is to be sent."""
        self._pace.look()
        while self.session.is_full:
            self._drained.clear()
            await self._drained.wait()

    async def _fail(self, wire: Wire, fault: BaseException) -> None:
        """Close since the client, or what it wanted, has failed."""
        self._flush()
        if isinstance(fault, QsdbError):
            await self._close(wire, FAILED, str(fault))
        else:
            _LOGGER.error("a session failed", exc_info=fault)
            await self._close(wire, FAILED, "the server failed; its log says more")

    async def _close(self, wire: Wire, code: int, reason: str) -> None:
        self._traffic.closings[code] += 1
        await wire.close(code, reason)
