"""Snapshots on disk: writing, reading and removing, where nothing goes wrong."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from qsdb.errors import CorruptionError, LimitError
from qsdb.files import open_directory
from qsdb.log.chunks import StoredRow
from qsdb.log.manifests import Snapshot, manifest_name
from qsdb.log.snapshots import (
    SnapshotWriter,
    list_snapshots,
    read_snapshot,
    read_table,
    remove_unreferenced,
)
from qsdb.testing import SimulatedDirectory, TracedDirectory
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import U8, Kind
from tests.unit.log.snapshotting import (
    DATABASE,
    PLAYER,
    Tables,
    player_rows,
    read_all,
    read_tables,
    take,
    told,
)

BIG_ROWS: list[StoredRow] = [(number, bytes(50_000)) for number in range(4)]
"""Each of them is a chunk."""


def writes_of(traced: TracedDirectory, previous: Snapshot | None) -> list[str]:
    """Take a snapshot with two tables, and give the files written for it."""
    traced.calls.clear()
    take(traced, 2, {1: BIG_ROWS, 2: player_rows(5)}, previous)
    return [call.name for call in traced.calls if call.operation == "create"]


# Writing and reading.


def test_what_was_written_is_read(tmp_path: Path) -> None:
    directory = open_directory(tmp_path)
    tables: Tables = {3: player_rows(2000), 1: [], 2: BIG_ROWS}

    written = take(directory, 7, tables)

    snapshot, found = read_tables(directory, 7)
    assert snapshot == written
    assert found == tables
    assert (snapshot.database, snapshot.offset) == (DATABASE, 7)
    assert (snapshot.chain, snapshot.microseconds) == (49, 7000)
    assert [table.table_id for table in snapshot.tables] == [3, 1, 2]
    assert [table.rows_count for table in snapshot.tables] == [2000, 0, 4]
    assert [table.sequences for table in snapshot.tables] == [(7,), (7,), (7,)]


def test_a_database_without_tables_is_a_snapshot(tmp_path: Path) -> None:
    directory = open_directory(tmp_path)

    take(directory, 0, {})

    assert read_all(directory) == {0: {}}


def test_rows_are_read_chunk_by_chunk() -> None:
    directory = SimulatedDirectory()
    [table] = take(directory, 1, {1: BIG_ROWS}).tables

    chunks = list(read_table(directory, table, PLAYER))

    assert chunks == [(row,) for row in BIG_ROWS]


def test_a_slice_is_taken_when_the_one_before_is_written() -> None:
    directory = TracedDirectory(SimulatedDirectory())
    writer = SnapshotWriter(directory, told(1), None)
    written: list[int] = []

    def slices() -> Iterator[list[StoredRow]]:
        for row in BIG_ROWS:
            steps = [call.operation for call in directory.calls]
            written.append(steps.count("rename"))
            yield [row]

    writer.add_table(1, PLAYER, slices(), [])

    assert written == [0, 1, 2, 3]


def test_there_is_no_snapshot_before_the_end() -> None:
    directory = SimulatedDirectory()
    writer = SnapshotWriter(directory, told(1), None)

    writer.add_table(1, PLAYER, [player_rows(3)], [])

    assert list_snapshots(directory) == []


def test_snapshots_are_listed_newest_last() -> None:
    directory = SimulatedDirectory()

    for offset in (10, 9, 100):
        take(directory, offset, {})

    assert list_snapshots(directory) == [9, 10, 100]


def test_a_snapshot_of_the_same_offset_is_replaced() -> None:
    directory = SimulatedDirectory()
    first = take(directory, 1, {1: player_rows(3)})

    take(directory, 1, {1: player_rows(4)}, first)

    assert read_all(directory) == {1: {1: player_rows(4)}}


def test_remains_of_a_process_that_was_killed_are_in_nobodys_way() -> None:
    directory = SimulatedDirectory()
    [chunk] = take(SimulatedDirectory(), 1, {1: player_rows(3)}).chunks()
    for name in (chunk.name, manifest_name(1)):
        directory.replace_contents(f"{name}.tmp", b"longer than the content" * 1000)

    take(directory, 1, {1: player_rows(3)})

    assert read_all(directory) == {1: {1: player_rows(3)}}


def test_a_row_that_nests_too_deep_to_be_read_is_refused_at_once() -> None:
    kind: Kind = U8
    for _ in range(63):
        kind = ProductKind("Deep", (Field("inner", kind),))
    assert isinstance(kind, ProductKind)
    writer = SnapshotWriter(SimulatedDirectory(), told(1), None)

    with pytest.raises(LimitError, match="more than 64 levels deep"):
        writer.add_table(1, kind, [], [])


# What snapshots share.


def test_a_snapshot_is_one_manifest_and_the_chunks() -> None:
    directory = TracedDirectory(SimulatedDirectory())

    *chunks, manifest = writes_of(directory, None)

    assert manifest == f"{manifest_name(2)}.tmp"
    assert sorted(chunks) == sorted(
        f"{chunk.name}.tmp" for chunk in read_snapshot(directory, 2).chunks()
    )


def test_chunks_of_the_previous_snapshot_are_not_written_again() -> None:
    directory = TracedDirectory(SimulatedDirectory())
    first = take(directory, 1, {1: BIG_ROWS, 2: player_rows(4)})

    created = writes_of(directory, first)

    assert len(created) == 2  # table 2 and the manifest
    assert read_all(directory) == {
        1: {1: BIG_ROWS, 2: player_rows(4)},
        2: {1: BIG_ROWS, 2: player_rows(5)},
    }


def test_chunks_that_are_there_are_not_written_again() -> None:
    directory = TracedDirectory(SimulatedDirectory())
    writer = SnapshotWriter(directory, told(1), None)
    writer.add_table(1, PLAYER, [BIG_ROWS], [])  # and never finished

    assert len(writes_of(directory, None)) == 2


def test_equal_chunks_of_one_snapshot_are_written_once() -> None:
    directory = TracedDirectory(SimulatedDirectory())

    take(directory, 1, {1: player_rows(3), 2: player_rows(3)})

    created = [call.name for call in directory.calls if call.operation == "create"]
    assert len(created) == 2
    assert read_all(directory) == {1: {1: player_rows(3), 2: player_rows(3)}}


@pytest.mark.parametrize("content", [b"", b"rotten", bytes(2000)])
def test_a_chunk_that_went_bad_is_written_again(content: bytes) -> None:
    directory = SimulatedDirectory()
    tables: Tables = {1: player_rows(3)}
    first = take(directory, 1, tables)
    [chunk] = first.chunks()
    directory.replace_contents(chunk.name, content)

    take(directory, 2, tables, first)

    assert read_all(directory) == {1: tables, 2: tables}


def test_a_folder_of_chunks_that_was_lost_is_made_again() -> None:
    directory = SimulatedDirectory()
    previous = take(directory, 1, {1: BIG_ROWS})
    [table] = previous.tables
    name = table.chunks[0].name
    folder = name.rpartition("/")[0]
    for file_name in directory.list(folder):
        directory.remove(f"{folder}/{file_name}")
    directory.remove_directory(folder)
    directory.sync(folder.rpartition("/")[0])

    take(directory, 2, {1: BIG_ROWS}, previous)

    left = directory.crash(random.Random(1), "dropped")
    assert read_tables(left, 2)[1] == {1: BIG_ROWS}


def test_each_directory_that_needs_it_is_synced_once_and_no_other() -> None:
    directory = TracedDirectory(SimulatedDirectory())
    tables: Tables = {1: BIG_ROWS, 2: player_rows(5)}
    first = take(directory, 1, tables)

    def synced() -> list[str]:
        return [c.name for c in directory.calls if c.operation == "sync_directory"]

    folders = sorted({chunk.name[:10] for chunk in first.chunks()})
    assert synced() == ["", "objects", *folders, "snapshots"]

    directory.calls.clear()
    take(directory, 2, tables, first)
    assert synced() == ["snapshots"]


# What is damaged.


def test_a_missing_chunk_is_told_by_name() -> None:
    directory = SimulatedDirectory()
    [table] = take(directory, 1, {1: BIG_ROWS}).tables
    directory.remove(table.chunks[2].name)
    rows = read_table(directory, table, PLAYER)

    assert [next(rows), next(rows)] == [(row,) for row in BIG_ROWS[:2]]
    with pytest.raises(CorruptionError, match="missing, with 1 rows") as caught:
        next(rows)
    assert caught.value.path == directory.describe(table.chunks[2].name)


def test_a_missing_manifest_is_the_systems_error() -> None:
    with pytest.raises(FileNotFoundError):
        read_snapshot(SimulatedDirectory(), 1)


def test_a_snapshot_of_another_database_is_told() -> None:
    directory = SimulatedDirectory()
    take(directory, 1, {})

    with pytest.raises(CorruptionError, match="belongs to the database"):
        read_snapshot(directory, 1, database=bytes(16))


def test_every_changed_byte_of_a_snapshot_is_told_by_file() -> None:
    files = SimulatedDirectory()
    take(files, 1, {1: player_rows(2, face_bytes=3), 2: player_rows(1, face_bytes=9)})

    for name, data in files.snapshot_files().items():
        for place in range(len(data)):
            wrong = bytearray(data)
            wrong[place] ^= 1 << place % 8
            files.replace_contents(name, bytes(wrong))
            with pytest.raises(CorruptionError) as caught:
                read_all(files)
            assert caught.value.path == files.describe(name)
        files.replace_contents(name, data)
    assert len(read_all(files)) == 1


# Removing.


def test_what_no_kept_snapshot_needs_is_removed() -> None:
    directory = SimulatedDirectory()
    shared = player_rows(3)
    first = take(directory, 1, {1: shared, 2: player_rows(4)})
    second = take(directory, 2, {1: shared, 2: player_rows(5)}, first)
    third = take(directory, 3, {1: shared, 2: player_rows(6)}, second)

    remove_unreferenced(directory, [2, 3])

    assert list_snapshots(directory) == [2, 3]
    assert set(directory.snapshot_files()) == {
        *(manifest_name(2), manifest_name(3)),
        *(chunk.name for each in (second, third) for chunk in each.chunks()),
    }
    assert len(read_all(directory)) == 2


def test_with_none_to_keep_all_is_removed() -> None:
    directory = SimulatedDirectory()
    take(directory, 1, {1: player_rows(3)})

    remove_unreferenced(directory, [])
    remove_unreferenced(directory, [])

    assert directory.snapshot_files() == {}


def test_temporary_files_are_removed_and_strangers_stay() -> None:
    directory = SimulatedDirectory()
    [chunk] = take(directory, 1, {1: player_rows(3)}).chunks()
    files = directory.snapshot_files()
    strangers = {
        "log/00000000000000000001.log": b"a",
        "notes.tmp": b"b",
        "objects/readme": b"c",
        "objects/ab/readme": b"d",
        "snapshots/readme.tmp": b"e",
    }
    remains = (
        f"{chunk.name}.tmp",
        f"{manifest_name(1)}.tmp",
        f"{manifest_name(2)}.tmp",
    )
    for name in (*strangers, *remains):
        directory.replace_contents(name, strangers.get(name, b"x"))

    remove_unreferenced(directory, [1])

    assert directory.snapshot_files() == files | strangers


def test_chunks_without_any_snapshot_are_removed() -> None:
    directory = SimulatedDirectory()
    writer = SnapshotWriter(directory, told(1), None)
    writer.add_table(1, PLAYER, [player_rows(3)], [])

    remove_unreferenced(directory, [])

    assert directory.snapshot_files() == {}


def test_an_empty_directory_has_nothing_to_remove(tmp_path: Path) -> None:
    directory = open_directory(tmp_path)

    remove_unreferenced(directory, [])

    assert directory.list() == []
    assert list_snapshots(directory) == []


def test_nothing_is_removed_where_a_kept_manifest_is_not_right() -> None:
    directory = SimulatedDirectory()
    first = take(directory, 1, {1: player_rows(3)})
    take(directory, 2, {1: player_rows(4)}, first)
    directory.replace_contents(manifest_name(2), b"rotten")
    files = directory.snapshot_files()

    with pytest.raises(CorruptionError):
        remove_unreferenced(directory, [1, 2])
    with pytest.raises(FileNotFoundError):
        remove_unreferenced(directory, [1, 3])

    assert directory.snapshot_files() == files
