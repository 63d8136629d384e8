"""Databases that were written by each version of the format open with this one."""

import json
from pathlib import Path

import attrs
import pytest

import qsdb
from qsdb.log.end_notes import END_NAME
from qsdb.log.segments import (
    KEEPS_END,
    SEGMENT_HEADER_BYTES,
    SegmentHeader,
    segment_offset,
)
from qsdb.testing import SimulatedDirectory
from tests.corpus import making

VERSIONS = ("v1", "v1_end", "v1_host", "v1_claims")
KEPT = [
    f"{version}/{path.stem}"
    for version in VERSIONS
    for path in sorted((making.HERE.parent / version).glob("*.json"))
]
KEPT_NOW = [name for name in KEPT if name.startswith(f"{making.HERE.name}/")]


def files_of(name: str) -> dict[str, bytes]:
    folder = making.HERE.parent / name
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def expected(name: str) -> dict[str, object]:
    path = making.HERE.parent / f"{name}.json"
    told: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return told


def test_every_database_is_kept() -> None:
    assert len(set(KEPT)) == len(KEPT)
    assert {*KEPT} == {f"{e}/{name}" for e in VERSIONS for name in making.DATABASES}


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_database_opens_and_goes_on(name: str) -> None:
    told = expected(name)
    disk = SimulatedDirectory(files_of(name))
    for _ in range(2):
        with qsdb.Database(making.corpus, disk, durability="always") as db:
            db.check()
            assert db.offset == told["offset"]
            assert making.rows_of(db) == told["rows"]
    assert qsdb.verify(disk, deep=True).is_sound

    with qsdb.Database(making.corpus, disk) as db:
        db.call(making.add, 99, [making.Mood.calm])
        assert db.offset == int(str(told["offset"])) + 1


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_database_opens_without_its_module(name: str) -> None:
    disk = SimulatedDirectory(files_of(name))
    with qsdb.Database(None, disk, read_only=True) as db, db.read() as tx:
        assert db.offset == expected(name)["offset"]
        assert len(tx.table("everything")) > 0


@pytest.mark.parametrize("name", KEPT)
def test_of_an_older_one_it_is_said_that_nothing_notes_its_end(name: str) -> None:
    found = qsdb.verify(SimulatedDirectory(files_of(name)))

    assert found.is_sound
    assert ("END is not there yet" in str(found)) == name.startswith("v1/")


@pytest.mark.parametrize("name", [e for e in KEPT if e.startswith("v1/")])
def test_an_older_one_gets_a_note_of_its_end_when_it_is_opened(name: str) -> None:
    disk = SimulatedDirectory(files_of(name))
    qsdb.Database(making.corpus, disk, durability="always").close()

    last = f"log/{disk.list('log')[-1]}"
    disk.remove(last)

    with pytest.raises(qsdb.CorruptionError, match=r"END notes that it came to"):
        qsdb.Database(making.corpus, disk)


@pytest.mark.parametrize("name", KEPT_NOW)
def test_this_version_writes_the_same_bytes(name: str) -> None:
    """The format is as it was; what changes a byte needs a new version of it."""
    assert making.make(name.partition("/")[2]) == files_of(name)


@pytest.mark.parametrize("name", making.DATABASES)
def test_the_end_is_all_that_is_noted_besides(name: str) -> None:
    """Only a flag that older ones may ignore, with its checksum, and a file."""
    files = files_of(f"v1_end/{name}")
    del files[END_NAME]
    for path, data in files.items():
        first_offset = segment_offset(path.removeprefix("log/"))
        if first_offset is not None:
            header = SegmentHeader.decode(data, path, first_offset=first_offset)
            assert header.flags == KEEPS_END
            old = attrs.evolve(header, flags=0).encode()
            files[path] = old + data[SEGMENT_HEADER_BYTES:]

    assert files == files_of(f"v1/{name}")


@pytest.mark.parametrize("name", KEPT)
def test_older_ones_have_a_table_of_clients_too(name: str) -> None:
    disk = SimulatedDirectory(files_of(name))
    with qsdb.Database(making.corpus, disk) as db:
        assert not db.sql("SELECT * FROM st_client").rows
        assert not db.sql("SELECT * FROM st_connection_credentials").rows
        db.snapshot()
    with qsdb.Database(making.corpus, disk) as db:
        assert not db.sql("SELECT * FROM st_client").rows
        assert not db.sql("SELECT * FROM st_connection_credentials").rows
    assert qsdb.verify(disk, deep=True).is_sound


def test_the_corpus_is_small() -> None:
    folder = Path(making.HERE.parent)
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    assert total < 500_000
