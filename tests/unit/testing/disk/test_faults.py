"""A directory whose calls go wrong where a plan says so."""

import errno
import random
from pathlib import Path

import pytest

from qsdb.files import Directory, open_directory
from qsdb.testing import (
    Call,
    Crash,
    Fail,
    FailSync,
    Fault,
    FaultyDirectory,
    FlipBit,
    IgnoreSync,
    Policy,
    Short,
    SimulatedCrash,
    SimulatedDirectory,
    TracedDirectory,
    once,
    since,
)
from qsdb.testing.disk.interposed import InterposedFile

SEEDS = range(100)


def opened(
    fault: Fault | None, inner: Directory | None = None
) -> tuple[FaultyDirectory, InterposedFile]:
    """Give a directory and its file ``log``, whose next call goes wrong."""
    inner = SimulatedDirectory({"log": b"abc"}) if inner is None else inner
    directory = FaultyDirectory(inner)
    file = directory.open("log", writable=True)
    if fault is not None:
        directory.plan = once(directory.calls_count, fault)
    return directory, file


def disk_of(directory: FaultyDirectory) -> SimulatedDirectory:
    assert isinstance(directory.inner, SimulatedDirectory)
    return directory.inner


def after(
    directory: FaultyDirectory, policy: Policy = "dropped", seed: int = 1
) -> SimulatedDirectory:
    return disk_of(directory).crash(random.Random(seed), policy)


def test_without_a_plan_all_goes_well() -> None:
    directory, file = opened(None)

    assert file.write(0, b"X") == 1
    assert disk_of(directory).contents("log") == b"Xbc"
    assert directory.calls_count == 2


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, 12345])
def test_a_call_fails_once(code: int) -> None:
    directory, file = opened(Fail(code))

    with pytest.raises(OSError, match="log") as caught:
        file.write(0, b"X")

    assert caught.value.errno == code
    assert disk_of(directory).contents("log") == b"abc"
    assert file.write(0, b"X") == 1


def test_a_failed_directory_call_does_nothing() -> None:
    disk = SimulatedDirectory({"log": b""})
    directory = FaultyDirectory(disk, once(0, Fail(errno.ENOENT)))

    with pytest.raises(FileNotFoundError, match="log"):
        directory.remove("log")

    assert disk.exists("log")


def test_a_write_may_take_bytes_and_fail() -> None:
    directory, file = opened(Fail(errno.ENOSPC, written=2))

    with pytest.raises(OSError, match="ENOSPC"):
        file.write(3, b"defg")

    assert disk_of(directory).contents("log") == b"abcde"


def test_a_fault_persists_until_the_plan_is_another() -> None:
    directory, file = opened(None)
    directory.plan = since(2, Fail(errno.ENOSPC), {"write", "allocate"})

    assert file.write(0, b"1") == 1
    for _ in range(2):
        with pytest.raises(OSError, match="ENOSPC"):
            file.write(0, b"2")
        file.sync()
        assert file.read(0, 1) == b"1"
    directory.plan = None

    assert file.write(0, b"3") == 1


def test_a_plan_may_go_by_the_name() -> None:
    def plan(call: Call) -> Fault | None:
        return Fail(errno.EROFS) if call.name.startswith("snap/") else None

    directory = FaultyDirectory(SimulatedDirectory({"snap/1": b""}), plan)
    directory.create("log")

    with pytest.raises(OSError, match="snap/2"):
        directory.create("snap/2")


@pytest.mark.parametrize(
    ("size", "content"), [(0, b"abc"), (2, b"abcde"), (9, b"abcdefg")]
)
def test_a_write_is_short(size: int, content: bytes) -> None:
    directory, file = opened(Short(size))

    assert file.write(3, b"defg") == min(size, 4)
    assert disk_of(directory).contents("log") == content


def test_a_sync_is_ignored() -> None:
    directory, file = opened(IgnoreSync())
    file.inner.write(0, b"X")
    file.sync()

    assert after(directory).contents("log") == b"abc"


def test_a_sync_of_a_directory_is_ignored() -> None:
    disk = SimulatedDirectory()
    directory = FaultyDirectory(disk, once(1, IgnoreSync()))
    directory.create("log")
    directory.sync()

    assert after(directory).list() == []


def test_a_sync_that_fails_is_no_sync() -> None:
    directory, file = opened(Fail(errno.EIO))
    file.inner.write(0, b"X")
    with pytest.raises(OSError, match="EIO"):
        file.sync()
    assert after(directory).contents("log") == b"abc"

    directory = FaultyDirectory(disk_of(directory).kill())
    directory.open("log").sync()  # tells more than a system that forgets

    assert after(directory).contents("log") == b"Xbc"


def test_a_failed_sync_may_take_all_for_synced() -> None:
    directory, file = opened(FailSync(errno.EIO))
    file.inner.write(0, b"XY")
    with pytest.raises(OSError, match="log"):
        file.sync()

    file.sync()

    assert file.read(0, 3) == b"XYc"
    assert after(directory).contents("log") == b"abc"
    found = {after(directory, "torn", seed).contents("log") for seed in SEEDS}
    assert found > {b"abc", b"XYc"}


