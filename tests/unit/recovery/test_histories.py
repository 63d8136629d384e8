"""Histories: a backup can be restored to whatever its database could be."""

import errno
import logging
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

import attrs
import pytest

import qsdb
from qsdb.files import open_directory
from qsdb.log.segments import segment_name
from qsdb.log.snapshots import list_snapshots, read_snapshot
from qsdb.log.whole_files import read_file
from qsdb.recovery.backing_up import back_up
from qsdb.recovery.commands import main
from qsdb.recovery.opening import list_segments
from qsdb.runtime.storage import Storage
from qsdb.testing import (
    Call,
    Crash,
    FakeClock,
    FaultyDirectory,
    Policy,
    SimulatedCrash,
    SimulatedDirectory,
    once,
)
from qsdb.testing.disk.faults import Fail, Fault
from qsdb.testing.disk.interposed import InterposedDirectory
from tests.unit.recovery.test_copying import is_whole
from tests.unit.runtime.ledger import (
    NOON,
    QUIET,
    contents,
    open_account,
    open_bank,
    read_bank,
    transfer,
)

T = TypeVar("T")
Contents = dict[str, list[tuple[object, ...]]]

SMALL = attrs.evolve(QUIET, segment_bytes=700, step_bytes=128, snapshots_kept=3)
LAST = 24
SEED = 20_261_127
STEP = 1 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 7
"""Of so many calls the power fails at one."""


def written() -> tuple[SimulatedDirectory, qsdb.Database, dict[int, Contents]]:
    """Make a bank with segments and snapshots, and tell what it held at each offset."""
    disk, clock = SimulatedDirectory(), FakeClock(NOON)
    db = open_bank(disk, clock=clock, options=SMALL)
    db.call(open_account, "ann", 10)
    told = {1: {}, 2: contents(db)}
    while db.offset < LAST:
        clock.advance(1)
        db.call(transfer, 1, 2, 1)
        told[db.offset] = contents(db)
        if db.offset in (6, 13, 20):
            db.snapshot()
    assert len(list_segments(disk)) > 4
    assert list_snapshots(disk) == [6, 13, 20]
    return disk, db, told


def restored(backup: SimulatedDirectory, offset: int) -> Contents:
    again = SimulatedDirectory()
    qsdb.restore(backup, again, to_offset=offset)
    with read_bank(again) as db:
        assert db.offset == offset
        return contents(db)


def by_database(_: SimulatedDirectory, db: qsdb.Database) -> SimulatedDirectory:
    """Back up by the database that is open."""
    copy = SimulatedDirectory()
    assert db.backup(copy) == LAST
    return copy


def by_files(disk: SimulatedDirectory, _: qsdb.Database) -> SimulatedDirectory:
    """Back up by what is on the disk."""
    copy = SimulatedDirectory()
    assert back_up(disk, copy).offset == LAST
    return copy


WAYS = pytest.mark.parametrize("way", [by_database, by_files])
Way = Callable[[SimulatedDirectory, qsdb.Database], SimulatedDirectory]


@WAYS
def test_a_backup_is_restored_to_any_offset(way: Way) -> None:
    disk, db, told = written()

    copy = way(disk, db)

    assert qsdb.verify(copy, deep=True).is_sound
    for offset in range(2, LAST + 1):
        assert restored(copy, offset) == told[offset]
    with read_bank(copy) as again:
        assert again.recovery is not None
        assert again.recovery.snapshot_offset == LAST
        assert again.recovery.records_count == 0


@WAYS
def test_a_backup_is_restored_to_a_time(way: Way) -> None:
    disk, db, told = written()
    copy, again = way(disk, db), SimulatedDirectory()
    moment = NOON + qsdb.TimeDuration.from_seconds(5.5)

    qsdb.restore(copy, again, to_time=moment)

    with read_bank(again) as restored_bank:
        assert contents(restored_bank) == told[restored_bank.offset]
        assert restored_bank.offset == 7
    with read_bank(copy, at=moment) as at_the_time:
        assert at_the_time.offset == 7


