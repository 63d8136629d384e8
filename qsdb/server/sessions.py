"""`Session`: one client of a database, for as long as it is connected.

Messages go in, and what there is to send comes out of the outbox; nothing here knows of
sockets. A session is told of commits like any receiver of live queries, by whichever
thread has committed, and puts into the outbox what they did. See

* `qsdb.server.session_calls`: calls of reducers and procedures;
* `qsdb.server.session_queries`: what is asked, once or to be kept current;
* `qsdb.server.outboxes`: the order of all that is sent.

This is what versions 2 and 3 of the protocol say; they differ in frames alone.
"""

from collections.abc import Callable, Mapping

from qsdb.errors import QueryError
from qsdb.protocol.client_messages import (
    CallProcedure,
    CallReducer,
    ClientMessage,
    OneOffQuery,
    Subscribe,
    Unsubscribe,
)
from qsdb.protocol.server_messages import (
    InitialConnection,
    QuerySetUpdate,
    SubscriptionError,
    TransactionUpdate,
)
from qsdb.protocol.tables import EncodedUpdate
from qsdb.runtime.batches import Batch
from qsdb.runtime.call_contexts import Sender
from qsdb.server.hosts import Served
from qsdb.server.outboxes import FULL, Outbox
from qsdb.server.peers import Peer, SessionOptions
from qsdb.server.query_sets import QuerySet, ServedQuery
from qsdb.server.session_calls import SessionCalls
from qsdb.server.session_queries import Job, SessionQueries

__all__ = ["Session"]


class Session:
    """One client of a database.

    Attributes:
        peer: Who it is, and what it is to be sent.
        confirmed: False: it is told of each commit at once, and the outbox waits.
        moments: As receivers have it.
        ending: Why it is to end by itself, in words for the client; None as long as it
            goes on.
    """

    confirmed = False

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
        self._queries = SessionQueries(self.peer, self)
        self._calls = SessionCalls(self.peer)
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
        peer, sender = self.peer, self.peer.sender
        assert sender.connection is not None
        if peer.access.clients is not None:
            peer.access.clients.connect(sender)
        peer.access.subscriptions.connect(self)
        first = InitialConnection(
            sender.identity.stored, sender.connection.stored, token
        )
        peer.send(first.encode())

    def handle(self, message: ClientMessage) -> Job | None:
        """Obey a message; what takes long is given back, to be done elsewhere.

        That is to be done before the next message is handled.

        Raises:
            ProtocolError: the message breaks the rules of the protocol; the client is
                to be ended.
        """
        match message:
            case CallReducer():
                self._calls.answer(message, self._update)
            case Subscribe():
                return self._queries.subscribe(message)
            case Unsubscribe():
                return self._queries.unsubscribe(message)
            case CallProcedure():
                self._calls.procedure(message)
            case OneOffQuery():
                return self._queries.ask_once(message)
        return None

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be read from the client for now."""
        most = self.peer.options.procedures_max
        return len(self.peer.outbox) >= FULL or self._calls.running >= most

    def end(self) -> None:
        """Disconnect: nothing more is told, and the module is told; twice is no error.

        It may wait for the disk.
        """
        if self._is_over:
            return
        self._is_over = True
        peer = self.peer
        self._queries.end_all()
        if peer.access.clients is not None:
            peer.access.clients.disconnect(peer.sender)

    # What is told of commits, by any thread.

    def receive(self, batch: Batch) -> None:
        """Take a commit in."""
        batch.is_told = True
        published = batch.published
        if published is not None and published.ends is not None:
            self.stop(str(published.ends))
        self._fail_sets(batch)
        if not self._calls.take(batch):
            self.peer.outbox.put_batch(batch)
            if self.peer.outbox.is_overfull:
                self.stop("it reads too slowly: too many changes wait for it")
        self.peer.wake()

    def _fail_sets(self, batch: Batch) -> None:
        """End the sets of which a query has failed; that is told in its turn."""
        for subscriber, what in batch.parts:
            if isinstance(what, QueryError):
                assert isinstance(subscriber, ServedQuery)
                queries = subscriber.owner.queries
                self.peer.access.subscriptions.leave(queries)

    def moment_of(self, origin: object) -> int:
        """Say after which of its moments a commit is; it has none of its own."""
        return 0

    def ended(self) -> None:
        """Take in that the database is closed."""
        self.stop("the database is closed")

    def stop(self, reason: str) -> None:
        """Have it end, once what is due is sent."""
        if self.ending is None:
            self.ending = reason
        self.peer.wake()

    # What is sent of it.

    def _encoded(self, batch: Batch) -> list[bytes]:
        """Make the messages that tell of a batch."""
        update, failed = self._sorted(batch)
        messages = _errors(failed)
        if update.query_sets:
            messages.append(update.encode())
        return messages

    def _update(self, batch: Batch) -> TransactionUpdate:
        """Make an update of what a call of the client's own did."""
        update, failed = self._sorted(batch)
        for message in _errors(failed):
            self.peer.outbox.put(batch.offset, message)
        return update

    def _sorted(
        self, batch: Batch
    ) -> tuple[TransactionUpdate, dict[QuerySet, QueryError]]:
        """Sort what a commit did by sets; those that have failed are told no more."""
        by_set: dict[QuerySet, list[EncodedUpdate]] = {}
        failed: dict[QuerySet, QueryError] = {}
        for query, what in batch.parts:
            assert isinstance(query, ServedQuery)
            query_set = query.owner
            if query_set.is_dead:
                continue
            if isinstance(what, QueryError):
                failed[query_set] = what
            else:
                encoded = query.encoder.update(what.difference)
                by_set.setdefault(query_set, []).append(encoded)
        for each in failed:
            each.is_dead = True
            by_set.pop(each, None)
        sets = [QuerySetUpdate(each.number, tuple(d)) for each, d in by_set.items()]
        return TransactionUpdate(tuple(sets)), failed


def _errors(failed: Mapping[QuerySet, QueryError]) -> list[bytes]:
    return [
        SubscriptionError(None, each.number, str(error)).encode()
        for each, error in failed.items()
    ]
