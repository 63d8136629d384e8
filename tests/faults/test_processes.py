"""Real processes on real files: killed, forked, opened twice, opened often.

A process that is killed proves nothing about syncs, since the system keeps what it
has written; `test_power_loss.py` does that. It proves that nothing is promised
before it is written, and that the lock ends with the process.

**Invariants**:

1. After a kill at any time all that was printed as promised is there, and at most
   one commit more.
2. A directory is open once: in this process, for others, through any path; the
   message names the process. A lock's file that a dead process left stops nobody.
3. A forked child leaves the parent's database alone, and ends.
4. Opening and closing leaves no descriptors, threads or temporary files.
"""

import gc
import os
import random
import select
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

import qsdb
from tests.conftest import _PROFILE
from tests.faults.committing import commit_for_ever, commit_number
from tests.support.hoard import Model, open_hoard, state_of
from tests.support.programs import TIMEOUT_SECONDS
from tests.support.sources import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL"),
]

IS_NIGHTLY = _PROFILE == "nightly"
KILLS_COUNT = 300 if IS_NIGHTLY else 100
PROGRAMS_COUNT = 100 if IS_NIGHTLY else 50
OPENINGS_COUNT = 1000 if IS_NIGHTLY else 500
KILLED_AFTER = 20
"""A process is killed when it has told a random number of commits, up to this."""


def expected(offset: int) -> Model:
    model = Model()
    for number in range(2, offset + 1):
        model.add(f"item {number}", number, number % 3)
        model.stock("a", 1, number)
    return model


def told_by(descriptor: int, pid: int, rng: random.Random) -> int:
    """Read what a process tells, kill it somewhere, and give the last it told."""
    wanted, data = rng.randrange(KILLED_AFTER), b""
    while data.count(b"\n") < wanted:
        ready, _, _ = select.select([descriptor], [], [], TIMEOUT_SECONDS)
        assert ready, "the process tells nothing"
        data += os.read(descriptor, 1 << 16)
    if rng.random() < 0.2:
        os.kill(pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGKILL)
    while more := os.read(descriptor, 1 << 16):
        data += more
    lines = data[: data.rfind(b"\n") + 1].split()
    return int(lines[-1]) if lines else 0


