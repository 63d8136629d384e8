"""`DiskJournal`: from what a transaction did to the record in the log.

It stands between the store, which tells it of each commit before anybody can see
it, and the log, which knows bytes only. A record is joined to one piece here, under
the writer lock: so the order of the log is that of the commits, and what waits for
the disk is bytes.
"""

from collections.abc import Callable, Iterable
from typing import cast

from qsdb.codec.bsatn import encoder
from qsdb.log.records import TableCodec, call_prefix, write_call, write_plain
from qsdb.log.writing import LogWriter
from qsdb.recovery.state import table_codec
from qsdb.schema.catalogue import parameters_kind
from qsdb.schema.modules import ModuleSchema, Reducer
from qsdb.schema.rows import Row
from qsdb.store.images import StoredTable
from qsdb.store.transactions import WriteTransaction
from qsdb.store.writing import WriteTable
from qsdb.values.kinds import Stored

__all__ = ["DiskJournal"]

_NO_CONNECTION = bytes(16)

ArgumentsEncoder = Callable[[tuple[object, ...]], bytes]


class DiskJournal:
    """Writes records of commits to a log."""

    def __init__(
        self,
        log: LogWriter,
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
        self._codecs = {
            table.table_id: table_codec(table.table_id, table.bound.schema)
            for table in tables
        }
        reducers = [*module.reducers.values(), *([module.init] if module.init else [])]
        self._reducers = {
            each.name: (call_prefix(each.name), _arguments_encoder(each))
            for each in reducers
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
        opened: Iterable[WriteTable[Row]] = transaction._opened.values()
        if len(transaction._opened) > 1:
            opened = sorted(opened, key=_table_id)
        sections = []
        sequences: list[bytes] = []
        for handle in opened:
            stored = handle._stored
            codec = self._codecs[stored.table_id]
            section = codec.write(handle._pre, handle._find)
            if section:
                sections.append(section)
            if stored.sequences and stored.sequences != handle._before[0]:
                sequences.append(_sequences_section(codec, handle))
        sections += sequences
        microseconds = transaction._nanoseconds // 1000
        context = transaction._context
        if context is None:
            self._append(write_plain(microseconds, sections))
            return
        calls, reducer, number, values = context._call  # type: ignore[attr-defined]
        prefix, encode = self._reducers[reducer.name]
        state = calls.seeds.state_of_call(number)
        connection = context.connection_id  # type: ignore[attr-defined]
        over = _NO_CONNECTION if connection is None else connection.stored
        call = (context.sender.stored, over, state)  # type: ignore[attr-defined]
        self._append(write_call(microseconds, call, prefix, encode(values), sections))


def _table_id(handle: WriteTable[Row]) -> int:
    return handle._stored.table_id


def _sequences_section(codec: TableCodec, handle: WriteTable[Row]) -> bytes:
    pairs = zip(handle._before[0], handle._stored.sequences, strict=True)
    moved = [(place, now) for place, (was, now) in enumerate(pairs) if was != now]
    return codec.write_sequences(moved)


def _arguments_encoder(reducer: Reducer) -> ArgumentsEncoder:
    """Give the function that encodes checked arguments, as reducers get them."""
    encode = encoder(parameters_kind(reducer))
    bindings = [each.binding for each in reducer.parameters.parameters]
    if all(binding.is_plain for binding in bindings):
        return cast(ArgumentsEncoder, encode)

    def encode_arguments(values: tuple[object, ...]) -> bytes:
        entered: list[Stored] = [
            binding.enter(value)
            for binding, value in zip(bindings, values, strict=True)
        ]
        return encode(tuple(entered))

    return encode_arguments
