"""Following a source: where it is, and when following ends."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

import qsdb
from qsdb.cli.developing import Developing
from qsdb.cli.fresh_imports import import_afresh, sources_of, without_bytecode
from qsdb.cli.specs import Spec, load_specs, parse_spec
from qsdb.cli.targets import RequestError
from qsdb.cli.watching import Sources
from qsdb.errors import UsageError


@pytest.fixture(autouse=True)
def lone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a source of one file, and forget it afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "lone_shelf.py"
    file.write_text("import qsdb\nmodule = qsdb.Module('lone')\n")
    yield file
    sys.modules.pop("lone_shelf", None)


LONE = parse_spec("lone_shelf:module")


def test_a_source_of_one_file_is_that_file(lone: Path) -> None:
    load_specs([LONE])

    assert sources_of([LONE, LONE]) == Sources((), (str(lone),))


def test_a_source_in_no_file_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "made_up", types.ModuleType("made_up"))

    with pytest.raises(UsageError, match="the source of made_up is in no file"):
        sources_of([Spec(None, "made_up", "module")])


def test_a_failed_import_puts_the_old_modules_back(lone: Path) -> None:
    [(_, module)] = load_specs([LONE]).values()
    before = sys.modules["lone_shelf"]
    lone.write_text("import qsdb\nmodule = 7\n")

    with pytest.raises(qsdb.ArgumentError):
        import_afresh({"lone": LONE})

    assert sys.modules["lone_shelf"] is before
    lone.write_text("raise SystemExit\n")
    with pytest.raises(SystemExit):
        import_afresh({"lone": LONE})
    assert sys.modules["lone_shelf"] is before
    lone.write_text("import qsdb\nother = 1\nmodule = qsdb.Module('lone')\n")
    again = import_afresh({"lone": LONE})["lone"]
    assert again is not module


def test_the_name_of_a_database_stays(lone: Path) -> None:
    load_specs([LONE])
    lone.write_text("import qsdb\nmodule = qsdb.Module('renamed')\n")

    assert [*import_afresh({"lone": LONE})] == ["lone"]


def test_following_ends_with_the_database() -> None:
    [(_, module)] = load_specs([LONE]).values()
    told: list[str] = []
    database = qsdb.Database(module)
    developing = Developing(
        {"lone": (LONE, database)}, show=told.append, confirm=lambda _: False
    )
    developing.follow([1])
    database.close()

    developing.follow(iter([2, 3]))

    assert told == ["lone is published, with other functions"]


def test_bytecode_is_written_again_afterwards() -> None:
    before = sys.dont_write_bytecode

    with without_bytecode():
        assert sys.dont_write_bytecode

    assert sys.dont_write_bytecode is before


def test_an_error_names_the_place(lone: Path) -> None:
    lone.write_text("\nraise LookupError('x')\n")

    with pytest.raises(RequestError, match=r"lone_shelf.py:2: LookupError: x"):
        import_afresh({"lone": LONE})
