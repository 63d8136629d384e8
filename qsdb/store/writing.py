"""Tables in the write transaction: what the generated operations build upon.

`write_table_class` joins the generated operations of one table with the common
ones of `WriteTable`. One handle is made for each table that a transaction
touches (`WriteTransaction._open`, which sets its slots); when the transaction
ends, its `_find` is replaced by `closed`.
"""

from collections.abc import Iterable
from typing import TypeVar

from qsdb.schema.modules import BoundTable, derived
from qsdb.store.changing import ChangingTable
from qsdb.store.handles import closed, handle_class
from qsdb.store.images import Images, StoredTable, merge
from qsdb.store.indexes import OrderedIndex, UniqueIndex
from qsdb.store.mistakes import taken
from qsdb.store.operations import write_operations
from qsdb.store.orders import StoredRow
from qsdb.store.paths import count_in
from qsdb.values.ranges import Range

__all__ = ["WriteTable", "check_unique", "write_table_class"]

R = TypeVar("R")


class WriteTable(ChangingTable[R]):
    """One table in the write transaction; subclasses are generated."""

    __slots__ = ("_before", "_drawn", "_emitted", "_find", "_pre", "_rows", "_stored")

    _stored: StoredTable
    _rows: dict[object, StoredRow]
    _pre: Images
    _emitted: dict[object, StoredRow]
    """Of an event table: the rows that were committed (`qsdb.store.changes`)."""
    _drawn: dict[int, set[int]]
    """Of what was merged from a transaction beside others: place of a generated column
    → the numbers that were drawn for it."""
    _before: list[list[int]]
    """The sequences as they were before the transaction and each savepoint."""

    def _note_sequences(self, depth: int) -> None:
        """Note where the sequences are, for the transaction and each savepoint."""
        self._before = [self._stored.sequences[:]] * (depth + 1)

    # What the transaction does with a handle. Each may be cut in two by an
    # exception, and is then done again.

    def _push(self) -> None:
        """Begin a savepoint: note changes in a layer of their own."""
        stored = self._stored
        if stored.sequences:
            self._before[len(stored.layers) :] = [stored.sequences[:]]
        inner: Images = {}
        stored.layers = (*stored.layers, inner)
        self._pre = inner

    def _pop(self, *, undo: bool) -> None:
        """End the innermost savepoint, and put back what it changed if `undo`."""
        stored = self._stored
        *outer, inner = stored.layers
        if undo:
            stored.restore(inner)
            if stored.sequences:
                stored.sequences[:] = self._before[len(outer)]
        # Rules 3 and 4: into the older layer before out of the newer one.
        merge(outer[-1], inner)
        self._pre = outer[-1]
        stored.layers = tuple(outer)

    def _restore(self, *, has_rows: bool = True) -> None:
        """Put all back as it was before the transaction, or the sequences alone."""
        if has_rows:
            self._stored.restore(self._pre)
        if self._stored.sequences:
            self._stored.sequences[:] = self._before[0]

    def _require_open(self) -> None:
        if self._find is closed:
            closed()

    # Reading.

    def __len__(self) -> int:
        return self._size()

    def _size(self) -> int:
        self._require_open()
        return len(self._rows)

    def _scan(self) -> list[StoredRow]:
        self._require_open()
        return list(self._rows.values())

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        self._require_open()
        rows = self._rows
        if number is None:
            row = rows.get(value)
            return [] if row is None else [row]
        index = self._stored.indexes[number]
        if within is None:
            assert not isinstance(index, OrderedIndex)
            return [rows[key] for key in index.keys_equal(value)]
        assert isinstance(index, OrderedIndex)
        return [rows[key] for key in index.keys_between(within.low, within.high)]

    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  as the base class has it
    ) -> list[StoredRow]:
        self._require_open()
        index, rows = self._stored.indexes[number], self._rows
        assert isinstance(index, OrderedIndex)
        low, high = within.low, within.high
        keys = index.keys_first(low, high, count, is_reversed=is_reversed)
        return [rows[key] for key in keys]

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        if number is None:
            return int(self._find(value) is not None)
        self._require_open()
        return count_in(self._stored.indexes[number], within, value)

    # Writing.

    def _remove(self, key: object) -> None:
        """Delete the row under a row key that is there."""
        stored = self._stored
        old = self._rows[key]
        if key not in self._pre:
            self._pre[key] = old
        try:
            del self._rows[key]
            for index in stored.indexes:
                index.remove(old)
        except BaseException:
            stored.is_interrupted = True
            raise

    def _put_back(self, row: StoredRow) -> None:
        self._stored.restore({self._row_key(row): row})

    def _note_interrupted(self) -> None:
        self._stored.is_interrupted = True

    def clear(self) -> int:
        self._require_open()
        rows, stored = self._rows, self._stored
        count = len(rows)
        merge(self._pre, rows)  # type: ignore[arg-type]
        try:
            rows.clear()
            for index in stored.indexes:
                index.clear()
        except BaseException:
            stored.is_interrupted = True
            raise
        return count

    def _insert_batch(
        self, batch: dict[object, StoredRow], sequences: list[int]
    ) -> int:
        """Store rows that have been looked at one by one; all or none."""
        self._require_open()  # the rows' generator may have ended the transaction
        rows, stored, pre = self._rows, self._stored, self._pre
        bound = self._bound
        if not rows.keys().isdisjoint(batch):
            for key in [key for key in batch if key in rows]:
                if rows[key] != batch[key]:
                    raise taken(bound, bound.schema.primary_key, key)
                del batch[key]
        check_unique(stored, batch.values())
        stored.sequences[:] = sequences
        if pre:
            for key in batch:
                pre.setdefault(key, None)
        else:
            pre.update(dict.fromkeys(batch))
        try:
            rows.update(batch)
            for index in stored.indexes:
                index.add_many(batch.values())
        except BaseException:
            stored.is_interrupted = True
            raise
        return len(batch)

    # What generated code calls when something is wrong or unusual.

    def _refuse_taken(self, number: int, row: StoredRow) -> None:
        schema = self._bound.schema
        index = self._stored.indexes[number]
        assert not isinstance(index, OrderedIndex)
        columns = schema.indexes[number].columns
        raise taken(self._bound, columns, index.value_of(row))


def check_unique(stored: StoredTable, rows: Iterable[StoredRow]) -> None:
    """Refuse rows of which one has a unique value that is taken, or is another's too.

    Raises:
        UniqueError: naming the columns and the value.
    """
    schema = stored.bound.schema
    for index, existing in zip(schema.indexes, stored.indexes, strict=True):
        if not isinstance(existing, UniqueIndex):
            continue
        seen: set[object] = set()
        for row in rows:
            value = existing.value_of(row)
            if existing.keys_equal(value) or value in seen:
                raise taken(stored.bound, index.columns, value)
            if not existing.is_free(value):
                seen.add(value)


@derived
def write_table_class(bound: BoundTable) -> type[WriteTable[object]]:
    """Make the handle class of one table. Cost: about a millisecond."""
    operations = write_operations(bound)
    # What is abstract in WriteTable is among the operations.
    return handle_class(WriteTable, bound, operations)  # type: ignore[type-abstract]
