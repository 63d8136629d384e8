"""Databases that were written by each version of the format open with this one."""

import json
from pathlib import Path

import pytest

import qsdb
from qsdb.testing import SimulatedDirectory
from tests.corpus import making

KEPT = sorted(making.HERE.glob("*.json"))
NAMES = [path.stem for path in KEPT]


def files_of(name: str) -> dict[str, bytes]:
    folder = making.HERE / name
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def expected(name: str) -> dict[str, object]:
    text = (making.HERE / f"{name}.json").read_text(encoding="utf-8")
    told: dict[str, object] = json.loads(text)
    return told


def test_every_database_is_kept() -> None:
    assert set(NAMES) == set(making.DATABASES)


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_database_opens_without_its_module(name: str) -> None:
    disk = SimulatedDirectory(files_of(name))
    with qsdb.Database(None, disk, read_only=True) as db, db.read() as tx:
        assert db.offset == expected(name)["offset"]
        assert len(tx.table("everything")) > 0


@pytest.mark.parametrize("name", NAMES)
def test_this_version_writes_the_same_bytes(name: str) -> None:
    """The format is as it was; what changes a byte needs a new version of it."""
    assert making.make(name) == files_of(name)


def test_the_corpus_is_small() -> None:
    folder = Path(making.HERE)
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    assert total < 500_000
