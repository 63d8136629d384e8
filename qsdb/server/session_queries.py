"""`SessionQueries`: what one client has asked, once or to be kept current.

Sets of queries begin and end between two commits (`qsdb.server.moments`), all of a set
or none. What looks at much is done on another thread (`qsdb.server.weighing`), and the
client's next message waits for it.
"""

import functools
from collections.abc import Callable

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
from qsdb.protocol.tables import EncodedRows, TableEncoder
from qsdb.runtime.asked import RepublishedError
from qsdb.runtime.batches import Receiver
from qsdb.server.moments import Moment, begin, finish
from qsdb.server.peers import Peer
from qsdb.server.query_sets import (
    QuerySet,
    ServedQuery,
    asked_by,
    encoder_of,
    is_much_to_read,
    require_light,
    require_room,
    texts_of,
)
from qsdb.server.sessions import Job, do_now, now_or_later
from qsdb.server.weighing import Work, is_long, work_of
from qsdb.sql.readable import StoredRow

__all__ = ["SessionQueries"]


Set = QuerySet[TableEncoder]
Results = list[tuple[ServedQuery[TableEncoder], list[StoredRow]]]


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
        self.sets: dict[int, Set] = {}

    # Sets.

    def subscribe(self, message: Subscribe) -> Job | None:
        """Begin a set, or say why not.

        Raises:
            ProtocolError: the client has a set of that number.
        """
        number = message.query_set_id
        if number in self.sets:
            raise ProtocolError("Subscribe", 5, f"query set {number} is there already")
        if is_much_to_read(message.query_strings):
            return lambda: do_now(self._subscribe(message))
        return self._subscribe(message)

    def _subscribe(self, message: Subscribe) -> Job | None:
        try:
            query_set, work = self._asked(message)
        except QsdbError as error:
            self._refuse(message, error)
            return None
        job = functools.partial(self._begin, message, query_set, work)
        return now_or_later(job, is_later=work.is_much(self._peer.options))

    def _asked(self, message: Subscribe) -> tuple[Set, Work]:
        """Read the queries of a set; say how much they may look at."""
        peer, work = self._peer, Work()
        query_set: Set = QuerySet(message.query_set_id, peer.sender.identity.stored)
        texts = texts_of(peer, message.query_strings)
        kept = [query for each in [*self.sets.values()] for query in each.queries]
        require_room(peer, [each.asked.text for each in kept], texts)
        for number, text in enumerate(texts):
            asked = asked_by(peer, text)
            place = number if peer.options.has_columns else None
            encoder = encoder_of(asked.first, place, text)
            query = ServedQuery(query_set, asked, self._receiver, encoder)
            query_set.queries.append(query)
            work += work_of(peer, asked.first)
        require_light(peer, [each.asked for each in [*kept, *query_set.queries]])
        return query_set, work

    def _begin(self, message: Subscribe, query_set: Set, work: Work) -> Job | None:
        """Have a set kept current, and its first results sent."""
        peer = self._peer
        self.sets[query_set.number] = query_set
        try:
            moment = begin(peer, query_set.queries)
        except RepublishedError:
            del self.sets[query_set.number]
            return self._subscribe(message)
        except QsdbError as error:
            del self.sets[query_set.number]
            self._refuse(message, error)
            return None
        number = query_set.number
        try:
            results = self._results(query_set, moment)
        except QueryError as error:
            self.end(query_set)
            refusal = _error(message.request_id, number, peer.said(error))
            self._fill(moment, lambda: refusal)
            return None

        def encoded() -> bytes:
            rows = _encoded(results)
            return SubscribeApplied(message.request_id, number, rows).encode()

        return self._answer(moment, encoded, results, work)

    def _results(self, query_set: Set, moment: Moment) -> Results:
        with moment.reading:
            found = [
                (each, moment.rows(each))
                for each in query_set.queries
                if not each.asked.shape.is_event
            ]
        for query, rows in found:
            query.count = len(rows)
        return found

    def _answer(
        self,
        moment: Moment,
        encoded: Callable[[], bytes],
        results: Results,
        work: Work,
    ) -> Job | None:
        """Have an answer sent at its place; what takes long to encode is given back."""
        options = self._peer.options
        is_later = not work.is_known and is_long(options, [r for _, r in results])
        job = functools.partial(self._fill, moment, encoded)
        return now_or_later(job, is_later=is_later)

    def _fill(self, moment: Moment, encoded: Callable[[], bytes]) -> None:
        self._peer.outbox.fill(moment.place, encoded())
        self._peer.wake()

    def unsubscribe(self, message: Unsubscribe) -> Job | None:
        """End a set, and tell the rows that it had if the client wants them."""
        query_set = self.sets.get(message.query_set_id)
        if query_set is None:
            self._refuse(message, _missing(message.query_set_id))
            return None
        work = Work()
        if message.flags == SEND_DROPPED_ROWS:
            for each in query_set.queries:
                work += work_of(self._peer, each.asked.first)
        job = functools.partial(self._finish, message, query_set, work)
        return now_or_later(job, is_later=work.is_much(self._peer.options))

    def _finish(self, message: Unsubscribe, query_set: Set, work: Work) -> Job | None:
        peer, number, request_id = self._peer, query_set.number, message.request_id
        moment = finish(peer, query_set.queries)
        self.sets.pop(number, None)
        results: Results | None = None
        try:
            if query_set.has_failed:  # which the client is told before this
                raise _missing(number)
            if message.flags == SEND_DROPPED_ROWS:
                results = self._results(query_set, moment)
        except (QueryError, NotFoundError) as error:
            refusal = _error(request_id, number, peer.said(error))
            self._fill(moment, lambda: refusal)
            return None
        finally:
            moment.reading.close()

        def encoded() -> bytes:
            rows = None if results is None else _encoded(results)
            return UnsubscribeApplied(request_id, number, rows).encode()

        return self._answer(moment, encoded, results or [], work)

    def end(self, query_set: Set) -> None:
        """End a set of which nothing more is to be told."""
        query_set.is_dead = True
        self.sets.pop(query_set.number, None)
        self._peer.access.subscriptions.leave(query_set.queries)

    def end_all(self) -> list[list[ServedQuery[TableEncoder]]]:
        """Give the queries of all sets, of which nothing is to be told any more."""
        sets = [*self.sets.values()]
        self.sets.clear()
        return [each.queries for each in sets]

    # Queries that are asked once.

    def ask_once(self, message: OneOffQuery) -> Job | None:
        """Answer a query."""
        if is_much_to_read([message.query_string]):
            return lambda: do_now(self._ask(message))
        return self._ask(message)

    def _ask(self, message: OneOffQuery) -> Job | None:
        peer, text = self._peer, message.query_string
        try:
            prepared, read = peer.access.select(text, peer.sender.identity)
            place = 0 if peer.options.has_columns else None
            encoder = encoder_of(prepared, place, text)
        except QsdbError as error:
            said = peer.said(error)
            peer.send(OneOffQueryResult(message.request_id, said).encode())
            return None

        def tell(result: list[StoredRow] | str) -> None:
            told = result if isinstance(result, str) else (encoder.rows(result),)
            peer.send(OneOffQueryResult(message.request_id, told).encode())

        return self._asked_once(read, tell, work_of(peer, prepared))

    def _asked_once(
        self,
        read: Callable[[], list[StoredRow]],
        tell: Callable[[list[StoredRow] | str], None],
        work: Work,
    ) -> Job | None:
        """Read an answer and have it sent; what takes long is given back."""
        peer, options = self._peer, self._peer.options

        def answer() -> Job | None:
            result: list[StoredRow] | str
            is_later = False
            try:
                result = read()
                is_later = not work.is_known and is_long(options, [result])
            except QsdbError as error:
                result = peer.said(error)
            return now_or_later(functools.partial(tell, result), is_later=is_later)

        return now_or_later(answer, is_later=work.is_much(options))

    def _refuse(self, message: Subscribe | Unsubscribe, error: QsdbError) -> None:
        number = message.query_set_id
        self._peer.send(_error(message.request_id, number, self._peer.said(error)))


def _encoded(results: Results) -> tuple[EncodedRows, ...]:
    return tuple([query.encoder.rows(rows) for query, rows in results])


def _missing(number: int) -> NotFoundError:
    return NotFoundError(f"there is no query set {number}")


def _error(request_id: int | None, number: int, said: str) -> bytes:
    return SubscriptionError(request_id, number, said).encode()
