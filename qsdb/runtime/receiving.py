"""`Receiving`: what a connection does with what it is told.

What a commit means to its subscriptions comes as one batch. It is counted into the
cache as a whole, and only then told of, row by row. So callbacks see a state that was
committed, and the same whichever runs first.
"""

import abc
from collections.abc import Iterable, Iterator
from typing import TypeGuard

from qsdb.cache.databases import Cache
from qsdb.cache.events import Event
from qsdb.errors import QueryError
from qsdb.runtime.bags import known
from qsdb.runtime.batches import Batch, Published
from qsdb.runtime.call_contexts import CallContext
from qsdb.runtime.moves import Moves
from qsdb.runtime.query_sets import SetQuery, Subscription
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.runtime.updates import Update
from qsdb.sql.readable import StoredRow
from qsdb.values.identity import ConnectionId

__all__ = ["Receiving"]

_Due = tuple[Subscription, SetQuery, Update | QueryError]


class Receiving(abc.ABC):
    """The receiver of all subscriptions of one connection; all is told in turn."""

    is_prompt = False
    connection_id: ConnectionId
    confirmed: bool
    moments: int
    db: Cache
    _subscriptions: Subscriptions
    _open: dict[Subscription, bool]
    _is_closed: bool

    @abc.abstractmethod
    def _go_on(self, published: Published, offset: int) -> None:
        """Go on with a module that was published, or close if clients cannot."""
        ...

    def apply(
        self, subscription: Subscription, offset: int, first: list[list[StoredRow]]
    ) -> None:
        """Take the first results in, and what was committed since."""
        if self.confirmed:  # its other subscriptions are brought to that offset first
            self._subscriptions.delivery.tell_durable(offset)
        if self._is_closed or subscription not in self._open:
            return
        pending, subscription.pending = subscription.pending or [], None
        for _, _, what in pending:
            if isinstance(what, QueryError):
                self._fail(subscription, what, offset)
                return
        moves = Moves()
        for query, rows in zip(subscription.queries, first, strict=True):
            query.bag = known(rows, query.asked.shape)
            moves.add(query, rows, ())
        for at, query, what in pending:
            assert isinstance(what, Update)
            offset = at
            query.bag.apply(what)
            moves.add(query, what.difference.inserts, what.difference.deletes)
        subscription.is_active = subscription.is_there = True
        event = Event("applied", offset)
        changes = self.db._move(moves.by_table)
        subscription.tell_applied(event)
        self.db._tell(changes, event)

    def receive(self, batch: Batch) -> None:
        """Take a commit in, and tell of it."""
        batch.is_told = True
        due = [*self._due(batch)]
        # Their rows go before, since they cannot be kept current.
        for subscription, error in _ending(due):
            self._fail(subscription, error, batch.offset - 1)
        if batch.published is not None and not self._is_closed:
            self._go_on(batch.published, batch.offset)
        if self._is_closed:
            return
        moves, others = Moves(), []
        for subscription, query, what in due:
            if isinstance(what, QueryError) or not subscription.is_there:
                continue
            query.bag.apply(what)
            moves.add(query, what.difference.inserts, what.difference.deletes)
            if query.asked.table is None:
                others.append((subscription, what))
        event = self._event(batch)
        self.db._tell(self.db._move(moves.by_table), event)
        for subscription, update in others:
            subscription.tell_update(event, update)

    def _due(self, batch: Batch) -> Iterator[_Due]:
        """Yield what is to be taken in now; the rest waits or is not wanted."""
        for subscriber, what in batch.parts:
            assert isinstance(subscriber, SetQuery)
            subscription = subscriber.owner
            if subscription.pending is not None:
                subscription.pending.append((batch.offset, subscriber, what))
            elif subscription.is_there:
                yield subscription, subscriber, what

    def _event(self, batch: Batch) -> Event:
        origin = batch.origin
        if not self._is_own(origin):
            return Event("transaction", batch.offset)
        return Event("reducer", batch.offset, origin.reducer_name, "committed")

    def _is_own(self, origin: object) -> TypeGuard[CallContext]:
        if not isinstance(origin, CallContext):
            return False
        return origin.connection_id == self.connection_id

    def moment_of(self, origin: object) -> int:
        """Say after which of its moments a commit is; a call of its own is one.

        Whoever called waits for it, so nothing of before or after is told with it.
        """
        if not self._is_own(origin):
            return self.moments
        self.moments += 2
        return self.moments - 1

    def _fail(self, subscription: Subscription, error: QueryError, offset: int) -> None:
        """End a subscription of which a query has failed."""
        self._subscriptions.leave(subscription.queries)
        if self._open.pop(subscription, False):
            subscription.error = error
        self.remove(subscription, offset)

    def remove(self, subscription: Subscription, offset: int) -> None:
        """Take the rows of a subscription that has ended out of the cache."""
        if self._is_closed:
            return
        moves = Moves()
        for query in subscription.queries:
            moves.add(query, (), query.bag.rows)
            query.bag = known([], query.asked.shape)
        subscription.is_active = subscription.is_there = False
        self.db._tell(self.db._move(moves.by_table), Event("ended", offset))
        subscription.tell_error()


def _ending(due: Iterable[_Due]) -> Iterator[tuple[Subscription, QueryError]]:
    """Yield the subscriptions of which a query has failed, and why."""
    for subscription, _, what in due:
        if isinstance(what, QueryError) and subscription.is_there:
            yield subscription, what
