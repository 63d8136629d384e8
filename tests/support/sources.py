"""The project's files as text, for tests that read source."""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""


@functools.cache
def package_sources() -> dict[str, str]:
    """Give each file of qsdb: its path below the checkout → its text."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(ROOT.joinpath("qsdb").rglob("*.py"))
    }


def module_of(path: str) -> str:
    """Give the dotted name of the module in a file.

    >>> module_of("qsdb/values/kinds.py"), module_of("qsdb/values/__init__.py")
    ('qsdb.values.kinds', 'qsdb.values')
    """
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[int]:
    """Give the numbers of the lines that hold the docstring of `node`."""
    if ast.get_docstring(node) is None:
        return set()
    first = node.body[0]
    return set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
