"""The file layer: one contract for all directories, and what is the system's alone."""

import errno
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qsdb import files
from qsdb.files import (
    Directory,
    OsLock,
    host_name,
    open_directory,
    process_id,
)
from qsdb.testing import FaultyDirectory, SimulatedDirectory, TracedDirectory
from tests.support.programs import run_python
from tests.support.sources import ROOT

MAKERS: dict[str, Callable[[Path], Directory]] = {
    "real": open_directory,
    "simulated": lambda _: SimulatedDirectory(),
    "faulty": lambda path: FaultyDirectory(open_directory(path)),
    "traced": lambda _: TracedDirectory(SimulatedDirectory()),
}


@pytest.fixture(params=list(MAKERS))
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Directory:
    return MAKERS[request.param](tmp_path)


def content_of(directory: Directory, name: str) -> bytes:
    file = directory.open(name)
    content = file.read(0, file.size() + 1)
    file.close()
    return content


def put(directory: Directory, name: str, content: bytes) -> None:
    file = directory.create(name)
    assert file.write(0, content) == len(content)
    file.close()


# The contract, of real and simulated directories.


def test_a_private_file_is_written_and_read_like_others(directory: Directory) -> None:
    file = directory.create("key", private=True)
    file.write(0, b"secret")
    file.close()

    assert content_of(directory, "key") == b"secret"
    with pytest.raises(FileExistsError):
        directory.create("key", private=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes of files")
def test_a_private_file_is_for_its_user_alone(tmp_path: Path) -> None:
    directory = FaultyDirectory(open_directory(tmp_path))
    directory.create("key", private=True).close()
    directory.create("log").close()
    directory.rename("key", "key.pem")

    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "log").stat().st_mode & 0o400


def test_a_simulated_file_stays_private_when_power_is_lost() -> None:
    disk = SimulatedDirectory()
    disk.create("key", private=True).sync()
    disk.create("log").sync()
    disk.sync()

    after = disk.crash(random.Random(1), "dropped")

    assert (after.is_private("key"), after.is_private("log")) == (True, False)


def test_what_is_written_is_read(directory: Directory) -> None:
    file = directory.create("log")

    assert file.write(0, b"abcdef") == 6
    assert file.write(3, b"XY") == 2
    assert file.read(0, 6) == b"abcXYf"
    assert file.read(2, 2) == b"cX"
    assert file.size() == 6


def test_a_read_ends_where_the_file_ends(directory: Directory) -> None:
    put(directory, "log", b"abc")
    file = directory.open("log")

    assert file.read(2, 100) == b"c"
    assert file.read(3, 1) == file.read(100, 1) == file.read(0, 0) == b""


def test_a_write_behind_the_end_leaves_zeros(directory: Directory) -> None:
    file = directory.create("log")

    file.write(3, b"x")
    file.write(10, b"")

    assert file.read(0, 10) == b"\0\0\0x"


def test_sync_is_for_readers_too(directory: Directory) -> None:
    put(directory, "log", b"abc")

    directory.open("log").sync()
    directory.sync()

    assert content_of(directory, "log") == b"abc"


def test_a_file_is_allocated_with_zeros(directory: Directory) -> None:
    file = directory.create("log")
    file.write(0, b"abc")

    file.allocate(200_000)
    file.allocate(4)

    assert file.size() == 200_000
    assert file.read(0, 200_000) == b"abc" + bytes(199_997)


def test_a_file_is_cut(directory: Directory) -> None:
    file = directory.create("log")
    file.write(0, b"abcdef")

    file.truncate(2)
    assert file.read(0, 9) == b"ab"
    file.truncate(4)

    assert file.read(0, 9) == b"ab\0\0"


def test_a_closed_file_is_refused(directory: Directory) -> None:
    file = directory.create("log")
    file.close()
    file.close()

    calls: list[Callable[[], object]] = [
        file.size,
        lambda: file.read(0, 1),
        lambda: file.write(0, b"x"),
        file.sync,
        lambda: file.allocate(10),
        lambda: file.truncate(0),
    ]
    for call in calls:
        with pytest.raises(OSError, match="log") as caught:
            call()
        assert caught.value.errno == errno.EBADF


def test_a_file_open_to_read_is_not_changed(directory: Directory) -> None:
    put(directory, "log", b"abc")
    file = directory.open("log")

    with pytest.raises(OSError, match="log"):
        file.write(0, b"x")
    with pytest.raises(OSError, match="log"):
        file.truncate(0)
    with pytest.raises(OSError, match="log"):
        file.allocate(9)
    assert content_of(directory, "log") == b"abc"