def test_a_failed_sync_may_break_a_directory() -> None:
    disk = SimulatedDirectory()
    traced = TracedDirectory(disk)
    directory = FaultyDirectory(traced, once(1, FailSync(errno.EIO)))
    directory.create("log")
    with pytest.raises(OSError, match="EIO"):
        directory.sync()

    directory.sync()

    assert directory.list() == ["log"]
    assert disk.crash(random.Random(1), "dropped").list() == []


def test_only_a_simulated_disk_forgets(tmp_path: Path) -> None:
    tmp_path.joinpath("log").write_bytes(b"abc")
    _, file = opened(FailSync(errno.EIO), open_directory(tmp_path))

    with pytest.raises(ValueError, match="no simulated disk"):
        file.sync()


@pytest.mark.parametrize(
    ("bit", "content"), [(0, b"`bc"), (9, b"a`c"), (23, b"ab\xe3"), (24, b"`bc")]
)
def test_a_bit_is_read_wrong_once(bit: int, content: bytes) -> None:
    directory, file = opened(FlipBit(bit))

    assert file.read(0, 10) == content
    assert file.read(0, 10) == disk_of(directory).contents("log") == b"abc"


def test_no_bit_of_nothing_is_wrong() -> None:
    _, file = opened(FlipBit(3))

    assert file.read(3, 10) == b""


@pytest.mark.parametrize(
    ("moment", "content"),
    [("before", b"abc"), ("during", b"abcde"), ("after", b"abcdefg")],
)
def test_the_process_ends_at_a_write(moment: str, content: bytes) -> None:
    directory, file = opened(Crash(moment))  # type: ignore[arg-type]

    with pytest.raises(SimulatedCrash, match=r"call 1, write 'log'"):
        file.write(3, b"defg")

    assert directory.is_crashed
    assert after(directory, "kept").contents("log") == content


@pytest.mark.parametrize(
    ("moment", "names"), [("before", ["log"]), ("during", ["log"]), ("after", [])]
)
def test_the_process_ends_at_another_call(moment: str, names: list[str]) -> None:
    directory, _ = opened(Crash(moment))  # type: ignore[arg-type]

    with pytest.raises(SimulatedCrash):
        directory.remove("log")

    assert after(directory, "kept").list() == names


def test_the_process_ends_after_a_call_that_fails() -> None:
    directory, _ = opened(Crash("after"))

    with pytest.raises(SimulatedCrash):
        directory.remove("absent")


def test_every_call_after_the_crash_is_refused() -> None:
    directory, file = opened(Crash("before"))
    lock = directory.inner.lock("LOCK", "")
    assert not isinstance(lock, str)
    with pytest.raises(SimulatedCrash):
        file.sync()

    for call in (
        file.sync,
        file.size,
        file.close,
        directory.list,
        lambda: directory.lock("LOCK", ""),
    ):
        with pytest.raises(SimulatedCrash, match="after the crash"):
            call()
    assert disk_of(directory).list() == ["LOCK", "log"]


def test_a_crash_behind_is_a_crash_here() -> None:
    directory, file = opened(None)
    disk_of(directory).kill()

    with pytest.raises(SimulatedCrash, match="dead"):
        file.sync()

    assert directory.is_crashed


@pytest.mark.parametrize("fault", [FailSync(5), IgnoreSync(), FlipBit(1), Short(1)])
def test_what_cannot_happen_to_a_call_is_refused(fault: Fault) -> None:
    directory, _ = opened(fault)

    with pytest.raises(ValueError, match=r"cannot happen to call 1, exists 'log'"):
        directory.exists("log")


def test_every_call_of_a_workload_can_be_the_last() -> None:
    def work(directory: FaultyDirectory) -> None:
        file = directory.create("new")
        file.write(0, b"content")
        file.sync()
        file.close()
        directory.rename("new", "log")
        directory.sync()

    whole = FaultyDirectory(SimulatedDirectory({"log": b"old"}))
    work(whole)

    for number in range(whole.calls_count):
        disk = SimulatedDirectory({"log": b"old"})
        with pytest.raises(SimulatedCrash):
            work(FaultyDirectory(disk, once(number, Crash("before"))))
        for seed in SEEDS:
            found = disk.crash(random.Random(seed), "garbage").contents("log")
            assert found in (b"old", b"content")


def test_a_workload_that_forgets_a_sync_is_found_out() -> None:
    disk = SimulatedDirectory({"log": b"old"})
    directory = FaultyDirectory(disk, once(2, IgnoreSync()))
    file = directory.create("new")
    file.write(0, b"content")
    file.sync()
    directory.rename("new", "log")
    directory.sync()

    found = {disk.crash(random.Random(seed), "torn").contents("log") for seed in SEEDS}

    assert found - {b"old", b"content"}
