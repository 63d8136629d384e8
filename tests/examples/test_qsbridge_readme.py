"""What the example's README shows works as printed.

- A block marked ``python`` is a program of its own, run in an empty folder; the block
  marked ``text`` after it is what it prints.
- Each line of a block marked ``sh`` is run in that folder, in order, and ends well.
  ``<!-- not run: why -->`` before it has it checked only for what can be run.
- The table of reducers has each that clients may call, with its arguments.
- The list of what is in the audit log has each action that the code writes.
"""

import ast
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.qsbridge import platform
from examples.qsbridge.hosting.desk import PARTICIPLES
from qsdb.runtime.row_filters import check_filters
from tests.support.markdown import Block, blocks
from tests.support.programs import run_python
from tests.support.sources import ROOT

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"
PAGE = (ROOT / "examples" / "qsbridge" / "README.md").read_text(encoding="utf-8")
PROGRAMS = [
    (code, printed)
    for code, printed in zip(blocks(PAGE, "python"), blocks(PAGE, "text"), strict=True)
]
COMMANDS = blocks(PAGE, "sh")
_CALL = re.compile(r"`(\w+)\(([\w, ]*)\)`")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "printed"), PROGRAMS, ids=[code.section for code, _ in PROGRAMS]
)
def test_program_prints_what_the_page_says(
    code: Block, printed: Block, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(code.text, encoding="utf-8")

    run = run_python(str(program), cwd=tmp_path)

    assert (run.returncode, run.stderr, run.stdout) == (0, "", printed.text)


@pytest.mark.slow
@pytest.mark.skipif(
    not IS_NIGHTLY,
    reason="takes half a minute: for the long tier; each command has quick tests too",
)
@pytest.mark.parametrize(
    "block", COMMANDS, ids=[f"line {block.line}" for block in COMMANDS]
)
def test_commands_end_well(block: Block, tmp_path: Path) -> None:
    for line in block.text.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "python"
        if block.mark.startswith("not run: "):
            arguments = [*arguments[:3], "--help"]
        run = run_python(*arguments, cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        assert (run.stdout + run.stderr).strip()


def test_the_table_of_reducers_is_complete() -> None:
    reducers = platform.compiled(check_filters).reducers.values()
    expected = {
        each.name: [parameter.name for parameter in each.parameters.parameters]
        for each in reducers
        if not each.is_private
    }
    page = PAGE[PAGE.index("## Who may call what") : PAGE.index("## A game server's")]
    table = [line for line in page.splitlines() if line.startswith("| ")]
    found = {
        name: arguments.split(", ") if arguments else []
        for name, arguments in _CALL.findall("\n".join(table))
    }

    assert found == expected


def audited(tree: ast.AST) -> Iterator[str]:
    """Yield the actions that a source has written into the audit log."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Name(id="write_audit" | "_note"),
                args=[_, _, ast.Constant(value=str(action)), *_],
            ):
                yield action
            case ast.Call(
                func=ast.Name(id="write_audit"), args=[_, _, ast.JoinedStr(), *_]
            ):
                yield from (f"hosting_{order}" for order in PARTICIPLES)
            case _:
                pass


def test_the_list_of_what_is_in_the_audit_log_is_complete() -> None:
    folder = ROOT / "examples" / "qsbridge"
    written = {
        action
        for part in ("hub", "hosting")
        for file in (folder / part).rglob("*.py")
        for action in audited(ast.parse(file.read_text(encoding="utf-8")))
    }
    begin = PAGE.index("`panel_audit_log` has a row for each of these")
    listed = PAGE[begin : PAGE.index(". A ban or kick of", begin)]
    found = re.findall(r"`(\w+)`", listed)[1:]

    assert found == sorted(written)
