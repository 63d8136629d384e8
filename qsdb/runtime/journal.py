"""`DiskJournal`: from what a transaction did to the record in the log.

It stands between the store, which tells it of each commit before anybody can see
it, and the log, which knows bytes only. A record is joined to one piece here, under
the writer lock: so the order of the log is that of the commits, and what waits for
the disk is bytes.
"""

import functools
from collections.abc import Iterable
from typing import Protocol

from qsdb.codec.bsatn import encoder
from qsdb.log.recording import (
    CallWriter,
    RecordWriter,
    SectionWriter,
    call_writer,
    record_writer,
    section_writer,
    write_plain,
    write_sequences,
)
from qsdb.recovery.state import row_kind
from qsdb.runtime.call_contexts import CallContext, Named
from qsdb.schema.catalogue import parameters_kind
from qsdb.schema.functions import Reducer
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.rows import Row
from qsdb.schema.tables import TableSchema
from qsdb.store.images import StoredTable
from qsdb.store.transactions import WriteTransaction
from qsdb.store.writing import WriteTable
from qsdb.values.kinds import Stored

__all__ = ["DiskJournal"]


class Log(Protocol):
    """Where records go; a `qsdb.log.writing.LogWriter` is one."""

    @property
    def appended_offset(self) -> int:
        """The last commit that it has taken."""
        ...

    def append(self, record: bytes) -> object:
        """Take the record of the next commit."""
        ...


class DiskJournal:
    """Writes records of commits to a log."""

    def __init__(self, log: Log, module: ModuleSchema) -> None:
        """Prepare for the reducers of a database.

        Args:
            log: Where records go.
            module: Whose reducers are called.
        """
        self._log = log
        self._append = log.append
        self._sections = _Sections()
        reducers = [*module.reducers.values(), *module.lifecycle.values()]
        self._records: dict[Named, _Records] = {
            each: _Records(each) for each in reducers
        }

    @property
    def told_offset(self) -> int:
        """The last commit that it was told of."""
        return self._log.appended_offset

    def tell(self, transaction: WriteTransaction) -> None:
        """Take what a transaction did; when this returns it is a commit.

        Raises:
            DiskFull: there is no room for it.
            FailedError: the log has failed before.
        """
        microseconds = transaction._nanoseconds // 1000
        opened, context = transaction._opened, transaction._context
        if type(context) is not CallContext:  # a block, or one of a procedure
            record = write_plain(microseconds, self._sections_of(opened.values()))
        else:
            calls, reducer, number, values = context._call
            origin, state = context._known.origin, calls.seeds.state_of_call(number)
            records = self._records[reducer]
            if len(opened) == 1:
                [handle] = opened.values()
                stored = handle._stored
                find, write = stored.rows.get, records[stored]
                record = write(handle._pre, find, microseconds, origin, state, values)
                if stored.sequences:
                    record += _sequences_section(handle)
            else:
                sections, write_call = self._sections_of(opened.values()), records.call
                record = write_call(microseconds, origin, state, values, sections)
        append = self._append
        append(record)

    def _sections_of(self, opened: Iterable[WriteTable[Row]]) -> bytes:
        """Give the sections of some tables: those of rows, those of sequences."""
        handles = sorted(opened, key=_table_id)
        rows = [
            self._sections[handle._stored](handle._pre, handle._stored.rows.get)
            for handle in handles
        ]
        return b"".join(rows) + b"".join(map(_sequences_section, handles))


class _Records(dict[StoredTable, RecordWriter]):
    """What writes the calls of a reducer about one table, made when it is asked for.

    Attributes:
        call: Writes those about several tables.
    """

    def __init__(self, reducer: Reducer) -> None:
        self.call = _call_writer(reducer)
        self._reducer = reducer

    def __missing__(self, stored: StoredTable) -> RecordWriter:
        reducer, schema = self._reducer, stored.bound.schema
        enter = [each.binding.enter_source for each in reducer.parameters.parameters]
        call = reducer.name, parameters_kind(reducer), enter
        table = stored.table_id, row_kind(schema), schema.primary_key
        self[stored] = write = record_writer(call, table, self.call)
        return write


class _Sections(dict[StoredTable, SectionWriter]):
    """What writes the rows of a table, made when it is asked for."""

    def __missing__(self, stored: StoredTable) -> SectionWriter:
        self[stored] = write = _section_writer(stored.table_id, stored.bound.schema)
        return write


def _table_id(handle: WriteTable[Row]) -> int:
    return handle._stored.table_id


@functools.lru_cache(maxsize=512)
def _section_writer(table_id: int, schema: TableSchema) -> SectionWriter:
    """Give what writes the rows of a table; made once for each schema."""
    return section_writer(table_id, row_kind(schema), schema.primary_key)


def _sequences_section(handle: WriteTable[Row]) -> bytes:
    """Give the section of a table's sequences, or nothing where none has moved."""
    stored = handle._stored
    if not stored.sequences or stored.sequences == handle._before[0]:
        return b""
    pairs = zip(handle._before[0], stored.sequences, strict=True)
    moved = [(place, now) for place, (was, now) in enumerate(pairs) if was != now]
    return write_sequences(stored.table_id, moved)


def _call_writer(reducer: Reducer) -> CallWriter:
    """Give what writes calls with checked arguments, as the reducer gets them."""
    kind = parameters_kind(reducer)
    bindings = [each.binding for each in reducer.parameters.parameters]
    if all(binding.is_plain for binding in bindings):
        return call_writer(reducer.name, kind)
    encode = encoder(kind)

    def encode_arguments(values: tuple[object, ...]) -> bytes:
        entered: list[Stored] = [
            binding.enter(value)
            for binding, value in zip(bindings, values, strict=True)
        ]
        return encode(tuple(entered))

    return call_writer(reducer.name, kind, encode_arguments)
