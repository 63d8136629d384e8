"""Rows by their keys: a dict of tuples, which is the floor, and lmdb.

A suite is written once over mappings from key to row. For the floor they are dicts,
sorted ones where a suite scans; for lmdb, tables whose keys are packed big-endian, so
that bytes sort as numbers do, and whose rows are marshalled. lmdb writes without
sync, into shared memory where there is some.
"""

import marshal
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from sortedcontainers import SortedDict

from benchmarks.peers import library
from benchmarks.statements import Raw

__all__ = ["Lmdb", "Table", "Tables", "dicts", "key_of", "memory_folder"]

Key = Any
Table = MutableMapping[Key, Raw]
Tables = Mapping[str, Table]

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  memory of the system, not a file of ours
MAP_SIZE = 1 << 32


def key_of(parts: int) -> Callable[[Raw], Key]:
    """Give what takes a row's key: its first column, or a tuple of so many."""
    if parts == 1:
        return lambda row: row[0]
    return lambda row: row[:parts]


def dicts(
    rows: Mapping[str, Sequence[Raw]], parts: Mapping[str, int], *, is_sorted: bool
) -> Tables:
    """Load rows into dicts.

    Args:
        rows: Of each table.
        parts: How many of a table's first columns are its key.
        is_sorted: Whether keys are scanned in their order.
    """
    make = SortedDict if is_sorted else dict
    tables = {}
    for name, table_rows in rows.items():
        key = key_of(parts[name])
        tables[name] = make((key(row), row) for row in table_rows)
    return tables


def memory_folder() -> Path:
    """Make a folder in memory, or wherever folders for a while are."""
    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    return Path(tempfile.mkdtemp(prefix="benchmark-", dir=place))


class Lmdb:
    """An environment of lmdb, with tables."""

    def __init__(
        self,
        parts: Mapping[str, int],
        folder: Path | None = None,
        *,
        is_synced: bool = False,
    ) -> None:
        """Make it in a folder that goes with it, in memory unless one is given."""
        self._folder = memory_folder() if folder is None else folder
        self._env = library("lmdb").open(
            str(self._folder),
            map_size=MAP_SIZE,
            max_dbs=len(parts),
            sync=is_synced,
            metasync=is_synced,
            writemap=not is_synced,
            lock=False,
        )
        self.begin = self._env.begin
        self.txn: Any = None
        """The transaction that is open; set by who begins it."""
        self.tables: dict[str, LmdbTable] = {
            name: LmdbTable(self, self._env.open_db(name.encode()), count)
            for name, count in parts.items()
        }

    def load(self, rows: Mapping[str, Sequence[Raw]], parts: Mapping[str, int]) -> None:
        """Put rows into tables, in one transaction."""
        with self.begin(write=True) as self.txn:
            for name, table_rows in rows.items():
                key, table = key_of(parts[name]), self.tables[name]
                for row in table_rows:
                    table[key(row)] = row

    def rows(self) -> dict[str, list[Raw]]:
        """Give all rows of all tables."""
        with self.begin() as self.txn:
            return {name: [*table.values()] for name, table in self.tables.items()}

    def close(self) -> None:
        """Close it and take its files away."""
        self._env.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class LmdbTable(MutableMapping[Key, Raw]):
    """A table of lmdb as a mapping, in the transaction that is open."""

    def __init__(self, env: Lmdb, table: object, parts: int) -> None:
        self._env = env
        self._table = table
        packer = struct.Struct(f">{parts}Q")
        self._pack: Callable[..., bytes] = packer.pack
        self._unpack = packer.unpack
        self._is_single = parts == 1
        self._least: Key = 0 if self._is_single else (0,) * parts

    def _bytes(self, key: Key) -> bytes:
        return self._pack(key) if self._is_single else self._pack(*key)

    def __getitem__(self, key: Key) -> Raw:
        found = self._env.txn.get(self._bytes(key), db=self._table)
        if found is None:
            raise KeyError(key)
        row: Raw = marshal.loads(found)  # noqa: S302  written by ourselves
        return row

    def get(self, key: Key, default: Any = None) -> Any:  # noqa: ANN401  as of a mapping
        """Give a row, or something else."""
        found = self._env.txn.get(self._bytes(key), db=self._table)
        return default if found is None else marshal.loads(found)  # noqa: S302

    def __setitem__(self, key: Key, row: Raw) -> None:
        self._env.txn.put(self._bytes(key), marshal.dumps(row), db=self._table)

    def __delitem__(self, key: Key) -> None:
        if not self._env.txn.delete(self._bytes(key), db=self._table):
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return self._env.txn.get(self._bytes(key), db=self._table) is not None

    def irange(self, minimum: Key) -> Iterator[Key]:
        """Give the keys from one on, in their order, as a sorted dict does."""
        with self._env.txn.cursor(self._table) as cursor:
            if cursor.set_range(self._bytes(minimum)):
                for key in cursor.iternext(keys=True, values=False):
                    parts = self._unpack(key)
                    yield parts[0] if self._is_single else parts

    def __iter__(self) -> Iterator[Key]:
        return self.irange(self._least)

    def __len__(self) -> int:
        entries: int = self._env.txn.stat(self._table)["entries"]
        return entries
