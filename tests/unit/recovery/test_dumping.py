"""Dumps: read by any CBOR tool, loaded as they were, refused when altered."""

import hashlib
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import pytest

import qsdb
from qsdb import CorruptionError, FormatVersionError, StorageError
from qsdb.codec.cbor import to_cbor
from qsdb.recovery.dumping import dump
from qsdb.recovery.loading import load
from qsdb.recovery.opening import read_state
from qsdb.recovery.verifying import verify
from qsdb.schema.system import system_tables
from qsdb.testing import SimulatedDirectory, TracedDirectory
from tests.unit.recovery.stored import (
    SEGMENTS,
    Note,
    User,
    damaged_frame,
    make,
    open_again,
    read,
    tables_of,
)

TABLES = len(system_tables()) + 2


def dumped(disk: SimulatedDirectory) -> bytes:
    target = io.BytesIO()
    dump(disk, target)
    return target.getvalue()


def items_of(data: bytes) -> list[Any]:
    """Read a dump as a stranger would."""
    stream, items = io.BytesIO(data), list[Any]()
    while stream.tell() < len(data):
        items.append(cbor2.load(stream))
    return items


def written(items: list[Any]) -> bytes:
    """Write a dump as a stranger would: with a right hash, in no canonical form."""
    *others, end = [
        dict(reversed(each.items())) if isinstance(each, dict) else each
        for each in items
    ]
    data = b"".join(map(cbor2.dumps, others))
    if end.get("blake2b"):
        end["blake2b"] = hashlib.blake2b(data, digest_size=32).digest()
    return data + cbor2.dumps(end)


def loaded(data: bytes) -> SimulatedDirectory:
    """Load a dump into a new disk, which must be sound."""
    disk = SimulatedDirectory()
    load(io.BytesIO(data), disk)
    found = verify(disk, deep=True)
    assert found.is_sound, str(found)
    return disk


@pytest.fixture(scope="module")
def whole() -> bytes:
    return dumped(make(snapshots=(5,)))


def test_a_dump_is_loaded_as_it_was(whole: bytes) -> None:
    disk = make()

    found = read_state(loaded(whole))

    assert tables_of(found.state) == tables_of(read(disk))
    assert (found.state.offset, found.state.microseconds) == (12, 11_000_000)
    assert found.database == read_state(disk).database


def test_a_loaded_database_is_dumped_to_the_same_bytes(whole: bytes) -> None:
    assert dumped(loaded(whole)) == whole


def test_a_loaded_database_goes_on(whole: bytes) -> None:
    with open_again(loaded(whole)) as db, db.write() as tx:
        assert db.offset == 12
        assert tx[User].insert(User("new")).id == 10


def test_a_dump_of_a_stranger_is_loaded(whole: bytes) -> None:
    data = written(items_of(whole))

    assert data != whole
    assert dumped(loaded(data)) == whole


def test_a_stranger_can_read_a_dump(whole: bytes) -> None:
    header, *middle, end = items_of(whole)

    assert header["format"] == end["end"] == "qsdb dump"
    assert (header["version"], header["reader"]) == (1, 1)
    assert (header["offset"], header["microseconds"]) == (12, 11_000_000)
    place = next(n for n, each in enumerate(middle) if "user" in _name(each))
    table, rows = middle[place : place + 2]
    assert {key: table[key] for key in ("table", "public", "primary_key")} == {
        "table": 4096,
        "public": True,
        "primary_key": [0],
    }
    assert table["columns"][0] == {
        "name": "id",
        "attribute": "id",
        "kind": "u64",
        "generated": True,
    }
    assert math.isnan(table["columns"][3]["default"])
    assert table["columns"][4]["kind"] == ["option", "str"]
    assert table["indexes"][0] == {
        "name": "name",
        "algorithm": "unique",
        "columns": [1],
    }
    assert table["sequences"] == [10]
    assert rows[0][:3] == [1, "user 2", bytes(32)]
    tables = [each for each in middle if isinstance(each, dict)]
    assert end["tables"] == len(tables) == TABLES
    assert end["rows"] == sum([len(each) for each in middle if isinstance(each, list)])


def _name(item: object) -> str:
    return str(item.get("name")) if isinstance(item, dict) else ""


def test_rows_come_in_lists_of_bounded_size() -> None:
    disk = SimulatedDirectory()
    with open_again(disk) as db, db.write() as tx:
        tx[Note].insert_many([Note(f"{n}" * 100) for n in range(2000)])
        tx[Note].insert(Note("x" * 3_000_000))

    data = dumped(disk)

    lists = [each for each in items_of(data) if isinstance(each, list)]
    sizes = [len(to_cbor(each)) for each in lists]
    assert len(lists) > 8
    assert sorted(sizes)[-2] < 70_000
    assert tables_of(read(loaded(data))) == tables_of(read(disk))


def test_a_dump_and_its_loading_tell_what_was_done() -> None:
    disk, target = make(), io.BytesIO()

    assert str(dump(disk, target)) == (
        "the dump at offset 12, 1970-01-01T00:00:11Z, from simulated:\n"
        "  2 tables, 15 rows"
    )
    target.seek(0)
    target.name = "x.dump"
    assert str(load(target, SimulatedDirectory())) == (
        "simulated: at offset 12, 1970-01-01T00:00:11Z, from x.dump\n"
        "  2 tables, 15 rows"
    )


