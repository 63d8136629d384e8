"""`DiskJournal`: from what a transaction did to the record in the log.

It stands between the store, which tells it of each commit before anybody can see
it, and the log, which knows bytes only. A record is joined to one piece here, under
the writer lock: so the order of the log is that of the commits, and what waits for
the disk is bytes.
"""

from collections.abc import Iterable
from typing import Protocol

from qsdb.log.recording import write_plain, write_sequences
from qsdb.runtime.call_contexts import CallContext, Named
from qsdb.runtime.record_writers import Records, Sections
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.rows import Row
from qsdb.store.transactions import WriteTransaction
from qsdb.store.writing import WriteTable

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
        self._sections = Sections()
        reducers = [*module.reducers.values(), *module.lifecycle.values()]
        self._records: dict[Named, Records] = {each: Records(each) for each in reducers}

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


def _table_id(handle: WriteTable[Row]) -> int:
    return handle._stored.table_id


def _sequences_section(handle: WriteTable[Row]) -> bytes:
    """Give the section of a table's sequences, or nothing where none has moved."""
    stored = handle._stored
    if not stored.sequences or stored.sequences == handle._before[0]:
        return b""
    pairs = zip(handle._before[0], stored.sequences, strict=True)
    moved = [(place, now) for place, (was, now) in enumerate(pairs) if was != now]
    return write_sequences(stored.table_id, moved)
