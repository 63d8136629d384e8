"""A user's type checker says what it should, be it mypy or pyright.

``user_code/accepted.py`` passes in both checkers, each in strict mode. In
``user_code/rejected.py`` both report each line marked ``# error: …``, and no other.
"""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.sources import ROOT

pytestmark = pytest.mark.slow

USER_CODE = Path(__file__).parent / "user_code"
TIMEOUT_SECONDS = 300
"""The first run of pyright may have to fetch Node."""

MARK = "  # error: "

Reported = Mapping[int, str]
"""Number of a line → the first error that a checker reports there."""
Checker = Callable[[Path], Reported]


class CheckerError(Exception):
    """A checker did not get as far as checking."""


def run_mypy(file: Path) -> Reported:
    """Check a file with mypy alone, as strict as it gets."""
    result = _run(
        "mypy",
        *("--strict", "--output=json", "--follow-imports=silent"),
        *("--config-file=", f"--cache-dir={file.parent / 'mypy_cache'}", str(file)),
        cwd=file.parent,
    )
    if result.returncode not in (0, 1):
        raise CheckerError(result.stdout + result.stderr)
    found = [json.loads(line) for line in result.stdout.splitlines() if line]
    return _first_of_each_line(
        [(each["line"], each["message"]) for each in found if _is_error(each)]
    )


def run_pyright(file: Path) -> Reported:
    """Check a file with pyright alone, as strict as it gets."""
    config = file.parent / "pyrightconfig.json"
    config.write_text(
        json.dumps(
            {
                "include": [file.name],
                "extraPaths": [str(ROOT)],
                "typeCheckingMode": "strict",
            }
        )
    )
    result = _run(
        "pyright",
        *("--outputjson", "--pythonpath", sys.executable, "--project", str(config)),
        cwd=file.parent,
    )
    if result.returncode not in (0, 1):
        raise CheckerError(result.stdout + result.stderr)
    found = json.loads(result.stdout)["generalDiagnostics"]
    return _first_of_each_line(
        [
            (each["range"]["start"]["line"] + 1, each["message"])
            for each in found
            if _is_error(each)
        ]
    )


def _is_error(diagnostic: Mapping[str, object]) -> bool:
    return diagnostic["severity"] == "error"


def _first_of_each_line(errors: list[tuple[int, str]]) -> Reported:
    return dict(reversed(errors))


def _run(module: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a checker, with the checkout on its search path."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        env=os.environ | {"MYPYPATH": str(ROOT), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@functools.cache
def why_no_pyright() -> str:
    """Give the reason why pyright cannot run here, or an empty string.

    pyright is a program for Node, which its package finds on the PATH or fetches.
    """
    try:
        result = _run("pyright", "--version", cwd=ROOT)
    except subprocess.TimeoutExpired:
        return f"pyright did not start within {TIMEOUT_SECONDS} seconds"
    if result.returncode == 0:
        return ""
    lines = (result.stdout + result.stderr).strip().splitlines() or ["no output"]
    return f"pyright does not start (is Node here?): {lines[-1]}"


@pytest.fixture(params=[run_mypy, run_pyright], ids=["mypy", "pyright"])
def checker(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> Checker:
    """Give a checker; tell aloud where one is missing."""
    chosen: Checker = request.param
    if chosen is run_pyright and (reason := why_no_pyright()):
        with capsys.disabled():
            sys.stdout.write(f"\nNOT CHECKED: {request.node.nodeid}: {reason}\n")
        pytest.skip(reason)
    return chosen


def faults(text: str, reported: Reported) -> list[str]:
    """Compare what a checker reports with the marks in a source."""
    lines = text.splitlines()
    marked = {number for number, line in enumerate(lines, 1) if MARK in line}
    return [
        *(
            f"{n} is not reported: {lines[n - 1]}"
            for n in sorted(marked - set(reported))
        ),
        *(f"{n} is reported: {reported[n]}" for n in sorted(set(reported) - marked)),
    ]


def check(text: str, checker: Checker, folder: Path) -> list[str]:
    """Check a source in a folder of its own, as a user's file would be."""
    file = folder / "user_code.py"
    file.write_text(text, encoding="utf-8")
    return faults(text, checker(file))


@pytest.mark.parametrize("name", ["accepted", "rejected"])
def test_checker_reports_exactly_the_marked_lines(
    name: str, checker: Checker, tmp_path: Path
) -> None:
    text = USER_CODE.joinpath(f"{name}.py").read_text(encoding="utf-8")

    found = check(text, checker, tmp_path)

    assert found == [], "\n".join(found)


def test_accepted_code_has_no_marks() -> None:
    assert MARK not in USER_CODE.joinpath("accepted.py").read_text(encoding="utf-8")


def test_planted_marks_are_judged(checker: Checker, tmp_path: Path) -> None:
    text = (
        'expected: int = "x"  # error: a str\n'
        'unmarked: int = "x"\n'
        "accepted: int = 1  # error: there is none\n"
    )

    found = check(text, checker, tmp_path)

    assert [fault.partition(":")[0] for fault in found] == [
        "3 is not reported",
        "2 is reported",
    ]


def test_qsdb_is_found_from_user_code(checker: Checker, tmp_path: Path) -> None:
    text = (
        "from qsdb.errors import KindError\n"
        'KindError("t", "c", 1, 2)  # error: an int for a str\n'
        'raise KindError("t", "c", 1, "a str")\n'
    )

    found = check(text, checker, tmp_path)

    assert found == []
