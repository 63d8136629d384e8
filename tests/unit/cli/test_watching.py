"""What is watched, and what counts as a change."""

import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qsdb.cli.watching import Sources, changes_of

Filter = Callable[[object, str], bool]
SECONDS = 30


class Watchfiles(types.ModuleType):
    """Stands for the library, and notes how it is used."""

    def __init__(self) -> None:
        super().__init__("watchfiles")
        self.paths: tuple[str, ...] = ()
        self.is_recursive = False

        def is_python(_: object, path: str) -> bool:
            return path.endswith(".py")

        self.PythonFilter: Callable[[], Filter] = lambda: is_python
        self.takes: Filter = is_python

    def watch(
        self,
        *paths: str,
        watch_filter: Filter,
        stop_event: threading.Event,
        raise_interrupt: bool,
        recursive: bool,
    ) -> Iterator[object]:
        assert not raise_interrupt
        self.paths, self.takes, self.is_recursive = paths, watch_filter, recursive
        return iter([stop_event])


def test_a_package_is_watched_with_all_that_is_in_it() -> None:
    library, stop = Watchfiles(), threading.Event()

    changes = changes_of(library, Sources(("/a/b", "/a/c"), ("/a/d.py",)), stop)

    assert [*changes] == [stop]
    assert library.paths == ("/a/b", "/a/c", "/a")
    assert library.is_recursive
    assert library.takes(1, "/a/b/deep/x.py")
    assert not library.takes(1, "/a/b/deep/x.txt")


def test_a_single_file_is_watched_through_its_folder() -> None:
    library = Watchfiles()
    sources = Sources((), ("/a/one.py", "/a/two.py"))

    changes_of(library, sources, threading.Event())

    assert library.paths == ("/a",)
    assert not library.is_recursive
    assert library.takes(1, "/a/two.py")
    assert not library.takes(1, "/a/other.py")


@pytest.mark.slow
def test_a_file_that_is_replaced_again_and_again_is_still_watched(
    tmp_path: Path,
) -> None:
    """As editors do it: what is new is put in the place of what was there."""
    library = pytest.importorskip("watchfiles")
    file, stop = tmp_path / "one.py", threading.Event()
    file.write_text("0")
    told = threading.Semaphore(0)

    def follow() -> None:
        for _ in changes_of(library, Sources((), (str(file),)), stop):
            told.release()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        for number in range(3):
            is_told = False
            for attempt in range(SECONDS):  # the first one may come before it watches
                new = tmp_path / "new"
                new.write_text(f"{number} {attempt}")
                new.replace(file)
                is_told = told.acquire(timeout=1)
                if is_told:
                    break
            assert is_told
    finally:
        stop.set()
        thread.join(SECONDS)
