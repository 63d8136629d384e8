"""Differences: what a commit does to a result.

They are what is told of it, to users as `qsdb.runtime.updates` and to clients as
messages; so what is made of one is kept with it, for all who are told the same.
"""

from collections.abc import Sequence

import attrs

from qsdb.live.states.changes import cancelled
from qsdb.live.states.windows import Move
from qsdb.live.tables import Pair, parted
from qsdb.sql.readable import StoredRow

__all__ = ["Difference", "difference_of", "net"]


@attrs.define
class Difference:
    """What came to a result and what went, as bags; no row is in both.

    Attributes:
        inserts: What came.
        deletes: What went.
        forms: What it was made into to be sent, by who made it; so all who are told
            the same share it.
        moves: The same at its places, one after the other; None where the result has
            no order.
    """

    inserts: Sequence[StoredRow]
    deletes: Sequence[StoredRow]
    forms: dict[object, bytes] | None = attrs.field(default=None, eq=False, repr=False)
    moves: Sequence[Move] | None = attrs.field(default=None, eq=False)

    def __bool__(self) -> bool:
        """Whether anything changed, if only places."""
        return bool(self.inserts or self.deletes or self.moves)


def difference_of(pairs: Sequence[Pair]) -> Difference:
    """Give the change of all rows of one table: a set, in which none is twice."""
    if len(pairs) == 1:  # as with most commits
        [(old, new)] = pairs
        return Difference([] if new is None else [new], [] if old is None else [old])
    return Difference(*parted(pairs))


def net(inserts: list[StoredRow], deletes: list[StoredRow]) -> Difference:
    """Give what came and what went, without what did both."""
    return Difference(*cancelled(inserts, deletes))