def forked(path: str) -> tuple[int, int]:
    """Begin to commit in a forked child; give its number and what to read from."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        pid = os.fork()
    if pid == 0:
        try:
            commit_for_ever(path, lambda offset: os.write(writing, b"%d\n" % offset))
        finally:
            os._exit(1)
    os.close(writing)
    return pid, reading


def check_after_kill(path: str, told: int) -> int:
    """Verify what a process has left, do one commit, and give its offset."""
    db = open_hoard(path)
    assert told <= db.offset <= told + 1
    assert state_of(db) == expected(db.offset).state()
    db.check()
    commit_number(db, db.offset + 1)
    db.close()
    return db.offset


def test_a_killed_process_has_kept_its_promises(tmp_path: Path) -> None:
    rng = random.Random(1)
    path, offset = "", 0
    for number in range(KILLS_COUNT):
        if number % 10 == 0:
            path, offset = str(tmp_path / f"db {number}"), 0
        pid, reading = forked(path)
        try:
            told = told_by(reading, pid, rng)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.close(reading)
            os.waitpid(pid, 0)
        try:
            offset = check_after_kill(path, max(told, offset))
        except BaseException:
            print(f"kill {number}")
            raise
    assert offset > 10


def test_a_killed_program_has_kept_its_promises(tmp_path: Path) -> None:
    rng, path = random.Random(2), str(tmp_path / "db")
    offset = 0
    for _ in range(PROGRAMS_COUNT):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.faults.committing", path],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            try:
                told = told_by(process.stdout.fileno(), process.pid, rng)
            finally:
                process.kill()
            process.wait(TIMEOUT_SECONDS)
        offset = check_after_kill(path, max(told, offset))


# The lock.


def test_a_directory_is_open_once_in_a_process(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "db")
    with open_hoard(str(tmp_path / "db")) as db:
        for path in ("db", "link", "db/../db"):
            with pytest.raises(qsdb.DatabaseLocked, match=str(os.getpid())):
                open_hoard(str(tmp_path / path))
        commit_number(db, 2)
    with open_hoard(str(tmp_path / "link")) as db:
        assert db.offset == 2


def test_a_directory_is_open_once_among_processes(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    pid, reading = forked(path)
    try:
        assert os.read(reading, 1)  # it is open there
        with pytest.raises(qsdb.DatabaseLocked, match=str(pid)):
            open_hoard(path)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)
    assert (tmp_path / "db/LOCK").read_text().split()[1] == str(pid)
    open_hoard(path).close()  # the lock of a dead process stops nobody


def test_reading_other_files_of_a_directory_keeps_the_lock(tmp_path: Path) -> None:
    """As POSIX locks would not, which any close of the file drops."""
    with open_hoard(str(tmp_path)):
        (tmp_path / "LOCK").read_bytes()
        with pytest.raises(qsdb.DatabaseLocked):
            open_hoard(str(tmp_path))


def test_a_directory_that_is_renamed_stays_open_and_locked(tmp_path: Path) -> None:
    with open_hoard(str(tmp_path / "db"), segment_bytes=1 << 20) as db:
        (tmp_path / "db").rename(tmp_path / "moved")
        with pytest.raises(qsdb.DatabaseLocked):
            open_hoard(str(tmp_path / "moved"))
        commit_number(db, 2)
    with open_hoard(str(tmp_path / "moved")) as db:
        assert db.offset == 2


# Forks.


def exit_code_of_child(path: str, *, is_in_flush: bool) -> int:
    """Fork beside an open database, and have the child try everything."""
    db = open_hoard(path, "interval", has_threads=True)
    commit_number(db, 2)
    log = db._storage.log  # type: ignore[union-attr]
    held = threading.Event()
    end = threading.Event()

    def hold() -> None:
        with log._io:
            held.set()
            end.wait(TIMEOUT_SECONDS)

    thread = threading.Thread(target=hold)
    if is_in_flush:
        thread.start()
        held.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            os._exit(_in_child(db))
        finally:
            os._exit(3)
    end.set()
    _, status = os.waitpid(pid, 0)
    if is_in_flush:
        thread.join()
    commit_number(db, 3)
    db.close()
    with open_hoard(path) as again:
        assert state_of(again) == expected(3).state()
    return os.waitstatus_to_exitcode(status)


def _in_child(db: qsdb.Database) -> int:
    signal.alarm(2)  # a child that waits for ever is a failure
    try:
        commit_number(db, 3)
    except qsdb.FailedError as error:
        db.close()
        return 0 if "parent" in str(error) else 2
    return 1


@pytest.mark.parametrize("is_in_flush", [False, True])
def test_a_forked_child_refuses_and_ends(tmp_path: Path, *, is_in_flush: bool) -> None:
    assert exit_code_of_child(str(tmp_path), is_in_flush=is_in_flush) == 0


def test_a_child_forked_in_a_transaction_refuses_and_ends(tmp_path: Path) -> None:
    db = open_hoard(str(tmp_path), "interval", has_threads=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = -1
        try:
            with db.write() as tx:
                tx.table("stock").clear()
                pid = os.fork()
                if pid == 0:
                    signal.alarm(2)
        except qsdb.FailedError:
            os._exit(0)
    if pid == 0:
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert db.offset == 2
    db.close()


# Leaks.


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_opening_and_closing_leaves_nothing(tmp_path: Path) -> None:
    with open_hoard(str(tmp_path)) as db:
        commit_number(db, 2)
    names = sorted(map(str, tmp_path.rglob("*")))
    gc.collect()
    descriptors, threads = open_descriptors(), threading.active_count()
    for number in range(OPENINGS_COUNT):
        open_hoard(str(tmp_path), has_threads=number % 10 == 0).close()
    assert open_descriptors() == descriptors
    assert threading.active_count() == threads
    assert sorted(map(str, tmp_path.rglob("*"))) == names


def test_what_is_refused_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "db"
    with open_hoard(str(path)) as db:
        for number in range(2, 9):
            commit_number(db, number)
    gc.collect()
    descriptors = open_descriptors()
    newest = max(path.glob("log/*"))
    content = newest.read_bytes()
    for at in (3, 100):  # its header, and a frame
        newest.write_bytes(content[:at] + b"?" + content[at + 1 :])
        with pytest.raises(qsdb.CorruptionError):
            open_hoard(str(path))
    newest.write_bytes(content)
    with open_hoard(str(path)), pytest.raises(qsdb.DatabaseLocked):
        open_hoard(str(path))
    assert open_descriptors() == descriptors
