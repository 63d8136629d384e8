"""What the example's README shows works as printed.

- A block marked ``python`` is a program of its own, run in an empty folder; the block
  marked ``text`` after it is what it prints.
- All blocks marked ``sh`` are one session of a shell, in the order of the page, in one
  folder. ``<!-- goes on: … -->`` before one: it is left running, as in a terminal of
  its own. ``<!-- not run: takes minutes -->``: its first command is made small.
- Commands in the prose are in such a block too, or are run after all of them.
- The table of reducers has each that clients may call, with its arguments.
- The list of what is in the audit log has each action that the code writes.
"""

import ast
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.qsbridge import platform
from examples.qsbridge.hosting.desk import PARTICIPLES
from qsdb.runtime.row_filters import check_filters
from tests.examples.hosting_server import KEY, says, serving
from tests.support.markdown import Block, blocks, prose
from tests.support.programs import run_python
from tests.support.sources import ROOT

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"
PAGE = (ROOT / "examples" / "qsbridge" / "README.md").read_text(encoding="utf-8")
PROGRAMS = [
    (code, printed)
    for code, printed in zip(blocks(PAGE, "python"), blocks(PAGE, "text"), strict=True)
]
COMMANDS = blocks(PAGE, "sh")
INLINE = dict.fromkeys(re.findall(r"`(python -m [^`]+)`", prose(PAGE)))
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


SMALL = "--servers=2 --players=20 --minutes=4"
"""Appended to a simulation that takes minutes; the last one of an option counts."""
GOES_ON = """\
{command} --port {port} > served.log 2>&1 &
SERVED=$!
trap 'kill $SERVED; wait $SERVED' EXIT
until grep -q "Ctrl-C ends it" served.log; do kill -0 $SERVED; sleep 0.1; done
"""


def session(port: int) -> str:
    """Give all commands of the page as a script of the shell."""
    parts = []
    for block in COMMANDS:
        text = block.text
        if block.mark.startswith("goes on: "):
            text = GOES_ON.format(command=text.strip(), port=port)
        elif block.mark.startswith("not run: "):
            first, *rest = text.splitlines()
            text = "\n".join([f"{first} {SMALL}", *rest, ""])
        parts.append(text)
    shown = {line for block in COMMANDS for line in block.text.splitlines()}
    return "".join([*parts, *[f"{each}\n" for each in INLINE if each not in shown]])


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.slow
@pytest.mark.skipif(
    not IS_NIGHTLY,
    reason="takes a minute: for the long tier; each command has quick tests too",
)
def test_all_commands_work_in_the_order_of_the_page(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o700)
    port, folder = free_port(), tmp_path / "here"
    folder.mkdir()
    with serving(says(200)) as provider:
        run = subprocess.run(
            ["/bin/sh", "-eux", "-c", session(port)],
            cwd=folder,
            env=os.environ
            | {
                "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "PYTHONIOENCODING": "utf-8",
                "QSDB_SERVER": f"http://127.0.0.1:{port}",
                "BISECT_API_KEY": KEY,
                "BISECT_API_URL": provider.url,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=900,
            check=False,
        )
        ordered = [request.path for request in provider.received]

    assert run.returncode == 0, run.stderr
    assert ordered == ["/api/servers/a1b2c3d4/restart"]
    assert "griefing" in run.stdout
    assert {"evening", "hub", "cluster"} <= {each.name for each in folder.iterdir()}


def test_commands_of_a_page_are_python() -> None:
    for block in COMMANDS:
        for line in block.text.splitlines():
            assert line.startswith(("python -m ", "export QSDB_")), line


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
