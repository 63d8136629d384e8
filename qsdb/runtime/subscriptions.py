"""Subscriptions: live queries of one database, from a text to who is told.

Whoever subscribes is entered between two commits, and reads the first result in a read
transaction that was begun there: so no commit is missed, none is told twice, and no
writer waits for a long first result.

With each commit the engine (`qsdb.live`) is told what changed, under the writer lock.
What it says is put into the outbox (`qsdb.runtime.delivery`), one `Batch` for each
receiver, be it a live query or a connection with all of its queries, and told when the
lock is free.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs

from qsdb.errors import QueryError
from qsdb.live.engine import Engine, Outcome
from qsdb.live.operators import LiveResult
from qsdb.live.tables import Delta
from qsdb.live.templates import Lifted, lift
from qsdb.live.virtual import instance_parameter, live_form
from qsdb.runtime.batches import Batch, Subscriber
from qsdb.runtime.delivery import Delivery, Message
from qsdb.runtime.prepared import PreparedQuery
from qsdb.runtime.queries import Queries
from qsdb.runtime.updates import Shape, Update
from qsdb.runtime.view_changes import Instance
from qsdb.runtime.view_instances import Instances
from qsdb.runtime.view_refreshing import Refreshing
from qsdb.runtime.view_sources import ViewSources, keep_rows
from qsdb.runtime.writer import Writer
from qsdb.schema.views import ViewSchema
from qsdb.sql.queries import Query
from qsdb.store.changes import Noted, net_change
from qsdb.store.orders import StoredRow, key_function
from qsdb.store.reads import ReadTransaction
from qsdb.values.kinds import Stored

__all__ = ["Asked", "Subscriptions", "first_result"]

TEXTS_MAX = 1024
"""So many texts are kept with what is made of them."""


@attrs.frozen
class Asked:
    """A query that can be subscribed to.

    Attributes:
        first: Gives its first result.
        lifted: Its template.
        shape: What its rows are to users.
        table: The table whose whole rows it gives; None if it gives others.
    """

    first: PreparedQuery
    lifted: Lifted
    shape: Shape
    table: str | None


@attrs.define(eq=False)
class _Closing:
    """The end of all that is subscribed, to be told last of all."""

    subscriptions: "Subscriptions"
    is_told: bool = False

    def deliver(self) -> None:
        self.subscriptions.end()
        self.is_told = True


class Subscriptions:
    """The live queries of one database.

    Attributes:
        engine: Keeps them current.
        views: What they read of views.
        refreshing: Keeps that current.
        delivery: Tells of changes.
    """

    def __init__(self, queries: Queries, writer: Writer) -> None:
        """Begin without any."""
        self.views = Instances(queries.views, queries.view_runs, queries.entries)
        self.engine = Engine(self.views.table_of)
        self.refreshing = Refreshing(self.views)
        if queries.views:
            writer.views = self.refreshing
        log = writer.log
        self.wait_durable = None if log is None else log.wait_durable
        self.delivery = Delivery(self.wait_durable)
        self._queries = queries
        self._writer = writer
        self._told_offset = 0
        self._due: tuple[int, Sequence[Batch]] = (0, ())
        """The last commit and what is to be told of it, should that be cut off."""
        self._shapes: dict[LiveResult, Shape] = {}
        self.asked = functools.lru_cache(TEXTS_MAX)(self._ask)

    @property
    def offset(self) -> int:
        """The last commit."""
        return self._writer.directory.store.offset

    # Subscribing.

    def _ask(self, text: str, is_owner: bool) -> Asked:  # noqa: FBT001  a key
        query = self._queries.check(text, is_owner)
        if not isinstance(query, Query):
            raise QueryError("only a SELECT can be subscribed to", text)
        if query.is_count:
            raise QueryError("COUNT(*) cannot be subscribed to", text)
        if query.limit is not None:
            fault = "LIMIT cannot be subscribed to: nothing says which rows come first"
            raise QueryError(fault, text)
        first = self._queries.prepare(query)
        key_of, table = None, None
        is_event = bool(query.events)
        if query.whole is not None:
            schema = query.sources[query.whole].schema
            # What comes with an event is not kept, so no table has it.
            table = schema.name if schema.is_event == is_event else None
            if isinstance(schema, ViewSchema) and schema.parameters:
                table = None  # nor what several results may contradict each other in
            if schema.primary_key:
                key_of = key_function(first.bounds[query.whole])
        shape = Shape(query.columns, first.make, key_of, is_event)
        return Asked(first, lift(live_form(query)), shape, table)

    def enter(
        self, asked: Iterable[tuple[Subscriber, Asked, Sequence[object]]], caller: bytes
    ) -> ReadTransaction:
        """Enter subscribers between two commits, and give a read transaction there.

        Args:
            asked: Who asks, what, and the values of its parameters.
            caller: What ``:sender`` is.

        Raises:
            QueryError: a view fails.
            UsageError: this thread is in a transaction.
            ClosedError: the database is closed.
        """
        writer = self._writer
        writer.require_outside()
        asked = [*asked]
        has_begun = False
        try:
            writer.enter()
            held = self._hold(asked, caller)
            has_begun = True
            for (subscriber, each, values), instances in zip(asked, held, strict=True):
                given = _named(each, values) | {
                    instance_parameter(source): instance.number
                    for source, instance in instances.items()
                }
                places = each.lifted.values(caller, given)
                result = self.engine.subscribe(each.lifted, places, subscriber)
                subscriber.result = result
                self._shapes.setdefault(result, each.shape)
                self.views.use(result, [*instances.values()])
            reading = writer.directory.read_class()
            for instances in held:
                for instance in instances.values():
                    keep_rows(reading, instance.key, [*instance.rows])
        except BaseException as error:
            is_refused = isinstance(error, QueryError) and not has_begun
            if not is_refused and writer.is_mine():
                self._mend([subscriber for subscriber, _, _ in asked])
            raise
        finally:
            try:
                writer.leave()
            finally:  # an interrupt may have cut that off
                writer.leave()
        return reading

    def _hold(
        self,
        asked: Sequence[tuple[Subscriber, Asked, Sequence[object]]],
        caller: bytes,
    ) -> list[dict[int, Instance]]:
        """Give for each of some queries the instances that are its sources.

        Raises:
            QueryError: a view fails; then none of them is there for that.
        """
        keys = [
            dict(each.first.views.keys(caller, _named(each, values)))
            if isinstance(each.first.views, ViewSources)
            else {}
            for _, each, values in asked
        ]
        flat = iter(self.views.hold([key for each in keys for key in each.values()]))
        return [{source: next(flat) for source in each} for each in keys]

    def leave(
        self,
        subscribers: Iterable[Subscriber],
        ended: Callable[[int], Message] | None = None,
    ) -> None:
        """Take subscribers out; those that are out already stay so.

        Args:
            subscribers: They are told of no later commit.
            ended: Gives, for the last commit, what is to be told right after it.

        Raises:
            UsageError: this thread is in a transaction.
        """
        writer = self._writer
        writer.require_outside()
        subscribers = [*subscribers]
        try:
            writer.take()
            for subscriber in subscribers:
                result, subscriber.result = subscriber.result, None
                if result is not None:
                    self._forget(result, subscriber)
            if ended is not None:
                offset = self.offset
                self.delivery.put(ended(offset))
        except BaseException:
            if writer.is_mine():
                for subscriber in subscribers:
                    subscriber.result = None
                self._mend(subscribers)
            raise
        finally:
            try:
                writer.leave()
            finally:  # an interrupt may have cut that off
                writer.leave()

    def close(self) -> None:
        """Tell what is due, and end all that is subscribed; the log is closed.

        Where this is called in a callback, that comes after it.
        """
        self.delivery.close()
        self.delivery.put(_Closing(self))
        self.delivery.run()

    def end(self) -> None:
        """End all that is subscribed."""
        subscribers = self.engine.subscribers
        receivers = {id(each.receiver): each.receiver for each in subscribers}
        self.leave(subscribers)
        for receiver in receivers.values():
            receiver.ended()

    def require_outside(self) -> None:
        """Refuse to wait where what is waited for cannot come.

        Raises:
            UsageError: this thread is in a transaction, or in a callback.
        """
        self._writer.require_outside()
        self.delivery.require_outside()

    def wait_for_callbacks(self) -> None:
        """Let a callback come to its end, if another thread is in the middle of one."""
        with self.delivery.lock:
            pass

    def _forget(self, result: LiveResult, subscriber: Subscriber) -> None:
        self.engine.unsubscribe(result, subscriber)
        if not result.subscribers:
            self._shapes.pop(result, None)
            self.views.forget(result)

    def _mend(self, gone: Sequence[Subscriber]) -> None:
        """Take subscribers out, after an interrupt in the middle of something."""
        try:
            self.engine.mend(gone)
        finally:
            self.engine.mend(gone)
            left = self._shapes.items()
            self._shapes = {each: shape for each, shape in left if each.subscribers}
            self.views.mend()

    # Commits.

    def committed(self, opened: Iterable[Noted], offset: int, origin: object) -> None:
        """Take a commit in, under the writer lock; twice is once.

        Args:
            opened: The handles of the tables that it may have changed.
            offset: Its number.
            origin: The context of the call that committed, if one did.
        """
        engine = self.engine
        if offset <= self._told_offset or engine.is_idle:
            return
        deltas = {
            name: Delta(pairs)
            for name, pairs in net_change(opened)
            if engine.listens_to(name)
        }
        refreshing = self.refreshing
        deltas |= {
            name: each
            for name, each in refreshing.settle(opened, offset).items()
            if engine.listens_to(name)
        }
        if deltas or refreshing.pending.changes:
            if self._due[0] != offset:
                outcomes: Iterable[Outcome] = engine.commit(deltas)
                if refreshing.pending.changes:
                    outcomes = refreshing.with_endings(outcomes)
                self._due = (offset, self._batches(outcomes, offset, origin))
            delivery = self.delivery
            for batch in self._due[1]:
                is_late = batch.receiver.confirmed
                (delivery.put_durable if is_late else delivery.put)(batch)
            self._forget_failed(self._due[1])
            self._due = (offset, ())
        self._told_offset = offset
        if refreshing.pending.offset == offset:
            refreshing.settled(offset)

    def _batches(
        self, outcomes: Iterable[Outcome], offset: int, origin: object
    ) -> Sequence[Batch]:
        """Sort what a commit did to results by who is told."""
        batches: dict[int, Batch] = {}
        for outcome in outcomes:
            result = outcome.result
            what: Update | QueryError
            if isinstance(outcome.difference, QueryError):
                what = outcome.difference
            else:
                what = Update(offset, outcome.difference, self._shapes[result])
            for subscriber in [*result.subscribers]:
                receiver = subscriber.receiver
                batch = batches.get(id(receiver))
                if batch is None:
                    batch = Batch(receiver, offset, origin, [])
                    batches[id(receiver)] = batch
                batch.parts.append((subscriber, what))
        return [*batches.values()]

    def _forget_failed(self, batches: Iterable[Batch]) -> None:
        try:
            for batch in batches:
                for subscriber, what in batch.parts:
                    result = subscriber.result
                    if isinstance(what, QueryError) and result is not None:
                        self._forget(result, subscriber)
        except BaseException:
            self._mend([])
            raise

    def tell(self) -> None:
        """Tell of what was committed, or wait for the thread that does."""
        self.delivery.run()


def first_result(
    asked: Asked, reading: ReadTransaction, caller: bytes, values: Sequence[object]
) -> list[StoredRow]:
    """Give the result of a query in a read transaction."""
    return asked.first.read(reading, caller, values)


def _named(asked: Asked, values: Sequence[Any]) -> dict[str, Stored]:
    """Give the values of a query's parameters by their names."""
    return dict(zip(asked.first.plan.query.parameters, values, strict=True))