def test_positions_are_not_negative(directory: Directory) -> None:
    file = directory.create("log")

    for call in (
        lambda: file.read(-1, 1),
        lambda: file.write(-1, b"x"),
        lambda: file.truncate(-1),
    ):
        with pytest.raises(OSError, match="log") as caught:
            call()
        assert caught.value.errno == errno.EINVAL


def test_two_handles_see_one_file(directory: Directory) -> None:
    writer, reader = directory.create("log"), directory.open("log")

    writer.write(0, b"abc")

    assert reader.read(0, 3) == b"abc"


def test_a_handle_follows_its_file(directory: Directory) -> None:
    file = directory.create("new")
    put(directory, "log", b"old")

    directory.rename("new", "log")
    file.write(0, b"follows")

    assert content_of(directory, "log") == b"follows"
    assert directory.list() == ["log"]
    directory.remove("log")
    assert file.read(0, 7) == b"follows"
    assert directory.list() == []


def test_a_name_is_made_once(directory: Directory) -> None:
    put(directory, "log", b"abc")

    with pytest.raises(FileExistsError, match="log"):
        directory.create("log")
    assert content_of(directory, "log") == b"abc"


def test_names_are_listed_in_order(directory: Directory) -> None:
    for name in ("b", "a", "c"):
        put(directory, name, b"")
    directory.make_directory("dir")
    put(directory, "dir/x", b"")

    assert directory.list() == ["a", "b", "c", "dir"]
    assert directory.list("dir") == ["x"]


def test_names_exist_or_not(directory: Directory) -> None:
    put(directory, "log", b"")
    directory.make_directory("a/b")

    assert directory.exists()
    assert directory.exists("log")
    assert directory.exists("a/b")
    assert not directory.exists("a/c")
    assert not directory.exists("nowhere/c")
    assert not directory.exists("log/c")


def test_directories_are_made_with_those_above(directory: Directory) -> None:
    directory.make_directory("a/b/c")
    directory.make_directory("a/b")
    directory.make_directory("")
    directory.make_directory("a/b/d")

    assert directory.list("a/b") == ["c", "d"]


def test_a_file_is_no_directory(directory: Directory) -> None:
    put(directory, "log", b"")

    with pytest.raises(FileExistsError, match="log"):
        directory.make_directory("log")
    with pytest.raises(NotADirectoryError, match="log"):
        directory.make_directory("log/x")
    with pytest.raises(NotADirectoryError, match="log"):
        directory.list("log")
    with pytest.raises(NotADirectoryError, match="log"):
        directory.sync("log")
    with pytest.raises(NotADirectoryError, match="log"):
        directory.create("log/x")
    with pytest.raises(NotADirectoryError, match="log"):
        directory.remove_directory("log")


def test_a_directory_is_no_file(directory: Directory) -> None:
    directory.make_directory("dir")
    put(directory, "log", b"abc")

    with pytest.raises(IsADirectoryError, match="dir"):
        directory.open("dir", writable=True)
    with pytest.raises(IsADirectoryError, match="dir"):
        directory.remove("dir")
    with pytest.raises(IsADirectoryError, match="dir"):
        directory.rename("log", "dir")
    assert directory.list() == ["dir", "log"]


def test_an_empty_directory_is_removed(directory: Directory) -> None:
    directory.make_directory("a/b")

    with pytest.raises(OSError, match="a") as caught:
        directory.remove_directory("a")
    assert caught.value.errno == errno.ENOTEMPTY
    directory.remove_directory("a/b")
    directory.remove_directory("a")

    assert directory.list() == []


def test_what_is_absent_is_named(directory: Directory) -> None:
    calls: list[Callable[[], object]] = [
        lambda: directory.open("absent"),
        lambda: directory.rename("absent", "other"),
        lambda: directory.remove("absent"),
        lambda: directory.remove_directory("absent"),
        lambda: directory.list("absent"),
        lambda: directory.sync("absent"),
        lambda: directory.create("absent/x"),
        lambda: directory.lock("absent/x", ""),
    ]
    for call in calls:
        with pytest.raises(FileNotFoundError, match="absent"):
            call()


def test_a_file_is_renamed_to_itself_and_to_another_directory(
    directory: Directory,
) -> None:
    directory.make_directory("a")
    put(directory, "log", b"abc")

    directory.rename("log", "log")
    directory.rename("log", "a/log")

    assert directory.list() == ["a"]
    assert content_of(directory, "a/log") == b"abc"


