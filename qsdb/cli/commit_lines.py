"""`CommitLog`: the commits of a database in files, a line for each.

A commit tells which call made it: the function, its arguments, who called, and when.
One that no call made (``db.write()``, a migration) tells when it was, and how much it
changed.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from qsdb.cli.plain_values import plain
from qsdb.codec.bsatn import decoder
from qsdb.errors import CorruptionError
from qsdb.files import Directory
from qsdb.log.records import Call, Record, RecordError, read_record
from qsdb.log.segments import LOG_DIRECTORY
from qsdb.recovery.logged import log_end, logged_records
from qsdb.recovery.opening import list_segments
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.schema.parameters import Parameters
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["CommitLog"]


class CommitLog:
    """The commits that are in the log of a directory.

    Attributes:
        first: The lowest offset that the log has.
    """

    def __init__(self, files: Directory, schema: ModuleSchema) -> None:
        """Read where the log begins.

        Args:
            files: With a database.
            schema: Its module, which knows what arguments are.

        Raises:
            CorruptionError: the log cannot be read.
        """
        self._files = files
        self._schema = schema
        self._database, _ = log_end(files)
        self.first: int = list_segments(files)[0]

    def lines(self, first: int, last: int) -> Iterator[dict[str, Any]]:
        """Give an object for each commit from one offset to another.

        Raises:
            CorruptionError: the log cannot be read.
        """
        if first > last:
            return
        for offset, data in logged_records(self._files, self._database, first, last):
            try:
                record = read_record(data)
            except RecordError as error:
                where = self._files.describe(LOG_DIRECTORY)
                fault = f"the commit at offset {offset}: {error}"
                raise CorruptionError(where, 0, fault, offset - 1) from None
            yield self._line(offset, record)

    def _line(self, offset: int, record: Record) -> dict[str, Any]:
        counts = [each.puts_count + each.removed_count for each in record.sections]
        line: dict[str, Any] = {
            "offset": offset,
            "ts": record.microseconds,
            "time": f"{Timestamp.from_micros(record.microseconds)}",
            "rows": sum(counts),
        }
        if record.call is not None:
            line |= self._call(record.call)
        return line

    def _call(self, call: Call) -> dict[str, Any]:
        told: dict[str, Any] = {
            "function": call.reducer,
            "sender": Identity.from_stored(call.caller).to_hex(),
        }
        if any(call.connection):
            told["connection"] = ConnectionId.from_stored(call.connection).to_hex()
        found = self._schema.reducers.get(call.reducer)
        if found is not None:
            with contextlib.suppress(ValueError):  # it took others then
                told["arguments"] = _arguments(found.parameters, call.arguments)
        return told


def _arguments(parameters: Parameters, data: bytes) -> dict[str, object]:
    """Give arguments by name, as plain data.

    Raises:
        ValueError: the bytes are none of these.
    """
    expected = parameters.parameters
    fields = [Field(each.name, each.binding.kind) for each in expected]
    stored = decoder(ProductKind(parameters.function_name, tuple(fields)))(data)
    assert isinstance(stored, tuple)
    return {
        each.name: plain(each.binding.leave(value), each.binding.kind)
        for each, value in zip(expected, stored, strict=True)
    }
