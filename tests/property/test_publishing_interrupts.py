"""A signal handler may raise anywhere: one module is there or the other, wholly.

**Strategy**: a module is published again and again, each time with `KeyboardInterrupt`
raised some steps later than the time before, until nothing was left to interrupt
(`tests.support.stepper`): in all of the code of the runtime and the store, at every
197th step (at each of them in the nightly profile).

**Invariants**, after each interrupted run:

1. Tables, catalogue and functions are those of one module, and all rules hold.
2. A read transaction that was open is as it was.
3. Live queries and connections know what is there, and are told of what comes.
4. The lock is free, publishing can be done again, and what is on the disk is the same.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import u64
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.support.editions import BOOK, LOAN, QUIET, contents, edition
from tests.support.stepper import Interrupter, needs_steps

pytestmark = [pytest.mark.slow, needs_steps]

HERE = ("/qsdb/store/", "/qsdb/runtime/", "/qsdb/live/", "/qsdb/cache/")

ONE = edition("1", book=BOOK, loan=LOAN)
TWO = edition(
    "2",
    book={**BOOK, "title": (str, qsdb.index())},
    loan={**LOAN, "reader": (str, qsdb.index("hash"))},
    pen={"id": (u64, qsdb.primary_key())},
)
STRIDE = 1 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 197


def steps() -> Iterator[int]:
    """Give steps; the last ones are told by who is not interrupted any more."""
    yield from range(1, 1_000_000, STRIDE)


class Scene:
    """A database with everything that a publication exchanges."""

    def __init__(self, disk: SimulatedDirectory | None) -> None:
        self.disk = disk
        self.db = qsdb.Database(
            ONE.module, disk, seed=1, clock=FakeClock(), options=QUIET
        )
        self.db.call("add", "Emma")
        self.db.call("lend", 1, "ann")
        self.told: list[Any] = []
        self.query = self.db.subscribe("SELECT * FROM loan", self.told.append)
        self.conn = self.db.connect()
        self.conn.subscribe("SELECT * FROM loan", "SELECT * FROM book")
        self.reader = self.db.read()
        self.rows = contents(self.db)

    def check(self) -> bool:
        """Verify everything, and give whether the new module is there."""
        db = self.db
        assert not db._writer.is_mine(), "the lock is left"
        is_new = "pen" in db.stats().rows
        note = "2" if is_new else "1"
        assert contents(db) == {**({"pen": []} if is_new else {}), **self.rows}
        assert [*self.reader[ONE.rows["loan"]]] == [ONE.rows["loan"](1, "ann1")]
        assert self.reader.offset == 3
        self.reader.close()
        db.check()
        assert db.stats().pins == 0
        assert db.offset == 3 + is_new
        assert db.call("which") == note
        assert db.plan(TWO.module).is_empty is is_new
        db.call("lend", 1, "bob")
        assert [(*row,) for row in self.query.rows] == [
            (1, "bob1" if note == "1" else "bob2")
        ]
        assert [(*row,) for row in self.conn.db.loan] == [
            (*row,) for row in self.query.rows
        ]
        assert [each.offset for each in self.told] == [db.offset]
        names = [row.table_name for row in db.sql("SELECT table_name FROM st_table")]
        assert ("pen" in names) is is_new
        db.publish(TWO.module)
        assert self.conn.call("which") == "2"
        assert [*self.conn.db[TWO.rows["loan"]]] == self.query.rows
        db.check()
        rows = contents(db)
        db.close()
        if self.disk is not None:
            with qsdb.Database(TWO.module, self.disk, options=QUIET) as again:
                assert (contents(again), again.offset) == (rows, db.offset)
                again.check()
        return is_new


# In `__del__`, and in a generator that nobody has any more, the exception goes nowhere,
# as that of a signal handler does; of the latter CPython 3.12 says so.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <(generator|function LiveQuery.__del__)"
    ":pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("is_on_disk", [False, True])
def test_an_interrupt_leaves_one_module_or_the_other(*, is_on_disk: bool) -> None:
    seen: set[bool] = set()
    for step in steps():
        scene = Scene(SimulatedDirectory() if is_on_disk else None)
        interrupter = Interrupter(step, HERE)
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            scene.db.publish(TWO.module)
        try:
            seen.add(scene.check())
        except BaseException:
            print(f"step {step}, in {interrupter.place}")
            raise
        if not interrupter.place:
            break
    print(f"{step} steps")
    assert seen == {False, True}
    assert step > 1000, "hardly anything was interrupted"
