"""From the buffer of an optimistic transaction into the tables.

What was validated is written as a serial transaction would write it, under the writer
lock: first the image of each row, then the row, then its index entries; so rollback,
the log, live queries and readers know no difference. Unique values are looked at once
more, before anything is written: of the values that the transaction found free another
one may have taken some.
"""

from qsdb.errors import brief
from qsdb.store.draws import Drawn
from qsdb.store.images import AnyIndex, Images, StoredTable
from qsdb.store.indexes import OrderedIndex, UniqueIndex
from qsdb.store.orders import StoredRow
from qsdb.store.writing import WriteTable

__all__ = ["merge_numbers", "merge_rows", "taken_value"]

Move = tuple[StoredRow | None, StoredRow | None]
"""An old row, and the one that takes its place."""


def taken_value(table: StoredTable, buffer: Images) -> str | None:
    """Say which unique value others have taken; None if none is.

    Args:
        table: The table, as it is now.
        buffer: Row key → the row that is to be there.
    """
    for number, index in enumerate(table.indexes):
        if not isinstance(index, UniqueIndex):
            continue
        for key, row in buffer.items():
            if row is None:
                continue
            value = index.value_of(row)
            # Who has it and is in the buffer gives it up, or is this very row.
            if index.is_free(value) or index.keys_equal(value) in ([], [key]):
                continue
            [holder] = index.keys_equal(value)
            if holder not in buffer:
                columns = table.bound.schema.indexes[number].columns
                names = ", ".join(table.bound.schema.column_names(columns))
                shown = brief(table.bound.users_key(columns, value))
                return f"stored a row with {names} {shown}"
    return None


def merge_rows(handle: WriteTable[object], buffer: Images) -> None:
    """Write rows to a table that the transaction has just opened.

    Args:
        handle: The table.
        buffer: Row key → the row that is to be there, None for none.
    """
    stored, rows, pre = handle._stored, handle._rows, handle._pre
    find = rows.get
    try:
        for key, row in buffer.items():
            pre[key] = find(key)
            if row is not None:
                rows[key] = row
            elif key in rows:
                del rows[key]
        if stored.indexes:
            moves = [(old, buffer[key]) for key, old in pre.items()]
            for index in stored.indexes:
                _move_entries(index, moves)
    except BaseException:
        stored.is_interrupted = True
        raise


def _move_entries(index: AnyIndex, moves: list[Move]) -> None:
    place_of = index.entry_of if isinstance(index, OrderedIndex) else index.value_of
    moved = [
        (old, new)
        for old, new in moves
        if old is None or new is None or (place_of(old),) != (place_of(new),)
    ]
    for old, _ in moved:
        if old is not None:
            index.remove(old)
    for _, new in moved:
        if new is not None:
            index.add(new)


def merge_numbers(
    handle: WriteTable[object], least: list[int], drawn: Drawn | None
) -> None:
    """Move the sequences of a table on behind the numbers that were stored.

    Args:
        handle: The table, with its rows.
        least: Of each generated column: more than every number that was stored.
        drawn: Which numbers were drawn, if any were.
    """
    sequences = handle._stored.sequences
    sequences[:] = map(max, sequences, least)
    handle._drawn = {} if drawn is None else drawn.numbers
