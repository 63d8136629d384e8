"""`DiskJournal`: from what a transaction did to the record in the log.

It stands between the store, which tells it of each commit before anybody can see
it, and the log, which knows bytes only. A record is joined to one piece here, under
the writer lock: so the order of the log is that of the commits, and what waits for
the disk is bytes.
"""

from collections.abc import Callable, Iterable
from typing import cast

from qsdb.codec.bsatn import encoder
from qsdb.log.records import Call, TableCodec, call_prefix, write_call, write_plain
from qsdb.log.writing import LogWriter
from qsdb.recovery.state import row_kind
from qsdb.runtime.calls import CallContext
from qsdb.schema.catalogue import parameters_kind
from qsdb.schema.modules import ModuleSchema, Reducer
from qsdb.store.images import StoredTable
from qsdb.store.transactions import WriteTransaction
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
        self._codecs = {
            table: TableCodec(
                table.table_id,
                row_kind(table.bound.schema),
                table.bound.schema.primary_key,
            )
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
        sections: list[bytes] = []
        sequences: list[bytes] = []
        opened = transaction._opened
        if len(opened) > 1:
            opened = sorted(opened, key=lambda handle: handle._stored.table_id)
        for handle in opened:
            stored = handle._stored
            codec = self._codecs[stored]
            section = codec.write(handle._pre, handle._find)
            if section:
                sections.append(section)
            if stored.sequences and stored.sequences != handle._before[0]:
                moved = enumerate(zip(handle._before[0], stored.sequences, strict=True))
                sequences.append(
                    codec.write_sequences(
                        [(place, now) for place, (was, now) in moved if was != now]
                    )
                )
        microseconds = transaction._nanoseconds // 1000
        context = transaction._context
        if context is None:
            record = write_plain(microseconds, sections + sequences)
        else:
            record = self._call_record(
                microseconds, cast(CallContext, context), sections + sequences
            )
        self._log.append(record)

    def _call_record(
        self, microseconds: int, context: CallContext, sections: list[bytes]
    ) -> bytes:
        calls, reducer, number, values = context._call
        prefix, encode = self._reducers[reducer.name]
        call = Call(
            reducer.name,
            encode(values),
            context.sender.stored,
            _NO_CONNECTION,
            calls.seeds.of_call(number),
        )
        return write_call(microseconds, call, prefix, sections)


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
