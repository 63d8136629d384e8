"""`Bag`: the result of one query, as it is known to whoever asked.

The rows are a list, as they were once, and beside it stand the rows that came since,
and those that went. So to take a change in costs as little as to keep it, however long
the result is. Once as many came and went as there are rows, a new list is made. Of a
result in order a new list is made with each change.

All changes of a bag come one after the other, while it is read by other threads. They
see all of a change or nothing of it, and so do those who come after an interrupt: what
stands in a list beyond the number that is known of it is not there.

Changes are told apart by what they say and not by their offsets: where only functions
are published, the results of views change without a commit.
"""

from collections import Counter
from itertools import chain

from qsdb.live.differences import Difference
from qsdb.live.states.windows import patched
from qsdb.runtime.updates import Update
from qsdb.sql.readable import StoredRow

__all__ = ["Bag"]

CHANGED_MIN = 256
"""So many rows may have come and gone since the shortest list."""

Rows = list[StoredRow]


class Bag:
    """A result: rows, each as often as it is there."""

    __slots__ = ("_state",)

    def __init__(self, rows: Rows) -> None:
        """Begin with rows. The list is kept, and never changed."""
        came: Rows = []
        went: Rows = []
        last: Difference | None = None
        self._state = (rows, came, 0, went, 0, 0, last)
        """The list; the rows that came since, and how many; those that went; the offset
        of the last change, and the change."""

    @property
    def offset(self) -> int:
        """The offset of the last change; 0 before the first."""
        return self._state[5]

    @property
    def rows(self) -> Rows:
        """The rows, in a list of the caller's own. Cost: O(rows)."""
        rows, came, come, went, gone, *_ = self._state
        return _counted(rows, came[:come], went[:gone])

    @property
    def count(self) -> int:
        """The number of rows."""
        rows, _, come, _, gone, *_ = self._state
        return len(rows) + come - gone

    def apply(self, update: Update) -> None:
        """Take a change in; the last one twice is once.

        Cost: O(change), and O(rows) once in as many rows of changes.
        """
        if update.shape.is_event:
            return
        difference = update.difference
        rows, came, come, went, gone, _, last = self._state
        if last is difference:
            return
        if difference.moves is not None:
            rows = patched(rows, difference.moves)
        else:
            came[come:], went[gone:] = difference.inserts, difference.deletes
            come, gone = len(came), len(went)
            if come + gone > len(rows) + CHANGED_MIN:
                rows, came, come, went, gone = _counted(rows, came, went), [], 0, [], 0
        self._state = (rows, came, come, went, gone, update.offset, difference)


def _counted(rows: Rows, came: Rows, went: Rows) -> Rows:
    """Give rows with those that came, and without those that went."""
    if not went:
        return rows + came
    left, found = Counter(went), Rows()
    for row in chain(rows, came):
        if left.get(row):
            left[row] -= 1
        else:
            found.append(row)
    return found
