"""``import qsdb`` is quick: it loads nothing that only some users need."""

from pathlib import Path

import pytest

from tests.support.programs import run_python

LATE = frozenset({"lark", "asyncio", "click", "hypothesis", "pytest", "rich"})
"""What must not be loaded before somebody asks for it."""


def loaded_late_modules(statement: str, cwd: Path) -> frozenset[str]:
    """Give those of `LATE` that are loaded after `statement` in a new process."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = run_python("-c", code, cwd=cwd)
    assert run.returncode == 0, run.stderr
    return LATE.intersection(run.stdout.split())


def test_import_loads_nothing_that_can_wait(tmp_path: Path) -> None:
    loaded = loaded_late_modules("import qsdb", tmp_path)

    assert loaded == set()


@pytest.mark.parametrize("name", sorted(LATE - {"pytest", "hypothesis"}))
def test_a_planted_import_is_seen(name: str, tmp_path: Path) -> None:
    loaded = loaded_late_modules(f"import {name}", tmp_path)

    assert name in loaded
