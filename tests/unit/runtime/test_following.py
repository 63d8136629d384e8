"""A database that is only read follows the log of its writer."""

import errno
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

import qsdb
from qsdb import StorageOptions
from qsdb.log.end_notes import END_NAME
from qsdb.log.frames import Body, Place, build_frame
from qsdb.log.segments import SegmentHeader, segment_name
from qsdb.recovery import directories
from qsdb.testing import Call, SimulatedDirectory
from qsdb.testing.disk.interposed import InterposedDirectory
from tests.unit.runtime.ledger import (
    Account,
    bank,
    close_account,
    contents,
    open_account,
    open_bank,
    read_bank,
    transfer,
    written_bank,
)

T = TypeVar("T")

SMALL = StorageOptions(
    has_threads=False, segment_bytes=900, step_bytes=64, snapshots_kept=1
)
"""A segment holds a few commits."""

Contents = dict[str, list[tuple[object, ...]]]


def step(db: qsdb.Database) -> None:
    """Make the next commit of a long history."""
    match db.offset % 4:
        case 0:
            db.call(open_account, f"owner {db.offset}", db.offset)
        case 3:
            with db.read() as tx:
                newest = max(row.id for row in tx[Account])
            db.call(close_account, newest)
        case _:
            db.call(transfer, 1, 2, 1)


# What is new.


def test_a_refresh_shows_what_was_committed() -> None:
    disk, db = written_bank()
    reading = read_bank(disk)

    for _ in range(12):
        step(db)
        assert reading.refresh() == reading.offset == db.offset
        assert contents(reading) == contents(db)
        reading.check()


def test_live_queries_of_a_reader_are_told_by_a_refresh() -> None:
    disk, db = written_bank()
    reading = read_bank(disk)
    told: list[tuple[int, int, int]] = []
    query = reading.subscribe(
        "SELECT * FROM account",
        lambda update: told.append(
            (update.offset, len(update.inserts), len(update.deletes))
        ),
    )
    before = db.offset
    assert query.offset == before

    db.call(open_account, "zoe", 5)
    db.call(transfer, 1, 2, 1)
    assert told == []
    assert reading.refresh() == before + 2

    assert told == [(before + 1, 1, 0), (before + 2, 2, 2)]
    found = sorted([(*row,) for row in query.rows], key=repr)
    assert found == contents(reading)["account"]


def test_a_refresh_without_news_changes_nothing() -> None:
    disk, db = written_bank()
    reading = read_bank(disk)

    assert [reading.refresh(), reading.refresh()] == [4, 4]
    db.close()
    assert [reading.refresh(), reading.refresh()] == [4, 4]


def test_many_commits_come_at_once_and_over_many_segments() -> None:
    disk, db = written_bank(options=SMALL)
    reading = read_bank(disk)

    for count in (1, 40, 0, 3, 25):
        for _ in range(count):
            step(db)
        assert reading.refresh() == db.offset
        assert contents(reading) == contents(db)
    assert len(disk.list("log")) > 10
    reading.check()


def test_read_transactions_stay_where_they_are() -> None:
    disk, db = written_bank(options=SMALL)
    reading = read_bank(disk)
    opened, expected = [], []
    for _ in range(10):
        step(db)
        reading.refresh()
        opened.append(reading.read())
        expected.append(sorted(map(repr, opened[-1][Account])))

    for number, tx in enumerate(opened):
        assert tx.offset == 5 + number
        assert sorted(map(repr, tx[Account])) == expected[number]
        tx.close()
    assert reading.stats().pins == 0


def test_a_follower_goes_on_over_a_close_and_a_new_opening_of_the_writer() -> None:
    disk, db = written_bank()
    reading = read_bank(disk)

    for _ in range(3):
        db.close()
        db = open_bank(disk)
        step(db)
        assert reading.refresh() == db.offset
        assert contents(reading) == contents(db)


def test_a_snapshot_and_compaction_behind_it_are_not_noticed() -> None:
    disk, db = written_bank(options=SMALL)
    reading = read_bank(disk)

    for _ in range(30):
        step(db)
        reading.refresh()
        db.snapshot()
        db.compact()
    assert len(disk.list("log")) == 1
    assert contents(reading) == contents(db)


