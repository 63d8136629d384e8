"""`QuerySets`: what a connection is subscribed to, and what the server says of it.

Each query is a set of its own to the server, so that what comes can always be told
apart. What users ask together is applied together all the same: while one of its
queries has no answer yet, changes of the others are gathered and not shown. All
messages are in the order of commits, so when the last answer has come, all queries are
as they were at one offset.

When the connection was lost and is there again, all subscriptions are asked again, as
one. What users see stays as it was until all is answered; then it changes at once to
what is now, and only differences are told.
"""

from collections.abc import Callable, Iterable

from qsdb.cache.databases import Cache
from qsdb.cache.events import Event
from qsdb.client.joinings import NO_OFFSET, AskedSet, Joining, Moves, add_move
from qsdb.client.known import Known
from qsdb.client.outgoing import Outgoing
from qsdb.client.replies import Reply, fail, give
from qsdb.client.results import Counts
from qsdb.client.subscriptions import AnySubscription
from qsdb.client.telling import Telling
from qsdb.errors import ClosedError, QsdbError, QueryError
from qsdb.live.differences import Difference
from qsdb.protocol.client_messages import Subscribe, Unsubscribe
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.server_messages import (
    SubscribeApplied,
    SubscriptionError,
    TransactionUpdate,
    UnsubscribeApplied,
)
from qsdb.protocol.tables import EventTable, read_table_update
from qsdb.runtime.updates import Update
from qsdb.sql.readable import StoredRow

__all__ = ["QuerySets"]


