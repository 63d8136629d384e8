"""`V1Queries`: what one client of version 1 has asked, once or to be kept current.

In version 1 a query counts once for a client, in however many of its sets it stands:
its rows are told when the first of them begins, and go when the last one ends
(`qsdb.server.v1_sets`).
"""

import functools
from collections.abc import Sequence
from typing import Any

import attrs

from qsdb.errors import NotFoundError, QsdbError, QueryError
from qsdb.protocol import v1_client_messages as c
from qsdb.protocol import v1_server_messages as s
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.v1_tables import V1EncodedUpdate
from qsdb.runtime.asked import RepublishedError
from qsdb.runtime.batches import Receiver
from qsdb.runtime.result_kinds import result_kind
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
from qsdb.server.v1_forms import V1Form
from qsdb.server.v1_sets import Number, Query, V1Sets
from qsdb.server.weighing import Work, is_long, work_of
from qsdb.sql.readable import StoredRow

__all__ = ["V1Queries"]

Subscribing = c.Subscribe | c.SubscribeSingle | c.SubscribeMulti
Ending = c.Unsubscribe | c.UnsubscribeMulti

_BEGUN, _ENDED = False, True
"""What the answers to both say that they answer."""


@attrs.define(eq=False)
class _Begun:
    """What a request begins.

    Attributes:
        message: The request.
        number: Of the set.
        texts: All queries of the set.
        fresh: Those that the client has not asked yet.
        since: When it was handled, in microseconds since 1970.
    """

    message: Subscribing
    number: Number
    texts: list[str]
    fresh: list[Query]
    since: int