def test_a_large_record_is_shown_when_its_last_part_is_there() -> None:
    module = qsdb.Module("large")

    class Blob(qsdb.Row, module=module):
        data: bytes

    disk = SimulatedDirectory()
    db = qsdb.Database(module, disk, durability="always")
    reading = qsdb.Database(module, disk, read_only=True)
    image = SimulatedDirectory(disk.snapshot_files())
    half = qsdb.Database(module, image, read_only=True)
    start = db._storage.log._tail.place.position  # type: ignore[union-attr]
    with db.write() as tx:
        tx[Blob].insert(Blob(bytes(3 << 20)))
    log = disk.contents(segment_name(1))

    for size in range(start, len(log), 300_000):
        image.replace_contents(segment_name(1), log[:size])
        offset = half.refresh()
        assert offset == half.stats().rows["blob"] + 1
    image.replace_contents(segment_name(1), log)
    assert half.refresh() == reading.refresh() == 2
    assert half.stats().rows == {"blob": 1}
    db.close()


# What is not whole.


@pytest.mark.slow
def test_a_frame_counts_when_its_last_byte_is_there() -> None:
    disk, db = written_bank()
    image = SimulatedDirectory(disk.snapshot_files())
    reading = read_bank(image)
    start = db._storage.log._tail.place.position  # type: ignore[union-attr]
    states, ends = [contents(db)], [start]
    for _ in range(4):
        step(db)
        states.append(contents(db))
        ends.append(db._storage.log._tail.place.position)  # type: ignore[union-attr]
    log = disk.contents(segment_name(1))

    shown = 0
    for size in range(start, ends[-1] + 1):
        image.replace_contents(segment_name(1), log[:size] + bytes(100))
        offset = reading.refresh()
        if offset - 4 > shown:
            shown += 1
            assert contents(reading) == states[shown]
        # The zeros at its end may be missing.
        assert offset - 4 == shown
        assert ends[shown] - 8 < size or shown == 0
        assert shown == len(states) - 1 or size < ends[shown + 1]
    assert shown == 4


def test_what_recovery_cuts_off_was_never_shown() -> None:
    disk, db = written_bank()
    reading = read_bank(disk)
    step(db)
    whole = db._storage.log._tail.place.position  # type: ignore[union-attr]
    step(db)
    torn = disk.contents(segment_name(1))[: whole + 60]
    image = SimulatedDirectory(disk.snapshot_files())
    image.replace_contents(segment_name(1), torn)
    reading = read_bank(image)
    assert (reading.offset, reading.refresh()) == (5, 5)

    with open_bank(image) as again:
        assert again.offset == reading.refresh() == 5
        again.call(open_account, "of another future")
        assert reading.refresh() == 6
        assert contents(reading) == contents(again)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_power_loss_that_took_what_was_shown_is_told(count: int) -> None:
    """The follower's machine is another one, and so it lives on."""
    disk, _ = written_bank()
    futures = [SimulatedDirectory(disk.snapshot_files()) for _ in range(2)]
    for image, owner, commits_count in zip(futures, "ab", (2, count), strict=True):
        with open_bank(image) as db:
            for number in range(commits_count):
                db.call(open_account, f"{owner} {number}")
    one, other = futures
    reading = read_bank(one)
    before = contents(reading)
    one.replace_contents(segment_name(1), other.contents(segment_name(1)))

    for _ in range(2):
        with pytest.raises(qsdb.StorageError, match="open the database again") as error:
            reading.refresh()
        assert type(error.value) is qsdb.StorageError
        assert (reading.offset, contents(reading)) == (6, before)


def test_a_segment_of_another_past_is_told() -> None:
    disk, db = written_bank(options=SMALL)
    reading = read_bank(disk)
    while len(disk.list("log")) < 6:
        step(db)
    last = disk.list("log")[-1]
    first = int(last[:20])
    header = SegmentHeader(
        database=db._storage.database,  # type: ignore[union-attr]
        first_offset=first,
        chain=0,
        salt=1,
        created_microseconds=0,
    )
    disk.replace_contents(f"log/{last}", header.encode())

    with pytest.raises(qsdb.StorageError, match="open the database again"):
        reading.refresh()
    assert reading.offset == first - 1


