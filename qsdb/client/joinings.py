"""`Joining`: subscriptions that are to be applied together, once all is answered."""

from collections.abc import Callable

import attrs

from qsdb.client.replies import Reply
from qsdb.client.results import LiveResult
from qsdb.client.subscriptions import AnySubscription
from qsdb.live.differences import Difference
from qsdb.runtime.updates import Update
from qsdb.sql.readable import StoredRow

__all__ = ["NO_OFFSET", "AskedSet", "Joining", "Moves", "add_move"]

NO_OFFSET = 0
"""The protocol does not say which commit a message is about."""

Moves = dict[str, tuple[list[StoredRow], list[StoredRow]]]
"""Table → the rows that came to it and those that went."""

Updates = list[tuple[AnySubscription, Update]]


def add_move(moves: Moves, result: LiveResult, difference: Difference) -> None:
    """Add a change of a result, if it has whole rows of a table."""
    table = result.question.table
    if table is not None and (difference.inserts or difference.deletes):
        came, went = moves.setdefault(table, ([], []))
        came += difference.inserts
        went += difference.deletes


@attrs.define(eq=False)
class Joining:
    """Subscriptions that are to be applied together.

    Attributes:
        subscriptions: They.
        waiting: Those of their sets that have no answer yet.
        done: Is told when they are applied.
        reply: Takes the subscription that somebody waits for; None of those that are
            asked again.
    """

    subscriptions: list[AnySubscription]
    waiting: set[int]
    done: Callable[[], None]
    reply: Reply | None

    def gathered(self) -> tuple[Moves, Updates]:
        """Say how what was gathered differs from what is shown.

        Returns:
            What changes in the cache, and what is to be told of results that are not
            in it. Who has just begun looks at the rows, and is told nothing.
        """
        moves: Moves = {}
        updates: Updates = []
        for subscription in self.subscriptions:
            for result in subscription.results:
                difference = result.difference()
                add_move(moves, result, difference)
                is_told = difference.inserts or difference.deletes
                if result.question.table is None and is_told and self.reply is None:
                    update = Update(NO_OFFSET, difference, result.question.shape)
                    updates.append((subscription, update))
        return moves, updates

    def settle(self) -> None:
        """Show what was gathered."""
        for subscription in self.subscriptions:
            for result in subscription.results:
                result.settle()
            subscription.is_active = True


@attrs.define(eq=False)
class AskedSet:
    """One query, as the server knows it.

    Attributes:
        number: Of the query set.
        subscription: Whose query it is.
        result: What is known of it.
        joining: With what it is to be applied; None when it has been.
    """

    number: int
    subscription: AnySubscription
    result: LiveResult
    joining: Joining | None
