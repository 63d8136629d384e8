"""`Session`: one client of a database, for as long as it is connected.

Messages go in, and what there is to send comes out of the outbox; nothing here knows of
sockets. A session is told of commits like any receiver of live queries, by whichever
thread commits, and puts into the outbox what they did. What is the same in all
versions of the protocol is here; see

* `qsdb.server.v2_sessions`: versions 2 and 3, which differ in frames alone;
* `qsdb.server.v1_sessions`: the version of 1.x SDKs, as BSATN or as JSON;
* `qsdb.server.session_calls`: calls of reducers and procedures;
* `qsdb.server.outboxes`: the order of all that is sent.
"""

import abc
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from qsdb.errors import ClosedError, QueryError
from qsdb.runtime.batches import Batch
from qsdb.runtime.call_contexts import Sender
from qsdb.server.call_tables import Remote
from qsdb.server.hosts import Served
from qsdb.server.outboxes import Outbox
from qsdb.server.peers import Peer, SessionOptions
from qsdb.server.query_sets import ServedQuery
from qsdb.server.session_calls import SessionCalls

__all__ = ["INLINE_BYTES", "AnySession", "Job", "Session", "do_now", "now_or_later"]

M = TypeVar("M")

TOO_SLOW = "it reads too slowly: too many changes wait for it"

Job = Callable[[], object]
"""What takes long, to be done on another thread before the next message is handled."""

INLINE_BYTES = 32 << 10
"""A frame, or arguments, not longer than this are read at once, where others wait: at
the worst, that takes some milliseconds."""


def do_now(job: Job | None) -> None:
    """Do what takes long, if anything does, on this thread, which is another one."""
    if job is not None:
        job()


def now_or_later(part: Callable[[], Job | None], *, is_later: bool) -> Job | None:
    """Do what takes no time, and give back what does.

    Args:
        part: What is to be done; gives back what takes long of that.
        is_later: Whether it takes long itself.
    """
    return (lambda: do_now(part())) if is_later else part()


class Session(abc.ABC, Generic[M]):
    """One client of a database, which sends messages of one kind.

    Attributes:
        peer: Who it is, and what it is to be sent.
        calls: What it calls.
        confirmed: False: it is told of each commit at once, and the outbox waits.
        is_prompt: True, for the same reason.
        moments: As receivers have it.
        ending: Why it is to end by itself, in words for the client; None as long as it
            goes on.
    """

    confirmed = False
    is_prompt = True

    def __init__(
        self,
        served: Served,
        sender: Sender,
        options: SessionOptions,
        wake: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            served: The database.
            sender: Who connects; calls do not wait for the disk, the outbox does.
            options: How it is served.
            wake: Is called, by any thread, when there may be something to send.
        """
        outbox = Outbox(self._encoded, options.rows_max)
        self.peer = Peer(served, sender, options, outbox, wake)
        self.calls = SessionCalls(self.peer, self._written)
        self._is_over = False
        self.moments = 0
        self.ending: str | None = None

    # What the client says.

    def begin(self, token: str) -> None:
        """Connect: the module is asked, and the client is told who it is.

        Args:
            token: With which the client will be the same again.

        Raises:
            AccessError: the module refuses.
            ClosedError, StorageError: it cannot be noted.
        """
        peer = self.peer
        if peer.access.clients is not None:
            peer.access.clients.connect(peer.sender)
        peer.access.subscriptions.connect(self)
        store = peer.access.calls.writer.directory.store
        if store.is_closed:  # and all others were told
            raise ClosedError("the database is closed")
        peer.send(self._first(token))

    @abc.abstractmethod
    def _first(self, token: str) -> bytes:
        """Make the message that tells a client who it is."""
        ...

    @abc.abstractmethod
    def read(self, frame: bytes | str) -> Iterable[M]:
        """Read the messages of a frame, one after another.

        Raises:
            ProtocolError: while they are gone through: one is none.
        """
        ...

    def quick(self, frame: bytes) -> M | None:
        """Read a frame that is one message, handled in no time; None if it is none.

        Args:
            frame: It; nothing of it was read before.
        """
        return None

    @abc.abstractmethod
    def handle(self, message: M) -> Job | None:
        """Obey a message; what takes long is given back, to be done elsewhere.

        That is to be done before the next message is handled.

        Raises:
            ProtocolError: the message breaks the rules of the protocol; the client is
                to be ended.
        """
        ...

    def _written(self, found: Remote, result: object) -> bytes | None:
        """Write what a function gave; None if it is not what was declared."""
        return found.write(result)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be read from the client for now."""
        most = self.peer.options.procedures_max
        return self.peer.outbox.is_full or self.calls.running >= most

    def end(self) -> None:
        """Disconnect: nothing more is told, and the module is told; twice is no error.

        It may wait for the disk.
        """
        if self._is_over:
            return
        self._is_over = True
        peer = self.peer
        peer.access.subscriptions.leave(self._queries())
        if peer.access.clients is not None:
            peer.access.clients.disconnect(peer.sender)

    @abc.abstractmethod
    def _queries(self) -> list[ServedQuery[Any]]:
        """Give all queries that are kept current."""
        ...

    # What is told of commits, by any thread that commits.

    def receive(self, batch: Batch) -> None:
        """Take a commit in; by whoever commits, under the writer lock."""
        batch.is_told = True
        if batch.has_failed or batch.published is not None:
            self._take_ends(batch)
        if self.calls.is_calling and self.calls.take(batch):
            return
        peer = self.peer
        outbox, wake = peer.outbox, peer.wake  # in the way of all who are told
        outbox.put_batch(batch)
        if outbox.is_overfull:
            self.stop(TOO_SLOW)
        else:
            wake()

    def _take_ends(self, batch: Batch) -> None:
        """Have no more told of what has failed, or end with the module."""
        published = batch.published
        if published is not None and published.ends is not None:
            # The steps of a migration may name what is private.
            why = "another module was published, with which clients cannot go on"
            self.stop(str(published.ends) if self.peer.is_owner else why)
        for query, what in batch.parts:
            if isinstance(what, QueryError):
                assert isinstance(query, ServedQuery)
                query.owner.has_failed = True
                self.peer.access.subscriptions.unread.extend(query.owner.queries)

    def bound(self) -> None:
        """See that no more waits for a client that reads slowly than may."""
        self.peer.outbox.bound()
        if self.peer.outbox.is_overfull:
            self.stop(TOO_SLOW)

    @abc.abstractmethod
    def _encoded(self, batch: Batch) -> Sequence[bytes]:
        """Make the messages that tell of a batch."""
        ...

    def moment_of(self, origin: object) -> int:
        """Say after which of its moments a commit is; it has none of its own."""
        return 0

    def ended(self) -> None:
        """Take in that the database is closed."""
        self.stop("the database is closed")

    def stop(self, reason: str, *, waits: bool = False) -> None:
        """Have it end, once what is due is sent.

        Args:
            reason: Why, in words for the client.
            waits: Whether procedures that run may still come to their end; if not,
                their callers are told at once that there will be no other answer.
        """
        self.peer.outbox.is_ending = True
        if self.ending is None:
            self.ending = reason
        if not waits:
            self.calls.abandon(reason)
        self.peer.wake()


AnySession = Session[Any]