def test_dumping_writes_nothing_to_the_database() -> None:
    traced = TracedDirectory(make(snapshots=(5,)))
    told: list[tuple[int, int]] = []

    dump(traced, io.BytesIO(), progress=lambda *numbers: told.append(numbers))

    operations = {call.operation for call in traced.calls}
    assert operations == {"exists", "list", "open", "size", "read", "close"}
    assert told == [(1, 2), (2, 2)]


def test_an_open_database_is_dumped() -> None:
    disk = make()
    with open_again(disk) as db, db.write() as tx:
        tx[User].insert(User("not yet"))
        data = dumped(disk)

    assert read(loaded(data)).offset == 12


def test_a_damaged_database_is_not_dumped() -> None:
    disk, target = make(), io.BytesIO()
    damaged_frame(disk, SEGMENTS[2], 1)

    with pytest.raises(CorruptionError):
        dump(disk, target)
    assert target.getvalue() == b""


def test_what_is_no_database_is_not_dumped(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"there is no database in "):
        dump(tmp_path, io.BytesIO())


def test_a_stream_that_gives_little_at_a_time_will_do(whole: bytes) -> None:
    class Slow(io.BytesIO):
        def read(self, count: int | None = -1, /) -> bytes:
            return super().read(min(count or 0, 777))

    disk = SimulatedDirectory()

    load(Slow(whole), disk)

    assert read(disk).offset == 12


# Refused.


def refused(data: bytes) -> str:
    """Load what is to be refused, and give the message, without what all have."""
    disk = SimulatedDirectory()
    with pytest.raises(StorageError) as caught:
        load(io.BytesIO(data), disk)
    assert disk.snapshot_files() == {}
    text = str(caught.value)
    if isinstance(caught.value, FormatVersionError):
        return text
    assert text.startswith("the dump, byte ")
    assert text.endswith(". Nothing was written")
    return text.removeprefix("the dump, ").removesuffix(". Nothing was written")


def test_a_dump_whose_last_byte_is_missing_is_refused(whole: bytes) -> None:
    *_, last = items_of(whole)
    begin = len(whole) - len(to_cbor(last))

    assert refused(whole[:-1]) == f"byte {begin}: the dump is cut off here"


@pytest.mark.slow
def test_a_dump_that_is_cut_anywhere_is_refused(whole: bytes) -> None:
    positions, at = [0], 0
    for item in items_of(whole):
        at += len(to_cbor(item))
        positions.append(at)

    for size in range(0, len(whole), 7):
        begin = max(each for each in positions if each <= size)
        assert refused(whole[:size]) == f"byte {begin}: the dump is cut off here"


@pytest.mark.slow
def test_a_dump_with_any_byte_changed_is_refused(whole: bytes) -> None:
    for place in range(0, len(whole), 11):
        changed = bytearray(whole)
        changed[place] ^= 0x04
        refused(bytes(changed))


def test_something_else_is_no_dump() -> None:
    message = "byte 0: this is no dump of a database"
    for data in (b"\x07", to_cbor({"format": "tar"}), to_cbor({"format": "qsdb dump"})):
        assert refused(data) == message
    assert refused(b"hello, world").startswith("byte 0: ")
    assert refused(b"\xff\xff").startswith("byte 0: it is not the CBOR of data")


def test_a_newer_dump_is_refused_as_such() -> None:
    assert refused(to_cbor({"format": "qsdb dump", "reader": 2})) == (
        "the dump has a format for readers of version 2 and up, this qsdb understands "
        "version 1. Nothing was changed; open it with a newer qsdb"
    )


def test_what_a_newer_header_adds_is_passed_over(whole: bytes) -> None:
    items = items_of(whole)
    items[0] |= {"version": 2, "colour": "red"}

    assert dumped(loaded(written(items))) == whole


Change = Callable[[list[Any]], object]


def index_of(items: list[Any], name: str) -> int:
    return next(n for n, each in enumerate(items) if _name(each) == name)


def rows_of(items: list[Any], name: str) -> Any:
    return items[index_of(items, name) + 1]


def without_table(items: list[Any]) -> None:
    place = index_of(items, "note")
    del items[place : place + 2]


def swapped(items: list[Any]) -> None:
    one, other = index_of(items, "user"), index_of(items, "note")
    items[one : other + 2] = [
        *items[other : other + 2],
        *items[one:other],
    ]


def with_strange_table(items: list[Any]) -> None:
    items.insert(-1, items[index_of(items, "note")] | {"table": 5000})


def with_broken_catalogue(items: list[Any]) -> None:
    rows_of(items, "st_table")[-1][2] = "odd"


def with_nothing_but_a_broken_catalogue(items: list[Any]) -> None:
    with_broken_catalogue(items)
    del items[index_of(items, "user") : -1]


def without_module(items: list[Any]) -> None:
    del items[index_of(items, "st_module") + 1]
    items[-1]["rows"] -= 1


