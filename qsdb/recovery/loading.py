"""Loading: from a dump to a new directory; the form is told in `qsdb.recovery.dumping`.

The whole dump is read and checked first. Then it is written as one copy
(`qsdb.recovery.copying`), so there is all of it in the directory, or no database.
"""

import hashlib
from typing import NoReturn, Protocol

from qsdb.codec.cbor import CborError, CutOffError, read_item, to_cbor
from qsdb.errors import FormatVersionError, StorageError
from qsdb.files import Directory, StrPath
from qsdb.recovery.copying import Copy, copy_of, require_empty, write_state
from qsdb.recovery.directories import as_files
from qsdb.recovery.dumping import (
    DUMP_FORMAT,
    DUMP_VERSION,
    HASH_BYTES,
    require_stream,
    stream_name,
    table_item,
)
from qsdb.recovery.state import State, TableState
from qsdb.recovery.system_errors import own_errors
from qsdb.schema.kind_data import value_from_data
from qsdb.store.orders import StoredRow

__all__ = ["Source", "load"]

_DATABASE_ID_BYTES = 16
_SEQUENCE_MAX = 1 << 256
_READ_BYTES = 1 << 20


class Source(Protocol):
    """What a dump is read from: a binary file, or anything with its `read`."""

    def read(self, count: int, /) -> bytes:
        """Give some bytes, at most `count`; none at the end."""
        ...


@own_errors("loading")
def load(source: Source, dest: StrPath | Directory) -> Copy:
    """Make a new directory with the database of a dump.

    Args:
        source: A binary file, open to read.
        dest: The new directory: empty, or not there yet.

    Returns:
        What was loaded; to be printed.

    Raises:
        ArgumentError: `source` is no file, or `dest` no path; nothing was written.
        StorageError: it is no dump, cut off or altered, or `dest` is not empty;
            nothing was written.
        FormatVersionError: a newer qsdb wrote it; nothing was written.
        DiskFull: there is no room for the new directory.

    Cost: about 10 µs a row.
    """
    require_stream(source, "read")
    target = as_files(dest)
    require_empty(target)
    loader = _Loader(source)
    loader.read_all()
    write_state(target, loader.state, loader.database)
    return copy_of(loader.state, stream_name(source), target.describe())


