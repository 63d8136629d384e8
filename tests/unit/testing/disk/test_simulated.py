"""The simulated disk: lives, crashes and locks."""

import random
import threading
from collections.abc import Callable

import pytest

from qsdb.testing import Policy, SimulatedCrash, SimulatedDirectory

POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn", "garbage")


def test_it_begins_with_files() -> None:
    disk = SimulatedDirectory({"log/1": b"one", "a": b""})

    assert disk.list() == ["a", "log"]
    assert list(disk.snapshot_files().items()) == [("a", b""), ("log/1", b"one")]
    for policy in POLICIES:
        after = disk.crash(random.Random(1), policy)
        assert after.snapshot_files() == disk.snapshot_files()


def test_unsynced_bytes_are_lost_and_synced_ones_are_not() -> None:
    disk = SimulatedDirectory({"log": b""})
    file = disk.open("log", writable=True)
    file.write(0, b"synced")
    file.sync()
    file.write(6, b" not synced")

    assert disk.crash(random.Random(1), "dropped").contents("log") == b"synced"
    assert disk.crash(random.Random(1), "kept").contents("log") == b"synced not synced"


def test_the_dead_are_refused_in_every_call() -> None:
    disk = SimulatedDirectory({"log": b"abc", "dir/x": b""})
    file, lock = disk.open("log", writable=True), disk.lock("LOCK", "text")
    assert not isinstance(lock, str)

    after = disk.crash(random.Random(1), "kept")

    calls: list[Callable[[], object]] = [
        file.size,
        lambda: file.read(0, 1),
        lambda: file.write(0, b"x"),
        file.sync,
        lambda: file.allocate(10),
        lambda: file.truncate(0),
        file.close,
        file.give_up_changes,
        lock.release,
        disk.exists,
        disk.list,
        lambda: disk.create("new"),
        lambda: disk.open("log"),
        lambda: disk.rename("log", "new"),
        lambda: disk.remove("log"),
        lambda: disk.make_directory("new"),
        lambda: disk.remove_directory("dir"),
        disk.sync,
        lambda: disk.lock("LOCK", ""),
        lambda: disk.replace_contents("log", b""),
        disk.break_syncs,
    ]
    for call in calls:
        with pytest.raises(SimulatedCrash, match="simulated:"):
            call()
    assert disk.contents("log") == after.contents("log") == b"abc"
    assert after.snapshot_files() == {"LOCK": b"text", "dir/x": b"", "log": b"abc"}


def test_a_crash_is_no_exception_that_a_handler_takes() -> None:
    assert not issubclass(SimulatedCrash, Exception)


def test_the_living_are_not_touched_by_another_image() -> None:
    disk = SimulatedDirectory({"log": b"abc"})
    first = disk.crash(random.Random(1), "kept")
    first.open("log", writable=True).write(0, b"X")

    second = disk.crash(random.Random(1), "kept")

    assert (first.contents("log"), second.contents("log")) == (b"Xbc", b"abc")


def test_a_killed_process_leaves_its_writes_unsynced() -> None:
    disk = SimulatedDirectory({"log": b""})
    disk.open("log", writable=True).write(0, b"acked")
    disk.create("name")

    after = disk.kill()

    assert after.snapshot_files() == {"log": b"acked", "name": b""}
    with pytest.raises(SimulatedCrash):
        disk.open("log")
    assert after.crash(random.Random(1), "dropped").snapshot_files() == {"log": b""}
    again = after.kill()
    again.open("log").sync()
    assert again.crash(random.Random(1), "dropped").contents("log") == b"acked"


@pytest.mark.parametrize(
    "end", [SimulatedDirectory.kill, lambda disk: disk.crash(random.Random(1), "kept")]
)
def test_locks_end_with_the_process(
    end: Callable[[SimulatedDirectory], SimulatedDirectory],
) -> None:
    disk = SimulatedDirectory()
    assert not isinstance(disk.lock("LOCK", "first"), str)

    after = end(disk)

    assert after.contents("LOCK") == b"first"
    assert not isinstance(after.lock("LOCK", "second"), str)
    assert after.lock("LOCK", "third") == "second"


def test_contents_are_replaced_under_open_files() -> None:
    disk = SimulatedDirectory({"log": b"abc"})
    file = disk.open("log")

    disk.replace_contents("log", b"flipped")

    assert file.read(0, 10) == disk.contents("log") == b"flipped"
    assert disk.crash(random.Random(1), "dropped").contents("log") == b"flipped"


def test_one_seed_gives_one_disk() -> None:
    disk = SimulatedDirectory({"log": b"abc" * 1000})
    file = disk.open("log", writable=True)
    for number in range(20):
        file.write(number * 200, random.Random(number).randbytes(300))
        disk.create(f"new {number}")

    for policy in POLICIES:
        first, second = (disk.crash(random.Random(5), policy) for _ in range(2))
        assert first.snapshot_files() == second.snapshot_files()


def test_threads_lose_no_change() -> None:
    disk = SimulatedDirectory()

    def create(prefix: str) -> None:
        for number in range(200):
            disk.create(f"{prefix}{number}").write(0, b"x")
            disk.sync()

    threads = [threading.Thread(target=create, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(disk.list()) == 800
    assert len(disk.crash(random.Random(1), "dropped").list()) == 800
