"""`SessionQueries`: what one client has asked, once or to be kept current.

A set of queries is entered between two commits, and a place is kept there for the
answer (`Outbox.reserve`). So the answer has exactly the commits before it, and what
later ones change comes behind it, whoever computes it and however long that takes.
"""

import functools
from collections.abc import Callable, Sequence

import attrs

from qsdb.errors import NotFoundError, QsdbError, QueryError
from qsdb.protocol.client_messages import (
    SEND_DROPPED_ROWS,
    OneOffQuery,
    Subscribe,
    Unsubscribe,
)
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.server_messages import (
    OneOffQueryResult,
    SubscribeApplied,
    SubscriptionError,
    UnsubscribeApplied,
)
from qsdb.protocol.tables import EncodedRows
from qsdb.runtime.asked import RepublishedError, first_result
from qsdb.runtime.batches import Receiver
from qsdb.runtime.prepared import PreparedQuery
from qsdb.server.outboxes import Place
from qsdb.server.peers import Peer
from qsdb.server.query_sets import QuerySet, ServedQuery, encoder_of
from qsdb.sql.everything import asks_for_everything, select_all
from qsdb.store.reads import ReadTransaction

__all__ = ["Job", "SessionQueries"]

Job = Callable[[], object]
"""What takes long, to be done on another thread before the next message is read."""


@attrs.define(eq=False)
class _Mark:
    """A moment between two commits, at which a place is kept."""

    reserve: Callable[[int], Place]
    offset: int
    reading: ReadTransaction | None = None
    place: Place | None = None
    is_told: bool = False

    def deliver(self) -> None:
        self.is_told = True
        self.place = self.reserve(self.offset)