class V1Queries:
    """What one client of version 1 has asked.

    Attributes:
        sets: What is kept current.
    """

    __slots__ = ("_form", "_peer", "_receiver", "sets")

    def __init__(self, peer: Peer, receiver: Receiver, form: V1Form) -> None:
        """Ask nothing yet.

        Args:
            peer: Whose.
            receiver: Who is told of commits.
            form: How messages are written.
        """
        self._peer = peer
        self._receiver = receiver
        self._form = form
        self.sets = V1Sets()

    # Sets.

    def subscribe(self, message: Subscribing) -> Job | None:
        """Begin a set, or say why not.

        Raises:
            ProtocolError: the client has a set of that number.
        """
        since, number = self._peer.now, _number(message)
        if number is not None and number in self.sets:
            fault = f"query {number} is there already"
            raise ProtocolError(type(message).__name__, 0, fault)
        if is_much_to_read(_texts_of(message)):
            return lambda: do_now(self._subscribe(message, since))
        return self._subscribe(message, since)

    def _subscribe(self, message: Subscribing, since: int) -> Job | None:
        number = _number(message)
        if number is None:
            self._leave(self.sets.end_all())
        try:
            begun, work = self._asked(message, number, since)
        except QsdbError as error:
            self._refuse(message.request_id, number, error, since)
            return None
        job = functools.partial(self._begin, begun, work)
        return now_or_later(job, is_later=work.is_much(self._peer.options))

    def _asked(
        self, message: Subscribing, number: Number, since: int
    ) -> tuple[_Begun, Work]:
        """Read the queries of a set; say how much they may look at."""
        texts = texts_of(self._peer, _texts_of(message))
        if isinstance(message, c.SubscribeSingle) and len(texts) != 1:
            fault = "one query is asked here, and this is several"
            raise QueryError(fault, message.query)
        kept = {each.asked.text: each.asked for each in self.sets.all_queries}
        fresh = [each for each in texts if each not in kept]
        require_room(self._peer, [*kept], fresh)
        begun = _Begun(message, number, texts, [], since)
        work = Work()
        for text in begun.texts:
            if not self.sets.is_asked(text):
                query = self._query(text)
                begun.fresh.append(query)
                work += work_of(self._peer, query.asked.first)
        come = [each.asked for each in begun.fresh]
        require_light(self._peer, [*kept.values(), *come])
        return begun, work

    def _query(self, text: str) -> Query:
        peer = self._peer
        asked = asked_by(peer, text)
        told = encoder_of(asked.first, None, text)
        query = asked.first.plan.query
        assert query.whole is not None
        if asked.shape.is_event:
            raise QueryError("this version of the protocol knows no event tables", text)
        entry = peer.access.subscriptions.queries.entries.get(told.table)
        table_id = 0 if entry is None else entry.table.table_id
        encoder = self._form.encoder(table_id, told.table, result_kind(query))
        alone: QuerySet[Any] = QuerySet(0, peer.sender.identity.stored)
        found: Query = ServedQuery(alone, asked, self._receiver, encoder)
        alone.queries.append(found)
        return found

    def _begin(self, begun: _Begun, work: Work) -> Job | None:
        """Have a set kept current, and the first results of what is new in it sent."""
        peer, request_id, number = self._peer, begun.message.request_id, begun.number
        # It is noted before it begins, for then its queries may fail.
        queries = self.sets.begin(number, begun.texts, begun.fresh)
        if queries is None:
            return self._subscribe(begun.message, begun.since)
        try:
            moment = begin(peer, begun.fresh)
        except RepublishedError:
            self.sets.end(number)
            return self._subscribe(begun.message, begun.since)
        except QsdbError as error:
            self.sets.end(number)
            self._refuse(request_id, number, error, begun.since)
            return None
        try:
            with moment.reading:
                results = [moment.rows(each) for each in begun.fresh]
        except QueryError as error:
            self._leave([*self.sets.end(number), *begun.fresh])
            refusal = self._error(request_id, number, error, begun.since)
            self._fill(moment, self._form.encode(refusal))
            return None
        for query, rows in zip(begun.fresh, results, strict=True):
            query.count = len(rows)

        def answer() -> None:
            parts = [
                V1EncodedUpdate(each.encoder.changes(rows, ()))
                for each, rows in zip(begun.fresh, results, strict=True)
            ]
            told = self._form.encode(self._applied(begun, queries, parts))
            if not self.sets.is_begun(number, begun.texts):
                # It has failed meanwhile: that is told, and may have come too early
                # to end what is new.
                peer.access.subscriptions.leave(begun.fresh)
                told = b""
            self._fill(moment, told)

        return now_or_later(answer, is_later=self._is_long(work, results))

    def _is_long(self, work: Work, results: list[list[StoredRow]]) -> bool:
        """Whether it takes long to encode what was found."""
        return not work.is_known and is_long(self._peer.options, results)

    def _fill(self, moment: Moment, answer: bytes) -> None:
        self._peer.outbox.fill(moment.place, answer)
        self._peer.wake()

    def _applied(
        self,
        begun: _Begun,
        queries: Sequence[Query],
        parts: Sequence[V1EncodedUpdate],
    ) -> s.V1ServerMessage:
        message, spent = begun.message, self._spent(begun.since)
        match message:
            case c.Subscribe():
                return s.InitialSubscription(tuple(parts), message.request_id, spent)
            case c.SubscribeSingle():
                return self._single(message, queries[0], parts, spent)
            case _:  # SubscribeMulti is all that is left
                numbers = message.request_id, spent, message.query_id
                return s.MultiApplied(_BEGUN, *numbers, tuple(parts))

    def _single(
        self,
        message: c.SubscribeSingle | c.Unsubscribe,
        query: Query,
        parts: Sequence[V1EncodedUpdate],
        spent: int,
    ) -> s.SingleApplied:
        encoder, is_end = query.encoder, isinstance(message, c.Unsubscribe)
        return s.SingleApplied(
            is_end,
            message.request_id,
            spent,
            message.query_id,
            encoder.table_id,
            encoder.table,
            parts[0] if parts else V1EncodedUpdate(encoder.changes((), ())),
        )

    def unsubscribe(self, message: Ending) -> Job | None:
        """End a set, and tell the rows that go with it."""
        since, number = self._peer.now, message.query_id
        queries = self.sets.queries(number)
        fault = None
        if number not in self.sets:
            fault = f"there is no query {number}"
        elif isinstance(message, c.Unsubscribe) and len(queries) != 1:
            many = len(queries)
            fault = f"{number} is a set of {many} queries, which UnsubscribeMulti ends"
        if fault is not None:
            self._refuse(message.request_id, number, NotFoundError(fault), since)
            return None
        work = Work()
        for each in queries:
            work += work_of(self._peer, each.asked.first)
        job = functools.partial(self._finish, message, queries, since, work)
        return now_or_later(job, is_later=work.is_much(self._peer.options))

    def _finish(
        self, message: Ending, queries: Sequence[Query], since: int, work: Work
    ) -> Job | None:
        number = message.query_id
        if number not in self.sets:  # it has failed meanwhile, which the client is told
            return None
        gone = self.sets.end(number)
        moment = finish(self._peer, gone)
        try:
            with moment.reading:
                results = [moment.rows(each) for each in gone]
        except QueryError as error:
            refusal = self._error(message.request_id, number, error, since)
            self._fill(moment, self._form.encode(refusal))
            return None

        def answer() -> None:
            parts = [
                V1EncodedUpdate(each.encoder.changes((), rows))
                for each, rows in zip(gone, results, strict=True)
            ]
            told = self._ended(message, queries, parts, since)
            self._fill(moment, self._form.encode(told))

        return now_or_later(answer, is_later=self._is_long(work, results))

    def _ended(
        self,
        message: Ending,
        queries: Sequence[Query],
        parts: Sequence[V1EncodedUpdate],
        since: int,
    ) -> s.V1ServerMessage:
        spent = self._spent(since)
        if isinstance(message, c.Unsubscribe):
            return self._single(message, queries[0], parts, spent)
        numbers = message.request_id, spent, message.query_id
        return s.MultiApplied(_ENDED, *numbers, tuple(parts))

    def fail(self, query: Query) -> list[Number]:
        """End all sets in which a query stands that has failed; give their numbers.

        In the commit with which it failed; so the others are left to that.
        """
        numbers, gone = self.sets.fail(query)
        others = [each for each in gone if each is not query]
        for each in others:
            each.owner.is_dead = True
        self._peer.access.subscriptions.unread.extend(others)
        return numbers

    def _leave(self, gone: Sequence[Query]) -> None:
        """Have nothing more told of queries."""
        for each in gone:
            each.owner.is_dead = True
        self._peer.access.subscriptions.leave(gone)

    # Queries that are asked once.

    def ask_once(self, message: c.OneOffQuery) -> Job | None:
        """Answer a query."""
        if is_much_to_read([message.query_string]):
            return lambda: do_now(self._ask(message))
        return self._ask(message)

    def _ask(self, message: c.OneOffQuery) -> Job | None:
        peer, since, text = self._peer, self._peer.now, message.query_string

        def told(error: str | None, *rows: Any) -> None:  # noqa: ANN401  a part in its form
            spent = self._spent(since)
            answer = s.OneOffQueryResponse(message.message_id, error, rows, spent)
            peer.send(self._form.encode(answer))

        try:
            prepared, read = peer.access.select(text, peer.sender.identity)
            table = encoder_of(prepared, None, text).table
        except QsdbError as error:
            told(peer.said(error))
            return None
        kind, work = result_kind(prepared.plan.query), work_of(peer, prepared)

        def answer() -> Job | None:
            try:
                rows = read()
            except QsdbError as error:
                told(peer.said(error))
                return None
            return now_or_later(
                lambda: told(None, self._form.rows(table, kind, rows)),
                is_later=self._is_long(work, [rows]),
            )

        return now_or_later(answer, is_later=work.is_much(peer.options))

    def _spent(self, since: int) -> int:
        """Give the microseconds since then; clocks may be set back meanwhile."""
        return max(0, self._peer.now - since)

    def _refuse(
        self, request_id: int, number: Number, error: QsdbError, since: int
    ) -> None:
        message = self._error(request_id, number, error, since)
        self._peer.send(self._form.encode(message))

    def _error(
        self, request_id: int | None, number: Number, error: QsdbError, since: int
    ) -> s.SubscriptionError:
        spent, said = self._spent(since), self._peer.said(error)
        return s.SubscriptionError(spent, request_id, number, None, said)


def _texts_of(message: Subscribing) -> Sequence[str]:
    if isinstance(message, c.SubscribeSingle):
        return (message.query,)
    return message.query_strings


def _number(message: Subscribing) -> Number:
    return None if isinstance(message, c.Subscribe) else message.query_id
