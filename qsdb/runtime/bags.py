"""`Bag`: the result of one query, as it is known to whoever asked.

The rows are a list, as they were once, and beside it is noted of which rows there are
more or fewer now. So a change costs as much as it has rows, however long the result is.
Once as much is noted as there are rows, a new list is made. Of a result in order a new
list is made with each change.

All changes of a bag come one after the other, while it is read by other threads. They
see all of a change or nothing of it, and so do those who come after an interrupt.

Changes are told apart by what they say and not by their offsets: where only functions
are published, the results of views change without a commit.
"""

from collections.abc import Mapping

from qsdb.live.differences import Difference
from qsdb.live.states.windows import patched
from qsdb.runtime.updates import Update
from qsdb.sql.readable import StoredRow

__all__ = ["Bag"]

NOTED_MIN = 256
"""So many rows may be noted beside the shortest list."""


class Bag:
    """A result: rows, each as often as it is there."""

    __slots__ = ("_state",)

    def __init__(self, rows: list[StoredRow]) -> None:
        """Begin with rows. The list is kept, and never changed."""
        noted: dict[StoredRow, int] = {}
        due: dict[StoredRow, int] = {}
        last: Difference | None = None
        self._state = (rows, noted, 0, due, last)
        """The list; row → how many more there are; the offset of the last change, what
        it notes, which is all that is new, and the change."""

    @property
    def offset(self) -> int:
        """The offset of the last change; 0 before the first."""
        return self._state[2]

    @property
    def rows(self) -> list[StoredRow]:
        """The rows, in a list of the caller's own. Cost: O(rows)."""
        rows, noted, *_ = self._state
        return _counted(rows, dict(noted))

    @property
    def count(self) -> int:
        """The number of rows. Cost: O(rows noted)."""
        rows, noted, *_ = self._state
        return len(rows) + sum([*noted.values()])

    def apply(self, update: Update) -> None:
        """Take a change in; the last one twice is once.

        Cost: O(change), and O(rows) once in as many rows of changes.
        """
        if update.shape.is_event:
            return
        rows, noted, _, due, last = self._state
        difference = update.difference
        if difference.moves is not None:  # a result in order: nothing is noted
            if last is not difference:
                rows = patched(rows, difference.moves)
                self._state = (rows, noted, update.offset, due, difference)
            return
        if last is not difference:
            if len(noted) > len(rows) + NOTED_MIN:
                rows, noted = _counted(rows, noted), {}
            due = _changed(noted, difference)
            self._state = (rows, noted, update.offset, due, difference)
        noted.update(due)  # in one go
        for row, count in due.items():
            if not count:
                noted.pop(row, None)


def _counted(rows: list[StoredRow], noted: Mapping[StoredRow, int]) -> list[StoredRow]:
    """Give rows, with what is noted of them."""
    if not noted:
        return [*rows]
    fewer = {row: -count for row, count in noted.items() if count < 0}
    found = [*rows]
    if fewer:
        found = []
        for row in rows:
            count = fewer.get(row)
            if count:
                fewer[row] = count - 1
            else:
                found.append(row)
    for row, count in noted.items():
        found += [row] * count
    return found


def _changed(
    noted: Mapping[StoredRow, int], difference: Difference
) -> dict[StoredRow, int]:
    """Give what is noted of each row that changes after that."""
    changed: dict[StoredRow, int] = {}
    for row in difference.inserts:
        changed[row] = changed.get(row, noted.get(row, 0)) + 1
    for row in difference.deletes:
        changed[row] = changed.get(row, noted.get(row, 0)) - 1
    return changed
