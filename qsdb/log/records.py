"""The record: what one commit did, as bytes.

A record says who did what, and then which rows of which tables are different
afterwards. Little-endian; rows and arguments are BSATN (`qsdb.codec.bsatn`):

=====  =====================================================================
bytes
=====  =====================================================================
  1    flags: 1 where a call made the commit, and the next five parts are there
  8    time of the transaction, microseconds since 1970 (UTC)
 32    identity of the caller, its number, big-endian
 16    connection of the caller, likewise; 0 for none
  8    state that the seed of the call's random numbers is mixed from (SplitMix64)
  2+n  name of the reducer, UTF-8, after its length
  4+n  the arguments as a product of the reducer's parameters, after its length
  …    a *section* for the rows of each table that are different, tables in
       ascending order, then one for the sequences of each
=====  =====================================================================

A section:

=====  =====================================================================
bytes
=====  =====================================================================
  4    id of the table
  4    number of rows put: inserted, or in the place of one with the same key
  4    number of rows removed
  4    length of what follows, in bytes
  2    number of generated columns whose sequence is different, then for each
       2 bytes: which of them; 33 bytes: the next value
  …    the rows put
  …    the keys of the rows removed: the primary key as a product of its
       columns, whole rows of a table without one
=====  =====================================================================

An update puts one row; what was there before is not written, since whoever reads
the log has it. A section can be stepped over by whoever does not know its table.

System tables have the lowest ids, so a record that makes a table describes it
before it fills it.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from qsdb.codec.bsatn import Reader, reader
from qsdb.values.compounds import ProductKind
from qsdb.values.kinds import Kind, Stored

__all__ = [
    "CALL",
    "CALL_CODES",
    "COUNT",
    "IS_CALL",
    "LENGTH",
    "NEXT_BYTES",
    "PLAIN",
    "SECTION",
    "SEQUENCE",
    "Call",
    "Record",
    "RecordError",
    "Section",
    "StoredRow",
    "TableReader",
    "Target",
    "key_kind",
    "read_record",
    "record_time",
    "replay",
]

StoredRow = tuple[Stored, ...]

# The parts of a record, for those who read and write it.
PLAIN = struct.Struct("<Bq")
CALL_CODES = ("B", "q", "48s", "Q")  # caller and connection are one part
CALL = struct.Struct(f"<{''.join(CALL_CODES)}")
_CALLER_BYTES = 32
SECTION = struct.Struct("<IIII")
LENGTH = struct.Struct("<I")
SEQUENCE = struct.Struct("<H33s")
COUNT = struct.Struct("<H")
IS_CALL = 1
NEXT_BYTES = 33
"""One more than a u256 has: the value after the last one."""
_SEQUENCE_BYTES = SEQUENCE.size


class RecordError(ValueError):
    """The bytes are no record; the log that held them says so as damage."""


class Call(NamedTuple):
    """The call that made a commit."""

    reducer: str
    arguments: bytes
    """A product of the reducer's parameters, encoded."""
    caller: bytes
    """An identity as it is stored: 32 bytes, big-endian."""
    connection: bytes
    """Likewise, 16 bytes; zeros for none."""
    state: int
    """What the seed of the call's random numbers is mixed from."""


class Section(NamedTuple):
    """What a commit did to one table; where in the record its parts are."""

    table_id: int
    puts_count: int
    removed_count: int
    sequences: tuple[tuple[int, int], ...]
    """Which generated column → its next value, where that is different."""
    start: int
    """Where in the record the rows begin."""
    stop: int


class Record(NamedTuple):
    """One commit, its tables not yet decoded."""

    data: bytes
    microseconds: int
    call: Call | None
    sections: tuple[Section, ...]


class TableReader:
    """How rows and keys of one table are read.

    Attributes:
        table_id: Its number in the catalogue.
        read_row: Bytes and position → row and the position after it.
        read_key: Bytes and position → row key, as the store has it, and the position
            after it.
    """

    __slots__ = ("read_key", "read_row", "table_id")

    def __init__(
        self, table_id: int, row: ProductKind, primary_key: Sequence[int]
    ) -> None:
        """Compile for rows of a kind, with the places of the key's columns."""
        self.table_id = table_id
        self.read_row: Reader = reader(row)
        self.read_key: Reader = reader(key_kind(row, primary_key))

    def rows(
        self, record: Record, section: Section
    ) -> tuple[list[StoredRow], list[object]]:
        """Decode a section: the rows put, and the keys removed.

        Raises:
            RecordError: it does not consist of these.
        """
        data, at = record.data, section.start
        puts: list[StoredRow] = []
        removed: list[object] = []
        read = self.read_row
        try:
            for _ in range(section.puts_count):
                row, at = read(data, at)
                puts.append(row)  # type: ignore[arg-type]  # rows are tuples
            read = self.read_key
            for _ in range(section.removed_count):
                key, at = read(data, at)
                removed.append(key)
        except ValueError as error:
            raise RecordError(f"rows of table {self.table_id}: {error}") from None
        if at != section.stop:
            raise RecordError(
                f"rows of table {self.table_id} end at byte {at} of "
                f"{section.stop} in the record"
            )
        return puts, removed