@WAYS
def test_a_backup_goes_on_where_its_history_ends(way: Way) -> None:
    disk, db, told = written()
    copy = way(disk, db)

    with open_bank(copy, options=SMALL) as again:
        for _ in range(5):
            again.call(transfer, 1, 2, 1)
        after = contents(again)
        again.snapshot()
        again.check()
    second = SimulatedDirectory()
    with open_bank(copy, options=SMALL) as again:
        assert contents(again) == after
        again.backup(second)
        again.compact()

    assert qsdb.verify(copy, deep=True).is_sound
    assert qsdb.verify(second, deep=True).is_sound
    assert restored(second, 9) == told[9]
    assert restored(second, LAST + 5) == after
    db.call(transfer, 1, 2, 1)  # and so does what it is of
    db.close()
    assert qsdb.verify(disk, deep=True).is_sound


def test_what_is_committed_meanwhile_is_in_it_or_not() -> None:
    _, db, told = written()

    class Busy(InterposedDirectory):
        def around(self, call: Call, perform: Callable[[], T]) -> T:
            if call.operation == "write" and db.offset < LAST + 40:
                db.call(transfer, 1, 2, 1)
                told[db.offset] = contents(db)
            return perform()

    copy = SimulatedDirectory()
    offset = db.backup(Busy(copy))

    assert offset == LAST < db.offset
    assert qsdb.verify(copy, deep=True).is_sound
    with read_bank(copy) as again:
        assert contents(again) == told[offset]


@pytest.mark.parametrize("was_closed", [False, True])
def test_a_segment_that_was_just_begun_is_the_copys_own(was_closed: bool) -> None:  # noqa: FBT001
    _, db, told = written()
    copy, second, third = [SimulatedDirectory() for _ in range(3)]
    db.backup(copy)
    if was_closed:
        open_bank(copy).close()  # which leaves a mark in its segment
    with open_bank(copy) as again:
        assert list_segments(copy)[-1] == LAST + 1
        again.backup(second)
        back_up(copy, third)

    for each in (second, third):
        assert list_segments(each) == list_segments(copy)
        assert qsdb.verify(each, deep=True).is_sound
        each.remove("snapshots/" + each.list("snapshots")[-1])
        with read_bank(each) as again:  # by an older one, and the log
            assert contents(again) == told[LAST]


@pytest.mark.parametrize("is_by_files", [False, True])
def test_a_backup_without_history_has_one_state(is_by_files: bool) -> None:  # noqa: FBT001
    disk, db, _ = written()
    copy = SimulatedDirectory()
    if is_by_files:
        back_up(disk, copy, history=False)
    else:
        db.backup(copy, history=False)

    assert list_segments(copy) == [LAST + 1]
    assert list_snapshots(copy) == [LAST]
    with pytest.raises(qsdb.ArgumentError, match="from 24 to 24"):
        restored(copy, 9)


def test_what_only_reads_gives_no_history() -> None:
    disk, _, told = written()
    copy = SimulatedDirectory()
    with read_bank(disk, at=9) as earlier:
        assert earlier.backup(copy) == 9

    assert list_snapshots(copy) == [9]
    with read_bank(copy) as again:
        assert contents(again) == told[9]


def test_a_log_that_has_failed_gives_no_history() -> None:
    disk = SimulatedDirectory()
    faulty = FaultyDirectory(disk)
    db = open_bank(faulty)
    db.call(open_account, "ann", 10)
    before = contents(db)
    faulty.plan = once(faulty.calls_count, Fail(errno.EIO))
    with pytest.raises(qsdb.FailedError):
        db.call(open_account, "bob", 10)
    copy = SimulatedDirectory()

    db.backup(copy)

    with pytest.raises(qsdb.FailedError):
        db.close()
    assert len(list_segments(copy)) == 1
    with read_bank(copy) as again:
        names = {row[1] for row in contents(again)["account"]}
        assert {row[1] for row in before["account"]} <= names


def flip(disk: SimulatedDirectory, name: str, before_end: int = 1) -> None:
    """Change a byte of a file."""
    data = read_file(disk, name)
    file = disk.open(name, writable=True)
    file.write(len(data) - before_end, bytes([data[-before_end] ^ 1]))
    file.close()