class QuerySets:
    """The subscriptions of one connection.

    Attributes:
        subscriptions: Those that have begun and have not ended.
    """

    def __init__(
        self, known: Known, cache: Cache, telling: Telling, outgoing: Outgoing
    ) -> None:
        """Begin without any.

        Args:
            known: What there may be in the cache.
            cache: Of the connection.
            telling: Does what is to be done and told, in order.
            outgoing: Takes messages to the server.
        """
        self._known = known
        self._cache = cache
        self._shown = {*known.visible(private=False)[0]}
        self._is_closed = False
        self._telling = telling
        self._outgoing = outgoing
        self.subscriptions: dict[AnySubscription, Joining | None] = {}
        self._sets: dict[int, AskedSet] = {}
        self._leaving: dict[int, int] = {}
        """Sets that have ended here → the request that tells the server so."""

    # Beginning.

    def begin(self, subscription: AnySubscription, reply: Reply) -> None:
        """Ask the queries of a new subscription; it is applied when all are answered.

        Args:
            subscription: It.
            reply: Takes it when it is applied, or why it is not.

        Raises:
            ArgumentError: a text is too long to be sent.
        """
        joining = Joining(
            [subscription], set(), lambda: give(reply, subscription), reply
        )
        self._ask(joining)

    def resume(self, done: Callable[[], None]) -> None:
        """Ask all again, on another connection.

        Args:
            done: Is told when all has been applied.
        """
        joining = Joining([*self.subscriptions], set(), done, None)
        self._ask(joining)
        self._join_if_answered(joining)

    def _ask(self, joining: Joining) -> None:
        for subscription in joining.subscriptions:
            for result in subscription.results:
                result.request_id = self._outgoing.next_id()
                number = self._outgoing.next_id()
                text = result.question.text
                self._outgoing.put(Subscribe(result.request_id, number, (text,)))
                self._sets[number] = AskedSet(number, subscription, result, joining)
                joining.waiting.add(number)
            self.subscriptions[subscription] = joining

    # What the server says.

    def applied(self, message: SubscribeApplied) -> None:
        """Take in the result of a set.

        Raises:
            ProtocolError: it was not asked, or has an answer already.
        """
        number = message.query_set_id
        if number in self._leaving:
            return
        asked = self._find(number)
        joining, result = asked.joining, asked.result
        is_due = joining is not None and number in joining.waiting
        if joining is None or not is_due or message.request_id != result.request_id:
            reason = f"request {message.request_id} of set {number} is not due"
            raise ProtocolError("SubscribeApplied", 0, reason)
        result.begin(message.rows)
        joining.waiting.discard(number)
        self._join_if_answered(joining)

    def refused(self, message: SubscriptionError) -> None:
        """Take in that a set was not begun, or has ended.

        Raises:
            ProtocolError: there is none such.
        """
        number, request_id = message.query_set_id, message.request_id
        if number in self._leaving:
            if request_id == self._leaving[number]:
                del self._leaving[number]
            return
        asked = self._find(number)
        if request_id is not None and request_id != asked.result.request_id:
            reason = f"request {request_id} of set {number} is not due"
            raise ProtocolError("SubscriptionError", 0, reason)
        del self._sets[number]
        if asked.joining is not None:
            asked.joining.waiting.discard(number)
        self._fail(asked.subscription, QueryError(message.error))

    def unsubscribed(self, message: UnsubscribeApplied) -> None:
        """Take in that the server has ended a set.

        Raises:
            ProtocolError: it was not to.
        """
        number = message.query_set_id
        if self._leaving.get(number) != message.request_id:
            reason = f"request {message.request_id} of set {number} is not due"
            raise ProtocolError("UnsubscribeApplied", 0, reason)
        del self._leaving[number]

    def update(self, update: TransactionUpdate, event: Event) -> None:
        """Take in what a commit has changed, and tell of it.

        Raises:
            ProtocolError: it is no change of what is known; then nothing is changed.
        """
        changes = [
            (asked, difference, asked.result.after(difference))
            for asked, difference in self._differences(update)
        ]
        if changes:
            self._telling.do(lambda: self._take(changes, event))

    def _find(self, number: int) -> AskedSet:
        asked = self._sets.get(number)
        if asked is None:
            raise ProtocolError("message", 0, f"there is no query set {number}")
        return asked

    def _differences(
        self, update: TransactionUpdate
    ) -> Iterable[tuple[AskedSet, Difference]]:
        """Read how each set changes."""
        found: dict[int, tuple[AskedSet, Difference]] = {}
        for number, parts in update.query_sets:
            if number in self._leaving:
                continue
            asked = self._find(number)
            if asked.joining is not None and number in asked.joining.waiting:
                reason = f"set {number} changes before it has begun"
                raise ProtocolError("TransactionUpdate", 0, reason)
            inserts: list[StoredRow] = []
            deletes: list[StoredRow] = []
            for part in parts:
                table, entries = read_table_update(part)
                for entry in entries:
                    if isinstance(entry, EventTable):
                        inserts += asked.result.read(table, entry.events)
                        continue
                    inserts += asked.result.read(table, entry.inserts)
                    deletes += asked.result.read(table, entry.deletes)
            if number in found:
                reason = f"set {number} stands in it twice"
                raise ProtocolError("TransactionUpdate", 0, reason)
            found[number] = (asked, Difference(inserts, deletes))
        return found.values()

    # Showing.

    def _take(
        self, changes: Iterable[tuple[AskedSet, Difference, Counts]], event: Event
    ) -> None:
        moves: Moves = {}
        others: list[tuple[AnySubscription, Update]] = []
        for asked, difference, _ in changes:
            question = asked.result.question
            if asked.joining is not None:
                continue  # it is told when all of them are applied
            add_move(moves, asked.result, difference)
            if question.table is None:
                update = Update(NO_OFFSET, difference, question.shape)
                others.append((asked.subscription, update))
        self._require_possible(moves)
        for asked, _, changed in changes:
            if not asked.result.question.shape.is_event:
                asked.result.note(changed)
        self._cache._tell(self._cache._move(moves), event)
        for subscription, update in others:
            subscription.tell_update(event, update)

    def _require_possible(self, moves: Moves) -> None:
        """Refuse what no database can say, before anything is changed.

        A private table is in the cache once the server has shown it.

        Raises:
            ProtocolError: a table would have two rows with one primary key.
        """
        if not self._shown.issuperset(moves):
            by_name, by_class = self._known.visible(private=True)
            self._cache._take(by_name, by_class, {})
            self._shown = {*by_name}
        fault = self._cache._refusal(moves)
        if fault is not None:
            raise ProtocolError("rows", 0, fault)

    def _join_if_answered(self, joining: Joining) -> None:
        if not joining.waiting:
            self._telling.do(lambda: self._join(joining))

    def _join(self, joining: Joining) -> None:
        """Show what was gathered, and tell how it differs from what was shown."""
        if self._is_closed:
            return
        moves, updates = joining.gathered()
        self._require_possible(moves)
        joining.settle()
        for subscription in joining.subscriptions:
            self.subscriptions[subscription] = None
        for asked in self._sets.values():
            if asked.joining is joining:
                asked.joining = None
        event = Event("applied", NO_OFFSET)
        changes = self._cache._move(moves)
        for subscription in [*joining.subscriptions]:
            subscription.tell_applied(event)
        self._cache._tell(changes, event)
        for subscription, update in updates:
            subscription.tell_update(event, update)
        joining.done()

    # Ending.

    def end(self, subscription: AnySubscription) -> None:
        """End a subscription, as its user wishes; twice is no error."""
        if subscription not in self.subscriptions:
            return
        subscription.silence()
        self._leave(subscription, ClosedError("this subscription was closed"))
        self._telling.do(lambda: self._remove(subscription))

    def _fail(self, subscription: AnySubscription, error: QueryError) -> None:
        """End a subscription of which a query has failed."""
        is_new = not subscription.is_active
        self._leave(subscription, error)
        if not is_new:
            subscription.error = error
            self._telling.do(lambda: self._remove(subscription))

    def _leave(self, subscription: AnySubscription, error: QsdbError) -> None:
        """Have the server end its sets; what is said of them is nothing any more."""
        joining = self.subscriptions.pop(subscription)
        subscription.is_active = False
        for number, asked in [*self._sets.items()]:
            if asked.subscription is subscription:
                del self._sets[number]
                self._leaving[number] = request_id = self._outgoing.next_id()
                self._outgoing.put(Unsubscribe(request_id, number, 0))
                if joining is not None:
                    joining.waiting.discard(number)
        if joining is None:
            return
        joining.subscriptions.remove(subscription)
        if joining.reply is not None:
            fail(joining.reply, error)
        else:
            self._join_if_answered(joining)

    def _remove(self, subscription: AnySubscription) -> None:
        """Take the rows of a subscription that has ended out of the cache."""
        if self._is_closed:
            return
        moves: Moves = {}
        for result in subscription.results:
            result.fresh = None
            add_move(moves, result, result.difference())
            result.settle()
        event = Event("ended", NO_OFFSET)
        self._cache._tell(self._cache._move(moves), event)
        subscription.tell_error()

    def lost(self, error: QsdbError) -> None:
        """Take in that the connection is lost.

        What has been applied stays as it was; what has not ends.
        """
        self._sets.clear()
        self._leaving.clear()
        for subscription, joining in [*self.subscriptions.items()]:
            for result in subscription.results:
                result.fresh = None
            if joining is not None and joining.reply is not None:
                del self.subscriptions[subscription]
                fail(joining.reply, error)

    def close(self) -> None:
        """End all of them, and tell nothing any more; `lost` was called before."""
        self._is_closed = True
        self._cache._silence()
        for subscription in [*self.subscriptions]:
            subscription.is_active = False
            subscription.silence()
        self.subscriptions.clear()
