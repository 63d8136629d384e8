"""A follower that a signal handler interrupts shows whole commits, and goes on.

**Strategy**: a refresh over several commits and segments is run again and again,
each time with `KeyboardInterrupt` raised one step later than the time before
(`tests.support.stepper`), in the code of `qsdb.store` and `qsdb.runtime`.

**Invariants**, after each interrupted run:

1. What is shown is the state at the offset that is told, indexes included.
2. A read transaction that was open is as it was.
3. Both locks are free, and the next refresh comes to the end of the log.
"""

import contextlib
import gc
import itertools

import pytest

import qsdb
from qsdb import StorageOptions
from qsdb.testing import SimulatedDirectory
from tests.support.stepper import Interrupter, needs_steps
from tests.unit.runtime.ledger import (
    Account,
    close_account,
    contents,
    open_account,
    read_bank,
    transfer,
    written_bank,
)

pytestmark = [pytest.mark.slow, needs_steps]

PLACES = ("/qsdb/store/", "/qsdb/runtime/", "<qsdb ")
SMALL = StorageOptions(has_threads=False, segment_bytes=700, step_bytes=64)


class Scene:
    """A database that is read up to offset 4, while its log goes on to 7.

    Attributes:
        states: Offset → what is shown there.
    """

    def __init__(self) -> None:
        disk, db = written_bank(options=SMALL)
        self._before = disk.snapshot_files()
        self.states = {4: contents(db)}
        db.call(open_account, "cyd", 5)
        self.states[5] = contents(db)
        db.call(transfer, 1, 2, 7)
        self.states[6] = contents(db)
        db.call(close_account, 3)
        self.states[7] = contents(db)
        self._after = disk.snapshot_files()
        assert len(self._after) > len(self._before)

    def opened(self) -> qsdb.Database:
        disk = SimulatedDirectory(self._before)
        reading = read_bank(disk)
        for name, content in self._after.items():
            disk.replace_contents(name, content)
        return reading

    def check(self, reading: qsdb.Database) -> None:
        """Verify that what is shown is one commit's state."""
        assert contents(reading) == self.states[reading.offset]
        assert not reading._writer.is_mine()
        reading.check()


def interrupted(reading: qsdb.Database, step: int) -> str:
    """Refresh, and give where that was interrupted."""
    interrupter = Interrupter(step, PLACES)
    with contextlib.suppress(KeyboardInterrupt), interrupter.running():
        reading.refresh()
    gc.collect(0)
    return interrupter.place


@pytest.mark.parametrize("has_reader", [False, True])
def test_an_interrupted_refresh_shows_whole_commits(*, has_reader: bool) -> None:
    scene, seen = Scene(), set[int]()
    for step in itertools.count(1):
        reading = scene.opened()
        older = reading.read() if has_reader else None

        place = interrupted(reading, step)

        try:
            scene.check(reading)
            seen.add(reading.offset)
            if older is not None:
                found = sorted([(*row,) for row in older[Account]], key=repr)
                assert found == scene.states[4]["account"]
                older.close()
            assert reading.refresh() == 7
            scene.check(reading)
            assert reading.stats().pins == 0
        except Exception as error:
            raise AssertionError(f"step {step}, in {place}") from error
        if not place:
            break
    print(f"{step} steps")
    assert step > 100
    assert seen == {4, 5, 6, 7}