def test_whole_paths_end_with_the_name(directory: Directory) -> None:
    root = directory.describe()

    assert directory.describe("a/b") == f"{root}/a/b"


def test_the_loser_of_a_lock_reads_who_has_it(directory: Directory) -> None:
    lock = directory.lock("LOCK", "held by the first")

    assert not isinstance(lock, str)
    assert directory.lock("LOCK", "second") == "held by the first"
    assert content_of(directory, "LOCK") == b"held by the first"


def test_a_lock_is_free_when_released(directory: Directory) -> None:
    first = directory.lock("LOCK", "a long text of the first")
    assert not isinstance(first, str)
    first.release()
    second = directory.lock("LOCK", "second")
    assert not isinstance(second, str)

    first.release()

    assert directory.lock("LOCK", "third") == "second"
    assert directory.exists("LOCK")


def test_a_stale_text_stops_nobody(directory: Directory) -> None:
    put(directory, "LOCK", b"\xffprocess 1, long dead")

    assert not isinstance(directory.lock("LOCK", "new"), str)
    assert content_of(directory, "LOCK") == b"new"


# What is the operating system's alone.


def test_a_directory_need_not_be_there(tmp_path: Path) -> None:
    directory = open_directory(tmp_path / "a" / "b" / "db")
    assert not directory.exists()

    directory.make_directory("log")

    assert directory.list() == ["log"]


def test_directories_above_the_root_are_synced_when_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(files, "_sync_names", synced.append)
    directory = open_directory(tmp_path / "a" / "db")

    directory.make_directory("log")
    directory.make_directory("snap")

    assert synced == [str(tmp_path / "a"), str(tmp_path)]


def test_a_root_below_a_file_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath("file").write_bytes(b"")

    with pytest.raises(NotADirectoryError, match="file"):
        open_directory(tmp_path / "file" / "db").make_directory()


def test_a_relative_path_is_that_of_the_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    directory = open_directory("db")
    monkeypatch.chdir("/")

    directory.make_directory()

    assert tmp_path.joinpath("db").is_dir()


def test_zeros_are_written_where_nothing_allocates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def short_write(descriptor: int, data: bytes, position: int) -> int:
        sizes.append(len(data))
        return os.pwrite(descriptor, data[:50_000], position)

    monkeypatch.setattr(files, "_allocate", files._write_zeros)
    monkeypatch.setattr(files, "_write", short_write)
    file = open_directory(tmp_path).create("log")

    file.allocate(100_001)

    assert file.read(0, 200_000) == bytes(100_001)
    assert sizes == [65_536, 50_001, 1]


# Written and synced in one call.


def test_what_is_written_synced_is_there(directory: Directory) -> None:
    directory.make_directory()
    file = directory.create("log")
    file.write(0, b"before")

    assert file.write_synced(6, b", and after") == 11

    assert file.read(0, 99) == b"before, and after"
    file.close()


def test_a_synced_write_lasts_and_what_is_before_it_need_not() -> None:
    disk = SimulatedDirectory()
    file = disk.create("log")
    file.allocate(1 << 13)
    file.sync()
    disk.sync()
    file.write_synced(1 << 12, b"lasts")

    after = disk.crash(random.Random(1), "dropped").open("log")

    assert after.read(1 << 12, 5) == b"lasts"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_the_system_cannot_do_both_at_once_there_are_two_calls(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []

    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "pwritev", refuse, raising=False)
    monkeypatch.setattr(files, "_DSYNC", 2)
    monkeypatch.setattr(files, "_sync_data", synced.append)
    file = open_directory(tmp_path).create("log")

    assert file.write_synced(3, b"text") == 4

    assert len(synced) == 1
    assert file.read(0, 99) == b"\0\0\0text"


def test_without_such_a_call_there_are_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(files, "_DSYNC", None)
    monkeypatch.setattr(files, "_sync_data", synced.append)
    file = open_directory(tmp_path).create("log")

    assert file.write_synced(0, b"text") == 4
    assert len(synced) == 1


def test_a_synced_write_that_fails_is_not_tried_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "input/output error")

    def never(*_: object) -> int:
        raise AssertionError("written again")

    monkeypatch.setattr(os, "pwritev", fail, raising=False)
    monkeypatch.setattr(files, "_DSYNC", 2)
    monkeypatch.setattr(files, "_write", never)
    file = open_directory(tmp_path).create("log")

    with pytest.raises(OSError, match="log"):
        file.write_synced(0, b"text")


def test_a_failed_sync_of_a_directory_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "input/output error")

    directory = open_directory(tmp_path)
    directory.make_directory("log")
    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OSError, match="log"):
        directory.sync("log")