# What cannot be followed.


def test_a_log_that_was_compacted_away_is_told() -> None:
    disk, db = written_bank(options=SMALL)
    reading = read_bank(disk)
    before = contents(reading)
    for _ in range(20):
        step(db)
    db.snapshot()
    db.compact()

    for _ in range(2):
        with pytest.raises(qsdb.StorageError, match="open the database again") as error:
            reading.refresh()
        assert type(error.value) is qsdb.StorageError
    assert (reading.offset, contents(reading)) == (4, before)
    assert contents(read_bank(disk)) == contents(db)


def test_a_missing_segment_is_damage() -> None:
    disk, db = written_bank(options=SMALL)
    reading = read_bank(disk)
    while len(disk.list("log")) < 6:
        step(db)
    disk.remove(f"log/{disk.list('log')[-2]}")

    with pytest.raises(qsdb.CorruptionError, match="it is missing") as error:
        reading.refresh()
    assert error.value.last_good_offset == reading.offset
    reading.check()


def test_a_mark_at_the_end_of_a_segment_is_read_before_the_next_one() -> None:
    roomy = StorageOptions(has_threads=False, segment_bytes=4000, step_bytes=900)
    disk, db = written_bank(options=roomy)
    reading = read_bank(disk)
    log = db._storage.log  # type: ignore[union-attr]
    marks_count = 0
    while len(disk.list("log")) < 4:
        step(db)
        assert reading.refresh() == db.offset
        place = log.unmarked_place()
        if place is not None:
            log.mark(place)
            marks_count += 1

    assert marks_count > 3
    assert contents(reading) == contents(db)


def test_a_segment_that_was_read_to_its_end_may_be_removed() -> None:
    disk, db = written_bank(options=SMALL)
    reading = read_bank(disk)
    [*_, last] = disk.list("log")
    before = reading.offset
    while disk.list("log")[-1] == last:
        before = reading.refresh()
        step(db)
    db.snapshot()
    db.compact()

    assert last not in disk.list("log")
    assert before < reading.refresh() == db.offset
    assert contents(reading) == contents(db)


def test_damage_is_told_with_the_last_good_commit() -> None:
    disk, db = written_bank()
    reading = read_bank(disk)
    for _ in range(3):
        step(db)
    position = db._storage.log._tail.place.position  # type: ignore[union-attr]
    step(db)
    step(db)
    log = bytearray(disk.contents(segment_name(1)))
    log[position + 70] ^= 1
    disk.replace_contents(segment_name(1), bytes(log))

    with pytest.raises(qsdb.CorruptionError) as error:
        reading.refresh()
    assert error.value.last_good_offset == reading.offset == 7
    reading.check()


def test_a_record_that_fits_nowhere_is_damage() -> None:
    disk, db = written_bank()
    reading = read_bank(disk)
    before = contents(reading)
    place = _append(disk, db, b"no record")

    with pytest.raises(qsdb.CorruptionError, match="the commit at offset 5: ") as error:
        reading.refresh()
    assert (error.value.position, error.value.last_good_offset) == (place.position, 4)
    assert error.value.__cause__ is None
    assert contents(reading) == before
    reading.check()


def _append(disk: SimulatedDirectory, db: qsdb.Database, record: bytes) -> Place:
    """Write a frame with one record to the end of the log."""
    tail = db._storage.log._tail  # type: ignore[union-attr]
    body = Body(len(record).to_bytes(4, "little") + record, 1)
    frame, after = build_frame(tail.place, body, salt=tail.header.salt, durable=0)
    disk.open(segment_name(1), writable=True).write(tail.place.position, frame)
    return after


class MeddledDirectory(InterposedDirectory):
    """Has something done in between: before the nth call from now on."""

    number = 0
    action: Callable[[], object] | None = None

    def meddle(self, number: int, action: Callable[[], object]) -> None:
        """Do it; when it is done it is not done again."""
        self.number = self.calls_count + number
        self.action = action

    @property
    def is_done(self) -> bool:
        return self.action is None

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        if self.action is not None and call.number >= self.number:
            action, self.action = self.action, None
            action()
        return perform()


