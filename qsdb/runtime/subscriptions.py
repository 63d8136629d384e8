"""Subscriptions: live queries of one database, from a text to callbacks.

Whoever subscribes is entered between two commits, and reads the first result in a read
transaction that was begun there: so no commit is missed, none is told twice, and no
writer waits for a long first result. What is committed while that is read is kept until
it is there.

With each commit the engine (`qsdb.live`) is told what changed, under the writer lock;
what it says is put into the outbox (`qsdb.runtime.delivery`), one message for each
receiver, and told when the lock is free.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import attrs

from qsdb.errors import ArgumentError, QueryError, brief
from qsdb.live.engine import Engine
from qsdb.live.operators import LiveResult
from qsdb.live.tables import Delta
from qsdb.live.templates import Lifted, lift
from qsdb.runtime.delivery import Delivery
from qsdb.runtime.live_queries import LiveQuery, Shape, Update
from qsdb.runtime.prepared import PreparedQuery, handle_of, prepare_query
from qsdb.runtime.queries import Queries
from qsdb.runtime.writer import Writer
from qsdb.sql.arguments import bind_parameters
from qsdb.sql.queries import Query
from qsdb.store.changes import Noted, net_change
from qsdb.store.current import CurrentTable
from qsdb.store.orders import StoredRow, key_function
from qsdb.store.reads import ReadTransaction

__all__ = ["Asked", "Subscriber", "Subscriptions"]

TEXTS_MAX = 1024
"""So many texts are kept with what is made of them."""


class Subscriber(Protocol):
    """Who asked one query.

    Attributes:
        confirmed: Whether to be told only of what is on the disk.
        result: What is shared with all who ask the same; None when it has ended.
    """

    confirmed: bool
    result: LiveResult | None

    def apply(self, update: Update) -> None:
        """Take a change in, and tell of it."""
        ...

    def fail(self, error: QueryError) -> None:
        """End with an error, and tell of it."""
        ...


@attrs.frozen
class Asked:
    """A query that can be subscribed to.

    Attributes:
        first: Gives its first result.
        lifted: Its template.
        shape: What its rows are to users.
    """

    first: PreparedQuery
    lifted: Lifted
    shape: Shape


@attrs.frozen
class _Told:
    """Tells one subscriber of a change."""

    subscriber: Subscriber
    update: Update

    def deliver(self) -> None:
        self.subscriber.apply(self.update)


@attrs.frozen
class _Failed:
    """Tells one subscriber of the end."""

    subscriber: Subscriber
    error: QueryError

    def deliver(self) -> None:
        self.subscriber.fail(self.error)


class Subscriptions:
    """The live queries of one database.

    Attributes:
        engine: Keeps them current.
        delivery: Tells of changes.
    """

    def __init__(self, queries: Queries, writer: Writer) -> None:
        """Begin without any."""
        tables = writer.directory.store.tables
        self.engine = Engine(
            {
                each.bound.schema.name: (each.bound.schema, CurrentTable(each))
                for each in tables
            }
        )
        log = writer.log
        self.delivery = Delivery(None if log is None else log.wait_durable)
        self._queries = queries
        self._writer = writer
        self._told_offset = 0
        self._shapes: dict[LiveResult, Shape] = {}
        self.asked = functools.lru_cache(TEXTS_MAX)(self._ask)

    # Subscribing.

    def _ask(self, text: str, is_owner: bool) -> Asked:  # noqa: FBT001  a key
        query = self._queries.check(text, is_owner)
        if not isinstance(query, Query):
            raise QueryError("only a SELECT can be subscribed to", text)
        if query.is_count:
            raise QueryError("COUNT(*) cannot be subscribed to", text)
        if query.limit is not None:
            raise QueryError(
                "LIMIT cannot be subscribed to: which rows are the first is nowhere "
                "said",
                text,
            )
        first = prepare_query(query, self._queries.entries)
        key_of = None
        if query.whole is not None and query.sources[query.whole].schema.primary_key:
            key_of = key_function(first.entries[query.whole].table.bound)
        return Asked(first, lift(query), Shape(query.columns, first.make, key_of))

    def subscribe(
        self,
        text: str,
        callback: Any,  # noqa: ANN401  called with an Update
        params: Mapping[str, object] | None,
        *,
        confirmed: bool,
        on_error: Any,  # noqa: ANN401  called with a QueryError
    ) -> LiveQuery:
        """Begin a live query, as the owner.

        Raises:
            QueryError: the query is wrong, or cannot be kept current.
            ArgumentError: parameters do not fit, or a callback cannot be called.
            UsageError: this thread is in a transaction.
            ClosedError: the database is closed.
        """
        for name, each in (("callback", callback), ("on_error", on_error)):
            if each is not None and not callable(each):
                raise ArgumentError(f"{name} is a function or None, not {brief(each)}")
        if type(confirmed) is not bool:
            raise ArgumentError(f"confirmed is a bool, not {brief(confirmed)}")
        asked = self.asked(text, True)  # noqa: FBT003  the key of a cache
        values = bind_parameters(asked.first.plan.query.parameters, params)
        query = LiveQuery(
            self.close, asked.shape, callback, on_error, confirmed=confirmed
        )
        caller = self._queries.owner.stored
        with self.enter([(query, asked, values)], caller) as reading:
            stored = first_result(asked, reading, caller, values)
            offset = reading.offset
        with self.delivery.lock:
            query.begin(offset, stored)
        self.delivery.run()
        return query

    def enter(
        self,
        asked: Iterable[tuple[Subscriber, Asked, list[object]]],
        caller: bytes,
    ) -> ReadTransaction:
        """Enter subscribers between two commits, and give a read transaction there."""
        writer = self._writer
        writer.require_outside()
        try:
            writer.enter()
            for subscriber, each, values in asked:
                names = each.first.plan.query.parameters
                given = dict(zip(names, values, strict=True))
                lifted = each.lifted
                subscriber.result = result = self.engine.subscribe(
                    lifted, lifted.values(caller, given), subscriber
                )
                self._shapes.setdefault(result, each.shape)
            return writer.directory.read_class()
        finally:
            try:
                writer.leave()
            finally:  # an interrupt may have cut that off
                writer.leave()

    def close(self, subscriber: Subscriber) -> None:
        """End a live query; when this returns nobody is told any more.

        Raises:
            UsageError: this thread is in a transaction.
        """
        self._writer.require_outside()
        result = subscriber.result
        if result is None:
            return
        subscriber.result = None
        self._leave(result, subscriber)
        with self.delivery.lock:  # a callback that runs is waited for
            pass

    def _leave(self, result: LiveResult, subscriber: Subscriber) -> None:
        writer = self._writer
        try:
            writer.take()
            self._forget(result, subscriber)
        finally:
            try:
                writer.leave()
            finally:  # an interrupt may have cut that off
                writer.leave()

    def _forget(self, result: LiveResult, subscriber: Subscriber) -> None:
        self.engine.unsubscribe(result, subscriber)
        if not result.subscribers:
            self._shapes.pop(result, None)

    # Commits.

    def committed(self, opened: Iterable[Noted], offset: int) -> None:
        """Take a commit in, under the writer lock; twice is once.

        Args:
            opened: The handles of the tables that it may have changed.
            offset: Its number.
        """
        engine = self.engine
        if offset <= self._told_offset or engine.is_idle:
            return
        deltas = {
            name: Delta(pairs)
            for name, pairs in net_change(opened)
            if engine.listens_to(name)
        }
        if deltas:
            for outcome in engine.commit(deltas):
                result = outcome.result
                if outcome.difference is None:
                    assert outcome.error is not None
                    self._end(result, offset, outcome.error)
                    continue
                update = Update(offset, outcome.difference, self._shapes[result])
                for subscriber in result.subscribers:
                    told = _Told(subscriber, update)  # type: ignore[arg-type]
                    confirmed = subscriber.confirmed  # type: ignore[attr-defined]
                    self.delivery.put(offset, told, confirmed=confirmed)
        self._told_offset = offset

    def tell(self) -> None:
        """Tell of what was committed, or wait for the thread that does."""
        self.delivery.run()

    def _end(self, result: LiveResult, offset: int, error: QueryError) -> None:
        for subscriber in [*result.subscribers]:
            self._forget(result, subscriber)  # type: ignore[arg-type]
            failed = _Failed(subscriber, error)  # type: ignore[arg-type]
            confirmed = subscriber.confirmed  # type: ignore[attr-defined]
            self.delivery.put(offset, failed, confirmed=confirmed)


def first_result(
    asked: Asked, reading: ReadTransaction, caller: bytes, values: list[object]
) -> list[StoredRow]:
    """Give the result of a query in a read transaction."""
    first = asked.first
    handles = [handle_of(reading, entry) for entry in first.entries]
    return first.run(*handles, caller, *values)
