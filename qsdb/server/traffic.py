"""`Traffic`: what went over the WebSockets of one database, counted as it goes."""

from collections import Counter

import attrs

__all__ = ["Traffic"]


@attrs.define(eq=False)
class Traffic:
    """What went over the WebSockets of one database; of the event loop's thread.

    Attributes:
        clients: How many are open.
        messages_in: What came.
        messages_out: What was written.
        bytes_in: Of the former, in frames.
        bytes_out: Of the latter, likewise.
        closings: How they ended: code → how often; 1000 where the client did it.
    """

    clients: int = 0
    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    closings: Counter[int] = attrs.field(factory=Counter)