def fail() -> None:
    raise OSError(errno.EIO, "the disk fails")


def test_an_error_of_the_system_passes_and_the_next_try_goes_on() -> None:
    disk, db = written_bank(options=SMALL)
    meddled = MeddledDirectory(disk)
    reading = read_bank(meddled)
    seen = 0
    for number in range(100):
        for _ in range(4):
            step(db)
        meddled.meddle(number, fail)
        try:
            reading.refresh()
        except OSError as error:
            assert error.errno == errno.EIO
            seen += 1
        is_over = not meddled.is_done
        meddled.action = None
        assert reading.refresh() == db.offset
        assert contents(reading) == contents(db)
        if is_over:
            break
    assert seen > 10
    reading.check()


# Beside a writer that does things at the worst moment.


def commit_one(db: qsdb.Database) -> None:
    step(db)


def commit_many(db: qsdb.Database) -> None:
    for _ in range(9):
        step(db)


def compact(db: qsdb.Database) -> None:
    """Commit, and take away what is not needed from there on."""
    commit_many(db)
    db.snapshot()
    db.compact()


ACTIONS = (commit_one, commit_many, compact)


@pytest.mark.slow
@pytest.mark.parametrize("action", ACTIONS)
def test_opening_beside_a_writer_that_is_faster_shows_one_state(
    action: Callable[[qsdb.Database], None],
) -> None:
    for number in range(200):
        disk, db = written_bank(options=SMALL)
        commit_many(db)
        db.snapshot()
        before = contents(db)
        meddled = MeddledDirectory(disk)
        meddled.meddle(number, lambda db=db: action(db))  # type: ignore[misc]

        reading = read_bank(meddled)

        if not meddled.is_done:
            break
        states = {13: before, db.offset: contents(db)}
        if reading.offset in states:
            assert contents(reading) == states[reading.offset]
        reading.check()
        try:
            assert reading.refresh() == db.offset
        except qsdb.StorageError as error:
            assert action is compact, error
            continue
        assert contents(reading) == contents(db)
    assert number > 10


@pytest.mark.slow
@pytest.mark.parametrize("action", ACTIONS)
def test_following_a_writer_that_is_faster_is_no_damage(
    action: Callable[[qsdb.Database], None],
) -> None:
    for number in range(200):
        disk, db = written_bank(options=SMALL)
        meddled = MeddledDirectory(disk)
        reading = read_bank(meddled)
        commit_many(db)
        meddled.meddle(number, lambda db=db: action(db))  # type: ignore[misc]

        try:
            reading.refresh()
        except qsdb.StorageError as error:
            assert type(error) is qsdb.StorageError
            assert action is compact
            reading.check()
            continue

        if not meddled.is_done:
            break
        reading.check()
        try:
            assert reading.refresh() == db.offset
        except qsdb.StorageError as error:
            assert type(error) is qsdb.StorageError
            assert action is compact
            continue
        assert contents(reading) == contents(db)
    assert number > 10


class LaggingDirectory(InterposedDirectory):
    """Reads a file as it was, for so many reads; from then on as it is now.

    Attributes:
        lag: How many reads are still to show the past.
        past: What the file held then.
    """

    lag = 0
    past = b""

    def around(self, call: Call, perform: Callable[[], Any]) -> Any:
        if call.operation == "read" and self.lag:
            self.lag -= 1
            return self.past[call.position :][: call.size]
        return perform()


@pytest.mark.slow
def test_a_frame_that_was_written_between_two_reads_is_no_damage() -> None:
    """The later ones vouch for it, which look like those that prove damage."""
    disk, db = written_bank()
    ends = []
    for _ in range(3):
        step(db)
        ends.append(db._storage.log._tail.place.position)  # type: ignore[union-attr]
    log, files = disk.contents(segment_name(1)), disk.snapshot_files()
    for end in range(ends[0] + 1, ends[1] + 50, 29):
        for lag in range(1, 7):
            image = SimulatedDirectory(files)
            image.replace_contents(segment_name(1), log[: ends[0]])
            lagging = LaggingDirectory(image)
            reading = read_bank(lagging)
            assert reading.offset == 5
            image.replace_contents(segment_name(1), log)
            lagging.past, lagging.lag = log[:end], lag

            reading.refresh()

            lagging.lag = 0
            assert reading.refresh() == 7
            assert contents(reading) == contents(db)
    db.close()


