"""A signal handler may raise anywhere in a write to the disk, too.

**Strategy**: each scene is run on a simulated disk, again and again, each time with
`KeyboardInterrupt` one step later (`tests.support.stepper`), through the store, the
runtime, the log and the recovery. Afterwards the database is used further, closed and
opened again; and, besides, power is lost without closing it.

**Invariants**, after each interrupted run:

1. Each transaction is in or out, in memory and on the disk alike.
2. The next commits work, and are on the disk when they say so.
3. Nobody who waits for a commit waits for ever.
"""

import contextlib
import gc
import random
import threading
from pathlib import Path

import pytest

import qsdb
from qsdb.testing import SimulatedDirectory
from tests.conftest import _PROFILE
from tests.support.disks import image_of
from tests.support.hoard import History, Model, Step, abandon, open_hoard, state_of
from tests.support.stepper import Interrupter, needs_steps

pytestmark = [pytest.mark.slow, needs_steps]

HERE = (
    *("/qsdb/store/", "/qsdb/runtime/", "/qsdb/log/", "/qsdb/recovery/"),
    *("<qsdb ", "<mutant of qsdb."),
)
IS_NIGHTLY = _PROFILE == "nightly"
STRIDE = 1 if IS_NIGHTLY else 2
"""One step in so many is interrupted; the others at night."""


def stock(number: int, size: int = 0) -> Step:
    page = "write", ("page 1", bytes(range(number, number + 1)) * size, ())
    return Step("block", (("stock", ("a", 1, number)), page))


SCENES: dict[str, tuple[str, Step]] = {
    "a commit with its sync": ("always", stock(1)),
    "a commit that only is written": ("os", stock(1)),
    "a commit that begins a segment": ("always", stock(1, 700)),
    "a wait": ("interval", Step("wait_durable")),
}


def prepared(durability: str) -> tuple[SimulatedDirectory, History, qsdb.Database]:
    disk, history = SimulatedDirectory(), History(durability)
    db = history.open(disk)
    for number in (7, 8):
        history.run(db, stock(number, 100))
    return disk, history, db


def outcome_of(db: qsdb.Database, before: Model, step: Step) -> Model:
    """Give the model that a database is like after a step that was cut off."""
    after = before.copy()
    step.on_model(after)
    found = state_of(db)
    assert found in (before.state(), after.state())
    return before if found == before.state() else after


def interrupt(scene: str, following: Step, stride: int) -> None:
    """Interrupt a scene at every so many steps, and go on with another one."""
    durability, step = SCENES[scene]
    number = 1
    while True:
        disk, history, db = prepared(durability)
        before = history.models[db.offset]
        interrupter = Interrupter(number, HERE)
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            step.on_database(db)
        where = f"step {number}, in {interrupter.place}"
        gc.collect(0)
        model = outcome_of(db, before, step)
        history.models[2:] = [*history.models[2:4], model][: db.offset - 1]
        history.models[db.offset] = model
        db.check()
        try:
            history.acked = db.durable_offset
            history.check(image_of(disk, random.Random(number), "torn"))
            history.run(db, following)
            history.run(db, Step("wait_durable"))
            history.check(image_of(disk, random.Random(number), "dropped"))
            db.close()
            history.acked = db.offset
            history.check(disk)
        except BaseException:
            print(where)
            raise
        if not interrupter.place:
            break
        number += stride
    print(f"{scene}: {number} steps")
    assert number > 20, "hardly anything was interrupted"


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("size", [0, 700], ids=["small", "large"])
def test_an_interrupt_leaves_all_or_nothing_on_the_disk(scene: str, size: int) -> None:
    interrupt(scene, stock(2, size), STRIDE)


def test_an_interrupt_of_an_opening_changes_nothing() -> None:
    number = 1
    while True:
        disk, history, db = prepared("os")
        abandon(db)
        disk = disk.kill()
        interrupter = Interrupter(number, HERE)
        opened = None
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            opened = open_hoard(disk, "os")
        if opened is not None:
            abandon(opened)
        gc.collect()
        try:
            history.check(disk.kill())
        except BaseException:
            print(f"step {number}, in {interrupter.place}")
            raise
        if not interrupter.place:
            break
        number += 1 if IS_NIGHTLY else 97
    assert number > 100


def test_whoever_waits_is_woken_though_another_is_interrupted(
    tmp_path: Path,
) -> None:
    """A thread flushes for another one, and is interrupted on the way."""
    number = 1
    while True:
        db = open_hoard(str(tmp_path), "interval", has_threads=True)
        stock(number).on_database(db)
        offset, done = db.offset, list[bool]()
        thread = threading.Thread(target=_wait, args=(db, offset, done), daemon=True)
        interrupter = Interrupter(number, ("/qsdb/log/",))
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            thread.start()
            db.wait_durable()
        thread.join(30)
        assert done == [True], f"step {number}, in {interrupter.place}"
        db.close()
        if not interrupter.place:
            break
        number += STRIDE


def _wait(db: qsdb.Database, offset: int, done: list[bool]) -> None:
    done.append(db.wait_durable(offset))


def test_a_close_that_is_interrupted_holds_the_lock_until_it_is_done() -> None:
    number = 1
    while True:
        disk, history, db = prepared("interval")
        interrupter = Interrupter(number, HERE)
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            db.close()
        gc.collect(0)
        try:
            other = history.reopen(disk)
        except qsdb.DatabaseLocked:
            db.close()
            history.acked = db.offset
            other = history.reopen(disk)
        history.run(other, stock(2, 700))
        history.run(other, Step("wait_durable"))
        db.close()
        history.run(other, stock(3, 100))
        other.close()
        history.acked = other.offset
        try:
            history.check(disk)
        except BaseException:
            print(f"step {number}, in {interrupter.place}")
            raise
        if not interrupter.place:
            break
        number += 1
    assert number > 20
