"""Live windows that are resized between commits are what asking gives.

**Strategy**: random commits, and random windows of two who listen to one query of each
kind, and of one who has it alone; the lists that they keep by moves are compared with
what `db.sql` gives for the same LIMIT and OFFSET. Then the same with
`KeyboardInterrupt` raised in a resizing, one step later each time.

**Invariants**, after each step:

1. What is kept by moves, `query.rows` and asking are the same list.
2. Inserts and deletes are the difference as bags, and a resizing is told once, or not
   at all if no row differs.
3. An interrupted resizing was done or not, and told if it was done.
"""

import contextlib
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qsdb
from qsdb import u32
from tests.support.stepper import Interrupter, needs_steps

pytestmark = pytest.mark.slow

board = qsdb.Module("board")


class Entry(qsdb.Row, module=board):
    id: u32 = qsdb.primary_key()
    points: u32
    level: u32 = qsdb.index()


TEXTS = (
    "SELECT * FROM entry ORDER BY points",
    "SELECT * FROM entry ORDER BY level DESC",
    "SELECT points FROM entry ORDER BY level, points",
    "SELECT level, COUNT(*) AS n FROM entry GROUP BY level ORDER BY n, level",
)
WINDOWS = st.tuples(st.integers(0, 9), st.integers(0, 9))
COMMITS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 4), st.integers(0, 6)), max_size=8
)


class Listener:
    """Who keeps a list by moves."""

    def __init__(self, db: qsdb.Database, text: str, limit: int, offset: int) -> None:
        self.db, self.text = db, text
        self.limit, self.offset = limit, offset
        self.told = 0
        self.screen: list[Any] = []
        # Nothing is done with them here, where an interrupt may come.
        self.updates: list[qsdb.Update] = []
        self.query = db.subscribe(self.asked, self.updates.append)
        self.screen = [*self.query.initial]

    @property
    def asked(self) -> str:
        return f"{self.text} LIMIT {self.limit} OFFSET {self.offset}"

    def sync(self) -> None:
        """Take in what was told."""
        for update in self.updates:
            self._take(update)
        self.told += len(self.updates)
        self.updates.clear()

    def _take(self, update: qsdb.Update) -> None:
        before = Counter(map(repr, self.screen))
        assert update.moves is not None
        for move in update.moves:
            if move.now is None:
                assert move.was is not None
                assert self.screen.pop(move.was) == move.row
            else:
                self.screen.insert(move.now, move.row)
        after = Counter(map(repr, self.screen))
        assert Counter(map(repr, update.inserts)) == after - before
        assert Counter(map(repr, update.deletes)) == before - after

    def resize(self, limit: int, offset: int) -> None:
        before, told = [*self.screen], self.told
        self.query.resize(limit, offset)
        self.limit, self.offset = limit, offset
        self.check()
        # Equal rows that change places are told too.
        assert self.told - told in ({1} if before != self.screen else {0, 1})

    def check(self) -> None:
        self.sync()
        rows = self.db.sql(self.asked).rows
        assert self.screen == self.query.rows == rows


def commit(db: qsdb.Database, changes: list[tuple[int, int, int]]) -> None:
    with db.write() as tx:
        for number, points, level in changes:
            if tx[Entry].get(number) is None or level < 4:
                tx[Entry].upsert(Entry(number, points, level))
            else:
                tx[Entry].delete_by_key(number)


@given(
    st.sampled_from(TEXTS),
    WINDOWS,
    WINDOWS,
    st.lists(st.one_of(COMMITS, st.tuples(st.integers(0, 2), WINDOWS)), max_size=20),
)
def test_windows_are_what_asking_gives(
    text: str, shared: tuple[int, int], alone: tuple[int, int], steps: list[Any]
) -> None:
    with qsdb.Database(board, seed=1, self_check=1) as db:
        commit(db, [(n, n * 7 % 5, n % 4) for n in range(60, 90)])
        listeners = [Listener(db, text, *each) for each in (shared, shared, alone)]
        for step in steps:
            if isinstance(step, list):
                commit(db, step)
            else:
                who, window = step
                listeners[who].resize(*window)
            for listener in listeners:
                listener.check()
        for listener in listeners:
            listener.query.close()
        assert set(db._subscriptions.engine.sizes.values()) == {0}


HERE = ("/qsdb/live/", "/qsdb/store/", "/qsdb/runtime/", "<qsdb ")


class Scene:
    """A window that is resized, held by a callback or by nobody."""

    def __init__(self, text: str, *, is_shared: bool, is_read: bool) -> None:
        self.db = qsdb.Database(board, seed=1)
        commit(self.db, [(n, n % 3, n % 5) for n in range(10)])
        self.text, self.is_read = text, is_read
        self.others = [Listener(self.db, text, 3, 1)] if is_shared else []
        self.one = Listener(self.db, text, 3, 1)
        if is_read:
            self.one.query.close()
            self.one.query = self.db.subscribe(self.one.asked)

    def check(self, where: str) -> bool:
        """Whether the window is the other one; all else is as it has to be."""
        db, one = self.db, self.one
        assert not db._writer.is_mine(), where
        assert not db._subscriptions.delivery._is_mine(), where
        commit(db, [(20, 0, 0), (3, 9, 6)])
        rows = one.query.rows
        is_done = len(rows) == 4
        if is_done:
            one.limit, one.offset = 4, 2
        assert rows == db.sql(one.asked).rows, where
        if not self.is_read:
            one.sync()
            assert one.told == 1 + is_done, where
            self.others.append(one)
        for each in self.others:
            each.check()
            each.resize(2, 5)
            each.query.close()
        one.query.close()
        assert set(db._subscriptions.engine.sizes.values()) == {0}, where
        db.check()
        assert db.stats().pins == 0, where
        db.close()
        return is_done


@needs_steps
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <generator:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("is_read", [False, True])
@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize("text", TEXTS[:3])
def test_an_interrupt_loses_nothing(
    text: str, *, is_shared: bool, is_read: bool
) -> None:
    for step in range(1, 100_000):
        scene = Scene(text, is_shared=is_shared, is_read=is_read)
        interrupter = Interrupter(step, HERE)
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            scene.one.query.resize(4, 2)
        where = f"step {step}, in {interrupter.place}"
        assert scene.check(where) or interrupter.place, where
        if not interrupter.place:
            break
    print(f"{text}: {step} steps")
    assert step > 300, "hardly anything was interrupted"
