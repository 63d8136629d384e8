"""`OptimisticTable`: how one transaction writes to a table while others do.

A row that is written goes to the buffer, after what stood there was looked for. One
handle is made for each table that a transaction touches.
"""

import functools
from typing import NoReturn, TypeVar, cast

from qsdb.errors import LimitError
from qsdb.schema.bound_tables import BoundTable, derived
from qsdb.store.handles import handle_class
from qsdb.store.indexes import OrderedIndex, is_free
from qsdb.store.mistakes import taken
from qsdb.store.operations import write_operations
from qsdb.store.optimistic.buffered import BufferedSource
from qsdb.store.optimistic.holds import OptimisticHold
from qsdb.store.optimistic.seen import SeenTable
from qsdb.store.orders import StoredRow

__all__ = ["OptimisticTable", "optimistic_table_class"]

R = TypeVar("R")

_ABSENT = object()
"""Stands for "not in the buffer", where None is a row that was deleted."""


class OptimisticTable(SeenTable[R]):
    """One table; subclasses are generated."""

    __slots__ = ()

    def _put(self, key: object, row: StoredRow | None, old: StoredRow | None) -> None:
        """Have a row under a key, or none, at the commit.

        Args:
            key: The row key.
            row: The row.
            old: What the transaction sees there now.
        """
        hold, buffer = self._hold, self._buffer
        assert hold is not None
        if hold.depth:
            before = buffer.get(key, _ABSENT)
            hold.undo.append(functools.partial(self._take_back, key, before))
        if key not in buffer:
            if hold.rows >= hold.rows_max:
                _refuse_more(hold, 1)
            hold.rows += 1
        # No call stands between these, so no signal handler does.
        buffer[key] = row
        if (row is None) is not (old is None):
            self._extra += 1 if old is None else -1
        if self._overlay:
            self._move(old, row)

    def _take_back(self, key: object, before: object) -> None:
        """Have the buffer as it was before a write.

        Args:
            key: What was written.
            before: What was in the buffer; `_ABSENT` if nothing was.
        """
        buffer = self._buffer
        now = buffer.get(key, _ABSENT)
        if now is before:  # an exception came before the write
            return
        assert now is not _ABSENT
        is_there = (self._seen[key] if before is _ABSENT else before) is not None
        was_there = now is not None
        if before is _ABSENT:
            hold = self._hold
            assert hold is not None
            hold.rows -= 1
            del buffer[key]
        else:
            buffer[key] = cast(StoredRow | None, before)
        self._extra += is_there - was_there
        if self._overlay:
            row = None if before is _ABSENT else before
            self._move(cast(StoredRow | None, now), cast(StoredRow | None, row))

    def _remove_all(self, stored: list[StoredRow]) -> int:
        hold = self._require_open()
        more = {self._row_key(row) for row in stored} - self._buffer.keys()
        if hold.rows + len(more) > hold.rows_max:  # all or none
            _refuse_more(hold, len(more))
        return super()._remove_all(stored)

    def _remove(self, key: object) -> None:
        self._put(key, None, self._find(key))

    def _put_back(self, row: StoredRow) -> None:
        key = self._row_key(row)
        self._put(key, row, self._find(key))

    def _note_interrupted(self) -> None:
        """Nothing is cut in two here: what is in the buffer is what there is."""

    def clear(self) -> int:
        rows = self._scan()
        return self._remove_all(rows)

    def _insert_all(self, given: list[R]) -> int:
        """Insert rows, all or none, and give the number of those that are new."""
        hold = self._require_open()
        before, mark = self._extra, len(hold.undo)
        hold.depth += 1
        try:
            for row in given:
                self.insert(row)
        except BaseException:
            hold.take_back(mark)
            raise
        finally:
            hold.leave()
        return self._extra - before

    def _move(self, old: StoredRow | None, row: StoredRow | None) -> None:
        """Have the indexes of the buffer follow it."""
        overlay = self._overlay
        self._overlay = {}  # made anew, if an exception cuts this in two
        for index in overlay.values():
            if old is not None:
                index.remove(old)
            if row is not None:
                index.add(row)
        self._overlay = overlay

    # What generated code calls.

    def _draw(self, number: int) -> int:
        """Give the next number of a generated column."""
        store, stored = self._require_open()._store, self._stored
        if self._drawn is None:
            self._drawn = stored.draws.begin()
        least = self._least[number]
        return stored.draws.draw(
            self._drawn, number, least, stored.sequences, store.drawing
        )

    def _note_least(self) -> None:
        """Have the numbers that are stored from here on not count, if it is undone."""
        undo = self._require_open().undo
        undo.append(functools.partial(setattr, self, "_least", [*self._least]))

    def _require_free(self, number: int, stored: StoredRow, key: object) -> None:
        """Refuse a row of which another one has a unique value."""
        index = self._stored.indexes[number]
        assert not isinstance(index, OrderedIndex)
        value = index.value_of(stored)
        columns = self._bound.schema.indexes[number].columns
        if is_free(value, len(columns)):
            return
        for row in self._select(number, None, value):
            other = self._row_key(row)
            if other is not key and other != key:
                raise taken(self._bound, columns, value)


def _refuse_more(hold: OptimisticHold, count: int) -> NoReturn:
    raise LimitError(
        f"an optimistic transaction writes {hold.rows_max} rows at most, and this one "
        f"has written {hold.rows} and would write {count} more; use db.write(), or "
        "TransactionLimits(written_rows=…)"
    )


@derived
def optimistic_table_class(bound: BoundTable) -> type[OptimisticTable[object]]:
    """Make the handle class of one table. Cost: about a millisecond."""
    operations = write_operations(bound, BufferedSource)
    # What is abstract in OptimisticTable is among the operations.
    return handle_class(OptimisticTable, bound, operations)  # type: ignore[type-abstract]