def key_kind(row: ProductKind, primary_key: Sequence[int]) -> Kind:
    """Give the kind of a table's row keys: what tells its rows from one another.

    Args:
        row: The kind of its rows.
        primary_key: The places of the columns of its primary key.
    """
    if len(primary_key) == 1:
        return row.fields[primary_key[0]].kind
    if not primary_key:
        return row
    fields = tuple([row.fields[place] for place in primary_key])
    return ProductKind(f"{row.name} key", fields)


def read_record(data: bytes) -> Record:
    """Take a record apart, but for the rows in it.

    Raises:
        RecordError: the bytes are no record.

    Cost: about a microsecond a section.
    """
    try:
        flags, microseconds = PLAIN.unpack_from(data)
        if flags & ~IS_CALL:
            raise RecordError(f"a record has the flags {flags:#04x}")
        call, at = None, PLAIN.size
        if flags:
            call, at = _read_call(data)
        return Record(data, microseconds, call, tuple(_read_sections(data, at)))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        fault = f"a record of {len(data)} bytes is cut off: {error}"
        raise RecordError(fault) from None


def record_time(data: bytes) -> int:
    """Give the time of a record, in microseconds since 1970.

    Raises:
        RecordError: the bytes are no record.
    """
    try:
        _, microseconds = PLAIN.unpack_from(data)
    except struct.error as error:
        raise RecordError(f"a record of {len(data)} bytes: {error}") from None
    return microseconds  # type: ignore[no-any-return]  # an i64


class Target(Protocol):
    """A table that a record is applied to.

    Attributes:
        sequences: The next value of each generated column; changed in place.
    """

    sequences: list[int]

    def put(self, data: bytes, at: int, count: int) -> int:
        """Take rows that begin at a place, and give the place after them."""
        ...

    def remove(self, data: bytes, at: int, count: int) -> int:
        """Drop the rows of keys that begin at a place; give the place after them."""
        ...


def replay(data: bytes, tables: Mapping[int, Target]) -> int:  # noqa: C901  in one go
    """Do again what a commit did, and give its time in microseconds.

    The same as `read_record` and decoding each section, but for speed: what is
    read is applied at once, and nothing else is made of it.

    Raises:
        RecordError: the bytes are no record of these tables. Some of it may have
            been applied.
    """
    try:
        flags, microseconds = PLAIN.unpack_from(data)
        at = PLAIN.size
        if flags == IS_CALL:
            (name_bytes,) = COUNT.unpack_from(data, CALL.size)
            at = CALL.size + COUNT.size + name_bytes
            at += LENGTH.size + LENGTH.unpack_from(data, at)[0]
        elif flags:
            raise RecordError(f"a record has the flags {flags:#04x}")
        while at < len(data):
            table_id, puts, removed, length = SECTION.unpack_from(data, at)
            at += SECTION.size
            stop = at + length
            (count,) = COUNT.unpack_from(data, at)
            table = tables[table_id]
            start = at + COUNT.size + count * _SEQUENCE_BYTES
            if count:
                marks = data[at + COUNT.size : start]
                for place, following in SEQUENCE.iter_unpack(marks):
                    table.sequences[place] = int.from_bytes(following, "little")
            at = table.put(data, start, puts) if puts else start
            if removed:
                at = table.remove(data, at, removed)
            if at != stop:
                raise RecordError(
                    f"rows of table {table_id} end at byte {at} of {stop} in the record"
                )
    except (struct.error, LookupError, ValueError) as error:
        raise RecordError(f"a record of {len(data)} bytes: {error}") from error
    if at != len(data):
        raise RecordError(f"a record of {len(data)} bytes is cut off")
    return microseconds  # type: ignore[no-any-return]  # an i64


def _read_call(data: bytes) -> tuple[Call, int]:
    _, _, origin, state = CALL.unpack_from(data)
    at = CALL.size
    (name_bytes,) = COUNT.unpack_from(data, at)
    end = at + COUNT.size + name_bytes
    name = data[at + COUNT.size : end].decode()
    (length,) = LENGTH.unpack_from(data, end)
    start = end + LENGTH.size
    arguments = data[start : start + length]
    if len(arguments) < length:
        raise RecordError("the arguments of a call are cut off")
    caller, connection = origin[:_CALLER_BYTES], origin[_CALLER_BYTES:]
    return Call(name, arguments, caller, connection, state), start + length


def _read_sections(data: bytes, at: int) -> Iterator[Section]:
    while at < len(data):
        table_id, puts, removed, length = SECTION.unpack_from(data, at)
        at += SECTION.size
        stop = at + length
        if not at < stop <= len(data):
            raise RecordError(
                f"a section of {length} bytes begins at byte {at} of {len(data)}"
            )
        (count,) = COUNT.unpack_from(data, at)
        start = at + COUNT.size + count * _SEQUENCE_BYTES
        if start > stop:
            raise RecordError(f"{count} sequences in a section of {length} bytes")
        sequences = tuple(
            [
                (place, int.from_bytes(following, "little"))
                for place, following in SEQUENCE.iter_unpack(
                    data[at + COUNT.size : start]
                )
            ]
        )
        yield Section(table_id, puts, removed, sequences, start, stop)
        at = stop
