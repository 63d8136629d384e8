"""What callbacks are told besides rows: why something changed."""

from typing import Literal

import attrs

__all__ = ["Event", "EventKind"]

EventKind = Literal["reducer", "transaction", "applied", "ended"]


@attrs.frozen
class Event:
    """Why rows of a cache changed.

    Attributes:
        kind: ``"reducer"`` for a call of the own connection, ``"transaction"`` for
            any other commit, ``"applied"`` and ``"ended"`` for a subscription.
        offset: The commit; of a subscription the one that it began at, or that was the
            last before its end.
        reducer: The name of the reducer, of an own call.
        status: ``"committed"``, of an own call.
    """

    kind: EventKind
    offset: int
    reducer: str | None = None
    status: str | None = None
