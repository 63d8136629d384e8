"""A directory that stands before another one passes every call on."""

from qsdb.testing import Call, SimulatedDirectory
from qsdb.testing.disk.interposed import InterposedDirectory


def test_calls_pass_and_are_counted() -> None:
    inner = SimulatedDirectory({"log": b"abc"})
    directory = InterposedDirectory(inner)

    file = directory.open("log", writable=True)
    file.write(3, b"def")
    file.sync()
    file.close()
    lock = directory.lock("LOCK", "text")
    assert not isinstance(lock, str)
    lock.release()

    assert inner.contents("log") == b"abcdef"
    assert not isinstance(inner.lock("LOCK", "again"), str)
    assert directory.lock("LOCK", "") == "again"
    assert directory.calls_count == 7


def test_whole_paths_are_no_calls() -> None:
    inner = SimulatedDirectory()
    directory = InterposedDirectory(inner)

    assert directory.describe("a") == inner.describe("a")
    assert directory.calls_count == 0


def test_a_call_tells_what_it_has() -> None:
    inner = SimulatedDirectory()

    call = Call("exists", "log", inner)

    assert (call.position, call.size, call.data, call.new_name) == (0, 0, b"", "")
    assert call.number == 0
    assert call.target is inner
