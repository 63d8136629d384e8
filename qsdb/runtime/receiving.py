"""`Receiving`: what a connection does with what it is told.

What a commit means to its subscriptions comes as one batch. It is counted into the
cache as a whole, and only then told of, row by row. So callbacks see a state that was
committed, and the same whichever runs first.

All of that is done in steps (`qsdb.cache.steps`): what changes is planned, then it is
taken in, which twice is once, then it is told. An exception may cut it off at any
place; who delivers it again goes on with it.
"""

import abc
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

from qsdb.cache.databases import Cache, Changes
from qsdb.cache.events import Event
from qsdb.cache.steps import Step, Steps
from qsdb.errors import QueryError
from qsdb.runtime.bags import Known, known
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
    def _going_on(self, published: Published, offset: int) -> list[Step]:
        """Go on with a module that was published, or close if clients cannot."""
        ...

    # Each of these gives steps, and changes nothing itself: it may be cut off.

    def _applying(
        self, subscription: Subscription, offset: int, first: list[list[StoredRow]]
    ) -> list[Step]:
        """Take the first results in, and what was committed since."""
        steps: list[Step] = []
        if self.confirmed:  # its other subscriptions are brought to that offset first
            delivery = self._subscriptions.delivery
            steps.append(functools.partial(delivery.tell_durable, offset))
        begin = functools.partial(self._beginning, subscription, offset, first)
        return [*steps, Steps(begin).run]

    def _beginning(
        self, subscription: Subscription, offset: int, first: list[list[StoredRow]]
    ) -> Sequence[Step]:
        if self._is_closed or subscription not in self._open:
            return ()
        pending = [*dict.fromkeys(subscription.pending or ())]  # one may be there twice
        for _, _, what in pending:
            if isinstance(what, QueryError):
                return self._failing(subscription, what, offset)
        moves, bags = Moves(), dict[SetQuery, Known]()
        for query, rows in zip(subscription.queries, first, strict=True):
            bags[query] = known(rows, query.asked.shape)
            moves.add(query, rows, ())
        for at, query, what in pending:
            assert isinstance(what, Update)
            offset = at
            bags[query].apply(what)
            moves.add(query, what.difference.inserts, what.difference.deletes)
        changes = self.db._planned(moves.by_table)
        event = Event("applied", offset)
        return [
            functools.partial(self._begin, subscription, bags, changes),
            subscription.telling("on_applied", event),
            # Only then: it may have others listen to these rows.
            Steps(functools.partial(self.db._tellings, changes, event)).run,
        ]

    def _begin(
        self,
        subscription: Subscription,
        bags: Mapping[SetQuery, Known],
        changes: Changes,
    ) -> None:
        """Have a subscription in the cache; twice is once."""
        for query, bag in bags.items():
            query.bag = bag
        subscription.pending = None
        subscription.is_active = subscription.is_there = True
        self.db._take_in(changes)

    def receive(self, batch: Batch) -> None:
        """Take a commit in, and tell of it; cut off, it goes on where it was."""
        if batch.steps is None:
            batch.steps = Steps(functools.partial(self._receiving, batch))
        batch.steps.run()
        batch.is_told = True
        batch.steps = None  # which have the batch: it is to go without the collector

    def _receiving(self, batch: Batch) -> Sequence[Step]:
        due, offset = self._due(batch), batch.offset
        ending = _ending(due)
        if not ending and batch.published is None:  # as with most commits
            return self._taking(batch, due)
        # Their rows go before, since they cannot be kept current.
        steps: list[Step] = [
            Steps(functools.partial(self._failing, subscription, error, offset - 1)).run
            for subscription, error in ending.items()
        ]
        if batch.published is not None:
            going = functools.partial(self._going_on, batch.published, offset)
            steps.append(Steps(going).run)
        steps.append(Steps(functools.partial(self._taking, batch, due)).run)
        return steps

    def _taking(self, batch: Batch, due: Iterable[_Due]) -> Sequence[Step]:
        """Take in what has changed, and tell of it."""
        if self._is_closed:
            return ()
        moves, taken = Moves(), list[tuple[Known, Update]]()
        event, others = self._event(batch), list[Step]()
        for subscription, query, what in due:
            if isinstance(what, QueryError) or not subscription.is_there:
                continue
            moves.add(query, what.difference.inserts, what.difference.deletes)
            taken.append((query.bag, what))
            if query.has_updates:
                others.append(subscription.telling("on_update", event, what))
        changes = self.db._planned(moves.by_table)
        return [
            functools.partial(self._take_in, taken, changes),
            *self.db._tellings(changes, event),
            *others,
        ]

    def _take_in(self, taken: Iterable[tuple[Known, Update]], changes: Changes) -> None:
        """Have what has changed; twice is once."""
        for bag, update in taken:
            bag.apply(update)
        self.db._take_in(changes)

    def _due(self, batch: Batch) -> list[_Due]:
        """Give what is to be taken in now; the rest waits or is not wanted."""
        due: list[_Due] = []
        for subscriber, what in batch.parts:
            assert isinstance(subscriber, SetQuery)
            subscription = subscriber.owner
            if subscription.pending is not None:
                subscription.pending.append((batch.offset, subscriber, what))
            elif subscription.is_there:
                due.append((subscription, subscriber, what))
        return due

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

    def _failing(
        self, subscription: Subscription, error: QueryError, offset: int
    ) -> list[Step]:
        """End a subscription of which a query has failed."""
        return [
            functools.partial(self._forget, subscription, error),
            Steps(functools.partial(self._removing, subscription, offset)).run,
        ]

    def _forget(self, subscription: Subscription, error: QueryError) -> None:
        """Have it told no more, for an error; twice is once."""
        self._subscriptions.leave(subscription.queries)
        if subscription in self._open:
            subscription.error = error
            self._open.pop(subscription, False)

    def _removing(self, subscription: Subscription, offset: int) -> Sequence[Step]:
        """Take the rows of a subscription that has ended out of the cache."""
        if self._is_closed:
            return ()
        moves = Moves()
        for query in subscription.queries:
            moves.add(query, (), query.bag.rows)
        changes, event = self.db._planned(moves.by_table), Event("ended", offset)
        steps: list[Step] = [
            functools.partial(self._remove, subscription, changes),
            *self.db._tellings(changes, event),
        ]
        if subscription.error is not None:
            steps.append(subscription.telling("on_error", subscription.error))
        return steps

    def _remove(self, subscription: Subscription, changes: Changes) -> None:
        """Have it no more in the cache; twice is once."""
        for query in subscription.queries:
            query.bag = known([], query.asked.shape)
        subscription.is_active = subscription.is_there = False
        self._open.pop(subscription, False)
        self.db._take_in(changes)


def _ending(due: Iterable[_Due]) -> dict[Subscription, QueryError]:
    """Give the subscriptions of which a query has failed, and why."""
    found: dict[Subscription, QueryError] = {}
    for subscription, _, what in due:
        if isinstance(what, QueryError):
            found.setdefault(subscription, what)
    return found
