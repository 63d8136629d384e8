"""`Bag` and `Listing`: the result of one query, as it is known to whoever asked.

The rows are a list, as they were once, and beside it stand the rows that came since,
and those that went; of a result in order the moves (`qsdb.live.states.windows`). So to
take a change in costs as little as to keep it, however long the result is. Once there
are as many changes as rows, a new list is made.

All changes of a result come one after the other, while it is read by other threads.
They see all of a change or nothing of it, and so do those who come after an interrupt:
what stands in a list beyond the number that is known of it is not there.

Changes are told apart by what they say and not by their offsets: where only functions
are published, the results of views change without a commit.
"""

from collections import Counter
from itertools import chain

from qsdb.live.differences import Difference
from qsdb.live.states.windows import Move, patched
from qsdb.runtime.updates import Shape, Update
from qsdb.sql.readable import StoredRow

__all__ = ["Known", "known"]

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
        came[come:], went[gone:] = difference.inserts, difference.deletes
        come, gone = len(came), len(went)
        if come + gone > len(rows) + CHANGED_MIN:
            rows, came, come, went, gone = _counted(rows, came, went), [], 0, [], 0
        self._state = (rows, came, come, went, gone, update.offset, difference)


class Listing:
    """A result in order: rows at their places."""

    __slots__ = ("_read", "_state")

    def __init__(self, rows: Rows) -> None:
        """Begin with rows. The list is kept, and never changed."""
        moves: list[Move] = []
        last: Difference | None = None
        self._state = (rows, moves, 0, len(rows), 0, last)
        """The list; the moves since, and how many; the number of rows; the offset of
        the last change, and the change."""
        self._read = (moves, 0, rows)
        """What was read last: of which moves, after how many, and the rows. So who
        reads after each change has one change to go through."""

    @property
    def offset(self) -> int:
        """The offset of the last change; 0 before the first."""
        return self._state[4]

    @property
    def rows(self) -> Rows:
        """The rows, in a list of the caller's own. Cost: O(rows)."""
        return [*self._patched()]

    @property
    def count(self) -> int:
        """The number of rows."""
        return self._state[3]

    def _patched(self) -> Rows:
        rows, moves, known, *_ = self._state
        of, begun, found = self._read
        if of is not moves or begun > known:  # read by somebody meanwhile
            begun, found = 0, rows
        if begun < known:
            found = patched(found, moves[begun:known])
            self._read = (moves, known, found)
        return found

    def apply(self, update: Update) -> None:
        """Take a change in; the last one twice is once.

        Cost: O(change), and O(rows) once in as many moves.
        """
        difference = update.difference
        rows, moves, known, count, _, last = self._state
        if last is difference:
            return
        moves[known:] = difference.moves or ()
        known, offset = len(moves), update.offset
        count += len(difference.inserts) - len(difference.deletes)
        self._state = (rows, moves, known, count, offset, difference)
        if known > len(rows) + CHANGED_MIN:
            self._state = (self._patched(), [], 0, count, offset, difference)


Known = Bag | Listing


def known(rows: Rows, shape: Shape) -> Known:
    """Begin to know a result."""
    return Listing(rows) if shape.is_ordered else Bag(rows)


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