def test_a_number_of_a_closed_file_is_never_used_again(tmp_path: Path) -> None:
    directory = open_directory(tmp_path)
    closed = directory.create("closed")
    closed.close()
    other = directory.create("other")  # gets the number

    with pytest.raises(OSError, match="closed"):
        closed.write(0, b"x")
    closed.close()

    assert other.size() == 0


def test_a_lock_on_a_symlinked_path_is_the_same(tmp_path: Path) -> None:
    tmp_path.joinpath("db").mkdir()
    tmp_path.joinpath("link").symlink_to("db")

    lock = open_directory(tmp_path / "db").lock("LOCK", "by the path")

    assert isinstance(lock, OsLock)
    assert open_directory(tmp_path / "link").lock("LOCK", "") == "by the path"
    lock.release()


def test_a_lock_that_fails_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    directory = open_directory(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(files, "_write", fail)
        with pytest.raises(OSError, match="LOCK"):
            directory.lock("LOCK", "text")

    assert isinstance(directory.lock("LOCK", "text"), OsLock)


HOLDER = """
import sys
from qsdb.files import open_directory
lock = open_directory(sys.argv[1]).lock("LOCK", "the child")
print(lock if isinstance(lock, str) else "taken", flush=True)
sys.stdin.read()
"""


def start_program(code: str, path: Path) -> subprocess.Popen[str]:
    """Start a process that runs until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_lock_holds_against_another_process_until_it_is_killed(
    tmp_path: Path,
) -> None:
    directory = open_directory(tmp_path)
    with start_program(HOLDER, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "taken\n"

        assert directory.lock("LOCK", "") == "the child"
        holder.send_signal(signal.SIGKILL)
        holder.wait()

    lock = directory.lock("LOCK", "the parent")
    assert isinstance(lock, OsLock)
    with start_program(HOLDER, tmp_path) as holder:
        assert holder.communicate()[0] == "the parent\n"
    lock.release()


FORKER = """
import os
from qsdb.files import open_directory, process_id
from qsdb.forks import on_fork

directory = open_directory(".")
lock = directory.lock("LOCK", "the parent")
parent = process_id()
on_fork(lambda: print("told in the child:", process_id() != parent, flush=True))
to_child, from_parent = os.pipe()
to_parent, from_child = os.pipe()
if os.fork() == 0:
    lock.release()  # not the child's to give up
    print("child:", directory.lock("LOCK", ""), flush=True)
    os.write(from_child, b"x")
    os.read(to_child, 1)
    os._exit(0)
os.read(to_parent, 1)
print("parent:", directory.lock("LOCK", ""), flush=True)
lock.release()
lock = directory.lock("LOCK", "the parent again")
print("parent:", directory.lock("LOCK", ""), flush=True)
os.write(from_parent, b"x")
os.wait()
print("parent:", directory.lock("LOCK", ""), flush=True)
"""


@pytest.mark.slow
def test_a_forked_child_has_no_part_in_a_lock(tmp_path: Path) -> None:
    run = run_python("-c", FORKER, cwd=tmp_path)

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [
        "told in the child: True",
        "child: the parent",
        "parent: the parent",
        "parent: the parent again",
        "parent: the parent again",
    ]


ORPHAN = """
import os, sys
from qsdb.files import open_directory
lock = open_directory(sys.argv[1]).lock("LOCK", "the dead parent")
if os.fork() == 0:
    print("child", flush=True)
    sys.stdin.read()
    os._exit(0)
os._exit(0)
"""


@pytest.mark.slow
def test_a_child_that_lives_on_does_not_keep_the_lock(tmp_path: Path) -> None:
    with start_program(ORPHAN, tmp_path) as parent:
        assert parent.wait() == 0
        assert parent.stdout is not None
        assert parent.stdout.readline() == "child\n"

        lock = open_directory(tmp_path).lock("LOCK", "the next")

    assert isinstance(lock, OsLock)
    lock.release()


def test_a_lock_forgotten_after_a_fork_stays_locked(tmp_path: Path) -> None:
    directory = open_directory(tmp_path)
    lock = directory.lock("LOCK", "text")
    assert isinstance(lock, OsLock)
    copy = OsLock(os.dup(lock._descriptor))  # as a forked child has it

    copy._forget()
    copy._forget()
    copy.release()

    assert directory.lock("LOCK", "") == "text"
    lock.release()


def test_the_process_and_the_computer_have_names() -> None:
    assert process_id() == os.getpid()
    assert host_name() == os.uname().nodename
