"""A follower in one process, a writer in another that is killed and comes back.

**Strategy**: a writer commits as fast as it can, in small segments, with snapshots
and compaction in between. After a moment it is killed (``SIGKILL``) and another one
opens the directory. Meanwhile a follower refreshes again and again.

**Invariants**:

1. Each state that is shown is that of one commit: its rows tell its offset, and
   their sum is what it was from the beginning.
2. Offsets only grow; none is shown that the next opening has lost.
3. Where the log was compacted away the follower says so, and a new one goes on.
4. In the end both have the same rows.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

import qsdb
from qsdb import StorageOptions, i64, u64
from tests.support.sources import ROOT

pytestmark = pytest.mark.slow

ROUNDS_COUNT = 5 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 2
REFRESHES_COUNT = 60
COMMITS_COUNT = 1000
"""In each round at least; so many and the log behind them has been compacted."""
OPTIONS = StorageOptions(
    segment_bytes=4000, step_bytes=512, snapshot_commits=150, snapshots_kept=1
)

bank = qsdb.Module("bank")


class Account(qsdb.Row, module=bank):
    id: u64 = qsdb.primary_key()
    balance: i64 = qsdb.index()


class Last(qsdb.Row, module=bank):
    """One row: the offset of the commit that wrote it."""

    id: u64 = qsdb.primary_key()
    offset: u64


@bank.init
def init(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Account].insert_many([Account(n, 100) for n in range(50)])
    ctx.db[Last].insert(Last(0, 1))


@bank.reducer
def move(ctx: qsdb.ReducerContext, offset: u64) -> None:
    accounts = ctx.db[Account]
    for number, change in ((offset % 50, -1), (offset * 7 % 50, 1)):
        account = accounts.get(number)
        assert account is not None
        accounts.update(account.replace(balance=account.balance + change))
    ctx.db[Last].update(Last(0, offset))


def write(path: str) -> None:
    """Be the writer: commit until nobody wants any more, or the process is killed."""
    db = qsdb.Database(bank, path, durability="interval", options=OPTIONS)
    print(db.offset, flush=True)
    for count in range(1, 1_000_000):
        db.call(move, db.offset + 1)
        if count % 400 == 0:
            db.compact()
        if count % 50 == 0 and (Path(path) / "stop").exists():
            break
    db.close()


def begin(path: Path) -> tuple[subprocess.Popen[str], int]:
    """Begin a writer, and give it with the offset that it has found."""
    program = f"from tests.property.{Path(__file__).stem} import write; "
    writer = subprocess.Popen(
        [sys.executable, "-c", f"{program}write({str(path)!r})"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    output: IO[str] | None = writer.stdout
    assert output is not None
    return writer, int(output.readline())


class Watch:
    """A follower and all that it has shown."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reading = qsdb.Database(bank, path, read_only=True)
        self.shown = [self.reading.offset]
        self.reopened = 0

    def refresh(self) -> None:
        try:
            self.reading.refresh(timeout=0.01)
        except qsdb.StorageError as error:
            assert type(error) is qsdb.StorageError, error
            self.reading.close()
            self.reading = qsdb.Database(bank, self.path, read_only=True)
            self.reopened += 1
        self.shown.append(self.reading.offset)
        with self.reading.read() as tx:
            (last,) = tx[Last]
            assert last.offset == tx.offset
            assert sum(row.balance for row in tx[Account]) == 5000
            assert len(tx[Account]) == 50


def test_no_commit_is_shown_that_a_killed_writer_has_not_left(tmp_path: Path) -> None:
    path = tmp_path / "data"
    writer, _ = begin(path)
    watch = Watch(path)
    late = Watch(path)
    for _ in range(ROUNDS_COUNT):
        refreshes = 0
        while (
            refreshes < REFRESHES_COUNT
            or watch.shown[-1] < late.shown[-1] + COMMITS_COUNT
        ):
            watch.refresh()
            refreshes += 1
        late.refresh()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        watch.refresh()
        assert writer.stdout is not None
        writer.stdout.close()
        writer, found = begin(path)
        assert watch.shown[-1] == found
    (path / "stop").touch()
    writer.wait()
    assert writer.stdout is not None
    writer.stdout.close()
    watch.refresh()

    print(f"up to offset {watch.shown[-1]}, opened again {late.reopened} times")
    assert late.reopened > 0
    assert late.shown == sorted(late.shown)
    assert watch.shown == sorted(watch.shown)
    assert len(set(watch.shown)) > ROUNDS_COUNT * 5
    watch.reading.check()
    with qsdb.Database(bank, path) as db:
        assert db.offset == watch.reading.offset
        with db.read() as one, watch.reading.read() as other:
            assert sorted(map(repr, one[Account])) == sorted(map(repr, other[Account]))
