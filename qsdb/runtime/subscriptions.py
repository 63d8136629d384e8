"""Subscriptions: live queries of one database, from a text to who is told.

Whoever subscribes is entered between two commits, and reads the first result in a read
transaction that was begun there: so no commit is missed, none is told twice, and no
writer waits for a long first result.

With each commit the engine (`qsdb.live`) is told what changed, under the writer lock.
What it says is put into the outbox (`qsdb.runtime.delivery`), one `Batch` for each
receiver, be it a live query or a connection with all of its queries, and told when the
lock is free. Receivers that do no more than keep it for later are told at once.
"""

import functools
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from weakref import WeakValueDictionary

import attrs

from qsdb.errors import QueryError
from qsdb.live.engine import Engine, Outcomes
from qsdb.runtime.asked import Asked, RepublishedError, ask
from qsdb.runtime.batches import Batch, Receiver, Subscriber
from qsdb.runtime.delivery import Delivery, Message
from qsdb.runtime.listening import Listening
from qsdb.runtime.prepared import KEPT_CHARACTERS_MAX, PREPARED_MAX
from qsdb.runtime.queries import Queries
from qsdb.runtime.updates import Update
from qsdb.runtime.view_sources import keep_rows
from qsdb.runtime.writer import Writer
from qsdb.store.changes import Noted, net_change
from qsdb.store.reads import ReadTransaction

__all__ = ["Subscriptions"]

