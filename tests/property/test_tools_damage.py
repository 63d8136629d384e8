"""Damage anywhere: it is told, or it changes nothing; and what is good is saved.

Strategy
    A database of a dozen commits in four segments with two snapshots. Each time one
    thing is done to one of its files: a bit is flipped (at places all through the
    file), the file is cut, zeroed from a place on, replaced by another one, or taken
    away. Then it is verified, opened and repaired.

Invariants
    1. What verifies as sound can be read, and holds the state at the end; but for a
       torn tail, which is told, and for a last segment that ends early as if the
       rest had never been written (`qsdb.log.scanning`).
    2. What cannot be read does not verify as sound.
    3. What was repaired verifies deep, and holds the state of the original at its
       offset.
    4. Nothing but the errors of the library is raised.
"""

from collections.abc import Callable, Iterator

import pytest

import qsdb
from qsdb import StorageError
from qsdb.testing import SimulatedDirectory
from tests.unit.recovery.stored import SEGMENTS, make, read, tables_of

Files = dict[str, bytes]
Change = Callable[[str], Iterator[Files]]
"""Gives the files of a database in which one was changed."""

WHOLE: Files = make(snapshots=(5, 9)).snapshot_files()
STATES = {offset: tables_of(read(make(offset=offset))) for offset in range(1, 13)}
NAMES = [name for name in WHOLE if name != "LOCK"]


def flips(name: str) -> Iterator[Files]:
    data = WHOLE[name]
    step = max(1, len(data) // 15)
    for place in range(0, len(data), step):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        yield WHOLE | {name: bytes(changed)}


def cuts(name: str) -> Iterator[Files]:
    data = WHOLE[name]
    for size in range(0, len(data), max(1, len(data) // 7)):
        yield WHOLE | {name: data[:size]}
        yield WHOLE | {name: data[:size] + bytes(len(data) - size)}


def exchanges(name: str) -> Iterator[Files]:
    yield {each: data for each, data in WHOLE.items() if each != name}
    folder = name.partition("/")[0]
    for other in NAMES:
        if other != name and other.startswith(folder):
            yield WHOLE | {name: WHOLE[other]}


def check(files: Files, *, may_end_early: bool) -> None:
    disk = SimulatedDirectory(files)
    found = qsdb.verify(disk)
    try:
        state = read(disk)
    except StorageError:
        assert not found.is_sound
    else:
        if found.is_sound:
            assert state.offset == found.offset
            assert state.offset == 12 or found.torn is not None or may_end_early
        assert tables_of(state) == STATES[state.offset]
    target = SimulatedDirectory()
    try:
        repaired = qsdb.repair(disk, target)
    except StorageError:
        assert not found.is_sound
        return
    again = qsdb.verify(target, deep=True)
    assert again.is_sound, str(again)
    assert tables_of(read(target)) == STATES[repaired.offset]
    assert disk.snapshot_files() == files


@pytest.mark.slow
@pytest.mark.parametrize("change", [flips, cuts, exchanges])
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_damage_is_told_and_the_rest_saved(change: Change, name: str) -> None:
    may_end_early = name == SEGMENTS[-1] and change is not flips
    for number, files in enumerate(change(name)):
        try:
            check(files, may_end_early=may_end_early)
        except BaseException:
            print(f"number {number}")
            raise
