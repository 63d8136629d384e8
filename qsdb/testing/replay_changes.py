"""What a commit changed, as something that can be compared.

Of two records the bytes may differ and the changes be the same: the order in which a
transaction touched its rows is no part of what it did. So a record is taken apart into
the things that it did to each table: rows put, keys removed, sequences moved. They are
compared as bytes, of which a NaN equals itself.
"""

from collections.abc import Mapping
from typing import NamedTuple

from qsdb.log.records import Record, TableReader, read_record
from qsdb.recovery.state import table_reader
from qsdb.store.images import StoredTable
from qsdb.testing.replay_report import TableDeviation

__all__ = ["deviations"]

_PUT, _REMOVED = -1, -2


class _Change(NamedTuple):
    """One thing that a commit did to one table.

    Attributes:
        what: `_PUT` or `_REMOVED`, or the generated column whose sequence it moved.
        data: The row or the key, encoded, or the next value in digits.
    """

    what: int
    data: bytes


_Changes = dict[_Change, None]
"""A set that keeps its order."""


def deviations(
    tables: Mapping[int, StoredTable], logged: bytes, found: bytes | None
) -> dict[str, TableDeviation]:
    """Give how the changes of two records differ, by the names of the tables.

    Args:
        tables: Of the database, by id.
        logged: The one record.
        found: The other; None where nothing was committed.

    Raises:
        RecordError: they are no records of these tables.

    Cost: nothing if the records are equal; else some microseconds a row.
    """
    if found == logged:
        return {}
    was = _changes(tables, read_record(logged))
    now = {} if found is None else _changes(tables, read_record(found))
    differing = {}
    for table_id in sorted(was.keys() | now.keys()):
        expected, given = was.get(table_id, {}), now.get(table_id, {})
        if expected.keys() != given.keys():
            table = tables[table_id]
            differing[table.bound.schema.name] = TableDeviation(
                tuple([_text(table, each) for each in expected if each not in given]),
                tuple([_text(table, each) for each in given if each not in expected]),
            )
    return differing


def _changes(tables: Mapping[int, StoredTable], record: Record) -> dict[int, _Changes]:
    """Give what a record did to each table."""
    found: dict[int, _Changes] = {}
    for section in record.sections:
        changes = found.setdefault(section.table_id, {})
        reader = _reader(tables[section.table_id])
        at = section.start
        for what, count, read in (
            (_PUT, section.puts_count, reader.read_row),
            (_REMOVED, section.removed_count, reader.read_key),
        ):
            for _ in range(count):
                _, end = read(record.data, at)
                changes[_Change(what, record.data[at:end])] = None
                at = end
        for place, following in section.sequences:
            changes[_Change(place, b"%d" % following)] = None
    return found


def _text(table: StoredTable, change: _Change) -> str:
    """Say what was done."""
    reader, bound = _reader(table), table.bound
    if change.what == _PUT:
        row, _ = reader.read_row(change.data, 0)
        return repr(tuple.__new__(bound.row_class, row))  # type: ignore[arg-type, type-var]
    if change.what == _REMOVED:
        key, _ = reader.read_key(change.data, 0)
        return f"without the row {key!r}"
    generated = [column for column in bound.schema.columns if column.auto_inc]
    return f"the next {generated[change.what].name} is {change.data.decode()}"


def _reader(table: StoredTable) -> TableReader:
    return table_reader(table.table_id, table.bound.schema)