_LOGGER = logging.getLogger("qsdb.delivery")


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
        listening: What is kept current, for the module which is published.
        delivery: Tells of changes.
        writer: Commits; between two commits it is who has its lock.
        unread: Subscribers whose live queries nobody has any more; of any thread. They
            are taken out by this commit or the next one.
        watched: The tables that somebody looks at: see `Listening`.
        outbox: What is to be told.
        tell: Tells that, or waits for the thread that does.
    """

    def __init__(self, queries: Queries, writer: Writer) -> None:
        """Begin without any."""
        self.listening = Listening(queries)
        if queries.views:
            writer.views = self.listening.refreshing
        log = writer.log
        self.wait_durable = None if log is None else log.wait_durable
        self.delivery = Delivery(self.wait_durable)
        self.writer = writer
        self.unread: deque[Subscriber] = deque()
        self.watched = self.listening.watched
        self.outbox = self.delivery.outbox
        self.tell = self.delivery.run
        self._told_offset = 0
        self._due: tuple[int, Sequence[Batch]] = (0, ())
        """The last commit and what is to be told of it, should that be cut off."""
        self._ask = functools.lru_cache(PREPARED_MAX)(_ask)
        self._connected: WeakValueDictionary[int, Receiver] = WeakValueDictionary()

    @property
    def queries(self) -> Queries:
        """What reads texts."""
        return self.listening.queries

    @property
    def engine(self) -> Engine:
        """What keeps results current."""
        return self.listening.engine

    @property
    def offset(self) -> int:
        """The last commit."""
        return self.writer.directory.store.offset

    # Subscribing.

    def asked(self, text: str, is_owner: bool) -> Asked:  # noqa: FBT001  a key
        """Give what is made of a text, for the module that is published.

        Raises:
            QueryError: it is wrong, or cannot be kept current.
        """
        is_kept = is_owner or len(text) <= KEPT_CHARACTERS_MAX
        return (self._ask if is_kept else _ask)(self.queries, text, is_owner)

    def enter(
        self,
        asked: Iterable[tuple[Subscriber, Asked, Sequence[object]]],
        caller: bytes,
        begun: Callable[[int], object] | None = None,
    ) -> ReadTransaction:
        """Enter subscribers between two commits, and give a read transaction there.

        Args:
            asked: Who asks, what, and the values of its parameters.
            caller: What ``:sender`` is.
            begun: Is called with the last commit, before there is another.

        Raises:
            QueryError: a view fails.
            RepublishedError: another module was published meanwhile; ask again.
            UsageError: this thread is in a transaction.
            ClosedError: the database is closed.
        """
        writer = self.writer
        writer.require_outside()
        writer.audience = self
        asked = [*asked]
        # No writer waits for what takes long.
        templates = [self.engine.prepared(each.lifted) for _, each, _ in asked]
        has_begun = False
        try:
            writer.enter()
            self._require_current([each for _, each, _ in asked])
            listening = self.listening
            held = listening.hold([(each, values) for _, each, values in asked], caller)
            has_begun = True
            for (subscriber, each, values), views, template in zip(
                asked, held, templates, strict=True
            ):
                subscriber.result = listening.subscribe(
                    subscriber, each, (values, caller), views, template
                )
                subscriber.receiver.moments += 1
            reading = writer.directory.read()
            for views in held:
                for instance in views.values():
                    keep_rows(reading, instance.key, [*instance.rows])
            if begun is not None:
                begun(reading.offset)
        except BaseException as error:
            is_refused = isinstance(error, QueryError) and not has_begun
            if not is_refused and writer.is_mine():
                self.listening.mend([subscriber for subscriber, _, _ in asked])
            raise
        finally:
            try:
                writer.leave()
            finally:  # an interrupt may have cut that off
                writer.leave()
        return reading

    def _require_current(self, asked: Iterable[Asked]) -> None:
        if any(each.queries is not self.queries for each in asked):
            raise RepublishedError

    def leave(
        self,
        subscribers: Iterable[Subscriber],
        ended: Callable[[int], Message | None] | None = None,
    ) -> None:
        """Take subscribers out; those that are out already stay so.

        Args:
            subscribers: They are told of no later commit.
            ended: Gives, for the last commit, what is to be told right after it, if
                anything is; it is called before there is another.

        Raises:
            UsageError: this thread is in a transaction.
        """
        writer = self.writer
        writer.require_outside()
        subscribers, is_ended = [*subscribers], ended is None
        try:
            writer.take()
            for subscriber in subscribers:
                result, subscriber.result = subscriber.result, None
                if result is not None:
                    self.listening.forget(result, subscriber)
            is_ended = self._put_end(ended)
        except BaseException:
            if writer.is_mine():
                for subscriber in subscribers:
                    subscriber.result = None
                self.listening.mend(subscribers)
                if not is_ended:
                    self._put_end(ended)
            raise
        finally:
            try:
                writer.leave()
            finally:  # an interrupt may have cut that off
                writer.leave()

    def _put_end(self, ended: Callable[[int], Message | None] | None) -> bool:
        """Have it told that subscribers are out, after the last commit."""
        if ended is not None and (message := ended(self.offset)) is not None:
            self.delivery.put(message)
        return True

    def close(self) -> None:
        """Tell what is due, and end all that is subscribed; the log is closed.

        Where this is called in a callback, that comes after it.
        """
        self.delivery.close()
        self.delivery.put(_Closing(self))
        self.delivery.run()

    def end(self) -> None:
        """End all that is subscribed, and tell all who are connected."""
        subscribers = self.engine.subscribers
        receivers = {id(each.receiver): each.receiver for each in subscribers}
        receivers.update({id(each): each for each in self.connected})
        self.leave(subscribers)
        for receiver in receivers.values():
            receiver.ended()

    def connect(self, receiver: Receiver) -> None:
        """Have somebody told of modules that are published, while they are there."""
        self._connected[id(receiver)] = receiver
        self.writer.audience = self

    @property
    def connected(self) -> list[Receiver]:
        """All of them who are still there."""
        found = [reference() for reference in self._connected.valuerefs()]
        return [each for each in found if each is not None]

    def take(self, listening: Listening, batches: Sequence[Batch], offset: int) -> None:
        """Go on with the tables of another module; twice is once.

        Under the writer lock, with what `qsdb.runtime.rebinding` has made.

        Args:
            listening: Has all subscribers that are left.
            batches: What is to be told.
            offset: The last commit.
        """
        listening.engine.self_check = self.engine.self_check
        self.listening, self.watched = listening, listening.watched
        has_views = bool(listening.queries.views)
        self.writer.views = listening.refreshing if has_views else None
        self._ask.cache_clear()
        _put(self.delivery, batches)
        _forget_unread(self)
        self._told_offset = offset

    def require_outside(self) -> None:
        """Refuse to wait where what is waited for cannot come.

        Raises:
            UsageError: this thread is in a transaction, or in a callback.
        """
        self.writer.require_outside()
        self.delivery.require_outside()

    def wait_for_callbacks(self) -> None:
        """Let a callback come to its end, if another thread is in the middle of one."""
        with self.delivery.lock:
            pass

    # Commits.

    def committed(self, opened: Iterable[Noted], offset: int, origin: object) -> None:
        """Take a commit in, under the writer lock; twice is once.

        Args:
            opened: The handles of the tables that it may have changed.
            offset: Its number.
            origin: The context of the call that committed, if one did.
        """
        if self.unread:
            _forget_unread(self)
        listening = self.listening
        routes = listening.engine.routes
        if not routes or offset <= self._told_offset:
            return
        changes = net_change(opened, routes)
        refreshing = listening.refreshing if listening.queries.views else None
        if refreshing is not None:
            settled = refreshing.settle(opened, offset)
            changes |= {name: each for name, each in settled.items() if name in routes}
        if changes or (refreshing is not None and refreshing.pending.changes):
            if self._due[0] != offset:
                outcomes = listening.engine.commit(changes)
                if refreshing is not None:
                    outcomes = refreshing.with_endings(outcomes)
                self._due = (offset, self._batches(outcomes, offset, origin))
            listening.engine.settle()
            self._put_due(offset)
        self._told_offset = offset
        if refreshing is not None and refreshing.pending.offset == offset:
            refreshing.settled(offset)

    def _put_due(self, offset: int) -> None:
        """Have what is due told, and forget what has failed."""
        batches = self._due[1]
        if _put(self.delivery, batches):
            self._forget_failed(batches)
            _forget_unread(self)
        self._due = (offset, ())

    def _batches(
        self, outcomes: Outcomes, offset: int, origin: object
    ) -> Sequence[Batch]:
        """Sort what a commit did to results by who is told."""
        batches: dict[Receiver, Batch] = {}
        firsts, batch_of_one = self.listening.firsts, Batch.of_one
        found: Any
        for result, found in outcomes.items():
            has_failed, what = isinstance(found, QueryError), found
            if not has_failed:
                what = Update(offset, what, firsts[result].shape)
            for subscriber in result.subscribers:
                receiver, said = subscriber.receiver, what
                if has_failed:  # which each has asked in other words
                    said = subscriber.asked.lifted.placed(what)
                batch = batches.get(receiver)
                if batch is None:
                    batch = batch_of_one(subscriber, offset, origin, said)
                    batches[receiver] = batch
                    if receiver.confirmed:
                        batch.moment = receiver.moment_of(origin)
                else:
                    batch.add(subscriber, said)
                if has_failed:
                    batch.has_failed = True
        return [*batches.values()]

    def _forget_failed(self, batches: Iterable[Batch]) -> None:
        try:
            for batch in batches:
                for subscriber, what in batch.parts:
                    result = subscriber.result
                    if isinstance(what, QueryError) and result is not None:
                        self.listening.forget(result, subscriber)
        except BaseException:
            self.listening.mend([])
            raise


def _put(delivery: Delivery, batches: Iterable[Batch]) -> bool:
    """Have batches told; those that are there twice are told once.

    Returns:
        Whether a query ends by one of them.
    """
    has_failed, put = False, delivery.put
    for batch in batches:
        receiver = batch.receiver
        has_failed |= batch.has_failed
        if receiver.is_prompt:
            try:
                if not batch.is_told:
                    receiver.receive(batch)
            except Exception:
                _LOGGER.exception("what a client is to be told could not be kept")
        elif receiver.confirmed:
            delivery.put_durable(batch)
        else:
            put(batch)
    return has_failed


def _ask(queries: Queries, text: str, is_owner: bool) -> Asked:  # noqa: FBT001  a key
    return ask(queries, text, is_owner=is_owner)


def _forget_unread(subscriptions: Subscriptions) -> None:
    """End what nobody can read any more."""
    unread = subscriptions.unread
    try:
        while unread:
            result, unread[0].result = unread[0].result, None
            if result is not None:
                subscriptions.listening.forget(result, unread[0])
            unread.popleft()
    except BaseException:
        for subscriber in unread:
            subscriber.result = None
        subscriptions.listening.mend([*unread])
        raise