def test_reading_twice_gives_up_when_the_same_comes_back() -> None:
    errors = [qsdb.CorruptionError("a", position, "bad") for position in (1, 2, 2, 3)]
    given = iter(errors)

    def read() -> None:
        raise next(given)

    with pytest.raises(qsdb.CorruptionError) as error:
        directories.read_twice(read)
    assert error.value is errors[2]


def test_reading_twice_gives_what_comes_at_last() -> None:
    given = iter([FileNotFoundError("a"), FileNotFoundError("b")])

    def read() -> int:
        for error in given:
            raise error
        return 7

    assert directories.read_twice(read) == 7


# Waiting.


def test_a_refresh_waits_for_a_commit() -> None:
    disk, db = written_bank()
    reading = read_bank(disk)
    begun = threading.Event()

    def write() -> None:
        begun.wait()
        step(db)

    writer = threading.Thread(target=write)
    writer.start()
    begun.set()
    assert reading.refresh(timeout=60) == 5
    writer.join()


@pytest.mark.parametrize("timeout", [None, 0, 0.0, 0.025])
def test_a_refresh_gives_up_after_its_timeout(timeout: float | None) -> None:
    disk, _ = written_bank()

    assert read_bank(disk).refresh(timeout) == 4


def test_a_refresh_that_finds_something_does_not_wait() -> None:
    disk, db = written_bank()
    reading = read_bank(disk)
    step(db)

    assert reading.refresh(threading.TIMEOUT_MAX) == 5


def test_closing_ends_a_refresh_that_waits() -> None:
    disk, _ = written_bank()
    meddled = MeddledDirectory(disk)
    reading = read_bank(meddled)
    waits, outcome = threading.Event(), list[Exception]()
    meddled.meddle(12, waits.set)

    def wait() -> None:
        try:
            reading.refresh(timeout=threading.TIMEOUT_MAX)
        except qsdb.ClosedError as error:
            outcome.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    waits.wait()
    reading.close()
    waiter.join()

    assert len(outcome) == 1


@pytest.mark.parametrize("timeout", [-1, "1", True, float("nan"), 1e300])
def test_a_timeout_is_a_number_of_seconds(timeout: Any) -> None:
    disk, _ = written_bank()

    with pytest.raises(qsdb.ArgumentError, match="a timeout is a number of seconds"):
        read_bank(disk).refresh(timeout)


def test_only_what_is_read_only_follows() -> None:
    _, db = written_bank()

    for database in (db, qsdb.Database(bank)):
        with pytest.raises(qsdb.UsageError, match="read_only=True follows"):
            database.refresh()


def test_a_segment_is_not_read_from_its_beginning_again() -> None:
    disk, db = written_bank()
    positions: list[int] = []

    class NotingDirectory(InterposedDirectory):
        def around(self, call: Call, perform: Callable[[], T]) -> T:
            if call.operation == "read" and call.name != END_NAME:
                positions.append(call.position)
            return perform()

    reading = read_bank(NotingDirectory(disk))
    for _ in range(3):
        end = db._storage.log._tail.place.position  # type: ignore[union-attr]
        step(db)
        positions.clear()
        reading.refresh()

        assert positions[0] == 0  # the header
        assert all(each >= end - 11 for each in positions[1:])


def test_many_refresh_at_once() -> None:
    disk, db = written_bank(options=SMALL)
    reading = read_bank(disk)
    errors: list[Exception] = []
    is_over = threading.Event()

    def follow() -> None:
        try:
            while not is_over.is_set():
                reading.refresh()
        except Exception as error:  # noqa: BLE001  any is a failure
            errors.append(error)

    followers = [threading.Thread(target=follow) for _ in range(3)]
    for each in followers:
        each.start()
    for _ in range(60):
        step(db)
    is_over.set()
    for each in followers:
        each.join()

    assert errors == []
    assert reading.refresh() == db.offset
    assert contents(reading) == contents(db)
    reading.check()
