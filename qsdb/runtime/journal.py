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
    SectionWriter,
    call_writer,
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

_NO_CONNECTION = bytes(16)


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

    def __init__(
        self,
        log: Log,
        tables: Iterable[StoredTable],
        module: ModuleSchema,
    ) -> None:
        """Prepare for the tables and reducers of a database.

        Args:
            log: Where records go.
            tables: All that transactions can change.
            module: Whose reducers are called.
        """
        self._log = log
        self._append = log.append
        self._sections = {
            table: _section_writer(table.table_id, table.bound.schema)
            for table in tables
        }
        reducers = [*module.reducers.values(), *module.lifecycle.values()]
        self._calls: dict[Named, CallWriter] = {
            each: _call_writer(each) for each in reducers
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
        opened = transaction._opened
        if len(opened) > 1:
            sections = self._several(opened.values())
        else:
            [handle] = opened.values()
            stored = handle._stored
            sections = self._sections[stored](handle._pre, stored.rows.get)
            if stored.sequences:
                sections += _sequences_section(handle)
        microseconds = transaction._nanoseconds // 1000
        context = transaction._context
        if type(context) is not CallContext:  # a block, or one of a procedure
            self._append(write_plain(microseconds, sections))
            return
        calls, reducer, number, values = context._call
        connection = context._known.connection
        write, append = self._calls[reducer], self._append
        record = write(
            microseconds,
            context.sender.stored,
            _NO_CONNECTION if connection is None else connection.stored,
            calls.seeds.state_of_call(number),
            values,
            sections,
        )
        append(record)

    def _several(self, opened: Iterable[WriteTable[Row]]) -> bytes:
        """Give the sections of several tables: those of rows, those of sequences."""
        handles = sorted(opened, key=_table_id)
        rows = [
            self._sections[handle._stored](handle._pre, handle._stored.rows.get)
            for handle in handles
        ]
        return b"".join(rows) + b"".join(map(_sequences_section, handles))


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