def damage_manifest(disk: SimulatedDirectory) -> None:
    flip(disk, "snapshots/" + disk.list("snapshots")[0])


def damage_chunk(disk: SimulatedDirectory) -> None:
    later = {c.name for at in (13, 20) for c in read_snapshot(disk, at).chunks()}
    own = [c.name for c in read_snapshot(disk, 6).chunks() if c.name not in later]
    flip(disk, own[0])


def remove_chunk(disk: SimulatedDirectory) -> None:
    later = {c.name for at in (13, 20) for c in read_snapshot(disk, at).chunks()}
    own = [c.name for c in read_snapshot(disk, 6).chunks() if c.name not in later]
    disk.remove(own[0])


@pytest.mark.parametrize("damage", [damage_manifest, damage_chunk, remove_chunk])
def test_a_snapshot_that_is_damaged_is_left(
    damage: Callable[[SimulatedDirectory], None],
) -> None:
    disk, db, told = written()
    damage(disk)
    copy = SimulatedDirectory()

    db.backup(copy)

    assert list_snapshots(copy) == [13, 20, LAST]
    assert qsdb.verify(copy, deep=True).is_sound
    assert restored(copy, 7) == told[7]  # by the log


def damage_segment(disk: SimulatedDirectory, first: int) -> None:
    flip(disk, segment_name(first), 20)  # behind it may be zeros that say nothing


def damage_header(disk: SimulatedDirectory, first: int) -> None:
    file = disk.open(segment_name(first), writable=True)
    file.write(20, b"\xff")
    file.close()


def remove_segment(disk: SimulatedDirectory, first: int) -> None:
    disk.remove(segment_name(first))


