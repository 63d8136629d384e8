"""Generated numbers for transactions that may never commit.

A serial transaction takes the next number of a table's sequence and gives it back if it
rolls back. One that others write beside cannot: so such transactions draw from a count
of their own, which never goes back. A number drawn is the transaction's among all of
these, and gaps are left where it does not commit.

A serial transaction knows nothing of that count, so that what it does follows from the
log alone, and may take the same number first. Then the other one is a conflict.
"""

from qsdb.store.images import StoredTable
from qsdb.store.pins import Store

__all__ = ["draw"]


def draw(store: Store, table: StoredTable, number: int, least: int) -> int:
    """Give the next number of a generated column.

    Args:
        store: Of the table.
        table: The table.
        number: Which of its generated columns.
        least: The number is not below it, since the transaction has stored that much
            less one itself. From there on it counts for itself alone: otherwise one
            great number, never committed, would use up the sequence for all.
    """
    with store.drawing:
        following = table.drawn.setdefault(number, 1)
        following = max(following, table.sequences[number])
        if least > following:
            return least
        table.drawn[number] = following + 1
        return following