CHANGES: list[tuple[str, Change, str]] = [
    ("id", lambda i: i[0].update(database=b"short"), "the header lacks what a dump"),
    ("offset", lambda i: i[0].update(offset=0), "the header lacks what a dump has"),
    ("time", lambda i: i[0].update(microseconds=1 << 63), "the header lacks what a"),
    ("order", swapped, "table 4096 comes after table 4097"),
    ("missing", without_table, "table 4097 is missing"),
    ("strange", with_strange_table, "table 5000: there is no table with the id 5000"),
    ("catalogue", with_broken_catalogue, "table 4096: table note is 'odd' with the"),
    (
        "no catalogue",
        lambda i: i.__setitem__(slice(1, -1), []),
        "table 1 is missing",
    ),
    (
        "only broken",
        with_nothing_but_a_broken_catalogue,
        "the catalogue: table note is 'odd' with the id 4097",
    ),
    ("no rows", lambda i: i.insert(1, [[1]]), "rows come before the first table"),
    ("number", lambda i: i.insert(1, 7), "an item is neither a table, nor rows, nor"),
    ("map", lambda i: i.insert(1, {}), "an item is neither a table, nor rows, nor the"),
    ("other end", lambda i: i[-1].update(end="x"), "an item is neither a table, nor"),
    (
        "no sequences",
        lambda i: i[index_of(i, "user")].pop("sequences"),
        "a table lacks what it must have",
    ),
    (
        "two sequences",
        lambda i: i[index_of(i, "user")].update(sequences=[1, 2]),
        "table 4096: [1, 2] are no sequences of it",
    ),
    (
        "great sequence",
        lambda i: i[index_of(i, "user")].update(sequences=[(1 << 256) + 1]),
        "table 4096: [",
    ),
    (
        "true sequence",
        lambda i: i[index_of(i, "user")].update(sequences=[True]),
        "table 4096: [True] are no sequences of it",
    ),
    (
        "kind",
        lambda i: i[index_of(i, "user")]["columns"][1].update(kind="bytes"),
        "table 4096 is not as the catalogue describes it",
    ),
    (
        "value",
        lambda i: rows_of(i, "user")[1].__setitem__(1, 7),
        "row 2 of table user: 7 is not a str of valid Unicode (field name of user)",
    ),
    (
        "row",
        lambda i: rows_of(i, "user").append(7),
        "row 10 of table user: 7 is not a user",
    ),
    (
        "key",
        lambda i: rows_of(i, "user")[1].__setitem__(0, 1),
        "row 2 of table user: its key is there already",
    ),
    (
        "twin",
        lambda i: rows_of(i, "note").append(rows_of(i, "note")[0]),
        "row 7 of table note: its key is there already",
    ),
    (
        "unique",
        lambda i: rows_of(i, "user")[1].__setitem__(1, rows_of(i, "user")[0][1]),
        "table user: two rows have 'user 2' in the unique key name",
    ),
    (
        "module",
        without_module,
        "the catalogue: st_module has 0 rows in place of 1",
    ),
    ("count", lambda i: i[-1].update(rows=1), f"there are {TABLES} tables and "),
    ("hash", lambda i: i[-1].update(blake2b=None), "the dump does not have the hash"),
]


@pytest.mark.parametrize(
    ("change", "message"), [each[1:] for each in CHANGES], ids=[e[0] for e in CHANGES]
)
def test_a_dump_that_contradicts_itself_is_refused(
    whole: bytes, change: Change, message: str
) -> None:
    items = items_of(whole)
    change(items)

    text = refused(written(items))

    assert text.partition(": ")[2].startswith(message)


def test_a_wrong_hash_is_refused(whole: bytes) -> None:
    changed = whole[:-1] + bytes([whole[-1] ^ 1])
    items = items_of(whole)

    message = refused(b"".join(map(to_cbor, [*items[:-1], items[-1] | {"rows": 0}])))

    assert f"the end tells of {TABLES} and 0" in message
    assert refused(changed)


def test_a_changed_value_is_found_by_the_hash(whole: bytes) -> None:
    changed = whole.replace(b"user 2", b"user X")
    end = len(whole) - len(to_cbor(items_of(whole)[-1]))

    assert refused(changed) == (
        f"byte {end}: the dump does not have the hash that its end tells"
    )


def test_something_after_the_end_is_refused(whole: bytes) -> None:
    end = len(whole) - len(to_cbor(items_of(whole)[-1]))

    assert refused(whole + b"\0") == f"byte {end}: something follows the end"


def test_a_directory_with_something_in_it_is_refused_first() -> None:
    with pytest.raises(StorageError, match=r"is not empty, x is in it"):
        load(io.BytesIO(b""), SimulatedDirectory({"x": b""}))


def test_dump_and_load_are_names_of_the_library(tmp_path: Path, whole: bytes) -> None:
    assert qsdb.load(io.BytesIO(whole), tmp_path / "new").offset == 12
    target = io.BytesIO()
    assert qsdb.dump(str(tmp_path / "new"), target).offset == 12
    assert target.getvalue() == whole