@WAYS
@pytest.mark.parametrize("damage", [damage_segment, damage_header, remove_segment])
def test_the_history_ends_where_the_log_is_damaged(
    way: Way,
    damage: Callable[[SimulatedDirectory, int], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk, db, told = written()
    first = list_segments(disk)[2]
    damage(disk, first)

    copy = way(disk, db)

    assert list_segments(copy)[0] > first
    assert "a backup has no history before" in caplog.text
    assert qsdb.verify(copy, deep=True).is_sound
    assert restored(copy, 21) == told[21]


def test_a_backup_that_needs_what_cannot_be_read_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk, db, _ = written()
    db.close()
    files = Unreadable(disk)
    db = open_bank(files, options=SMALL)
    storage = db._storage
    assert isinstance(storage, Storage)
    flush = storage.log.flush

    def commit_first() -> object:
        db.call(transfer, 1, 2, 1)  # as another thread may, after the pin
        place = flush()
        files.name = segment_name(list_segments(disk)[-1])
        return place

    monkeypatch.setattr(storage.log, "flush", commit_first)
    copy = SimulatedDirectory()
    with pytest.raises(qsdb.StorageError, match=r"came to nothing: .*does not tell"):
        db.backup(copy)

    with pytest.raises(qsdb.StorageError):
        read_bank(copy)
    monkeypatch.undo()
    files.name = ""
    assert db.backup(copy) == LAST + 1
    db.close()


def test_old_rows_are_not_kept_while_files_are_copied() -> None:
    _, db, _ = written()
    kept: list[int] = []

    class Watching(InterposedDirectory):
        def around(self, call: Call, perform: Callable[[], T]) -> T:
            if call.operation == "write" and call.name.startswith("log/"):
                db.call(transfer, 1, 2, 1)
                kept.append(db.stats().undo_rows)
            return perform()

    db.backup(Watching(SimulatedDirectory()))

    assert len(kept) > 10
    assert set(kept[1:]) == {0}


def test_zeros_that_the_end_of_the_log_has_cut_off_are_put_back() -> None:
    disk, db, told = written()
    db.close()
    name = segment_name(list_segments(disk)[-1])
    data = read_file(disk, name)
    file = disk.open(name, writable=True)
    file.truncate(len(data.rstrip(b"\0")))
    file.close()
    copy = SimulatedDirectory()

    back_up(disk, copy)

    assert list_segments(copy)[0] == 1
    assert qsdb.verify(copy, deep=True).is_sound
    assert restored(copy, LAST) == told[LAST]


class Unreadable(InterposedDirectory):
    """Has a file that cannot be read, or not to its end."""

    name = ""
    is_short = False

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        found = perform()
        if call.operation == "read" and call.name == self.name:
            if not self.is_short:
                raise OSError(errno.EIO, "the disk does not tell", self.name)
            return b""  # type: ignore[return-value]
        return found


@pytest.mark.parametrize("is_short", [False, True])
def test_the_history_ends_where_a_segment_cannot_be_read(
    caplog: pytest.LogCaptureFixture,
    is_short: bool,  # noqa: FBT001
) -> None:
    disk, db, told = written()
    db.close()
    files = Unreadable(disk)
    with open_bank(files, options=SMALL) as again:
        damaged, following = list_segments(disk)[1:3]
        files.name, files.is_short = segment_name(damaged), is_short
        copy = SimulatedDirectory()
        with caplog.at_level(logging.WARNING, "qsdb.recovery"):
            again.backup(copy)

    assert list_segments(copy)[0] == following
    (record,) = caplog.records
    assert f"no history before offset {following}" in record.getMessage()
    assert segment_name(damaged) in record.getMessage()
    assert qsdb.verify(copy, deep=True).is_sound
    kept = list_snapshots(copy)
    assert kept == [each for each in (6, 13, 20) if each + 1 >= following] + [LAST]
    assert restored(copy, kept[0] + 1) == told[kept[0] + 1]
    with pytest.raises(qsdb.ArgumentError, match=f"from {kept[0]} to {LAST}"):
        restored(copy, kept[0] - 1)


def test_a_disk_that_is_full_makes_no_backup() -> None:
    _, db, told = written()
    number = 0

    def is_full(call: Call) -> Fault | None:
        if call.operation != "write":
            return None
        writes.append(call.number)
        return Fail(errno.ENOSPC) if len(writes) > number else None

    while True:
        image = SimulatedDirectory()
        writes: list[int | None] = []
        try:
            db.backup(FaultyDirectory(image, is_full))
        except qsdb.DiskFull:
            number += 1
        else:
            break
        with pytest.raises(qsdb.StorageError):
            read_bank(image)
        db.backup(image)
        assert restored(image, 9) == told[9]
    assert number > len(list_segments(image))
    assert db.stats().pins == 0


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["dropped", "garbage"])
@pytest.mark.parametrize("moment", ["during", "after"])
def test_power_loss_anywhere_leaves_no_backup_or_all_of_it(
    policy: Policy, moment: Literal["during", "after"]
) -> None:
    print(f"seed {SEED}")
    rng, whole = random.Random(SEED), 0
    disk, db, told = written()
    counting = FaultyDirectory(SimulatedDirectory())
    back_up(disk, counting)
    count = counting.calls_count
    for number in (*range(0, count - 9, STEP), *range(count - 9, count)):
        image = SimulatedDirectory()
        with pytest.raises(SimulatedCrash):
            back_up(disk, FaultyDirectory(image, once(number, Crash(moment))))
        after = image.crash(rng, policy)
        if is_whole(after):
            whole += 1
        else:
            back_up(disk, after)
        assert qsdb.verify(after, deep=True).is_sound
        assert restored(after, 9) == told[9]
    db.close()

    assert 0 < whole < 9


def test_the_command_copies_the_history_unless_told(tmp_path: Path) -> None:
    with open_bank(open_directory(tmp_path / "data")) as db:
        db.call(open_account, "ann", 10)
        db.call(transfer, 1, 2, 1)
    assert main(["backup", str(tmp_path / "data"), str(tmp_path / "whole")]) == 0
    assert (
        main(
            [
                "backup",
                str(tmp_path / "data"),
                str(tmp_path / "state"),
                "--without-history",
            ]
        )
        == 0
    )

    qsdb.restore(tmp_path / "whole", tmp_path / "earlier", to_offset=2)
    with pytest.raises(qsdb.ArgumentError):
        qsdb.restore(tmp_path / "state", tmp_path / "other", to_offset=2)