class _Items:
    """The items of a sequence, one after the other.

    Attributes:
        position: Where the last one given begins, in bytes.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._window = b""
        self._start = self._at = 0
        self._hash = hashlib.blake2b(digest_size=HASH_BYTES)
        self.position = 0

    def take(self) -> object:
        """Give the next item.

        Raises:
            CborError: there is none.
        """
        window, before = self._window, self.position - self._start
        self._hash.update(window[before : self._at])
        self.position = self._start + self._at
        while True:
            try:
                item, self._at = read_item(self._window, self._at)
            except CutOffError:
                if not self._fill():
                    raise
            else:
                return item

    def digest(self) -> bytes:
        """Give the hash of all bytes before the last item."""
        return self._hash.digest()

    def is_at_end(self) -> bool:
        """Whether nothing follows the last item."""
        return self._at == len(self._window) and not self._fill()

    def _fill(self) -> bool:
        """Have more bytes from the item on that is being read; False at the end."""
        rest = self._window[self._at :]
        data = self._source.read(max(_READ_BYTES, len(rest)))
        self._start += self._at
        self._window, self._at = rest + data, 0
        return bool(data)


class _Loader:
    """Reads a dump, and checks all that can be checked.

    Attributes:
        state: What it holds.
        database: The id of the database, 16 bytes.
    """

    def __init__(self, source: Source) -> None:
        self._items = _Items(source)
        self._name = stream_name(source)
        self._table: TableState | None = None
        self._seen: list[int] = []
        self._rows_count = 0
        self.state = State()
        self.database = b""

    def read_all(self) -> None:
        self._read_header(self._take())
        while True:
            item = self._take()
            if isinstance(item, list):
                self._read_rows(item)
            elif isinstance(item, dict) and "table" in item:
                self._begin_table(item)
            elif isinstance(item, dict) and item.get("end") == DUMP_FORMAT:
                break
            else:
                self._refuse("an item is neither a table, nor rows, nor the end")
        self._check_end(item)
        for problem in self.state.problems():
            self._refuse(problem)

    def _take(self) -> object:
        try:
            return self._items.take()
        except CutOffError:
            self._refuse("the dump is cut off here")
        except CborError as error:
            self._refuse(f"{error}")

    def _refuse(self, reason: str) -> NoReturn:
        raise StorageError(
            f"{self._name}, byte {self._items.position}: {reason}. Nothing was written"
        )

    def _read_header(self, item: object) -> None:
        match item:
            case {"format": str(name), "reader": int(reader)} if name == DUMP_FORMAT:
                if reader > DUMP_VERSION:
                    raise FormatVersionError(
                        self._name,
                        f"a format for readers of version {reader} and up",
                        f"version {DUMP_VERSION}",
                    )
            case _:
                self._refuse("this is no dump of a database")
        match item:
            case {
                "database": bytes(database),
                "offset": int(offset),
                "microseconds": int(microseconds),
            } if (
                len(database) == _DATABASE_ID_BYTES
                and 1 <= offset < 1 << 63
                and -(1 << 63) <= microseconds < 1 << 63
            ):
                self.database = database
                self.state.offset = offset
                self.state.microseconds = microseconds
            case _:
                self._refuse("the header lacks what a dump has")

    def _begin_table(self, item: dict[object, object]) -> None:
        match item:
            case {"table": int(number), "sequences": list(sequences)}:
                pass
            case _:
                self._refuse("a table lacks what it must have")
        if self._seen and number <= self._seen[-1]:
            self._refuse(f"table {number} comes after table {self._seen[-1]}")
        try:
            table = self.state.table(number)
        except ValueError as error:
            self._refuse(f"table {number}: {error}")
        if len(sequences) != len(table.sequences) or not all(
            type(each) is int and 0 <= each <= _SEQUENCE_MAX for each in sequences
        ):
            self._refuse(f"table {number}: {sequences} are no sequences of it")
        table.sequences[:] = sequences
        # As bytes, where a NaN equals itself and 1 is not True.
        if to_cbor(table_item(number, table)) != to_cbor(item):
            self._refuse(f"table {number} is not as the catalogue describes it")
        self._seen.append(number)
        self._table = table

    def _read_rows(self, items: list[object]) -> None:
        table = self._table
        if table is None:
            self._refuse("rows come before the first table")
        name = f"table {table.schema.name}"
        for number, data in enumerate(items, start=1):
            try:
                row: StoredRow = value_from_data(table.kind, data)  # type: ignore[assignment]  # a product's
            except ValueError as error:
                self._refuse(f"row {number} of {name}: {error}")
            key = table.key_of(row)
            if key in table.rows:
                self._refuse(f"row {number} of {name}: its key is there already")
            table.rows[key] = row
        self._rows_count += len(items)

    def _check_end(self, item: dict[object, object]) -> None:
        described: list[int] = []
        try:
            described = [*self.state.described()]
        except ValueError as error:
            self._refuse(f"the catalogue: {error}")
        missing = sorted({*described} - {*self._seen})
        if missing:
            self._refuse(f"table {missing[0]} is missing")
        told = item.get("tables"), item.get("rows")
        if told != (len(self._seen), self._rows_count):
            self._refuse(
                f"there are {len(self._seen)} tables and {self._rows_count} rows, the "
                f"end tells of {told[0]} and {told[1]}"
            )
        if item.get("blake2b") != self._items.digest():
            self._refuse("the dump does not have the hash that its end tells")
        if not self._items.is_at_end():
            self._refuse("something follows the end")
