"""`V1Queries`: what one client of version 1 has asked, once or to be kept current.

In version 1 a query counts once for a client, in however many of its sets it stands:
its rows are told when the first of them begins, and go when the last one ends
(`qsdb.server.v1_sets`).
"""

import functools
from collections.abc import Callable, Sequence
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
    rows_read,
    texts_of,
)
from qsdb.server.sessions import Job, do_now
from qsdb.server.v1_forms import V1Form
from qsdb.server.v1_sets import Number, Query, V1Sets

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
            begun, rows = self._asked(message, number, since)
        except QsdbError as error:
            self._refuse(message.request_id, number, error, since)
            return None
        return self._now_or_later(functools.partial(self._begin, begun), rows)

    def _asked(
        self, message: Subscribing, number: Number, since: int
    ) -> tuple[_Begun, int]:
        """Read the queries of a set; say how many rows they may look at."""
        texts = texts_of(self._peer, _texts_of(message))
        if isinstance(message, c.SubscribeSingle) and len(texts) != 1:
            fault = "one query is asked here, and this is several"
            raise QueryError(fault, message.query)
        kept = {each.asked.text: each.asked for each in self.sets.all_queries}
        fresh = [each for each in texts if each not in kept]
        require_room(self._peer, [*kept], fresh)
        begun = _Begun(message, number, texts, [], since)
        rows = 0
        for text in begun.texts:
            if not self.sets.is_asked(text):
                query = self._query(text)
                begun.fresh.append(query)
                rows += rows_read(self._peer, query.asked.first)
        come = [each.asked for each in begun.fresh]
        require_light(self._peer, [*kept.values(), *come])
        return begun, rows

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

    def _begin(self, begun: _Begun) -> None:
        """Have a set kept current, and the first results of what is new in it sent."""
        peer, request_id, number = self._peer, begun.message.request_id, begun.number
        # It is noted before it begins, for then its queries may fail.
        queries = self.sets.begin(number, begun.texts, begun.fresh)
        if queries is None:
            do_now(self._subscribe(begun.message, begun.since))
            return
        try:
            moment = begin(peer, begun.fresh)
        except RepublishedError:
            self.sets.end(number)
            do_now(self._subscribe(begun.message, begun.since))
            return
        except QsdbError as error:
            self.sets.end(number)
            self._refuse(request_id, number, error, begun.since)
            return
        try:
            with moment.reading:
                parts = [self._came(each, moment) for each in begun.fresh]
        except QueryError as error:
            self._leave([*self.sets.end(number), *begun.fresh])
            refusal = self._error(request_id, number, error, begun.since)
            answer = self._form.encode(refusal)
        else:
            answer = self._form.encode(self._applied(begun, queries, parts))
            if not self.sets.is_begun(number, begun.texts):
                # It has failed meanwhile: that is told, and may have come too early
                # to end what is new.
                peer.access.subscriptions.leave(begun.fresh)
                answer = b""
        peer.outbox.fill(moment.place, answer)
        peer.wake()

    def _came(self, query: Query, moment: Moment) -> V1EncodedUpdate:
        rows = moment.rows(query)
        query.count = len(rows)
        return V1EncodedUpdate(query.encoder.changes(rows, ()))

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
        rows = sum([each.count for each in queries])
        job = functools.partial(self._finish, message, queries, since)
        return self._now_or_later(job, rows)

    def _finish(self, message: Ending, queries: Sequence[Query], since: int) -> None:
        peer, number = self._peer, message.query_id
        if number not in self.sets:  # it has failed meanwhile, which the client is told
            return
        gone = self.sets.end(number)
        moment = finish(peer, gone)
        answer: s.V1ServerMessage
        try:
            with moment.reading:
                parts = [self._went(each, moment) for each in gone]
        except QueryError as error:
            answer = self._error(message.request_id, number, error, since)
        else:
            spent = self._spent(since)
            if isinstance(message, c.Unsubscribe):
                answer = self._single(message, queries[0], parts, spent)
            else:
                numbers = message.request_id, spent, number
                answer = s.MultiApplied(_ENDED, *numbers, tuple(parts))
        peer.outbox.fill(moment.place, self._form.encode(answer))
        peer.wake()

    def _went(self, query: Query, moment: Moment) -> V1EncodedUpdate:
        return V1EncodedUpdate(query.encoder.changes((), moment.rows(query)))

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
        kind = result_kind(prepared.plan.query)

        def answer() -> None:
            try:
                rows = read()
            except QsdbError as error:
                told(peer.said(error))
            else:
                told(None, self._form.rows(table, kind, rows))

        return self._now_or_later(answer, rows_read(peer, prepared))

    def _now_or_later(self, job: Callable[[], object], rows: int) -> Job | None:
        """Do what takes no time, and give back what does."""
        if rows > self._peer.options.inline_rows:
            return job
        job()
        return None

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