class SessionQueries:
    """What one client has asked.

    Attributes:
        sets: The sets that are kept current, by the client's numbers.
    """

    __slots__ = ("_peer", "_receiver", "sets")

    def __init__(self, peer: Peer, receiver: Receiver) -> None:
        """Ask nothing yet.

        Args:
            peer: Whose.
            receiver: Who is told of commits.
        """
        self._peer = peer
        self._receiver = receiver
        self.sets: dict[int, QuerySet] = {}

    # Sets.

    def subscribe(self, message: Subscribe) -> Job | None:
        """Begin a set, or say why not.

        Raises:
            ProtocolError: the client has a set of that number.
        """
        number = message.query_set_id
        if number in self.sets:
            raise ProtocolError("Subscribe", 5, f"query set {number} is there already")
        try:
            query_set, rows = self._asked(message)
        except QsdbError as error:
            self._refuse(message, error)
            return None
        job = functools.partial(self._begin, message, query_set)
        return self._now_or_later(job, rows)

    def _asked(self, message: Subscribe) -> tuple[QuerySet, int]:
        """Read the queries of a set; say how many rows they may look at."""
        peer = self._peer
        hub, is_owner = peer.access.subscriptions, peer.is_owner
        caller, has_columns = peer.sender.identity.stored, peer.options.has_columns
        query_set = QuerySet(message.query_set_id, has_columns=has_columns)
        rows = 0
        for text in self._texts(message.query_strings):
            asked = hub.asked(text, is_owner)
            if asked.first.plan.query.parameters:
                [name, *_] = asked.first.plan.query.parameters
                fault = f"there is no value for parameter :{name}"
                raise QueryError(fault, text)
            if not is_owner:
                hub.queries.require_cheap(asked.first.plan)
            query = ServedQuery(query_set, asked, self._receiver, caller)
            query_set.queries.append(query)
            rows += self._rows(asked.first)
        return query_set, rows

    def _texts(self, texts: Sequence[str]) -> list[str]:
        """Give each different text once; ``*`` is all public tables."""
        names = self._peer.access.subscriptions.queries.public_names
        found: dict[str, None] = {}
        for text in texts:
            several = map(select_all, names) if asks_for_everything(text) else [text]
            found.update(dict.fromkeys(several))
        return [*found]

    def _begin(self, message: Subscribe, query_set: QuerySet) -> None:
        """Have a set kept current, and its first results sent."""
        peer = self._peer
        hub, caller = peer.access.subscriptions, peer.sender.identity.stored
        mark: _Mark | None = None

        def begun(offset: int) -> _Mark:
            nonlocal mark
            mark = _Mark(peer.outbox.reserve, offset)
            return mark

        self.sets[query_set.number] = query_set
        triples = [(each, each.asked, each.values) for each in query_set.queries]
        try:
            reading = hub.enter(triples, caller, begun)
        except RepublishedError:
            del self.sets[query_set.number]
            self._again(message)
            return
        except QsdbError as error:
            del self.sets[query_set.number]
            self._refuse(message, error)
            return
        hub.delivery.run()
        assert mark is not None
        assert mark.place is not None
        try:
            with reading:
                rows = self._results(query_set, reading)
            applied = SubscribeApplied(message.request_id, query_set.number, rows)
            mark.place.data = applied.encode()
        except QueryError as error:
            self.end(query_set)
            mark.place.data = _error(message.request_id, query_set.number, error)
        peer.wake()

    def _again(self, message: Subscribe) -> None:
        job = self.subscribe(message)
        if job is not None:
            job()

    def _results(
        self, query_set: QuerySet, reading: ReadTransaction
    ) -> tuple[EncodedRows, ...]:
        caller = self._peer.sender.identity.stored
        found = [
            each.first(first_result(each.asked, reading, caller, each.values))
            for each in query_set.queries
            if not each.asked.shape.is_event  # whose rows are told with their commit
        ]
        return tuple(found)

    def unsubscribe(self, message: Unsubscribe) -> Job | None:
        """End a set, and tell the rows that it had if the client wants them."""
        query_set = self.sets.get(message.query_set_id)
        if query_set is None:
            error = NotFoundError(f"there is no query set {message.query_set_id}")
            self._refuse(message, error)
            return None
        job = functools.partial(self._finish, message, query_set)
        return self._now_or_later(job, sum([each.count for each in query_set.queries]))

    def _finish(self, message: Unsubscribe, query_set: QuerySet) -> None:
        peer, number = self._peer, query_set.number
        hub = peer.access.subscriptions
        mark: _Mark | None = None

        def ended(offset: int) -> _Mark:
            nonlocal mark
            directory = peer.access.calls.writer.directory
            mark = _Mark(peer.outbox.reserve, offset, directory.read())
            return mark

        hub.leave(query_set.queries, ended)
        self.sets.pop(number, None)
        hub.delivery.run()
        assert mark is not None
        assert mark.reading is not None
        assert mark.place is not None
        request_id, rows = message.request_id, None
        try:
            with mark.reading as reading:
                if message.flags == SEND_DROPPED_ROWS:
                    rows = self._results(query_set, reading)
            mark.place.data = UnsubscribeApplied(request_id, number, rows).encode()
        except QueryError as error:
            mark.place.data = _error(request_id, number, error)
        peer.wake()

    def end(self, query_set: QuerySet) -> None:
        """End a set of which nothing more is to be told."""
        query_set.is_dead = True
        self.sets.pop(query_set.number, None)
        self._peer.access.subscriptions.leave(query_set.queries)

    def end_all(self) -> None:
        """End all sets."""
        sets = [*self.sets.values()]
        self.sets.clear()
        queries = [query for each in sets for query in each.queries]
        self._peer.access.subscriptions.leave(queries)

    # Queries that are asked once.

    def ask_once(self, message: OneOffQuery) -> Job | None:
        """Answer a query."""
        peer, text = self._peer, message.query_string
        try:
            prepared, read = peer.access.select(text, peer.sender.identity)
            place = 0 if peer.options.has_columns else None
            encoder = encoder_of(prepared, place, text)
        except QsdbError as error:
            peer.send(OneOffQueryResult(message.request_id, str(error)).encode())
            return None

        def answer() -> None:
            result: tuple[EncodedRows, ...] | str
            try:
                result = (encoder.rows(read()),)
            except QsdbError as error:
                result = str(error)
            peer.send(OneOffQueryResult(message.request_id, result).encode())

        return self._now_or_later(answer, self._rows(prepared))

    # What takes long.

    def _rows(self, prepared: PreparedQuery) -> int:
        """Say how many rows a query may look at: all of its tables'."""
        return sum([each.table.count for each in prepared.entries])

    def _now_or_later(self, job: Job, rows: int) -> Job | None:
        """Do what takes no time, and give back what does."""
        if rows > self._peer.options.inline_rows:
            return job
        job()
        return None

    def _refuse(self, message: Subscribe | Unsubscribe, error: QsdbError) -> None:
        number = message.query_set_id
        self._peer.send(_error(message.request_id, number, error))


def _error(request_id: int | None, number: int, error: QsdbError) -> bytes:
    return SubscriptionError(request_id, number, str(error)).encode()
