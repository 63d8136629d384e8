"""``import qsdb`` is quick: nothing is loaded before the program needs it."""

from pathlib import Path

import pytest

from tests.support.programs import run_python

LATE = frozenset({"lark", "asyncio", "click", "hypothesis", "pytest", "rich"})
"""What must not be loaded by a program that calls a reducer."""

OPENED = """
import qsdb
module = qsdb.Module("notes")
class Note(qsdb.Row, module=module):
    id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
    text: str
@module.reducer
def write(ctx: qsdb.ReducerContext, text: str) -> None:
    ctx.db[Note].insert(Note(text=text))
db = qsdb.Database(module)
db.call(write, "milk")
"""
"""A program that opens a database in memory and calls a reducer."""

SELDOM = (
    *("cli", "client", "generate", "protocol", "server", "testing"),
    *("recovery.dumping", "recovery.loading", "recovery.repairing"),
    *("recovery.verifying",),
)
"""Units and modules of qsdb that such a program needs nothing of."""


def loaded_modules(statement: str, cwd: Path) -> frozenset[str]:
    """Give the modules that are loaded after `statement` in a new process."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = run_python("-c", code, cwd=cwd)
    assert run.returncode == 0, run.stderr
    return frozenset(run.stdout.split())


def seldom_loaded(loaded: frozenset[str]) -> list[str]:
    """Give those of `loaded` that are, or belong to, something in `SELDOM`."""
    starts = tuple([f"qsdb.{each}." for each in SELDOM])
    return sorted([name for name in loaded if f"{name}.".startswith(starts)])


def test_import_loads_the_front_door_alone(tmp_path: Path) -> None:
    loaded = loaded_modules("import qsdb", tmp_path)

    assert {name for name in loaded if name.partition(".")[0] == "qsdb"} == {
        *("qsdb", "qsdb.front_doors")
    }
    assert loaded.isdisjoint({"attr", "cbor2", "sortedcontainers", *LATE})


def test_a_first_call_loads_nothing_that_can_wait(tmp_path: Path) -> None:
    loaded = loaded_modules(OPENED, tmp_path)

    assert "qsdb.runtime.database" in loaded
    assert loaded & LATE == set()
    assert seldom_loaded(loaded) == []


@pytest.mark.parametrize("name", sorted(LATE - {"pytest", "hypothesis"}))
def test_a_planted_import_is_seen(name: str, tmp_path: Path) -> None:
    assert name in loaded_modules(f"import {name}", tmp_path)


def test_a_planted_module_of_qsdb_is_seen(tmp_path: Path) -> None:
    loaded = loaded_modules("import qsdb.recovery.dumping", tmp_path)

    assert "qsdb.recovery.dumping" in seldom_loaded(loaded)
    assert "qsdb.recovery.headers" not in seldom_loaded(loaded)
